//! The age of rows that were stamped while the clock was ahead.
//!
//! Rows are deleted by age in the order in which they were made. One row with a date ten years
//! ahead would stop that for ten years. So a row whose date lies in the future counts as old as the
//! next row whose date does not: it was made before that one. If no such row follows, the row stays
//! until one does.
//!
//! Rejected: stamping rows with the date that the engine believes. A clock that was corrected is
//! believed a day later, and messages of that day would show the wrong time.

use rusqlite::{Connection, OptionalExtension, Result};

/// A date up to so many milliseconds in the future counts as right.
const MARGIN: i64 = 60_000;

/// Which rows are old. All dates are in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ages {
    /// The date now.
    pub(crate) now: i64,
    /// Rows up to this date are old.
    pub(crate) cutoff: i64,
}

/// A table whose rows go by age.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dated {
    pub(crate) table: &'static str,
    /// Its key, which rises with time.
    pub(crate) key: &'static str,
    pub(crate) date: &'static str,
}

impl Ages {
    fn is_ahead(&self, date: i64) -> bool {
        date > self.now.saturating_add(MARGIN)
    }

    /// How many of the first rows are old, by their dates; `None` if all of them are ahead of the
    /// clock, so that a later row must decide.
    fn old(&self, dates: impl Iterator<Item = i64>) -> Option<usize> {
        let (mut old, mut ahead) = (0, 0);
        for date in dates {
            if self.is_ahead(date) {
                ahead += 1;
            } else if date <= self.cutoff {
                old += ahead + 1;
                ahead = 0;
            } else {
                return Some(old);
            }
        }
        (old > 0 || ahead == 0).then_some(old)
    }

    /// The keys of the oldest rows of `of` that are old, at most `limit`.
    pub(crate) fn oldest(
        &self,
        connection: &Connection,
        of: Dated,
        limit: usize,
    ) -> Result<Vec<i64>> {
        let Dated { table, key, date } = of;
        let mut first = connection.prepare_cached(&format!(
            "SELECT {key}, {date} FROM {table} ORDER BY {key} LIMIT ?1"
        ))?;
        let rows: Vec<(i64, i64)> = first
            .query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_>>()?;
        let old = match self.old(rows.iter().map(|(_, date)| *date)) {
            Some(old) => old,
            None if rows.len() < limit => 0,
            None if self.is_old_after(
                connection,
                of,
                rows.last().map_or(0, |(key, _)| *key),
            )? =>
            {
                rows.len()
            }
            None => 0,
        };
        Ok(rows.into_iter().take(old).map(|(key, _)| key).collect())
    }

    /// Whether some row after `key` is old, where the rows up to `key` are all ahead of the clock.
    /// A binary search finds the first row that is not ahead, so the cost is a few look-ups however
    /// many rows are.
    fn is_old_after(&self, connection: &Connection, of: Dated, key: i64) -> Result<bool> {
        let Dated {
            table,
            key: name,
            date,
        } = of;
        let mut newest = connection.prepare_cached(&format!(
            "SELECT {name}, {date} FROM {table} ORDER BY {name} DESC LIMIT 1"
        ))?;
        let mut last_up_to = connection.prepare_cached(&format!(
            "SELECT {name}, {date} FROM {table} WHERE {name} <= ?1 ORDER BY {name} DESC LIMIT 1"
        ))?;
        let Some((mut high, mut found)) = newest
            .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .optional()?
        else {
            return Ok(false);
        };
        if self.is_ahead(found) {
            return Ok(false);
        }
        let mut low = key;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let (at, dated) = last_up_to.query_row([middle], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })?;
            if self.is_ahead(dated) {
                low = middle;
            } else {
                (high, found) = (at, dated);
            }
        }
        Ok(found <= self.cutoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: Dated = Dated {
        table: "row",
        key: "number",
        date: "date",
    };
    const FAR: i64 = 1 << 40;

    fn rows(dates: impl IntoIterator<Item = i64>) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE row (number INTEGER PRIMARY KEY, date INTEGER NOT NULL)")
            .unwrap();
        for date in dates {
            connection
                .execute("INSERT INTO row (date) VALUES (?1)", [date])
                .unwrap();
        }
        connection
    }

    #[test]
    fn a_row_from_the_future_is_as_old_as_the_next() {
        let ages = Ages {
            now: 1_000_000,
            cutoff: 500_000,
        };
        for (dates, old) in [
            (vec![], 0),
            (vec![1, 2, 600_000], 2),
            (vec![1, FAR, 2, 600_000], 3),
            (vec![1, FAR, FAR, 600_000], 1),
            (vec![FAR, FAR, 3], 3),
            (vec![FAR], 0),
            (vec![1, FAR], 1),
            // Within the margin it is a date, and a young one.
            (vec![1_000_000 + MARGIN, 3], 0),
        ] {
            assert_eq!(
                ages.oldest(&rows(dates.clone()), ROWS, 100).unwrap().len(),
                old,
                "{dates:?}"
            );
        }
    }

    #[test]
    fn however_many_are_ahead_the_next_one_is_found() {
        let ages = Ages {
            now: 1_000_000,
            cutoff: 500_000,
        };
        let run = |after: &[i64]| rows((0..5_000).map(|_| FAR).chain(after.iter().copied()));
        assert_eq!(
            ages.oldest(&run(&[7, 600_000]), ROWS, 100).unwrap(),
            (1..=100).collect::<Vec<_>>()
        );
        assert!(
            ages.oldest(&run(&[600_000]), ROWS, 100).unwrap().is_empty(),
            "the next is young"
        );
        assert!(
            ages.oldest(&run(&[]), ROWS, 100).unwrap().is_empty(),
            "nobody can tell yet"
        );
        let connection = run(&[7, 8]);
        loop {
            let old = ages.oldest(&connection, ROWS, 100).unwrap();
            if old.is_empty() {
                break;
            }
            for number in old {
                connection
                    .execute("DELETE FROM row WHERE number = ?1", [number])
                    .unwrap();
            }
        }
        assert_eq!(
            connection
                .query_row("SELECT count(*) FROM row", [], |row| row.get::<_, i64>(0))
                .unwrap(),
            0
        );
    }
}
