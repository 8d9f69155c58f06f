//! The dates at which the database was last open: a start compares the clock with them.

use crate::clock::Dates;
use rusqlite::{Connection, OptionalExtension, Result, Row};

/// The largest date, in milliseconds before and after 1970: some 35,000 years. No clock shows more,
/// and sums of such dates do not overflow.
const DATE_MAX: i64 = 1 << 50;

/// The dates noted last; `None` in a new database.
pub(crate) fn seen(conn: &Connection) -> Result<Option<Dates>> {
    let mut statement = conn.prepare_cached(
        "SELECT ledger.value, believed.value
           FROM setting AS ledger, setting AS believed
          WHERE ledger.name = 'date_ledger' AND believed.name = 'date_believed'",
    )?;
    statement
        .query_row([], |row| {
            Ok(Dates {
                ledger: date(row, 0)?,
                believed: date(row, 1)?,
            })
        })
        .optional()
}

/// A date that can be counted with.
fn date(row: &Row<'_>, column: usize) -> Result<i64> {
    match row.get(column)? {
        date if (-DATE_MAX..=DATE_MAX).contains(&date) => Ok(date),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

/// Notes the dates.
pub(crate) fn note(conn: &Connection, dates: Dates) -> Result<()> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO setting VALUES ('date_ledger', ?1), ('date_believed', ?2)",
    )?
    .execute([dates.ledger, dates.believed])
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_last_is_seen() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("../../schema.sql"))
            .unwrap();
        assert_eq!(seen(&conn).unwrap(), None);
        for dates in [
            Dates {
                ledger: 1,
                believed: 2,
            },
            Dates {
                ledger: 3,
                believed: 4,
            },
        ] {
            note(&conn, dates).unwrap();
            assert_eq!(seen(&conn).unwrap(), Some(dates));
        }
    }
}
