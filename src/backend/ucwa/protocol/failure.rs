//! Refusals of a server as errors of the engine (§ucwa/errors, §ucwa/application-end,
//! §ucwa/events-special). Pure.
//!
//! Only `code` is certain. The meaning of a subcode depends on the request, and unknown subcodes
//! must be tolerated: then the status decides. A body that is no JSON comes from a proxy or the web
//! server and says nothing about the application. Rejected: the server's `message` as the whole
//! reason, because it is in the server's language and often empty. It is added to our own text.

use super::lenient::json;
use super::reason::{Reason, short};
use super::status::Status;
use crate::backend::{BackendError, BackendErrorKind};
use serde_json::Value;
use std::time::Duration;

/// The pause after a server says that there are too many requests, but not how long to wait.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a `Retry-After` may ask for.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// The pause after the server took the application's place away from it, or had none for it. Other
/// programs hold it, so nothing changes within seconds.
const CROWDED: Duration = Duration::from_secs(60);

/// What the connector does about a response that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Fetch a new token, and repeat once.
    Token,
    /// The application does not exist any more: the link is lost.
    ApplicationGone,
    /// Another program is signed in as this endpoint and took the event channel. The link is lost,
    /// and the next dial does not follow at once.
    Replaced,
    /// The server does not accept this application: an administrator has to act.
    Stop,
    /// Repeat the same request later, after that pause if the server named one.
    Again(Option<Duration>),
    /// This request was refused; others may succeed.
    Refused,
}

/// A response that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Its status.
    pub(crate) status: Status,
    /// The reason that UCWA gives, if it gives one.
    pub(crate) reason: Option<Reason>,
    /// The code of a refused token request, for example `invalid_grant`.
    pub(crate) oauth: Option<String>,
    /// The body was JSON, so it comes from UCWA and not from a proxy or the web server.
    pub(crate) is_ucwa: bool,
    /// The response had a `WWW-Authenticate` header.
    pub(crate) is_challenged: bool,
    retry_after: Option<Duration>,
}

impl Failure {
    /// Reads the body of a response, and the two headers that matter.
    pub(crate) fn read(
        status: Status,
        body: &[u8],
        is_challenged: bool,
        retry_after: Option<&str>,
    ) -> Failure {
        let body = json(body).filter(Value::is_object);
        let oauth = body
            .as_ref()
            .and_then(|body| body.get("error"))
            .and_then(Value::as_str)
            .map(short);
        let retry_after = retry_after
            .and_then(|text| text.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(PAUSE_MAX));
        Failure {
            status,
            reason: body.as_ref().and_then(Reason::of_value),
            oauth,
            is_ucwa: body.is_some(),
            is_challenged,
            retry_after,
        }
    }

    /// What the connector does about it.
    pub(crate) fn verdict(&self) -> Verdict {
        let is = |subcode| {
            self.reason
                .as_ref()
                .is_some_and(|reason| reason.is(subcode))
        };
        if self.status.wants_token() || self.status.is_forbidden() && self.is_challenged {
            return Verdict::Token;
        }
        if is("PGetReplaced") {
            return Verdict::Replaced;
        }
        if is("TooManyApplications") || is("UserAgentNotAllowed") {
            return Verdict::Stop;
        }
        if is("ApplicationNotFound")
            || is("InactiveApplicationExpired")
            // A mailbox that cannot be found is gone too, and the application is not.
            || self.status.is_gone() && self.is_ucwa && !is("CannotRedirect")
        {
            return Verdict::ApplicationGone;
        }
        if self.status.is_passing() {
            return Verdict::Again(self.retry_after);
        }
        Verdict::Refused
    }

    /// The failure in one line: the status, and what UCWA says or that the response is not from
    /// UCWA.
    pub(crate) fn words(&self) -> String {
        match (&self.reason, &self.oauth) {
            (Some(reason), _) => format!("{} {reason}", self.status),
            (None, Some(code)) => format!("{} {code}", self.status),
            (None, None) if self.is_ucwa => format!("{}", self.status),
            (None, None) => format!(
                "{}, and not from UCWA: a proxy or the web server answered",
                self.status
            ),
        }
    }

    fn pause(&self) -> Duration {
        self.retry_after.unwrap_or(PAUSE)
    }

    /// The error of an ordinary request; `what` says what failed.
    pub(crate) fn of_request(&self, what: &str) -> BackendError {
        let kind = match self.verdict() {
            Verdict::Again(_) if self.status.is_too_many() || self.retry_after.is_some() => {
                BackendErrorKind::RetryAfter(self.pause())
            }
            Verdict::Again(_) | Verdict::ApplicationGone => BackendErrorKind::Unreachable,
            Verdict::Token | Verdict::Replaced | Verdict::Stop => BackendErrorKind::Refused,
            Verdict::Refused if self.status.is_forbidden() => BackendErrorKind::Refused,
            Verdict::Refused if self.status.is_missing() && !self.is_ucwa => {
                BackendErrorKind::Unreachable
            }
            Verdict::Refused => BackendErrorKind::Rejected,
        };
        BackendError::new(kind, format!("{what}: {}", self.words()))
    }

