//! How a directory is reached and searched.

use super::names;
use crate::backend::{StoredSecret, Trust, check_trust};
use crate::error::{Error, Result};
use crate::model::{AgentId, Id};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The filter of Active Directory, for all spellings of a name.
const FILTER: &str = "(&(objectClass=user)(|(sAMAccountName={account})(userPrincipalName={name})))";
/// Groups that are mapped or required, at most.
const GROUPS_MAX: usize = 100;
/// Servers, at most.
const SERVERS_MAX: usize = 10;

/// An LDAP directory, as configured: by its builder, or read from a document as
/// `guide::directories` shows.
#[derive(Debug, Clone)]
pub struct LdapConfig {
    pub(super) name: String,
    pub(super) servers: Vec<String>,
    pub(super) starttls: bool,
    pub(super) trust: Trust,
    pub(super) base: String,
    pub(super) service: Option<(String, StoredSecret)>,
    pub(super) filter: String,
    pub(super) direct_bind: Option<String>,
    pub(super) required_group: Option<String>,
    pub(super) groups: Vec<(String, Vec<AgentId>)>,
    pub(super) nested_groups: bool,
    pub(super) timeout: Duration,
    pub(super) connections: usize,
}

impl LdapConfig {
    /// The directory on `server`, a URL like `ldaps://dc1.example.org`, whose accounts and groups
    /// lie below `base`, like `dc=example,dc=org`. A service account or a direct bind must be
    /// added.
    pub fn new(server: impl Into<String>, base: impl Into<String>) -> LdapConfig {
        LdapConfig {
            name: "ldap".to_owned(),
            servers: vec![server.into()],
            starttls: false,
            trust: Trust::System,
            base: base.into(),
            service: None,
            filter: FILTER.to_owned(),
            direct_bind: None,
            required_group: None,
            groups: Vec::new(),
            nested_groups: true,
            timeout: Duration::from_secs(4),
            connections: 8,
        }
    }

