//! An XMPP service as a configuration file describes it.
//!
//! ```toml
//! domain = "example.org"
//! rooms_host = "rooms.example.org"
//! ca_file = "/etc/switchboard/ca.pem"     # or pinned_sha256 = "…"; without either the system's roots
//!
//! [component]                             # agents of this domain share one connection
//! domain = "agents.example.org"
//! host = "127.0.0.1"
//! secret = { file = "/etc/switchboard/component" }
//!
//! [accounts]                              # all others have one each
//! secrets = { directory = "/etc/switchboard/accounts" }
//! ```
//!
//! Rejected: `Deserialize` on the fields of [`XmppConfig`] itself. Three keys become one `Trust`,
//! the default of one key is made of another, and `serde` has no unknown fields beside flattened
//! ones.

use super::{Accounts, Component, Security, XmppConfig};
use crate::backend::document::{length, pin, port, texts, trust};
use crate::backend::{AccountSecrets, Size, StoredSecret};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::PathBuf;

/// The keys of the document; the defaults are those of [`XmppConfig`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    domain: String,
    rooms_host: Option<String>,
    upload_host: Option<String>,
    #[serde(default, deserialize_with = "texts")]
    file_hosts: Vec<String>,
    upload_size: Option<Size>,
    #[serde(default, deserialize_with = "length")]
    message_length: Option<u32>,
    #[serde(default, deserialize_with = "length")]
    story_length: Option<u32>,
    resource: Option<String>,
    approve_subscriptions: Option<bool>,
    ca_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "pin")]
    pinned_sha256: Option<[u8; 32]>,
    #[serde(default)]
    insecure_any_certificate: bool,
    component: Option<ComponentKeys>,
    accounts: Option<AccountsKeys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [backend.component]")]
struct ComponentKeys {
    domain: String,
    host: Option<String>,
    #[serde(default, deserialize_with = "port")]
    port: Option<u16>,
    security: Option<Security>,
    secret: StoredSecret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [backend.accounts]")]
struct AccountsKeys {
    host: Option<String>,
    #[serde(default, deserialize_with = "port")]
    port: Option<u16>,
    security: Option<Security>,
    secrets: AccountSecrets,
}

impl TryFrom<Document> for XmppConfig {
    type Error = Error;

