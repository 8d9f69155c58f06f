//! Directories: where passwords and accounts live that the engine does not hold.
//!
//! An [`Authenticator`] says whether a password is somebody's; the engine decides who may do what.
//! A host may have its own; behind the features `ldap` and `kerberos` are those for Active
//! Directory, OpenLDAP and Kerberos.
//!
//! A directory is never asked for a name that somebody made up, unless a group of it admits people
//! whom nobody listed: a stranger could lock every account of the company by guessing. Where it is
//! not asked for the name, it is asked for a made-up one, so that neither time nor errors tell which
//! names exist.

mod document;
#[cfg(feature = "kerberos")]
mod kerberos;
#[cfg(feature = "ldap")]
mod ldap;

#[cfg(feature = "ldap")]
pub use ldap::{Ldap, LdapConfig};

pub use document::{Configured, check_authenticators};

#[cfg(feature = "kerberos")]
pub use kerberos::{Kerberos, KerberosConfig};

use crate::error::Result;
use crate::model::{AccountName, AgentId, Secret};
use std::future::{Future, ready};
use std::pin::Pin;

/// What a directory is asked for, under way.
pub type Asked<T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'static>>;

/// Checks passwords and accounts instead of the engine, so that a directory can hold them.
///
/// Its methods must not block the thread that calls them. One that panics, or takes longer than 20
/// seconds, fails the login.
///
/// # Errors
/// `Busy` or `Unreachable` if the directory cannot tell now: the login fails with an error that
/// says when to try again, and not as if the password were wrong. Any other error does the same.
pub trait Authenticator: Send + Sync + 'static {
    /// What the log, the audit and the configuration call it. Default: `directory`.
    fn name(&self) -> &str {
        "directory"
    }

    /// Whether `password` is the password of `username`, which is a provisioned user's, or, for an
    /// agent that [`Authenticator::admits`] somebody, any name.
    fn check(&self, username: AccountName, password: Secret) -> Asked<Checked>;

    /// Does the work of a check for a name that no provisioned user has, and fails as a check
    /// would, so that nobody learns from time or errors which names exist. The engine ignores what
    /// it finds. The provided method calls [`check`](Authenticator::check) with a made-up name.
    fn check_nobody(&self, password: Secret) -> Asked<Checked> {
        let number = getrandom::u64().unwrap_or_default();
        let nobody = crate::model::Domains::new().name(&format!("nobody-{number:016x}"));
        self.check(nobody, password)
    }

    /// Looks at an account again that was logged in, without its password. Default: it is as good
    /// as before, with unknown groups.
    fn look_again(&self, username: AccountName) -> Asked<Standing> {
        drop(username);
        Box::pin(ready(Ok(Standing::Unknown)))
    }

    /// What a login comes to, step by step, for an administrator who looks for a mistake. Default:
    /// the one step that [`Authenticator::check`] is.
    fn explain(&self, username: AccountName, password: Secret) -> Asked<Vec<Step>> {
        let checked = self.check(username, password);
        Box::pin(async move {
            let step = match checked.await? {
                Checked::Right(_) => Step::done("check", "the password is right"),
                Checked::Wrong => Step::failed("check", "the password is wrong"),
                Checked::Unknown => Step::failed("check", "it does not know the account"),
            };
            Ok(vec![step])
        })
    }

    /// Whether some group of the directory may use this agent without being listed. Default: no.
    fn admits(&self, agent: &AgentId) -> bool {
        let _ = agent;
        false
    }

    /// Whether it takes SPNEGO tokens, those of `Authorization: Negotiate`. Default: no.
    fn negotiates(&self) -> bool {
        false
    }

    /// Takes a SPNEGO token, in Base64. Default: refuses it.
    fn negotiate(&self, token: Secret) -> Asked<Option<Negotiated>> {
        drop(token);
        Box::pin(ready(Ok(None)))
    }
}

/// What a directory says of a name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checked {
    /// They belong together.
    Right(Account),
    /// They do not, or the account must not log in: it is disabled, locked or expired, or is not in
    /// the group that is required. Another directory is not asked.
    Wrong,
    /// The directory has no such account; the next one is asked.
    Unknown,
}

impl From<bool> for Checked {
    /// Right without any group, or wrong.
    fn from(right: bool) -> Checked {
        match right {
            true => Checked::Right(Account::default()),
            false => Checked::Wrong,
        }
    }
}

/// An account that a directory knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The agents that its groups may use, whether or not somebody listed it there.
    pub agents: Vec<AgentId>,
}

impl Account {
    /// An account whose groups may use these agents.
    pub fn of_agents(agents: Vec<AgentId>) -> Account {
        Account { agents }
    }
}

/// What has become of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It may still log in.
    Good(Account),
    /// It must not log in any more: its tokens end.
    Ended,
    /// The directory does not say; everything stays as it is.
    Unknown,
}

/// Whose SPNEGO token it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// The Kerberos principal: `alice@CORP.TEST`.
    pub principal: String,
    /// What the client is sent back, in Base64, to know the server, if it asked for it.
    pub reply: Option<String>,
}

impl Negotiated {
    /// That principal.
    pub fn new(principal: impl Into<String>, reply: Option<String>) -> Negotiated {
        Negotiated {
            principal: principal.into(),
            reply,
        }
    }
}

/// One step of a login, as an administrator is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What was done: `connect`, `search`.
    pub what: String,
    /// What came of it, in plain words and without secrets.
    pub outcome: String,
    /// Whether it went well.
    pub is_done: bool,
}

impl Step {
    /// A step that went well.
    pub fn done(what: impl Into<String>, outcome: impl Into<String>) -> Step {
        Step {
            what: what.into(),
            outcome: outcome.into(),
            is_done: true,
        }
    }

    /// A step that ended the login.
    pub fn failed(what: impl Into<String>, outcome: impl Into<String>) -> Step {
        Step {
            is_done: false,
            ..Step::done(what, outcome)
        }
    }
}
