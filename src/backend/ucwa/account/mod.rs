//! An account while it is signed in, as a machine: [`Account::step`] takes what happened and the
//! time, and returns what is to be done.
//!
//! Nothing here waits, asks, or knows a socket. The shell (`link`) feeds it events, responses,
//! commands and timers, and does what it wants: requests, waits, answers, and what the engine is to
//! have. So everything that an account does can be played with documents in a test. Rejected: tasks
//! that share the state under a lock, because then the state between two requests stands in twenty
//! places.
//!
//! | part | does |
//! |---|---|
//! | `people` | contacts, conversations with them, invitations |
//! | `meetings` | meetings as rooms |
//! | `presences` | the presence of contacts |
//! | `effect` `turn` | what a step wants done |
//! | `line` `sending` `reports` | posts, for people and meetings |
//! | `logs` | what contacts said while the agent was away |
//! | `lanes` | events that wait for what they lack |
//! | `events` `responses` | to whom an event or a response belongs |
//! | `channel` | how the event channel goes on |

pub(super) mod channel;
pub(super) mod effect;
mod events;
mod lanes;
mod line;
mod logs;
mod meetings;
mod message;
mod people;
pub(super) mod post;
mod presences;
pub(super) mod profile;
mod reports;
mod responses;
mod ringing;
mod sending;
mod talk;
#[cfg(test)]
mod test;
mod turn;

use super::protocol::address::Sip;
use super::protocol::package::Event;
use super::protocol::request::{Request, Response, Trouble};
use crate::backend::{
    Accepted, BackendError, ChannelId, ChannelKind, Inbound, Joined, Outgoing, ResumePoint,
};
use chrono::{DateTime, Utc};
use effect::{Output, Purpose, Timer};
use lanes::Lanes;
use logs::Logs;
use meetings::{Meetings, meeting_of};
use people::People;
use post::Done;
use presences::Presences;
use profile::Profile;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use turn::Turn;

/// What happened.
pub(super) enum Input {
    /// The event channel brought an event.
    Event(Box<Event>),
    /// The server has closed all conversations and subscriptions, because it had not heard of us
    /// for long.
    Forgotten,
    /// A request was answered, or was not.
    Response(Purpose, Result<Response, Trouble>),
    /// The time of a timer has passed.
    Timer(Timer),
    /// It is time to report that the account is active.
    Pulse,
    /// The engine joins a channel.
    Join(ChannelId, Option<ResumePoint>, Done<Joined>),
    /// The engine lets somebody in who wrote first and whom nobody provisioned.
    Admit(ChannelId, Option<ResumePoint>, Done<Joined>),
    /// Nobody waits for the join of that channel any more.
    JoinGivenUp(ChannelId),
    /// The engine leaves a channel.
    Leave(ChannelId, Done<()>),
    /// The engine posts into a channel.
    Post(ChannelId, Outgoing, Done<Accepted>),
    /// The agent begins or stops typing.
    Compose(ChannelId, bool, Done<()>),
    /// The agent signs out: all conversations end.
    Farewell,
    /// The link is over, for that reason.
    Over(BackendError),
}

/// What the account knows of the world.
#[derive(Default)]
struct Known {
    people: People,
    meetings: Meetings,
    presences: Presences,
    logs: Logs,
    lanes: Lanes,
    /// Contacts whom nobody provisioned: their presence is not asked for.
    open: HashSet<ChannelId>,
}

/// An account while it is signed in.
pub(super) struct Account {
    profile: Arc<Profile>,
    known: Known,
    /// Why the link is over, if it is.
    over: Option<BackendError>,
    /// What the engine is to have, in order.
    inbound: VecDeque<Inbound>,
    /// The last number that was given to an operation, a post or a timer.
    last: u64,
}

impl Account {
    /// An account that has just signed in.
    pub(super) fn new(profile: Arc<Profile>) -> Account {
        Account {
            profile,
            known: Known::default(),
            over: None,
            inbound: VecDeque::new(),
            last: 0,
        }
    }

    /// Takes what happened and returns what is to be done, in order.
    pub(super) fn step(&mut self, input: Input, now: DateTime<Utc>) -> Vec<Output> {
        if let (Input::Over(error), None) = (&input, &self.over) {
            self.over = Some(error.clone());
        }
        let over = self.over.as_ref();
        let mut turn = Turn::new(&self.profile, over, &mut self.inbound, &mut self.last, now);
        self.known.take(&mut turn, input);
        turn.outputs()
    }

    /// Takes the next thing that the engine is to have.
    pub(super) fn next_inbound(&mut self) -> Option<Inbound> {
        self.inbound.pop_front()
    }
}

