//! Checks whose file it is, its version, and whether its schema is complete. The checks change
//! nothing.
//!
//! The first check opens the file through SQLite with `immutable=1`, which takes no lock and makes
//! no file beside it. Rejected: reading the header with a plain [`std::fs::File`]. Closing that
//! handle releases every POSIX lock of this process on the database, also those of a running engine
//! or of the host's own connections; another program would then take itself for the last user and
//! delete the write-ahead log.

use super::beside::beside;
use super::error::storage;
use super::steps::{self, APPLICATION_ID};
use crate::error::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Examined {
    /// No file, or an empty one.
    Nothing,
    /// A database of ours.
    Ours,
}

/// Looks at the header only.
///
/// # Errors
/// `ForeignDatabase`, `NewerDatabase`; `Storage` for what is no regular file or cannot be read.
pub(super) fn header(path: &Path) -> Result<Examined> {
    let shown = || path.display().to_string();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Examined::Nothing),
        Err(error) => {
            return Err(Error::storage_by(
                format!("cannot open `{}`", shown()),
                error,
            ));
        }
        Ok(found) if !found.is_file() => {
            return Err(Error::storage(format!(
                "`{}` is not a regular file",
                shown()
            )));
        }
        Ok(found) if found.len() == 0 => return Ok(Examined::Nothing),
        Ok(_) => {}
    }
    let mut numbers = numbers(path, true);
    // The file alone may not say what it is: after a first commit that is only in the log, a
    // version that only the log has, or an interrupted checkpoint. If a lock file of ours lies
    // beside it, SQLite may combine file and log; if not, the file is a stranger's and stays as it
    // is.
    let unfinished = ["-wal", "-journal"]
        .iter()
        .any(|end| beside(path, end).metadata().is_ok_and(|log| log.len() > 0));
    let is_ours = super::lock::is_ours(path);
    if unfinished && is_ours {
        numbers = self::numbers(path, false);
    }
    if is_ours && matches!(numbers, Ok((0, 0, true))) {
        // A first start that was interrupted before it made a table.
        return Ok(Examined::Nothing);
    }
    let (application, version, _) = numbers.map_err(|error| unreadable(path, error))?;
    if application != APPLICATION_ID {
        let reason = format!("its application id is {application:#010x}");
        return Err(Error::ForeignDatabase {
            path: shown(),
            reason,
        });
    }
    if version > steps::VERSION {
        return Err(Error::NewerDatabase {
            path: shown(),
            found: version,
            known: steps::VERSION,
        });
    }
    Ok(Examined::Ours)
}

/// The error for a file whose header cannot be read.
fn unreadable(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::ForeignDatabase {
            path: path.display().to_string(),
            reason: "it is not a SQLite database".into(),
        },
        _ => Error::storage_by(format!("cannot read `{}`", path.display()), error),
    }
}

/// The application id, the schema version, and whether there is no table; `alone`: without the log.
fn numbers(path: &Path, alone: bool) -> rusqlite::Result<(i64, i64, bool)> {
    let connection = match alone {
        true => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(uri(path), flags)?
        }
        // For writing: the rest of an interrupted first commit must be rolled back.
        false => {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            keep_log(&connection, true)?;
            connection
        }
    };
    let number = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
    };
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables = || {
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
            row.get::<_, i64>(0)
        })
    };
    // Not asked of a database of ours, because a later check names the damage.
    let is_empty = application == 0 && version == 0 && tables()? == 0;
    Ok((application, version, is_empty))
}

/// Sets whether the log stays when `connection` is closed. The last connection, a reading one too,
/// makes a checkpoint and deletes the log when it closes; so refusing a newer or damaged database
/// would change it.
pub(super) fn keep_log(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)
        .map(drop)
}

/// `path` as a URI whose file SQLite reads without locks.
fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri + "?immutable=1"
}

/// Checks that every table and index of ours is there as we wrote it.
///
/// # Errors
/// `Corrupt` names what is missing or different.
pub(super) fn schema(connection: &Connection, path: &Path) -> Result<()> {
    let there = schema_of(connection).map_err(storage)?;
    let wanted = Connection::open_in_memory()
        .and_then(|scratch| {
            scratch.execute_batch(steps::SCHEMA)?;
            schema_of(&scratch)
        })
        .map_err(storage)?;
    for (name, sql) in wanted {
        match there.iter().find(|(found, _)| *found == name) {
            None => {
                return Err(Error::corrupt(format!(
                    "`{}` has no `{name}`",
                    path.display()
                )));
            }
            Some((_, found)) if *found != sql => {
                return Err(Error::corrupt(format!(
                    "`{name}` in `{}` is not as this version made it",
                    path.display()
                )));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

pub(super) fn schema_of(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(
        "SELECT name, sql FROM sqlite_schema
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name",
    )?;
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
