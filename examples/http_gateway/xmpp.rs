//! `[[backend]]` with `type = "xmpp"`, and `--xmpp-component`: how an XMPP service is reached.
//!
//! ```toml
//! [[backend]]
//! type = "xmpp"
//! domain = "example.org"
//! rooms_host = "rooms.example.org"
//! ca_file = "/etc/switchboard/ca.pem"     # or pinned_sha256 = "…"; without either the system's roots
//!
//! [backend.component]                     # agents of this domain share one connection
//! domain = "agents.example.org"
//! host = "127.0.0.1"
//! secret = { file = "/etc/switchboard/component" }
//!
//! [backend.accounts]                      # all others have one each
//! secrets = { directory = "/etc/switchboard/accounts" }
//! ```

use crate::account_secrets::{AccountSecrets, ComponentSecret};
use crate::secret::Source;
use crate::settings::{Given, Setting, Takes, add, length, put, setting, size, switch};
use crate::trust::Believed;
use std::net::IpAddr;
use std::path::PathBuf;
use switchboard::backend::xmpp::{Accounts, Component, Security, Xmpp, XmppConfig};

/// What is configured, as far as it was given; the connector has the defaults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// How to speak of it in an error.
    whence: String,
    domain: String,
    rooms_host: Option<String>,
    upload_host: Option<String>,
    file_hosts: Vec<String>,
    upload_size: Option<u64>,
    message_length: Option<u32>,
    story_length: Option<u32>,
    resource: Option<String>,
    refuse_subscriptions: bool,
    trust: Believed,
    component: Option<Line>,
    component_domain: String,
    component_secret: Option<Source>,
    accounts: Option<Line>,
    account_secrets: Option<AccountSecrets>,
}

/// Where a connection goes, and how.
#[derive(Debug, Clone, Default)]
struct Line {
    host: Option<String>,
    port: Option<u16>,
    security: Option<Security>,
}

/// All settings of it; a dot is a table's.
#[rustfmt::skip]
pub(crate) const TABLE: &[Setting<Settings>] = &[
    setting("domain", "", Takes::Text, |to, text| put(&mut to.domain, Ok(text.to_owned()))),
    setting("rooms_host", "", Takes::Text, |to, text| put(&mut to.rooms_host, Ok(Some(text.to_owned())))),
    setting("upload_host", "", Takes::Text, |to, text| put(&mut to.upload_host, Ok(Some(text.to_owned())))),
    setting("file_hosts", "", Takes::List, |to, text| add(&mut to.file_hosts, Ok(text.to_owned()))),
    setting("upload_size", "", Takes::Size, |to, text| put(&mut to.upload_size, size(text).map(Some))),
    setting("message_length", "", Takes::Number, |to, text| put(&mut to.message_length, length(text))),
    setting("story_length", "", Takes::Number, |to, text| put(&mut to.story_length, length(text))),
    setting("resource", "", Takes::Text, |to, text| put(&mut to.resource, Ok(Some(text.to_owned())))),
    setting("approve_subscriptions", "", Takes::Switch, |to, text| put(&mut to.refuse_subscriptions, switch(text).map(|on| !on))),
    setting("ca_file", "", Takes::Text, |to, text| to.trust.ca_file(text)),
    setting("pinned_sha256", "", Takes::Text, |to, text| to.trust.pinned_sha256(text)),
    setting("insecure_any_certificate", "", Takes::Switch, |to, text| to.trust.insecure_any_certificate(text)),
    setting("component.domain", "", Takes::Text, |to, text| {
        to.component.get_or_insert_default();
        put(&mut to.component_domain, Ok(text.to_owned()))
    }),
    setting("component.host", "", Takes::Text, |to, text| put(&mut to.component.get_or_insert_default().host, Ok(Some(text.to_owned())))),
    setting("component.port", "", Takes::Number, |to, text| put(&mut to.component.get_or_insert_default().port, port(text))),
    setting("component.security", "", Takes::Text, |to, text| put(&mut to.component.get_or_insert_default().security, match security(text)? {
        Security::StartTls => Err("direct-tls, plain-loopback or insecure-plaintext: components have no STARTTLS".to_owned()),
        other => Ok(Some(other)),
    })),
    setting("component.secret.file", "", Takes::Text, |to, text| put(&mut to.component_secret, Ok(Some(Source::File(text.into()))))),
    setting("component.secret.env", "", Takes::Text, |to, text| put(&mut to.component_secret, Ok(Some(Source::Variable(text.to_owned()))))),
    setting("accounts.host", "", Takes::Text, |to, text| put(&mut to.accounts.get_or_insert_default().host, Ok(Some(text.to_owned())))),
    setting("accounts.port", "", Takes::Number, |to, text| put(&mut to.accounts.get_or_insert_default().port, port(text))),
    setting("accounts.security", "", Takes::Text, |to, text| put(&mut to.accounts.get_or_insert_default().security, security(text).map(Some))),
    setting("accounts.secrets.directory", "", Takes::Text, |to, text| {
        to.accounts.get_or_insert_default();
        put(&mut to.account_secrets, Ok(Some(AccountSecrets::Directory(text.into()))))
    }),
    setting("accounts.secrets.file", "", Takes::Text, |to, text| {
        to.accounts.get_or_insert_default();
        put(&mut to.account_secrets, Ok(Some(AccountSecrets::List(text.into()))))
    }),
];