    fn try_from(document: Document) -> Result<XmppConfig> {
        let trust = trust(
            document.ca_file,
            document.pinned_sha256,
            document.insecure_any_certificate,
        )?;
        let plain = XmppConfig::new(document.domain);
        let message = document.message_length.unwrap_or(plain.message_length_max);
        let story = document.story_length.unwrap_or(plain.story_length_max);
        let mut config = plain.lengths_max(message, story).trust(trust);
        config = document
            .file_hosts
            .iter()
            .fold(config, XmppConfig::file_host);
        if let Some(host) = document.rooms_host {
            config = config.rooms_host(host);
        }
        if let Some(resource) = document.resource {
            config = config.resource(resource);
        }
        if let Some(Size(bytes)) = document.upload_size {
            config = config.upload_bytes_max(bytes);
        }
        if let Some(approves) = document.approve_subscriptions {
            config = config.approve_subscriptions(approves);
        }
        config.upload_host = document.upload_host;
        if let Some(keys) = document.component {
            config = config.component(component(keys)?);
        }
        if let Some(keys) = document.accounts {
            let accounts = accounts(keys, &config.domain)?;
            config = config.accounts(accounts);
        }
        config.check().map(|()| config)
    }
}

fn component(keys: ComponentKeys) -> Result<Component> {
    let host = keys.host.unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = keys.port.unwrap_or(5347);
    let mut component = Component::new(keys.domain, host, port, keys.secret);
    if let Some(security) = keys.security {
        component = component.security(security);
    }
    on_this_machine(component.security, &component.host).map(|()| component)
}

fn accounts(keys: AccountsKeys, domain: &str) -> Result<Accounts> {
    let mut accounts = Accounts::new(keys.secrets);
    if let Some(security) = keys.security {
        accounts = accounts.security(security);
    }
    accounts.host = keys.host;
    accounts.port = keys.port;
    let host = accounts.host.as_deref().unwrap_or(domain);
    on_this_machine(accounts.security, host).map(|()| accounts)
}

/// Refuses an address of another machine without TLS. A name is resolved only at the dial.
fn on_this_machine(security: Security, host: &str) -> Result<()> {
    match host.parse::<IpAddr>() {
        Ok(address) if security == Security::PlainLoopback && !address.is_loopback() => {
            Err(Error::Invalid(format!(
                "a connection without TLS is allowed to this machine only, and {address} is another; \
                 set security to direct-tls, or to insecure-plaintext"
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Trust;
    use serde_json::json;

    fn read(document: serde_json::Value) -> Result<XmppConfig, serde_json::Error> {
        serde_json::from_value(document)
    }

    #[test]
    fn the_defaults_are_those_of_the_builder() {
        let secret = json!({"file": "/none/component"});
        let component = json!({"domain": "agents.im.test", "secret": secret});
        let config = read(json!({"domain": "im.test", "component": component})).expect("enough");
        let component = config.component.as_ref().expect("given");
        assert_eq!(
            (component.host.as_str(), component.port),
            ("127.0.0.1", 5347)
        );
        assert_eq!(component.security, Security::PlainLoopback);
        assert_eq!(config.rooms_host, "rooms.im.test");
        assert_eq!(
            (config.message_length_max, config.story_length_max),
            (8000, 32_000)
        );
        assert!(config.approves && config.accounts.is_none());
        assert_eq!(config.private_files(), [PathBuf::from("/none/component")]);
        assert!(config.check_files().is_err(), "the secret cannot be read");
    }

    #[test]
    fn every_key_counts() {
        let config = read(json!({
            "domain": "im.test", "rooms_host": "chat.im.test", "upload_host": "up.im.test",
            "file_hosts": ["s3.example.org"], "upload_size": "1MiB", "message_length": 10,
            "story_length": 20, "resource": "two", "approve_subscriptions": false,
            "ca_file": "/none/ca.pem",
            "accounts": {
                "host": "127.0.0.1", "port": 5223, "security": "direct-tls",
                "secrets": {"directory": "/none/accounts"},
            },
        }));
        let config = config.expect("all of it");
        assert_eq!(
            (&*config.rooms_host, &*config.resource),
            ("chat.im.test", "two")
        );
        assert_eq!(config.upload_host.as_deref(), Some("up.im.test"));
        assert_eq!(
            (config.upload_bytes_max, config.file_hosts.len()),
            (1 << 20, 1)
        );
        assert_eq!(
            (config.message_length_max, config.story_length_max),
            (10, 20)
        );
        assert!(!config.approves && matches!(config.trust, Trust::CaFile(_)));
        let accounts = config.accounts.expect("given");
        assert_eq!(
            (accounts.host.as_deref(), accounts.port),
            (Some("127.0.0.1"), Some(5223))
        );
        assert_eq!(accounts.security, Security::DirectTls);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let secret = json!({"env": "SECRET"});
        let component = json!({"domain": "agents.im.test", "secret": secret});
        let fine = json!({"domain": "im.test", "component": component});
        read(fine.clone()).expect("fine");
        let changed = |path: &str, value: serde_json::Value| {
            let mut changed = fine.clone();
            let (folder, key) = path.rsplit_once('/').expect("a path");
            changed.pointer_mut(folder).expect("a table")[key] = value;
            changed
        };
        for (document, error) in [
            (changed("/domian", json!("x")), "unknown field `domian`"),
            (
                changed("/component/hots", json!("x")),
                "unknown field `hots`",
            ),
            (
                changed("/component/host", json!("192.0.2.1")),
                "this machine only",
            ),
            (
                changed("/component/security", json!("starttls")),
                "no STARTTLS",
            ),
            (changed("/component/port", json!(0)), "1 to 65535"),
            (
                changed("/component/secret", json!("hunter2")),
                "does not belong",
            ),
            (
                changed("/component", json!({"domain": "a.b"})),
                "missing field `secret`",
            ),
            (
                changed("/component", json!({"secret": secret})),
                "missing field `domain`",
            ),
            (
                changed("/component", json!(null)),
                "needs a component or accounts",
            ),
            (
                changed("/message_length", json!(0)),
                "1 to 60,000 characters",
            ),
            (
                changed("/story_length", json!(60_001)),
                "1 to 60,000 characters",
            ),
            (changed("/rooms_host", json!("a@b")), "is not a domain"),
            (
                changed("/insecure_any_certificate", json!("yes")),
                "a boolean",
            ),
        ] {
            let found = read(document).expect_err(error).to_string();
            assert!(
                found.contains(error) && !found.contains("hunter2"),
                "{found}"
            );
        }
        let mut both = changed("/ca_file", json!("x"));
        both["insecure_any_certificate"] = json!(true);
        let found = read(both).expect_err("two ways").to_string();
        assert!(found.contains("exclude each other"), "{found}");
    }
}
