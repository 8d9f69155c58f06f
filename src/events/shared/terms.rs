//! On which terms a reader gives its events out.

use std::time::Duration;

/// How a [shared reader](super::SharedReader) gives its events out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Terms {
    pub(super) lease: Duration,
    pub(super) attempts: u32,
    pub(super) in_order: bool,
}

impl Terms {
    /// Leases of one minute, five attempts, no order.
    pub const fn new() -> Terms {
        Terms {
            lease: Duration::from_secs(60),
            attempts: 5,
            in_order: false,
        }
    }

    /// How long a worker may have an event before another one gets it; default 1 min, at least
    /// 1 s, the engine's clock.
    pub fn lease(mut self, lease: Duration) -> Terms {
        self.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// After how many attempts an event is dead; default 5, at least 1.
    pub fn attempts(mut self, most: u32) -> Terms {
        self.attempts = most.max(1);
        self
    }

    /// Gives out one event of each channel at a time, in order.
    pub fn in_order_per_channel(mut self) -> Terms {
        self.in_order = true;
        self
    }

    /// Those of a reader that one worker has to itself: nothing is leased, and nothing dies.
    pub(crate) const ALONE: Terms = Terms {
        lease: Duration::MAX,
        attempts: u32::MAX,
        in_order: false,
    };
}

impl Default for Terms {
    fn default() -> Terms {
        Terms::new()
    }
}
