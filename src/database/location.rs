//! What is opened, where it lies, and what its commits survive.

use super::reach::Reach;
use rusqlite::Connection;
use std::path::PathBuf;

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
    /// The end of the process, but not a power cut, which may undo acknowledged messages
    /// (`synchronous=NORMAL`).
    Process,
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
