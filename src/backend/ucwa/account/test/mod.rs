//! An account played with documents of published transcripts: no server, no clock, no runtime.
//!
//! The bot is `toshm@contoso.com`. Lene writes to it, and holds a meeting.

mod alerts;
mod away;
mod contacts;
mod rooms;
mod strangers;
mod waiting;

use super::effect::{Call, Output, Timer};
use super::post::Done;
use super::profile::Profile;
use super::{Account, Input};
use crate::backend::ucwa::config::UcwaConfig;
use crate::backend::ucwa::protocol::application::Application;
use crate::backend::ucwa::protocol::package::Package;
use crate::backend::ucwa::protocol::request::{Lost, Response, Trouble};
use crate::backend::ucwa::protocol::status::Status;
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{
    Accepted, BackendError, BackendErrorKind, ChannelId, Inbound, Joined, Outgoing, Secret,
    StateChange,
};
use crate::model::{Address, AgentKey, OriginId, ResumePoint};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The corpus that the fuzzer begins with.
macro_rules! document {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../../tests/fuzz/corpus/ucwa_",
            $name,
            ".json"
        ))
    };
}
pub(super) use document;

/// Who waits for an answer to a command.
type Answer<T> = oneshot::Receiver<Result<T, BackendError>>;

/// An account, and everything that it has wanted.
struct Play {
    account: Account,
    now: DateTime<Utc>,
    /// Requests that nobody has answered.
    asked: Vec<Call>,
    timers: Vec<(DateTime<Utc>, Timer)>,
    inbound: Vec<Inbound>,
    /// Who wrote and was not joined.
    strangers: Vec<ChannelId>,
    changes: Vec<StateChange>,
}

impl Play {
    fn new() -> Play {
        Play::with(document!("document/application"))
    }