impl Settings {
    /// The files that hold its secrets.
    pub(crate) fn private_files(&self) -> Vec<PathBuf> {
        let accounts = self
            .account_secrets
            .iter()
            .flat_map(AccountSecrets::private_files);
        accounts
            .chain(self.component_secret.as_ref().and_then(Source::file))
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

    /// `HOST:PORT,DOMAIN,SECRETFILE`: the service is that of the domain above the component's.
    pub(crate) fn shorthand(text: &str) -> Result<Settings, String> {
        let expected = "HOST:PORT,DOMAIN,SECRETFILE, as 127.0.0.1:5347,agents.example.org,/etc/switchboard/component";
        let mut parts = text.splitn(3, ',');
        let (Some(place), Some(domain), Some(file)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(expected.to_owned());
        };
        let (host, number) = place.rsplit_once(':').ok_or(expected)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let Some((_, above)) = domain
            .split_once('.')
            .filter(|_| !host.is_empty() && !file.is_empty())
        else {
            return Err(expected.to_owned());
        };
        let line = Line {
            host: Some(host.to_owned()),
            port: port(number)?,
            security: None,
        };
        let settings = Settings {
            whence: "--xmpp-component: ".to_owned(),
            domain: above.to_owned(),
            component: Some(line),
            component_domain: domain.to_owned(),
            component_secret: Some(Source::File(PathBuf::from(file))),
            ..Settings::default()
        };
        settings.config().map(|_| settings)
    }

    /// The connector, once everything it will read at a dial could be read now.
    pub(crate) fn backend(&self) -> Result<Xmpp, String> {
        let read = || {
            if let Some(source) = &self.component_secret {
                source.read()?;
            }
            if let Some(secrets) = &self.account_secrets {
                secrets.check()?;
            }
            self.trust.check()
        };
        read().map_err(|error| self.error(&error))?;
        Xmpp::new(self.config()?).map_err(|error| self.error(&error.to_string()))
    }

    fn error(&self, text: &str) -> String {
        format!("{}{text}", self.whence)
    }

    fn config(&self) -> Result<XmppConfig, String> {
        if self.domain.is_empty() {
            return Err(self.error("an XMPP backend needs its domain"));
        }
        let mut config =
            XmppConfig::new(&self.domain).approve_subscriptions(!self.refuse_subscriptions);
        config = config.lengths_max(
            self.message_length.unwrap_or(8000),
            self.story_length.unwrap_or(32_000),
        );
        if let Some(host) = &self.rooms_host {
            config = config.rooms_host(host);
        }
        if let Some(host) = &self.upload_host {
            config = config.upload_host(host);
        }
        config = self
            .file_hosts
            .iter()
            .fold(config, |config, host| config.file_host(host));
        if let Some(bytes) = self.upload_size {
            config = config.upload_bytes_max(bytes);
        }
        if let Some(resource) = &self.resource {
            config = config.resource(resource);
        }
        if let Some(trust) = self.trust.trust().map_err(|error| self.error(&error))? {
            config = config.trust(trust);
        }
        if let Some(line) = &self.component {
            config = config.component(self.component(line)?);
        } else if self.component_secret.is_some() {
            return Err(self.error("a component needs its domain"));
        }
        if let Some(line) = &self.accounts {
            config = config.accounts(self.accounts(line)?);
        }
        // What is wrong with it is found by the connector; it opens nothing.
        Xmpp::new(config.clone())
            .map_err(|error| self.error(&error.to_string()))
            .map(|_| config)
    }

    fn component(&self, line: &Line) -> Result<Component, String> {
        let secret = self
            .component_secret
            .clone()
            .ok_or_else(|| self.error("a component needs its secret"))?;
        if self.component_domain.is_empty() {
            return Err(self.error("a component needs its domain"));
        }
        let host = line.host.as_deref().unwrap_or("127.0.0.1");
        let security = line.security.unwrap_or(Security::PlainLoopback);
        self.on_this_machine(security, host)?;
        let component = Component::new(
            &self.component_domain,
            host,
            line.port.unwrap_or(5347),
            ComponentSecret(secret),
        );
        Ok(component.security(security))
    }

    fn accounts(&self, line: &Line) -> Result<Accounts, String> {
        let secrets = self
            .account_secrets
            .clone()
            .ok_or_else(|| self.error("accounts need their secrets"))?;
        let security = line.security.unwrap_or(Security::StartTls);
        self.on_this_machine(security, line.host.as_deref().unwrap_or(&self.domain))?;
        let mut accounts = Accounts::new(secrets).security(security);
        if let Some(host) = &line.host {
            accounts = accounts.host(host);
        }
        if let Some(port) = line.port {
            accounts = accounts.port(port);
        }
        Ok(accounts)
    }

    /// An address that is not of this machine is found out now; what a name stands for, at the dial.
    fn on_this_machine(&self, security: Security, host: &str) -> Result<(), String> {
        match host.parse::<IpAddr>() {
            Ok(address) if security == Security::PlainLoopback && !address.is_loopback() => {
                Err(self.error(&format!(
                    "without TLS a connection goes to this machine only, and {address} is another; \
                 set security to direct-tls, or to insecure-plaintext"
                )))
            }
            _ => Ok(()),
        }
    }
}

fn security(text: &str) -> Result<Security, String> {
    match text {
        "starttls" => Ok(Security::StartTls),
        "direct-tls" => Ok(Security::DirectTls),
        "plain-loopback" => Ok(Security::PlainLoopback),
        "insecure-plaintext" => Ok(Security::InsecurePlaintext),
        _ => Err("starttls, direct-tls, plain-loopback or insecure-plaintext".to_owned()),
    }
}

fn port(text: &str) -> Result<Option<u16>, String> {
    text.parse()
        .ok()
        .filter(|port| *port > 0)
        .map(Some)
        .ok_or_else(|| "a port from 1 to 65535".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorthand() {
        for text in [
            "127.0.0.1:5347,agents.example.org,/etc/secret",
            "[::1]:5347,agents.example.org,a,b",
            "localhost:1,a.b,c",
        ] {
            Settings::shorthand(text).expect(text);
        }
        for text in [
            "",
            "127.0.0.1,agents.example.org,x",
            "127.0.0.1:0,agents.example.org,x",
            "127.0.0.1:1,agents,x",
            "192.0.2.1:1,a.b,x",
        ] {
            assert!(Settings::shorthand(text).is_err(), "{text}");
        }
    }
}
