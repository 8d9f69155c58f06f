//! Errors on the wire: the one place with status numbers.
//!
//! A status says what the caller can do. So 401 is answered only where a new login helps: one of
//! the vendor's clients logs in without end on every other 401. And 503 and 429, which invite a
//! repeat, are answered only where the call had no effect (§answer/unauthorized, §answer/repeat).

use crate::error::Error;
use serde::Serialize;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename = "Error", rename_all = "PascalCase")]
pub struct ErrorBody {
    /// The stable name of the error: [`Error::code`], or a name of the HTTP side, for example
    /// `method_not_allowed`.
    pub code: String,
    /// One sentence: what was wrong.
    pub message: String,
    /// The id under which the gateway's log has this request.
    pub request_id: String,
}

impl ErrorBody {
    /// A body with a code of the HTTP side.
    pub fn new(code: &str, message: impl Into<String>, request_id: &str) -> ErrorBody {
        ErrorBody {
            code: code.to_owned(),
            message: message.into(),
            request_id: request_id.to_owned(),
        }
    }

    /// The body for an error of the engine. It hides the text of our own failures, because paths
    /// and SQLite's messages belong in the log.
    pub fn of(error: &Error, request_id: &str) -> ErrorBody {
        let ours =
            status(error) == 500 && !matches!(error, Error::OutcomeUnknown(_) | Error::TimedOut(_));
        let message = if ours {
            "the gateway failed; its log says more".to_owned()
        } else {
            error.to_string()
        };
        ErrorBody::new(error.code(), message, request_id)
    }
}

/// Done.
pub const DONE: u16 = 200;
/// Done, and there is nothing to say.
pub const NO_CONTENT: u16 = 204;
/// A channel was added that the agent has already.
pub const NOT_MODIFIED: u16 = 304;
/// The gateway is not ready to serve.
pub const NOT_READY: u16 = 503;
/// What a log says of a client that hung up before it was answered.
pub const HUNG_UP: u16 = 499;

/// Everything that is answered and is not a success.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The engine, or the reading of the request, failed with this error.
    Engine(Error),
    /// No resource has this path; the text says what is wrong with it.
    NoResource(String),
    /// The resource has only these methods, in the form of `Allow`.
    OtherMethods(String),
    /// The path with its query is too long.
    TargetTooLong {
        /// Its bytes.
        length: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The body did not keep coming. It was never whole, so nothing happened, and a client may send it again: hence no
    /// 400, which says that the same request will fail again.
    TooSlow,
    /// The headers are too many or too long; the text has the figures.
    HeadersTooLarge(String),
    /// A login without a name and without a ticket, where a ticket would do (§tokens/kerberos).
    TicketWanted,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Engine(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Engine(error) => error.fmt(f),
            Failure::NoResource(text) | Failure::HeadersTooLarge(text) => f.write_str(text),
            Failure::OtherMethods(allow) => write!(f, "this resource answers {allow}"),
            Failure::TargetTooLong { length, limit } => {
                write!(f, "the URL of {length} is over the limit of {limit}")
            }
            Failure::TooSlow => f.write_str("the body did not keep coming"),
            Failure::TicketWanted => {
                f.write_str("bring a user name and a password, or a Kerberos ticket")
            }
        }
    }
}

impl Failure {
    /// The status of its response.
    pub fn status(&self) -> u16 {
        match self {
            Failure::Engine(error) => status(error),
            Failure::TicketWanted => 401,
            Failure::NoResource(_) => 404,
            Failure::OtherMethods(_) => 405,
            Failure::TooSlow => 408,
            Failure::TargetTooLong { .. } => 414,
            Failure::HeadersTooLarge(_) => 431,
        }
    }

    /// The body of its response.
    pub fn body(&self, request_id: &str) -> ErrorBody {
        let code = match self {
            Failure::Engine(error) => return ErrorBody::of(error, request_id),
            Failure::NoResource(_) => "not_found",
            Failure::OtherMethods(_) => "method_not_allowed",
            Failure::TooSlow => "too_slow",
            Failure::TargetTooLong { .. } => "target_too_long",
            Failure::HeadersTooLarge(_) => "headers_too_large",
            Failure::TicketWanted => "unauthorized",
        };
        ErrorBody::new(code, self.to_string(), request_id)
    }

    /// What `Retry-After` says, as [`retry_after`].
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Failure::Engine(error) => retry_after(error),
            _ => None,
        }
    }

    /// Whether it is the gateway's own, and belongs into its log.
    pub fn is_ours(&self) -> bool {
        self.status() == 500
    }
}

/// Whether a status is an error's.
pub(super) fn is_failure(status: u16) -> bool {
    status >= 400
}

