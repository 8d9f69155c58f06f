//! Whether something that is not SQLite wrote into the database: a backup that was copied over it in place.
//!
//! Such a file is the same file, as large or larger, so [`super::watch`] sees nothing, and the next checkpoint would copy
//! the log's pages into the backup: a mixture of two. But with a write-ahead log SQLite writes the database only when it
//! copies the log back. So the file's date is remembered with how much of which log was copied back; a later date
//! without that being more is not SQLite's. Rejected: a digest, which costs what the file is large, and the header's
//! change counter, which stands still in this mode. A copy by another program that is under way is told as well, until
//! it is done; so is `touch`, until the next start. A log that is empty says nothing of what was copied back: then a
//! commit since the last look explains the date, and the rows are compared.

use super::beside::beside;
use super::wal;
use crate::error::Result;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The database's date, and how much of its log was copied back then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    written: Option<SystemTime>,
    /// What the log's header has, new whenever it begins anew; none if there is no log.
    salt: Option<[u8; 8]>,
    /// All pages in the log, and those copied back.
    pages: (u64, u64),
    /// How many commits this engine had made.
    commits: u64,
}

/// A count that no log has.
const UNSURE: (u64, u64) = (u64::MAX, u64::MAX);

/// What a look found.
pub(super) enum Found {
    /// Nobody but this engine wrote into it.
    Same,
    /// Another program copied the log back, as far as that can be told.
    CopiedBack(Seen),
    /// It was written, and not from the log.
    Overwritten,
}

/// The database as the last checkpoint left it.
pub(super) struct Copied {
    path: PathBuf,
    log: PathBuf,
    /// Odd while this engine copies back; a look that meets it says nothing.
    turns: AtomicU64,
    commits: AtomicU64,
    seen: Mutex<Seen>,
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

    /// Copies back with `copy`, on `connection`, and remembers how the file is then.
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

    /// Whether the file has the date of the last look: one `stat`.
    pub(super) fn is_untouched(&self) -> bool {
        let was = self.seen.lock().written;
        was == written(&self.path)
    }

    /// Looks whether somebody else wrote into the file; `connect` makes a connection that is new.
    pub(super) fn look(&self, connect: impl FnOnce() -> Result<Connection>) -> Found {
        let turn = self.turns.load(Ordering::Acquire);
        let was = *self.seen.lock();
        let commits = self.commits.load(Ordering::Acquire);
        let (written, salt) = (written(&self.path), salt(&self.log));
        let is_ours = || turn % 2 == 1 || self.turns.load(Ordering::Acquire) != turn;
        if written == was.written {
            // The log began anew: nothing of it was copied back, or the file had another date.
            if salt != was.salt && !is_ours() {
                self.keep(
                    was,
                    Seen {
                        written,
                        salt,
                        pages: (1, 0),
                        commits,
                    },
                );
            }
            return Found::Same;
        }
        if is_ours() {
            return Found::Same;
        }
        let pages = connect()
            .ok()
            .and_then(|connection| wal::copied(&connection).ok());
        // Still being written: what was counted belongs to another date, and the next look tells.
        if is_ours() || self::written(&self.path) != written {
            return Found::Same;
        }
        let Some(pages @ (all, copied)) = pages else {
            return Found::Overwritten;
        };
        let is_same_log = salt == was.salt && copied == was.pages.1;
        let nothing_was_there = was.pages.0 == 0 && commits == was.commits;
        if is_same_log && (all > 0 || nothing_was_there) {
            return Found::Overwritten;
        }
        Found::CopiedBack(Seen {
            written,
            salt,
            pages,
            commits,
        })
    }

    /// Remembers what is known to be right, unless something newer was remembered since `was`.
    fn keep(&self, was: Seen, now: Seen) {
        let mut seen = self.seen.lock();
        if *seen == was {
            *seen = now;
        }
    }

    /// Remembers a copy of another program that has all the rows.
    pub(super) fn accept(&self, now: Seen) {
        *self.seen.lock() = now;
    }
}

/// How the file is now. Another program may copy back just then: a date from before its last page with a count from
/// after it would look like a file that was overwritten, so any count is more than one that is not sure.
fn now(path: &Path, log: &Path, connection: &Connection, commits: u64) -> Seen {
    let (before, salt, pages) = (written(path), salt(log), wal::copied(connection));
    let is_sure = written(path) == before;
    Seen {
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

/// Nobody holds a lock on the log itself, so a handle on it that is closed takes none along.
fn salt(log: &Path) -> Option<[u8; 8]> {
    let mut header = [0; 24];
    std::fs::File::open(log)
        .and_then(|mut log| log.read_exact(&mut header))
        .ok()?;
    header.last_chunk().copied()
}
