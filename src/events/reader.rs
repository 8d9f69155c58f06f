//! A named reader: the engine stores how far it has come, so that it continues there after a
//! restart.

use super::feed::{Feed, Request, Start};
use super::named::{Held, Names};
use super::shared::{Delivery, Opening, Shared, SharedReader, Terms};
use super::subscription::until_error;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::hub::event_id;
use crate::model::{AgentKey, Event, EventBody, Principal, ReaderName, Seq};
use crate::waiting::{Busy, hold, let_go, park};
use futures_core::Stream;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A reader whose position the engine stores in the database, under its agent and its name.
///
/// Asking for the next event acknowledges the one before (written within 50 ms;
/// [`Reader::acknowledge`] waits for it), so a crash repeats only the last few events, which
/// [`NewMessage::answering`](crate::NewMessage::answering) makes harmless. A reader with a new name
/// starts at the window. When a second reader of the name is opened, the first one gets
/// [`Error::Superseded`].
pub struct Reader {
    feed: Arc<Feed>,
    names: Arc<Names>,
    agent: AgentKey,
    name: ReaderName,
    held: Held,
    filter: Arc<Filter>,
    /// The seq up to which the journal was looked at.
    scanned: Seq,
    ready: VecDeque<Event>,
    /// The event given last, not yet acknowledged.
    given: Option<Seq>,
    principal: Principal,
    /// Counts an async reader as busy until it asks again.
    busy: Option<Busy>,
    /// Whether the engine is shut down or the agent deleted.
    over: bool,
    /// What is given out and not settled, once [`Reader::next_delivery`] was used.
    open: Option<Arc<Shared>>,
    /// The delivery that [`Reader::next`] gave last.
    kept: Option<Delivery>,
}

impl Reader {
    pub(crate) fn new(
        feed: Arc<Feed>,
        names: Arc<Names>,
        agent: AgentKey,
        name: ReaderName,
        held: Held,
        filter: Filter,
        principal: Principal,
    ) -> Reader {
        let scanned = held.acknowledged.through.load(Ordering::Acquire);
        Reader {
            feed,
            names,
            agent,
            name,
            held,
            filter: Arc::new(filter),
            scanned,
            ready: VecDeque::new(),
            given: None,
            principal,
            busy: None,
            over: false,
            open: None,
            kept: None,
        }
    }

