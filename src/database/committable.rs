//! What one transaction of the writer makes, and how it is recognised in the file after a commit of unknown outcome.

use super::recording::{After, Recorder};
use rusqlite::Connection;

/// What an attempt makes: something whose presence in the file can be asked for.
pub(super) trait Committable<R: Recorder> {
    fn seal(&mut self, recorder: &mut R, transaction: &Connection) -> rusqlite::Result<()>;
    fn is_there(&self, recorder: &R, connection: &Connection) -> rusqlite::Result<bool>;
}

/// A group of entries, written.
pub(super) struct Group<B>(pub(super) B);

/// A slice of upkeep, and whether there is more to do. One that was lost is done again.
pub(super) struct Slice(pub(super) bool);

impl<R: Recorder> Committable<R> for Slice {
    fn seal(&mut self, _: &mut R, _: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn is_there(&self, _: &R, _: &Connection) -> rusqlite::Result<bool> {
        Ok(false)
    }
}

/// The last transaction of a run. One that was lost leaves an end that was not orderly, which the next start can bear.
pub(super) struct Last(pub(super) ());

impl<R: Recorder> Committable<R> for Last {
    fn seal(&mut self, _: &mut R, _: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn is_there(&self, _: &R, _: &Connection) -> rusqlite::Result<bool> {
        Ok(false)
    }
}

impl<R: Recorder> Committable<R> for (R::Batch, After) {
    fn seal(&mut self, recorder: &mut R, transaction: &Connection) -> rusqlite::Result<()> {
        recorder.seal(transaction, &mut self.0)
    }

    fn is_there(&self, recorder: &R, connection: &Connection) -> rusqlite::Result<bool> {
        recorder.is_there(connection, &self.0)
    }
}

impl<R: Recorder> Committable<R> for Group<R::Batch> {
    fn seal(&mut self, recorder: &mut R, transaction: &Connection) -> rusqlite::Result<()> {
        recorder.seal(transaction, &mut self.0)
    }

    fn is_there(&self, recorder: &R, connection: &Connection) -> rusqlite::Result<bool> {
        recorder.is_there(connection, &self.0)
    }
}
