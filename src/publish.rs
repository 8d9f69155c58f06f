//! The way from a commit to the readers, in the order of the journal: the hub, the posts, the
//! broadcast.
//!
//! The writer's thread puts a batch into the hub and completes its posts. A caller that posts again
//! before the writer takes its next group is then in that group. When another thread completed the
//! posts, half of the callers came too late, and the groups were half as large (18 of 64 posts a
//! commit; 33 with a bare writer). A thread of its own wakes the readers, of whom there may be
//! thousands, and does the broadcast. The writer does that too for a small batch that finds nothing
//! ahead of it, which saves a lone reader a hop.

use crate::agents::PostBook;
use crate::database::{After, Publisher};
use crate::error::{Error, Result};
use crate::hub::{Hub, Ring, wake_all};
use crate::journal::{Batch, Entry, EntryKind, Journal};
use crate::model::{Broadcast, Record, Seq};
use crate::waiting::{engine_thread, panic_text, start_thread};
use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::thread::JoinHandle;

/// The writer itself publishes a batch of at most so many entries that wakes at most so many
/// readers.
const INLINE: usize = 4;

/// What is left to do for a batch that is in the hub and whose posts are complete.
struct Rest {
    entries: Vec<Entry>,
    after: After,
    news: News,
}

/// The readers and subscribers that a batch concerns, as the hub stood right after it.
#[derive(Default)]
struct News {
    wakers: Vec<Waker>,
    broadcasts: Vec<(Seq, Arc<Broadcast>)>,
}

enum Item {
    Rest(Rest),
    Stop,
}

/// What a publication uses.
struct Desk {
    hub: Arc<Hub>,
    ring: Arc<Ring>,
    posts: Arc<PostBook>,
    /// Held while a thread tells the readers. While `waiting` is 0, the writer may do it itself.
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// The writer's way to the readers. The bytes that queued batches still hold count against the
/// writer's bound.
pub(crate) struct Publishing {
    desk: Arc<Desk>,
    queue: Sender<Item>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Publishing {
    pub(crate) fn start(
        hub: Arc<Hub>,
        ring: Arc<Ring>,
        posts: Arc<PostBook>,
    ) -> Result<Arc<Publishing>> {
        let desk = Arc::new(Desk {
            hub,
            ring,
            posts,
            turn: Mutex::new(()),
            waiting: AtomicUsize::new(0),
        });
        let (queue, items) = unbounded();
        let body = desk.clone();
        let thread = start_thread("publisher", move || body.run(&items))?;
        Ok(Arc::new(Publishing {
            desk,
            queue,
            thread: Mutex::new(Some(thread)),
        }))
    }

    /// Publishes what is queued and ends the thread.
    pub(crate) fn stop(&self) {
        let _ = self.queue.send(Item::Stop);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the publishing thread panicked");
        }
    }

    fn hand(&self, mut entries: Vec<Entry>, batch: Batch, after: After) {
        for before in entries.iter_mut().filter_map(|entry| entry.before.take()) {
            // It wakes those who watch the agent. A host's waker that panics must not end the
            // writer.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(before)) {
                tracing::error!(text = panic_text(&*panic), "a watcher panicked");
            }
        }
        let news =
            catch_unwind(AssertUnwindSafe(|| self.desk.publish(&batch))).unwrap_or_else(|panic| {
                tracing::error!(text = panic_text(&*panic), "publishing panicked");
                News::default()
            });
        let small = entries.len() <= INLINE && news.wakers.len() <= INLINE;
        let rest = Rest {
            entries,
            after,
            news,
        };
        if small
            && self.desk.waiting.load(Ordering::Acquire) == 0
            && let Some(_turn) = self.desk.turn.try_lock()
        {
            self.desk.tell(rest);
            return;
        }
        self.desk.waiting.fetch_add(1, Ordering::AcqRel);
        let _ = self.queue.send(Item::Rest(rest));
    }
}

impl Desk {
    fn run(&self, items: &Receiver<Item>) {
        engine_thread();
        while let Ok(Item::Rest(rest)) = items.recv() {
            let turn = self.turn.lock();
            let outcome = catch_unwind(AssertUnwindSafe(|| self.tell(rest)));
            drop(turn);
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            if let Err(panic) = outcome {
                tracing::error!(text = panic_text(&*panic), "publishing panicked");
            }
        }
    }

    /// Puts a batch into the hub and completes its posts. The readers are not told yet.
    fn publish(&self, batch: &Batch) -> News {
        let mut news = News::default();
        if !batch.published.is_empty() {
            news.wakers = self.hub.publish(&batch.published);
        }
        self.posts.complete_all(&batch.ours);
        if self.ring.is_wanted() {
            let seen =
                |record: &Arc<Record>| Some((record.seq, Arc::new(self.hub.broadcast(record)?)));
            news.broadcasts = batch.records().filter_map(seen).collect();
        }
        news
    }

    /// Wakes readers and subscribers, and drops the entries.
    fn tell(&self, rest: Rest) {
        let Rest {
            entries,
            after,
            news,
        } = rest;
        wake_all(news.wakers);
        if !news.broadcasts.is_empty() {
            self.ring.publish(news.broadcasts);
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
        if let EntryKind::Message(row) = entry.kind {
            let error = Error::OutcomeUnknown(format!(
                "the chat system accepted the message, but it could not be stored: {error}"
            ));
            self.desk.posts.unrecorded(row, &error);
        }
        if let Some(done) = entry.done {
            done.fulfil(Err(error));
        }
    }
}
