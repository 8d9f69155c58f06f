//! A message on its way into a conversation, and what its caller is told. The same for contacts and
//! meetings.

use super::post::Done;
use super::reports::Report;
use super::turn::Turn;
use crate::backend::ucwa::protocol::address::{key_of, last_segment};
use crate::backend::ucwa::protocol::data_uri::Format;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response, Trouble};
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::ucwa::protocol::{failure, markup};
use crate::backend::{Accepted, BackendError, BackendErrorKind, Outgoing};
use chrono::{DateTime, Utc};

/// What became of a message that was sent into a conversation.
pub(crate) enum Fate {
    /// The server has it, or may have it. Its key, if the server said it.
    Taken(Option<String>),
    /// The conversation does not exist any more; nobody got the message.
    Ended,
    /// Nobody got it.
    Refused(BackendError),
}

/// The request that sends `message` to `url`.
pub(crate) fn request(url: &Url, operation: &str, takes_html: bool, message: &Outgoing) -> Request {
    let written = markup::write(&message.content.parts, &message.text, takes_html);
    let kind = match written.format {
        Format::Plain => "text/plain; charset=utf-8",
        Format::Html => "text/html; charset=utf-8",
    };
    Request::post(url.with("OperationContext", operation)).body(kind, written.text)
}

/// What the response says of a message that was sent.
pub(crate) fn fate(turn: &Turn<'_>, result: Result<Response, Trouble>) -> Fate {
    match result {
        Ok(response) => Fate::Taken(response.location.map(|location| key_of(&location))),
        Err(Trouble::Lost(Lost::Unanswered(_))) => Fate::Taken(None),
        Err(Trouble::Lost(Lost::Unsent(error))) => Fate::Refused(error),
        Err(Trouble::Failed(failure)) => {
            let status = failure.status;
            let is_dead = status.is_missing() || status.is_conflict() || status.is_gone();
            if is_dead && failure.is_ucwa && turn.over.is_none() {
                Fate::Ended
            } else {
                Fate::Refused(failure.of_post())
            }
        }
    }
}

/// Answers a post whose delivery was reported.
pub(crate) fn answer_report(
    turn: &mut Turn<'_>,
    conversation: &str,
    done: Done<Accepted>,
    report: &Report,
) {
    let answer = match &report.failed {
        Some(reason) if report.is_unclear => {
            let why = failure::of_delivery(reason.as_ref()).reason;
            Err(unknown(format!("{why}; somebody may have got it")))
        }
        Some(reason) => Err(failure::of_delivery(reason.as_ref())),
        None => accepted(turn, conversation, last_segment(&report.href), report.time),
    };
    turn.posted(done, answer);
}

/// What the caller of a post is told: the server has it under that number.
///
/// # Errors
/// `OutcomeUnknown` if no id can be made of the number.
pub(crate) fn accepted(
    turn: &Turn<'_>,
    conversation: &str,
    number: &str,
    time: Option<DateTime<Utc>>,
) -> Result<Accepted, BackendError> {
    let profile = turn.profile;
    let id = profile
        .message_id(conversation, number)
        .ok_or_else(|| unknown("the server gave the message no id"))?;
    let mut accepted =
        Accepted::new(id, profile.address.as_str()).with_alias(profile.application.name.clone());
    accepted.time = time;
    Ok(accepted)
}

/// Answers posts whose conversation ended before their delivery was reported.
pub(crate) fn forsake(turn: &mut Turn<'_>, waiting: Vec<Done<Accepted>>) {
    for done in waiting {
        turn.posted(
            done,
            Err(unknown(
                "the conversation ended before the message's delivery was reported",
            )),
        );
    }
}

/// The error of a post that somebody may have got.
pub(crate) fn unknown(reason: impl Into<String>) -> BackendError {
    BackendError::new(BackendErrorKind::OutcomeUnknown, reason)
}
