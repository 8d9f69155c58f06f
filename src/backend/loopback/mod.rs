//! The embedded chat system: rooms, people and presence in memory, for programs that need no other,
//! and for tests.
//!
//! It behaves as a real one does where that matters to the engine: rooms send a post back to its
//! sender, ids are never reused, a resume point catches up what was missed, a connection can be
//! cut, an agent put out, an answer come late. Its people are driven from any thread
//! ([`Loopback::person`]); what they say is in the engine's inbox when the call returns. Rejected:
//! a mock with expectations (it says what was called, not what was heard), and a chat system in a
//! process of its own (a test that starts one is an integration test of that one).
//!
//! Names: the address NAME, whatever its scheme, is the person `contact:NAME`, case aside.
//! Everything is bounded: 200,000 messages or 64 MiB of them, 128 MiB of files; the oldest make
//! room.

mod access;
mod archive;
mod became;
mod changing;
mod channels;
mod delayed;
mod faults;
mod files;
mod heard;
mod line;
mod link;
mod managing;
mod names;
mod outbox;
mod person;
mod person_changing;
mod posting;
mod record;
mod saying;
mod session;
mod state;
mod strangers;
#[cfg(test)]
mod tests;
mod typing;
mod unread;
mod upload;

pub use changing::SeenMessage;
pub use heard::HeardMessage;
pub use person::Person;

use crate::backend::{Capabilities, Limits, SeenBy, Split, StateChange};
use crate::model::{Category, ChannelId, ChannelKind, Id, NetworkId, PresenceState};
use access::Access;
use line::Item;
use names::fold;
use outbox::Shared;
use parking_lot::Mutex;
use state::{ChatState, PersonState, Room};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// An embedded chat system. Cheap to clone; all clones are the same one.
///
/// The switches that take and return it ([`Loopback::without_echo`] and its kin) are for the time
/// before it is cloned or given to an engine.
#[derive(Clone)]
pub struct Loopback {
    shared: Arc<Shared>,
    network: NetworkId,
    capabilities: Capabilities,
}

impl Loopback {
    /// An empty one: no rooms, nobody there but `contact:parrot`, who repeats what it is told.
    /// Rooms send a post back to its sender, contacts do not.
    pub fn new() -> Loopback {
        let mut state = ChatState::new();
        state.somebody("parrot").person = Some(PersonState {
            presence: PresenceState::Available,
            presence_text: None,
            since: 0,
            heard: HashMap::new(),
            parrots: true,
        });
        Loopback {
            shared: Arc::new(Shared(Mutex::new(state))),
            network: NetworkId::parse("loopback:loopback").expect("letters and a colon are an id"),
            capabilities: Capabilities::PLAIN
                .sharing_rooms()
                .echoing_rooms()
                .with_history()
                .with_look_up()
                .with_uploads()
                .with_find_channels()
                .with_composing()
                .with_edits()
                .with_retractions()
                .with_moderation()
                .with_reactions()
                .with_receipts()
                .with_replies(),
        }
    }

    /// Lets rooms not send a post back to its sender. The result of the post alone confirms it.
    #[must_use]
    pub fn without_echo(mut self) -> Loopback {
        self.capabilities.echoes_rooms = false;
        self.capabilities.echoes_contacts = false;
        self
    }

    /// Lets conversations with contacts send a post back to its sender, as rooms do.
    #[must_use]
    pub fn with_echoing_contacts(mut self) -> Loopback {
        self.capabilities.echoes_contacts = true;
        self
    }