    /// What logs and `default_authenticator` call it. Default: `ldap`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> LdapConfig {
        self.name = name.into();
        self
    }

    /// One more server, which is asked when those before it do not answer.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> LdapConfig {
        self.servers.push(server.into());
        self
    }

    /// Whether `ldap://` servers are asked for TLS before anything else is said. Default: false;
    /// then passwords go to the loopback only.
    #[must_use]
    pub fn starttls(mut self, starttls: bool) -> LdapConfig {
        self.starttls = starttls;
        self
    }

    /// Which certificates are believed. Default: the system's.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> LdapConfig {
        self.trust = trust;
        self
    }

    /// The account that searches: its DN (or `user@domain` in Active Directory) and its password.
    #[must_use]
    pub fn service(mut self, dn: impl Into<String>, secret: StoredSecret) -> LdapConfig {
        self.service = Some((dn.into(), secret));
        self
    }

    /// The filter that finds the account of a name. `{account}`, `{domain}`, `{name}` (as it was
    /// provisioned) and `{canonical}` are replaced by parts of the name, escaped. Default: by
    /// Active Directory's `sAMAccountName` or `userPrincipalName`.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<String>) -> LdapConfig {
        self.filter = filter.into();
        self
    }

    /// Binds with this name at once, instead of a search: `CORP\{account}`, `{name}`, or
    /// `uid={account},ou=people,dc=example,dc=org`, whose values are escaped. Accounts are then
    /// not looked at again, unless there is a service account too.
    #[must_use]
    pub fn direct_bind(mut self, name: impl Into<String>) -> LdapConfig {
        self.direct_bind = Some(name.into());
        self
    }

    /// The DN of a group: only its members may log in.
    #[must_use]
    pub fn required_group(mut self, dn: impl Into<String>) -> LdapConfig {
        self.required_group = Some(dn.into());
        self
    }

    /// Lets the members of a group use these agents without being listed. Needs a service account.
    ///
    /// # Errors
    /// `Invalid` if one is not an agent id.
    pub fn group<A: Id<AgentId>>(
        mut self,
        dn: impl Into<String>,
        agents: impl IntoIterator<Item = A>,
    ) -> Result<LdapConfig> {
        let agents = agents.into_iter().map(Id::into_id).collect::<Result<_>>()?;
        self.groups.push((dn.into(), agents));
        Ok(self)
    }

    /// Whether members of a group's groups are its members. Default: true.
    #[must_use]
    pub fn nested_groups(mut self, nested: bool) -> LdapConfig {
        self.nested_groups = nested;
        self
    }

    /// How long one question to one server may take, 100 ms to 10 s. All servers together have 20
    /// s. Default: 4 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> LdapConfig {
        self.timeout = timeout;
        self
    }

    /// Connections that search at the same time, and as many that try passwords, 1 to 100.
    /// Default: 8.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> LdapConfig {
        self.connections = connections;
        self
    }

    /// Returns the files that hold secrets.
    pub fn private_files(&self) -> Vec<PathBuf> {
        let secrets = self.service.iter().map(|(_, secret)| secret.file());
        secrets.flatten().collect()
    }

    /// Checks what can be checked without a connection. Reads files.
    pub(super) fn check(&self) -> Result<()> {
        if !(1..=SERVERS_MAX).contains(&self.servers.len()) {
            return Err(Error::invalid("servers must name 1 to 10 servers"));
        }
        self.servers
            .iter()
            .try_for_each(|url| self.check_url(url))?;
        let within = Duration::from_millis(100)..=Duration::from_secs(10);
        if !within.contains(&self.timeout) || !(1..=100).contains(&self.connections) {
            return Err(Error::invalid(
                "timeout must be 100 ms to 10 s, connections 1 to 100",
            ));
        }
        let needs = "needs a service account: bind_dn and bind_secret";
        if self.service.is_none() {
            if self.direct_bind.is_none() {
                return Err(Error::invalid(format!(
                    "a search {needs}, or give direct_bind"
                )));
            }
            if self.required_group.is_some() || !self.groups.is_empty() {
                return Err(Error::invalid(format!("a group {needs}")));
            }
        }
        if self.groups.len() > GROUPS_MAX {
            return Err(Error::invalid("at most 100 groups can be mapped"));
        }
        let template = |what: &str, text: &str| {
            names::check(text).map_err(|why| Error::Invalid(format!("{what} `{text}`: {why}")))
        };
        template("filter", &self.filter)?;
        if ldap3::parse_filter(names::sample(&self.filter)).is_err() {
            return Err(Error::Invalid(format!(
                "filter `{}` is no LDAP filter (RFC 4515)",
                self.filter
            )));
        }
        if let Some(name) = &self.direct_bind {
            template("direct_bind", name)?;
        }
        let unreadable = |error: crate::backend::BackendError| Error::Invalid(error.reason);
        if let Some((_, secret)) = &self.service {
            secret.read().map_err(unreadable)?;
        }
        check_trust(&self.trust).map_err(unreadable)
    }

    fn check_url(&self, url: &str) -> Result<()> {
        let wrong = |why: &str| Err(Error::Invalid(format!("server `{url}`: {why}")));
        let (is_tls, place) = match url.split_once("://") {
            Some(("ldaps", place)) => (true, place),
            Some(("ldap", place)) => (self.starttls, place),
            _ => return wrong("it must begin with ldaps:// or ldap://"),
        };
        let place = place.trim_end_matches('/');
        let host = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => match port.parse::<u16>() {
                Ok(1..) => host,
                _ => return wrong("its port is not one from 1 to 65535"),
            },
            _ => place,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_plain_text = host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c));
        if host.is_empty() || !is_plain_text {
            return wrong("it must be a host, and a port if it is an unusual one");
        }
        let is_here = |address: IpAddr| address.is_loopback();
        if !is_tls && host != "localhost" && !host.parse().is_ok_and(is_here) {
            return wrong(
                "passwords would cross the network in clear; use ldaps://, or starttls = true",
            );
        }
        Ok(())
    }
}
