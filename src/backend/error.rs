//! How a chat system's refusal reaches the engine: one kind per thing the engine would do
//! differently.

use std::time::Duration;

/// What kind of failure it was, and so what the engine does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// The chat system cannot be reached, or went away before it was given anything: retried with
    /// back-off.
    Unreachable,
    /// Credentials or rights were refused: of an agent retried after 5, 15, then every 30 minutes, of
    /// a channel not retried.
    Refused,
    /// It asks for a pause of that length.
    RetryAfter(Duration),
    /// The channel no longer exists.
    ChannelGone,
    /// This message or request was rejected; others may do.
    Rejected,
    /// It takes nothing larger than that many bytes.
    TooLarge(u64),
    /// It cannot do that at all.
    Unsupported,
    /// It said something that cannot be understood, or the connector failed: retried with back-off.
    Protocol,
    /// It was handed over and no answer came: it may have happened.
    OutcomeUnknown,
}

/// A failure, with the chat system's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BackendError {
    /// What kind it is.
    pub kind: BackendErrorKind,
    /// Why, fit for an administrator's eyes: no secrets.
    pub reason: String,
}

impl BackendError {
    /// A failure of that kind.
    pub fn new(kind: BackendErrorKind, reason: impl Into<String>) -> BackendError {
        BackendError {
            kind,
            reason: reason.into(),
        }
    }

    /// The chat system cannot be reached.
    pub fn unreachable(reason: impl Into<String>) -> BackendError {
        BackendError::new(BackendErrorKind::Unreachable, reason)
    }

    /// Credentials or rights were refused.
    pub fn refused(reason: impl Into<String>) -> BackendError {
        BackendError::new(BackendErrorKind::Refused, reason)
    }

    /// It was handed over and no answer came: it may have happened.
    pub fn unknown(reason: impl Into<String>) -> BackendError {
        BackendError::new(BackendErrorKind::OutcomeUnknown, reason)
    }

    /// This backend cannot do `what`.
    pub fn unsupported(what: &str) -> BackendError {
        BackendError::new(
            BackendErrorKind::Unsupported,
            format!("this chat system has no {what}"),
        )
    }

    /// Whether trying the same again later can help.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            BackendErrorKind::Unreachable
                | BackendErrorKind::RetryAfter(_)
                | BackendErrorKind::Protocol
                | BackendErrorKind::OutcomeUnknown
        )
    }
}

/// A connection that fails is lost: [`BackendErrorKind::Unreachable`].
impl From<std::io::Error> for BackendError {
    fn from(error: std::io::Error) -> BackendError {
        BackendError::unreachable(error.to_string())
    }
}
