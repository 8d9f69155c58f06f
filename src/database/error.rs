//! What SQLite's errors mean to the engine: try the batch again, or tell the caller.

use crate::error::Error;
use rusqlite::ErrorCode;

/// Whether trying the same transaction again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StorageFault {
    /// The disk is full or failing, or the file is busy: it may pass.
    Passing,
    /// An I/O error: what was committed is known only after reopening.
    Reopen,
    /// The statement itself cannot succeed.
    Lasting,
}

impl StorageFault {
    pub(crate) fn of(error: &rusqlite::Error) -> StorageFault {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OutOfMemory) => {
                StorageFault::Passing
            }
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                StorageFault::Reopen
            }
            _ => StorageFault::Lasting,
        }
    }
}

/// A failed read or change, as the caller sees it.
pub(crate) fn storage(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt(error.to_string()),
        Some(ErrorCode::DiskFull) => Error::Storage("the disk is full".into()),
        _ => Error::Storage(error.to_string()),
    }
}
