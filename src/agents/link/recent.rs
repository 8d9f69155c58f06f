//! The messages that one link saw lately: copies of a message are dropped before they reach the
//! writer.
//!
//! Messages are kept as keyed hashes of 64 bits. The unique index of the table is what guarantees
//! one row.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};

/// Messages remembered.
const REMEMBERED: usize = 16_384;

#[derive(Default)]
pub(super) struct Recent {
    hasher: RandomState,
    seen: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Recent {
    /// Whether `message` was noted lately.
    pub(super) fn knows(&self, message: &impl Hash) -> bool {
        self.seen.contains(&self.hasher.hash_one(message))
    }

    /// Notes `message`, and forgets the oldest one if there are too many.
    pub(super) fn note(&mut self, message: &impl Hash) {
        let hash = self.hasher.hash_one(message);
        if self.seen.insert(hash) {
            self.order.push_back(hash);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
        }
    }
}
