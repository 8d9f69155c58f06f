//! The lock file beside the database, `NAME-lock`: held while an engine runs, and the newest seq is written into it.
//!
//! The system ends the lock with its process. The mark, the newest seq that was committed, is written after each group
//! without a sync, so it is never ahead of what the disk was told to keep. At a start the rows must reach it: if they do
//! not, the database or its write-ahead log was removed, replaced or cut while nobody looked, and starting on would
//! lose it silently. A log that is merely gone is no loss: another program that opened and closed the database after a
//! kill has merged it. Deleting the newest rows lowers the mark before the commit, so that a process killed between the
//! two promises too little instead of too much.
//!
//! A second line says which file it belongs to (see `in_use`).
//!
//! The lock is on a file of its own, because closing any handle on the database drops SQLite's locks.

use super::holding::private;
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// More is not read of a lock file.
const BYTES_MAX: u64 = 256;

/// Held while an engine has the database open.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: Mutex<File>,
}

impl Drop for FileLock {
    /// Unlocks in so many words: a child process that the host is just starting holds a copy of the handle until it
    /// runs its program, and closing ours alone would leave the lock with it for that moment.
    fn drop(&mut self) {
        if let Err(error) = self.file.lock().unlock() {
            tracing::debug!(%error, "the lock ends with its file");
        }
    }
}

impl FileLock {
    /// Takes the lock of the database at `database`, which is canonical.
    ///
    /// # Errors
    /// `InUse`; `Storage`.
    pub(super) fn take(database: &Path) -> Result<FileLock> {
        let name = super::examine::beside(database, "-lock");
        let shown = database.display().to_string();
        let failed = |error: std::io::Error| Error::Storage(format!("cannot open the lock file of `{shown}`: {error}"));
        if std::fs::metadata(&name).is_ok_and(|found| !found.is_file()) {
            return Err(Error::Storage(format!("the lock file of `{shown}` is not a regular file")));
        }
        let file = private().create(true).truncate(false).read(true).open(&name).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                let lock = FileLock { file: Mutex::new(file) };
                if lock.mark() == 0 {
                    // Before the database is made: so it is known as ours, however early its first start is cut short.
                    lock.set_mark(0).map_err(failed)?;
                }
                Ok(lock)
            }
            Err(TryLockError::WouldBlock) => Err(Error::InUse(shown)),
            Err(TryLockError::Error(error)) => Err(Error::Storage(format!("cannot lock `{shown}`: {error}"))),
        }
    }

    /// The newest seq that was written into it; 0 if there is none, or none that can be read.
    pub(super) fn mark(&self) -> i64 {
        self.line(0, "newest ").and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Which file it was written for, if it says so.
    pub(super) fn file(&self) -> Option<String> {
        self.line(1, "file ")
    }

    /// What follows `name` in that line.
    fn line(&self, number: usize, name: &str) -> Option<String> {
        let mut text = String::new();
        let mut file = self.file.lock();
        file.seek(SeekFrom::Start(0)).and_then(|_| (&mut *file).take(BYTES_MAX).read_to_string(&mut text)).ok()?;
        text.lines().nth(number)?.strip_prefix(name).map(str::to_owned)
    }

    /// Writes the newest seq; always as many bytes, so that one write replaces the one before.
    pub(super) fn set_mark(&self, newest: i64) -> std::io::Result<()> {
        let mut file = self.file.lock();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(format!("newest {newest:020}\n").as_bytes())
    }

    /// Writes which file it belongs to, if it does not say so yet.
    pub(super) fn set_file(&self, identity: &str) -> std::io::Result<()> {
        if self.file().as_deref() == Some(identity) {
            return Ok(());
        }
        self.set_mark(self.mark())?;
        let mut file = self.file.lock();
        file.write_all(format!("file {identity}\n").as_bytes())?;
        let end = file.stream_position()?;
        file.set_len(end)
    }
}

/// Whether a lock file of ours lies beside `database`: no other program writes what stands in it.
pub(super) fn is_ours(database: &Path) -> bool {
    let mut text = [0; 7];
    let name = super::examine::beside(database, "-lock");
    let is_regular = std::fs::metadata(&name).is_ok_and(|found| found.is_file());
    is_regular && File::open(name).is_ok_and(|mut file| file.read_exact(&mut text).is_ok()) && &text == b"newest "
}
