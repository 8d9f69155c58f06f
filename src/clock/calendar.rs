//! Two dates beside wall time: the one that retention believes, and the one that stored tokens
//! count by.
//!
//! Wall time may jump, and what was done by a wrong date cannot be undone: one moment 60 days ahead
//! deleted an archive, and a token made then was valid for 60 days after the clock was set back. So
//! after a jump, nothing is deleted for its age by the new date until the jump has lasted for
//! [`PROVEN`] of running time; until then the date before the jump continues with the monotonic
//! clock. The earlier of the believed date and the shown date counts, so a clock that is set back
//! deletes nothing either. A start cannot tell an hour without power from a clock that is an hour
//! wrong: it continues from the date that was believed last, and the hour must be proven like a
//! jump.
//!
//! In memory a token ends by monotonic time alone. Its row counts by a date that moves only with
//! [`Calendar::moved`], and the rows are moved with it.
//!
//! Rejected: asking the network for the time (a library does not), and an hour as proof (a night
//! with a wrong clock is common; a day in which too much is kept does no harm).

use super::Clock;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// How long a jump lasts before it is believed.
pub(crate) const PROVEN: Duration = Duration::from_secs(24 * 60 * 60);
/// Milliseconds by which a clock may be corrected without counting as a jump.
pub(crate) const STEP: i64 = 60_000;

/// What was known of the date when the database was last open, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dates {
    /// What the tokens' rows count by.
    pub(crate) ledger: i64,
    /// What retention believes.
    pub(crate) believed: i64,
}

/// The dates of one engine.
pub(crate) struct Calendar {
    clock: Arc<dyn Clock>,
    state: Mutex<CalendarState>,
}

struct CalendarState {
    belief: Belief,
    /// The ledger's date less monotonic time.
    ledger: i64,
}

impl Calendar {
    /// Continues from what was known last; a new database believes the clock.
    pub(crate) fn new(clock: Arc<dyn Clock>, last: Option<Dates>) -> Calendar {
        let (wall, monotonic) = (clock.wall().timestamp_millis(), clock.monotonic());
        let believed = last.map_or(wall, |last| last.believed);
        let mut belief = Belief::new(believed, monotonic);
        belief.date(wall, monotonic);
        // Time may have passed since then, but it never went back.
        let ledger = last.map_or(wall, |last| last.ledger.max(wall));
        let state = CalendarState {
            belief,
            ledger: ledger - milliseconds(monotonic),
        };
        Calendar {
            clock,
            state: Mutex::new(state),
        }
    }

    /// The date as it is shown.
    pub(crate) fn wall(&self) -> i64 {
        self.clock.wall().timestamp_millis()
    }

    /// The date that decides which rows are old, milliseconds since 1970.
    pub(crate) fn believed(&self) -> i64 {
        let (wall, monotonic) = (self.wall(), self.clock.monotonic());
        self.state.lock().belief.date(wall, monotonic)
    }

    /// The date that the rows of tokens count by, milliseconds since 1970.
    pub(crate) fn ledger(&self) -> i64 {
        self.state.lock().ledger + milliseconds(self.clock.monotonic())
    }

    /// By how much wall time has jumped against the ledger, if it has: the rows must be moved by
    /// that, and then [`Calendar::follow`] called.
    pub(crate) fn moved(&self) -> Option<i64> {
        let by = self.wall() - self.ledger();
        (by.abs() > STEP).then_some(by)
    }

    /// The rows of tokens were moved by that many milliseconds.
    pub(crate) fn follow(&self, by: i64) {
        self.state.lock().ledger += by;
    }

    /// What is to be known at the next start.
    pub(crate) fn dates(&self) -> Dates {
        Dates {
            ledger: self.ledger(),
            believed: self.believed(),
        }
    }
}

/// The believed wall time. Pure: the clocks are arguments.
#[derive(Debug)]
struct Belief {
    /// The date believed less monotonic time.
    offset: i64,
    /// Another one that wall time shows, and since when.
    jump: Option<(i64, Duration)>,
}

impl Belief {
    fn new(believed: i64, monotonic: Duration) -> Belief {
        Belief {
            offset: believed - milliseconds(monotonic),
            jump: None,
        }
    }

    /// The earlier of the believed date and the shown one. It must be called now and then, because
    /// only this call notices a jump.
    fn date(&mut self, wall: i64, monotonic: Duration) -> i64 {
        let shown = wall - milliseconds(monotonic);
        if (shown - self.offset).abs() <= STEP {
            (self.offset, self.jump) = (shown, None);
        } else {
            match self.jump {
                Some((offset, since)) if (shown - offset).abs() <= STEP => {
                    if monotonic.saturating_sub(since) >= PROVEN {
                        (self.offset, self.jump) = (shown, None);
                    }
                }
                _ => self.jump = Some((shown, monotonic)),
            }
        }
        milliseconds(monotonic) + self.offset.min(shown)
    }
}

