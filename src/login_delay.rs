//! Slows down guessing: the answer to a login is delayed once its name has failed several times.
//!
//! From the 4th failure in a row on, the answer to every further login of that name, right or
//! wrong, is delayed by 1, 2, 4 and then 5 seconds. Nobody is refused: a right password is accepted
//! after the delay and resets the count, and so do 15 minutes without a failure. The key is the
//! name as sent, case folded, whether or not such a user exists.
//!
//! Memory is bounded, and records are dropped by what they cost the caller. A password of an
//! impossible length is a failure like any other, but needs no hash: ten thousand such requests
//! took a second and displaced the record of the one name that was being guessed. So names that
//! only ever failed without a hash are dropped first, then those without a delay, and the others
//! last. Displacing a record then takes ten thousand names with four hashes each, which takes
//! longer than a record lasts.
//!
//! Logins under way count as failed; otherwise a burst would pass before its first failure is
//! known. Their delays are not added up, because a stranger who sends a thousand logins would lock
//! the owner out for an hour. The password pool bounds how many run at once. The same password sent
//! many times at once is one guess: fifty bots that share a user and log in together are not
//! delayed.
//!
//! Rejected: locking a name (anyone who knows it could lock it), and counting by address (a library
//! sees none).

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Failures in a row before answers are delayed.
const FREE_FAILURES: u32 = 4;
/// After this time without a failure, a name is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);
/// Most names remembered (2 MB), which bounds a flood of invented names. Of the cheapest records,
/// the one longest unused is dropped first.
const NAMES_MAX: usize = 10_000;

/// The digest of a name, so that a name of a megabyte takes 32 bytes.
type Name = [u8; 32];

/// The failed logins of late, by name.
#[derive(Debug, Default)]
pub(crate) struct LoginDelay {
    names: HashMap<Name, Record>,
    /// The names: the cheapest first, then in the order of their last use.
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
    rank: (Worth, u64),
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
    /// A password of an impossible length: a failure like any other, but without a hash.
    Impossible,
    /// It was not checked, because a part of the engine was busy or closed.
    Unjudged,
}

impl LoginDelay {
    /// Notes that a login begins. Returns how long its answer must be delayed from `now`
    /// (monotonic) on, and the guess, with which the login must be ended in any case.
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
            record.rank,
            record.failures == 0 && record.under_way.is_empty(),
        );
        let rank = (record.worth(), before.1);
        record.rank = rank;
        self.order.remove(&before);
        if gone {
            self.names.remove(&name);
        } else {
            self.order.insert(rank, name);
        }
    }

    /// The record of a name, made the newest; drops another one if there is no room.
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
        self.order.remove(&record.rank);
        record.rank = (record.worth(), self.touches);
        self.order.insert(record.rank, name);
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
