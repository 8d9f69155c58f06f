//! A program with a rusqlite of its own: the version that its manifest names.

mod engine;

use engine::Outcome;
use rusqlite::Connection;

fn main() -> Outcome {
    let scratch = engine::scratch()?;
    let connection = Connection::open(scratch.join("other.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute("CREATE TABLE noted (round INTEGER NOT NULL)", ())?;
    engine::rounds(&scratch, rusqlite::version(), |round| {
        connection.execute("INSERT INTO noted VALUES (?1)", [round])?;
        Ok(connection.query_row("SELECT count(*) FROM noted", (), |row| row.get(0))?)
    })
}
