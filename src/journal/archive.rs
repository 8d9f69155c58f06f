//! How much of the audit each principal fills, and whose rows are shortened when the audit is too
//! large.
//!
//! The audit is kept for 400 days, and every change makes a row: somebody who changes a value a
//! thousand times a second would fill the disk. When the audit exceeds its share, the principal
//! with most of it first loses the values of its oldest rows, which still say who did what and
//! when, and only then the rows. Rejected: dropping the oldest rows of all, because one principal
//! could wipe out what others did, and its own traces first.

use super::usage::size;
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// Rows looked at in one step.
const STEP: i64 = 256;
/// What a row takes.
const BYTES: &str = "(40 + octet_length(who) + octet_length(action) + octet_length(subject)
     + coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0))";
/// What stands for a value that was dropped.
const DROPPED: &str = r#"{"dropped":true}"#;

#[derive(Debug, Default)]
struct Share {
    bytes: u64,
    /// Rows up to here have lost their values.
    bare: i64,
    /// Rows up to here are gone.
    gone: i64,
    /// Whether all of its rows have lost their values.
    is_bare: bool,
}

/// The counts, by principal.
#[derive(Debug, Default)]
pub(super) struct Archive {
    shares: HashMap<String, Share>,
    total: u64,
    counted: i64,
}

impl Archive {
    /// Counts some rows that were not counted yet; true if there may be more.
    pub(super) fn count(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let sql = format!(
            "SELECT number, who, {BYTES} FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![self.counted, STEP])?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            let (who, bytes): (String, u64) = (row.get(1)?, size(row, 2)?);
            let share = self.shares.entry(who).or_default();
            share.bytes += bytes;
            share.is_bare = false;
            self.total += bytes;
            self.counted = row.get(0)?;
            seen += 1;
        }
        Ok(seen == STEP)
    }

    /// Shortens the rows of the largest principal if all rows take more than `limit`; true if it
    /// changed something.
    pub(super) fn shrink(&mut self, connection: &Connection, limit: u64) -> rusqlite::Result<bool> {
        if self.total <= limit {
            return Ok(false);
        }
        let Some((who, share)) = self.shares.iter_mut().max_by_key(|(_, share)| share.bytes) else {
            return Ok(false);
        };
        let from = if share.is_bare {
            share.gone
        } else {
            share.bare
        };
        let sql = format!(
            "SELECT number, who, {BYTES} FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let found: Vec<(i64, String, u64)> = statement
            .query_map(params![from, STEP], |row| {
                Ok((row.get(0)?, row.get(1)?, size(row, 2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let before = share.bytes;
        for (number, _, bytes) in found.iter().filter(|(_, by, _)| by == who) {
            if share.is_bare {
                connection
                    .prepare_cached("DELETE FROM audit WHERE number = ?1")?
                    .execute([number])?;
                share.bytes = share.bytes.saturating_sub(*bytes);
                continue;
            }
            let sql = format!(
                "UPDATE audit SET before = iif(before IS NULL, NULL, ?2), after = iif(after IS NULL, NULL, ?2)
                 WHERE number = ?1 AND {BYTES} > 40 + octet_length(who) + octet_length(action) + octet_length(subject) + 32
                 RETURNING {BYTES}"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![number, DROPPED])?;
            if let Some(row) = rows.next()? {
                share.bytes = share
                    .bytes
                    .saturating_sub(bytes.saturating_sub(size(row, 0)?));
            }
        }
        self.total = self.total.saturating_sub(before - share.bytes);
        match (found.last(), share.is_bare) {
            (Some((number, ..)), true) => share.gone = *number,
            (Some((number, ..)), false) => share.bare = *number,
            // Rows that were deleted for their age are still counted: nothing is left of this
            // share.
            (None, true) => {
                self.total = self.total.saturating_sub(share.bytes);
                let who = who.clone();
                self.shares.remove(&who);
            }
            (None, false) => share.is_bare = true,
        }
        Ok(true)
    }
}
