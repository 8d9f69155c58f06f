//! How to reach an XMPP service, and which agents use it.

mod document;

use super::jid::Jid;
use crate::backend::{SecretSource, Trust, prepared, tls};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Security {
    /// TLS from the first byte.
    DirectTls,
    /// TLS after `STARTTLS`, which the server must offer.
    #[serde(rename = "starttls")]
    StartTls,
    /// No TLS, to an address of this machine only (a tunnel's end, a server beside us): anything
    /// else is refused.
    PlainLoopback,
    /// No TLS to any host. Everybody on the way can read and change everything.
    InsecurePlaintext,
}

/// A component (XEP-0114): one connection for all agents of one domain.
#[derive(Clone)]
pub struct Component {
    pub(super) domain: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) secret: Arc<dyn SecretSource>,
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("domain", &self.domain)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl Component {
    /// The component `domain` on the server at `host` and `port`, without TLS and so on this
    /// machine only.
    pub fn new(
        domain: impl Into<String>,
        host: impl Into<String>,
        port: u16,
        secret: impl SecretSource,
    ) -> Component {
        Component {
            domain: domain.into(),
            host: host.into(),
            port,
            security: Security::PlainLoopback,
            secret: Arc::new(secret),
        }
    }

    /// How its connection is secured. `StartTls` does not exist for components. Default:
    /// `PlainLoopback`.
    #[must_use]
    pub fn security(mut self, security: Security) -> Component {
        self.security = security;
        self
    }
}

/// Accounts: one connection for each agent outside the component's domain.
#[derive(Clone)]
pub struct Accounts {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) security: Security,
    pub(super) resolver: Option<SocketAddr>,
    pub(super) secrets: Arc<dyn SecretSource>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("resolver", &self.resolver)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Accounts on the servers their addresses name, with STARTTLS. Where neither host nor port are
    /// set, the domain's SRV records say where (RFC 6120, 3.2): the hosts for the configured kind
    /// of TLS first, those for the other kind after them (XEP-0368); without records it is the
    /// domain itself, at port 5222 (5223 for `DirectTls`).
    pub fn new(secrets: impl SecretSource) -> Accounts {
        Accounts {
            host: None,
            port: None,
            security: Security::StartTls,
            resolver: None,
            secrets: Arc::new(secrets),
        }
    }

    /// The server's host; SRV records are not asked for. Certificates are checked against the
    /// address's domain.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Accounts {
        self.host = Some(host.into());
        self
    }

    /// The server's port; no SRV records are looked up then. Default: 5222, for `DirectTls` 5223.
    #[must_use]
    pub fn port(mut self, port: u16) -> Accounts {
        self.port = Some(port);
        self
    }

    /// How connections are protected. Default: `StartTls`. Without TLS no SRV records are looked
    /// up.
    #[must_use]
    pub fn security(mut self, security: Security) -> Accounts {
        self.security = security;
        self
    }

    /// The resolver that is asked for SRV records. Default: those of `/etc/resolv.conf`, at most
    /// three.
    #[must_use]
    pub fn resolver(mut self, resolver: SocketAddr) -> Accounts {
        self.resolver = Some(resolver);
        self
    }
}

/// Returns an agent's nickname, made from its address.
pub type NicknameRule = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// An XMPP service, as configured: by its builder, or read from a document as `guide::operating`
/// shows.
#[derive(Clone, Deserialize)]
#[serde(try_from = "document::Document")]
pub struct XmppConfig {
    pub(super) domain: String,
    pub(super) component: Option<Component>,
    pub(super) accounts: Option<Accounts>,
    pub(super) trust: Trust,
    pub(super) rooms_host: String,
    pub(super) upload_host: Option<String>,
    pub(super) file_hosts: Vec<String>,
    pub(super) upload_bytes_max: u64,
    pub(super) message_length_max: u32,
    pub(super) story_length_max: u32,
    pub(super) resource: String,
    pub(super) nickname: Option<NicknameRule>,
    pub(super) approves: bool,
}

impl XmppConfig {
    /// The service of `domain`, for example `example.org`: the network's name is made of it, so it
    /// must not change once there are conversations. A component, or accounts, or both must be
    /// added.
    pub fn new(domain: impl Into<String>) -> XmppConfig {
        let domain = domain.into().to_lowercase();
        XmppConfig {
            rooms_host: format!("rooms.{domain}"),
            domain,
            component: None,
            accounts: None,
            trust: Trust::System,
            upload_host: None,
            file_hosts: Vec::new(),
            upload_bytes_max: 100 * 1024 * 1024,
            message_length_max: 8000,
            story_length_max: 32_000,
            resource: "switchboard".into(),
            nickname: None,
            approves: true,
        }
    }

