//! What the links of one backend share while it lives: who of the occupants are our agents, what
//! each room said last, and which posts have left. A room may be seen over the component and over an account at once, and
//! either may see a post first.

use super::copies::Copies;
use super::sent::Pasts;
use crate::model::{Address, OriginId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::OwnedMutexGuard;

/// Requests to take a message back that are under way at most.
const MODERATING_MAX: usize = 4096;

/// Our agents in a room, by nickname: address and session.
type Nicks = HashMap<String, (Address, u64)>;

/// The component's one connection, from its dial until it is closed at both ends. It is a lock that
/// is held across waits, and so not `parking_lot`'s.
pub(super) type Turn = OwnedMutexGuard<()>;

#[derive(Default)]
pub(super) struct Shared {
    /// The agents in each room, by the room's address.
    occupants: Mutex<HashMap<String, Nicks>>,
    /// Our messages that archives may have and the engine does not know.
    pub(super) pasts: Mutex<Pasts>,
    /// The last messages of each room that a link sees.
    copies: Mutex<HashMap<String, Weak<Mutex<Copies>>>>,
    /// Messages that our agents are taking back as moderators, by room and id: the room says it to
    /// everybody, and not which request it is.
    moderating: Mutex<HashMap<(String, String), OriginId>>,
    next: AtomicU64,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Shared {
    /// Waits until no connection of the component is open.
    pub(super) async fn turn(&self) -> Turn {
        self.turn.clone().lock_owned().await
    }

    /// Records that our agent asks a room to take a message back. More than [`MODERATING_MAX`] are
    /// not remembered: their retractions come as somebody's.
    pub(super) fn moderates(&self, room: &str, id: &str, origin: &OriginId) {
        let mut moderating = self.moderating.lock();
        if moderating.len() < MODERATING_MAX {
            moderating.insert((room.to_owned(), id.to_owned()), origin.clone());
        }
    }

    /// Returns the request of ours that a room answers when it takes that message back.
    pub(super) fn take_moderation(&self, room: &str, id: &str) -> Option<OriginId> {
        let mut moderating = self.moderating.lock();
        moderating.remove(&(room.to_owned(), id.to_owned()))
    }

    /// Returns a number that was not used before.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns the last messages of a room. They are kept as long as a link holds them.
    pub(super) fn copies(&self, room: &str) -> Arc<Mutex<Copies>> {
        let mut all = self.copies.lock();
        if let Some(copies) = all.get(room).and_then(Weak::upgrade) {
            return copies;
        }
        if all.len().is_power_of_two() {
            all.retain(|_, copies| copies.strong_count() > 0);
        }
        let copies = Arc::default();
        all.insert(room.to_owned(), Arc::downgrade(&copies));
        copies
    }

    /// Records that our agent has or requests a nickname. Returns false if another agent of ours
    /// has it.
    pub(super) fn occupy(&self, room: &str, nick: &str, address: &Address, session: u64) -> bool {
        let mut occupants = self.occupants.lock();
        let nicks = occupants.entry(room.to_owned()).or_default();
        match nicks.get(nick) {
            Some((other, _)) if other != address => false,
            _ => {
                nicks.insert(nick.to_owned(), (address.clone(), session));
                true
            }
        }
    }

    /// Records that our agent no longer has a nickname.
    pub(super) fn vacate(&self, room: &str, nick: &str, session: u64) {
        let mut occupants = self.occupants.lock();
        if let Some(nicks) = occupants.get_mut(room) {
            if nicks.get(nick).is_some_and(|(_, held)| *held == session) {
                nicks.remove(nick);
            }
            if nicks.is_empty() {
                occupants.remove(room);
            }
        }
    }

    /// Returns our agent with that nickname.
    pub(super) fn occupant(&self, room: &str, nick: &str) -> Option<Address> {
        Some(self.occupants.lock().get(room)?.get(nick)?.0.clone())
    }
}
