//! Who is there, where they are and what was said: everything the embedded chat system knows, under
//! one lock.
//!
//! Nothing here calls the engine. A change places what the engine must hear into the connection's
//! line ([`super::outbox`]), in the order in which it came about.

use super::access::{Access, first_category};
use super::archive::{Archive, LogKey};
use super::delayed::Delayed;
use super::files::Files;
use super::line::{Connection, Item};
use super::names::{Prefix, fold};
use super::record::Record;
use super::unread::Unread;
use crate::backend::{Inbound, SeenBy, StateChange};
use crate::model::{AgentKey, Category, ChannelId, PresenceState};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// A room.
pub(super) struct Room {
    pub(super) log: LogKey,
    pub(super) display_name: String,
    pub(super) subject: Option<String>,
    /// The sessions in it.
    pub(super) members: HashSet<u64>,
    pub(super) access: Access,
}

/// A name in use: by a person, an agent, or both.
#[derive(Default)]
pub(super) struct Somebody {
    /// The name as it was first written.
    pub(super) name: String,
    pub(super) person: Option<PersonState>,
    /// The sessions of agents with that name.
    pub(super) sessions: Vec<u64>,
    /// Who wrote to those agents and is not joined.
    pub(super) unread: Unread,
}

/// A person.
pub(super) struct PersonState {
    pub(super) presence: PresenceState,
    pub(super) presence_text: Option<String>,
    /// The person hears no message before this number.
    pub(super) since: u64,
    /// The last message that the person heard in each conversation.
    pub(super) heard: HashMap<LogKey, u64>,
    /// True if this person repeats every message.
    pub(super) parrots: bool,
}

/// An agent that is signed in.
pub(super) struct Signed {
    pub(super) agent: AgentKey,
    pub(super) name: Arc<str>,
    pub(super) address: String,
    pub(super) rooms: HashSet<ChannelId>,
    /// The contacts subscribed to, by folded name, as the agent spells the channel.
    pub(super) contacts: HashMap<Arc<str>, ChannelId>,
}

/// The faults that are switched on.
#[derive(Default)]
pub(super) struct Faults {
    /// Why the chat system is unreachable; `None` if it is reachable.
    pub(super) down: Option<String>,
    /// The reasons of refused sign-ins, by folded name.
    pub(super) refused: HashMap<Arc<str>, String>,
    pub(super) refused_channels: HashMap<ChannelId, String>,
    pub(super) panics_on: HashSet<String>,
    pub(super) delay: Duration,
    /// Posts that wait for their delay, in the order in which they were made.
    pub(super) delayed: VecDeque<Delayed>,
    pub(super) next_delayed: u64,
}

/// The whole state of the chat system.
pub(super) struct ChatState {
    pub(super) prefix: Prefix,
    /// The number of the last message.
    pub(super) last: u64,
    pub(super) next_session: u64,
    pub(super) next_connection: u64,
    pub(super) rooms: HashMap<ChannelId, Room>,
    pub(super) categories: Vec<Category>,
    /// True if the host has named categories.
    pub(super) categories_named: bool,
    /// How many rooms agents have created so far.
    pub(super) last_room: u64,
    /// Conversations of two, by their folded names in order.
    pub(super) talks: HashMap<(Arc<str>, Arc<str>), LogKey>,
    pub(super) people: HashMap<Arc<str>, Somebody>,
    /// The sessions that see a presence, by the folded name, which need not be in use yet.
    pub(super) watchers: HashMap<Arc<str>, HashSet<u64>>,
    pub(super) sessions: HashMap<u64, Signed>,
    pub(super) by_agent: HashMap<AgentKey, u64>,
    pub(super) archive: Archive,
    pub(super) connection: Option<Connection>,
    pub(super) faults: Faults,
    pub(super) files: Files,
    /// Bytes of uploads under way.
    pub(super) uploading: usize,
    pub(super) record: Option<Record>,
    /// The typing notices that are shown: number and timer, by sender and receiver (both folded).
    pub(super) typing: HashMap<(Arc<str>, Arc<str>), (u64, tokio::task::AbortHandle)>,
    pub(super) next_typing: u64,
    /// Wakers to be called once the lock is released.
    pub(super) listeners: Vec<Waker>,
    /// Wakers of people who wait to hear something. They move to `listeners` when a message is
    /// sent.
    pub(super) waiting: Vec<Waker>,
}

