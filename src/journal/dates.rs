//! The dates that the database was last open at: what a start compares the clock with.

use crate::clock::Dates;
use rusqlite::{Connection, OptionalExtension, Result};

/// What was noted last; `None` in a new database.
pub(crate) fn seen(conn: &Connection) -> Result<Option<Dates>> {
    let mut statement = conn.prepare_cached(
        "SELECT ledger.value, believed.value
           FROM setting AS ledger, setting AS believed
          WHERE ledger.name = 'date_ledger' AND believed.name = 'date_believed'",
    )?;
    statement.query_row([], |row| Ok(Dates { ledger: row.get(0)?, believed: row.get(1)? })).optional()
}

/// Notes the dates.
pub(crate) fn note(conn: &Connection, dates: Dates) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO setting VALUES ('date_ledger', ?1), ('date_believed', ?2)")?
        .execute([dates.ledger, dates.believed])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_last_is_seen() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("../../schema.sql")).unwrap();
        assert_eq!(seen(&conn).unwrap(), None);
        for dates in [Dates { ledger: 1, believed: 2 }, Dates { ledger: 3, believed: 4 }] {
            note(&conn, dates).unwrap();
            assert_eq!(seen(&conn).unwrap(), Some(dates));
        }
    }
}