    /// Connects the agents of that component's domain over one connection.
    #[must_use]
    pub fn component(mut self, component: Component) -> XmppConfig {
        self.component = Some(component);
        self
    }

    /// Connects all other agents, each over its own connection.
    #[must_use]
    pub fn accounts(mut self, accounts: Accounts) -> XmppConfig {
        self.accounts = Some(accounts);
        self
    }

    /// Which certificates are believed, of the server and where files are uploaded to. Default: the
    /// system's.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> XmppConfig {
        self.trust = trust;
        self
    }

    /// Where rooms live: searched and created there; a room's name without an `@` is one of it.
    /// Default: `rooms.` and the domain.
    #[must_use]
    pub fn rooms_host(mut self, host: impl Into<String>) -> XmppConfig {
        self.rooms_host = host.into().to_lowercase();
        self
    }

    /// The service that takes files (XEP-0363). Default: found among what the domain's server
    /// lists.
    #[must_use]
    pub fn upload_host(mut self, host: impl Into<String>) -> XmppConfig {
        self.upload_host = Some(host.into());
        self
    }

    /// One more host, with those below it, to which the upload service may have files put: a
    /// storage elsewhere. Without it these are the domain, the service and the hosts below them,
    /// and the hosts that are connected to. Default: none.
    #[must_use]
    pub fn file_host(mut self, host: impl Into<String>) -> XmppConfig {
        self.file_hosts.push(folded(&host.into()));
        self
    }

    /// The largest file in bytes, beside the service's own limit. Default: 100 MiB.
    #[must_use]
    pub fn upload_bytes_max(mut self, bytes: u64) -> XmppConfig {
        self.upload_bytes_max = bytes;
        self
    }

    /// The longest message and the longest story, in Unicode scalar values. Default: 8,000 and
    /// 32,000; at most 60,000 each count, because servers refuse stanzas over 256 KiB.
    #[must_use]
    pub fn lengths_max(mut self, message: u32, story: u32) -> XmppConfig {
        self.message_length_max = message.clamp(1, 60_000);
        self.story_length_max = story.clamp(1, 60_000);
        self
    }

    /// The resource agents sign in with. Default: `switchboard`. Two engines on one account need
    /// different ones.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> XmppConfig {
        self.resource = resource.into();
        self
    }

    /// How an agent's nickname in rooms is made of its address (`bot@example.org`). Default: what
    /// stands before the `@`. If it is taken, a number is added.
    #[must_use]
    pub fn nickname(mut self, rule: impl Fn(&str) -> String + Send + Sync + 'static) -> XmppConfig {
        self.nickname = Some(Arc::new(rule));
        self
    }

    /// Whether everybody who asks may see an agent's presence. Default: true.
    #[must_use]
    pub fn approve_subscriptions(mut self, approves: bool) -> XmppConfig {
        self.approves = approves;
        self
    }

    /// Returns the files that hold secrets, as far as they are known now. A host serves none of
    /// them and warns of those that others can read.
    pub fn private_files(&self) -> Vec<PathBuf> {
        self.secrets().flat_map(|source| source.files()).collect()
    }

    /// Reads what a dial would read: secrets, as far as they are known now, and the CA file.
    /// Blocks.
    ///
    /// # Errors
    /// `Invalid` for a file or a variable that cannot be read.
    pub fn check_files(&self) -> Result<()> {
        let secrets = self.secrets().try_for_each(|source| source.check());
        let checked = secrets.and_then(|()| tls::check(&self.trust));
        checked.map_err(|error| Error::Invalid(error.reason))
    }

    fn secrets(&self) -> impl Iterator<Item = &Arc<dyn SecretSource>> {
        let component = self.component.iter().map(|component| &component.secret);
        component.chain(self.accounts.iter().map(|accounts| &accounts.secrets))
    }

    /// Checks what can be checked without a connection.
    pub(super) fn check(&self) -> Result<()> {
        let domain = |what: &str, text: &str| match Jid::parse(text) {
            Some(jid) if jid.local().is_none() && jid.resource().is_none() => Ok(()),
            _ => Err(Error::Invalid(format!("{what} `{text}` is not a domain"))),
        };
        domain("the XMPP domain", &self.domain)?;
        domain("the rooms' host", &self.rooms_host)?;
        if let Some(host) = &self.upload_host {
            domain("the upload host", host)?;
        }
        for host in &self.file_hosts {
            domain("the host for files", host)?;
        }
        if let Some(component) = &self.component {
            domain("the component", &component.domain)?;
            if component.security == Security::StartTls {
                return Err(Error::invalid(
                    "a component has no STARTTLS: it takes DirectTls, or PlainLoopback through a tunnel",
                ));
            }
        }
        if self.component.is_none() && self.accounts.is_none() {
            return Err(Error::invalid(
                "an XMPP backend needs a component or accounts",
            ));
        }
        match Jid::parse(&format!("a@b/{}", self.resource)) {
            Some(_) => Ok(()),
            None => Err(Error::Invalid(format!(
                "`{}` is not a valid resource",
                self.resource
            ))),
        }
    }

    /// Returns whether files may be put to `host` for the upload service `service`.
    pub(super) fn takes_files(&self, host: &str, service: &str) -> bool {
        let host = folded(host);
        let is_below = |domain: &str| {
            let domain = folded(domain);
            host.strip_suffix(&domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        is_below(&self.domain)
            || is_below(service)
            || self.file_hosts.iter().any(|allowed| is_below(allowed))
            || self
                .hosts()
                .any(|ours| folded(ours) == host || (is_here(ours) && is_here(&host)))
    }

    /// Returns whether a server that is connected to is on this machine.
    pub(super) fn is_on_this_machine(&self) -> bool {
        self.hosts().any(is_here)
    }

    /// Returns the hosts that are connected to, as configured.
    fn hosts(&self) -> impl Iterator<Item = &str> {
        let component = self.component.iter().map(|component| &*component.host);
        let accounts = self.accounts.iter();
        component.chain(accounts.filter_map(|accounts| accounts.host.as_deref()))
    }

    /// Returns whether an address belongs to the component's domain.
    pub(super) fn is_component(&self, jid: &Jid) -> bool {
        self.component
            .as_ref()
            .is_some_and(|component| prepared::folded(&component.domain) == jid.domain())
    }

    /// Returns the nickname of an agent, prepared as a server keeps it. It can always be a resource.
    pub(super) fn nickname_of(&self, jid: &Jid) -> String {
        let rule = self.nickname.as_ref();
        let made = rule.map(|rule| prepared::resource(&rule(jid.bare())).into_owned());
        let fits = |nick: &String| jid.with_resource(nick).is_some();
        made.filter(fits)
            .unwrap_or_else(|| jid.local().unwrap_or("switchboard").to_owned())
    }
}

/// Returns a host in the form in which hosts are compared: lower case, without brackets and the
/// root's dot.
fn folded(host: &str) -> String {
    host.trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_lowercase()
}

/// Returns whether a host is this machine.
fn is_here(host: &str) -> bool {
    let host = folded(host);
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for XmppConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmppConfig")
            .field("domain", &self.domain)
            .field(
                "component",
                &self.component.as_ref().map(|component| &component.domain),
            )
            .field("accounts", &self.accounts.is_some())
            .field("rooms_host", &self.rooms_host)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Secret;

    #[test]
    fn files_go_to_the_servers_own_and_to_configured_hosts_only() {
        let component = |host: &str| Component::new("agents.im.test", host, 5347, Secret::new("s"));
        let away = XmppConfig::new("im.test")
            .component(component("xmpp.example.net"))
            .file_host("Storage.example.com");
        for host in [
            "im.test",
            "Upload.im.test",
            "files.example.org",
            "a.files.example.org.",
            "xmpp.example.net",
        ] {
            assert!(away.takes_files(host, "files.example.org"), "{host}");
        }
        assert!(away.takes_files("eu.storage.example.com", "upload.im.test"));
        let elsewhere = [
            "evilim.test",
            "im.test.evil.example",
            "example.org",
            "b.xmpp.example.net",
            "example.com",
            "",
            "test",
        ];
        for host in elsewhere.into_iter().chain([
            "127.0.0.1",
            "localhost",
            "::1",
            "169.254.169.254",
            "10.0.0.1",
        ]) {
            assert!(!away.takes_files(host, "files.example.org"), "{host}");
        }
        let here = XmppConfig::new("im.test").component(component("localhost"));
        for host in ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"] {
            assert!(here.takes_files(host, "upload.im.test"), "{host}");
        }
        assert!(!here.takes_files("10.0.0.1", "upload.im.test"));
    }
}
