//! A flood limit, for chat systems that throw out who speaks too fast.
//!
//! It waits with the engine's time, so a test can step it. Rejected: a limit that the engine keeps
//! for the connector, because what counts differs (lines, bytes, joins too).

use super::inbox::Inbox;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How fast something may be sent: some at once, and after that one in each period.
///
/// ```
/// use std::time::Duration;
/// use switchboard::backend::{Inbox, Pace};
///
/// async fn send_all(lines: &[&str], inbox: &Inbox) {
///     let mut pace = Pace::new(5, Duration::from_secs(1));
///     for line in lines {
///         pace.turn(inbox).await; // the sixth line waits a second
///         // ... write `line`
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Pace {
    every: Duration,
    /// Time that was not used, at most one burst of it.
    saved: Duration,
    most: Duration,
    /// When `saved` was right; `None` before the first turn.
    looked: Option<DateTime<Utc>>,
}

impl Pace {
    /// At most `burst` at once, at least one, and after that one each `every`.
    pub const fn new(burst: u32, every: Duration) -> Pace {
        let most = every.saturating_mul(if burst == 0 { 1 } else { burst });
        Pace {
            every,
            saved: most,
            most,
            looked: None,
        }
    }

    /// Waits until the next may go, and takes its turn.
    pub async fn turn(&mut self, inbox: &Inbox) {
        let missing = self.missing_at(inbox.now());
        if !missing.is_zero() {
            inbox.sleep(missing).await;
            self.saved = self.every;
            self.looked = Some(inbox.now());
        }
        self.saved = self.saved.saturating_sub(self.every);
    }

    /// How long the next has to wait. A clock that was set back saves nothing.
    fn missing_at(&mut self, now: DateTime<Utc>) -> Duration {
        let passed = self.looked.map(|looked| (now - looked).to_std());
        let passed = passed.and_then(Result::ok).unwrap_or_default();
        self.saved = self.saved.saturating_add(passed).min(self.most);
        self.looked = Some(now);
        self.every.saturating_sub(self.saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_what_follows_waits_its_turn() {
        let (begin, second) = (DateTime::UNIX_EPOCH, Duration::from_secs(1));
        let mut pace = Pace::new(2, second);
        // After `at` milliseconds the next has to wait that long. If it need not, it goes.
        let cases = [
            (0, 0),
            (0, 0),
            (0, 1000),
            (600, 400),
            (1000, 0),
            (1000, 1000),
        ];
        let later = [(9_000, 0), (9_000, 0), (9_000, 1000), (500, 1000)];
        for (at, waits) in cases.into_iter().chain(later) {
            let missing = pace.missing_at(begin + Duration::from_millis(at));
            assert_eq!(missing, Duration::from_millis(waits), "at {at}");
            if missing.is_zero() {
                pace.saved -= second;
            }
        }
    }
}
