//! One change of the control plane: a transaction of its own, between two groups of entries.

use super::entry::Batch;
use super::recording::Journal;
use crate::database::After;
use crate::model::{AgentKey, ChannelId};
use rusqlite::Connection;

/// The transaction of one change, and what follows once it is committed.
pub(crate) struct Transaction<'a> {
    journal: &'a mut Journal,
    connection: &'a Connection,
    batch: Batch,
    after: After,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(journal: &'a mut Journal, connection: &'a Connection) -> Transaction<'a> {
        let batch = journal.begin();
        Transaction {
            journal,
            connection,
            batch,
            after: Box::new(|| {}),
        }
    }

    /// What the writer publishes and runs after the commit.
    pub(super) fn end(self) -> (Batch, After) {
        (self.batch, self.after)
    }

    /// The writer's connection, inside the transaction.
    pub(crate) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// The time of the commit, in milliseconds since 1970.
    pub(crate) fn time(&self) -> i64 {
        self.batch.committed
    }

    /// Numbers the change as one of an administrator.
    pub(crate) fn next_revision(&mut self) -> rusqlite::Result<u64> {
        self.journal.next_revision(self.connection, &mut self.batch)
    }

    /// Writes the event of a metadata change.
    pub(crate) fn metadata_changed(
        &mut self,
        agent: AgentKey,
        key: &str,
        value: Option<&str>,
    ) -> rusqlite::Result<()> {
        self.journal
            .metadata_changed(self.connection, &mut self.batch, agent, key, value)
    }

    /// Ends an agent's stay in a channel that it no longer may use, with the event if the stay was
    /// announced.
    pub(crate) fn channel_removed(
        &mut self,
        agent: AgentKey,
        channel: &ChannelId,
        announced: bool,
    ) -> rusqlite::Result<()> {
        self.journal
            .channel_removed(self.connection, &mut self.batch, agent, channel, announced)
    }

    /// Has `after` run once the change is committed, before its caller is answered.
    pub(crate) fn after(&mut self, after: impl FnOnce() + Send + 'static) {
        self.after = Box::new(after);
    }
}
