//! The loop that every bot wrote by hand: draw an event, handle it, say what became of it.
//!
//! The workers are threads of the caller's scope, or futures in the caller's task: nothing goes on
//! after a dispatch has returned.

use super::Collaboration;
use super::workers::{IntoHandled, Verdict, Workers, verdict};
use crate::error::{Error, Result};
use crate::events::{Delivery, SharedReader};
use crate::model::EventQuery;
use crate::waiting::{Tracked, in_threads, panic_text};
use futures_util::FutureExt;
use futures_util::future::join_all;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::Notify;

impl Collaboration {
    /// Has `workers` handle the events of `query`, until the engine is shut down or the agent
    /// deleted, or until a handler stops it. The calling thread is one of the workers.
    ///
    /// An event is done when the handler returns `()`, [`Handled::Done`](crate::Handled::Done) or
    /// `Ok` of either. If the handler returns an error of the engine, or panics, the event comes
    /// again, to any worker: when the error says, else after 1 s, 2, 4, at most 60 s, and after its
    /// last attempt it is [dead](crate::Provisioning::dead_deliveries). An error of the host's own
    /// ([`Error::host`]) ends the dispatch and is returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use switchboard::{Engine, EventQuery, NewAgent, NewMessage, Principal, Workers, backend::Loopback};
    /// # let chat = Loopback::new();
    /// # chat.room("chat-room:ops", "Operations");
    /// # let engine = Engine::builder().in_memory().backend(chat.clone()).open()?;
    /// # let admin = engine.provisioning(&Principal::host("example"))?;
    /// # admin.put_agent(NewAgent::new("desk", "loopback:desk")?.channel("chat-room:ops")?)?;
    /// # let agent = engine.agent("desk")?;
    /// # agent.wait_joined("chat-room:ops", Duration::from_secs(10))?;
    /// # let lene = chat.person("contact:lene");
    /// # lene.say("chat-room:ops", "the pump is loud")?;
    /// # let stopping = engine.clone();
    /// # let heard = std::thread::spawn(move || {
    /// #     let heard = lene.hears("chat-room:ops");
    /// #     stopping.shutdown(Duration::from_secs(10)).and(heard)
    /// # });
    /// let workers = Workers::new(4).in_order_per_channel();
    /// agent.dispatch(EventQuery::messages().remote(), workers, |delivery| {
    ///     let Some(message) = delivery.message() else { return Ok(()) };
    ///     let answer = NewMessage::text(format!("filed: {}", message.text));
    ///     agent.post(&message.channel, answer.answering(delivery)).map(drop)
    /// })?;
    /// # assert_eq!(heard.join().unwrap()?.text, "filed: the pump is loud");
    /// # Ok::<(), switchboard::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Collaboration::shared_reader`] and [`SharedReader::next_delivery`]; what a handler
    /// stopped with.
    pub fn dispatch<H: IntoHandled>(
        &self,
        query: EventQuery,
        workers: Workers,
        handler: impl Fn(&Delivery) -> H + Sync,
    ) -> Result<()> {
        let reader = match self.shared_reader_on(workers.reader?, query, workers.terms) {
            Err(Error::Closed) => return Ok(()),
            reader => reader?,
        };
        let dispatch = Dispatch::new(reader);
        in_threads(workers.most, "worker", || {
            dispatch.ends(dispatch.work(&handler));
        });
        dispatch.outcome()
    }

    /// As [`Collaboration::dispatch`], in the calling task of any executor: the handlers run at the
    /// same time, but not on several threads. Dropping the future gives back what is being handled.
    ///
    /// # Errors
    /// As [`Collaboration::dispatch`].
    pub async fn dispatch_async<H: IntoHandled, F: Future<Output = H>>(
        &self,
        query: EventQuery,
        workers: Workers,
        handler: impl Fn(Arc<Delivery>) -> F,
    ) -> Result<()> {
        let opening = self.shared_reader_on_async(workers.reader?, query, workers.terms);
        let dispatch = match opening.await {
            Err(Error::Closed) => return Ok(()),
            reader => Dispatch::new(reader?),
        };
        let working = (0..workers.most).map(|_| {
            let work = async { dispatch.ends(dispatch.work_async(&handler).await) };
            Tracked::new(dispatch.reader.activity().clone(), work)
        });
        join_all(working).await;
        dispatch.outcome()
    }
}

/// A dispatch under way.
struct Dispatch {
    reader: SharedReader,
    /// Why it ends, once it does.
    ended: Mutex<Option<Result<()>>>,
    ending: Notify,
}

impl Dispatch {
    fn new(reader: SharedReader) -> Dispatch {
        Dispatch {
            reader,
            ended: Mutex::default(),
            ending: Notify::new(),
        }
    }

    /// One worker has ended so: the others end too, after the events that they have.
    fn ends(&self, outcome: Result<()>) {
        let mut ended = self.ended.lock();
        if !matches!(*ended, Some(Err(_))) {
            *ended = Some(outcome);
        }
        drop(ended);
        self.ending.notify_waiters();
    }

    fn outcome(self) -> Result<()> {
        self.ended.into_inner().unwrap_or(Ok(()))
    }

    /// The next event; `None` when the dispatch ends.
    async fn next(&self) -> Result<Option<Delivery>> {
        let ending = self.ending.notified();
        tokio::pin!(ending);
        ending.as_mut().enable();
        if self.ended.lock().is_some() {
            return Ok(None);
        }
        tokio::select! {
            biased;
            () = ending => Ok(None),
            next = self.reader.next_delivery_async() => next,
        }
    }

    fn work<H: IntoHandled>(&self, handler: &impl Fn(&Delivery) -> H) -> Result<()> {
        while let Some(delivery) = self.reader.parked(self.next())? {
            let handled = catch_unwind(AssertUnwindSafe(|| verdict(handler(&delivery))));
            settle(&delivery, handled.unwrap_or_else(|panic| panicked(&*panic)))?;
        }
        Ok(())
    }

    async fn work_async<H: IntoHandled, F: Future<Output = H>>(
        &self,
        handler: &impl Fn(Arc<Delivery>) -> F,
    ) -> Result<()> {
        while let Some(delivery) = self.next().await? {
            // The worker counts as busy itself, except while its handler waits.
            let delivery = Arc::new(delivery.of_a_worker());
            let handling = AssertUnwindSafe(handler(delivery.clone())).catch_unwind();
            let handled = handling.await.map(verdict);
            settle(&delivery, handled.unwrap_or_else(|panic| panicked(&*panic)))?;
        }
        Ok(())
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Verdict {
    let reason = format!("the handler panicked: {}", panic_text(panic));
    Verdict::Again(None, reason)
}

/// Says of the event what its handler said.
fn settle(delivery: &Delivery, verdict: Verdict) -> Result<()> {
    match verdict {
        Verdict::Done => delivery.done(),
        Verdict::Again(after, reason) => delivery.failed(after, &reason),
        Verdict::Stop(error) => {
            delivery.failed(None, &error.to_string());
            return match error {
                Error::Closed => Ok(()),
                error => Err(error),
            };
        }
    }
    Ok(())
}
