//! How far the journal reaches.

use crate::database::Reach;
use crate::model::Seq;
use rusqlite::Connection;

/// How far the file reaches.
pub(crate) fn reach(connection: &Connection) -> rusqlite::Result<Reach> {
    Reach::read(connection, newest(connection)?)
}

/// The newest seq of a row.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<Seq> {
    connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(seq) FROM message), 0), coalesce((SELECT max(seq) FROM revision), 0),
                        coalesce((SELECT max(seq) FROM notice), 0))",
        )?
        .query_row([], |row| row.get(0))
}
