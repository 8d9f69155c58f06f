//! Contacts and the conversations with them.
//!
//! Two conversations with one contact may exist at the same time: both sides invited each other, or
//! one is being replaced. Posts go into the one that was connected last, because people look at
//! that one.

mod calling;
mod following;
mod hearing;
mod inviting;
mod posting;
mod typing;

use super::effect::Purpose;
use super::line::Line;
use super::logs::Heard;
use super::ringing::Ringing;
use super::sending::forsake;
use super::talk::{Phase, Talk};
use super::turn::Turn;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::ucwa::protocol::request::Request;
use crate::backend::{BackendError, BackendErrorKind, ChannelId, Inbound, Received};
use inviting::Invitation;
use std::collections::{HashMap, VecDeque};

/// Conversations that an account has at most; the server's own limit is lower.
const TALKS_MAX: usize = 1000;

/// A contact whose channel is joined.
struct Contact {
    channel: ChannelId,
    /// The conversation that posts go into, by key.
    current: Option<String>,
    /// The thread of the last conversation that ended: the next one continues it.
    thread: Option<String>,
    line: Line,
    /// While the agent types: a number that tells this typing's timers from earlier ones.
    typing: Option<u64>,
    /// The contact's display name.
    name: Option<String>,
    /// What it was heard to say.
    heard: Heard,
}

/// Contacts and the conversations with them.
#[derive(Default)]
pub(crate) struct People {
    contacts: HashMap<Sip, Contact>,
    /// By key.
    talks: HashMap<String, Talk>,
    /// Invitations of ours that are under way, by operation.
    invitations: HashMap<String, Invitation>,
    /// Who rings and is not joined, by the conversation's key.
    ringing: HashMap<String, Ringing<Sip>>,
    /// Invitations that do not say whose they are, by the conversation's key.
    nameless: VecDeque<(String, Document)>,
    /// Messages of people whose channels are not joined yet.
    strays: VecDeque<(Sip, Received)>,
}

impl People {
    /// Whether a conversation of that key is known.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.talks.contains_key(key)
    }

    /// The channel under which a contact is joined.
    pub(crate) fn channel_of(&self, with: &Sip) -> Option<&ChannelId> {
        Some(&self.contacts.get(with)?.channel)
    }

    /// The contacts whose channels are joined.
    pub(crate) fn joined(&self) -> Vec<Sip> {
        self.contacts.keys().cloned().collect()
    }

    /// Joins a contact's channel: what was missed is handed over, and from here on its messages
    /// are.
    pub(crate) fn enter(
        &mut self,
        turn: &mut Turn<'_>,
        channel: ChannelId,
        with: &Sip,
        name: Option<String>,
        (heard, missed): (Heard, Vec<Received>),
    ) {
        turn.hand_over(Inbound::Entered {
            agent: turn.profile.agent,
            channel: channel.clone(),
        });
        let contact = self
            .contacts
            .entry(with.clone())
            .or_insert_with(|| Contact {
                channel: channel.clone(),
                current: None,
                thread: None,
                line: Line::default(),
                typing: None,
                name: None,
                heard,
            });
        (contact.channel, contact.name) = (channel, name);
        self.catch_up(turn, with, missed);
        self.welcome(turn, with);
    }

    /// Leaves a contact's channel: its conversations end.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>, with: &Sip) {
        if let Some(mut contact) = self.contacts.remove(with) {
            contact.line.close(turn, &not_joined());
        }
        let open = self
            .talks
            .values_mut()
            .filter(|talk| talk.with == *with && talk.phase != Phase::Over);
        let stops: Vec<String> = open.filter_map(|talk| talk.stop.take()).collect();
        for stop in stops {
            end_at(turn, &stop, Purpose::LastWord);
        }
    }

    /// Ends all conversations, because the agent signs out.
    pub(crate) fn farewell(&mut self, turn: &mut Turn<'_>) {
        for talk in self.talks.values_mut() {
            if let Some(stop) = talk.stop.take() {
                end_at(turn, &stop, Purpose::LastWord);
            }
        }
    }

    /// The server has closed all conversations.
    pub(crate) fn forgotten(&mut self, turn: &mut Turn<'_>) {
        for contact in self.contacts.values_mut() {
            contact.current = None;
        }
        self.ringing.clear();
        self.nameless.clear();
        for mut talk in std::mem::take(&mut self.talks).into_values() {
            forsake(turn, talk.reports.forsaken());
        }
        let all: Vec<Sip> = self.contacts.keys().cloned().collect();
        for with in all {
            self.send_held(turn, &with);
        }
    }

    /// The link is over: answers everything that waits.
    pub(crate) fn over(&mut self, turn: &mut Turn<'_>, error: &BackendError) {
        let People {
            contacts,
            talks,
            invitations,
            ..
        } = std::mem::take(self);
        for mut talk in talks.into_values() {
            forsake(turn, talk.reports.forsaken());
        }
        for invitation in invitations.into_values() {
            invitation.forsake(turn);
        }
        let error = BackendError::unreachable(error.reason.clone());
        for mut contact in contacts.into_values() {
            contact.line.close(turn, &error);
        }
    }

    /// An event about a conversation.
    pub(crate) fn conversation(&mut self, turn: &mut Turn<'_>, key: &str, event: &Event) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        if talk.conversation(event) {
            self.settle(turn, key);
        }
        if event.kind == Kind::Deleted {
            self.talks.remove(key);
        }
    }

    /// An event about the messages of a conversation.
    pub(crate) fn messaging(&mut self, turn: &mut Turn<'_>, key: &str, event: &Event) {
        let (Some(talk), Some(resource)) = (self.talks.get_mut(key), &event.resource) else {
            return;
        };
        if talk.messaging(resource) {
            self.settle(turn, key);
        }
    }

    /// Whether one more conversation may be known. Conversations that ended and were never deleted
    /// make room.
    fn has_room(&mut self) -> bool {
        if self.talks.len() >= TALKS_MAX {
            self.talks.retain(|_, talk| talk.phase != Phase::Over);
        }
        self.talks.len() < TALKS_MAX
    }

    /// Applies the state of a conversation to its contact.
    fn settle(&mut self, turn: &mut Turn<'_>, key: &str) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        let contact = self.contacts.get_mut(&talk.with);
        match (talk.phase, contact) {
            (Phase::Connected, Some(contact)) if talk.is_open() => {
                // The one connected last is the one that people look at; while we replace one,
                // ours.
                contact.current = Some(key.to_owned());
            }
            (Phase::Over, contact) => {
                if let Some(contact) = contact {
                    contact.current.take_if(|current| current == key);
                    contact.thread = talk.thread.take().or_else(|| contact.thread.take());
                }
                forsake(turn, talk.reports.forsaken());
            }
            (_, Some(contact)) if talk.is_crowded => {
                drop(contact.current.take_if(|current| current == key))
            }
            _ => {}
        }
        let with = talk.with.clone();
        self.send_held(turn, &with);
    }

    /// A conversation has ended.
    fn end(&mut self, turn: &mut Turn<'_>, key: &str) {
        if let Some(talk) = self.talks.get_mut(key) {
            talk.phase = Phase::Over;
            self.settle(turn, key);
        }
    }
}

/// Ends the conversation whose link to end it is `stop`.
fn end_at(turn: &mut Turn<'_>, stop: &str, purpose: Purpose) {
    if let Ok(url) = turn.profile.url(stop) {
        turn.persist(purpose, Request::post(url));
    }
}

/// The error of a post to a contact whose channel is not joined.
fn not_joined() -> BackendError {
    BackendError::new(BackendErrorKind::ChannelGone, "this contact is not joined")
}
