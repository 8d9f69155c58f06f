//! Who acts, and the secrets they show (§tokens/log-in).

use super::{AgentId, AgentKey, UserId};
use crate::error::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Text that is never shown: its `Debug` prints `***`, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// Makes a password of 144 random bits, 24 letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// `Internal` if the system gives no random numbers.
    pub fn random() -> Result<Secret> {
        let mut bits = [0; 18];
        getrandom::fill(&mut bits)
            .map_err(|error| Error::Internal(format!("no random numbers: {error}")))?;
        Ok(Secret(URL_SAFE_NO_PAD.encode(bits)))
    }

    /// The text itself; keep it out of logs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a caller logs in with (§tokens/log-in).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The user's name; compared without case.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The agent to act through; `None` or empty for the super user.
    pub agent: Option<String>,
    /// The address that the login comes from; `None` if it is not known. Logins from one peer wait
    /// behind one another and do not delay those of other peers; so a host behind a proxy gives the
    /// address that the proxy names, never the proxy's own.
    pub peer: Option<IpAddr>,
}

impl Credentials {
    /// A user of an agent.
    pub fn agent(
        username: impl Into<String>,
        password: impl Into<Secret>,
        agent: impl Into<String>,
    ) -> Credentials {
        Credentials {
            username: username.into(),
            password: password.into(),
            agent: Some(agent.into()),
            peer: None,
        }
    }

    /// The super user (§tokens/super-user).
    pub fn super_user(username: impl Into<String>, password: impl Into<Secret>) -> Credentials {
        Credentials {
            username: username.into(),
            password: password.into(),
            agent: None,
            peer: None,
        }
    }

    /// The same, from that address.
    pub fn from_peer(self, peer: impl Into<Option<IpAddr>>) -> Credentials {
        Credentials {
            peer: peer.into(),
            ..self
        }
    }
}

/// A token: 256 random bits as URL-safe text (§tokens/text). Its `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Secret);

impl Token {
    /// Wraps text that may be a token; `Engine::authenticate` tells whether it is one.
    pub fn new(text: impl Into<String>) -> Token {
        Token(Secret::new(text))
    }

    /// The token's text, for its owner only.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// What may be known of a token (§tokens/details).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenDetails {
    /// The agent's id; `None` for the super user.
    pub agent: Option<AgentId>,
    /// The user's name as provisioned.
    pub username: String,
    /// When the token ends by itself.
    pub expires: DateTime<Utc>,
}

impl TokenDetails {
    pub(crate) fn new(
        agent: Option<AgentId>,
        username: String,
        expires: DateTime<Utc>,
    ) -> TokenDetails {
        TokenDetails {
            agent,
            username,
            expires,
        }
    }
}

/// Which kind of caller a principal is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Who {
    /// The configured super user (§tokens/super-user).
    SuperUser(String),
    /// A user acting through an agent.
    Agent {
        /// The agent's id.
        agent: AgentId,
        /// The agent's number.
        key: AgentKey,
        /// The user.
        user: UserId,
        /// The user's name as provisioned.
        username: String,
    },
    /// A host that trusts itself.
    Host(String),
}

/// An authenticated caller: from a token, or the host itself. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Principal(Arc<Known>);

#[derive(Debug)]
struct Known {
    who: Who,
    /// Set when the token it came from is ended.
    ended: Option<Arc<AtomicBool>>,
}

impl Principal {
    /// The host program itself, under a name that the audit shows. Whoever links the engine is
    /// trusted.
    pub fn host(name: impl Into<String>) -> Principal {
        Principal(Arc::new(Known {
            who: Who::Host(name.into()),
            ended: None,
        }))
    }

    pub(crate) fn granted(who: Who, ended: Arc<AtomicBool>) -> Principal {
        Principal(Arc::new(Known {
            who,
            ended: Some(ended),
        }))
    }

    /// Who it is.
    pub fn who(&self) -> &Who {
        &self.0.who
    }

    /// Whether the token that this principal came from has ended.
    pub fn has_ended(&self) -> bool {
        self.0
            .ended
            .as_ref()
            .is_some_and(|ended| ended.load(Ordering::Acquire))
    }

    /// # Errors
    /// [`Error::Unauthorized`] if the token it came from has been ended since.
    pub(crate) fn check(&self) -> Result<()> {
        match self.has_ended() {
            false => Ok(()),
            true => Err(Error::Unauthorized("the token has ended".into())),
        }
    }

    pub(crate) fn ended(&self) -> Option<Arc<AtomicBool>> {
        self.0.ended.clone()
    }

    /// How the audit names it: `super:NAME`, `agent:AGENT/USER` or `host:NAME`.
    pub fn label(&self) -> String {
        match self.who() {
            Who::SuperUser(name) => format!("super:{name}"),
            Who::Agent { agent, user, .. } => format!("agent:{agent}/{user}"),
            Who::Host(name) => format!("host:{name}"),
        }
    }
}
