//! Every agent in memory, by id and by key.

use super::cell::Cell;
use crate::model::{AgentId, AgentKey};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
struct Cells {
    by_id: HashMap<AgentId, Arc<Cell>>,
    by_key: HashMap<AgentKey, Arc<Cell>>,
}

/// The agents in memory.
#[derive(Default)]
pub(super) struct Roster(RwLock<Cells>);

impl Roster {
    pub(super) fn by_id(&self, id: &AgentId) -> Option<Arc<Cell>> {
        self.0.read().by_id.get(id).cloned()
    }

    pub(super) fn by_key(&self, key: AgentKey) -> Option<Arc<Cell>> {
        self.0.read().by_key.get(&key).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.0.read().by_key.len()
    }

    /// Every agent, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Cell>> {
        self.0.read().by_key.values().cloned().collect()
    }

    /// How many agents are signed in.
    pub(super) fn active(&self) -> usize {
        let is_active = |cell: &&Arc<Cell>| cell.look(|state| state.life().is_active());
        self.0.read().by_key.values().filter(is_active).count()
    }

    pub(super) fn insert(&self, cell: &Arc<Cell>) {
        let mut cells = self.0.write();
        cells.by_id.insert(cell.id.clone(), cell.clone());
        cells.by_key.insert(cell.key, cell.clone());
    }

    /// Forgets an agent and returns it. An agent of the same id that was put since keeps its entry.
    pub(super) fn remove(&self, key: AgentKey) -> Option<Arc<Cell>> {
        let mut cells = self.0.write();
        let cell = cells.by_key.remove(&key)?;
        if cells
            .by_id
            .get(&cell.id)
            .is_some_and(|there| there.key == key)
        {
            cells.by_id.remove(&cell.id);
        }
        Some(cell)
    }
}
