//! The writer: the only thread that writes the database. It commits entries in groups, and changes
//! of the control plane one by one between them.
//!
//! Its loop: up to 512 entries or 1 MiB in one transaction, which is then published; at most one
//! change in a transaction of its own; a checkpoint when idle or when the log is long; a slice of
//! upkeep. A group that a full or failing disk refuses is tried again until it succeeds: meanwhile
//! the queue fills, the links wait, and nothing is lost. After an I/O error the outcome of a commit
//! is unknown: the file is reopened, and its newest seq decides.

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

    /// Reserves room for an incoming entry of that many bytes; false if there is none.
    pub(crate) fn reserve(&self, bytes: usize) -> bool {
        self.shared.queue.reserve(bytes)
    }

    /// Whether there is room for a small incoming entry.
    pub(crate) fn has_room(&self) -> bool {
        self.shared.queue.has_room()
    }

    /// Queues `entry`, for which `reserved` bytes were reserved. Without a reservation it is
    /// weighed here and is never refused for lack of room. The entry is returned if the writer has
    /// stopped.
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

    /// Runs `change` in a transaction of its own. It returns the caller's answer, the rows to
    /// publish, and what updates memory before the answer is given. `busy` is held until then.
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

    /// Whether the last commit succeeded, the files are still the ones that were opened, and the
    /// log has room.
    pub(crate) fn writable(&self) -> bool {
        self.shared.writable.load(Ordering::Acquire) && !self.shared.missed.lock().is_too_long()
    }

    /// Why checkpoints fail, if they have failed for 10 seconds.
    pub(crate) fn missed_checkpoints(&self) -> Option<String> {
        self.shared.missed.lock().trouble(Instant::now())
    }

    /// Refuses new work, does the work that waits, and ends. Joins the thread unless called on it.
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
