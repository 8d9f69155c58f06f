//! What SQLite's errors mean to the engine: try the batch again, or tell the caller.

use crate::error::{Cause, Error};
use rusqlite::ErrorCode;
use rusqlite::types::Type;

/// Whether trying the same transaction again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StorageFault {
    /// The disk is full or the file is locked: the fault may pass.
    Passing,
    /// An I/O error: only reopening the file shows what was committed.
    Reopen,
    /// The statement itself cannot succeed.
    Lasting,
}

impl StorageFault {
    pub(crate) fn of(error: &rusqlite::Error) -> StorageFault {
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DiskFull
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory,
            ) => StorageFault::Passing,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied,
            ) => StorageFault::Reopen,
            _ => StorageFault::Lasting,
        }
    }
}

/// Why a read or a change failed: an error of SQLite, or an error that its caller is told as it is.
///
/// `?` makes one of either, so that code inside a transaction uses both; it becomes an [`Error`] in
/// one place.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite failed.
    Sqlite(rusqlite::Error),
    /// The work itself failed.
    Told(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Told(error)
    }
}

impl Failure {
    /// The error that the caller is told.
    ///
    /// Rejected: `From<Failure> for Error`, which makes `?` ambiguous all over the crate.
    pub(crate) fn told(self) -> Error {
        match self {
            Failure::Sqlite(error) => storage(error),
            Failure::Told(error) => error,
        }
    }
}

/// Maps an error of SQLite to the error that the caller gets.
pub(crate) fn storage(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            damage(error.to_string(), error)
        }
        Some(ErrorCode::DiskFull) => failed("the disk is full".into(), error),
        _ if is_a_value(&error) => damage(format!("a stored value cannot be read: {error}"), error),
        _ => failed(error.to_string(), error),
    }
}

fn failed(reason: String, error: rusqlite::Error) -> Error {
    Error::Storage {
        reason,
        source: Some(Cause::new(error)),
    }
}

fn damage(reason: String, error: rusqlite::Error) -> Error {
    Error::Corrupt {
        reason,
        source: Some(Cause::new(error)),
    }
}

/// Maps an error of SQLite during the start; for damage the operator is told the table, which is
/// `table` unless the error names another one.
pub(crate) fn damaged(table: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| match in_table(table)(error) {
        rusqlite::Error::FromSqlConversionFailure(_, _, reason) if reason.is::<Damage>() => {
            Error::corrupt(reason.to_string())
        }
        other => storage(other),
    }
}

/// Adds the name of `table` to an error that shows damage, unless the error names a table already.
pub(crate) fn in_table(table: &'static str) -> impl Fn(rusqlite::Error) -> rusqlite::Error {
    use rusqlite::Error as Failed;
    move |error| {
        let is_corrupt = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        );
        match error {
            Failed::FromSqlConversionFailure(_, _, reason) if reason.is::<Damage>() => {
                Failed::FromSqlConversionFailure(0, Type::Null, reason)
            }
            error if is_corrupt || is_a_value(&error) || error == Failed::QueryReturnedNoRows => {
                Failed::FromSqlConversionFailure(
                    0,
                    Type::Null,
                    Box::new(Damage {
                        table,
                        reason: error.to_string(),
                    }),
                )
            }
            other => other,
        }
    }
}

/// A row that cannot be read, and where it lies.
#[derive(Debug, thiserror::Error)]
#[error("a row of the table {table} cannot be read: {reason}")]
struct Damage {
    table: &'static str,
    reason: String,
}

/// Whether SQLite can read the file, but a value in it is one that this program never writes. Such
/// a row stays, so the engine reports that it is not ready until the next start, which refuses the
/// file; a single error 500 would tell nobody.
fn is_a_value(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as Failed;
    matches!(
        error,
        Failed::FromSqlConversionFailure(..)
            | Failed::IntegralValueOutOfRange(..)
            | Failed::InvalidColumnType(..)
            | Failed::Utf8Error(..)
    )
}
