//! Why a read ends early: its deadline, its caller left, or the engine stops.
//!
//! SQLite asks through its progress handler every few thousand steps, and code that goes through
//! rows asks between them. Rejected: `sqlite3_interrupt`, which may come late and then ends the
//! read of the connection's next borrower.

use crate::database::error::storage;
use crate::error::{Error, Result};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Steps of SQLite's machine between two checks: some 50 us.
const STEPS: i32 = 4000;

/// Why and when a read is to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// Real time, because it bounds the work of the machine.
    until: Instant,
    /// Set when nobody waits for the answer.
    unwanted: Arc<AtomicBool>,
    /// Set when the engine stops.
    closed: Arc<AtomicBool>,
}

impl Stop {
    pub(super) fn new(until: Instant, unwanted: Arc<AtomicBool>, closed: Arc<AtomicBool>) -> Stop {
        Stop {
            until,
            unwanted,
            closed,
        }
    }

    /// Why the read is over, if it is.
    ///
    /// # Errors
    /// `Closed`; `TimedOut` at the deadline or when nobody waits.
    pub(crate) fn check(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        if self.unwanted.load(Ordering::Acquire) {
            return Err(Error::TimedOut("nobody waits for this read".into()));
        }
        if Instant::now() >= self.until {
            return Err(Error::TimedOut(
                "the read took too long; ask for less (fewer channels, a shorter time)".into(),
            ));
        }
        Ok(())
    }

    /// Runs `read` on `connection`, which ends when [`Stop::check`] fails.
    pub(super) fn watch<T>(
        &self,
        connection: &mut Connection,
        read: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let asked = self.clone();
        connection
            .progress_handler(STEPS, Some(move || asked.check().is_err()))
            .made()?;
        let answer = read(connection);
        connection
            .progress_handler(0, None::<fn() -> bool>)
            .made()?;
        // SQLite reports only that the statement was interrupted; the reason is ours.
        match answer {
            Err(Error::Storage { .. }) => self.check().and(answer),
            answer => answer,
        }
    }
}

/// What setting a progress handler returns: nothing in rusqlite 0.39, a result from 0.40 on.
trait Made {
    fn made(self) -> Result<()>;
}

impl Made for () {
    fn made(self) -> Result<()> {
        Ok(())
    }
}

impl Made for rusqlite::Result<()> {
    fn made(self) -> Result<()> {
        self.map_err(storage)
    }
}