    /// Plays with the application that a server describes so.
    fn with(application: &str) -> Play {
        let config = Arc::new(UcwaConfig::new("contoso.com", Secret::new("unused")));
        let url = Url::parse("https://lyncweb.contoso.com/ucwa/oauth/v1/applications")
            .expect("an address");
        let body = application.as_bytes();
        let profile = Profile {
            agent: AgentKey(7),
            address: Address::parse("ucwa:toshm@contoso.com").expect("an address"),
            application: Application::read(&config, &url, body).expect("an application"),
            config,
            salt: 0,
        };
        Play {
            account: Account::new(Arc::new(profile)),
            now: DateTime::UNIX_EPOCH,
            asked: Vec::new(),
            timers: Vec::new(),
            inbound: Vec::new(),
            strangers: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn give(&mut self, input: Input) {
        for output in self.account.step(input, self.now) {
            match output {
                Output::Request(call) => self.asked.push(call),
                Output::Wait(timer, duration) => {
                    let due = self.now + TimeDelta::from_std(duration).expect("a short time");
                    self.timers.push((due, timer));
                }
                Output::HandOver => {
                    while let Some(item) = self.account.next_inbound() {
                        match item {
                            Inbound::Stranger { channel, .. } => self.strangers.push(channel),
                            item => self.inbound.push(item),
                        }
                    }
                }
                Output::State(change) => self.changes.push(change),
                Output::Posted(done, answer) => drop(done.send(answer)),
                Output::Joined(done, answer) => drop(done.send(answer)),
                Output::Confirmed(done, answer) => drop(done.send(answer)),
            }
        }
    }

    /// The events of a package, one after the other.
    fn package(&mut self, body: &str) {
        let package = Package::read(body.as_bytes()).expect("a package");
        for event in package.events {
            self.give(Input::Event(Box::new(event)));
        }
    }

    /// Time passes, and timers with it.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + TimeDelta::from_std(duration).expect("a short time");
        while let Some(index) = self.next_timer(end) {
            let (due, timer) = self.timers.swap_remove(index);
            self.now = due;
            self.give(Input::Timer(timer));
        }
        self.now = end;
    }

    fn next_timer(&self, end: DateTime<Utc>) -> Option<usize> {
        let due = |index: &usize| self.timers[*index].0;
        (0..self.timers.len())
            .filter(|index| due(index) <= end)
            .min_by_key(due)
    }

    /// What was asked and not answered: method and path, without the application's part of it.
    fn asked(&self) -> Vec<String> {
        let shown = |call: &Call| {
            let path = call.request.url.path.split('?').next().unwrap_or_default();
            let path = path.trim_start_matches("/ucwa/oauth/v1/applications/105");
            format!("{} {path}", call.request.method)
        };
        self.asked.iter().map(shown).collect()
    }

    /// The body of the only request whose path ends so.
    fn body(&self, end: &str) -> String {
        let call = &self.asked[self.only(end)];
        let (_, body) = call.request.body.as_ref().expect("a body");
        String::from_utf8(body.to_vec()).expect("text")
    }

    /// The operation that the request whose path ends so begins.
    fn operation(&self, end: &str) -> String {
        let body: serde_json::Value =
            serde_json::from_str(&self.body(end)).expect("a body of JSON");
        body["operationId"]
            .as_str()
            .expect("an operation")
            .to_owned()
    }

    fn only(&self, end: &str) -> usize {
        let asked = self.asked();
        let found: Vec<usize> = (0..asked.len())
            .filter(|index| asked[*index].ends_with(end))
            .collect();
        assert_eq!(found.len(), 1, "`{end}` among {asked:?}");
        found[0]
    }

    /// Answers the only request whose path ends so. What is made is at `location`.
    fn answer(&mut self, end: &str, status: u16, body: &str, location: Option<&str>) {
        let call = self.asked.remove(self.only(end));
        let response = Response {
            status: Status::new(status),
            challenges: Vec::new(),
            location: location.map(str::to_owned),
            retry_after: None,
            body: body.to_owned().into(),
        };
        let result = if response.status.is_success() {
            Ok(response)
        } else {
            Err(Trouble::Failed(response.failure()))
        };
        self.give(Input::Response(call.purpose, result));
    }

    /// The answer to the only request whose path ends so is lost.
    fn lose(&mut self, end: &str) {
        let call = self.asked.remove(self.only(end));
        let lost = Lost::Unanswered(BackendError::unreachable("the connection was cut"));
        self.give(Input::Response(call.purpose, Err(Trouble::Lost(lost))));
    }

    fn join(&mut self, channel: &ChannelId) -> Answer<Joined> {
        self.join_from(channel, None)
    }

    /// Joins a channel that was joined before, up to that point.
    fn join_from(&mut self, channel: &ChannelId, resume: Option<ResumePoint>) -> Answer<Joined> {
        let (done, answer) = oneshot::channel();
        self.give(Input::Join(channel.clone(), resume, done));
        answer
    }

    /// Lets somebody in whom nobody provisioned.
    fn admit(&mut self, channel: &ChannelId) -> Answer<Joined> {
        let (done, answer) = oneshot::channel();
        self.give(Input::Admit(channel.clone(), None, done));
        answer
    }

    fn post(&mut self, channel: &ChannelId, text: &str) -> Answer<Accepted> {
        let (done, answer): (Done<Accepted>, _) = oneshot::channel();
        let message = Outgoing::text(OriginId::parse("o1").expect("an origin"), text);
        self.give(Input::Post(channel.clone(), message, done));
        answer
    }

    /// What was handed over since the last call, in few words.
    fn handed_over(&mut self) -> Vec<String> {
        let shown = |item: Inbound| match item {
            Inbound::Entered { .. } => "entered".to_owned(),
            Inbound::Message { message, .. } => {
                format!("{}: {}", message.sender, message.content.visible_text())
            }
            Inbound::Inactive {
                reason, may_retry, ..
            } => format!("inactive, may retry: {may_retry}: {reason}"),
            other => format!("{other:?}"),
        };
        std::mem::take(&mut self.inbound)
            .into_iter()
            .map(shown)
            .collect()
    }
}

/// The answer that has come.
fn come<T>(answer: &mut Answer<T>) -> Result<T, BackendError> {
    answer.try_recv().expect("it was answered")
}

/// The kind of the error that has come.
fn refused<T>(answer: &mut Answer<T>) -> BackendErrorKind {
    match come(answer) {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error.kind,
    }
}

fn is_waiting<T>(answer: &mut Answer<T>) -> bool {
    matches!(answer.try_recv(), Err(oneshot::error::TryRecvError::Empty))
}
