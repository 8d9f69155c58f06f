//! Errors, with one variant for each thing that a caller would do differently.
//!
//! [`Error::code`] is a stable name, which the REST protocol uses too; only
//! `wire` knows the status number that belongs to it there. [`Error::outcome`] says whether a
//! failed post may be repeated without a duplicate. `source` leads to the error below, if there is
//! one; the text is complete without it. Rejected: one error type per module (a caller holds one
//! engine, not twelve modules), and variants that name foreign error types (they would put rusqlite
//! and tokio into the public API).

mod cause;

pub use cause::Cause;

use std::time::Duration;

/// The result of every call of the engine that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whether a call that failed may have had its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It had none: repeating the call cannot make a duplicate.
    NotDone,
    /// It may have had its effect: look before repeating, or repeat with the same key.
    Unknown,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The credentials or the token are not valid, or the right that they gave has ended: log in
    /// again.
    #[error("{0}")]
    Unauthorized(String),
    /// The request itself is wrong: a bad id, a value out of range, an unreadable filter.
    #[error("{0}")]
    Invalid(String),
    /// The caller is known but may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// There is no agent, user, throttle, key or channel of that name.
    #[error("{0}")]
    NotFound(String),
    /// The agent is not signed in to its chat system; the engine keeps trying.
    #[error("agent `{agent}` is not active: {reason}")]
    AgentInactive {
        /// The agent.
        agent: String,
        /// Why; in the chat system's words, if it gave any.
        reason: String,
        /// When the next try is due, if one is scheduled.
        retry_after: Option<Duration>,
    },
    /// The channel is provisioned, but the agent is not in it.
    #[error("channel `{channel}` is not active: {reason}")]
    ChannelInactive {
        /// The channel.
        channel: String,
        /// Why.
        reason: String,
    },
    /// A message, a subject, an upload, or what is provisioned for an agent is larger than its
    /// limit.
    #[error("{what} of {length} is over the limit of {limit}")]
    TooLarge {
        /// What was too large, for example `message text`.
        what: &'static str,
        /// How large it was (characters for texts, bytes for whole messages, uploads and metadata).
        length: u64,
        /// The largest that is accepted, in the same unit.
        limit: u64,
    },
    /// A throttle refused the call (§throttles/count).
    #[error("throttle `{throttle}` admits no more for now")]
    Throttled {
        /// The throttle's id.
        throttle: String,
        /// How long until the same call would be admitted.
        retry_after: Duration,
    },
    /// A queue or pool of the engine is full, or the chat system asked for a pause: try again.
    #[error("{what} is busy")]
    Busy {
        /// What is busy.
        what: String,
        /// How long to wait before the next try.
        retry_after: Duration,
    },
    /// The chat system cannot be reached; it was handed nothing.
    #[error("the chat system cannot be reached: {0}")]
    Unreachable(String),
    /// The chat system refused what it was given.
    #[error("the chat system refused: {0}")]
    Rejected(String),
    /// This chat system or this session cannot do that.
    #[error("not supported here: {0}")]
    Unsupported(String),
    /// The chat system was handed the call and has not answered: the call may or may not have had
    /// its effect.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// The event instance of the cursor is not the present one: start again at the window
    /// (§events/gone).
    #[error("the event instance has changed; start again at 0 without an instance")]
    InstanceGone,
    /// A newer reader of the same name took over.
    #[error("a newer reader named `{0}` took over")]
    Superseded(String),
    /// Somebody else was first: the agent is at another revision than the caller expected, or
    /// another content was posted with that key.
    #[error("{0}")]
    Conflict(String),
    /// The deadline of a wait passed.
    #[error("timed out: {0}")]
    TimedOut(String),
    /// The engine is shut down or shutting down.
    #[error("the engine is shut down")]
    Closed,
    /// A blocking call was made on one of the engine's own threads, where it would wait for itself.
    #[error(
        "a blocking call on one of the engine's own threads would wait for itself; use its async twin"
    )]
    WouldDeadlock,
    /// Another engine, in this process or another, has the database open.
    #[error("database `{0}` is in use by another engine")]
    InUse(String),
    /// The file is the database of another application, or no database at all.
    #[error("`{path}` is not a switchboard database: {reason}")]
    ForeignDatabase {
        /// The file.
        path: String,
        /// What the file is instead.
        reason: String,
    },
    /// The database was written by a newer switchboard.
    #[error("`{path}` has schema version {found}, this switchboard knows up to {known}")]
    NewerDatabase {
        /// The file.
        path: String,
        /// Its schema version.
        found: i64,
        /// The newest version that this build can open.
        known: i64,
    },
    /// The database lacks commits of an earlier run: put the missing files back, or accept the
    /// loss.
    #[error("{}", commits_lost(path, lacking))]
    CommitsLost {
        /// The file.
        path: String,
        /// What is missing, in words.
        lacking: String,
    },
    /// The database is damaged.
    #[error("the database is damaged: {reason}")]
    Corrupt {
        /// What is damaged.
        reason: String,
        /// The error of SQLite, if it reported the damage.
        source: Option<Cause>,
    },
    /// The disk or SQLite failed; nothing was written.
    #[error("storage failed: {reason}")]
    Storage {
        /// What failed; it includes the text of `source`.
        reason: String,
        /// The error of the system ([`std::io::Error`]) or of SQLite, if there is one. The type of
        /// SQLite's error changes with the version of its driver.
        source: Option<Cause>,
    },
    /// The host's own code, which the engine called, failed; `source` is its error, with its own
    /// type.
    #[error("the host failed: {0}")]
    Host(#[source] Cause),
    /// A bug of the engine or of a backend, which was caught.
    #[error("internal error: {0}")]
    Internal(String),
}

