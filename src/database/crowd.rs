//! Group commit: how many entries arrive together, what a commit costs, and so how long waiting for
//! more pays.
//!
//! A caller that was answered posts again a moment later. A writer that takes only what is there
//! commits the quickest few, and all others wait for the next commit: two syncs instead of one.

use super::queue::Patience;
use std::time::Duration;

/// Groups below this size are not waited for.
const CROWD: usize = 8;
/// How long a group is gathered at most.
const GATHER_MAX: Duration = Duration::from_millis(2);

/// What was seen of late.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// The largest group of late.
    size: usize,
    /// How long a group takes to write and sync.
    commit: Duration,
}

impl Crowd {
    pub(super) fn note(&mut self, size: usize, took: Duration) {
        self.size = size.max(self.size - self.size / 8);
        self.commit = (self.commit * 3 + took) / 4;
    }

    pub(super) fn patience(&self, idle: Option<Duration>) -> Patience {
        if self.size < CROWD {
            return Patience {
                idle,
                ..Patience::default()
            };
        }
        Patience {
            idle,
            group: self.size * 3 / 4,
            gather: (self.commit / 2).min(GATHER_MAX),
        }
    }
}
