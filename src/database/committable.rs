//! What one transaction of the writer produces, and how it is found in the file after a commit of
//! unknown outcome.

use super::row_writer::{After, RowWriter};
use rusqlite::Connection;

/// The result of a transaction, whose presence in the file can be checked.
pub(super) trait Committable<R: RowWriter> {
    fn seal(&mut self, rows: &mut R, transaction: &Connection) -> rusqlite::Result<()>;
    fn is_there(&self, rows: &R, connection: &Connection) -> rusqlite::Result<bool>;
}

/// A group of entries, written.
pub(super) struct Group<B>(pub(super) B);

/// A slice of upkeep, and whether there is more to do. A slice that was lost is repeated.
pub(super) struct Slice(pub(super) bool);

impl<R: RowWriter> Committable<R> for Slice {
    fn seal(&mut self, _: &mut R, _: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn is_there(&self, _: &R, _: &Connection) -> rusqlite::Result<bool> {
        Ok(false)
    }
}

/// The last transaction of a run. If it is lost, the next start finds an unclean end, which is
/// harmless.
pub(super) struct Last(pub(super) ());

impl<R: RowWriter> Committable<R> for Last {
    fn seal(&mut self, _: &mut R, _: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn is_there(&self, _: &R, _: &Connection) -> rusqlite::Result<bool> {
        Ok(false)
    }
}

impl<R: RowWriter> Committable<R> for (R::Batch, After) {
    fn seal(&mut self, rows: &mut R, transaction: &Connection) -> rusqlite::Result<()> {
        rows.seal(transaction, &mut self.0)
    }

    fn is_there(&self, rows: &R, connection: &Connection) -> rusqlite::Result<bool> {
        rows.is_there(connection, &self.0)
    }
}

impl<R: RowWriter> Committable<R> for Group<R::Batch> {
    fn seal(&mut self, rows: &mut R, transaction: &Connection) -> rusqlite::Result<()> {
        rows.seal(transaction, &mut self.0)
    }

    fn is_there(&self, rows: &R, connection: &Connection) -> rusqlite::Result<bool> {
        rows.is_there(connection, &self.0)
    }
}
