//! A Lync or Skype for Business server as a configuration file describes it.
//!
//! ```toml
//! domain = "contoso.com"
//! root = "https://lyncdiscover.contoso.com/"      # else it is found by the domain
//! hosts = ["contoso.local"]                       # further hosts: pools have names of their own
//! ca_file = "/etc/switchboard/ca.pem"             # or pinned_sha256 = "…"; else the system's roots
//! login = "CONTOSO\\{user}"                       # else the address itself
//! secrets = { directory = "/etc/switchboard/accounts" }
//! ```
//!
//! Rejected: `Deserialize` on the fields of [`UcwaConfig`] itself; three keys become one `Trust`,
//! and `serde` has no unknown fields beside flattened ones.

use super::{FirstMessage, Grant, TlsLibrary, UcwaConfig};
use crate::backend::AccountSecrets;
use crate::backend::document::{length, pin, texts, trust};
use crate::backend::settings::wrong;
use crate::error::{Error, Result};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::path::PathBuf;

/// The keys of the document; the defaults are those of [`UcwaConfig`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    domain: String,
    root: Option<String>,
    #[serde(default, deserialize_with = "texts")]
    hosts: Vec<String>,
    ca_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "pin")]
    pinned_sha256: Option<[u8; 32]>,
    #[serde(default)]
    insecure_any_certificate: bool,
    #[serde(default)]
    tls: TlsLibrary,
    first_message: Option<FirstMessage>,
    #[serde(default)]
    insecure_plain_http: bool,
    #[serde(default)]
    grant: Grant,
    login: Option<LoginTemplate>,
    user_agent: Option<String>,
    culture: Option<String>,
    #[serde(default, deserialize_with = "length")]
    message_length: Option<u32>,
    #[serde(default, deserialize_with = "length")]
    story_length: Option<u32>,
    secrets: AccountSecrets,
}

impl TryFrom<Document> for UcwaConfig {
    type Error = Error;

    fn try_from(document: Document) -> Result<UcwaConfig> {
        let trust = trust(
            document.ca_file,
            document.pinned_sha256,
            document.insecure_any_certificate,
        )?;
        let plain = UcwaConfig::new(document.domain, document.secrets);
        let message = document.message_length.unwrap_or(plain.message_length_max);
        let story = document.story_length.unwrap_or(plain.story_length_max);
        let mut config = plain.lengths_max(message, story).trust(trust);
        config = document.hosts.iter().fold(config, UcwaConfig::host);
        if let Some(name) = document.user_agent {
            config = config.user_agent(name);
        }
        if let Some(culture) = document.culture {
            config = config.culture(culture);
        }
        if let Some(template) = document.login {
            config = config.login(move |address| template.filled(address));
        }
        if document.insecure_plain_http {
            config = config.insecure_plain_http();
        }
        config.root = document.root;
        config.grant = document.grant;
        config.tls = document.tls;
        config.first_message = document.first_message;
        config.check().map(|()| config)
    }
}

/// A login name with `{user}` or `{address}` where the account's own goes.
struct LoginTemplate(String);

impl LoginTemplate {
    fn parse(text: &str) -> Option<LoginTemplate> {
        let rest = text.replace("{user}", "").replace("{address}", "");
        let fine = rest != text && !rest.contains(['{', '}']);
        fine.then(|| LoginTemplate(text.to_owned()))
    }

    fn filled(&self, address: &str) -> String {
        let user = address.split('@').next().unwrap_or(address);
        // An address has no braces, so the order does not matter.
        self.0.replace("{user}", user).replace("{address}", address)
    }
}

impl<'de> Deserialize<'de> for LoginTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LoginTemplate, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let template = value.as_str().and_then(LoginTemplate::parse);
        template.ok_or_else(|| {
            wrong(
                &value,
                "a text with {user} or {address}, as CONTOSO\\{user}",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Trust;
    use crate::backend::ucwa::protocol::address::Sip;
    use serde_json::json;

    fn read(document: serde_json::Value) -> Result<UcwaConfig, serde_json::Error> {
        serde_json::from_value(document)
    }

    #[test]
    fn login_names() {
        let filled = |template: &str| {
            let template = LoginTemplate::parse(template).expect(template);
            template.filled("bot@contoso.com")
        };
        assert_eq!(filled("CONTOSO\\{user}"), "CONTOSO\\bot");
        assert_eq!(filled("{address}"), "bot@contoso.com");
        for text in ["", "CONTOSO\\bot", "{user", "{name}", "{user}}"] {
            assert!(LoginTemplate::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn every_key_counts() {
        let config = read(json!({
            "domain": "contoso.com", "root": "https://lyncdiscover.contoso.com/",
            "hosts": ["contoso.local"], "pinned_sha256": "00ff".repeat(16), "grant": "windows",
            "login": "CONTOSO\\{user}", "user_agent": "gateway", "culture": "de-DE",
            "message_length": 10, "story_length": 20, "tls": "rustls", "first_message": "after-connect",
            "secrets": {"directory": "/none/accounts"},
        }));
        let config = config.expect("all of it");
        assert_eq!(
            config.root.as_deref(),
            Some("https://lyncdiscover.contoso.com/")
        );
        assert_eq!((config.hosts.len(), config.grant), (1, Grant::Windows));
        assert!(matches!(config.trust, Trust::PinnedSha256(_)) && !config.insecure_plain_http);
        assert_eq!(
            (&*config.user_agent, &*config.culture),
            ("gateway", "de-DE")
        );
        assert_eq!(
            (config.message_length_max, config.story_length_max),
            (10, 20)
        );
        assert_eq!(config.first_message_of(false), FirstMessage::AfterConnect);
        assert_eq!(config.tls, TlsLibrary::Rustls);
        let sip = Sip::parse("sip:bot@contoso.com").expect("an address");
        assert_eq!(config.login_of(&sip), "CONTOSO\\bot");
        assert_eq!(
            config.private_files(),
            [PathBuf::from("/none/accounts/an-account")]
        );
        assert!(config.check_files().is_err(), "the folder is not there");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let fine = json!({"domain": "contoso.com", "secrets": {"file": "/none/list"}});
        read(fine.clone()).expect("fine");
        for (key, value, error) in [
            ("rooms_host", json!("x"), "unknown field `rooms_host`"),
            ("secrets", json!("hunter2"), "do not belong"),
            ("secrets", json!({}), "do not belong"),
            ("login", json!("CONTOSO"), "{user}"),
            ("grant", json!("ntlm"), "unknown variant `ntlm`"),
            ("root", json!("http://192.0.2.1/"), "this machine only"),
            (
                "hosts",
                json!(["https://contoso.local/"]),
                "is not a domain",
            ),
            ("message_length", json!(0), "1 to 60,000 characters"),
            ("pinned_sha256", json!("00ff"), "64 hexadecimal digits"),
        ] {
            let mut wrong = fine.clone();
            wrong[key] = value;
            let found = read(wrong).expect_err(key).to_string();
            assert!(
                found.contains(error) && !found.contains("hunter2"),
                "{found}"
            );
        }
        for (key, error) in [
            ("domain", "missing field `domain`"),
            ("secrets", "missing field `secrets`"),
        ] {
            let mut wrong = fine.clone();
            wrong.as_object_mut().expect("a table").remove(key);
            let found = read(wrong).expect_err(key).to_string();
            assert!(found.contains(error), "{found}");
        }
    }
}
