//! Opening a shared reader: whoever opens it again on the same terms draws from the same.

use super::Collaboration;
use crate::error::Result;
use crate::events::{Opening, Shared, SharedReader, Terms};
use crate::journal::{EntryKind, deliveries};
use crate::model::{EventQuery, Id, ReaderName};
use crate::services::AsyncResult;
use crate::waiting::park;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Collaboration {
    /// Opens the reader `name` of this agent, from which several workers draw, on the usual
    /// [terms](Terms::new). A new name begins at the window. A name is of one kind: one that a
    /// [`Reader`](crate::Reader) has cannot be shared.
    ///
    /// Opening it again with an equal query and equal terms gives the same reader, so each worker
    /// may open it for itself; otherwise the older one is superseded.
    ///
    /// # Errors
    /// `Invalid` for what is no name, a name of the other kind, a pattern that cannot be used, or a
    /// 33rd reader of the agent; `Unauthorized`; `Closed`; `Busy`; `Storage`.
    pub fn shared_reader(
        &self,
        name: impl Id<ReaderName>,
        query: EventQuery,
    ) -> Result<SharedReader> {
        park(self.shared_reader_async(name, query))
    }

    /// As [`Collaboration::shared_reader`], on any executor.
    pub fn shared_reader_async(
        &self,
        name: impl Id<ReaderName>,
        query: EventQuery,
    ) -> AsyncResult<SharedReader> {
        self.shared_reader_on_async(name, query, Terms::new())
    }

    /// As [`Collaboration::shared_reader`], on those terms.
    ///
    /// # Errors
    /// As [`Collaboration::shared_reader`].
    pub fn shared_reader_on(
        &self,
        name: impl Id<ReaderName>,
        query: EventQuery,
        terms: Terms,
    ) -> Result<SharedReader> {
        park(self.shared_reader_on_async(name, query, terms))
    }

    /// As [`Collaboration::shared_reader_on`], on any executor.
    pub fn shared_reader_on_async(
        &self,
        name: impl Id<ReaderName>,
        query: EventQuery,
        terms: Terms,
    ) -> AsyncResult<SharedReader> {
        let (this, name) = (self.clone(), name.into_id());
        Box::pin(async move {
            let name = name?;
            let shared = this.shared(name, query, terms).await?;
            Ok(SharedReader::new(shared))
        })
    }

    async fn shared(
        &self,
        name: ReaderName,
        query: EventQuery,
        terms: Terms,
    ) -> Result<Arc<Shared>> {
        self.check()?;
        let filter = Arc::new(self.filter(query.clone()).await?);
        let (reading, agent) = (&self.parts.reading, self.cell.key);
        let _one_at_a_time = reading.shares.opening.lock().await;
        if let Some(open) = reading.shares.find_for(agent, &name, &query)
            && open.is_like(terms, &self.principal)
        {
            return Ok(open);
        }
        let (feed, names) = (reading.feed.clone(), reading.names.clone());
        let held = names.hold(agent, &name, feed.window_start(), true).await?;
        let entries = self.parts.sending.entries.clone();
        // What an earlier holder has said is in the file then.
        entries.write_through(EntryKind::Flush).await?;
        let wanted = name.clone();
        let rows = self.parts.reads.of(agent);
        let rows = rows
            .read(move |connection| deliveries::open(connection, agent, &wanted))
            .await?;
        let place = held.acknowledged.through.load(Ordering::Acquire);
        let opening = Opening {
            feed,
            names,
            entries,
            agent,
            name: name.clone(),
            held,
            filter,
            principal: self.principal.clone(),
            terms,
            durable: true,
        };
        let shared = Shared::new(opening, place, rows);
        reading.shares.note(agent, name, query, &shared);
        Ok(shared)
    }
}
