//! A shared reader, as its workers see it.

use super::super::subscription::until_error;
use super::{Delivery, Shared};
use crate::error::{Error, Result};
use crate::waiting::{Activity, hold, let_go, park};
use futures_core::Stream;
use std::sync::Arc;
use std::time::Duration;

/// A named reader from which several workers draw; its clones are one reader.
///
/// Each event is leased to one worker until it is [acknowledged](Delivery::ack). It comes again
/// when it is given back, dropped, or when its lease ends, also after a crash. The attempts are
/// counted durably before the event is handed out; after the last one the event is dead: a copy is
/// kept and [listed](crate::Provisioning::dead_deliveries). At most 1,024 events are open at a time.
#[derive(Clone)]
pub struct SharedReader(pub(in crate::events) Arc<Shared>);

impl SharedReader {
    pub(crate) fn new(shared: Arc<Shared>) -> SharedReader {
        SharedReader(shared)
    }

    /// Waits for the next event, for ever. `None` once the engine is shut down or the agent
    /// deleted.
    ///
    /// # Errors
    /// [`Error::Superseded`] if the name was opened on other terms or deleted;
    /// [`Error::Unauthorized`] if the token that the reader was opened with has ended;
    /// [`Error::Busy`] if the disk takes nothing now; [`Error::WouldDeadlock`] on one of the
    /// engine's own threads.
    pub fn next_delivery(&self) -> Result<Option<Delivery>> {
        self.wait(None)
    }

    /// As [`SharedReader::next_delivery`], but returns `None` after `timeout` (the engine's clock),
    /// and only then.
    ///
    /// # Errors
    /// As [`SharedReader::next_delivery`]; [`Error::Closed`] once the engine is shut down,
    /// [`Error::Unauthorized`] once the agent is deleted.
    pub fn next_delivery_timeout(&self, timeout: Duration) -> Result<Option<Delivery>> {
        let delivery = self.wait(Some(timeout))?;
        self.unless_over(delivery)
    }

    /// As [`SharedReader::next_delivery`], on any executor. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`SharedReader::next_delivery`].
    pub async fn next_delivery_async(&self) -> Result<Option<Delivery>> {
        self.0.next(None).await
    }

    /// As [`SharedReader::next_delivery_timeout`], on any executor.
    ///
    /// # Errors
    /// As [`SharedReader::next_delivery_timeout`].
    pub async fn next_delivery_timeout_async(&self, timeout: Duration) -> Result<Option<Delivery>> {
        let delivery = self.0.next(Some(timeout)).await?;
        self.unless_over(delivery)
    }

    /// The events, each waited for with [`SharedReader::next_delivery`]; an error is the last of
    /// them.
    pub fn iter(&self) -> impl Iterator<Item = Result<Delivery>> {
        until_error(|| self.next_delivery())
    }

    /// The events as a stream, which ends when the engine is shut down, the agent deleted, or after
    /// an error.
    pub fn stream(&self) -> impl Stream<Item = Result<Delivery>> + Send + use<> {
        futures_util::stream::unfold(Some(self.clone()), |reader| async {
            let reader = reader?;
            match reader.next_delivery_async().await {
                Ok(Some(delivery)) => Some((Ok(delivery), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    pub(crate) fn activity(&self) -> &Activity {
        self.0.activity()
    }

    fn wait(&self, timeout: Option<Duration>) -> Result<Option<Delivery>> {
        self.parked(self.0.next(timeout))
    }

    /// Parks this thread on `next`. It counts as busy from then on, until it asks again.
    pub(crate) fn parked(
        &self,
        next: impl Future<Output = Result<Option<Delivery>>>,
    ) -> Result<Option<Delivery>> {
        hold(self.0.activity());
        let delivery = park(next);
        if !matches!(delivery, Ok(Some(_))) {
            let_go();
        }
        delivery.map(|delivery| delivery.map(Delivery::of_a_worker))
    }

    fn unless_over(&self, delivery: Option<Delivery>) -> Result<Option<Delivery>> {
        match delivery {
            None if self.0.is_gone() => Err(Error::Unauthorized("the agent was deleted".into())),
            None if self.0.is_over() => Err(Error::Closed),
            delivery => Ok(delivery),
        }
    }
}

impl Drop for SharedReader {
    fn drop(&mut self) {
        let_go();
    }
}

impl std::fmt::Debug for SharedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedReader")
            .field("name", &self.0.opening.name)
            .finish_non_exhaustive()
    }
}
