//! How a Lync or Skype for Business server is reached, and by whom.

mod document;

use super::protocol::address::Sip;
use crate::backend::{SecretSource, Trust, tls};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The longest user agent, culture or endpoint id that a server takes (§ucwa/application).
const NAME_MAX: usize = 100;

/// How an account proves who it is (§ucwa/token).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Grant {
    /// By name and password, in the token request.
    #[default]
    Password,
    /// By name and password through NTLM, where the server takes no passwords in the request. It
    /// has met the published exchange of MS-NLMP only, never a server; one that demands channel
    /// binding (Extended Protection: Required), or Kerberos alone, refuses it.
    Windows,
}

/// How the first message of a conversation reaches a contact (§ucwa/first-message).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FirstMessage {
    /// In the invitation. It is seen while it rings, and saves a round trip; that the conversation
    /// was begun counts as its delivery, because there is no report of it.
    Invitation,
    /// Once the conversation is connected. The server reports its delivery, as of any later
    /// message.
    AfterConnect,
}

/// Which library makes TLS of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TlsLibrary {
    /// rustls, which is built in.
    #[default]
    Rustls,
    /// The system's OpenSSL, for servers that have only cipher suites that rustls left out: Windows
    /// Server 2012 R2 with an RSA certificate (§ucwa/tls). It needs the feature `openssl`; without
    /// it, such a configuration is refused.
    OpenSsl,
}

/// Makes an account's login name of its address.
pub type LoginRule = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// A Lync Server 2013 or Skype for Business Server, as configured: by its builder, or read from a
/// document as `guide::operating` shows.
#[derive(Clone, Deserialize)]
#[serde(try_from = "document::Document")]
pub struct UcwaConfig {
    pub(super) domain: String,
    pub(super) root: Option<String>,
    pub(super) passwords: Arc<dyn SecretSource>,
    pub(super) grant: Grant,
    pub(super) login: Option<LoginRule>,
    pub(super) trust: Trust,
    pub(super) tls: TlsLibrary,
    pub(super) first_message: Option<FirstMessage>,
    pub(super) hosts: Vec<String>,
    pub(super) insecure_plain_http: bool,
    pub(super) user_agent: String,
    pub(super) culture: String,
    pub(super) message_length_max: u32,
    pub(super) story_length_max: u32,
}

impl UcwaConfig {
    /// The service of `domain`, for example `contoso.com`: the network's name is made of it, so it
    /// must not change once there are conversations. `passwords` is asked with an account's
    /// address, `bot@contoso.com`.
    ///
    /// The server is found as the domain says (`https://lyncdiscoverinternal.contoso.com`, then
    /// `https://lyncdiscover.contoso.com`), unless [`UcwaConfig::root`] names it.
    pub fn new(domain: impl Into<String>, passwords: impl SecretSource) -> UcwaConfig {
        UcwaConfig {
            domain: domain.into().to_lowercase(),
            root: None,
            passwords: Arc::new(passwords),
            grant: Grant::Password,
            login: None,
            trust: Trust::System,
            tls: TlsLibrary::Rustls,
            first_message: None,
            hosts: Vec::new(),
            insecure_plain_http: false,
            user_agent: concat!("switchboard/", env!("CARGO_PKG_VERSION")).into(),
            culture: "en-US".into(),
            message_length_max: 8000,
            story_length_max: 32_000,
        }
    }

    /// Where autodiscovery begins, for example `https://lyncdiscover.contoso.com/`. Default: tried
    /// as the domain says.
    #[must_use]
    pub fn root(mut self, url: impl Into<String>) -> UcwaConfig {
        self.root = Some(url.into());
        self
    }

    /// How accounts sign in. Default: [`Grant::Password`].
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> UcwaConfig {
        self.grant = grant;
        self
    }

    /// How the name that an account signs in with is made of its address (`bot@contoso.com`): a
    /// user principal name or `DOMAIN\account`. Default: the address itself.
    #[must_use]
    pub fn login(mut self, rule: impl Fn(&str) -> String + Send + Sync + 'static) -> UcwaConfig {
        self.login = Some(Arc::new(rule));
        self
    }