    /// The error of a token request.
    pub(crate) fn of_token(&self, who: &str) -> BackendError {
        let said = self.words();
        match self.oauth.as_deref() {
            Some("invalid_grant") => {
                BackendError::refused(format!("the login of `{who}` was refused: {said}"))
            }
            Some("unsupported_grant_type") => BackendError::refused(format!(
                "the server does not take this kind of login: {said}"
            )),
            Some("server_error") => {
                BackendError::unreachable(format!("the server cannot make tokens now: {said}"))
            }
            _ => match self.of_request(&format!("no token for `{who}`")) {
                BackendError {
                    kind: BackendErrorKind::Rejected,
                    reason,
                } => BackendError::refused(reason),
                error => error,
            },
        }
    }

    /// The error of an application that was not made.
    pub(crate) fn of_application(&self) -> BackendError {
        let is = |subcode| {
            self.reason
                .as_ref()
                .is_some_and(|reason| reason.is(subcode))
        };
        let what = match () {
            () if is("TooManyApplications") => {
                "the account has too many applications on the server: end others that use it"
            }
            () if is("UserAgentNotAllowed") => "the server's policy does not allow this user agent",
            () if self.status.is_forbidden() => {
                "the server's policy does not allow this account to use UCWA"
            }
            () => "the application was not made",
        };
        match self.of_request(what) {
            // Another program holds the place, and may give it up.
            error if is("TooManyApplications") => {
                BackendError::new(BackendErrorKind::RetryAfter(CROWDED), error.reason)
            }
            // The next request would be the same, so it must not follow soon.
            BackendError {
                kind: BackendErrorKind::Rejected,
                reason,
            } => BackendError::refused(reason),
            error => error,
        }
    }

    /// The error of a link that cannot go on.
    pub(crate) fn of_link(&self) -> BackendError {
        match self.verdict() {
            Verdict::ApplicationGone => BackendError::unreachable(format!(
                "the server removed the application: {}",
                self.words()
            )),
            Verdict::Replaced => BackendError::new(
                BackendErrorKind::RetryAfter(CROWDED),
                format!(
                    "another program is signed in as this account's endpoint and took its events: {}",
                    self.words()
                ),
            ),
            _ => self.of_request("the event channel was refused"),
        }
    }

    /// The error of a message that the server did not accept.
    pub(crate) fn of_post(&self) -> BackendError {
        let error = self.of_request("the message was refused");
        let kind = match () {
            // A server in front may have passed the message on.
            () if self.status.is_unclear() && self.retry_after.is_none() => {
                BackendErrorKind::OutcomeUnknown
            }
            () if self.status.is_too_large() => {
                return BackendError::new(
                    BackendErrorKind::Rejected,
                    "the server takes no message that long",
                );
            }
            () if error.kind == BackendErrorKind::Refused => BackendErrorKind::Rejected,
            () => error.kind,
        };
        BackendError::new(kind, error.reason)
    }

    /// The error of a meeting that could not be joined.
    pub(crate) fn of_join(&self) -> BackendError {
        match &self.reason {
            Some(reason)
                if !matches!(self.verdict(), Verdict::Again(_) | Verdict::ApplicationGone) =>
            {
                of_join(Some(reason))
            }
            _ => self.of_request("the meeting was not joined"),
        }
    }
}

/// The error of an invitation to a contact that failed. The message in it was not delivered.
pub(crate) fn of_invitation(reason: Option<&Reason>) -> BackendError {
    let Some(reason) = reason else {
        return BackendError::new(
            BackendErrorKind::Rejected,
            "the conversation was not begun, and the server does not say why",
        );
    };
    let sentence = match () {
        () if reason.is("Declined") => "the contact declined",
        () if reason.is("Busy") => "the contact is busy",
        () if reason.is("DoNotDisturb") => "the contact does not want to be disturbed",
        () if reason.is_any(&["Unreachable", "Unavailable"]) => "the contact is not signed in",
        () if reason.is_any(&["Timeout", "Missed", "Expired"]) => "the contact did not answer",
        () if reason.is("DestinationNotFound") => "there is no such contact",
        () if reason.is("FederationRequired") => {
            "the contact is of another organization, and federation with it is not allowed"
        }
        () if reason.is_any(&["NotAllowed", "Denied"]) => {
            "the server does not allow messages to this contact"
        }
        () if reason.is_any(&[
            "ModalityNotSupported",
            "NotAcceptable",
            "UnsupportedMediaType",
        ]) =>
        {
            "the contact's program takes no messages"
        }
        () if reason.is("Canceled") => "the invitation was cancelled",
        () if reason.is("ConnectedElsewhere") => "the conversation was taken on another device",
        () if reason.is_any(&["Redirected", "Forwarded", "DerivedConversation"]) => {
            "somebody else answered for the contact"
        }
        () if reason.is("TooManyConversations") => "the account has too many conversations",
        () if reason.is("TemporarilyUnavailable") => "the contact's server is not available now",
        () if reason.is("MigrationInProgress") => "the account is being moved to another server",
        () => "the conversation was not begun",
    };
    let kind = if is_passing(reason) {
        BackendErrorKind::Unreachable
    } else {
        BackendErrorKind::Rejected
    };
    BackendError::new(kind, format!("{sentence}: {reason}"))
}

