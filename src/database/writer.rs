//! The one thread that writes: group commits of what happened, one control-plane job at a time between them.
//!
//! Its loop: up to 512 entries or 1 MiB in one transaction, hand the batch on, at most one job in a transaction of
//! its own, a checkpoint when idle or the WAL is large, a slice of upkeep. What cannot be written because the disk
//! is full or failing is tried again until it can be: the queue fills, the links feel it, and nothing is lost. After
//! an I/O error the outcome of a commit is unknown: the file is reopened, and its newest seq decides.

use super::body::Body;
use super::error::Failure;
use super::file::Opened;
use super::queue::{Queue, Urgency};
use super::row_writer::{After, Publisher, RowWriter};
use super::shared::{Job, Run, Shared};
use super::transactions::Transactions;
use crate::error::{Error, Result};
use crate::waiting::{Busy, Pending, Promise, pending, start_thread};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The handle on the writer's thread.
pub(crate) struct Writer<R: RowWriter> {
    shared: Arc<Shared<R>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<R: RowWriter> Writer<R> {
    /// Starts the thread.
    pub(crate) fn start(
        opened: Arc<Opened>,
        rows: R,
        publisher: Arc<dyn Publisher<R>>,
    ) -> Result<Writer<R>> {
        let transactions = Transactions::open(opened, rows)?;
        let shared = Arc::new(Shared {
            queue: Queue::new(),
            writable: transactions.writable().clone(),
            missed: Mutex::default(),
        });
        let mut body = Body::new(shared.clone(), transactions, publisher);
        let thread = start_thread("writer", move || body.run())?;
        Ok(Writer {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Makes room for an incoming entry of that many bytes, if there is any.
    pub(crate) fn reserve(&self, bytes: usize) -> bool {
        self.shared.queue.reserve(bytes)
    }

    /// Whether an incoming entry of some bytes has room.
    pub(crate) fn has_room(&self) -> bool {
        self.shared.queue.has_room()
    }

    /// Queues `entry`, for which `reserved` bytes were made room; without, it is weighed here and has room always. It comes
    /// back if the writer has stopped.
    pub(crate) fn push(
        &self,
        entry: R::Entry,
        reserved: Option<usize>,
        urgency: Urgency,
    ) -> Result<(), R::Entry> {
        let bytes = reserved.unwrap_or_else(|| {
            let bytes = R::weight(&entry);
            self.shared.queue.add(bytes);
            bytes
        });
        self.shared.queue.push(entry, bytes, urgency)
    }

    /// Ready when an entry that was refused may be offered again.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.queue.poll_room(cx)
    }

    /// Runs `change` in a transaction of its own. What it returns is the answer, the rows to publish, and what to do
    /// in memory before the answer is given. `busy` is held until then.
    pub(crate) fn job<T: Send + 'static>(
        &self,
        busy: Busy,
        change: impl FnOnce(&mut R, &Connection) -> Result<(T, R::Batch, After), Failure>
        + Send
        + 'static,
    ) -> Pending<Result<T>> {
        let (promise, pending) = pending();
        let slot: Arc<Mutex<Option<Promise<Result<T>>>>> = Arc::new(Mutex::new(Some(promise)));
        let (refused, held) = (slot.clone(), busy.clone());
        let run: Run<R> = Box::new(move |rows, transaction| {
            let (value, batch, apply) = change(rows, transaction).map_err(Failure::told)?;
            let after: After = Box::new(move || {
                apply();
                if let Some(promise) = slot.lock().take() {
                    promise.fulfil(Ok(value));
                }
                drop(held);
            });
            Ok((batch, after))
        });
        let refused: Box<dyn FnOnce(Error) + Send> = Box::new(move |error| {
            if let Some(promise) = refused.lock().take() {
                promise.fulfil(Err(error));
            }
            drop(busy);
        });
        match self.shared.queue.job(Job { run, refused }) {
            Ok(()) => pending,
            Err(None) => Pending::ready(Err(Error::Closed)),
            Err(Some(_)) => Pending::ready(Err(Error::Busy {
                what: "the database".into(),
                retry_after: Duration::from_secs(1),
            })),
        }
    }

    /// Whether the last commit succeeded, the files are still the ones that were opened, and the log has room.
    pub(crate) fn writable(&self) -> bool {
        self.shared.writable.load(Ordering::Acquire) && !self.shared.missed.lock().is_too_long()
    }

    /// Why checkpoints fail, once they have failed for 10 seconds.
    pub(crate) fn missed_checkpoints(&self) -> Option<String> {
        self.shared.missed.lock().trouble(Instant::now())
    }

    /// Takes nothing more, does what waits, and ends. Joins unless called on the writer's own thread.
    pub(crate) fn stop(&self) {
        self.shared.queue.stop();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the writer's thread panicked");
        }
    }

    /// Tells the thread to end, without waiting for it.
    pub(crate) fn stop_later(&self) {
        self.shared.queue.stop();
    }
}

impl<R: RowWriter> Drop for Writer<R> {
    fn drop(&mut self) {
        self.stop_later();
    }
}
