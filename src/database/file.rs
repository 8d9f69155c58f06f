//! Opening: whose file is it, which version, is it whole; then pragmas and the schema.
//!
//! A file is looked at read-only first, so that a database of another application, of a newer version, or a damaged
//! one is left exactly as it was (rules, testing and time).

use super::error::storage;
use super::lock::FileLock;
use crate::error::{Error, Result};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `SWBD`: what the header of our files says.
const APPLICATION_ID: i64 = 0x5357_4244;
/// The schema this build writes.
const SCHEMA_VERSION: i64 = 1;
/// The schema itself.
const SCHEMA: &str = include_str!("../../schema.sql");
/// Below this SQLite can corrupt a WAL database when two connections meet at a checkpoint (`limits.md` B3).
const SQLITE_MIN: i32 = 3_051_003;

/// Where the database lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// In a file.
    File(PathBuf),
    /// In memory, gone with the engine.
    Memory,
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// A power cut: every commit is synced (`synchronous=FULL`). The default.
    #[default]
    Power,
    /// The end of the process, but not a power cut (`synchronous=NORMAL`): acknowledged messages can be lost then.
    Process,
}

/// An open database: how further connections are made.
pub(crate) struct Opened {
    location: Location,
    durability: Durability,
    memory: Option<Arc<Mutex<Connection>>>,
    lock: Mutex<Option<FileLock>>,
}

/// Opens or creates the database at `location`.
///
/// # Errors
/// `InUse`, `ForeignDatabase`, `NewerDatabase`, `Corrupt`, `Storage`; the file is untouched by each.
pub(crate) fn open(location: Location, durability: Durability) -> Result<Opened> {
    if rusqlite::version_number() < SQLITE_MIN {
        return Err(Error::Storage(format!("SQLite {} is too old; 3.51.3 or newer is needed", rusqlite::version())));
    }
    match &location {
        Location::Memory => {
            let connection = Connection::open_in_memory().map_err(storage)?;
            create(&connection)?;
            pragmas(&connection, durability, false)?;
            let memory = Some(Arc::new(Mutex::new(connection)));
            Ok(Opened { location, durability, memory, lock: Mutex::new(None) })
        }
        Location::File(path) => {
            let found = examine_header(path)?;
            let lock = FileLock::take(path)?;
            if found == Found::Ours {
                examine(path)?;
            }
            let connection = Connection::open(path).map_err(storage)?;
            pragmas(&connection, durability, false)?;
            if found == Found::Nothing {
                create(&connection)?;
            }
            drop(connection);
            Ok(Opened { location, durability, memory: None, lock: Mutex::new(Some(lock)) })
        }
    }
}

impl Opened {
    /// The one connection of a database in memory.
    pub(crate) fn memory(&self) -> Option<&Arc<Mutex<Connection>>> {
        self.memory.as_ref()
    }

    /// Lets another engine have the file; called once every connection is closed.
    pub(crate) fn unlock(&self) {
        let lock = self.lock.lock().take();
        drop(lock);
    }

    /// A writing connection to the file.
    pub(crate) fn write(&self) -> Result<Connection> {
        let connection = Connection::open(self.path()?).map_err(storage)?;
        pragmas(&connection, self.durability, false)?;
        Ok(connection)
    }

    /// A reading connection to the file.
    pub(crate) fn read(&self) -> Result<Connection> {
        let connection = Connection::open(self.path()?).map_err(storage)?;
        pragmas(&connection, self.durability, true)?;
        Ok(connection)
    }

    fn path(&self) -> Result<&Path> {
        match &self.location {
            Location::File(path) => Ok(path),
            Location::Memory => Err(Error::Internal("a database in memory has one connection".into())),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Ours,
}

/// Looks at the first 100 bytes only, without SQLite: a stranger's file is not even locked.
fn examine_header(path: &Path) -> Result<Found> {
    use std::io::Read;
    let shown = || path.display().to_string();
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(Error::Storage(format!("cannot open `{}`: {error}", shown()))),
    };
    let mut header = Vec::with_capacity(100);
    file.by_ref()
        .take(100)
        .read_to_end(&mut header)
        .map_err(|error| Error::Storage(format!("cannot read `{}`: {error}", shown())))?;
    if header.is_empty() {
        return Ok(Found::Nothing);
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return Err(Error::ForeignDatabase { path: shown(), reason: "it is no SQLite database".into() });
    }
    let application = i64::from(u32::from_be_bytes([header[68], header[69], header[70], header[71]]));
    let version = i64::from(u32::from_be_bytes([header[60], header[61], header[62], header[63]]));
    if application != APPLICATION_ID {
        let reason = format!("its application id is {application:#010x}");
        return Err(Error::ForeignDatabase { path: shown(), reason });
    }
    if version > SCHEMA_VERSION {
        return Err(Error::NewerDatabase { path: shown(), found: version, known: SCHEMA_VERSION });
    }
    Ok(Found::Ours)
}

/// Checks the schema read-only: every table and index of ours must be there as we wrote it.
fn examine(path: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(storage)?;
    let there = schema_of(&connection).map_err(storage)?;
    let wanted = Connection::open_in_memory()
        .and_then(|scratch| {
            scratch.execute_batch(SCHEMA)?;
            schema_of(&scratch)
        })
        .map_err(storage)?;
    for (name, sql) in wanted {
        match there.iter().find(|(found, _)| *found == name) {
            None => return Err(Error::Corrupt(format!("`{}` has no `{name}`", path.display()))),
            Some((_, found)) if *found != sql => {
                return Err(Error::Corrupt(format!("`{name}` in `{}` is not as this version made it", path.display())));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn schema_of(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(
        "SELECT name, sql FROM sqlite_schema
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn create(connection: &Connection) -> Result<()> {
    connection
        .execute_batch(&format!(
            "BEGIN IMMEDIATE;
             {SCHEMA}
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {SCHEMA_VERSION};
             COMMIT;"
        ))
        .map_err(storage)
}

fn pragmas(connection: &Connection, durability: Durability, reading: bool) -> Result<()> {
    let synchronous = match durability {
        Durability::Power => "FULL",
        Durability::Process => "NORMAL",
    };
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA busy_timeout = 5000;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA secure_delete = FAST;
             PRAGMA cache_size = -8000;
             PRAGMA temp_store = MEMORY;
             PRAGMA query_only = {};",
            if reading { "ON" } else { "OFF" }
        ))
        .map_err(storage)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}
