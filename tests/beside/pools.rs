//! A program with two pools of rusqlite's connections: r2d2 and deadpool.

mod engine;

use deadpool_sqlite::Runtime;
use engine::Outcome;
use r2d2_sqlite::SqliteConnectionManager;

fn main() -> Outcome {
    let scratch = engine::scratch()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let file = scratch.join("other.db");
    let writers = r2d2::Pool::builder()
        .max_size(2)
        .build(SqliteConnectionManager::file(&file))?;
    let readers = deadpool_sqlite::Config::new(&file).create_pool(Runtime::Tokio1)?;
    writers
        .get()?
        .execute("CREATE TABLE noted (round INTEGER NOT NULL)", ())?;
    engine::rounds(&scratch, deadpool_sqlite::rusqlite::version(), |round| {
        writers
            .get()?
            .execute("INSERT INTO noted VALUES (?1)", [round])?;
        let counted = runtime.block_on(async {
            let connection = readers.get().await.map_err(|error| error.to_string())?;
            let counting = connection
                .interact(|connection| {
                    connection.query_row("SELECT count(*) FROM noted", (), |row| row.get(0))
                })
                .await;
            let counted: Result<u32, _> = counting.map_err(|error| error.to_string())?;
            counted.map_err(|error| error.to_string())
        });
        Ok(counted?)
    })?;
    // Its connections are closed by a task.
    let _inside = runtime.enter();
    drop(readers);
    Ok(())
}
