//! The pace of dials: at most 50 begin in any second, over all links.
//!
//! The first fifty begin at once. Rejected: one every 20 ms, because a link that is dialed again a
//! moment after another would be delayed, and under a clock that stands still it would never be
//! dialed.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::time::Duration;

/// Dials in any second.
const MOST: usize = 50;
const SECOND: Duration = Duration::from_secs(1);

/// When the last dials began or will begin, in monotonic time.
#[derive(Default)]
pub(crate) struct Pace(Mutex<VecDeque<Duration>>);

impl Pace {
    /// Reserves the next dial and returns how long to wait for it.
    pub(crate) fn wait_at(&self, now: Duration) -> Duration {
        let mut begun = self.0.lock();
        let before = if begun.len() < MOST {
            None
        } else {
            begun.pop_front()
        };
        let begin = before.map_or(now, |before| now.max(before + SECOND));
        begun.push_back(begin);
        begin - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_spread_and_a_few_dials_are_not_held() {
        let pace = Pace::default();
        let waits: Vec<Duration> = (0..151).map(|_| pace.wait_at(SECOND)).collect();
        assert_eq!((waits[0], waits[49]), (Duration::ZERO, Duration::ZERO));
        assert_eq!(
            (waits[50], waits[99], waits[150]),
            (SECOND, SECOND, SECOND * 3)
        );
        assert_eq!(pace.wait_at(SECOND * 10), Duration::ZERO);
    }
}
