//! Events (§events/poll), three ways to wait for them, and named readers.

use super::{Collaboration, busy};
use crate::error::Result;
use crate::events::{Handed, HighCursor, Reader, Request, Start};
use crate::filter::Filter;
use crate::model::{Cursor, EventBatch, EventQuery, Id, ReaderName};
use crate::services::AsyncResult;
use crate::waiting::{is_parked, park};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Collaboration {
    /// The agent's events after `cursor` that there are now, oldest first: at most 100, or 256 KiB.
    ///
    /// # Errors
    /// `InstanceGone` (§events/gone); `Invalid` for a pattern that cannot be used;
    /// `Unauthorized`; `Closed`; `Storage`.
    pub fn events(&self, cursor: Cursor, query: &EventQuery) -> Result<EventBatch> {
        park(self.wait_events_async(cursor, query.clone(), Duration::ZERO))
    }

    /// As [`Collaboration::events`], on any executor.
    pub fn events_async(&self, cursor: Cursor, query: EventQuery) -> AsyncResult<EventBatch> {
        self.wait_events_async(cursor, query, Duration::ZERO)
    }

    /// As [`Collaboration::events`], but if there are none, it waits for `timeout` of the engine's
    /// time. The batch is empty after that time, and when the token ends or the engine stops.
    ///
    /// # Errors
    /// As [`Collaboration::events`]; `Busy` above the limit of waits per agent, or if the patterns
    /// of queries that wait leave no room for the pattern of this one.
    pub fn wait_events(
        &self,
        cursor: Cursor,
        query: &EventQuery,
        timeout: Duration,
    ) -> Result<EventBatch> {
        park(self.wait_events_async(cursor, query.clone(), timeout))
    }

    /// As [`Collaboration::wait_events`], on any executor. Dropping the future loses nothing.
    pub fn wait_events_async(
        &self,
        cursor: Cursor,
        query: EventQuery,
        timeout: Duration,
    ) -> AsyncResult<EventBatch> {
        let delivered = self.delivered(cursor, query, timeout);
        Box::pin(async move { Ok(delivered.await?.accepted()) })
    }

    /// As [`Collaboration::wait_events_async`], for a caller who confirms the delivery when it has
    /// been written.
    pub(crate) fn delivered(
        &self,
        cursor: Cursor,
        query: EventQuery,
        timeout: Duration,
    ) -> impl Future<Output = Result<Handed>> + Send + use<> {
        // The request is checked at the first poll and dropped before the wait, so that an idle
        // client costs no more than a future that waits.
        let start = match self.high_cursor(&cursor, &query, None) {
            Some(high) => Start::Above(Box::new(high)),
            None => Start::Cursor(cursor),
        };
        let asked = Box::pin(self.clone().ask(start, query, timeout));
        let feed = self.parts.reading.feed.clone();
        async move {
            let ask = asked.await?;
            feed.ask(ask).await
        }
    }

    /// What is remembered of a cursor above the newest id; `None` for any other cursor.
    fn high_cursor(
        &self,
        cursor: &Cursor,
        query: &EventQuery,
        reader: Option<&ReaderName>,
    ) -> Option<HighCursor> {
        let user = || self.principal.label();
        let is_high = self.parts.reading.feed.is_high(cursor);
        is_high.then(|| HighCursor::new(self.cell.key, user(), cursor.last, query, reader))
    }

    /// One request of a client whose position the engine keeps as `name` (`reader=`,
    /// §events/reader). A cursor above 0 first records that position; one of 0 or -1 continues
    /// after the recorded position. A newer request of the name ends this one with an empty batch.
    /// `timeout` is the engine's time.
    ///
    /// # Errors
    /// `Invalid` for what is no name, or a 33rd reader of the agent; `Busy` if the position cannot
    /// be written now (it moves all the same, and is written as soon as it can be); else as
    /// [`Collaboration::wait_events`].
    pub fn poll_reader(
        &self,
        name: impl Id<ReaderName>,
        cursor: Cursor,
        query: &EventQuery,
        timeout: Duration,
    ) -> Result<EventBatch> {
        park(self.poll_reader_async(name, cursor, query.clone(), timeout))
    }

    /// As [`Collaboration::poll_reader`], on any executor. Dropping the future loses nothing.
    pub fn poll_reader_async(
        &self,
        name: impl Id<ReaderName>,
        cursor: Cursor,
        query: EventQuery,
        timeout: Duration,
    ) -> AsyncResult<EventBatch> {
        let delivered = self.reader_delivered(name.into_id(), cursor, query, timeout);
        Box::pin(async move { Ok(delivered.await?.accepted()) })
    }

    /// As [`Collaboration::poll_reader_async`], for a caller who confirms the delivery when it has
    /// been written.
    pub(crate) fn reader_delivered(
        &self,
        name: Result<ReaderName>,
        cursor: Cursor,
        query: EventQuery,
        timeout: Duration,
    ) -> impl Future<Output = Result<Handed>> + Send + use<> {
        let this = self.clone();
        async move {
            let name = name?;
            let high = this.high_cursor(&cursor, &query, Some(&name));
            let mut ask = Box::pin(this.clone().ask(Start::After(0), query, timeout)).await?;
            let (feed, names) = (this.parts.reading.feed.clone(), &this.parts.reading.names);
            let said = match &high {
                Some(_) => None,
                None => Some(feed.resolve(&cursor)?),
            };
            let held = names
                .hold(this.cell.key, &name, feed.window_start(), false)
                .await?;
            let through = || held.acknowledged.through.load(Ordering::Acquire);
            if let Some(high) = high {
                // All that was served to this cursor is acknowledged, as far as the answers were
                // written.
                let served = Box::pin(feed.served(&high, Some(through()))).await;
                names.acknowledge_through(&held, served).await?;
                ask.start = Start::Above(Box::new(high));
            } else {
                if let Some(said) = said.filter(|_| cursor.last.0 > 0) {
                    names.acknowledge_through(&held, said).await?;
                }
                ask.start = Start::After(through());
            }
            ask.superseded = Some(held.superseded.clone());
            feed.ask(ask).await
        }
    }

    /// Opens the reader `name` of this agent. The engine keeps its position in the database. A new
    /// name begins at the window, and an older reader of the name is superseded.
    ///
    /// # Errors
    /// `Invalid` for what is no name, a pattern that cannot be used, or a 33rd reader of the agent; `Unauthorized`;
    /// `Closed`; `Storage`.
    pub fn reader(&self, name: impl Id<ReaderName>, query: EventQuery) -> Result<Reader> {
        park(self.reader_async(name, query))
    }

    /// As [`Collaboration::reader`], on any executor.
    pub fn reader_async(
        &self,
        name: impl Id<ReaderName>,
        query: EventQuery,
    ) -> AsyncResult<Reader> {
        let (this, name) = (self.clone(), name.into_id());
        Box::pin(async move {
            let name = name?;
            this.check()?;
            let filter = this.filter(query).await?;
            let (feed, names) = (
                this.parts.reading.feed.clone(),
                this.parts.reading.names.clone(),
            );
            let held = names
                .hold(this.cell.key, &name, feed.window_start(), false)
                .await?;
            Ok(Reader::new(
                feed,
                names,
                this.cell.key,
                name,
                held,
                filter,
                this.principal,
            ))
        })
    }

    async fn ask(self, start: Start, query: EventQuery, timeout: Duration) -> Result<Box<Request>> {
        // An error and not an empty batch once the engine has stopped: a host that asks again and
        // again would spin.
        self.check()?;
        let filter = Arc::new(self.filter(query).await?);
        let reading = &self.parts.reading;
        if !timeout.is_zero() && reading.hub.waiters_of(self.cell.key) >= reading.waiters_per_agent
        {
            return Err(busy("the agent's event queue"));
        }
        Ok(Box::new(Request {
            agent: self.cell.key,
            start,
            filter,
            patience: Some(timeout),
            ended: self.principal.ended(),
            superseded: None,
        }))
    }

    /// The query, ready to be used. A pattern that is not known takes some 20 ms to compile. Unless
    /// this thread is the caller's own, that is done on another thread, in the agent's turn: on an
    /// executor, 64 patterns held up everybody's calls for a second.
    pub(super) async fn filter(&self, query: EventQuery) -> Result<Filter> {
        let (patterns, agent) = (self.parts.reading.patterns.clone(), self.cell.key);
        if let Some(filter) = patterns.ready(agent, &query)? {
            return Ok(filter);
        }
        if is_parked() {
            return patterns.compile(agent, &query);
        }
        let reads = self.parts.reads.of(agent);
        reads.look(move |_| patterns.compile(agent, &query)).await
    }
}
