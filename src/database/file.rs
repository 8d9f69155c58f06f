//! An open database: opens further connections, and checks that its files are still the same and
//! whole.

use super::beside::beside;
use super::copied::{self, Copied};
use super::error::storage;
use super::holding::Holding;
use super::in_use;
use super::location::{Durability, Location, Wanted};
use super::lock::FileLock;
use super::pragmas::pragmas;
use super::reach::Reach;
use super::wal;
use super::watch::{self, Watch};
use crate::error::{Error, Result};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a check of the files stays valid for writes: their removal is noticed this late at
/// most.
const LOOK: Duration = Duration::from_millis(250);

/// Checks before files that became smaller count as cut.
const LOOKS: usize = 3;

/// An open database: how further connections are made.
pub(crate) struct Opened {
    location: Location,
    durability: Durability,
    reach: fn(&Connection) -> rusqlite::Result<Reach>,
    memory: Option<Arc<Mutex<Connection>>>,
    /// The connection that opened the file, until the writer takes it. While a connection is open,
    /// the log stays the same file.
    first: Mutex<Option<Connection>>,
    watch: Option<Watch>,
    copied: Option<Copied>,
    /// Whether the last check found that a program other than SQLite wrote the database.
    overwritten: AtomicBool,
    looked: Mutex<Option<(Instant, Result<(), String>)>>,
    /// What the lock file says.
    mark: Mutex<Reach>,
    /// How far was committed, marked or not.
    reached: Mutex<Reach>,
    /// How far the database reached before the loss that this start accepted, if there was one.
    lost: Option<Reach>,
    /// Whether the file is a copy of one that was open elsewhere.
    is_copy: bool,
    /// Damage that a read met; kept until the next start.
    damage: Mutex<Option<String>>,
    lock: Mutex<Option<FileLock>>,
    /// The last field, so that it is dropped after everything that may hold a connection.
    holding: Option<Holding>,
}

/// A file that was accepted, and everything that is held for it.
pub(super) struct Accepted {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) lock: FileLock,
    pub(super) holding: Holding,
    /// What the lock file says.
    pub(super) mark: Reach,
    /// How far the database reaches.
    pub(super) reached: Reach,
    /// How far it reached before the accepted loss, if there was one.
    pub(super) lost: Option<Reach>,
    /// Whether it is a copy of one that was open elsewhere.
    pub(super) is_copy: bool,
}

impl Opened {
    fn new(wanted: &Wanted, location: Location) -> Opened {
        Opened {
            location,
            durability: wanted.durability,
            reach: wanted.reach,
            memory: None,
            first: Mutex::new(None),
            watch: None,
            copied: None,
            overwritten: AtomicBool::new(false),
            looked: Mutex::new(None),
            mark: Mutex::default(),
            reached: Mutex::default(),
            lost: None,
            is_copy: false,
            damage: Mutex::new(None),
            lock: Mutex::new(None),
            holding: None,
        }
    }

    pub(super) fn in_memory(connection: Connection, wanted: &Wanted) -> Opened {
        Opened {
            memory: Some(Arc::new(Mutex::new(connection))),
            ..Opened::new(wanted, Location::Memory)
        }
    }

    pub(super) fn of_file(accepted: Accepted, wanted: &Wanted) -> Opened {
        let watch = Watch::new(&accepted.path);
        let copied = Copied::new(&accepted.path, &accepted.connection);
        Opened {
            watch: Some(watch),
            copied: Some(copied),
            reached: Mutex::new(accepted.reached),
            mark: Mutex::new(accepted.mark),
            lost: accepted.lost,
            is_copy: accepted.is_copy,
            lock: Mutex::new(Some(accepted.lock)),
            first: Mutex::new(Some(accepted.connection)),
            holding: Some(accepted.holding),
            ..Opened::new(wanted, Location::File(accepted.path))
        }
    }

    /// The one connection of a database in memory.
    pub(crate) fn memory(&self) -> Option<&Arc<Mutex<Connection>>> {
        self.memory.as_ref()
    }

