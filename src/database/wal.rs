//! When the write-ahead log needs a checkpoint, and whether it was cut.
//!
//! SQLite is asked for the number of pages after every transaction. The size of a change cannot be
//! told from the bytes of its text: rewriting a list of 40,000 channels counted as 4 KiB and made
//! the log grow to 199 MiB.

use super::pragmas::BUSY;
use rusqlite::{Connection, Result, Row};
use std::path::Path;
use std::time::Duration;

/// With more pages not copied back, a checkpoint is due although there is work (8 MiB).
const PAGES: u64 = 2048;
/// A log with more pages is restarted by force, because reads that overlap keep it from restarting
/// by itself (32 MiB).
const PAGES_MAX: u64 = 4 * PAGES;
/// How long a forced restart may hold up the writer.
const RESTART_WAIT: Duration = Duration::from_millis(20);
/// Bytes before the first page in the log, and before each page (SQLite's file format, 4.1).
const WAL_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Whether a checkpoint cannot wait until the writer is idle.
pub(super) fn is_long(connection: &Connection) -> bool {
    let asked = connection
        .prepare_cached("PRAGMA wal_checkpoint(NOOP)")
        .and_then(|mut ask| ask.query_row([], pages));
    asked.is_ok_and(|(all, copied)| all.saturating_sub(copied) > PAGES)
}

/// Pages in the log.
pub(super) fn length(connection: &Connection) -> u64 {
    let asked = connection
        .prepare_cached("PRAGMA wal_checkpoint(NOOP)")
        .and_then(|mut ask| ask.query_row([], pages));
    asked.map_or(0, |(all, _)| all)
}

/// Makes a checkpoint as far as readers allow; true if it copied the whole log.
pub(super) fn checkpoint(connection: &Connection) -> Result<bool> {
    let (all, copied) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], pages)?;
    if all > PAGES_MAX {
        begin_anew(connection);
    }
    Ok(all == copied)
}

/// Restarts the log from its beginning. Readers that overlap without end would let it grow without
/// end.
fn begin_anew(connection: &Connection) {
    let restarted = connection
        .busy_timeout(RESTART_WAIT)
        .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())))
        .and(connection.busy_timeout(BUSY));
    if let Err(error) = restarted {
        tracing::debug!(%error, "the write-ahead log could not begin anew; the next checkpoint tries again");
    }
}

/// Whether the log is shorter than SQLite believes, because another program cut it.
///
/// Rows that were copied back are still seen, so reading rows does not tell. But while a reader is
/// active the next commit would be appended behind a hole, and a start after a kill would stop at
/// the hole. A log that was copied back whole has lost nothing: it is restarted here, as soon as no
/// reader holds it.
pub(super) fn is_cut(connection: &Connection, log: &Path) -> Result<bool> {
    let (all, copied) = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], pages)?;
    let page = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?;
    let wanted = WAL_HEADER + all * (FRAME_HEADER + u64::try_from(page).unwrap_or(0));
    if all == 0 || std::fs::metadata(log).is_ok_and(|found| found.len() >= wanted) {
        return Ok(false);
    }
    if copied < all {
        return Ok(true);
    }
    connection.busy_timeout(Duration::ZERO)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
}

/// All pages in the log, and those copied back.
pub(super) fn copied(connection: &Connection) -> Result<(u64, u64)> {
    // A connection that has read nothing yet does not know the log.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], pages)
}

/// All pages in the log, and those copied back.
fn pages(row: &Row<'_>) -> Result<(u64, u64)> {
    let pages = |column| {
        row.get::<_, i64>(column)
            .map(|pages| u64::try_from(pages).unwrap_or(0))
    };
    Ok((pages(1)?, pages(2)?))
}
