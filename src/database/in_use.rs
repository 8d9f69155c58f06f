//! Marks a database file that is in use, inside the file itself, so that a file separated from its
//! log is recognised.
//!
//! The lock file says what was committed, but only beside the name that it was made for. A database
//! that was renamed after a kill, without its log and lock file, or opened by another hard link,
//! would start from its last checkpoint without an error. So an open writes the identity of the
//! file (inode and birth time) into `setting` and makes a checkpoint at once, and an orderly end
//! removes the identity after its last checkpoint. A start refuses a file that holds its own
//! identity when no log and no lock file of this file lie beside it.
//!
//! A copy (`VACUUM INTO`, `.backup`, `cp`) carries the row too, but is another file, and complete,
//! so it opens. A further row says which file the database was last open in, and stays. A file that
//! is not that one, or has lost its lock file, is a copy: its original may have gone on. A file that
//! was moved to another file system counts as a copy too, so it is not recognised as separated. The
//! device is not part of the identity, because its number changes when the system restarts.
//! Rejected: a plain flag, which would keep every backup of a running gateway out; and counting
//! links, which misses the rename and refuses backups made of hard links.

use super::error::storage;
use super::lock::FileLock;
use crate::error::Result;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Identifies the file at `path`, whatever its name; none if the system does not tell.
pub(super) fn identity(path: &Path) -> Option<String> {
    let found = std::fs::metadata(path).ok()?;
    let born = found
        .created()
        .ok()
        .and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    inode(&found).map(|inode| format!("{inode}.{}", born.map_or(0, |born| born.as_nanos())))
}

#[cfg(unix)]
fn inode(found: &std::fs::Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(found))
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> Option<u64> {
    None
}

/// Whether the file was in use when its process ended, and was separated from its log and lock file
/// since. `connection` sees the file alone: there is no log. A file that is too damaged to ask
/// counts as not separated: the check of the schema reports it.
pub(super) fn is_parted(connection: &Connection, path: &Path, lock: &FileLock) -> bool {
    let Some(identity) = identity(path) else {
        return false;
    };
    lock.file().as_deref() != Some(&identity)
        && said(connection).is_ok_and(|said| said.as_deref() == Some(&identity))
}

/// Whether the database is a copy of one that was open elsewhere, as far as the system tells.
pub(super) fn is_copy(connection: &Connection, path: &Path, lock: &FileLock) -> bool {
    let home = value(connection, "home").ok().flatten();
    match (home, identity(path)) {
        (Some(home), Some(identity)) => home != identity || lock.file().is_none(),
        _ => false,
    }
}

/// Writes the identity of this file into the lock file and into the database, before anything is
/// acknowledged.
///
/// # Errors
/// `Storage`.
pub(super) fn begin(connection: &Connection, path: &Path, lock: &FileLock) -> Result<()> {
    let Some(identity) = identity(path) else {
        return Ok(());
    };
    // The lock file first: a process killed between the two writes must not leave a file that seems
    // separated.
    if let Err(error) = lock.set_file(&identity) {
        tracing::debug!(%error, "the lock file cannot be written");
        return Ok(());
    }
    if said(connection).map_err(storage)?.as_deref() == Some(&identity) {
        return Ok(());
    }
    connection
        .execute(
            "INSERT OR REPLACE INTO setting VALUES ('in_use', ?1), ('home', ?1)",
            [identity],
        )
        .map_err(storage)?;
    copy_back(connection).map_err(storage)
}

/// Removes the identity after the last checkpoint: from now on the file alone is complete and can
/// be moved.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM setting WHERE name = 'in_use'", [])?;
    copy_back(connection)
}

fn copy_back(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

fn said(connection: &Connection) -> rusqlite::Result<Option<String>> {
    value(connection, "in_use")
}

fn value(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("SELECT value FROM setting WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
}
