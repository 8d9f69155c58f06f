//! What was said to an agent by people it has not joined: where it begins, so that a join can hand it
//! over. A chat system with accounts keeps such messages too, also while the account is away.
//!
//! Kept by the agent's name, because an agent that is away has no session.

use crate::backend::fairness::{domain, gives_way};
use std::sync::Arc;

/// People of one name whose words are kept.
const PEOPLE_MAX: usize = 1024;

/// People whose words an agent has not heard, with the number of the first; oldest first.
#[derive(Default)]
pub(super) struct Unread(Vec<(Arc<str>, u64)>);

impl Unread {
    /// Somebody said the message with that number.
    pub(super) fn keep(&mut self, from: &Arc<str>, number: u64) {
        if self.0.iter().any(|(known, _)| known == from) {
            return;
        }
        self.0.push((from.clone(), number));
        if self.0.len() > PEOPLE_MAX
            && let Some(place) = gives_way(self.0.iter().map(|(name, _)| (domain(name), name, 1)))
        {
            self.0.remove(place);
        }
    }

    /// The people.
    pub(super) fn people(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(from, _)| from)
    }

    /// The number of the first message of somebody.
    pub(super) fn first_of(&self, from: &Arc<str>) -> Option<u64> {
        let found = self.0.iter().find(|(known, _)| known == from);
        found.map(|(_, number)| *number)
    }

    /// Somebody was joined: their words are handed over by the join.
    pub(super) fn forget(&mut self, from: &Arc<str>) {
        self.0.retain(|(known, _)| known != from);
    }
}
