//! The lock file beside the database, `NAME-lock`: it is locked while an engine runs, and says how
//! far the database reaches.
//!
//! The system releases the lock when the process ends. The mark (see `reach`) is written after each
//! commit without a sync, so the mark is never ahead of what the disk was told to keep. At a start
//! the database must reach the mark. If it does not, the database or its log was removed, replaced
//! or cut in the meantime, and starting would hide the loss. A missing log alone is no loss:
//! another program that opened the database after a kill has merged the log. The mark never falls.
//! A lock file that is removed or cut under a running engine is made again at the next check.
//!
//! A second line says which file it belongs to (see `in_use`).
//!
//! The lock is on a file of its own, because closing any handle on the database drops SQLite's
//! locks.

use super::beside::beside;
use super::holding::{FileId, private};
use super::reach::Reach;
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// More is not read of a lock file.
const BYTES_MAX: u64 = 256;

/// Held while an engine has the database open.
#[derive(Debug)]
pub(crate) struct FileLock {
    path: PathBuf,
    file: Mutex<File>,
}

impl Drop for FileLock {
    /// Unlocks explicitly: a child process that the host is starting holds a copy of the handle
    /// until it runs its program, and the lock would stay with that copy if our handle were only
    /// closed.
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
        let name = beside(database, "-lock");
        let shown = database.display().to_string();
        let failed = |error: std::io::Error| {
            Error::storage_by(format!("cannot open the lock file of `{shown}`"), error)
        };
        if std::fs::metadata(&name).is_ok_and(|found| !found.is_file()) {
            return Err(Error::storage(format!(
                "the lock file of `{shown}` is not a regular file"
            )));
        }
        let file = private()
            .create(true)
            .truncate(false)
            .read(true)
            .open(&name)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                let lock = FileLock {
                    path: name,
                    file: Mutex::new(file),
                };
                // Written before the database is created, so that a first start that is interrupted
                // leaves a file known as ours. A shorter mark, of an earlier version, is replaced
                // by the long one.
                lock.write(lock.mark(), lock.file().as_deref())
                    .map_err(failed)?;
                Ok(lock)
            }
            Err(TryLockError::WouldBlock) => Err(Error::InUse(shown)),
            Err(TryLockError::Error(error)) => {
                Err(Error::storage_by(format!("cannot lock `{shown}`"), error))
            }
        }
    }

    /// How far the database reaches by the mark; 0 if there is no mark, or none that can be read.
    pub(super) fn mark(&self) -> Reach {
        self.line(0, "newest ")
            .map_or_else(Reach::default, |text| Reach::parse(&text))
    }

    /// Which file it was written for, if it says so.
    pub(super) fn file(&self) -> Option<String> {
        self.line(1, "file ")
    }

    /// What follows `name` in that line.
    fn line(&self, number: usize, name: &str) -> Option<String> {
        let mut text = String::new();
        let mut file = self.file.lock();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| (&mut *file).take(BYTES_MAX).read_to_string(&mut text))
            .ok()?;
        text.lines()
            .nth(number)?
            .strip_prefix(name)
            .map(str::to_owned)
    }

    /// Writes the mark. It always has the same length, so one write replaces the mark before.
    pub(super) fn set_mark(&self, mark: Reach) -> std::io::Result<()> {
        let mut file = self.file.lock();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(format!("newest {mark}\n").as_bytes())
    }

    /// Writes all of it, in one write.
    fn write(&self, mark: Reach, identity: Option<&str>) -> std::io::Result<()> {
        let text = text(mark, identity);
        let mut file = self.file.lock();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    }

    /// Makes the lock file again if its name leads to another file or it was cut. Without it an
    /// older copy of the database would start without an error.
    pub(super) fn renew(&self, mark: Reach, identity: Option<&str>) -> std::io::Result<()> {
        let held = self.file.lock().metadata()?;
        let is_ours = std::fs::metadata(&self.path)
            .is_ok_and(|found| FileId::of(&found) == FileId::of(&held));
        if is_ours && held.len() >= text(mark, identity).len() as u64 {
            return Ok(());
        }
        if !is_ours {
            let file = private()
                .create(true)
                .truncate(false)
                .read(true)
                .open(&self.path)?;
            file.try_lock().map_err(std::io::Error::from)?;
            *self.file.lock() = file;
        }
        self.write(mark, identity)?;
        tracing::warn!(path = %self.path.display(), "the lock file was removed or cut under the engine; it was made anew");
        Ok(())
    }

    /// Writes which file the lock file belongs to, unless it says so already.
    pub(super) fn set_file(&self, identity: &str) -> std::io::Result<()> {
        if self.file().as_deref() == Some(identity) {
            return Ok(());
        }
        self.write(self.mark(), Some(identity))
    }
}

fn text(mark: Reach, identity: Option<&str>) -> String {
    identity.map_or_else(
        || format!("newest {mark}\n"),
        |identity| format!("newest {mark}\nfile {identity}\n"),
    )
}

/// Whether a lock file of ours lies beside `database`: no other program writes its first word.
pub(super) fn is_ours(database: &Path) -> bool {
    let mut text = [0; 7];
    let name = beside(database, "-lock");
    let is_regular = std::fs::metadata(&name).is_ok_and(|found| found.is_file());
    is_regular
        && File::open(name).is_ok_and(|mut file| file.read_exact(&mut text).is_ok())
        && &text == b"newest "
}
