//! The schema, and the numbered steps that bring an older file to it.
//!
//! A step is SQL in one transaction that also raises `user_version`, so a process killed at any
//! moment leaves one version or the next. Before the first step a copy is made beside the file,
//! because an older program cannot open the newer file. A step must leave exactly the text of
//! `schema.sql` in `sqlite_schema`: the check at every open compares it, and so does a test. SQLite
//! writes the text of `ALTER TABLE … ADD COLUMN` in its own way, so a step that adds a column sets the
//! text too (`step_2.rs`); one that changes a table otherwise makes a new one, copies the rows, drops
//! the old one and sets the text.
//!
//! To change the schema: edit `schema.sql`, append a [`Step`], and add a small file of the version
//! before to `tests/schemas`. Rejected: a migration crate (each runs one transaction over all steps
//! or keeps its own table).

use super::beside::beside;
use super::error::storage;
use crate::error::{Error, Result};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// `SWBD`: the application id in the header of our files.
pub(super) const APPLICATION_ID: i64 = 0x5357_4244;
/// The schema itself.
pub(super) const SCHEMA: &str = include_str!("../../schema.sql");
/// The SQL that leads from version n to n + 1, the first one from 1 to 2.
const STEPS: &[Step] = &[super::step_2::STEP, super::step_3::STEP];
/// The schema version this build writes.
pub(super) const VERSION: i64 = 1 + STEPS.len() as i64;

/// One step: its SQL, run in one transaction.
type Step = &'static str;

/// Creates the schema in an empty database.
///
/// It uses a rollback journal: in WAL mode the header would be only in the log until the first
/// checkpoint, and a process killed before it would leave a file that looks like a stranger's.
/// `auto_vacuum` cannot be changed later without copying the whole file.
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

/// Migrates an older file to this version, after making a copy of it.
///
/// # Errors
/// `Storage` if a step or the copy fails; the file then has the version of the last finished step.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<()> {
    run(connection, path, STEPS)
}

fn run(connection: &Connection, path: &Path, steps: &[Step]) -> Result<()> {
    let version = connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
        .map_err(storage)?;
    let done = usize::try_from(version - 1).map_err(|_| {
        Error::corrupt(format!(
            "`{}` says that its schema has version {version}",
            path.display()
        ))
    })?;
    let Some(missing) = steps.get(done..) else {
        let known = 1 + steps.len() as i64;
        return Err(Error::NewerDatabase {
            path: path.display().to_string(),
            found: version,
            known,
        });
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
                let shown = path.display();
                Error::storage_by(
                    format!("`{shown}` cannot be brought to version {reached}"),
                    error,
                )
            })?;
    }
    Ok(())
}

