//! Time is an argument: every part of the engine that waits or stamps asks a [`Clock`].
//!
//! Wall time stamps rows and is shown; monotonic time drives throttles, back-off, tokens and every
//! deadline, so that a clock that jumps cannot open a throttle, end a wait or keep a token alive.
//! Deletion by age follows a date that accepts a jump only after a day (`calendar.rs`). Rejected:
//! tokio's paused clock, which panics on a multi-thread runtime and jumps while other threads work.

mod calendar;

pub(crate) use calendar::{Calendar, Dates, STEP};

use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where an engine gets the time from.
pub trait Clock: Send + Sync + 'static {
    /// The date and time of day; it may jump.
    fn wall(&self) -> DateTime<Utc>;

    /// Time since some fixed moment; it never goes back.
    fn monotonic(&self) -> Duration;

    /// Whether time passes by itself. If not, the engine fires its timers only when told to
    /// ([`Timeline::fire`]).
    fn runs(&self) -> bool {
        true
    }

    /// Called once by each engine that opens with this clock; a clock moved by hand keeps what it
    /// is given.
    fn attach(&self, timeline: Arc<dyn Timeline>) {
        drop(timeline);
    }
}

/// What a clock moved by hand must know about an engine.
pub trait Timeline: Send + Sync {
    /// Waits until nothing is under way, in real time; false if `deadline` came first.
    fn settle(&self, deadline: Instant) -> bool;
    /// When the next timer is due, in the clock's monotonic time.
    fn next_due(&self) -> Option<Duration>;
    /// Fires every timer that is due by the clock's present time.
    fn fire(&self);
    /// False once the engine is gone.
    fn alive(&self) -> bool;
}

/// The machine's own time.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    pub fn new() -> SystemClock {
        SystemClock {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}