/// The error of a message that the server had accepted and did not deliver.
pub(crate) fn of_delivery(reason: Option<&Reason>) -> BackendError {
    match reason {
        None => BackendError::new(
            BackendErrorKind::Rejected,
            "the message was not delivered, and the server does not say why",
        ),
        Some(reason) => BackendError::new(
            BackendErrorKind::Rejected,
            format!("the message was not delivered: {reason}"),
        ),
    }
}

/// The error of a meeting that could not be joined.
pub(crate) fn of_join(reason: Option<&Reason>) -> BackendError {
    let Some(reason) = reason else {
        return BackendError::unreachable(
            "the meeting was not joined, and the server does not say why",
        );
    };
    let (kind, sentence) = match () {
        () if reason.is_any(&["DestinationNotFound", "ConversationNotFound"]) => {
            (BackendErrorKind::ChannelGone, "there is no such meeting")
        }
        () if reason.is_any(&["Ended", "Expired"]) => {
            (BackendErrorKind::ChannelGone, "the meeting is over")
        }
        () if reason.is_any(&["Denied", "Declined"]) => (
            BackendErrorKind::Refused,
            "the agent was not let in from the lobby",
        ),
        () if reason.is_any(&["InviteesOnly", "AttendeeNotAllowed"]) => (
            BackendErrorKind::Refused,
            "the meeting is for invited people only",
        ),
        () if reason.is_any(&["AnonymousNotAllowed", "NotAllowed"]) => (
            BackendErrorKind::Refused,
            "the agent may not join the meeting",
        ),
        () if reason.is("Timeout") => (
            BackendErrorKind::Unreachable,
            "the meeting did not answer, or nobody let the agent in from the lobby",
        ),
        () if reason.is_any(&["TooManyParticipants", "TooManyLobbyParticipants"]) => {
            (BackendErrorKind::Unreachable, "the meeting is full")
        }
        () if reason.is("TooManyConversations") => (
            BackendErrorKind::Unreachable,
            "the account has too many conversations",
        ),
        () if is_passing(reason) => (
            BackendErrorKind::Unreachable,
            "the meeting cannot be joined now",
        ),
        () if reason.is_any(&["Ejected", "Removed"]) => (
            BackendErrorKind::Refused,
            "somebody removed the agent from the meeting",
        ),
        // An unknown reason may pass.
        () => (BackendErrorKind::Unreachable, "the meeting was not joined"),
    };
    BackendError::new(kind, format!("{sentence}: {reason}"))
}

/// Why the agent is not in a meeting any more, and whether the engine joins it again by itself. It
/// does not if a person has removed the agent or ended the meeting.
pub(crate) fn of_removal(reason: Option<&Reason>) -> (String, bool) {
    let Some(reason) = reason else {
        return ("the meeting's conversation ended".into(), true);
    };
    let (sentence, may_retry) = match () {
        () if reason.is("Ejected") => ("somebody removed the agent from the meeting", false),
        () if reason.is("Removed") => ("the agent was removed from the meeting", false),
        () if reason.is("Denied") => ("the agent was not let in from the lobby", false),
        () if reason.is("Ended") => ("the meeting is over", false),
        () if reason.is("Expired") => ("the meeting has expired", false),
        () => ("the meeting's conversation ended", true),
    };
    (format!("{sentence}: {reason}"), may_retry)
}

/// Whether the same request may succeed later, as far as the reason says.
fn is_passing(reason: &Reason) -> bool {
    let codes = [
        "ServiceFailure",
        "ServiceUnavailable",
        "TooManyRequests",
        "GatewayTimeout",
        "ClientTimeout",
    ];
    let subcodes = [
        "TemporarilyUnavailable",
        "MigrationInProgress",
        "AnotherOperationPending",
        "TooManyConversations",
    ];
    codes
        .iter()
        .any(|code| reason.code.eq_ignore_ascii_case(code))
        && reason.subcode.is_empty()
        || reason.is_any(&subcodes)
}

#[cfg(test)]
#[path = "failure_test.rs"]
mod tests;
