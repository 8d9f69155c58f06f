//! One engine a file: an operating-system lock beside it that dies with its process.
//!
//! The lock is on a file of its own, `NAME-lock`: closing any handle on the database itself would drop SQLite's
//! POSIX locks for the whole process.

use crate::error::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held while an engine has the database open.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
}

impl Drop for FileLock {
    /// Unlocks in so many words: a child process that the host is just starting holds a copy of the handle until it
    /// runs its program, and closing ours alone would leave the lock with it for that moment.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock ends with its file");
        }
    }
}

impl FileLock {
    pub(crate) fn take(database: &Path) -> Result<FileLock> {
        let mut name = database.as_os_str().to_owned();
        name.push("-lock");
        let shown = database.display().to_string();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&name)
            .map_err(|error| Error::Storage(format!("cannot open the lock file of `{shown}`: {error}")))?;
        match file.try_lock() {
            Ok(()) => Ok(FileLock { file }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(shown)),
            Err(TryLockError::Error(error)) => Err(Error::Storage(format!("cannot lock `{shown}`: {error}"))),
        }
    }
}
