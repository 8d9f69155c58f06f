//! One step of an account: what does not change during it, and what it wants done.

use super::effect::{Call, Output, Purpose, Timer};
use super::post::Done;
use super::profile::Profile;
use crate::backend::ucwa::protocol::address::key_of;
use crate::backend::ucwa::protocol::request::Request;
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{Accepted, BackendError, Inbound, Joined, Received, SeenBy, StateChange};
use crate::model::{ChannelId, ResumePoint};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::time::Duration;

/// How long one request for what an event lacks may take. With its repetitions it takes less than
/// half a minute.
const FETCH_MAX: Duration = Duration::from_secs(5);

/// One step.
pub(crate) struct Turn<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) now: DateTime<Utc>,
    /// Why the link is over, if it is.
    pub(crate) over: Option<&'a BackendError>,
    outputs: Vec<Output>,
    inbound: &'a mut VecDeque<Inbound>,
    /// The last number that [`Turn::number`] returned.
    last: &'a mut u64,
    /// The conversation of the event in hand, by key, if a request was made without which the event
    /// is not done.
    unfinished: Option<String>,
}

impl<'a> Turn<'a> {
    /// A step at `now`.
    pub(super) fn new(
        profile: &'a Profile,
        over: Option<&'a BackendError>,
        inbound: &'a mut VecDeque<Inbound>,
        last: &'a mut u64,
        now: DateTime<Utc>,
    ) -> Turn<'a> {
        Turn {
            profile,
            now,
            over,
            outputs: Vec::new(),
            inbound,
            last,
            unfinished: None,
        }
    }

    /// What the step wants done, in order.
    pub(super) fn outputs(self) -> Vec<Output> {
        self.outputs
    }

    /// A number that no other call has returned.
    pub(crate) fn number(&mut self) -> u64 {
        *self.last += 1;
        *self.last
    }

    /// An id for an operation, different from all others on the server, within its limit of 50
    /// characters.
    pub(crate) fn operation(&mut self) -> String {
        format!("{:016x}-{:x}", self.profile.salt, self.number())
    }

    /// Makes a request once.
    pub(crate) fn ask(&mut self, purpose: Purpose, request: Request) {
        self.outputs.push(Output::Request(Call {
            purpose,
            request,
            persists: false,
        }));
    }

    /// Asks for what an event lacks, with a deadline of its own, and again if the trouble may pass.
    pub(crate) fn fetch(&mut self, purpose: Purpose, url: Url) {
        if let Some(event) = purpose.event() {
            self.unfinished = Some(key_of(&event.sender.href));
        }
        self.persist(purpose, Request::get(url).within(FETCH_MAX));
    }

    /// Takes the conversation of the event in hand, by key, if the event is not done yet.
    pub(super) fn take_unfinished(&mut self) -> Option<String> {
        self.unfinished.take()
    }

    /// Makes a request that does no harm twice, again and again for some seconds if the trouble may
    /// pass.
    pub(crate) fn persist(&mut self, purpose: Purpose, request: Request) {
        self.outputs.push(Output::Request(Call {
            purpose,
            request,
            persists: true,
        }));
    }

    /// Comes back with `timer` after that time.
    pub(crate) fn wait(&mut self, timer: Timer, duration: Duration) {
        self.outputs.push(Output::Wait(timer, duration));
    }

    /// Hands something to the engine, behind everything that was handed over before.
    pub(crate) fn hand_over(&mut self, item: Inbound) {
        self.inbound.push_back(item);
        if !matches!(self.outputs.last(), Some(Output::HandOver)) {
            self.outputs.push(Output::HandOver);
        }
    }

    /// Hands a message of a channel to the engine.
    pub(crate) fn hand_over_message(
        &mut self,
        channel: ChannelId,
        message: Received,
        resume: Option<ResumePoint>,
    ) {
        self.hand_over(Inbound::Message {
            seen_by: SeenBy::Agent(self.profile.agent),
            channel,
            message: Box::new(message),
            resume,
        });
    }

    /// Tells the engine of a change that is not journaled.
    pub(crate) fn state(&mut self, change: StateChange) {
        self.outputs.push(Output::State(change));
    }

    /// Answers a post.
    pub(crate) fn posted(&mut self, done: Done<Accepted>, answer: Result<Accepted, BackendError>) {
        self.outputs.push(Output::Posted(done, answer));
    }

    /// Answers a join.
    pub(crate) fn joined(&mut self, done: Done<Joined>, answer: Result<Joined, BackendError>) {
        self.outputs.push(Output::Joined(done, answer));
    }

    /// Answers another command.
    pub(crate) fn confirmed(&mut self, done: Done<()>, answer: Result<(), BackendError>) {
        self.outputs.push(Output::Confirmed(done, answer));
    }
}