/// Whether a status invites a repeat.
pub(super) fn is_temporary(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// The status an error is answered with.
pub fn status(error: &Error) -> u16 {
    match error {
        Error::Invalid(_) | Error::Rejected(_) | Error::Unsupported(_) => 400,
        Error::Unauthorized(_) => 401,
        Error::Forbidden(_) => 403,
        Error::NotFound(_) | Error::ChannelInactive { .. } => 404,
        Error::Conflict(_) => 409,
        Error::InstanceGone => 410,
        Error::TooLarge { .. } => 413,
        Error::Throttled { .. } => 429,
        Error::AgentInactive { .. }
        | Error::Busy { .. }
        | Error::Unreachable(_)
        | Error::Closed => 503,
        // A newer poll took over: the host answers the older with 200 and `[]` and never asks for a
        // number.
        Error::Superseded(_) => 200,
        _ => 500,
    }
}

/// What a status means in this contract, in a few words, for example for OpenAPI.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "Done.",
        204 => "Done; the answer has no body.",
        304 => "Nothing changed.",
        400 => {
            "The request cannot be read, names an impossible id, or is refused by the chat system."
        }
        401 => "There is no token, or it has ended; a new login cures it.",
        403 => "The caller may not do this.",
        404 => "There is no such thing, or the channel is not active.",
        408 => "The body did not keep coming; nothing happened.",
        409 => "Somebody else changed it in the meantime.",
        410 => {
            "The event instance has changed; start again with `last-event=0` and without `instance`."
        }
        413 => "It is too long.",
        414 => "The URL is too long.",
        429 => "A throttle refused the call; Retry-After says when to repeat it.",
        431 => "The headers are too many or too long.",
        500 => "The gateway failed, or the chat system did not answer and the outcome is unknown.",
        503 => "Not now; Retry-After says when to repeat the call.",
        _ => "See the contract.",
    }
}

/// The value of `Retry-After`: whole seconds, rounded up, at least one. `None` means that the
/// header is absent.
pub fn retry_after(error: &Error) -> Option<u64> {
    if !is_temporary(status(error)) {
        return None;
    }
    let known = error
        .retry_after()
        .map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
    Some(known.unwrap_or(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_error_has_the_status_of_the_rules() {
        let text = || "why".to_owned();
        let second = Duration::from_secs(1);
        for (error, expected) in [
            (Error::Unauthorized(text()), 401),
            (Error::Invalid(text()), 400),
            (Error::Forbidden(text()), 403),
            (Error::NotFound(text()), 404),
            (
                Error::AgentInactive {
                    agent: text(),
                    reason: text(),
                    retry_after: None,
                },
                503,
            ),
            (
                Error::ChannelInactive {
                    channel: text(),
                    reason: text(),
                },
                404,
            ),
            (
                Error::TooLarge {
                    what: "message text",
                    length: 501,
                    limit: 500,
                },
                413,
            ),
            (
                Error::Throttled {
                    throttle: text(),
                    retry_after: second,
                },
                429,
            ),
            (
                Error::Busy {
                    what: text(),
                    retry_after: second,
                },
                503,
            ),
            (Error::Unreachable(text()), 503),
            (Error::Rejected(text()), 400),
            (Error::Unsupported(text()), 400),
            (Error::OutcomeUnknown(text()), 500),
            (Error::InstanceGone, 410),
            (Error::Conflict(text()), 409),
            (Error::Closed, 503),
            (Error::TimedOut(text()), 500),
            (Error::WouldDeadlock, 500),
            (
                Error::CommitsLost {
                    path: text(),
                    lacking: text(),
                },
                500,
            ),
            (Error::corrupt(text()), 500),
            (Error::storage(text()), 500),
            (Error::host(text()), 500),
            (Error::Internal(text()), 500),
        ] {
            assert_eq!(status(&error), expected, "{error:?}");
            assert_eq!(
                retry_after(&error).is_some(),
                matches!(expected, 429 | 503),
                "{error:?}"
            );
        }
    }

    #[test]
    fn retry_after_is_rounded_up() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let error = Error::Throttled {
                throttle: "t".into(),
                retry_after: Duration::from_millis(wait),
            };
            assert_eq!(retry_after(&error), Some(seconds));
        }
    }

    #[test]
    fn what_went_wrong_inside_stays_inside() {
        let error = Error::storage("disk I/O error in /srv/secret/switchboard.db");
        assert_eq!(
            ErrorBody::of(&error, "7").message,
            "the gateway failed; its log says more"
        );
        assert_eq!(
            ErrorBody::of(&Error::OutcomeUnknown("no answer".into()), "7").message,
            "outcome unknown: no answer"
        );
    }
}
