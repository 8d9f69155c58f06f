//! The settings of an engine. Every setter says its default and its limits.

use crate::agents::Backends;
use crate::backend::Backend;
use crate::clock::{Clock, SystemClock};
use crate::database::{Durability, Location};
use crate::directory::Authenticator;
use crate::error::{Error, Result};
use crate::model::{Domains, Secret};
use crate::services::DirectorySettings;
use serde::Deserialize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How event ids behave across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EventMode {
    /// Ids and instance survive restarts, and a reader that was away gets what it missed. The
    /// default.
    #[default]
    Durable,
    /// As the vendor describes it (§events/instance): each start begins a new instance with ids
    /// from 1, and readers get only what is younger than the window.
    Buffered,
}

/// `durable` or `buffered`, as a configuration spells it; the error says so.
impl FromStr for EventMode {
    type Err = String;

    fn from_str(text: &str) -> Result<EventMode, String> {
        match text {
            "durable" => Ok(EventMode::Durable),
            "buffered" => Ok(EventMode::Buffered),
            _ => Err("durable or buffered".to_owned()),
        }
    }
}

/// Builds an [`Engine`](crate::Engine).
pub struct Builder {
    pub(crate) location: Location,
    pub(crate) durability: Durability,
    pub(crate) accept_loss: bool,
    backends: Vec<Arc<dyn Backend>>,
    default_backend: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) super_user: Option<(String, Option<Secret>)>,
    pub(crate) directories: DirectorySettings,
    pub(crate) event_mode: EventMode,
    pub(crate) event_window: Duration,
    pub(crate) token_lifetime: Duration,
    pub(crate) flap_delay: Duration,
    pub(crate) post_deadline: Duration,
    pub(crate) keep_messages: Option<Duration>,
    pub(crate) keep_bytes: Option<u64>,
    pub(crate) keep_audit: Option<Duration>,
    pub(crate) waiters_per_agent: usize,
    pub(crate) worker_threads: usize,
    pub(crate) shown_max: Option<i64>,
    pub(crate) retry_refused: Option<Duration>,
}

impl Default for Builder {
    fn default() -> Builder {
        let day = Duration::from_secs(24 * 3600);
        Builder {
            location: Location::Memory,
            durability: Durability::Power,
            accept_loss: false,
            backends: Vec::new(),
            default_backend: None,
            clock: Arc::new(SystemClock::new()),
            super_user: None,
            directories: DirectorySettings {
                authenticators: Vec::new(),
                domains: Domains::new(),
                default: None,
                recheck: Duration::from_secs(600),
            },
            event_mode: EventMode::Durable,
            event_window: Duration::from_secs(15),
            token_lifetime: Duration::from_secs(3600),
            flap_delay: Duration::from_secs(10),
            post_deadline: Duration::from_secs(35),
            keep_messages: Some(30 * day),
            keep_bytes: Some(4 << 30),
            keep_audit: Some(400 * day),
            waiters_per_agent: 1024,
            worker_threads: 2,
            shown_max: None,
            retry_refused: None,
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("location", &self.location)
            .field("event_mode", &self.event_mode)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Keeps everything in this SQLite file, created if absent. Default: in memory.
    #[must_use]
    pub fn database(mut self, path: impl Into<PathBuf>) -> Builder {
        self.location = Location::File(path.into());
        self
    }

    /// Returns the files that the engine keeps: the database and those beside it; none in memory. A
    /// host serves none of them. While an engine has them open,
    /// [`open_regular`](crate::backend::open_regular) refuses them.
    pub fn database_files(&self) -> Vec<PathBuf> {
        self.location.files()
    }

    /// Keeps everything in memory; it is lost when the engine ends. The default.
    #[must_use]
    pub fn in_memory(mut self) -> Builder {
        self.location = Location::Memory;
        self
    }

    /// What a commit survives. Default: [`Durability::Power`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Builder {
        self.durability = durability;
        self
    }

    /// Whether to open a database that lacks commits of an earlier run ([`Error::CommitsLost`]).
    /// Such a database begins a new instance of events. Default: no.
    #[must_use]
    pub fn accept_loss(mut self, accept: bool) -> Builder {
        self.accept_loss = accept;
        self
    }

    /// Adds a chat system. The first one takes the addresses whose scheme no backend has. `open`
    /// refuses two backends of one scheme.
    #[must_use]
    pub fn backend(mut self, backend: impl Backend) -> Builder {
        self.backends.push(Arc::new(backend));
        self
    }

    /// Adds a chat system that the caller shares.
    #[must_use]
    pub fn shared_backend(mut self, backend: Arc<dyn Backend>) -> Builder {
        self.backends.push(backend);
        self
    }

    /// Names the scheme of the backend that takes addresses of any other scheme. Default: the first
    /// backend's.
    #[must_use]
    pub fn default_backend(mut self, scheme: impl Into<String>) -> Builder {
        self.default_backend = Some(scheme.into());
        self
    }

    /// The clock that the engine uses. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Builder {
        self.clock = Arc::new(clock);
        self
    }

