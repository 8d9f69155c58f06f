//! Whose file it is, which version, and whether the schema is whole; nothing is changed by looking.
//!
//! The first look goes through SQLite with `immutable=1`: no lock is taken and no file is made beside a stranger's
//! database. Rejected: reading the header with a plain [`std::fs::File`]. Its close releases every POSIX lock that this
//! process holds on the database, the locks of a running engine or of the host's own connections included; another
//! program then takes itself for the last user and deletes the write-ahead log under the engine.

use super::beside::beside;
use super::error::storage;
use super::steps::{self, APPLICATION_ID};
use crate::error::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No file, or an empty one.
    Nothing,
    /// A database of ours.
    Ours,
}

/// Looks at the header only.
///
/// # Errors
/// `ForeignDatabase`, `NewerDatabase`; `Storage` for what is no regular file or cannot be read.
pub(super) fn header(path: &Path) -> Result<Found> {
    let shown = || path.display().to_string();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => {
            return Err(Error::Storage(format!(
                "cannot open `{}`: {error}",
                shown()
            )));
        }
        Ok(found) if !found.is_file() => {
            return Err(Error::Storage(format!(
                "`{}` is not a regular file",
                shown()
            )));
        }
        Ok(found) if found.len() == 0 => return Ok(Found::Nothing),
        Ok(_) => {}
    }
    let mut numbers = numbers(path, true);
    // A first commit that is still in its log, a version that only the log has, or a last checkpoint that was cut short:
    // the file alone does not say what it is. With a lock file of ours beside, SQLite may put the two together; without
    // one it is a stranger's, and is left exactly as it is.
    let unfinished = ["-wal", "-journal"]
        .iter()
        .any(|end| beside(path, end).metadata().is_ok_and(|log| log.len() > 0));
    let is_ours = super::lock::is_ours(path);
    if unfinished && is_ours {
        numbers = self::numbers(path, false);
    }
    if is_ours && matches!(numbers, Ok((0, 0, true))) {
        // A first start that was cut short before it made a table.
        return Ok(Found::Nothing);
    }
    let (application, version, _) = match numbers {
        Ok(numbers) => numbers,
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
            ) =>
        {
            return Err(Error::ForeignDatabase {
                path: shown(),
                reason: "it is no SQLite database".into(),
            });
        }
        Err(error) => {
            return Err(Error::Storage(format!(
                "cannot read `{}`: {error}",
                shown()
            )));
        }
    };
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
    Ok(Found::Ours)
}

/// The application id, the schema version, and whether there is no table; `alone`: as the file itself has them, without its log.
fn numbers(path: &Path, alone: bool) -> rusqlite::Result<(i64, i64, bool)> {
    let connection = match alone {
        true => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(uri(path), flags)?
        }
        // For writing: the rest of a first commit that was cut short has to be rolled back.
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
    // Not asked of a database of ours: a damaged schema is told later, by name.
    let is_empty = application == 0 && version == 0 && tables()? == 0;
    Ok((application, version, is_empty))
}

/// Whether the log stays when `connection` is closed. The last connection to close copies the log back and deletes it,
/// reading or not: a newer or damaged database would be changed by refusing it.
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
                return Err(Error::Corrupt(format!(
                    "`{}` has no `{name}`",
                    path.display()
                )));
            }
            Some((_, found)) if *found != sql => {
                return Err(Error::Corrupt(format!(
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
