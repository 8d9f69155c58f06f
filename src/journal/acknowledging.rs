//! Acknowledgements of named readers, written.

use super::entry::Acknowledged;
use rusqlite::{Connection, params};
use std::sync::atomic::Ordering;

/// Stores how far the reader has come; never moves it backwards.
pub(super) fn acknowledge(
    transaction: &Connection,
    reader: &Acknowledged,
    now: i64,
) -> rusqlite::Result<()> {
    // Cleared first: an acknowledgement from here on queues an entry of its own.
    reader.queued.store(false, Ordering::Release);
    transaction
        .prepare_cached(
            "UPDATE reader SET place = ?3, moved = ?4
             WHERE agent = ?1 AND name = ?2 AND place < ?3",
        )?
        .execute(params![
            reader.agent.0,
            reader.name.as_str(),
            reader.through.load(Ordering::Acquire),
            now
        ])
        .map(drop)
}