    /// The super user (§tokens/super-user). Default: none, so nobody can log in without an agent.
    #[must_use]
    pub fn super_user(mut self, name: impl Into<String>, password: impl Into<Secret>) -> Builder {
        self.super_user = Some((name.into(), Some(password.into())));
        self
    }

    /// Has a directory check the super user's password (§tokens/super-user); instead of
    /// [`Builder::super_user`].
    #[must_use]
    pub fn super_user_of_directory(mut self, name: impl Into<String>) -> Builder {
        self.super_user = Some((name.into(), None));
        self
    }

    /// Adds a directory that checks passwords (§tokens/directory). A user with a password here is
    /// checked here first; then the directories are asked, in the order in which they were added.
    /// Default: none.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Builder {
        self.directories
            .authenticators
            .push(Arc::new(authenticator));
        self
    }

    /// As [`Builder::authenticator`], for one that is shared.
    #[must_use]
    pub fn shared_authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Builder {
        self.directories.authenticators.push(authenticator);
        self
    }

    /// The one authenticator, by its [name](Authenticator::name), that checks passwords; `none`:
    /// users without a password here cannot log in with one. Default: all are asked.
    #[must_use]
    pub fn default_authenticator(mut self, name: impl Into<String>) -> Builder {
        self.directories.default = Some(name.into());
        self
    }

    /// The company's domains, by which the spellings of a user's name are compared (§tokens/names).
    #[must_use]
    pub fn domains(mut self, domains: Domains) -> Builder {
        self.directories.domains = domains;
        self
    }

    /// How often accounts of directories that hold tokens are looked at again (§tokens/directory).
    /// Default 10 minutes, 10 s to 24 h.
    #[must_use]
    pub fn recheck_accounts(mut self, every: Duration) -> Builder {
        self.directories.recheck = every;
        self
    }

    /// How event ids behave across restarts. Default: [`EventMode::Durable`].
    #[must_use]
    pub fn event_mode(mut self, mode: EventMode) -> Builder {
        self.event_mode = mode;
        self
    }

    /// How far back a reader without a cursor gets events (§events/last-event). Default 15 s, 1 s
    /// to 1 h.
    #[must_use]
    pub fn event_window(mut self, window: Duration) -> Builder {
        self.event_window = window;
        self
    }

    /// How long a token is valid. Default 1 h (§tokens/lifetime), 1 s to 1 year.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Builder {
        self.token_lifetime = lifetime;
        self
    }

    /// How long a link may be lost before the engine announces its channels as inactive. Default 10
    /// s, at most 1 h.
    #[must_use]
    pub fn flap_delay(mut self, delay: Duration) -> Builder {
        self.flap_delay = delay;
        self
    }

    /// How long a post may take in all, its waits included. Default 35 s, 1 s to 1 h.
    #[must_use]
    pub fn post_deadline(mut self, deadline: Duration) -> Builder {
        self.post_deadline = deadline;
        self
    }

    /// How long messages and notices are kept. Default 30 days; `None` keeps them for ever.
    #[must_use]
    pub fn keep_messages(mut self, age: Option<Duration>) -> Builder {
        self.keep_messages = age;
        self
    }

    /// How many bytes the database may have before messages are deleted, those of the largest user
    /// first. Half of it is kept for messages and notices, whatever else the file holds, and an
    /// eighth for the audit. Default 4 GiB; `None` sets no limit.
    #[must_use]
    pub fn keep_bytes(mut self, bytes: Option<u64>) -> Builder {
        self.keep_bytes = bytes;
        self
    }

    /// How long the audit is kept. Default 400 days; `None` keeps it for ever.
    #[must_use]
    pub fn keep_audit(mut self, age: Option<Duration>) -> Builder {
        self.keep_audit = age;
        self
    }

    /// How often a channel that refused an agent is tried again: one from which the agent was
    /// banned, for example. Default: only when an administrator puts it again. 1 min to 366 days.
    #[must_use]
    pub fn retry_refused(mut self, every: Duration) -> Builder {
        self.retry_refused = Some(every);
        self
    }

    /// How many waits for events one agent may have at once. Default 1,024, at least 1.
    #[must_use]
    pub fn waiters_per_agent(mut self, most: usize) -> Builder {
        self.waiters_per_agent = most.max(1);
        self
    }

    /// How many worker threads the engine's own runtime has. Default 2, at least 1.
    #[must_use]
    pub fn worker_threads(mut self, threads: usize) -> Builder {
        self.worker_threads = threads.max(1);
        self
    }

    /// The largest event id before a new instance begins. For tests of that moment.
    #[doc(hidden)]
    #[must_use]
    pub fn shown_max(mut self, most: i64) -> Builder {
        self.shown_max = Some(most);
        self
    }

    /// Checks whether the settings are within their limits. [`Builder::open`] begins with this
    /// check.
    ///
    /// # Errors
    /// `Invalid` names the setting and its limits.
    pub fn check(&self) -> Result<()> {
        let (second, hour, year) = (
            Duration::from_secs(1),
            Duration::from_secs(3600),
            Duration::from_secs(366 * 86_400),
        );
        let within = |what: &str, value: Duration, least: Duration, most: Duration| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::Invalid(format!(
                "{what} is {value:?}, but must be {least:?} to {most:?}"
            )))
        };
        within("event_window", self.event_window, second, hour)?;
        within("token_lifetime", self.token_lifetime, second, year)?;
        within("flap_delay", self.flap_delay, Duration::ZERO, hour)?;
        within("post_deadline", self.post_deadline, second, hour)?;
        let minute = Duration::from_secs(60);
        let every = self.retry_refused.unwrap_or(minute);
        within("retry_refused", every, minute, year)?;
        let day = Duration::from_secs(86_400);
        within(
            "recheck_accounts",
            self.directories.recheck,
            second * 10,
            day,
        )?;
        self.directories.check()?;
        let is_length = |secret: &Secret| (1..=1024).contains(&secret.expose().len());
        if matches!(&self.super_user, Some((_, None))) && self.directories.authenticators.is_empty()
        {
            return Err(Error::invalid(
                "the super user's password is in a directory, but there is none",
            ));
        }
        if let Some((name, password)) = &self.super_user
            && (name.is_empty() || !password.as_ref().is_none_or(is_length))
        {
            return Err(Error::invalid(
                "the super user needs a name, and a password of 1 to 1,024 bytes",
            ));
        }
        Ok(())
    }

    /// The backends, by scheme.
    pub(crate) fn backends(&self) -> Result<Backends> {
        let scheme = |backend: &Arc<dyn Backend>| {
            backend
                .network()
                .as_str()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let schemes: Vec<String> = self.backends.iter().map(scheme).collect();
        for (at, one) in schemes.iter().enumerate() {
            if schemes[..at].contains(one) {
                return Err(Error::Invalid(format!(
                    "two backends take the scheme `{one}`"
                )));
            }
        }
        let default = match &self.default_backend {
            None => 0,
            Some(named) => schemes
                .iter()
                .position(|one| one == named)
                .ok_or_else(|| Error::Invalid(format!("no backend takes the scheme `{named}`")))?,
        };
        Ok(Backends::new(self.backends.clone(), default))
    }
}
