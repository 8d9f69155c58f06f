//! How long the write-ahead log may grow, and how long it must be.
//!
//! SQLite is asked for its pages after every transaction. What a change costs cannot be told from the bytes of its text:
//! a list of 40,000 channels written anew was counted as 4 KiB, and the log grew to 199 MiB.

use super::pragmas::BUSY;
use rusqlite::{Connection, Result, Row};
use std::path::Path;
use std::time::Duration;

/// Pages not yet copied back that call for a checkpoint although there is work (8 MiB).
const PAGES: u64 = 2048;
/// A log of so many pages that readers keep from beginning anew is ended for once, however short they read (32 MiB).
const PAGES_MAX: u64 = 4 * PAGES;
/// How long that may hold the writer up.
const RESTART_WAIT: Duration = Duration::from_millis(20);
/// Bytes before the first page in the log, and before each page (SQLite's file format, 4.1).
const WAL_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Whether so much waits to be copied back that it cannot wait for a quiet moment.
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

/// Copies back what can be; true if that was all of it.
pub(super) fn checkpoint(connection: &Connection) -> Result<bool> {
    let (all, copied) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], pages)?;
    if all > PAGES_MAX {
        begin_anew(connection);
    }
    Ok(all == copied)
}

/// Has the log begin at its start again: readers that overlap for ever would let it grow for ever.
fn begin_anew(connection: &Connection) {
    let restarted = connection
        .busy_timeout(RESTART_WAIT)
        .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())))
        .and(connection.busy_timeout(BUSY));
    if let Err(error) = restarted {
        tracing::debug!(%error, "the write-ahead log could not begin anew; the next checkpoint tries again");
    }
}

/// Whether the log is shorter than what SQLite believes to be in it: somebody else cut it.
///
/// Rows that were copied back are seen all the same, so looking at the rows does not tell. But beside a reader the next
/// commit would be appended behind a hole, and a start after a kill ends at the hole. A log that was copied back whole
/// has lost nothing: it is begun anew here, as soon as no reader holds it.
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
