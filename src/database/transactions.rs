//! The writer's transactions: a running engine writes the database only through these.
//!
//! After an I/O error the outcome of a commit is unknown: the file is reopened, and the result of
//! the transaction is looked for in it.

use super::committable::Committable;
use super::error::{StorageFault, storage};
use super::file::Opened;
use super::reach::Reach;
use super::row_writer::RowWriter;
use crate::error::Error;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// When a caller that a full or locked disk refused may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The writing connection, and what turns entries into rows on it.
pub(super) struct Transactions<R: RowWriter> {
    /// None for a database in memory, whose only connection is borrowed for each transaction.
    /// Declared above `opened`, because it must be closed before the file is released.
    connection: Option<Connection>,
    opened: Arc<Opened>,
    rows: R,
    /// Whether the last commit succeeded, and the files are still the ones that were opened.
    writable: Arc<AtomicBool>,
}

/// How an attempt ended.
pub(super) enum Attempt<B> {
    Committed(B),
    Failed(StorageFault, Error),
}

impl<R: RowWriter> Transactions<R> {
    /// # Errors
    /// `Storage` if the file cannot be opened for writing.
    pub(super) fn open(opened: Arc<Opened>, rows: R) -> crate::error::Result<Transactions<R>> {
        let connection = match opened.memory() {
            Some(_) => None,
            None => Some(opened.writer()?),
        };
        Ok(Transactions {
            connection,
            opened,
            rows,
            writable: Arc::new(AtomicBool::new(true)),
        })
    }

    /// The connection to the file; none for a database in memory.
    pub(super) fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    pub(super) fn opened(&self) -> &Opened {
        &self.opened
    }

    pub(super) fn rows(&self) -> &R {
        &self.rows
    }

    /// A slice of upkeep was rolled back: what it assumed is forgotten.
    pub(super) fn upkeep_failed(&mut self) {
        self.rows.upkeep_failed();
    }

    /// Shared with the handle on the writer.
    pub(super) fn writable(&self) -> &Arc<AtomicBool> {
        &self.writable
    }

    /// Notes that what is written succeeds.
    pub(super) fn succeeds(&self) {
        self.writable.store(true, Ordering::Release);
    }

    /// Notes that what is written fails; true if it succeeded before.
    pub(super) fn fails(&self) -> bool {
        self.writable.swap(false, Ordering::AcqRel)
    }

    /// Says once that the files are not the ones that were opened.
    pub(super) fn not_ours(&self, reason: &str) {
        if self.fails() {
            tracing::error!(
                reason,
                "the database is not the one that was opened; nothing more is written to it"
            );
        }
    }

    /// Runs `body` in one transaction and commits it, if the files are still the ones that were
    /// opened.
    pub(super) fn attempt<T: Committable<R>>(
        &mut self,
        body: impl FnOnce(&mut R, &Connection) -> rusqlite::Result<T>,
    ) -> Attempt<T> {
        if let Err(reason) = self.opened.look_lately() {
            self.not_ours(&reason);
            return Attempt::Failed(StorageFault::Passing, Error::storage(reason));
        }
        self.commit(body)
    }

    /// Runs `body` in one transaction and commits it: every write goes through here.
    pub(super) fn commit<T: Committable<R>>(
        &mut self,
        body: impl FnOnce(&mut R, &Connection) -> rusqlite::Result<T>,
    ) -> Attempt<T> {
        let (mut made, mut reached) = (None, Reach::default());
        let opened = self.opened.clone();
        let result = self.with(|rows, connection| {
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            let mut value = catch_unwind(AssertUnwindSafe(|| body(rows, connection)))
                .unwrap_or_else(|panic| Err(panicked(&*panic)))?;
            value.seal(rows, connection)?;
            reached = R::reach(connection)?;
            let newest = opened.newest();
            if reached.newest < newest {
                Reach::keep_newest(connection, newest)?;
                reached.newest = newest;
            }
            made = Some(value);
            connection.prepare_cached("COMMIT")?.execute([]).map(drop)
        });
        let Err(error) = result else {
            self.opened.committed(reached);
            let nothing = || Error::Internal("a transaction made nothing".into());
            return made.map_or_else(
                || Attempt::Failed(StorageFault::Lasting, nothing()),
                Attempt::Committed,
            );
        };
        let fault = StorageFault::of(&error);
        let rolled = self.with(|_, connection| {
            if connection.is_autocommit() {
                Ok(())
            } else {
                connection.execute_batch("ROLLBACK")
            }
        });
        if let Some(value) = made
            && (fault == StorageFault::Reopen || rolled.is_err())
            && self.reopen()
        {
            let there = self.with(|rows, connection| value.is_there(rows, connection));
            if there == Ok(true) {
                self.opened.committed(reached);
                return Attempt::Committed(value);
            }
        }
        self.rows.rolled_back();
        let error = match storage(error) {
            // A full or locked disk may recover, so the caller is told to try again.
            Error::Storage { reason, .. } if fault == StorageFault::Passing => Error::Busy {
                what: format!("the database ({reason})"),
                retry_after: RETRY_AFTER,
            },
            other => other,
        };
        if let Error::Corrupt { reason, .. } = &error {
            self.opened.note_damage(reason);
        }
        Attempt::Failed(fault, error)
    }

    fn reopen(&mut self) -> bool {
        if self.connection.is_none() {
            return true;
        }
        match self.opened.write() {
            Ok(connection) => {
                self.connection = Some(connection);
                true
            }
            Err(error) => {
                tracing::error!(%error, "the database cannot be reopened");
                false
            }
        }
    }

    /// Runs `body` on the connection, outside a transaction of ours.
    pub(super) fn with<T>(
        &mut self,
        body: impl FnOnce(&mut R, &Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        match (&self.connection, self.opened.memory()) {
            (Some(connection), _) => body(&mut self.rows, connection),
            (None, Some(memory)) => body(&mut self.rows, &memory.lock()),
            (None, None) => Err(rusqlite::Error::InvalidQuery),
        }
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> rusqlite::Error {
    let text = crate::waiting::panic_text(panic);
    tracing::error!(text, "a transaction panicked");
    rusqlite::Error::ToSqlConversionFailure(format!("a transaction panicked: {text}").into())
}