fn commits_lost(path: &str, lacking: &str) -> String {
    format!(
        "`{path}` lacks what was committed: {lacking}; put `{path}` and `{path}-wal` back, or accept the loss (`--accept-loss`, `Builder::accept_loss`), and a new instance of events begins"
    )
}

impl Error {
    /// Carries the host's own error through the engine: code `host`, and `source` returns `error`,
    /// whatever its type. An `Error` of the engine, also in a `Box<dyn Error>`, is returned as it
    /// is, so that a failed call keeps its code on its way through the host's code.
    ///
    /// ```
    /// use std::error::Error as _;
    /// use switchboard::Error;
    ///
    /// #[derive(Debug)]
    /// struct NoTicket(u32);
    /// impl std::fmt::Display for NoTicket {
    ///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    ///         write!(f, "no ticket {}", self.0)
    ///     }
    /// }
    /// impl std::error::Error for NoTicket {}
    ///
    /// let error = Error::host(NoTicket(7));
    /// assert_eq!((error.code(), &*error.to_string()), ("host", "the host failed: no ticket 7"));
    /// let own = error.source().and_then(|source| source.downcast_ref::<NoTicket>());
    /// assert_eq!(own.map(|ticket| ticket.0), Some(7));
    /// assert_eq!(Error::host(Error::Closed), Error::Closed);
    /// ```
    pub fn host(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        match error.into().downcast::<Error>() {
            Ok(error) => *error,
            Err(own) => Error::Host(Cause::new(own)),
        }
    }