    /// Which certificates are believed. Default: the system's. Servers inside often have a
    /// company's own CA.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> UcwaConfig {
        self.trust = trust;
        self
    }

    /// Which library makes TLS of connections. Default: [`TlsLibrary::Rustls`].
    #[must_use]
    pub fn tls(mut self, library: TlsLibrary) -> UcwaConfig {
        self.tls = library;
        self
    }

    /// How the first message of a conversation reaches a contact. Default:
    /// [`FirstMessage::AfterConnect`] for alerts, which must not get lost, and
    /// [`FirstMessage::Invitation`] for others.
    #[must_use]
    pub fn first_message(mut self, way: FirstMessage) -> UcwaConfig {
        self.first_message = Some(way);
        self
    }

    /// A host that the server may send this gateway to, with all below it: `contoso.local` stands
    /// for `pool01.contoso.local` too. Tokens go nowhere else. Default: the domain and the root's
    /// host, which are always among them.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> UcwaConfig {
        self.hosts.push(host.into().to_lowercase());
        self
    }

    /// Lets connections go without TLS to anywhere: whoever is on the way reads passwords and
    /// changes everything. Default: without TLS to this machine only (a tunnel's end, a simulator).
    #[must_use]
    pub fn insecure_plain_http(mut self) -> UcwaConfig {
        self.insecure_plain_http = true;
        self
    }

    /// What the gateway calls itself to the server, 1 to 100 characters. Default: `switchboard/`
    /// and its version.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>) -> UcwaConfig {
        self.user_agent = name.into();
        self
    }

    /// The language that the server's own texts are in, 1 to 100 characters. Default: `en-US`.
    #[must_use]
    pub fn culture(mut self, culture: impl Into<String>) -> UcwaConfig {
        self.culture = culture.into();
        self
    }

    /// The longest message and the longest story, in Unicode scalar values. Default: 8,000 and
    /// 32,000; at most 60,000 each count. What a server itself takes is not published.
    #[must_use]
    pub fn lengths_max(mut self, message: u32, story: u32) -> UcwaConfig {
        self.message_length_max = message.clamp(1, 60_000);
        self.story_length_max = story.clamp(1, 60_000);
        self
    }

    /// Returns the files that hold passwords, as far as they are known now. A host serves none of
    /// them and warns of those that others can read.
    pub fn private_files(&self) -> Vec<PathBuf> {
        self.passwords.files()
    }

    /// Reads what a dial would read: passwords, as far as they are known now, and the CA file.
    /// Blocks.
    ///
    /// # Errors
    /// `Invalid` for a file that cannot be read.
    pub fn check_files(&self) -> Result<()> {
        let checked = self.passwords.check();
        let checked = checked.and_then(|()| tls::check(&self.trust));
        checked.map_err(|error| Error::Invalid(error.reason))
    }

    /// Checks what can be checked without connecting.
    pub(super) fn check(&self) -> Result<()> {
        if self.tls == TlsLibrary::OpenSsl && !cfg!(feature = "openssl") {
            return Err(Error::invalid(
                "tls = \"openssl\" needs a build with the feature `openssl`: cargo build --features openssl",
            ));
        }
        let domain = |what: &str, text: &str| match Sip::parse(&format!("a@{text}")) {
            Some(sip) if sip.domain() == text => Ok(()),
            _ => Err(Error::Invalid(format!("{what} `{text}` is not a domain"))),
        };
        domain("the UCWA domain", &self.domain)?;
        for host in &self.hosts {
            domain("the host", host)?;
        }
        if let Some(root) = &self.root {
            let uri: hyper::Uri = root.parse().map_err(|error| {
                Error::Invalid(format!("the root `{root}` is not an address: {error}"))
            })?;
            let is_web = uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http");
            let has_login = uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@'));
            let host = uri.host().unwrap_or_default();
            if !is_web || has_login || host.is_empty() {
                return Err(Error::Invalid(format!(
                    "the root `{root}` is not like https://lyncdiscover.example.org/"
                )));
            }
            if uri.scheme_str() == Some("http") && !self.insecure_plain_http && !may_be_here(host) {
                return Err(Error::Invalid(format!(
                    "a connection without TLS is allowed to this machine only, and the root `{root}` is on another"
                )));
            }
        }
        for (what, text) in [("user agent", &self.user_agent), ("culture", &self.culture)] {
            let fits = (1..=NAME_MAX).contains(&text.chars().count())
                && text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
            if !fits {
                return Err(Error::Invalid(format!(
                    "the {what} `{text}` is not 1 to {NAME_MAX} printable ASCII characters"
                )));
            }
        }
        Ok(())
    }

    /// Whether requests, and tokens with them, may go to that host.
    pub(super) fn allows_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        let root = self
            .root
            .as_ref()
            .and_then(|root| root.parse::<hyper::Uri>().ok());
        let is_root = root
            .as_ref()
            .and_then(|root| root.host())
            .is_some_and(|root| root.eq_ignore_ascii_case(&host));
        let is_below = |domain: &str| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        is_root || is_below(&self.domain) || self.hosts.iter().any(|allowed| is_below(allowed))
    }

    /// How the first message of a conversation goes out, of an alert or of another message.
    pub(super) fn first_message_of(&self, is_alert: bool) -> FirstMessage {
        self.first_message.unwrap_or(match is_alert {
            true => FirstMessage::AfterConnect,
            false => FirstMessage::Invitation,
        })
    }

    /// The name that an account signs in with.
    pub(super) fn login_of(&self, sip: &Sip) -> String {
        self.login
            .as_ref()
            .map_or_else(|| sip.as_str().to_owned(), |rule| rule(sip.as_str()))
    }
}

