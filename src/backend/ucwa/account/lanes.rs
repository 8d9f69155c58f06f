//! Events that wait for the resource they lack, and events that must not overtake them.
//!
//! Every conversation is a lane: its events are handled in order. One that lacks its resource holds
//! up its own lane, and no other. An invitation that lacks its resource does not say to which
//! conversation it belongs, so it holds up the conversations that are not known yet. Rejected: the
//! event channel waits for the resource. Five requests that nobody answered held it up for 102
//! seconds, and the server drops what nobody fetches within 30.

use super::Known;
use super::effect::Purpose;
use super::turn::Turn;
use crate::backend::ucwa::protocol::address::key_of;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::Event;
use std::collections::VecDeque;

/// Events that wait at most. Beyond that an event is handled as it is.
const WAITING_MAX: usize = 256;

/// Whom an event must not overtake.
#[derive(Debug, PartialEq, Eq)]
enum Lane {
    /// The events of that conversation, by key.
    Conversation(String),
    /// The events of a conversation that is not known.
    Unknown,
    /// Nobody.
    None,
}

impl Lane {
    fn of(event: &Event) -> Lane {
        let key = match event.link.rel.as_str() {
            _ if event.sender.rel == "conversation" => Some(&*event.sender.href),
            "conversation" => Some(&*event.link.href),
            _ => event.link_of("conversation"),
        };
        match key {
            Some(href) => Lane::Conversation(key_of(href)),
            None if event.link.rel.ends_with("nvitation") => Lane::Unknown,
            None => Lane::None,
        }
    }
}

/// An event that is not done.
struct Waiting {
    lane: Lane,
    stage: Stage,
}

enum Stage {
    /// The resource was asked for under that number.
    Lacking(u64, Box<Event>),
    /// It waits for those before it.
    Ready(Box<Event>),
    /// It is in hand, and something else was asked for.
    InHand,
}

/// Events that are not done, in the order in which they came.
#[derive(Default)]
pub(super) struct Lanes(VecDeque<Waiting>);

impl Lanes {
    /// Whether the event at `index` has to wait for one before it.
    fn is_held_up(&self, index: usize, is_known: impl Fn(&str) -> bool) -> bool {
        let Lane::Conversation(key) = &self.0[index].lane else {
            return false;
        };
        self.0.iter().take(index).any(|before| match &before.lane {
            Lane::Conversation(other) => other == key,
            Lane::Unknown => !is_known(key),
            Lane::None => false,
        })
    }

    fn push(&mut self, lane: Lane, stage: Stage) {
        self.0.push_back(Waiting { lane, stage });
    }
}

impl Known {
    /// Handles an event, or keeps it until it can be handled. The resource that it lacks is asked
    /// for.
    pub(super) fn event(&mut self, turn: &mut Turn<'_>, event: Box<Event>) {
        let is_full = self.lanes.0.len() >= WAITING_MAX;
        if Known::lacks_resource(&event)
            && !is_full
            && let Ok(url) = turn.profile.url(&event.link.href)
        {
            let number = turn.number();
            turn.fetch(Purpose::Resource(number), url);
            let lane = Lane::of(&event);
            return self.lanes.push(lane, Stage::Lacking(number, event));
        }
        if is_full || self.lanes.0.is_empty() {
            self.handle(turn, event);
            let unfinished = turn.take_unfinished().filter(|_| !is_full);
            if let Some(key) = unfinished {
                self.lanes.push(Lane::Conversation(key), Stage::InHand);
            }
            return;
        }
        self.lanes.push(Lane::of(&event), Stage::Ready(event));
        self.go_on(turn);
    }

    /// The resource that an event lacked has come, or will not come.
    pub(super) fn resource_came(
        &mut self,
        turn: &mut Turn<'_>,
        number: u64,
        resource: Option<Document>,
    ) {
        let found =
            self.lanes.0.iter_mut().find(
                |waiting| matches!(waiting.stage, Stage::Lacking(other, _) if other == number),
            );
        if let Some(waiting) = found
            && let Stage::Lacking(_, mut event) =
                std::mem::replace(&mut waiting.stage, Stage::InHand)
        {
            event.resource = resource;
            waiting.lane = Lane::of(&event);
            waiting.stage = Stage::Ready(event);
        }
        self.go_on(turn);
    }

    /// The event in hand of that conversation is done, unless something more was asked for.
    pub(super) fn finish_event(&mut self, turn: &mut Turn<'_>, key: String) {
        if turn.take_unfinished().is_some() {
            return;
        }
        let lane = Lane::Conversation(key);
        let is_it =
            |waiting: &Waiting| waiting.lane == lane && matches!(waiting.stage, Stage::InHand);
        if let Some(index) = self.lanes.0.iter().position(is_it) {
            self.lanes.0.remove(index);
        }
        self.go_on(turn);
    }

    /// Handles all events that wait for nobody any more.
    fn go_on(&mut self, turn: &mut Turn<'_>) {
        while let Some(index) = self.next_ready() {
            let waiting = &mut self.lanes.0[index];
            if let Stage::Ready(event) = std::mem::replace(&mut waiting.stage, Stage::InHand) {
                self.handle(turn, event);
            }
            match turn.take_unfinished() {
                Some(key) => self.lanes.0[index].lane = Lane::Conversation(key),
                None => drop(self.lanes.0.remove(index)),
            }
        }
    }

    fn next_ready(&self) -> Option<usize> {
        let is_known = |key: &str| self.people.knows(key) || self.meetings.is_known(key);
        (0..self.lanes.0.len()).find(|index| {
            matches!(self.lanes.0[*index].stage, Stage::Ready(_))
                && !self.lanes.is_held_up(*index, is_known)
        })
    }
}
