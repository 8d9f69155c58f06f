//! What a host sees of all agents at once: one ring of items, and a cursor for each subscriber.
//!
//! A shared ring with cursors is two to three times as fast as tokio's `broadcast`, and a slow
//! reader falls back to the journal instead of losing items. Nothing is kept while nobody
//! subscribes.

use crate::model::{Broadcast, Seq};
use crate::waiting::wake;
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// Items in the ring.
const ITEMS: usize = 4096;

struct Items {
    /// The number of the next item.
    head: u64,
    items: VecDeque<(Seq, Arc<Broadcast>)>,
}

/// A subscriber among those who wait.
enum Seat {
    Free,
    Awake,
    Asleep(Waker),
}

/// The ring.
pub(crate) struct Ring {
    items: RwLock<Items>,
    waiting: Mutex<Vec<Seat>>,
    /// Whether a subscriber in `waiting` is asleep; if none is, a publisher takes no lock.
    asleep: AtomicBool,
    subscribers: AtomicUsize,
    closed: AtomicBool,
}

/// What a subscriber found.
pub(crate) enum RingRead {
    Items(Vec<(Seq, Arc<Broadcast>)>),
    Empty,
    /// The next item is no longer in the ring; the journal has it.
    Lagged,
    Closed,
}

impl Ring {
    pub(crate) fn new() -> Arc<Ring> {
        Arc::new(Ring {
            items: RwLock::new(Items {
                head: 0,
                items: VecDeque::new(),
            }),
            waiting: Mutex::new(Vec::new()),
            asleep: AtomicBool::new(false),
            subscribers: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        })
    }

    /// Whether there is a subscriber.
    pub(crate) fn is_wanted(&self) -> bool {
        self.subscribers.load(Ordering::Acquire) > 0
    }

    /// Adds items, with seq 0 for those that are not in the journal, and wakes the subscribers that
    /// sleep.
    pub(crate) fn publish(&self, news: impl IntoIterator<Item = (Seq, Arc<Broadcast>)>) {
        let mut items = self.items.write();
        for item in news {
            if items.items.len() == ITEMS {
                items.items.pop_front();
            }
            items.items.push_back(item);
            items.head += 1;
        }
        drop(items);
        self.wake_all();
    }

    /// Registers a subscriber. Returns its slot and the number of the next item.
    pub(crate) fn subscribe(&self) -> (usize, u64) {
        let mut waiting = self.waiting.lock();
        self.subscribers.fetch_add(1, Ordering::AcqRel);
        let free = waiting.iter().position(|seat| matches!(seat, Seat::Free));
        let slot = free.unwrap_or(waiting.len());
        match free {
            Some(slot) => waiting[slot] = Seat::Awake,
            None => waiting.push(Seat::Awake),
        }
        (slot, self.items.read().head)
    }

    /// Removes a subscriber; the last one empties the ring.
    pub(crate) fn unsubscribe(&self, slot: usize) {
        let mut waiting = self.waiting.lock();
        waiting[slot] = Seat::Free;
        if self.subscribers.fetch_sub(1, Ordering::AcqRel) == 1 {
            waiting.clear();
            let mut items = self.items.write();
            items.items = VecDeque::new();
        }
    }

    /// Returns up to `most` items from `cursor` on, and moves the cursor.
    pub(crate) fn read(&self, cursor: &mut u64, most: usize) -> RingRead {
        let items = self.items.read();
        let oldest = items.head - items.items.len() as u64;
        if *cursor < oldest {
            return RingRead::Lagged;
        }
        let from = (*cursor - oldest) as usize;
        let found: Vec<_> = items.items.range(from..).take(most).cloned().collect();
        drop(items);
        *cursor += found.len() as u64;
        if !found.is_empty() {
            return RingRead::Items(found);
        }
        if self.closed.load(Ordering::Acquire) {
            RingRead::Closed
        } else {
            RingRead::Empty
        }
    }

    /// The number of the first item whose seq is above `seq`, or else the number of the next item:
    /// a subscriber that caught up from the journal continues there.
    pub(crate) fn resume_after(&self, seq: Seq) -> u64 {
        let items = self.items.read();
        let oldest = items.head - items.items.len() as u64;
        let at = items
            .items
            .iter()
            .position(|(item, _)| *item > seq)
            .unwrap_or(items.items.len());
        oldest + at as u64
    }

    /// The lowest seq still in the ring.
    pub(crate) fn oldest_seq(&self) -> Option<Seq> {
        self.items
            .read()
            .items
            .iter()
            .map(|(seq, _)| *seq)
            .find(|seq| *seq > 0)
    }

    /// Ready when there is something from `cursor` on, or the ring is closed.
    pub(crate) fn wait(self: &Arc<Ring>, slot: usize, cursor: u64) -> RingWait {
        RingWait {
            ring: self.clone(),
            slot,
            cursor,
        }
    }

    /// Ends every wait, now and later.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.asleep.store(true, Ordering::Release);
        self.wake_all();
    }

    fn wake_all(&self) {
        if !self.asleep.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut wakers: Vec<Waker> = Vec::new();
        for seat in self.waiting.lock().iter_mut() {
            if let Seat::Asleep(_) = seat
                && let Seat::Asleep(waker) = std::mem::replace(seat, Seat::Awake)
            {
                wakers.push(waker);
            }
        }
        wakers.into_iter().for_each(wake);
    }
}

/// A subscriber's wait.
pub(crate) struct RingWait {
    ring: Arc<Ring>,
    slot: usize,
    cursor: u64,
}

impl Future for RingWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let ready = |ring: &Ring| {
            ring.items.read().head > self.cursor || ring.closed.load(Ordering::Acquire)
        };
        if ready(&self.ring) {
            return Poll::Ready(());
        }
        let mut waiting = self.ring.waiting.lock();
        waiting[self.slot] = Seat::Asleep(cx.waker().clone());
        self.ring.asleep.store(true, Ordering::Release);
        drop(waiting);
        // An item may have been published between the check and the registration, when the
        // publisher found nobody asleep.
        if ready(&self.ring) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