/// Copies the database to `NAME-before-VERSION`, and replaces the copy of an interrupted start.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<PathBuf> {
    let copy = beside(path, &format!("-before-{}", version + 1));
    let what = || format!("cannot copy `{}` to `{}`", path.display(), copy.display());
    match std::fs::remove_file(&copy) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::storage_by(what(), error));
        }
        _ => {}
    }
    // SQLite fills an existing empty file; only its owner can read this one.
    super::holding::create_private(&copy).map_err(|error| Error::storage_by(what(), error))?;
    let name = copy
        .to_str()
        .ok_or_else(|| Error::storage(format!("{}: its name is not UTF-8", what())))?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(|error| Error::storage_by(what(), error))?;
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
            let path = std::env::temp_dir()
                .join(format!("switchboard-steps-{}-{name}", std::process::id()));
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
        connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .expect("a version")
    }

    #[test]
    fn steps_run_once_each_in_order_after_a_copy() {
        let folder = Folder::new("order");
        let path = folder.0.join("db");
        let connection = Connection::open(&path).expect("a file");
        connection
            .execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1); PRAGMA user_version = 1")
            .expect("version 1");
        let steps: &[Step] = &["UPDATE t SET a = a + 1;", "UPDATE t SET a = a * 10;"];
        run(&connection, &path, steps).expect("two steps");
        run(&connection, &path, steps).expect("nothing to do");
        let value: i64 = connection
            .query_row("SELECT a FROM t", [], |row| row.get(0))
            .expect("a row");
        assert_eq!((value, version(&connection)), (20, 3));
        let copy = Connection::open(beside(&path, "-before-2")).expect("the copy");
        let before: i64 = copy
            .query_row("SELECT a FROM t", [], |row| row.get(0))
            .expect("its row");
        assert_eq!((before, version(&copy)), (1, 1));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = beside(&path, "-before-2")
                .metadata()
                .expect("the copy")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let folder = Folder::new("fails");
        let path = folder.0.join("db");
        let connection = Connection::open(&path).expect("a file");
        connection
            .execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1); PRAGMA user_version = 1")
            .expect("version 1");
        let error = run(
            &connection,
            &path,
            &[
                "UPDATE t SET a = 2;",
                "UPDATE t SET a = 3; UPDATE missing SET a = 1;",
            ],
        );
        assert!(
            matches!(&error, Err(Error::Storage { reason, .. }) if reason.contains("version 3")),
            "{error:?}"
        );
        let value: i64 = connection
            .query_row("SELECT a FROM t", [], |row| row.get(0))
            .expect("a row");
        assert_eq!((value, version(&connection)), (2, 2));
        run(&connection, &path, &["", "UPDATE t SET a = 3;"]).expect("a mended step goes on");
        assert_eq!(version(&connection), 3);
    }

    /// Three steps for [`killed_in`]; each touches every row, so that much of it lies in the log
    /// before it is committed.
    const LONG: &[Step] = &[
        "UPDATE t SET a = a + 1; INSERT INTO marker VALUES (1);",
        "UPDATE t SET a = a * 10; INSERT INTO marker VALUES (2); CREATE INDEX t_a ON t (a);",
        "INSERT INTO marker VALUES (3); UPDATE t SET a = a + 7;",
    ];
    /// Rows of `t`: some 8 MiB.
    const ROWS: i64 = 2000;

    fn long(folder: &Path) -> Connection {
        let connection = Connection::open(folder.join("db")).expect("a file");
        // A small cache: what is not committed is written into the log before its turn.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA cache_size = 4;")
            .expect("a log");
        connection
    }

    /// Run as a process of its own by the next test: brings the file up and stops in the middle of
    /// that step.
    #[test]
    fn the_child_that_migrates() {
        let variable = |name: &str| std::env::var(name).ok();
        let (Some(folder), Some(step)) =
            (variable("SWITCHBOARD_STEPS"), variable("SWITCHBOARD_STEP"))
        else {
            return;
        };
        let step: i64 = step.parse().expect("a number");
        let mut connection = long(Path::new(&folder));
        let hook = move |_, _: &str, table: &str, row| {
            if table == "marker" && row == step {
                println!("in the step");
                // Ends with its parent at the latest.
                let _ = std::io::stdin().lines().count();
            }
        };
        let _ = connection.update_hook(Some(hook));
        run(&connection, &Path::new(&folder).join("db"), LONG).expect("the steps");
    }

    #[test]
    fn a_process_killed_in_a_step_leaves_a_version_and_the_copy() {
        use std::io::{BufRead, BufReader};
        use std::process::{Command, Stdio};
        for step in 1..=3 {
            let folder = Folder::new(&format!("killed-{step}"));
            let path = folder.0.join("db");
            long(&folder.0)
                .execute_batch(&format!(
                    "CREATE TABLE t (a, b); CREATE TABLE marker (step INTEGER PRIMARY KEY);
                     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
                     INSERT INTO t SELECT i, randomblob(4000) FROM n;
                     PRAGMA user_version = 1;"
                ))
                .expect("version 1");
            let mut child = Command::new(std::env::current_exe().expect("this binary"))
                .args([
                    "database::steps::tests::the_child_that_migrates",
                    "--exact",
                    "--nocapture",
                    "--test-threads=1",
                ])
                .env("SWITCHBOARD_STEPS", &folder.0)
                .env("SWITCHBOARD_STEP", step.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a child");
            let said = BufReader::new(child.stdout.take().expect("its words"));
            let reached = said
                .lines()
                .map_while(std::result::Result::ok)
                .any(|line| line.ends_with("in the step"));
            child.kill().expect("killed");
            child.wait().expect("gone");
            assert!(reached, "step {step}");

            let connection = long(&folder.0);
            let state = |connection: &Connection| {
                let sums = "SELECT count(*), sum(a), sum(length(b)) FROM t";
                connection
                    .query_row(sums, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .expect("the rows")
            };
            let whole: (i64, i64, i64) = (ROWS, ROWS * (ROWS + 1) / 2, ROWS * 4000);
            let after = |steps: i64| match steps {
                1 => whole,
                2 => (ROWS, whole.1 + ROWS, whole.2),
                3 => (ROWS, (whole.1 + ROWS) * 10, whole.2),
                _ => (ROWS, (whole.1 + ROWS) * 10 + 7 * ROWS, whole.2),
            };
            assert_eq!(
                (version(&connection), state(&connection)),
                (step, after(step)),
                "killed in step {step}"
            );
            let copy = Connection::open(beside(&path, "-before-2")).expect("the copy");
            assert_eq!(
                (version(&copy), state(&copy)),
                (1, whole),
                "the copy before the first step"
            );
            run(&connection, &path, LONG).expect("it goes on");
            assert_eq!((version(&connection), state(&connection)), (4, after(4)));
        }
    }

    /// One small file per past version lies in `tests/schemas`; each is brought to today's schema.
    #[test]
    fn a_file_of_each_version_opens() {
        for old in 1..=VERSION {
            let folder = Folder::new(&format!("version-{old}"));
            let path = folder.0.join("db");
            let connection = Connection::open(&path).expect("a file");
            let sql =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{old}.sql"));
            connection
                .execute_batch(&std::fs::read_to_string(sql).expect("a file of that version"))
                .expect("it is made");
            assert_eq!(version(&connection), old);
            migrate(&connection, &path).expect("it is brought to today's schema");
            super::super::examine::schema(&connection, &path).expect("as schema.sql says");
            let rows: i64 = connection
                .query_row("SELECT count(*) FROM message", [], |row| row.get(0))
                .expect("messages");
            assert_eq!(rows, 2, "the rows of version {old} are there");
        }
    }

    #[test]
    fn a_new_file_has_incremental_vacuum_and_the_whole_schema() {
        let folder = Folder::new("new");
        let connection = Connection::open(folder.0.join("db")).expect("a file");
        create(&connection).expect("made");
        let vacuum: i64 = connection
            .query_row("PRAGMA auto_vacuum", [], |row| row.get(0))
            .expect("a number");
        assert_eq!(vacuum, 2);
        assert!(schema_of(&connection).expect("a schema").len() > 10);
    }
}
