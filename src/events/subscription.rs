//! Everything that happens to all agents, for the host: read from the ring while the subscriber
//! keeps up, and from the journal when it does not.

use super::feed::Feed;
use crate::error::{Error, Result};
use crate::hub::{Ring, RingRead};
use crate::journal;
use crate::model::{Broadcast, Record, Seq};
use crate::waiting::{from_now, park, park_until};
use futures_core::Stream;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Items taken at once.
const AT_ONCE: usize = 64;

/// A cursor over everything that happens.
///
/// A subscriber that falls behind is served from the journal: it misses no message, metadata or
/// channel state. It misses only what the journal does not hold ([`Broadcast::AgentState`],
/// [`Broadcast::Composing`]).
pub struct Subscription {
    feed: Arc<Feed>,
    ring: Arc<Ring>,
    slot: usize,
    cursor: u64,
    /// The last journaled item given.
    last: Seq,
    ready: VecDeque<(Seq, Arc<Broadcast>)>,
    /// Whether it reads from the journal, until it reaches the ring again.
    behind: bool,
}

impl Subscription {
    pub(crate) fn new(feed: Arc<Feed>, ring: Arc<Ring>) -> Subscription {
        let (slot, cursor) = ring.subscribe();
        let last = feed.hub.head();
        Subscription {
            feed,
            ring,
            slot,
            cursor,
            last,
            ready: VecDeque::new(),
            behind: false,
        }
    }

    /// The next item, if there is one now.
    pub fn try_next(&mut self) -> Option<Arc<Broadcast>> {
        if self.ready.is_empty() && !self.behind {
            match self.ring.read(&mut self.cursor, AT_ONCE) {
                RingRead::Items(items) => self.ready.extend(items),
                RingRead::Lagged => self.behind = true,
                RingRead::Empty | RingRead::Closed => {}
            }
        }
        if self.ready.is_empty() && self.behind {
            self.catch_up_now();
        }
        self.pop()
    }

    /// Waits for the next item, for ever; `None` once the engine is shut down.
    ///
    /// # Errors
    /// [`Error::Storage`] if the journal cannot be read; [`Error::WouldDeadlock`] on one of the
    /// engine's own threads.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator that is a stream too makes `.map` ambiguous; `iter` is one"
    )]
    pub fn next(&mut self) -> Result<Option<Arc<Broadcast>>> {
        park(self.next_async())
    }

    /// Waits for the next item for `timeout`; `None` if there was none. On a clock moved by hand
    /// it also ends after as much real time.
    ///
    /// # Errors
    /// [`Error::Closed`] once the engine is shut down and everything was returned;
    /// [`Error::WouldDeadlock`] on one of the engine's own threads; [`Error::Storage`] if the
    /// journal cannot be read.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Arc<Broadcast>>> {
        let timer = self.feed.hub.timer().clone();
        let late = || Error::TimedOut(String::new());
        let waited = timer.within(timeout, self.next_async(), late);
        match park_until(waited, from_now(timeout)) {
            Err(Error::TimedOut(_)) => Ok(None),
            // `None` says that time passed: a host that calls again and again would spin.
            Ok(None) => Err(Error::Closed),
            answer => answer,
        }
    }

    /// Waits for the next item on any executor; `None` once the engine is shut down. Dropping the
    /// future loses nothing.
    ///
    /// # Errors
    /// [`Error::Storage`] if the journal cannot be read.
    pub async fn next_async(&mut self) -> Result<Option<Arc<Broadcast>>> {
        loop {
            if let Some(item) = self.pop() {
                return Ok(Some(item));
            }
            if self.behind {
                let after = self.last;
                let read = self
                    .feed
                    .reads
                    .read(move |connection| journal::everything_after(connection, after, AT_ONCE));
                let (records, more) = read.await?;
                self.caught_up(&records, more);
                continue;
            }
            match self.ring.read(&mut self.cursor, AT_ONCE) {
                RingRead::Items(items) => self.ready.extend(items),
                RingRead::Lagged => self.behind = true,
                RingRead::Closed => return Ok(None),
                RingRead::Empty => self.ring.wait(self.slot, self.cursor).await,
            }
        }
    }

    /// The items, each waited for with [`Subscription::next`]; an error is the last of them.
    pub fn iter(&mut self) -> impl Iterator<Item = Result<Arc<Broadcast>>> {
        until_error(|| self.next())
    }

    /// The items as a stream, which ends when the engine is shut down, or after an error.
    pub fn stream(self) -> impl Stream<Item = Result<Arc<Broadcast>>> + Send {
        futures_util::stream::unfold(Some(self), |subscription| async {
            let mut subscription = subscription?;
            match subscription.next_async().await {
                Ok(Some(item)) => Some((Ok(item), Some(subscription))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    fn catch_up_now(&mut self) {
        let after = self.last;
        let read = self
            .feed
            .reads
            .now(|connection| journal::everything_after(connection, after, AT_ONCE));
        match read {
            Ok((records, more)) => self.caught_up(&records, more),
            Err(error) => {
                tracing::warn!(%error, "a subscriber that fell behind cannot read the journal")
            }
        }
    }

    fn caught_up(&mut self, records: &[Arc<Record>], more: bool) {
        for record in records {
            self.ready.extend(
                self.feed
                    .hub
                    .broadcast(record)
                    .map(|item| (record.seq, Arc::new(item))),
            );
        }
        let reached = records.last().map_or(self.last, |last| last.seq);
        let oldest = self.ring.oldest_seq();
        // `more` says it, not the number of rows: a page that was cut by its bytes has few.
        if !more || oldest.is_some_and(|oldest| reached >= oldest) {
            self.cursor = self.ring.resume_after(reached);
            self.behind = false;
        }
        if records.is_empty() {
            self.behind = false;
        }
    }

    fn pop(&mut self) -> Option<Arc<Broadcast>> {
        while let Some((seq, item)) = self.ready.pop_front() {
            if seq == 0 {
                return Some(item);
            }
            if seq > self.last {
                self.last = seq;
                return Some(item);
            }
        }
        None
    }
}

/// What `next` gives, until there is no more, or to its first error.
pub(super) fn until_error<T>(
    mut next: impl FnMut() -> Result<Option<T>>,
) -> impl Iterator<Item = Result<T>> {
    let mut failed = false;
    std::iter::from_fn(move || {
        let item = if failed { None } else { next().transpose() };
        failed = matches!(item, Some(Err(_)));
        item
    })
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.ring.unsubscribe(self.slot);
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
