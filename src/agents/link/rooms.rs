//! The rooms that the agents of a link share: each is caught up once, by the first that joins it.

use super::super::cell::Cell;
use crate::model::{AgentKey, ChannelId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

enum Room {
    /// Its first joiner is catching up; these wait for it.
    Catching(BTreeMap<AgentKey, Arc<Cell>>),
    /// So many are in.
    Ready(usize),
}

#[derive(Default)]
pub(super) struct Rooms(HashMap<ChannelId, Room>);

impl Rooms {
    /// Has an agent wait for the first joiner of a room, if there is one; true if it waits.
    pub(super) fn wait(&mut self, channel: &ChannelId, cell: &Arc<Cell>) -> bool {
        match self.0.get_mut(channel) {
            Some(Room::Catching(waiting)) => {
                waiting.insert(cell.key, cell.clone());
                true
            }
            _ => false,
        }
    }

    /// A join of a room begins; true if it is the first.
    pub(super) fn begin(&mut self, channel: &ChannelId) -> bool {
        let first = !self.0.contains_key(channel);
        if first {
            let nobody = BTreeMap::new();
            self.0.insert(channel.clone(), Room::Catching(nobody));
        }
        first
    }

    /// A join of a room has ended, well or not. Returns the agents that waited for it.
    pub(super) fn joined(&mut self, channel: &ChannelId, first: bool, ok: bool) -> Vec<Arc<Cell>> {
        match self.0.get_mut(channel) {
            Some(Room::Ready(inside)) if ok => *inside += 1,
            Some(Room::Catching(waiting)) if first => {
                let waited = std::mem::take(waiting).into_values().collect();
                if ok {
                    self.0.insert(channel.clone(), Room::Ready(1));
                } else {
                    self.0.remove(channel);
                }
                return waited;
            }
            _ => {}
        }
        Vec::new()
    }

    /// An agent is no longer in a room. The last one's end forgets the room, so that the next join
    /// catches up.
    pub(super) fn left(&mut self, channel: &ChannelId) {
        if let Some(Room::Ready(inside)) = self.0.get_mut(channel) {
            *inside -= 1;
            if *inside == 0 {
                self.0.remove(channel);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
