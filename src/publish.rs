//! From the commit to the readers: hub, broadcast, posts and answers, in the order of the journal.
//!
//! Done on a thread of its own, so that waking many overlaps with the next commit; a small batch that finds nothing
//! ahead of it is published by the writer itself, which saves a lone poster two hops.

use crate::agents::PostBook;
use crate::clock::Clock;
use crate::database::{After, Publisher};
use crate::error::{Error, Result};
use crate::hub::{Hub, Ring};
use crate::journal::{Batch, Entry, EntryKind, Journal};
use crate::waiting::{engine_thread, panic_text};
use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// A batch of at most so many entries may be published by the writer itself.
const INLINE: usize = 4;

enum Item {
    Batch { entries: Vec<Entry>, batch: Batch, after: After },
    Stop,
}

/// What every publication needs.
struct Desk {
    hub: Arc<Hub>,
    ring: Arc<Ring>,
    posts: Arc<PostBook>,
    clock: Arc<dyn Clock>,
    /// Held while something is published; with `waiting` at 0 the writer may do it itself.
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// The writer's way to the readers. The queue is bounded by the bytes that its batches still hold.
pub(crate) struct Publishing {
    desk: Arc<Desk>,
    queue: Sender<Item>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Publishing {
    pub(crate) fn start(hub: Arc<Hub>, ring: Arc<Ring>, posts: Arc<PostBook>, clock: Arc<dyn Clock>) -> Result<Arc<Publishing>> {
        let desk = Arc::new(Desk { hub, ring, posts, clock, turn: Mutex::new(()), waiting: AtomicUsize::new(0) });
        let (queue, items) = unbounded();
        let body = desk.clone();
        let thread = std::thread::Builder::new()
            .name("switchboard-hub".into())
            .spawn(move || body.run(&items))
            .map_err(|error| Error::Storage(format!("cannot start the hub: {error}")))?;
        Ok(Arc::new(Publishing { desk, queue, thread: Mutex::new(Some(thread)) }))
    }

    /// Publishes what waits and ends the thread.
    pub(crate) fn stop(&self) {
        let _ = self.queue.send(Item::Stop);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the hub's thread panicked");
        }
    }

    fn hand(&self, entries: Vec<Entry>, batch: Batch, after: After) {
        if entries.len() <= INLINE
            && self.desk.waiting.load(Ordering::Acquire) == 0
            && let Some(_turn) = self.desk.turn.try_lock()
        {
            self.desk.publish(entries, batch, after);
            return;
        }
        self.desk.waiting.fetch_add(1, Ordering::AcqRel);
        let _ = self.queue.send(Item::Batch { entries, batch, after });
    }
}

impl Desk {
    fn run(&self, items: &Receiver<Item>) {
        engine_thread();
        while let Ok(Item::Batch { entries, batch, after }) = items.recv() {
            let turn = self.turn.lock();
            let outcome = catch_unwind(AssertUnwindSafe(|| self.publish(entries, batch, after)));
            drop(turn);
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            if let Err(panic) = outcome {
                tracing::error!(text = panic_text(&*panic), "publishing panicked");
            }
        }
    }

    fn publish(&self, entries: Vec<Entry>, batch: Batch, after: After) {
        if !batch.published.is_empty() {
            self.hub.publish(&batch.published, self.clock.wall().timestamp_millis());
            if self.ring.is_wanted() {
                let items = batch.records().filter_map(|record| Some((record.seq, Arc::new(self.hub.broadcast(record)?))));
                let items: Vec<_> = items.collect();
                self.ring.publish(items);
            }
        }
        for (origin, record) in &batch.ours {
            self.posts.complete(origin, record);
        }
        after();
        for entry in entries {
            if let Some(done) = entry.done {
                done.fulfil(Ok(()));
            }
            drop(entry.busy);
        }
    }
}

impl Publisher<Journal> for Publishing {
    fn committed(&self, entries: Vec<Entry>, batch: Batch, release: After) {
        self.hand(entries, batch, release);
    }

    fn changed(&self, batch: Batch, after: After) {
        self.hand(Vec::new(), batch, after);
    }

    fn failed(&self, entry: Entry, error: Error) {
        if let EntryKind::Message(row) = &entry.kind
            && let Some(origin) = &row.origin
        {
            let error = Error::OutcomeUnknown(format!("the chat system has it, but it could not be recorded: {error}"));
            self.desk.posts.fail(origin, &error);
        }
        if let Some(done) = entry.done {
            done.fulfil(Err(error));
        }
    }
}