    /// Waits for the next event, for ever; acknowledges the one before. `None` once the engine is
    /// shut down or the agent deleted.
    ///
    /// # Errors
    /// [`Error::Superseded`] if a newer reader of this name took over, [`Error::Unauthorized`] if
    /// the token that the reader was opened with has ended, [`Error::WouldDeadlock`] on one of the
    /// engine's own threads.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator that is a stream too makes `.map` ambiguous; `iter` is one"
    )]
    pub fn next(&mut self) -> Result<Option<Event>> {
        self.wait(None)
    }

    /// As [`Reader::next`], but returns `None` after `timeout` (the engine's clock), and only then.
    ///
    /// # Errors
    /// As [`Reader::next`]; [`Error::Closed`] once the engine is shut down, [`Error::Unauthorized`]
    /// once the agent is deleted: a host that asks again and again would spin on `None`.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Event>> {
        let event = self.wait(Some(timeout))?;
        self.unless_over(event)
    }

    fn wait(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        let activity = self.feed.activity.clone();
        // From here on this thread counts as busy, except while it is parked.
        hold(&activity);
        let event = park(self.pull(timeout));
        self.busy = None;
        if !matches!(event, Ok(Some(_))) {
            let_go();
        }
        event
    }

    /// As [`Reader::next`], on any executor. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub async fn next_async(&mut self) -> Result<Option<Event>> {
        self.pull(None).await
    }

    /// As [`Reader::next_timeout`], on any executor. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`Reader::next_timeout`].
    pub async fn next_timeout_async(&mut self, timeout: Duration) -> Result<Option<Event>> {
        let event = self.pull(Some(timeout)).await?;
        self.unless_over(event)
    }

    /// Waits for the next event, for ever, and does not acknowledge the one before: each delivery is
    /// acknowledged or given back by itself, in any order, on any thread. At most 1,024 are open at
    /// a time; then this waits for one of them. `None` as [`Reader::next`].
    ///
    /// Attempts are counted in memory, and nothing ends a delivery but its worker. For workers of
    /// which each may crash the host, see [`SharedReader`](crate::SharedReader).
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn next_delivery(&mut self) -> Result<Option<Delivery>> {
        self.deliveries().next_delivery()
    }

    /// As [`Reader::next_delivery`], but returns `None` after `timeout` (the engine's clock), and
    /// only then.
    ///
    /// # Errors
    /// As [`Reader::next_timeout`].
    pub fn next_delivery_timeout(&mut self, timeout: Duration) -> Result<Option<Delivery>> {
        self.deliveries().next_delivery_timeout(timeout)
    }

    /// As [`Reader::next_delivery`], on any executor. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub async fn next_delivery_async(&mut self) -> Result<Option<Delivery>> {
        self.deliveries().next_delivery_async().await
    }

    /// As [`Reader::next_delivery_timeout`], on any executor. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`Reader::next_timeout`].
    pub async fn next_delivery_timeout_async(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<Delivery>> {
        self.deliveries().next_delivery_timeout_async(timeout).await
    }

    /// From here on the events lie open; what was given before is acknowledged.
    fn deliveries(&mut self) -> SharedReader {
        let given = self.given.take();
        if let Some(seq) = given {
            self.names.acknowledge(&self.held, seq);
        }
        if let Some(kept) = self.kept.take() {
            kept.ack();
        }
        let (scanned, ready) = (self.scanned, &mut self.ready);
        let open = self.open.get_or_insert_with(|| {
            let opening = Opening {
                feed: self.feed.clone(),
                names: self.names.clone(),
                entries: self.names.entries(),
                agent: self.agent,
                name: self.name.clone(),
                held: self.held.clone(),
                filter: self.filter.clone(),
                principal: self.principal.clone(),
                terms: Terms::ALONE,
                durable: false,
            };
            let place = self.held.acknowledged.through.load(Ordering::Acquire);
            let shared = Shared::new(opening, place, Vec::new());
            shared.take(ready.drain(..).collect(), scanned);
            shared
        });
        SharedReader::new(open.clone())
    }

    fn unless_over(&self, event: Option<Event>) -> Result<Option<Event>> {
        match event {
            None if self.held.gone.load(Ordering::Acquire) => {
                Err(Error::Unauthorized("the agent was deleted".into()))
            }
            None if self.over => Err(Error::Closed),
            event => Ok(event),
        }
    }

    /// The events, each waited for with [`Reader::next`]; an error is the last of them.
    pub fn iter(&mut self) -> impl Iterator<Item = Result<Event>> {
        until_error(|| self.next())
    }

    /// The events as a stream, which ends when the engine is shut down, the agent deleted, or after
    /// an error.
    pub fn stream(self) -> impl Stream<Item = Result<Event>> + Send {
        futures_util::stream::unfold(Some(self), |reader| async {
            let mut reader = reader?;
            match reader.next_async().await {
                Ok(Some(event)) => Some((Ok(event), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// Acknowledges the event given last and waits until that is durable.
    ///
    /// # Errors
    /// [`Error::Busy`] if the disk takes nothing now: the acknowledgement is written as soon as it
    /// can be. [`Error::Closed`] if the engine is shut down; [`Error::WouldDeadlock`] on one of its
    /// own threads.
    pub fn acknowledge(&mut self) -> Result<()> {
        match self.done_so_far() {
            Some(seq) => park(self.names.acknowledge_through(&self.held, seq)),
            None => Ok(()),
        }
    }

    /// As [`Reader::acknowledge`], on any executor.
    ///
    /// # Errors
    /// As [`Reader::acknowledge`].
    pub async fn acknowledge_async(&mut self) -> Result<()> {
        match self.done_so_far() {
            Some(seq) => self.names.acknowledge_through(&self.held, seq).await,
            None => Ok(()),
        }
    }

    /// Up to where everything is done, if the event given last counts as done.
    fn done_so_far(&mut self) -> Option<Seq> {
        let Some(open) = &self.open else {
            return self.given.take();
        };
        if let Some(kept) = self.kept.take() {
            kept.ack();
        }
        Some(open.place())
    }

    async fn pull(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        if self.open.is_some() {
            let next = self.deliveries().0.next(timeout).await?;
            self.over = self.open.as_ref().is_some_and(|open| open.is_over());
            self.kept = next;
            return Ok(self.kept.as_ref().map(|kept| kept.event.clone()));
        }
        if let Some(seq) = self.given.take() {
            self.names.acknowledge(&self.held, seq);
        }
        self.check()?;
        if self.held.gone.load(Ordering::Acquire) {
            self.ready.clear();
            return Ok(None);
        }
        if self.ready.is_empty() {
            self.busy = None;
            let request = Request {
                agent: self.agent,
                start: Start::After(self.scanned),
                filter: self.filter.clone(),
                patience: timeout,
                ended: self.principal.ended(),
                superseded: Some(self.held.superseded.clone()),
            };
            let delivery = self.feed.clone().ask(Box::new(request)).await?;
            if delivery.batch.gap {
                self.ready.push_back(self.gap());
            }
            self.ready.extend(delivery.batch.events);
            self.scanned = delivery.scanned;
            self.busy = delivery.busy;
            if delivery.over && self.ready.is_empty() {
                self.over = true;
                return Ok(None);
            }
            self.check()?;
            if self.ready.is_empty() {
                // No event passed the filter: the position moves, so that a restart does not look
                // again.
                self.names.acknowledge(&self.held, self.scanned);
            }
        }
        let event = self.ready.pop_front();
        self.given = event.as_ref().map(|event| event.seq).filter(|seq| *seq > 0);
        Ok(event)
    }

    fn check(&self) -> Result<()> {
        if self.held.superseded.load(Ordering::Acquire) {
            return Err(Error::Superseded(self.name.to_string()));
        }
        self.principal.check()
    }

    /// An event that stands for those that retention dropped before this reader came to them.
    fn gap(&self) -> Event {
        let (instance, base, _) = self.feed.hub.instance();
        Event::new(
            0,
            event_id(self.scanned, base),
            instance,
            self.feed.clock.wall(),
            EventBody::Gap,
        )
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let_go();
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
