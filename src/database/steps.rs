//! The schema, and the numbered steps that bring an older file to it.
//!
//! A step is SQL in one transaction that also raises `user_version`, so a process killed at any moment leaves one
//! version or the next. Before the first step a copy is made beside the file, because an older program cannot open the
//! newer file. A step must leave exactly the text of `schema.sql` in `sqlite_schema`: the check at every open compares
//! it, and so does a test. SQLite writes the text of `ALTER TABLE … ADD COLUMN` and `RENAME` in its own way, so a step
//! that changes a table makes a new one, copies the rows, drops the old one and renames.
//!
//! To change the schema: edit `schema.sql`, append a [`Step`], and add a small file of the version before to
//! `tests/schemas`. Rejected: a migration crate (each runs one transaction over all steps or keeps its own table).

use super::error::storage;
use super::examine::{APPLICATION_ID, beside};
use crate::error::{Error, Result};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// The schema itself.
pub(super) const SCHEMA: &str = include_str!("../../schema.sql");
/// The SQL that leads from version n to n + 1, the first one from 1 to 2.
const STEPS: &[Step] = &[];
/// The schema version this build writes.
pub(super) const VERSION: i64 = 1 + STEPS.len() as i64;

/// One step: its SQL, run in one transaction.
type Step = &'static str;

/// Makes the schema in an empty database.
///
/// It is made with a rollback journal: in WAL mode the header would lie in the log until the first checkpoint, and a
/// process killed before it would leave a file that looks like a stranger's. `auto_vacuum` cannot be changed later
/// without copying the whole file.
pub(super) fn create(connection: &Connection) -> Result<()> {
    connection
        .execute_batch(&format!(
            "PRAGMA auto_vacuum = INCREMENTAL;
             BEGIN IMMEDIATE;
             {SCHEMA}
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {VERSION};
             COMMIT;"
        ))
        .map_err(storage)
}

/// Brings an older file to this version; a copy of it is made first.
///
/// # Errors
/// `Storage` if a step or the copy fails; the file then has the version that the last finished step gave it.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<()> {
    run(connection, path, STEPS)
}

fn run(connection: &Connection, path: &Path, steps: &[Step]) -> Result<()> {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).map_err(storage)?;
    let done = usize::try_from(version - 1)
        .map_err(|_| Error::Corrupt(format!("`{}` says that its schema has version {version}", path.display())))?;
    let Some(missing) = steps.get(done..) else {
        let known = 1 + steps.len() as i64;
        return Err(Error::NewerDatabase { path: path.display().to_string(), found: version, known });
    };
    if missing.is_empty() {
        return Ok(());
    }
    let copy = back_up(connection, path, version)?;
    tracing::info!(copy = %copy.display(), from = version, to = 1 + steps.len(), "the database is brought to this version; its copy");
    for (step, reached) in missing.iter().zip(version + 1..) {
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 {step}
                 PRAGMA user_version = {reached};
                 COMMIT;"
            ))
            .map_err(|error| {
                let _ = connection.execute_batch("ROLLBACK");
                Error::Storage(format!("`{}` cannot be brought to version {reached}: {error}", path.display()))
            })?;
    }
    Ok(())
}

/// Copies the database to `NAME-before-VERSION`; a copy that is there already, of an interrupted start, is replaced.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<PathBuf> {
    let copy = beside(path, &format!("-before-{}", version + 1));
    let failed = |error: String| Error::Storage(format!("cannot copy `{}` to `{}`: {error}", path.display(), copy.display()));
    match std::fs::remove_file(&copy) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error.to_string())),
        _ => {}
    }
    // SQLite fills an empty file; made by us, only its owner can read it.
    super::holding::create_private(&copy).map_err(|error| failed(error.to_string()))?;
    let name = copy.to_str().ok_or_else(|| failed("its name is not UTF-8".into()))?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| failed(error.to_string()))?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::super::examine::schema_of;
    use super::*;

    /// A folder of the test's own, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("switchboard-steps-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).expect("a folder");
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn version(connection: &Connection) -> i64 {
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version")
    }

    #[test]
    fn steps_run_once_each_in_order_after_a_copy() {
        let folder = Folder::new("order");
        let path = folder.0.join("db");
        let connection = Connection::open(&path).expect("a file");
        connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1); PRAGMA user_version = 1").expect("version 1");
        let steps: &[Step] = &["UPDATE t SET a = a + 1;", "UPDATE t SET a = a * 10;"];
        run(&connection, &path, steps).expect("two steps");
        run(&connection, &path, steps).expect("nothing to do");
        let value: i64 = connection.query_row("SELECT a FROM t", [], |row| row.get(0)).expect("a row");
        assert_eq!((value, version(&connection)), (20, 3));
        let copy = Connection::open(beside(&path, "-before-2")).expect("the copy");
        let before: i64 = copy.query_row("SELECT a FROM t", [], |row| row.get(0)).expect("its row");
        assert_eq!((before, version(&copy)), (1, 1));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = beside(&path, "-before-2").metadata().expect("the copy").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let folder = Folder::new("fails");
        let path = folder.0.join("db");
        let connection = Connection::open(&path).expect("a file");
        connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1); PRAGMA user_version = 1").expect("version 1");
        let error = run(&connection, &path, &["UPDATE t SET a = 2;", "UPDATE t SET a = 3; UPDATE missing SET a = 1;"]);
        assert!(matches!(&error, Err(Error::Storage(text)) if text.contains("version 3")), "{error:?}");
        let value: i64 = connection.query_row("SELECT a FROM t", [], |row| row.get(0)).expect("a row");
        assert_eq!((value, version(&connection)), (2, 2));
        run(&connection, &path, &["", "UPDATE t SET a = 3;"]).expect("a mended step goes on");
        assert_eq!(version(&connection), 3);
    }

    /// One small file per past version lies in `tests/schemas`; each is brought to today's schema.
    #[test]
    fn a_file_of_each_version_opens() {
        for old in 1..=VERSION {
            let folder = Folder::new(&format!("version-{old}"));
            let path = folder.0.join("db");
            let connection = Connection::open(&path).expect("a file");
            let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{old}.sql"));
            connection.execute_batch(&std::fs::read_to_string(sql).expect("a file of that version")).expect("it is made");
            assert_eq!(version(&connection), old);
            migrate(&connection, &path).expect("it is brought to today's schema");
            super::super::examine::schema(&connection, &path).expect("as schema.sql says");
            let rows: i64 = connection.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).expect("messages");
            assert_eq!(rows, 2, "the rows of version {old} are there");
        }
    }

    #[test]
    fn a_new_file_has_incremental_vacuum_and_the_whole_schema() {
        let folder = Folder::new("new");
        let connection = Connection::open(folder.0.join("db")).expect("a file");
        create(&connection).expect("made");
        let vacuum: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).expect("a number");
        assert_eq!(vacuum, 2);
        assert!(schema_of(&connection).expect("a schema").len() > 10);
    }
}