    /// The stable name of this error, the same in the engine and on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Unauthorized(_) => "unauthorized",
            Error::Invalid(_) => "invalid",
            Error::Forbidden(_) => "forbidden",
            Error::NotFound(_) => "not_found",
            Error::AgentInactive { .. } => "agent_inactive",
            Error::ChannelInactive { .. } => "channel_inactive",
            Error::TooLarge { .. } => "too_large",
            Error::Throttled { .. } => "throttled",
            Error::Busy { .. } => "busy",
            Error::Unreachable(_) => "unreachable",
            Error::Rejected(_) => "rejected",
            Error::Unsupported(_) => "unsupported",
            Error::OutcomeUnknown(_) => "outcome_unknown",
            Error::InstanceGone => "instance_gone",
            Error::Superseded(_) => "superseded",
            Error::Conflict(_) => "conflict",
            Error::TimedOut(_) => "timed_out",
            Error::Closed => "closed",
            Error::WouldDeadlock => "would_deadlock",
            Error::InUse(_) => "in_use",
            Error::ForeignDatabase { .. } => "foreign_database",
            Error::NewerDatabase { .. } => "newer_database",
            Error::CommitsLost { .. } => "commits_lost",
            Error::Corrupt { .. } => "corrupt",
            Error::Storage { .. } => "storage",
            Error::Host(_) => "host",
            Error::Internal(_) => "internal",
        }
    }

    /// How long to wait before the same call can succeed, if the engine knows.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Throttled { retry_after, .. } | Error::Busy { retry_after, .. } => {
                Some(*retry_after)
            }
            Error::AgentInactive { retry_after, .. } => *retry_after,
            Error::Unreachable(_) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// Whether the failed call may have had its effect.
    pub fn outcome(&self) -> Outcome {
        match self {
            Error::OutcomeUnknown(_) | Error::Internal(_) | Error::Host(_) => Outcome::Unknown,
            _ => Outcome::NotDone,
        }
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Error {
        Error::Invalid(text.into())
    }

    /// A failure of storage that the engine itself noticed.
    pub(crate) fn storage(reason: impl Into<String>) -> Error {
        Error::Storage {
            reason: reason.into(),
            source: None,
        }
    }

    /// A failure of storage because of `source`; the text is `what`, a colon, and its text.
    pub(crate) fn storage_by(
        what: impl std::fmt::Display,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        Error::Storage {
            reason: format!("{what}: {source}"),
            source: Some(Cause::new(source)),
        }
    }

    /// Damage that the engine itself noticed.
    pub(crate) fn corrupt(reason: impl Into<String>) -> Error {
        Error::Corrupt {
            reason: reason.into(),
            source: None,
        }
    }

    pub(crate) fn unknown(kind: &str, id: &dyn std::fmt::Display) -> Error {
        Error::NotFound(format!("no {kind} `{id}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("ticket {0} is closed")]
    struct Closed(u32);

    #[test]
    fn a_hosts_own_error_comes_back_with_its_type() {
        let boxed: Box<dyn std::error::Error + Send + Sync> = Closed(7).into();
        for error in [Error::host(Closed(7)), Error::host(boxed)] {
            let again = error.clone();
            let own = again.source().and_then(|source| source.downcast_ref());
            assert_eq!(own.map(|Closed(ticket)| *ticket), Some(7));
            assert_eq!((error.code(), error.outcome()), ("host", Outcome::Unknown));
            assert_eq!(error.to_string(), "the host failed: ticket 7 is closed");
            assert_eq!(error, again);
            assert_ne!(error, Error::host(Closed(8)));
        }
    }

    #[test]
    fn an_error_of_the_engine_keeps_its_code_on_its_way_through_a_host() {
        let busy = Error::Busy {
            what: "it".into(),
            retry_after: Duration::from_secs(1),
        };
        assert_eq!(Error::host(busy.clone()), busy);
        let boxed: Box<dyn std::error::Error + Send + Sync> = busy.clone().into();
        assert_eq!(Error::host(boxed), busy);
        assert_eq!(
            Error::host("in words").to_string(),
            "the host failed: in words"
        );
    }

    #[test]
    fn a_failure_of_the_disk_leads_to_the_systems_error() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let error = Error::storage_by("cannot open `a.db`", full());
        let source = error.source().and_then(|source| source.downcast_ref());
        assert_eq!(
            source.map(io::Error::kind),
            Some(io::ErrorKind::StorageFull)
        );
        assert_eq!(
            error.to_string(),
            format!("storage failed: cannot open `a.db`: {}", full())
        );
        assert!(Error::storage("it").source().is_none());
        assert!(Error::Closed.source().is_none());
    }
}