/// Whether a host may be this machine: an address says so itself, of a name the connection will.
fn may_be_here(host: &str) -> bool {
    host.trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .map_or(true, |address| address.is_loopback())
}

impl fmt::Debug for UcwaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UcwaConfig")
            .field("domain", &self.domain)
            .field("root", &self.root)
            .field("grant", &self.grant)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Secret;

    fn config(domain: &str) -> UcwaConfig {
        UcwaConfig::new(domain, Secret::new("hunter2"))
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        for fine in [
            config("contoso.com"),
            config("Contoso.com")
                .root("https://lyncdiscover.contoso.com/")
                .host("contoso.local"),
            config("contoso.com").root("http://127.0.0.1:8080"),
            config("contoso.com").root("http://localhost:8080/root"),
            config("contoso.com")
                .root("http://192.0.2.1/")
                .insecure_plain_http(),
        ] {
            fine.check().expect("a service");
            assert!(!format!("{fine:?}").contains("hunter2"));
        }
        for wrong in [
            config(""),
            config("a b"),
            config("a@b"),
            config("contoso.com").root("contoso.com"),
            config("contoso.com").root("ftp://contoso.com/"),
            config("contoso.com").root("https://u:p@contoso.com/"),
            config("contoso.com").root("http://192.0.2.1/"),
            config("contoso.com").host("https://contoso.com"),
            config("contoso.com").user_agent(""),
            config("contoso.com").user_agent("x".repeat(101)),
            config("contoso.com").culture("en\nUS"),
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn tokens_go_to_the_companys_hosts_only() {
        let config = config("contoso.com")
            .root("https://discover.example.net/")
            .host("contoso.local");
        for host in [
            "contoso.com",
            "Lyncweb.Contoso.COM",
            "discover.example.net",
            "pool01.contoso.local",
            "lyncweb.contoso.com.",
        ] {
            assert!(config.allows_host(host), "{host}");
        }
        for host in [
            "evilcontoso.com",
            "contoso.com.evil.example",
            "example.net",
            "x.discover.example.net",
            "",
            "local",
        ] {
            assert!(!config.allows_host(host), "{host}");
        }
    }

    #[test]
    fn a_login_name_is_made_of_the_address() {
        let sip = Sip::parse("sip:Bot@contoso.com").expect("an address");
        assert_eq!(config("contoso.com").login_of(&sip), "bot@contoso.com");
        let config = config("contoso.com")
            .login(|address| format!("CONTOSO\\{}", address.split('@').next().unwrap_or_default()));
        assert_eq!(config.login_of(&sip), "CONTOSO\\bot");
    }
}
