//! The directories of a host, asked one after the other (§tokens/directory).
//!
//! A directory is asked at every login, and for a made-up name where no provisioned user has the
//! name that was given. Without that, the time of the login and the error of a directory that is
//! down told which names exist. Rejected: asking for the name as it was given (a stranger could
//! lock every account of the directory, provisioned here or not); only where a group of it admits
//! people to the agent, nobody else knows the name.

use crate::agents::Calls;
use crate::directory::{Account, Asked, Authenticator, Checked, Negotiated, Standing};
use crate::error::{Error, Result};
use crate::hub::Timer;
use crate::model::{AccountName, AgentId, Domains, Secret};
use futures_util::FutureExt;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How long all directories together may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// What stands for the stored hash of a password that a directory checks.
pub(super) const DIRECTORY: &str = "directory";

/// The value of `default_authenticator` that leaves users without a password unchecked.
const NONE: &str = "none";

/// How directories are configured.
#[derive(Clone)]
pub(crate) struct DirectorySettings {
    /// In the order of questions.
    pub(crate) authenticators: Vec<Arc<dyn Authenticator>>,
    pub(crate) domains: Domains,
    /// The one that is asked for users without a password, or `none`; without a value, all are.
    pub(crate) default: Option<String>,
    /// How often accounts with live tokens are looked at again.
    pub(crate) recheck: Duration,
}

impl DirectorySettings {
    /// # Errors
    /// `Invalid` if two authenticators share a name, or the default is none of them.
    pub(crate) fn check(&self) -> Result<()> {
        let names: Vec<&str> = self.authenticators.iter().map(|one| one.name()).collect();
        for (at, name) in names.iter().enumerate() {
            if *name == NONE || names[..at].contains(name) {
                return Err(Error::Invalid(format!(
                    "an authenticator is called `{name}`, which is taken"
                )));
            }
        }
        match self.default.as_deref() {
            Some(default) if default != NONE && !names.contains(&default) => {
                Err(Error::Invalid(format!(
                    "the default authenticator `{default}` is none of those configured: {}",
                    names.join(", ")
                )))
            }
            _ => Ok(()),
        }
    }
}

/// The directories, asked with a deadline.
pub(super) struct Directories {
    asked: Vec<Arc<dyn Authenticator>>,
    /// Those that are not asked for passwords, but take what browsers bring.
    others: Vec<Arc<dyn Authenticator>>,
    pub(super) domains: Domains,
    pub(super) recheck: Duration,
    timer: Arc<Timer>,
    calls: Calls,
}

impl Directories {
    pub(super) fn new(settings: DirectorySettings, calls: Calls) -> Directories {
        let is_asked = |one: &Arc<dyn Authenticator>| match settings.default.as_deref() {
            None => true,
            Some(default) => one.name() == default,
        };
        let (asked, others) = settings.authenticators.into_iter().partition(is_asked);
        Directories {
            asked,
            others,
            domains: settings.domains,
            recheck: settings.recheck,
            timer: calls.timer().clone(),
            calls,
        }
    }

    /// Whether none checks passwords.
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether some group may use this agent without being listed.
    pub(super) fn admits(&self, agent: &AgentId) -> bool {
        self.asked.iter().any(|one| one.admits(agent))
    }

    /// Whether one takes SPNEGO tokens.
    pub(super) fn negotiates(&self) -> bool {
        self.all().any(|one| one.negotiates())
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn Authenticator>> {
        self.asked.iter().chain(&self.others)
    }

    /// The account of that name, if the password is its own. If there is no name, the directories
    /// are asked all the same, and there is no account.
    ///
    /// # Errors
    /// What kept a directory from telling, unless one before it knows the account.
    pub(super) async fn check(
        &self,
        name: Option<&AccountName>,
        password: &Secret,
    ) -> Result<Option<Account>> {
        let due = self.timer.now() + DEADLINE;
        let mut kept = None;
        for directory in &self.asked {
            let (of, name, password) = (directory.clone(), name.cloned(), password.clone());
            let is_somebody = name.is_some();
            let ask = move || match name {
                Some(name) => of.check(name, password),
                None => of.check_nobody(password),
            };
            match self.ask(directory, due, ask).await {
                Ok(Checked::Unknown) => {}
                // One before it could not tell: it may know the account, with another password.
                Ok(Checked::Right(account)) if is_somebody => return Ok(Some(account)),
                Ok(Checked::Right(_) | Checked::Wrong) => break,
                Err(error) => kept = kept.or(Some(error)),
            }
        }
        kept.map_or(Ok(None), Err)
    }

    /// What has become of an account. It has ended if some directory says so and no other one says
    /// that it is good.
    ///
    /// # Errors
    /// What kept a directory from telling.
    pub(super) async fn look_again(&self, name: &AccountName) -> Result<Standing> {
        let due = self.timer.now() + DEADLINE;
        let (mut kept, mut standing) = (None, Standing::Unknown);
        for directory in &self.asked {
            let (of, name) = (directory.clone(), name.clone());
            match self.ask(directory, due, move || of.look_again(name)).await {
                Ok(Standing::Good(account)) => return Ok(Standing::Good(account)),
                Ok(Standing::Ended) => standing = Standing::Ended,
                Ok(Standing::Unknown) => {}
                Err(error) => kept = kept.or(Some(error)),
            }
        }
        kept.map_or(Ok(standing), Err)
    }

    /// Whose SPNEGO token it is.
    ///
    /// # Errors
    /// What kept a directory from telling, if no other one takes the token.
    pub(super) async fn negotiate(&self, token: &Secret) -> Result<Option<Negotiated>> {
        let due = self.timer.now() + DEADLINE;
        let mut kept = None;
        for directory in self.all().filter(|one| one.negotiates()) {
            let (of, token) = (directory.clone(), token.clone());
            match self.ask(directory, due, move || of.negotiate(token)).await {
                Ok(Some(negotiated)) => return Ok(Some(negotiated)),
                Ok(None) => {}
                Err(error) => kept = kept.or(Some(error)),
            }
        }
        kept.map_or(Ok(None), Err)
    }

    async fn ask<T>(
        &self,
        directory: &Arc<dyn Authenticator>,
        due: Duration,
        ask: impl FnOnce() -> Asked<T>,
    ) -> Result<T> {
        // Before the question: a clock moved by hand may move as soon as the directory was asked.
        let overdue = self.timer.sleep_until(due);
        // The sockets of a directory need the engine's runtime, and the caller's executor may have
        // none.
        let mut asked = pin!(async move { ask().await });
        let asked = AssertUnwindSafe(poll_fn(|cx| {
            let _entered = self.calls.enter();
            asked.as_mut().poll(cx)
        }));
        tokio::select! {
            biased;
            answer = asked.catch_unwind() => answer.unwrap_or_else(|panic| {
                let text = crate::waiting::panic_text(&*panic);
                tracing::error!(text, directory = directory.name(), "the directory panicked");
                Err(Error::Internal("the directory failed".into()))
            }),
            () = overdue => Err(Error::Busy {
                what: "the directory, which did not answer in time,".into(),
                retry_after: Duration::from_secs(5),
            }),
        }
    }
}