impl ChatState {
    pub(super) fn new() -> ChatState {
        ChatState {
            prefix: Prefix::random(),
            last: 0,
            next_session: 1,
            next_connection: 1,
            rooms: HashMap::new(),
            categories: vec![first_category()],
            categories_named: false,
            last_room: 0,
            talks: HashMap::new(),
            people: HashMap::new(),
            watchers: HashMap::new(),
            sessions: HashMap::new(),
            by_agent: HashMap::new(),
            archive: Archive::default(),
            connection: None,
            faults: Faults::default(),
            files: Files::default(),
            uploading: 0,
            record: None,
            typing: HashMap::new(),
            next_typing: 0,
            listeners: Vec::new(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn connection_of(&mut self, number: u64) -> Option<&mut Connection> {
        self.connection
            .as_mut()
            .filter(|connection| connection.number == number)
    }

    pub(super) fn queue(&mut self, item: Item) {
        if let Some(connection) = &mut self.connection {
            connection.queue(item);
        }
    }

    /// Returns the entry of a name, and adds it if there is none.
    pub(super) fn somebody(&mut self, name: &str) -> &mut Somebody {
        self.people.entry(fold(name)).or_insert_with(|| Somebody {
            name: name.to_owned(),
            ..Somebody::default()
        })
    }

    /// Returns the log of the conversation between two names.
    pub(super) fn talk(&mut self, one: &Arc<str>, other: &Arc<str>) -> LogKey {
        let pair = if one <= other {
            (one.clone(), other.clone())
        } else {
            (other.clone(), one.clone())
        };
        let archive = &mut self.archive;
        *self.talks.entry(pair).or_insert_with(|| archive.new_log())
    }

    /// Returns the presence of a name.
    pub(super) fn presence_of(&self, name: &str) -> (PresenceState, Option<String>) {
        let Some(somebody) = self.people.get(name) else {
            return (PresenceState::Unknown, None);
        };
        match &somebody.person {
            _ if !somebody.sessions.is_empty() => (PresenceState::Available, None),
            Some(person) => (person.presence, person.presence_text.clone()),
            None => (PresenceState::Offline, None),
        }
    }

    /// Tells those who watch a name its presence.
    pub(super) fn announce(&mut self, name: &Arc<str>) {
        let (presence, text) = self.presence_of(name);
        let Some(watchers) = self.watchers.get(name) else {
            return;
        };
        let changes: Vec<StateChange> = watchers
            .iter()
            .filter_map(|watcher| {
                let signed = self.sessions.get(watcher)?;
                let channel = signed.contacts.get(name)?.clone();
                let seen_by = SeenBy::Agent(signed.agent);
                Some(StateChange::Presence {
                    seen_by,
                    channel,
                    presence,
                    text: text.clone(),
                })
            })
            .collect();
        for change in changes {
            self.queue(Item::State(change));
        }
    }

    /// Tells the agents of that name that somebody types to them, or no longer does.
    pub(super) fn show_typing(&mut self, from: &Arc<str>, to: &Arc<str>, composing: bool) {
        let Some(somebody) = self.people.get(to) else {
            return;
        };
        let changes: Vec<StateChange> = somebody
            .sessions
            .iter()
            .filter_map(|session| {
                let signed = self.sessions.get(session)?;
                let channel = signed.contacts.get(from)?.clone();
                Some(StateChange::Composing {
                    agent: signed.agent,
                    channel,
                    composing,
                })
            })
            .collect();
        for change in changes {
            self.queue(Item::State(change));
        }
    }

    /// Ends a session that has not ended. Others see the agent as offline unless it has another
    /// session.
    pub(super) fn sign_out(&mut self, number: u64) -> Option<AgentKey> {
        let signed = self.sessions.remove(&number)?;
        if self.by_agent.get(&signed.agent) == Some(&number) {
            self.by_agent.remove(&signed.agent);
        }
        for channel in &signed.rooms {
            if let Some(room) = self.rooms.get_mut(channel) {
                room.members.remove(&number);
            }
        }
        for name in signed.contacts.keys() {
            self.stop_watching(name, number);
        }
        if let Some(somebody) = self.people.get_mut(&signed.name) {
            somebody.sessions.retain(|session| *session != number);
            if somebody.sessions.is_empty() {
                self.typing.retain(|(from, _), _| *from != signed.name);
            }
        }
        self.announce(&signed.name);
        Some(signed.agent)
    }

    /// Ends a connection and all sessions on it.
    pub(super) fn end_connection(&mut self, number: u64) -> Option<Connection> {
        self.connection_of(number)?;
        let connection = self.connection.take();
        self.sessions.clear();
        self.by_agent.clear();
        self.typing.clear();
        self.rooms
            .values_mut()
            .for_each(|room| room.members.clear());
        for somebody in self.people.values_mut() {
            somebody.sessions.clear();
        }
        self.watchers.clear();
        self.listeners.append(&mut self.waiting);
        connection
    }

    /// Puts an agent out of a channel, and queues the notice for the engine.
    pub(super) fn put_out(&mut self, number: u64, channel: &ChannelId, reason: &str) -> bool {
        let Some(agent) = self.sessions.get(&number).map(|signed| signed.agent) else {
            return false;
        };
        if !self.leave(number, channel) {
            return false;
        }
        let (channel, reason) = (channel.clone(), reason.to_owned());
        self.queue(Item::Inbound(Inbound::Inactive {
            agent,
            channel,
            reason,
            may_retry: false,
        }));
        true
    }

    /// Takes a session out of a channel. Returns false if it was not in it.
    pub(super) fn leave(&mut self, number: u64, channel: &ChannelId) -> bool {
        let Some(signed) = self.sessions.get_mut(&number) else {
            return false;
        };
        if let Some(room) = self.rooms.get_mut(channel) {
            room.members.remove(&number);
            return signed.rooms.remove(channel);
        }
        let name = fold(channel.name());
        let was_there = signed.contacts.remove(&name).is_some();
        self.stop_watching(&name, number);
        was_there
    }

    fn stop_watching(&mut self, name: &Arc<str>, session: u64) {
        if let Some(watchers) = self.watchers.get_mut(name) {
            watchers.remove(&session);
            if watchers.is_empty() {
                self.watchers.remove(name);
            }
        }
    }

    /// Returns the folded name of a name, an address or a contact, if it is in use.
    pub(super) fn known(&self, text: &str) -> Option<Arc<str>> {
        let whole = fold(text);
        if self.people.contains_key(&whole) {
            return Some(whole);
        }
        let name = fold(text.split_once(':')?.1);
        self.people.contains_key(&name).then_some(name)
    }
}