/// Room for 292 million years.
fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    /// Hours of running time, what the clock is ahead of the truth then, and what the date believed
    /// is ahead of it.
    fn play(table: &[(i64, i64, i64)]) {
        let mut belief = Belief::new(0, Duration::ZERO);
        for (hours, shown, believed) in table {
            let (now, monotonic) = (hours * HOUR, Duration::from_secs(*hours as u64 * 3600));
            assert_eq!(
                belief.date(now + shown, monotonic) - now,
                *believed,
                "after {hours} hours: {table:?}"
            );
        }
    }

    #[test]
    fn a_jump_is_believed_once_it_has_lasted_a_day_and_a_step_at_once() {
        play(&[
            (0, 0, 0),
            (1, 30_000, 30_000),
            (2, 0, 0),
            (3, -30_000, -30_000),
        ]);
        play(&[
            (0, 0, 0),
            (1, 60 * DAY, 0),
            (24, 60 * DAY, 0),
            (25, 60 * DAY, 60 * DAY),
            (26, 60 * DAY, 60 * DAY),
        ]);
        play(&[
            (0, 0, 0),
            (1, 60 * DAY, 0),
            (2, 0, 0),
            (3, 60 * DAY, 0),
            (26, 60 * DAY, 0),
            (27, 60 * DAY, 60 * DAY),
        ]);
        play(&[
            (0, 0, 0),
            (1, 60 * DAY, 0),
            (20, 61 * DAY, 0),
            (25, 61 * DAY, 0),
            (44, 61 * DAY, 61 * DAY),
        ]);
        // Set back: the earlier date counts at once, and going forth again is a jump only once back
        // was believed.
        play(&[(0, 0, 0), (1, -60 * DAY, -60 * DAY), (2, 0, 0)]);
        play(&[
            (0, 0, 0),
            (1, -60 * DAY, -60 * DAY),
            (25, -60 * DAY, -60 * DAY),
            (26, 0, -60 * DAY),
            (50, 0, 0),
        ]);
    }

    struct Hands(Mutex<(i64, Duration)>);

    impl Clock for Hands {
        fn wall(&self) -> chrono::DateTime<chrono::Utc> {
            chrono::DateTime::from_timestamp_millis(self.0.lock().0).unwrap()
        }

        fn monotonic(&self) -> Duration {
            self.0.lock().1
        }
    }

    fn at(wall: i64, monotonic: i64) -> Arc<Hands> {
        Arc::new(Hands(Mutex::new((
            wall,
            Duration::from_millis(monotonic as u64),
        ))))
    }

    #[test]
    fn a_start_believes_what_was_believed_last_until_it_is_proven() {
        assert_eq!(
            Calendar::new(at(5 * DAY, 7), None).dates(),
            Dates {
                ledger: 5 * DAY,
                believed: 5 * DAY
            }
        );
        let last = Some(Dates {
            ledger: 5 * DAY,
            believed: 5 * DAY,
        });
        let hands = at(65 * DAY, 7);
        let calendar = Calendar::new(hands.clone(), last);
        assert_eq!(
            calendar.dates(),
            Dates {
                ledger: 65 * DAY,
                believed: 5 * DAY
            },
            "tokens may have ended meanwhile"
        );
        *hands.0.lock() = (66 * DAY, Duration::from_millis(DAY as u64 + 7));
        assert_eq!(calendar.believed(), 66 * DAY);
        let back = Calendar::new(at(4 * DAY, 7), last);
        assert_eq!(
            back.dates(),
            Dates {
                ledger: 5 * DAY,
                believed: 4 * DAY
            },
            "no token is younger than it was"
        );
        assert_eq!(back.moved(), Some(-DAY));
    }

    #[test]
    fn the_ledger_moves_only_when_the_rows_are_moved() {
        let hands = at(DAY, 0);
        let calendar = Calendar::new(hands.clone(), None);
        *hands.0.lock() = (61 * DAY + 1_000, Duration::from_secs(1));
        assert_eq!(
            (calendar.ledger(), calendar.moved()),
            (DAY + 1_000, Some(60 * DAY))
        );
        calendar.follow(60 * DAY);
        assert_eq!(
            (calendar.ledger(), calendar.moved()),
            (61 * DAY + 1_000, None)
        );
        hands.0.lock().0 -= 60 * DAY;
        assert_eq!(calendar.moved(), Some(-60 * DAY));
    }
}
