//! Reading connections: kept open, borrowed for one transaction, given back.

use super::stop::Stop;
use crate::database::error::{Failure, storage};
use crate::database::examine::keep_log;
use crate::database::file::Opened;
use crate::error::{Error, Result};
use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Connections kept open for callers' threads.
const KEPT: usize = 8;

/// The reading connections of a database; of one in memory, its only connection.
pub(super) struct Connections {
    /// Declared above `opened`, because the connections must be closed before the file is released.
    kept: Mutex<Vec<Connection>>,
    opened: Arc<Opened>,
    closed: Arc<AtomicBool>,
}

impl Connections {
    pub(super) fn new(opened: Arc<Opened>) -> Connections {
        Connections {
            kept: Mutex::new(Vec::new()),
            opened,
            closed: Arc::default(),
        }
    }

    /// Reads on this thread, inside one transaction.
    pub(super) fn now<T, E: Into<Failure>>(
        &self,
        stop: &Stop,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T> {
        stop.check()?;
        if let Some(memory) = self.opened.memory() {
            let mut connection = memory.lock();
            let answer = stop.watch(&mut connection, |connection| inside(connection, read));
            // Given to the thread that waits for it: otherwise a scan would take it again at once.
            MutexGuard::unlock_fair(connection);
            return answer;
        }
        let kept = self.kept.lock().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.opened.read()?,
        };
        let answer = stop.watch(&mut connection, |connection| inside(connection, read));
        if let Err(Error::Corrupt { reason, .. }) = &answer {
            self.opened.note_damage(reason);
        }
        let mut kept = self.kept.lock();
        if kept.len() < KEPT && connection.is_autocommit() && !self.closed.load(Ordering::Acquire) {
            kept.push(connection);
        }
        answer
    }

    /// The end of a read that begins now: after `time`, when `unwanted` is set, or when the engine
    /// stops.
    pub(super) fn stop(&self, time: Duration, unwanted: &Arc<AtomicBool>) -> Stop {
        Stop::new(Instant::now() + time, unwanted.clone(), self.closed.clone())
    }

    /// Ends the reads: each fails with `Closed` from now on.
    pub(super) fn end(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes the connections that nobody has borrowed.
    pub(super) fn close(&self) {
        let kept = std::mem::take(&mut *self.kept.lock());
        if self.opened.is_overwritten() {
            // The last connection to close would make a checkpoint.
            kept.iter()
                .for_each(|connection| drop(keep_log(connection, true)));
        }
        drop(kept);
    }
}

/// Reads inside one transaction. This is the only place where an error of SQLite becomes the
/// caller's.
fn inside<T, E: Into<Failure>>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T> {
    connection
        .prepare_cached("BEGIN")
        .and_then(|mut begin| begin.execute([]))
        .map_err(storage)?;
    let read = || read(connection).map_err(|error| error.into().told());
    let answer = catch_unwind(AssertUnwindSafe(read));
    let ended = connection
        .prepare_cached("COMMIT")
        .and_then(|mut commit| commit.execute([]));
    if ended.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    answer.unwrap_or_else(|panic| Err(Error::Internal(crate::waiting::panic_text(&*panic))))
}
