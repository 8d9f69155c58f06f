//! The pace of dials: over all links at most 50 begin per second.

use parking_lot::Mutex;
use std::time::Duration;

/// Time between two dials.
const GAP: Duration = Duration::from_millis(20);

/// When the next dial may begin, in monotonic time.
#[derive(Default)]
pub(crate) struct Pace(Mutex<Duration>);

impl Pace {
    /// Takes the next place: how long to wait for it.
    pub(crate) fn wait_at(&self, now: Duration) -> Duration {
        let mut next = self.0.lock();
        let begin = (*next).max(now);
        *next = begin + GAP;
        begin - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_spread_and_a_lone_dial_is_not_held() {
        let pace = Pace::default();
        let second = Duration::from_secs(1);
        let waits: Vec<Duration> = (0..51).map(|_| pace.wait_at(second)).collect();
        assert_eq!(waits[0], Duration::ZERO);
        assert_eq!(waits[50], second);
        assert_eq!(pace.wait_at(second * 10), Duration::ZERO);
    }
}
