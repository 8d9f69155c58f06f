//! A program with sqlx: its pool, on tokio.

mod engine;

use engine::Outcome;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};

fn main() -> Outcome {
    let scratch = engine::scratch()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let options = SqliteConnectOptions::new()
        .filename(scratch.join("other.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = runtime.block_on(SqlitePool::connect_with(options))?;
    let table = sqlx::query("CREATE TABLE noted (round INTEGER NOT NULL)");
    runtime.block_on(table.execute(&pool))?;
    let version = sqlx::query_scalar("SELECT sqlite_version()");
    let version: String = runtime.block_on(version.fetch_one(&pool))?;
    engine::rounds(&scratch, &version, |round| {
        let row = sqlx::query("INSERT INTO noted VALUES (?)").bind(round);
        runtime.block_on(row.execute(&pool))?;
        let rows = sqlx::query_scalar("SELECT count(*) FROM noted");
        Ok(runtime.block_on(rows.fetch_one(&pool))?)
    })
}
