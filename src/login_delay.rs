//! What slows guessing down: the answer to a login is held back once its name has failed often enough.
//!
//! From the 4th failure in a row on, the answer to every further login of that name, right or wrong, waits 1, 2, 4
//! and then 5 seconds. Nobody is refused: a right password is accepted after the wait and ends the count, and so do
//! 15 minutes without a failure. The key is the name as sent, case folded, whether or not there is such a user.
//!
//! Which names are remembered is decided by what they cost. A password of no length that a password can have is a failure
//! as any other, but it is known without hashing: ten thousand such requests took a second, and put the record of the
//! one name that was guessed at out of memory. So names that only ever failed for free go first, then those that are not
//! yet held back, and the others last: to make a record go takes ten thousand names and four hashes each, longer than a
//! record lasts.
//!
//! Logins under way count as if they had failed, else a burst sent at once would pass before the first failure is
//! known. Their waits are not added up: a stranger who sends a thousand would then lock the owner out for an hour.
//! How many can run at once is the password pool's bound. One password sent many times at once is one guess: fifty bots
//! that share a user and log in together are not held back.
//!
//! Rejected: locking a name (a denial of service by anyone who knows it), and counting by address (a library sees
//! none).

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Failures in a row before anything is held back.
const FREE_FAILURES: u32 = 4;
/// Without a failure for this long, a name starts anew.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);
/// Names remembered; of those worth least the one longest untouched goes first. Bounds what a flood of invented names can
/// take (2 MB).
const NAMES_MAX: usize = 10_000;

/// A name by its digest, so that a name of a megabyte takes 32 bytes.
type Name = [u8; 32];

/// The failed logins of late, by name.
#[derive(Debug, Default)]
pub(crate) struct LoginDelay {
    names: HashMap<Name, Record>,
    /// The names, those that are worth least first, then in the order in which they were last touched.
    order: BTreeMap<(Worth, u64), Name>,
    touches: u64,
    /// Tells guesses apart, under a key that nobody knows.
    guesses: RandomState,
}

/// One password that is tried.
pub(crate) type Guess = u64;

/// What it took to make a record.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// No failure that cost a hash.
    #[default]
    Nothing,
    /// One or more.
    Something,
    /// So many failures that the name is held back.
    HeldBack,
}

#[derive(Debug, Default)]
struct Record {
    failures: u32,
    /// Those of them that cost a hash.
    hashed: u32,
    /// The passwords that are being tried, and how often each.
    under_way: HashMap<Guess, u32>,
    last_failure: Duration,
    place: (Worth, u64),
}

impl Record {
    fn worth(&self) -> Worth {
        match self.hashed {
            0 => Worth::Nothing,
            1..FREE_FAILURES => Worth::Something,
            _ => Worth::HeldBack,
        }
    }

    fn forgive(&mut self) {
        (self.failures, self.hashed) = (0, 0);
    }
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginOutcome {
    /// The right password.
    Right,
    /// Not.
    Wrong,
    /// One that no password can be: a failure as any other, but it cost nothing.
    Impossible,
    /// It was not judged, because something of ours was busy or closed.
    Unjudged,
}

impl LoginDelay {
    /// Notes that a login begins; answers how long its answer must be held back, from `now` (monotonic) on, and what it
    /// must be ended with. Every login begun must be ended.
    pub(crate) fn begin(
        &mut self,
        folded: &str,
        password: &str,
        now: Duration,
    ) -> (Duration, Guess) {
        let guess = self.guesses.hash_one(password);
        let record = self.touch(name(folded), now);
        let others = record.under_way.len() - usize::from(record.under_way.contains_key(&guess));
        *record.under_way.entry(guess).or_default() += 1;
        (
            hold(
                record
                    .failures
                    .saturating_add(u32::try_from(others).unwrap_or(u32::MAX)),
            ),
            guess,
        )
    }

    /// Notes how a login ended.
    pub(crate) fn end(&mut self, folded: &str, guess: Guess, outcome: LoginOutcome, now: Duration) {
        let name = name(folded);
        let record = self.touch(name, now);
        if let Some(times) = record.under_way.get_mut(&guess) {
            *times -= 1;
            if *times == 0 {
                record.under_way.remove(&guess);
            }
        }
        match outcome {
            LoginOutcome::Right => record.forgive(),
            LoginOutcome::Wrong | LoginOutcome::Impossible => {
                record.failures = record.failures.saturating_add(1);
                record.hashed = record
                    .hashed
                    .saturating_add(u32::from(outcome == LoginOutcome::Wrong));
                record.last_failure = now;
            }
            LoginOutcome::Unjudged => {}
        }
        let (before, gone) = (
            record.place,
            record.failures == 0 && record.under_way.is_empty(),
        );
        let place = (record.worth(), before.1);
        record.place = place;
        self.order.remove(&before);
        if gone {
            self.names.remove(&name);
        } else {
            self.order.insert(place, name);
        }
    }