    /// Whether the file is a copy of one that was open elsewhere.
    pub(crate) fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// How far the database reached before the loss that this start accepted, if there was one.
    pub(crate) fn lost(&self) -> Option<Reach> {
        self.lost
    }

    /// Lets another engine open the file; called once the writer has ended.
    pub(crate) fn unlock(&self) {
        let lock = self.lock.lock().take();
        drop(lock);
        if let Some(holding) = &self.holding {
            holding.release();
        }
    }

    /// The writer's connection to the file.
    pub(super) fn writer(&self) -> Result<Connection> {
        let first = self.first.lock().take();
        first.map_or_else(|| self.write(), Ok)
    }

    /// A writing connection to the file.
    pub(crate) fn write(&self) -> Result<Connection> {
        self.connect(false)
    }

    /// A writing connection whose commits survive a power cut whatever the durability, for what the
    /// next start must know.
    pub(crate) fn write_through(&self) -> Result<Connection> {
        let connection = self.write()?;
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(storage)?;
        Ok(connection)
    }

    /// A reading connection to the file.
    pub(crate) fn read(&self) -> Result<Connection> {
        self.look().map_err(Error::storage)?;
        self.connect(true)
    }

    /// Never creates the file: an empty one would replace a file that was removed.
    fn connect(&self, reading: bool) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.path()?, flags).map_err(storage)?;
        pragmas(&connection, self.durability, reading)?;
        Ok(connection)
    }

    fn path(&self) -> Result<&Path> {
        match &self.location {
            Location::File(path) => Ok(path),
            Location::Memory => Err(Error::Internal(
                "a database in memory has one connection".into(),
            )),
        }
    }

    /// Checks that the files are the ones that were opened, and whole; returns the reason if not.
    pub(crate) fn look(&self) -> Result<(), String> {
        let Some(watch) = &self.watch else {
            return Ok(());
        };
        let found = match watch.look() {
            watch::FileChange::None => Ok(()),
            watch::FileChange::Other(reason) => Err(reason),
            watch::FileChange::Smaller { database } => self.compare(database),
        };
        let found = found.and_then(|()| self.look_for_copies());
        let found = found.and_then(|()| self.keep_lock());
        if found.is_ok() {
            watch.note();
        }
        *self.looked.lock() = Some((Instant::now(), found.clone()));
        found
    }

    /// As [`Opened::look`], but reuses the result of a moment ago.
    pub(crate) fn look_lately(&self) -> Result<(), String> {
        if let Some((at, found)) = &*self.looked.lock()
            && found.is_ok()
            && at.elapsed() < LOOK
            && self.watch.as_ref().is_none_or(Watch::log_is_kept)
            && self.copied.as_ref().is_none_or(Copied::is_untouched)
        {
            return Ok(());
        }
        self.look()
    }

    /// Checks that only SQLite wrote the database.
    fn look_for_copies(&self) -> Result<(), String> {
        let Some(copied) = &self.copied else {
            return Ok(());
        };
        let found = copied.look(|| self.connect(true));
        self.overwritten.store(
            matches!(found, copied::ForeignWrite::Overwritten),
            Ordering::Release,
        );
        match found {
            copied::ForeignWrite::None => Ok(()),
            copied::ForeignWrite::CopiedBack(now) => {
                self.compare(true).map(|()| copied.accept(now))
            }
            copied::ForeignWrite::Overwritten => {
                let path = self.path().map_err(|error| error.to_string())?.display();
                Err(format!(
                    "`{path}` was written by something other than SQLite, for example by copying a file over it"
                ))
            }
        }
    }

    /// Whether the log must not be copied back, because the database file is not the one that the
    /// log belongs to.
    pub(super) fn is_overwritten(&self) -> bool {
        self.overwritten.load(Ordering::Acquire)
    }

    /// Makes a checkpoint on `connection`, if the log belongs to the database file; true if it
    /// copied the whole log.
    pub(super) fn checkpoint(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let Some(copied) = &self.copied else {
            return wal::checkpoint(connection);
        };
        if self.look_for_copies().is_err() {
            return Ok(false);
        }
        copied.around(connection, || wal::checkpoint(connection))
    }

    /// Checks a database whose files became smaller: a new connection must see all rows and a log
    /// without a hole, and all pages if the database file itself became smaller. If only the log
    /// did, new pages may be in the log alone, so a shorter database file has lost nothing.
    fn compare(&self, database: bool) -> Result<(), String> {
        let path = self.path().map_err(|error| error.to_string())?;
        let whole = |connection: &Connection| -> rusqlite::Result<bool> {
            let number = |name: &str| {
                connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
            };
            // Read before the rows, because a commit in between must not look like a missing one.
            let committed = *self.reached.lock();
            if (self.reach)(connection)?.lacks(committed).is_some() {
                return Ok(false);
            }
            let pages = number("page_count")? * number("page_size")?;
            let bytes = std::fs::metadata(path)
                .map_or(0, |found| i64::try_from(found.len()).unwrap_or(i64::MAX));
            let log_is_cut = wal::is_cut(connection, &beside(path, "-wal"))?;
            Ok(!log_is_cut && (!database || pages <= bytes))
        };
        // Several times, because another program may be writing the files between two checks.
        let is_whole = (0..LOOKS).any(|_| {
            matches!(
                self.connect(true).map(|connection| whole(&connection)),
                Ok(Ok(true))
            )
        });
        if is_whole {
            Ok(())
        } else {
            Err(format!("`{}` or its log was cut short", path.display()))
        }
    }

    /// The newest seq that was committed.
    pub(super) fn newest(&self) -> i64 {
        self.reached.lock().newest
    }

    /// Notes a commit and how far the file reaches with it. With `synchronous=NORMAL` a power cut
    /// may undo a commit, so the mark is then written after the checkpoint.
    pub(super) fn committed(&self, reached: Reach) {
        self.log_written();
        *self.reached.lock() = reached;
        if let Some(copied) = &self.copied {
            copied.committed();
        }
        if self.durability == Durability::Power {
            self.set_mark(reached);
        }
    }

    /// Notes a checkpoint that copied the whole log.
    pub(crate) fn checkpointed(&self) {
        self.log_written();
        let reached = *self.reached.lock();
        self.set_mark(reached);
    }

    /// Notes that this engine may have changed the length of the log.
    pub(crate) fn log_written(&self) {
        if let Some(watch) = &self.watch {
            watch.note_log();
        }
    }

    /// Ends an orderly run, after its last checkpoint, on the writer's connection.
    pub(super) fn end(&self, connection: Option<&Connection>) {
        if let Some(Err(error)) = connection.map(in_use::end) {
            tracing::warn!(%error, "the database still says that it is in use: keep its log and lock file with it");
        }
    }

    fn set_mark(&self, reached: Reach) {
        let lock = self.lock.lock();
        let Some(lock) = &*lock else { return };
        let mut mark = self.mark.lock();
        let next = mark.max(reached);
        if next == *mark {
            return;
        }
        match lock.set_mark(next) {
            Ok(()) => *mark = next,
            // A full disk: the mark stays behind until the next commit.
            Err(error) => tracing::debug!(%error, "the lock file cannot be written"),
        }
    }

    /// Makes the lock file again if it was removed or cut.
    fn keep_lock(&self) -> Result<(), String> {
        let lock = self.lock.lock();
        let Some(lock) = &*lock else { return Ok(()) };
        let mark = *self.mark.lock();
        let identity = self.path().ok().and_then(in_use::identity);
        lock.renew(mark, identity.as_deref())
            .map_err(|error| format!("the lock file is gone and cannot be made anew: {error}"))
    }

    /// Notes damage that a read or the writer met: from now on the engine is not ready.
    pub(crate) fn note_damage(&self, reason: &str) {
        let mut damage = self.damage.lock();
        if damage.is_none() {
            tracing::error!(
                reason,
                "the database is damaged; stop, and restore a backup"
            );
            *damage = Some(reason.to_owned());
        }
    }

    /// The damage that was met since the start.
    pub(crate) fn damage(&self) -> Option<String> {
        self.damage.lock().clone()
    }
}
