//! Failing checkpoints: how long they have failed, and when the engine is therefore not ready.
//!
//! Commits go to the log. If the database file cannot be written (it is immutable, a quota is
//! reached, the disk fails), posts succeed and nobody notices, while the log grows until the disk
//! is full. So after [`MISSED_MAX`] the engine reports that it is not ready. What is posted
//! meanwhile is safe in the log; posts are refused once the log has [`PAGES_LAST`] pages. Both
//! states end with the next checkpoint that succeeds. A program that reads without end also keeps
//! the log; that counts only once the log is long.

use super::wal;
use parking_lot::Mutex;
use rusqlite::{Connection, Result};
use std::time::{Duration, Instant};

/// How long checkpoints may fail before the engine counts as not ready.
const MISSED_MAX: Duration = Duration::from_secs(10);
/// A log with more pages counts as failing if a checkpoint could not copy all of it (64 MiB). A
/// shorter log may only be waiting for a short read.
const PAGES_LONG: u64 = 16_384;
/// With more pages in a log that cannot be copied back, posts are refused (256 MiB).
const PAGES_LAST: u64 = 65_536;

/// The failures since the last checkpoint that succeeded.
#[derive(Debug, Default)]
pub(super) struct Missed {
    since: Option<Instant>,
    reason: String,
    pages: u64,
}

impl Missed {
    /// Notes a checkpoint that failed at `now` with that many pages in the log; true if it is the
    /// first failure.
    pub(super) fn failed(&mut self, now: Instant, reason: String, pages: u64) -> bool {
        let is_first = self.since.is_none();
        let since = *self.since.get_or_insert(now);
        *self = Missed {
            since: Some(since),
            reason,
            pages,
        };
        is_first
    }

    /// Notes a checkpoint that succeeded; true if others had failed before.
    pub(super) fn succeeded(&mut self) -> bool {
        std::mem::take(self).since.is_some()
    }

    /// Why the engine is not ready at `now`, if it is not.
    pub(super) fn trouble(&self, now: Instant) -> Option<String> {
        let lasts = now.duration_since(self.since?);
        (lasts >= MISSED_MAX).then(|| {
            format!(
                "the log cannot be copied into the database (for {} s now): {}",
                lasts.as_secs(),
                self.reason
            )
        })
    }

    /// Whether the log is so long that posts are refused.
    pub(super) fn is_too_long(&self) -> bool {
        self.pages > PAGES_LAST
    }
}

/// Notes the outcome of a checkpoint and returns it. The log gets one line when checkpoints begin
/// to fail, and one when they succeed again.
pub(super) fn note(
    missed: &Mutex<Missed>,
    done: Result<bool>,
    connection: &Connection,
) -> Result<bool> {
    let pages = if done == Ok(true) {
        0
    } else {
        wal::length(connection)
    };
    let error = match &done {
        Err(error) => error.to_string(),
        Ok(false) if pages > PAGES_LONG => {
            "another program has been reading the database for long".to_owned()
        }
        Ok(_) => {
            if missed.lock().succeeded() {
                tracing::warn!("the log can be copied into the database again");
            }
            return done;
        }
    };
    if missed.lock().failed(Instant::now(), error.clone(), pages) {
        tracing::error!(
            error,
            "the log cannot be copied into the database; trying again until it can"
        );
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_another_reader_keeps_is_trouble_once_it_is_long() {
        let file =
            std::env::temp_dir().join(format!("switchboard-missed-{}.db", std::process::id()));
        let open = || Connection::open(&file).unwrap();
        let (ours, other) = (open(), open());
        ours.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a)",
        )
        .unwrap();
        other.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        let missed = Mutex::default();
        let mut kept = Vec::new();
        for mebibytes in [1, 70] {
            ours.execute("INSERT INTO t VALUES (zeroblob(?1))", [mebibytes << 20])
                .unwrap();
            assert_eq!(note(&missed, wal::checkpoint(&ours), &ours), Ok(false));
            kept.push(missed.lock().trouble(Instant::now() + MISSED_MAX).is_some());
        }
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(note(&missed, wal::checkpoint(&ours), &ours), Ok(true));
        kept.push(missed.lock().trouble(Instant::now() + MISSED_MAX).is_some());
        drop((ours, other));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(kept, [false, true, false]);
    }

    #[test]
    fn failures_that_last_are_trouble_until_one_succeeds() {
        let start = Instant::now();
        let mut missed = Missed::default();
        assert!(!missed.succeeded());
        assert!(missed.failed(start, "no".into(), 10));
        assert_eq!(missed.trouble(start + MISSED_MAX / 2), None);
        assert!(
            !missed.failed(start + MISSED_MAX, "still no".into(), PAGES_LAST + 1),
            "said once"
        );
        assert!(
            missed
                .trouble(start + MISSED_MAX)
                .is_some_and(|reason| reason.ends_with("still no"))
        );
        assert!(missed.is_too_long());
        assert!(missed.succeeded() && !missed.is_too_long());
        assert_eq!(missed.trouble(start + 2 * MISSED_MAX), None);
    }
}
