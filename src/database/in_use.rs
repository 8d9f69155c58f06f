//! Whether this very file is in use, or was when its process was killed: said inside the file itself.
//!
//! The lock file knows what was committed, but only beside the name it was made for. A database that is renamed after a
//! kill, without its log and lock, or opened by another hard link, started from its last checkpoint and said nothing. So
//! an open writes which file this is into `setting` (inode and birth time), copies that back from the log at once, and
//! the orderly end takes it out again after its last checkpoint. A start refuses a file that says so of itself when no
//! log and no lock file of this very file lie beside it.
//!
//! A copy carries the row too (`VACUUM INTO`, `.backup`, `cp`), but is another file, and complete: it opens. The device
//! is left out, because its number changes over a restart of the system. What is moved to another file system is a copy
//! as well, and is not recognised. Rejected: a plain flag, which would keep every backup of a running gateway out; and
//! counting links, which misses the rename and refuses backups made of hard links.

use super::error::storage;
use super::lock::FileLock;
use crate::error::Result;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Which file lies at `path`, whatever its name; none where the system does not tell.
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

/// Whether the file was in use when its process ended, and was parted from its log and lock since. `connection` sees the
/// file alone: there is no log. A file too damaged to ask is not one: the check of the schema tells what it is.
pub(super) fn is_parted(connection: &Connection, path: &Path, lock: &FileLock) -> bool {
    let Some(identity) = identity(path) else {
        return false;
    };
    lock.file().as_deref() != Some(&identity)
        && said(connection).is_ok_and(|said| said.as_deref() == Some(&identity))
}

/// Writes which file this is into the lock file and into the database, before anything is acknowledged.
///
/// # Errors
/// `Storage`.
pub(super) fn begin(connection: &Connection, path: &Path, lock: &FileLock) -> Result<()> {
    let Some(identity) = identity(path) else {
        return Ok(());
    };
    // The lock file first: a process killed in between must not leave a file that is taken for a parted one.
    if let Err(error) = lock.set_file(&identity) {
        tracing::debug!(%error, "the lock file cannot be written");
        return Ok(());
    }
    if said(connection).map_err(storage)?.as_deref() == Some(&identity) {
        return Ok(());
    }
    connection
        .execute(
            "INSERT OR REPLACE INTO setting VALUES ('in_use', ?1)",
            [identity],
        )
        .map_err(storage)?;
    copy_back(connection).map_err(storage)
}

/// Takes the row out after the last checkpoint: whoever moves the file now moves all of it.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM setting WHERE name = 'in_use'", [])?;
    copy_back(connection)
}

fn copy_back(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

fn said(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT value FROM setting WHERE name = 'in_use'",
            [],
            |row| row.get(0),
        )
        .optional()
}
