//! Messages are added to a meeting's conversation with a link that the server gives when it can be
//! done.

use super::Meetings;
use super::meeting::{Adder, Phase};
use crate::backend::BackendError;
use crate::backend::ucwa::account::effect::{Purpose, Timer};
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::MeetingUri;
use crate::backend::ucwa::protocol::failure;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response, Trouble};
use serde_json::json;
use std::time::Duration;

/// How long the link may take to come, and then the messages.
const ADD_MAX: Duration = Duration::from_secs(35);
/// How often it is tried.
const ATTEMPTS: u32 = 3;
/// The pause before the next attempt.
const PAUSE: Duration = Duration::from_secs(2);

impl Meetings {
    /// Begins to add messages.
    pub(super) fn add_messages(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        self.want_link(turn, uri, 1);
    }

    fn want_link(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, attempt: u32) {
        let Some(meeting) = self.of(uri) else { return };
        let number = turn.number();
        meeting.adder = Some(Adder {
            attempt,
            number,
            phase: Phase::WantsLink,
            operation: String::new(),
            add: String::new(),
            failed: None,
        });
        turn.wait(Timer::Adding(uri.clone(), number), ADD_MAX);
        self.go_on_adding(turn, uri);
    }

    /// Goes on after a change of the meeting.
    pub(super) fn go_on_adding(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        let Some(meeting) = self.of(uri) else { return };
        let is_open = meeting.is_open();
        let Some(adder) = meeting.adder.as_mut().filter(|_| meeting.end.is_none()) else {
            return;
        };
        match adder.phase {
            Phase::WantsLink | Phase::Waiting if is_open => self.added(turn, uri, Ok(())),
            Phase::WantsLink => {
                let Some(add) = meeting.add.take() else {
                    return;
                };
                let url = match turn.profile.url(&add) {
                    Ok(url) => url,
                    Err(error) => return self.added(turn, uri, Err(error)),
                };
                adder.operation = turn.operation();
                (adder.phase, adder.add) = (Phase::Asking, add);
                let request = Request::post(url).json(&json!({"operationId": adder.operation}));
                let purpose = Purpose::AddMessages {
                    uri: uri.clone(),
                    number: adder.number,
                };
                turn.ask(purpose, request);
            }
            Phase::Waiting => {
                if let Some(reason) = adder.failed.take() {
                    self.attempt_failed(turn, uri, failure::of_join(reason.as_ref()));
                }
            }
            Phase::Asking | Phase::Pausing => {}
        }
    }

    /// The response to an attempt.
    pub(crate) fn adding_asked(
        &mut self,
        turn: &mut Turn<'_>,
        uri: &MeetingUri,
        number: u64,
        result: Result<Response, Trouble>,
    ) {
        let Some(adder) = self.adder(uri, number) else {
            return;
        };
        match result {
            Ok(_) | Err(Trouble::Lost(Lost::Unanswered(_))) => {
                let number = turn.number();
                (adder.number, adder.phase) = (number, Phase::Waiting);
                turn.wait(Timer::Adding(uri.clone(), number), ADD_MAX);
                self.settle(turn, uri);
            }
            Err(trouble) => {
                let error = trouble.error("the meeting's messages were not added");
                self.attempt_failed(turn, uri, error);
            }
        }
    }

    /// A conflict: something else is under way, and a new link comes, or the old one holds.
    fn attempt_failed(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, error: BackendError) {
        let meeting = self.of(uri);
        let Some(adder) = meeting.and_then(|meeting| meeting.adder.as_mut()) else {
            return;
        };
        if adder.attempt == ATTEMPTS {
            return self.added(turn, uri, Err(error));
        }
        let number = turn.number();
        (adder.number, adder.phase) = (number, Phase::Pausing);
        turn.wait(Timer::AddingPause(uri.clone(), number), PAUSE);
    }

    /// The pause after an attempt has passed.
    pub(crate) fn add_again(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, number: u64) {
        let Some(adder) = self.adder(uri, number) else {
            return;
        };
        let (attempt, add) = (adder.attempt + 1, std::mem::take(&mut adder.add));
        if let Some(meeting) = self.of(uri).filter(|meeting| meeting.send.is_none()) {
            meeting.add.get_or_insert(add);
        }
        self.want_link(turn, uri, attempt);
    }

    /// The link, or the messages, did not come in time.
    pub(crate) fn adding_is_late(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, number: u64) {
        let is_waiting =
            |adder: &&mut Adder| matches!(adder.phase, Phase::WantsLink | Phase::Waiting);
        if self.adder(uri, number).filter(is_waiting).is_some() {
            let error = BackendError::unreachable("the meeting's messages were not added in time");
            self.added(turn, uri, Err(error));
        }
    }

    fn adder(&mut self, uri: &MeetingUri, number: u64) -> Option<&mut Adder> {
        self.of(uri)?
            .adder
            .as_mut()
            .filter(|adder| adder.number == number)
    }

    /// Messages were added, or will not be. A joined meeting in which that fails is told of as one
    /// that ended.
    fn added(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, result: Result<(), BackendError>) {
        let Some(meeting) = self.of(uri) else { return };
        meeting.adder = None;
        let is_joining = meeting.joining.is_some();
        match result {
            Ok(()) if is_joining => self.finish_join(turn, uri),
            Ok(()) => {}
            Err(error) if is_joining => self.fail_join(turn, uri, error),
            Err(error) => self.remove(turn, uri, &error, true),
        }
    }
}
