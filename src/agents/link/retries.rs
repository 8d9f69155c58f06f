//! Agents to look at again, by time.
//!
//! An agent has one retry, the soonest: with one for each channel that failed, and another for each
//! look at them, 40,000 failures never came to rest.

use super::super::cell::Cell;
use crate::model::AgentKey;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// When an agent is looked at, in monotonic time, and a number that keeps equal times apart.
type Ticket = (Duration, u64);

#[derive(Default)]
pub(super) struct Retries {
    agents: BTreeMap<Ticket, Arc<Cell>>,
    tickets: HashMap<AgentKey, Ticket>,
    next: u64,
}

impl Retries {
    /// Looks at an agent again at `due`, or sooner.
    pub(super) fn at(&mut self, due: Duration, cell: Arc<Cell>) {
        if let Some(known) = self.tickets.get(&cell.key) {
            if known.0 <= due {
                return;
            }
            self.agents.remove(known);
        }
        self.next += 1;
        self.tickets.insert(cell.key, (due, self.next));
        self.agents.insert((due, self.next), cell);
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.agents.keys().next().map(|(due, _)| *due)
    }

    /// Takes an agent that is due.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<Arc<Cell>> {
        let entry = self.agents.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let cell = entry.remove();
        self.tickets.remove(&cell.key);
        Some(cell)
    }

    pub(super) fn clear(&mut self) {
        self.agents.clear();
        self.tickets.clear();
    }
}