    /// The record of a name, made the newest; room for it is made by dropping another.
    fn touch(&mut self, name: Name, now: Duration) -> &mut Record {
        self.touches += 1;
        if !self.names.contains_key(&name)
            && self.names.len() >= NAMES_MAX
            && let Some((_, first)) = self.order.pop_first()
        {
            self.names.remove(&first);
        }
        let record = self.names.entry(name).or_default();
        if now.saturating_sub(record.last_failure) >= FORGET_AFTER {
            record.forgive();
        }
        self.order.remove(&record.place);
        record.place = (record.worth(), self.touches);
        self.order.insert(record.place, name);
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
        let (held, guess) = delay.begin("lene", "guess", now);
        delay.end("lene", guess, outcome, now);
        held.as_secs()
    }

    #[test]
    fn the_answer_waits_longer_and_a_right_password_ends_it() {
        let mut delay = LoginDelay::default();
        let held: Vec<_> = (0..10)
            .map(|n| log_in(&mut delay, LoginOutcome::Wrong, seconds(n)))
            .collect();
        assert_eq!(held, [0, 0, 0, 0, 1, 2, 4, 5, 5, 5]);
        assert_eq!(
            delay.begin("bob", "guess", seconds(10)).0,
            seconds(0),
            "Bob is another name"
        );
        assert_eq!(
            log_in(&mut delay, LoginOutcome::Unjudged, seconds(10)),
            5,
            "busy is neither"
        );
        assert_eq!(
            log_in(&mut delay, LoginOutcome::Right, seconds(10)),
            5,
            "held back, but accepted"
        );
        assert_eq!(log_in(&mut delay, LoginOutcome::Wrong, seconds(10)), 0);
    }

    #[test]
    fn fifteen_minutes_without_a_failure_forgive() {
        let mut delay = LoginDelay::default();
        for _ in 0..6 {
            log_in(&mut delay, LoginOutcome::Wrong, seconds(100));
        }
        assert_eq!(
            log_in(
                &mut delay,
                LoginOutcome::Unjudged,
                seconds(100 + 15 * 60 - 1)
            ),
            4
        );
        assert_eq!(
            log_in(&mut delay, LoginOutcome::Unjudged, seconds(100 + 15 * 60)),
            0
        );
        assert!(delay.names.is_empty(), "and are forgotten");
    }

    #[test]
    fn logins_sent_at_once_do_not_slip_through_and_do_not_lock_the_owner_out() {
        let mut delay = LoginDelay::default();
        let begun: Vec<_> = (0..100)
            .map(|n| delay.begin("lene", &n.to_string(), seconds(0)))
            .collect();
        let held: Vec<_> = begun.iter().map(|(held, _)| held.as_secs()).collect();
        assert_eq!(held[..9], [0, 0, 0, 0, 1, 2, 4, 5, 5]);
        assert_eq!(held[99], 5);
        for (_, guess) in begun {
            delay.end("lene", guess, LoginOutcome::Wrong, seconds(5));
        }
        assert_eq!(log_in(&mut delay, LoginOutcome::Right, seconds(5)), 5);
    }

    #[test]
    fn one_password_sent_many_times_at_once_is_one_guess() {
        let mut delay = LoginDelay::default();
        let begun: Vec<_> = (0..100)
            .map(|_| delay.begin("bot", "shared", seconds(0)))
            .collect();
        assert!(begun.iter().all(|(held, _)| held.is_zero()));
        for (_, guess) in begun {
            delay.end("bot", guess, LoginOutcome::Right, seconds(1));
        }
        assert!(delay.names.is_empty() && delay.order.is_empty());
    }

    #[test]
    fn a_flood_of_invented_names_takes_bounded_memory() {
        let mut delay = LoginDelay::default();
        for n in 0..NAMES_MAX + 500 {
            let name = format!("nobody {n}");
            let (_, guess) = delay.begin(&name, "guess", seconds(0));
            delay.end(&name, guess, LoginOutcome::Wrong, seconds(0));
        }
        assert_eq!(
            (delay.names.len(), delay.order.len()),
            (NAMES_MAX, NAMES_MAX)
        );
    }

    #[test]
    fn a_flood_that_costs_nothing_makes_no_record_go_that_cost_a_hash() {
        let mut delay = LoginDelay::default();
        for _ in 0..6 {
            log_in(&mut delay, LoginOutcome::Wrong, seconds(0));
        }
        let flood = |delay: &mut LoginDelay, outcome: LoginOutcome, times: usize| {
            for n in 0..NAMES_MAX + 500 {
                let name = format!("{outcome:?} {n}");
                for _ in 0..times {
                    let (_, guess) = delay.begin(&name, "guess", seconds(1));
                    delay.end(&name, guess, outcome, seconds(1));
                }
            }
            assert_eq!(
                (delay.names.len(), delay.order.len()),
                (NAMES_MAX, NAMES_MAX)
            );
            log_in(delay, LoginOutcome::Unjudged, seconds(1))
        };
        assert_eq!(
            flood(&mut delay, LoginOutcome::Impossible, 8),
            4,
            "passwords of 1,025 bytes"
        );
        assert_eq!(
            flood(&mut delay, LoginOutcome::Wrong, 3),
            4,
            "names that are not yet held back"
        );
    }
}
