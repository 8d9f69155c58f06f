//! Detects that a program other than SQLite wrote the database file, for example a backup copied
//! over it.
//!
//! Such a copy keeps the inode and is as large or larger, so [`super::watch`] sees no change, and
//! the next checkpoint would mix the log's pages into the backup. With a write-ahead log, SQLite
//! writes the database file only in a checkpoint. So the file's modification time is remembered
//! together with how much of which log was copied back; a later time without a further checkpoint
//! is not SQLite's.
//!
//! A copy by another program is reported even before it is complete, and so is `touch`, until the
//! next start. An empty log does not say what was copied back: then a commit since the last check
//! explains the time, and the rows are compared.
//!
//! Rejected: a digest, whose cost grows with the file, and the header's change counter, which does
//! not change in this mode.

use super::beside::beside;
use super::wal;
use crate::error::Result;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The modification time of the database, and how much of its log had been copied back at that
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checkpointed {
    written: Option<SystemTime>,
    /// The salt in the log's header, which changes whenever the log restarts; none if there is no
    /// log.
    salt: Option<[u8; 8]>,
    /// All pages in the log, and those copied back.
    pages: (u64, u64),
    /// How many commits this engine had made.
    commits: u64,
}

/// A count that no log has.
const UNSURE: (u64, u64) = (u64::MAX, u64::MAX);

/// What another program wrote into the database.
pub(super) enum ForeignWrite {
    /// Nothing.
    None,
    /// Another program made a checkpoint, as far as that can be told.
    CopiedBack(Checkpointed),
    /// It was written, and not from the log.
    Overwritten,
}

/// The database as the last checkpoint left it.
pub(super) struct Copied {
    path: PathBuf,
    log: PathBuf,
    /// Odd during a checkpoint of this engine, when a check decides nothing.
    turns: AtomicU64,
    commits: AtomicU64,
    seen: Mutex<Checkpointed>,
}

impl Copied {
    pub(super) fn new(path: &Path, connection: &Connection) -> Copied {
        let (path, log) = (path.to_owned(), beside(path, "-wal"));
        let seen = now(&path, &log, connection, 0);
        Copied {
            path,
            log,
            turns: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            seen: Mutex::new(seen),
        }
    }

    /// Runs the checkpoint `copy` on `connection`, and remembers the file's state after it.
    pub(super) fn around<T>(&self, connection: &Connection, copy: impl FnOnce() -> T) -> T {
        self.turns.fetch_add(1, Ordering::AcqRel);
        let done = copy();
        *self.seen.lock() = now(
            &self.path,
            &self.log,
            connection,
            self.commits.load(Ordering::Acquire),
        );
        self.turns.fetch_add(1, Ordering::AcqRel);
        done
    }

    /// After a commit of this engine.
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether the modification time is that of the last check: one `stat`.
    pub(super) fn is_untouched(&self) -> bool {
        let was = self.seen.lock().written;
        was == written(&self.path)
    }

    /// Checks whether another program wrote the file; `connect` opens a new connection.
    pub(super) fn look(&self, connect: impl FnOnce() -> Result<Connection>) -> ForeignWrite {
        let turn = self.turns.load(Ordering::Acquire);
        let was = *self.seen.lock();
        let commits = self.commits.load(Ordering::Acquire);
        let (written, salt) = (written(&self.path), salt(&self.log));
        let is_ours = || turn % 2 == 1 || self.turns.load(Ordering::Acquire) != turn;
        if written == was.written {
            // The log restarted: nothing of it was copied back, or the file would have another
            // time.
            if salt != was.salt && !is_ours() {
                self.keep(
                    was,
                    Checkpointed {
                        written,
                        salt,
                        pages: (1, 0),
                        commits,
                    },
                );
            }
            return ForeignWrite::None;
        }
        if is_ours() {
            return ForeignWrite::None;
        }
        let pages = connect()
            .ok()
            .and_then(|connection| wal::copied(&connection).ok());
        // The file is still being written, so the count belongs to another time; the next check
        // decides.
        if is_ours() || self::written(&self.path) != written {
            return ForeignWrite::None;
        }
        let Some(pages @ (all, copied)) = pages else {
            return ForeignWrite::Overwritten;
        };
        let is_same_log = salt == was.salt && copied == was.pages.1;
        let nothing_was_there = was.pages.0 == 0 && commits == was.commits;
        if is_same_log && (all > 0 || nothing_was_there) {
            return ForeignWrite::Overwritten;
        }
        ForeignWrite::CopiedBack(Checkpointed {
            written,
            salt,
            pages,
            commits,
        })
    }

    /// Remembers a state that is known to be right, unless a newer one was stored since `was`.
    fn keep(&self, was: Checkpointed, now: Checkpointed) {
        let mut seen = self.seen.lock();
        if *seen == was {
            *seen = now;
        }
    }

    /// Accepts a checkpoint of another program, which kept all rows.
    pub(super) fn accept(&self, now: Checkpointed) {
        *self.seen.lock() = now;
    }
}

/// The present state of the file. Another program may be making a checkpoint right now: a time from
/// before its last page with a count from after it would look like an overwritten file. In doubt
/// the count is `UNSURE`, which every real count exceeds.
fn now(path: &Path, log: &Path, connection: &Connection, commits: u64) -> Checkpointed {
    let (before, salt, pages) = (written(path), salt(log), wal::copied(connection));
    let is_sure = written(path) == before;
    Checkpointed {
        written: before,
        salt,
        pages: pages.ok().filter(|_| is_sure).unwrap_or(UNSURE),
        commits,
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|found| found.modified())
        .ok()
}

/// Nobody locks the log itself, so closing this handle releases no lock.
fn salt(log: &Path) -> Option<[u8; 8]> {
    let mut header = [0; 24];
    std::fs::File::open(log)
        .and_then(|mut log| log.read_exact(&mut header))
        .ok()?;
    header.last_chunk().copied()
}
