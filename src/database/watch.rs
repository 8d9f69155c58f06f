//! Checks that the files are still the ones that the engine opened.
//!
//! On Unix, a file that is removed or replaced lives on for whoever has it open: every commit
//! succeeds, and all of it is gone at the end. So before a write the paths are checked (device,
//! inode and size, with two or three `stat` calls), and the engine is not writable while they lead
//! elsewhere. A file that became smaller is not always a fault, because an administrator's `VACUUM`
//! or `wal_checkpoint(TRUNCATE)` does that too; then a new connection decides. SQLite itself cuts a
//! log that has grown past `journal_size_limit` when it restarts the log, in the middle of ordinary
//! work.
//!
//! The length of the log is read from a handle of our own beside every commit, and not with `stat`.
//! Linux gives a file whose time was asked for a new time at its next write, and the sync after
//! that write takes a third longer. SQLite locks the index of the log and not the log, so closing
//! our handle releases no lock.

use super::beside::beside;
use super::holding::FileId;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A file as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    id: Option<FileId>,
    bytes: u64,
}

impl Seen {
    fn at(path: &Path) -> std::io::Result<Seen> {
        std::fs::metadata(path).map(|found| Seen {
            id: FileId::of(&found),
            bytes: found.len(),
        })
    }
}

/// The database, its log and the log's index, as they were after the last write.
#[derive(Debug)]
pub(super) struct Watch {
    paths: [PathBuf; 3],
    seen: Mutex<[Option<Seen>; 3]>,
    log: Mutex<Option<File>>,
}

/// What has changed since the files were last seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileChange {
    /// Nothing.
    None,
    /// A file shrank, the database or else its log; a new connection can tell whether something
    /// is missing.
    Smaller { database: bool },
    /// A file was removed or replaced.
    Other(String),
}

impl Watch {
    pub(super) fn new(path: &Path) -> Watch {
        let paths = [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")];
        let watch = Watch {
            paths,
            seen: Mutex::new([None; 3]),
            log: Mutex::new(None),
        };
        watch.note();
        watch
    }

    /// Remembers the present state of the files: called when they are known to be ours, and after
    /// each write.
    pub(super) fn note(&self) {
        let now = self.paths.each_ref().map(|path| Seen::at(path).ok());
        let mut seen = self.seen.lock();
        // The first check decides which files these are; later only their sizes may change.
        for (was, now) in seen.iter_mut().zip(now) {
            match (was.as_mut(), now) {
                (Some(was), Some(now)) if was.id == now.id => was.bytes = now.bytes,
                (None, now) => *was = now,
                _ => {}
            }
        }
    }

    /// Remembers how long the log is: called after each write of ours.
    pub(super) fn note_log(&self) {
        let Some(bytes) = self.log_bytes() else {
            return;
        };
        if let Some(was) = &mut self.seen.lock()[1] {
            was.bytes = bytes;
        }
    }

    /// The length of the log that was seen first; none if there is none yet.
    fn log_bytes(&self) -> Option<u64> {
        let mut log = self.log.lock();
        if log.is_none() {
            // The first write of a new database makes the log.
            let file = File::open(&self.paths[1]).ok()?;
            let found = file.metadata().ok()?;
            let now = Seen {
                id: FileId::of(&found),
                bytes: found.len(),
            };
            let was = *self.seen.lock()[1].get_or_insert(now);
            if was.id != now.id {
                return None;
            }
            *log = Some(file);
        }
        log.as_mut()?.seek(SeekFrom::End(0)).ok()
    }

    /// Whether the log is at least as long as after our last write: one `lseek`. A log that was cut
    /// grows again with the next write, so this is checked before each write.
    pub(super) fn log_is_kept(&self) -> bool {
        let was = self.seen.lock()[1];
        was.is_none_or(|was| self.log_bytes().is_some_and(|bytes| bytes >= was.bytes))
    }

    /// Compares the files with what was remembered.
    pub(super) fn look(&self) -> FileChange {
        let seen = *self.seen.lock();
        let mut smaller = [false; 3];
        for ((path, was), smaller) in self.paths.iter().zip(seen).zip(&mut smaller) {
            let Some(was) = was else { continue };
            let shown = path.display();
            match Seen::at(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return FileChange::Other(format!("`{shown}` was removed"));
                }
                Err(error) => {
                    return FileChange::Other(format!("`{shown}` cannot be examined: {error}"));
                }
                Ok(now) if now.id != was.id => {
                    return FileChange::Other(format!("`{shown}` was replaced by another file"));
                }
                Ok(now) => *smaller = now.bytes < was.bytes,
            }
        }
        // The index has no size of its own to keep.
        if smaller[0] || smaller[1] {
            FileChange::Smaller {
                database: smaller[0],
            }
        } else {
            FileChange::None
        }
    }
}