    /// Holds that much text in a message, and rejects what is longer.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Loopback {
        self.capabilities.limits = limits;
        self
    }

    /// Has the engine split a text that is longer than a message.
    #[must_use]
    pub fn splitting(mut self, split: Split) -> Loopback {
        self.capabilities.split = split;
        self
    }

    /// Takes away the history, so that it cannot be paged.
    #[must_use]
    pub fn without_history(mut self) -> Loopback {
        self.capabilities.history = false;
        self
    }

    /// Takes away edits, retractions, reactions, receipts and replies, which not every chat system
    /// has.
    #[must_use]
    pub fn without_changes(mut self) -> Loopback {
        let can = &mut self.capabilities;
        (can.edits, can.retractions, can.moderation) = (false, false, false);
        (can.reactions, can.receipts, can.replies) = (false, false, false);
        self
    }

    /// Leaves only rooms: a contact cannot be subscribed to.
    #[must_use]
    pub fn rooms_only(mut self) -> Loopback {
        self.capabilities.contacts = false;
        self
    }

    /// Leaves only contacts: a room cannot be joined.
    #[must_use]
    pub fn contacts_only(mut self) -> Loopback {
        self.capabilities.rooms = false;
        self
    }

    /// Opens a room, or renames one.
    ///
    /// # Panics
    /// If `id` is no id of a room, `chat-room:…`.
    pub fn room(&self, id: impl Id<ChannelId>, display_name: impl Into<String>) {
        let id = literal(id, ChannelKind::Room);
        let display_name = display_name.into();
        let mut state = self.shared.0.lock();
        if let Some(room) = state.rooms.get_mut(&id) {
            room.display_name = display_name;
            return;
        }
        let log = state.archive.new_log();
        let category = state
            .categories
            .first()
            .map(|category| category.id.clone())
            .unwrap_or_default();
        state.rooms.insert(
            id,
            Room {
                log,
                display_name,
                subject: None,
                members: HashSet::new(),
                access: Access {
                    category,
                    ..Access::default()
                },
            },
        );
    }

    /// Adds a category for rooms. The first one replaces the default category.
    pub fn category(&self, id: impl Into<String>, name: impl Into<String>) {
        let category = Category {
            id: id.into(),
            name: name.into(),
        };
        let mut state = self.shared.0.lock();
        if !std::mem::replace(&mut state.categories_named, true) {
            let first = category.id.clone();
            state
                .rooms
                .values_mut()
                .for_each(|room| room.access.category.clone_from(&first));
            state.categories.clear();
        }
        state.categories.retain(|there| there.id != category.id);
        state.categories.push(category);
    }

    /// Sets a room's subject, and tells the agents in it; false if there is no such room.
    ///
    /// # Panics
    /// If `room` is no id of a room.
    pub fn subject(&self, room: impl Id<ChannelId>, subject: Option<&str>) -> bool {
        let channel = literal(room, ChannelKind::Room);
        let subject = subject.map(str::to_owned);
        let (done, _) = self.shared.act(|state| {
            let Some(room) = state.rooms.get_mut(&channel) else {
                return false;
            };
            room.subject.clone_from(&subject);
            if !room.members.is_empty() {
                state.queue(Item::State(StateChange::Subject {
                    seen_by: SeenBy::Room,
                    channel,
                    subject,
                }));
            }
            true
        });
        done
    }

    /// A person, available from now on; the same one whenever the same name is given, case aside.
    /// People are in every room, and hear what is said after they were first named.
    ///
    /// # Panics
    /// If `id` is no id of a contact, `contact:…`.
    pub fn person(&self, id: impl Id<ChannelId>) -> Person {
        let id = literal(id, ChannelKind::Contact);
        let folded = fold(id.name());
        let (name, _) = self.shared.act(|state| {
            let since = state.last;
            let somebody = state.somebody(id.name());
            let name = somebody.name.clone();
            if somebody.person.is_none() {
                let presence = PresenceState::Available;
                let heard = HashMap::new();
                somebody.person = Some(PersonState {
                    presence,
                    presence_text: None,
                    since,
                    heard,
                    parrots: false,
                });
                state.announce(&folded);
            }
            name
        });
        Person::new(self.shared.clone(), folded, name)
    }

    /// Returns the name and the bytes of the file that a link leads to.
    pub fn file(&self, link: &str) -> Option<(String, Vec<u8>)> {
        self.shared.0.lock().files.find(link)
    }
}

impl Default for Loopback {
    fn default() -> Self {
        Loopback::new()
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loopback")
    }
}

/// Returns an id that is written in a program. A wrong id is a mistake in that program.
fn literal(id: impl Id<ChannelId>, kind: ChannelKind) -> ChannelId {
    match id.into_id() {
        Ok(id) if id.kind() == kind => id,
        Ok(id) => panic!(
            "`{id}` is not what is wanted here: a room is `chat-room:…`, a person `contact:…`"
        ),
        Err(error) => panic!("{error}"),
    }
}
