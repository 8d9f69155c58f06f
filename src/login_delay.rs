//! What slows guessing down: the answer to a login is held back once its name has failed often enough.
//!
//! From the 4th failure in a row on, the answer to every further login of that name, right or wrong, waits 1, 2, 4
//! and then 5 seconds. Nobody is refused: a right password is accepted after the wait and ends the count, and so do
//! 15 minutes without a failure. The key is the name as sent, case folded, whether or not there is such a user.
//!
//! Logins under way count as if they had failed, else a burst sent at once would pass before the first failure is
//! known. Their waits are not added up: a stranger who sends a thousand would then lock the owner out for an hour.
//! How many can run at once is the password pool's bound.
//!
//! Rejected: locking a name (a denial of service by anyone who knows it), and counting by address (a library sees
//! none).

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Failures in a row before anything is held back.
const FREE_FAILURES: u32 = 4;
/// Without a failure for this long, a name starts anew.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);
/// Names remembered; the one longest untouched goes first. Bounds what a flood of invented names can take (2 MB).
const NAMES_MAX: usize = 10_000;

/// A name by its digest, so that a name of a megabyte takes 32 bytes.
type Name = [u8; 32];

/// The failed logins of late, by name.
#[derive(Debug, Default)]
pub(crate) struct LoginDelay {
    names: HashMap<Name, Record>,
    /// The names in the order in which they were last touched.
    order: BTreeMap<u64, Name>,
    touches: u64,
}

#[derive(Debug, Default)]
struct Record {
    failures: u32,
    under_way: u32,
    last_failure: Duration,
    touched: u64,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginOutcome {
    /// The right password.
    Right,
    /// Not.
    Wrong,
    /// It was not judged, because something of ours was busy or closed.
    Unjudged,
}

impl LoginDelay {
    /// Notes that a login begins; answers how long its answer must be held back, from `now` (monotonic) on. Every
    /// login begun must be ended.
    pub(crate) fn begin(&mut self, folded: &str, now: Duration) -> Duration {
        let record = self.touch(name(folded), now);
        let delay = hold(record.failures.saturating_add(record.under_way));
        record.under_way += 1;
        delay
    }

    /// Notes how a login ended.
    pub(crate) fn end(&mut self, folded: &str, outcome: LoginOutcome, now: Duration) {
        let name = name(folded);
        let record = self.touch(name, now);
        record.under_way = record.under_way.saturating_sub(1);
        match outcome {
            LoginOutcome::Right => record.failures = 0,
            LoginOutcome::Wrong => {
                record.failures = record.failures.saturating_add(1);
                record.last_failure = now;
            }
            LoginOutcome::Unjudged => {}
        }
        if record.failures == 0 && record.under_way == 0 {
            let touched = record.touched;
            self.order.remove(&touched);
            self.names.remove(&name);
        }
    }

    /// The record of a name, made the newest; room for it is made by dropping the oldest.
    fn touch(&mut self, name: Name, now: Duration) -> &mut Record {
        self.touches += 1;
        if !self.names.contains_key(&name)
            && self.names.len() >= NAMES_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.names.remove(&oldest);
        }
        let record = self.names.entry(name).or_default();
        self.order.remove(&record.touched);
        self.order.insert(self.touches, name);
        record.touched = self.touches;
        if now.saturating_sub(record.last_failure) >= FORGET_AFTER {
            record.failures = 0;
        }
        record
    }
}

/// How long the answer waits after so many failures in a row.
fn hold(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(0) => Duration::from_secs(1),
        Some(1) => Duration::from_secs(2),
        Some(2) => Duration::from_secs(4),
        Some(_) => Duration::from_secs(5),
    }
}

fn name(folded: &str) -> Name {
    Sha256::digest(folded.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// One login of Lene's, judged at once; how long its answer was held back.
    fn log_in(delay: &mut LoginDelay, outcome: LoginOutcome, now: Duration) -> u64 {
        let held = delay.begin("lene", now);
        delay.end("lene", outcome, now);
        held.as_secs()
    }

    #[test]
    fn the_answer_waits_longer_and_a_right_password_ends_it() {
        let mut delay = LoginDelay::default();
        let held: Vec<_> = (0..10).map(|n| log_in(&mut delay, LoginOutcome::Wrong, seconds(n))).collect();
        assert_eq!(held, [0, 0, 0, 0, 1, 2, 4, 5, 5, 5]);
        assert_eq!(delay.begin("bob", seconds(10)), seconds(0), "Bob is another name");
        assert_eq!(log_in(&mut delay, LoginOutcome::Unjudged, seconds(10)), 5, "busy is neither");
        assert_eq!(log_in(&mut delay, LoginOutcome::Right, seconds(10)), 5, "held back, but accepted");
        assert_eq!(log_in(&mut delay, LoginOutcome::Wrong, seconds(10)), 0);
    }

    #[test]
    fn fifteen_minutes_without_a_failure_forgive() {
        let mut delay = LoginDelay::default();
        for _ in 0..6 {
            log_in(&mut delay, LoginOutcome::Wrong, seconds(100));
        }
        assert_eq!(log_in(&mut delay, LoginOutcome::Unjudged, seconds(100 + 15 * 60 - 1)), 4);
        assert_eq!(log_in(&mut delay, LoginOutcome::Unjudged, seconds(100 + 15 * 60)), 0);
        assert!(delay.names.is_empty(), "and are forgotten");
    }

    #[test]
    fn logins_sent_at_once_do_not_slip_through_and_do_not_lock_the_owner_out() {
        let mut delay = LoginDelay::default();
        let held: Vec<_> = (0..100).map(|_| delay.begin("lene", seconds(0)).as_secs()).collect();
        assert_eq!(held[..9], [0, 0, 0, 0, 1, 2, 4, 5, 5]);
        assert_eq!(held[99], 5);
        for _ in 0..100 {
            delay.end("lene", LoginOutcome::Wrong, seconds(5));
        }
        assert_eq!(log_in(&mut delay, LoginOutcome::Right, seconds(5)), 5);
    }

    #[test]
    fn a_flood_of_invented_names_takes_bounded_memory() {
        let mut delay = LoginDelay::default();
        for n in 0..NAMES_MAX + 500 {
            let name = format!("nobody {n}");
            delay.begin(&name, seconds(0));
            delay.end(&name, LoginOutcome::Wrong, seconds(0));
        }
        assert_eq!((delay.names.len(), delay.order.len()), (NAMES_MAX, NAMES_MAX));
    }
}
