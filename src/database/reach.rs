//! How far a database reaches: counters that only grow, in the file and in the mark of the lock
//! file.
//!
//! There are three, because a message, an administrator's change and a token can each be lost
//! alone, and each is written anyway. The newest seq stays known when its row is deleted (the
//! writer then keeps it in `setting`), so the mark never has to fall, and a copy from before a
//! deletion is recognised too. Rejected: one counter of commits, which would make every commit
//! write one more page.

use super::error::in_table;
use rusqlite::{Connection, OptionalExtension};
use std::fmt;

/// Counters that only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reach {
    /// The newest seq of a message or notice, there or deleted.
    pub(crate) newest: i64,
    /// The newest change of the administrators.
    pub(crate) revision: i64,
    /// The newest commit that has a number of its own: tokens, and spans without an event.
    pub(crate) sealed: i64,
}

impl Reach {
    /// Reads how far a file of ours reaches. `newest` is the newest seq of the rows that are there.
    pub(crate) fn read(connection: &Connection, newest: i64) -> rusqlite::Result<Reach> {
        let setting = |name: &str| -> rusqlite::Result<i64> {
            let mut statement =
                connection.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
            match statement
                .query_row([name], |row| row.get(0))
                .optional()
                .map_err(in_table("setting"))?
                .unwrap_or(0)
            {
                number if number >= 0 => Ok(number),
                other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other))
                    .map_err(in_table("setting")),
            }
        };
        Ok(Reach {
            newest: newest.max(setting("newest")?),
            revision: setting("revision")?,
            sealed: setting("sealed")?,
        })
    }

    /// Keeps the newest seq in the file although its row is deleted.
    pub(crate) fn keep_newest(connection: &Connection, newest: i64) -> rusqlite::Result<()> {
        Reach::write(connection, "newest", newest)
    }

    /// Raises the counters of the file to these, so that no number is given out twice.
    pub(crate) fn raise(self, connection: &Connection) -> rusqlite::Result<()> {
        for (name, value) in [
            ("newest", self.newest),
            ("revision", self.revision),
            ("sealed", self.sealed),
        ] {
            Reach::write(connection, name, value)?;
        }
        Ok(())
    }

    fn write(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
        let sql = "INSERT INTO setting VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)";
        connection
            .prepare_cached(sql)?
            .execute((name, value))
            .map(drop)
    }

    /// Describes what this file lacks of `expected`; none if nothing is missing.
    pub(super) fn lacks(self, expected: Reach) -> Option<String> {
        let missing = |what: &str, found: i64, expected: i64| {
            (found < expected)
                .then(|| format!("its newest {what} is {found}, but {expected} was committed"))
        };
        missing("message or notice", self.newest, expected.newest)
            .or_else(|| {
                missing(
                    "change of an administrator",
                    self.revision,
                    expected.revision,
                )
            })
            .or_else(|| missing("token or membership", self.sealed, expected.sealed))
    }

    /// The larger of each.
    pub(super) fn max(self, other: Reach) -> Reach {
        Reach {
            newest: self.newest.max(other.newest),
            revision: self.revision.max(other.revision),
            sealed: self.sealed.max(other.sealed),
        }
    }

    /// Reads the text of the mark; a missing number is 0.
    pub(super) fn parse(text: &str) -> Reach {
        let mut numbers = text
            .split_ascii_whitespace()
            .map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Reach {
            newest: next(),
            revision: next(),
            sealed: next(),
        }
    }
}

impl fmt::Display for Reach {
    /// Always as many bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:020} {:020} {:020}",
            self.newest, self.revision, self.sealed
        )
    }
}
