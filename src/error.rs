//! Errors, with one variant for each thing that a caller would do differently.
//!
//! [`Error::code`] is a stable name, which the REST protocol uses too; only
//! `wire` knows the status number that belongs to it there. [`Error::outcome`] says whether a
//! failed post may be repeated without a duplicate. Rejected: one error type per module (a caller
//! holds one engine, not twelve modules), and variants that carry foreign error types (they would
//! put rusqlite and tokio into the public API).

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
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// The disk or SQLite failed; nothing was written.
    #[error("storage failed: {0}")]
    Storage(String),
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
            Error::Corrupt(_) => "corrupt",
            Error::Storage(_) => "storage",
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
            Error::OutcomeUnknown(_) | Error::Internal(_) => Outcome::Unknown,
            _ => Outcome::NotDone,
        }
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Error {
        Error::Invalid(text.into())
    }

    pub(crate) fn unknown(kind: &str, id: &dyn std::fmt::Display) -> Error {
        Error::NotFound(format!("no {kind} `{id}`"))
    }
}
