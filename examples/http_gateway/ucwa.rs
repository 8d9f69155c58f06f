//! `[[backend]]` with `type = "ucwa"`: how a Lync or Skype for Business server is reached.
//!
//! ```toml
//! [[backend]]
//! type = "ucwa"
//! domain = "contoso.com"
//! root = "https://lyncdiscover.contoso.com/"      # else it is found as the domain says
//! hosts = ["contoso.local"]                       # where else the server may send us: pools have names of their own
//! ca_file = "/etc/switchboard/ca.pem"             # or pinned_sha256 = "…"; without either the system's roots
//! login = "CONTOSO\\{user}"                        # else the address itself
//! secrets = { directory = "/etc/switchboard/accounts" }
//! ```

use crate::account_secrets::AccountSecrets;
use crate::settings::{Given, Setting, Takes, add, length, put, setting, switch};
use crate::trust::Believed;
use switchboard::backend::ucwa::{Grant, Ucwa, UcwaConfig};

/// What is configured, as far as it was given; the connector has the defaults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// How to speak of it in an error.
    whence: String,
    domain: String,
    root: Option<String>,
    hosts: Vec<String>,
    trust: Believed,
    insecure_plain_http: bool,
    grant: Grant,
    login: Option<String>,
    user_agent: Option<String>,
    culture: Option<String>,
    message_length: Option<u32>,
    story_length: Option<u32>,
    secrets: Option<AccountSecrets>,
}

/// All settings of it; a dot is a table's.
#[rustfmt::skip]
pub(crate) const TABLE: &[Setting<Settings>] = &[
    setting("domain", "", Takes::Text, |to, text| put(&mut to.domain, Ok(text.to_owned()))),
    setting("root", "", Takes::Text, |to, text| put(&mut to.root, Ok(Some(text.to_owned())))),
    setting("hosts", "", Takes::List, |to, text| add(&mut to.hosts, Ok(text.to_owned()))),
    setting("ca_file", "", Takes::Text, |to, text| to.trust.ca_file(text)),
    setting("pinned_sha256", "", Takes::Text, |to, text| to.trust.pinned_sha256(text)),
    setting("insecure_any_certificate", "", Takes::Switch, |to, text| to.trust.insecure_any_certificate(text)),
    setting("insecure_plain_http", "", Takes::Switch, |to, text| put(&mut to.insecure_plain_http, switch(text))),
    setting("grant", "", Takes::Text, |to, text| put(&mut to.grant, match text {
        "password" => Ok(Grant::Password),
        "windows" => Ok(Grant::Windows),
        _ => Err("password or windows".to_owned()),
    })),
    setting("login", "", Takes::Text, |to, text| put(&mut to.login, login(text).map(Some))),
    setting("user_agent", "", Takes::Text, |to, text| put(&mut to.user_agent, Ok(Some(text.to_owned())))),
    setting("culture", "", Takes::Text, |to, text| put(&mut to.culture, Ok(Some(text.to_owned())))),
    setting("message_length", "", Takes::Number, |to, text| put(&mut to.message_length, length(text))),
    setting("story_length", "", Takes::Number, |to, text| put(&mut to.story_length, length(text))),
    setting("secrets.directory", "", Takes::Text, |to, text| put(&mut to.secrets, Ok(Some(AccountSecrets::Directory(text.into()))))),
    setting("secrets.file", "", Takes::Text, |to, text| put(&mut to.secrets, Ok(Some(AccountSecrets::List(text.into()))))),
];

impl Settings {
    /// The files that hold its secrets.
    pub(crate) fn private_files(&self) -> Vec<std::path::PathBuf> {
        self.secrets
            .iter()
            .flat_map(AccountSecrets::private_files)
            .collect()
    }

    /// What a `[[backend]]` says; `whence` is where it stands.
    pub(crate) fn new(whence: String, given: &[Given]) -> Result<Settings, String> {
        let mut settings = Settings {
            whence,
            ..Settings::default()
        };
        for given in given {
            given.set(TABLE, &mut settings)?;
        }
        settings.config().map(|_| settings)
    }

    /// The connector, once everything it will read at a dial could be read now.
    pub(crate) fn backend(&self) -> Result<Ucwa, String> {
        let read = || {
            if let Some(secrets) = &self.secrets {
                secrets.check()?;
            }
            self.trust.check()
        };
        read().map_err(|error| self.error(&error))?;
        Ucwa::new(self.config()?).map_err(|error| self.error(&error.to_string()))
    }

    fn error(&self, text: &str) -> String {
        format!("{}{text}", self.whence)
    }

    fn config(&self) -> Result<UcwaConfig, String> {
        if self.domain.is_empty() {
            return Err(self.error("a UCWA backend needs its domain"));
        }
        let secrets = self
            .secrets
            .clone()
            .ok_or_else(|| self.error("a UCWA backend needs the accounts' secrets"))?;
        let mut config = UcwaConfig::new(&self.domain, secrets).grant(self.grant);
        config = config.lengths_max(
            self.message_length.unwrap_or(8000),
            self.story_length.unwrap_or(32_000),
        );
        config = self.hosts.iter().fold(config, UcwaConfig::host);
        if let Some(root) = &self.root {
            config = config.root(root);
        }
        if let Some(name) = &self.user_agent {
            config = config.user_agent(name);
        }
        if let Some(culture) = &self.culture {
            config = config.culture(culture);
        }
        if let Some(template) = self.login.clone() {
            config = config.login(move |address| filled(&template, address));
        }
        if self.insecure_plain_http {
            config = config.insecure_plain_http();
        }
        if let Some(trust) = self.trust.trust().map_err(|error| self.error(&error))? {
            config = config.trust(trust);
        }
        // What is wrong with it is found by the connector; it opens nothing.
        Ucwa::new(config.clone())
            .map_err(|error| self.error(&error.to_string()))
            .map(|_| config)
    }
}

/// A login name with places for what is an account's own.
fn login(text: &str) -> Result<String, String> {
    let rest = text.replace("{user}", "").replace("{address}", "");
    let fine = rest != text && !rest.contains(['{', '}']);
    if fine {
        Ok(text.to_owned())
    } else {
        Err("a text with {user} or {address}, as CONTOSO\\{user}".to_owned())
    }
}

fn filled(template: &str, address: &str) -> String {
    let user = address.split('@').next().unwrap_or(address);
    // An address has no braces, so the order does not matter.
    template
        .replace("{user}", user)
        .replace("{address}", address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names() {
        assert_eq!(
            filled(&login("CONTOSO\\{user}").expect("fine"), "bot@contoso.com"),
            "CONTOSO\\bot"
        );
        assert_eq!(
            filled(&login("{address}").expect("fine"), "bot@contoso.com"),
            "bot@contoso.com"
        );
        for text in ["", "CONTOSO\\bot", "{user", "{name}", "{user}}"] {
            assert!(login(text).is_err(), "{text}");
        }
    }
}
