//! The simulator's source of time, so that a test can control the clock.
//!
//! The core takes time as an argument; the shell asks this trait for the time and for a sleep.
//! Rejected: tokio's time inside the core, because a test with its own clock would wait for real
//! hours.

use chrono::{DateTime, Utc};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A moment, as the core uses it.
pub type Moment = DateTime<Utc>;

/// A clock, and a way to sleep by it.
pub trait Timer: Send + Sync + 'static {
    /// Returns the date and time.
    fn now(&self) -> Moment;
    /// Sleeps for `how_long` by this clock.
    fn sleep(&self, how_long: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's own time, by tokio.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealTime;

impl Timer for RealTime {
    fn now(&self) -> Moment {
        Utc::now()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator is no engine: this is its real clock"
    )]
    fn sleep(&self, how_long: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(how_long))
    }
}
