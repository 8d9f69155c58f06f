//! Opens a database: locks the file, checks whose it is and that it is complete, and migrates it to
//! this version.
//!
//! Handles on the database, its log or its lock file that are not SQLite's are in `holding` and
//! `lock`, which explain why they stay open as long as the engine. The file is examined before
//! anything is created beside it, so that a database of another application, of a newer version, or
//! a damaged one is left as it was.

use super::beside::beside;
use super::error::storage;
use super::examine::{self, Examined};
use super::file::{Accepted, Opened};
use super::holding::{self, Holding};
use super::in_use;
use super::location::{Location, Wanted};
use super::lock::FileLock;
use super::pragmas::{BUSY, pragmas};
use super::reach::Reach;
use super::steps;
use crate::error::{Error, Result};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

/// Below this SQLite can corrupt a WAL database when two connections meet at a checkpoint.
const SQLITE_MIN: i32 = 3_051_003;
/// Opens or creates the database.
///
/// # Errors
/// `InUse`, `ForeignDatabase`, `NewerDatabase`, `Corrupt`, `CommitsLost`, `Storage`. Each leaves
/// the file as it was, except that `Storage` may come after a step of a migration.
pub(crate) fn open(wanted: Wanted) -> Result<Opened> {
    if rusqlite::version_number() < SQLITE_MIN {
        return Err(Error::storage(format!(
            "SQLite {} is too old; 3.51.3 or newer is needed",
            rusqlite::version()
        )));
    }
    match &wanted.location {
        Location::Memory => {
            let connection = Connection::open_in_memory().map_err(storage)?;
            steps::create(&connection)?;
            pragmas(&connection, wanted.durability, false)?;
            Ok(Opened::in_memory(connection, &wanted))
        }
        Location::File(path) => open_file(holding::canonical(path)?, &wanted),
    }
}

fn open_file(path: PathBuf, wanted: &Wanted) -> Result<Opened> {
    // Declared first, so that it is dropped last if the file is refused.
    let holding;
    let found = examine::header(&path)?;
    let lock = FileLock::take(&path)?;
    let mark = lock.mark();
    if found == Examined::Nothing {
        check_loss(&path, wanted, Reach::default().lacks(mark))?;
    }
    holding = Holding::take(&path)?;
    let has_log = beside(&path, "-wal")
        .metadata()
        .is_ok_and(|log| log.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(storage)?;
    // Until the file is accepted: a refused file keeps its log.
    examine::keep_log(&connection, true).map_err(storage)?;
    let (mut is_parted, mut is_copy, mut reached) = (false, false, Reach::default());
    match found {
        Examined::Nothing => steps::create(&connection)?,
        Examined::Ours => {
            connection.busy_timeout(BUSY).map_err(storage)?;
            is_parted = !has_log && in_use::is_parted(&connection, &path, &lock);
            check_loss(&path, wanted, is_parted.then(|| parted(&path)))?;
            steps::migrate(&connection, &path)?;
            examine::schema(&connection, &path)?;
            reached = (wanted.reach)(&connection).map_err(storage)?;
            is_copy = in_use::is_copy(&connection, &path, &lock);
        }
    }
    check_loss(&path, wanted, reached.lacks(mark))?;
    let is_lost = reached.lacks(mark).is_some() || is_parted;
    if is_lost {
        tracing::warn!(found = ?reached, committed = ?mark, "commits are missing; the loss is accepted and a new instance begins");
    }
    examine::keep_log(&connection, false).map_err(storage)?;
    pragmas(&connection, wanted.durability, false)?;
    in_use::begin(&connection, &path, &lock)?;
    warn_of_readers(&path);
    let accepted = Accepted {
        path,
        connection,
        lock,
        holding,
        mark,
        reached,
        is_copy,
        lost: is_lost.then(|| reached.max(mark)),
    };
    Ok(Opened::of_file(accepted, wanted))
}

/// Refuses a database that lacks something, unless the loss was accepted.
fn check_loss(path: &Path, wanted: &Wanted, lacking: Option<String>) -> Result<()> {
    match lacking.filter(|_| !wanted.accept_loss) {
        None => Ok(()),
        Some(lacking) => Err(Error::CommitsLost {
            path: path.display().to_string(),
            lacking,
        }),
    }
}

fn parted(path: &Path) -> String {
    format!(
        "its process was killed, and neither `{0}-wal` nor its lock file lies beside it",
        path.display()
    )
}

/// Logs a warning for each file that other users of this machine can read: each holds messages, or
/// says how far they go. SQLite gives a new log the mode of the database, so a database that was
/// created readable stays readable. Rejected: removing the rights, which would lock out a group
/// that an operator lets read backups.
fn warn_of_readers(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for file in ["", "-wal", "-shm", "-lock"].map(|end| beside(path, end)) {
            if std::fs::metadata(&file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
                let file = file.display();
                tracing::warn!(
                    "other users of this machine can open {file}, which belongs to the database: chmod 600 {file}"
                );
            }
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
