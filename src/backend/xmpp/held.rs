//! Messages that came live while what was said before them is still being fetched: they wait their
//! turn.

use crate::backend::Inbound;
use std::collections::VecDeque;

/// The most messages that wait. Beyond this the archive is read again.
const HELD_MAX: usize = 2000;

/// The live messages of a conversation while it is caught up.
#[derive(Default)]
pub(super) struct Held {
    items: VecDeque<(String, Inbound)>,
    /// True if some did not fit.
    overflowed: bool,
    /// True once it was emptied: what comes now follows at once.
    is_done: bool,
}

impl Held {
    pub(super) fn push(&mut self, id: String, item: Inbound) {
        if self.items.len() >= HELD_MAX {
            self.overflowed = true;
        } else {
            self.items.push_back((id, item));
        }
    }

    /// Returns whether the message with that id waits here.
    pub(super) fn has(&self, id: &str) -> bool {
        self.items.iter().any(|(held, _)| held == id)
    }

    /// Returns whether a message was dropped. All are dropped then, because the archive is read
    /// again.
    pub(super) fn begin_anew(&mut self) -> bool {
        let overflowed = std::mem::take(&mut self.overflowed);
        if overflowed {
            self.items.clear();
        }
        overflowed
    }

    /// Returns the next message. If there is none, the line is done.
    pub(super) fn pop(&mut self) -> Option<(String, Inbound)> {
        let item = self.items.pop_front();
        self.is_done = item.is_none();
        item
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }
}

/// The ids of the last messages of a room. Each message comes once for every agent in it.
#[derive(Default)]
pub(super) struct Recent {
    ids: std::collections::HashSet<String>,
    order: VecDeque<String>,
}

/// How many ids are kept of each room. Copies come close together.
const RECENT_MAX: usize = 512;

impl Recent {
    /// Records the id. Returns true if it was not seen before.
    pub(super) fn is_new(&mut self, id: &str) -> bool {
        if self.ids.contains(id) {
            return false;
        }
        if self.order.len() >= RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        self.ids.insert(id.to_owned());
        self.order.push_back(id.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_known_and_memory_is_bounded() {
        let mut recent = Recent::default();
        assert!(recent.is_new("a") && !recent.is_new("a"));
        assert!((0..RECENT_MAX * 3).all(|n| recent.is_new(&n.to_string())));
        assert_eq!(
            (recent.ids.len(), recent.order.len()),
            (RECENT_MAX, RECENT_MAX)
        );
        assert!(recent.is_new("a"), "long forgotten");
    }
}
