//! What the writer needs from its user: how entries become rows, and who is told of a commit.
//!
//! The writer knows neither the journal nor the hub, which are above it.

use super::reach::Reach;
use crate::error::Error;
use rusqlite::Connection;

/// Turns entries into rows.
pub(crate) trait RowWriter: Send + Sized + 'static {
    type Entry: Send + 'static;
    type Batch: Send + 'static;

    /// Bytes that `entry` holds in memory, roughly; never 0, so that the queue is bounded whatever
    /// waits in it.
    fn weight(entry: &Self::Entry) -> usize;
    /// Writes `entries` inside a transaction.
    fn record(
        &mut self,
        transaction: &Connection,
        entries: &[Self::Entry],
    ) -> rusqlite::Result<Self::Batch>;
    /// Makes `batch` recognisable in the file, in case the outcome of its commit is unknown.
    fn seal(&mut self, transaction: &Connection, batch: &mut Self::Batch) -> rusqlite::Result<()>;
    /// How far the file reaches.
    fn reach(connection: &Connection) -> rusqlite::Result<Reach>;
    /// Whether `batch` is in the file, asked after a commit of unknown outcome.
    fn is_there(&self, connection: &Connection, batch: &Self::Batch) -> rusqlite::Result<bool>;
    /// The transaction was rolled back: forgets what it assumed.
    fn rolled_back(&mut self);
    /// Whether it is time for a slice of upkeep.
    fn upkeep_due(&self) -> bool;
    /// One slice of at most some 5 ms of retention, inside a transaction; true if there is more to
    /// do.
    fn upkeep(&mut self, connection: &Connection) -> rusqlite::Result<bool>;
    /// A slice of upkeep was rolled back: forgets what it assumed.
    fn upkeep_failed(&mut self);
    /// The last words before an orderly end.
    fn close(&mut self, connection: &Connection) -> rusqlite::Result<()>;
}

/// Runs after a commit, in order with everything else.
pub(crate) type After = Box<dyn FnOnce() + Send>;

/// Is told of every commit, in order. It must not block for long and must not submit to the writer.
pub(crate) trait Publisher<R: RowWriter>: Send + Sync + 'static {
    /// A batch of entries is committed; `release` gives their bytes back once they are published.
    fn committed(&self, entries: Vec<R::Entry>, batch: R::Batch, release: After);
    /// A change is committed; `after` updates memory and answers the caller.
    fn changed(&self, batch: R::Batch, after: After);
    /// An entry that can never be written.
    fn failed(&self, entry: R::Entry, error: Error);
}