impl Known {
    fn take(&mut self, turn: &mut Turn<'_>, input: Input) {
        match input {
            Input::Event(event) => self.event(turn, event),
            Input::Response(purpose, result) => self.response(turn, purpose, result),
            Input::Timer(timer) => self.timer(turn, timer),
            Input::Forgotten => {
                self.presences.forgotten();
                self.people.forgotten(turn);
                self.meetings.forgotten(turn);
            }
            Input::Pulse => self.pulse(turn),
            Input::Join(channel, resume, done) => {
                self.open.remove(&channel);
                self.join(turn, channel, resume, done);
            }
            Input::Admit(channel, resume, done) => {
                self.open.insert(channel.clone());
                self.join(turn, channel, resume, done);
            }
            Input::JoinGivenUp(channel) => {
                if let (ChannelKind::Room, Ok(uri)) = (channel.kind(), meeting_of(&channel)) {
                    self.meetings.give_up_join(turn, &uri);
                }
            }
            Input::Leave(channel, done) => {
                let left = self.leave(turn, &channel);
                turn.confirmed(done, left);
            }
            Input::Post(channel, message, done) => self.post(turn, &channel, message, done),
            Input::Compose(channel, composing, done) => {
                let shown = match channel.kind() {
                    ChannelKind::Contact => person(&channel)
                        .and_then(|with| self.people.compose(turn, &with, composing)),
                    // Nobody sees it there.
                    ChannelKind::Room => Ok(()),
                };
                turn.confirmed(done, shown);
            }
            Input::Farewell => {
                self.people.farewell(turn);
                self.meetings.farewell(turn);
            }
            Input::Over(error) => {
                self.people.over(turn, &error);
                self.meetings.over(turn, &error);
                self.presences = Presences::default();
                for entering in self.logs.over() {
                    turn.joined(entering.done, Err(error.clone()));
                }
                self.lanes = Lanes::default();
                self.open.clear();
            }
        }
    }

    fn join(
        &mut self,
        turn: &mut Turn<'_>,
        channel: ChannelId,
        resume: Option<ResumePoint>,
        done: Done<Joined>,
    ) {
        if let Some(error) = turn.over {
            return turn.joined(done, Err(error.clone()));
        }
        match channel.kind() {
            ChannelKind::Room => match meeting_of(&channel) {
                Ok(uri) => self.meetings.join(turn, uri, channel, done),
                Err(error) => turn.joined(done, Err(error)),
            },
            ChannelKind::Contact => match person(&channel) {
                Ok(with) => self.look_up(turn, (channel, with, done), resume),
                Err(error) => turn.joined(done, Err(error)),
            },
        }
    }

    /// Looks a contact up. Without a search, the contact is joined unseen.
    fn look_up(
        &mut self,
        turn: &mut Turn<'_>,
        (channel, with, done): (ChannelId, Sip, Done<Joined>),
        resume: Option<ResumePoint>,
    ) {
        let Ok(search) = turn.profile.link("search") else {
            return self.begin_enter(turn, (channel, with, done), resume, None);
        };
        let url = search.with("query", &with.uri()).with("limit", "5");
        let purpose = Purpose::LookUp {
            channel,
            with,
            done,
            resume,
        };
        turn.ask(purpose, Request::get(url));
    }

    fn leave(&mut self, turn: &mut Turn<'_>, channel: &ChannelId) -> Result<(), BackendError> {
        self.open.remove(channel);
        match channel.kind() {
            ChannelKind::Room => self.meetings.leave(turn, &meeting_of(channel)?),
            ChannelKind::Contact => {
                let with = person(channel)?;
                self.presences.leave(&with);
                self.people.leave(turn, &with);
            }
        }
        Ok(())
    }

    fn post(
        &mut self,
        turn: &mut Turn<'_>,
        channel: &ChannelId,
        message: Outgoing,
        done: Done<Accepted>,
    ) {
        if let Some(error) = turn.over {
            return turn.posted(done, Err(error.clone()));
        }
        match channel.kind() {
            ChannelKind::Room => match meeting_of(channel) {
                Ok(uri) => self.meetings.post(turn, &uri, message, done),
                Err(error) => turn.posted(done, Err(error)),
            },
            ChannelKind::Contact => match person(channel) {
                Ok(with) => self.people.post(turn, &with, message, done),
                Err(error) => turn.posted(done, Err(error)),
            },
        }
    }

    /// Reports that the account is active, then renews what has to be renewed.
    fn pulse(&mut self, turn: &mut Turn<'_>) {
        match turn.profile.link("reportMyActivity") {
            Ok(url) => turn.persist(Purpose::Active, Request::post(url)),
            Err(_) => self.presences.keep_subscribed(turn),
        }
    }

    fn timer(&mut self, turn: &mut Turn<'_>, timer: Timer) {
        match timer {
            Timer::Ringing(key) => self.people.decline(turn, &key),
            Timer::Toast(key) => self.people.deliver_toast(turn, &key),
            Timer::Connecting(with, number) => self.people.connecting_is_late(turn, &with, number),
            Timer::Rings(operation) => self.people.rings_no_more(turn, &operation),
            Timer::Typing { with, number, left } => {
                self.people.show_typing(turn, &with, number, left)
            }
            Timer::MeetingRings(key) => self.meetings.decline(turn, &key),
            Timer::Enter(uri, operation) => {
                self.meetings.join_is_late(turn, &uri, &operation, false)
            }
            Timer::Lobby(uri, operation) => {
                self.meetings.join_is_late(turn, &uri, &operation, true)
            }
            Timer::Adding(uri, number) => self.meetings.adding_is_late(turn, &uri, number),
            Timer::AddingPause(uri, number) => self.meetings.add_again(turn, &uri, number),
            Timer::Open(uri, number) => self.meetings.opening_is_late(turn, &uri, number),
            Timer::Logs(number) => {
                let ended = self.logs.late(number);
                self.catch_up(turn, ended);
            }
            Timer::LogsDue => self.logs.due(turn),
        }
    }
}

/// The person that a channel is with.
///
/// # Errors
/// `Refused` if the channel's name is not a person's address.
fn person(channel: &ChannelId) -> Result<Sip, BackendError> {
    let name = channel.name();
    Sip::parse(name)
        .ok_or_else(|| BackendError::refused(format!("`{name}` is not a person's address")))
}
