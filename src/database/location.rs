//! What is opened, where it lies, and what its commits survive.

use super::beside::beside;
use super::reach::Reach;
use rusqlite::Connection;
use serde::Deserialize;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the database lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// In a file.
    File(PathBuf),
    /// In memory, gone with the engine.
    Memory,
}

impl Location {
    /// Returns the database's file and the files that SQLite and the engine keep beside it, with
    /// all links followed; none in memory.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let Location::File(path) = self else {
            return Vec::new();
        };
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        let ends = ["", "-wal", "-shm", "-lock", "-journal"];
        ends.map(|end| beside(&path, end)).into()
    }
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Durability {
    /// A power cut: every commit is synced (`synchronous=FULL`). The default.
    #[default]
    Power,
    /// The end of the process, but not a power cut, which may undo acknowledged messages
    /// (`synchronous=NORMAL`).
    Process,
}

/// `power` or `process`, as a configuration spells it; the error says so.
impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Durability, String> {
        match text {
            "power" => Ok(Durability::Power),
            "process" => Ok(Durability::Process),
            _ => Err("power or process".to_owned()),
        }
    }
}

/// What is opened, and how.
pub(crate) struct Wanted {
    pub(crate) location: Location,
    pub(crate) durability: Durability,
    /// Whether to start although committed rows are missing.
    pub(crate) accept_loss: bool,
    /// Tells how far a database reaches; the journal knows what to count.
    pub(crate) reach: fn(&Connection) -> rusqlite::Result<Reach>,
}
