//! What the agent says in a meeting. A story's subject is its first line, an alert is a message.

use super::Meetings;
use super::meeting::Meeting;
use crate::backend::ucwa::account::effect::{Purpose, Timer};
use crate::backend::ucwa::account::post::{Done, Post};
use crate::backend::ucwa::account::sending::{self, Fate, answer_report, unknown};
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::MeetingUri;
use crate::backend::ucwa::protocol::request::{Response, Trouble};
use crate::backend::{Accepted, BackendError, Outgoing};
use crate::model::Part;
use std::time::Duration;

/// How long a post waits for messages that are being added.
const OPEN_MAX: Duration = Duration::from_secs(10);

impl Meetings {
    /// Puts a post into its meeting's line.
    pub(crate) fn post(
        &mut self,
        turn: &mut Turn<'_>,
        uri: &MeetingUri,
        message: Outgoing,
        done: Done<Accepted>,
    ) {
        let is_in = |meeting: &&mut Meeting| meeting.is_joined && meeting.end.is_none();
        let Some(meeting) = self.of(uri).filter(is_in) else {
            return turn.posted(done, Err(away()));
        };
        meeting.line.add(turn, message, done);
        self.send_next(turn, uri);
    }

    /// Sends the next post to that meeting, if none is under way.
    fn send_next(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        let Some(meeting) = self.of(uri) else { return };
        let Some((number, post)) = meeting.line.next(turn) else {
            return;
        };
        if meeting.is_open() {
            return self.speak(turn, uri, number, post);
        }
        meeting.line.hold(post);
        turn.wait(Timer::Open(uri.clone(), number), OPEN_MAX);
    }

    /// The meeting may take messages now: a post that is kept for that leaves.
    pub(super) fn send_held(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        let Some(meeting) = self.of(uri).filter(|meeting| meeting.is_open()) else {
            return;
        };
        if let Some((number, post)) = meeting.line.release() {
            self.speak(turn, uri, number, post);
        }
    }

    /// A post has waited long enough until the meeting takes messages.
    pub(crate) fn opening_is_late(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, number: u64) {
        let Some(meeting) = self.of(uri) else { return };
        if let Some(post) = meeting.line.release_number(number) {
            let error = BackendError::unreachable("the meeting takes no messages now");
            turn.posted(post.done, Err(error));
            self.finish(turn, uri, number);
        }
    }

    fn speak(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, number: u64, post: Post) {
        let Some(meeting) = self.of(uri) else { return };
        let url = match (&meeting.send, &meeting.key) {
            (Some(send), Some(_)) => turn.profile.url(send),
            _ => Err(away()),
        };
        let Post { message, done, .. } = post;
        match url {
            Ok(url) => {
                let operation = turn.operation();
                let message = with_subject(message);
                let request = sending::request(&url, &operation, meeting.takes_html, &message);
                let purpose = Purpose::Speak {
                    uri: uri.clone(),
                    number,
                    operation,
                    done,
                };
                turn.ask(purpose, request);
            }
            Err(error) => {
                turn.posted(done, Err(error));
                self.finish(turn, uri, number);
            }
        }
    }

    /// The response to a post.
    pub(crate) fn spoke(
        &mut self,
        turn: &mut Turn<'_>,
        uri: &MeetingUri,
        number: u64,
        (operation, done): (String, Done<Accepted>),
        result: Result<Response, Trouble>,
    ) {
        match sending::fate(turn, result) {
            Fate::Refused(error) => turn.posted(done, Err(error)),
            Fate::Ended => turn.posted(done, Err(away())),
            Fate::Taken(href) => match self.of(uri) {
                Some(meeting) => {
                    let due = meeting.reports.sent(operation, href, done);
                    if let (Some((done, report)), Some(key)) = (due, &meeting.key) {
                        answer_report(turn, key, done, &report);
                    }
                }
                None => {
                    let reason = "the meeting ended before the message's delivery was reported";
                    turn.posted(done, Err(unknown(reason)));
                }
            },
        }
        self.finish(turn, uri, number);
    }

    /// A post is not under way any more; the next one follows.
    fn finish(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, number: u64) {
        if let Some(meeting) = self.of(uri) {
            meeting.line.finish(number);
            self.send_next(turn, uri);
        }
    }
}

/// The error of a post while the agent is not in the meeting. The channel has not ended: events
/// tell of that.
fn away() -> BackendError {
    BackendError::unreachable("the agent is not in the meeting just now")
}

/// The message with its subject as the first line: a meeting's messages have no subject of their
/// own.
fn with_subject(mut message: Outgoing) -> Outgoing {
    if let Some(subject) = &message.content.subject {
        let head = format!("{subject}\n");
        message.text.insert_str(0, &head);
        if !message.content.parts.is_empty() {
            message.content.parts.insert(0, Part::Text(head));
        }
    }
    message
}
