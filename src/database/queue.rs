//! The writer's queue: bounded in bytes, with an ordered and a lazy line, and a budget each for
//! incoming entries and for posts.
//!
//! Posts reserve bytes from a budget of their own. Otherwise posts that wait for their echo would
//! hold the room that the echo needs. Rejected: a channel bounded in items, because a message of 64
//! KiB and an acknowledgement of 40 bytes do not weigh the same.

use crate::waiting::wake;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Bytes of incoming entries that may wait for the writer.
const INBOX_BYTES: usize = 16 << 20;
/// Bytes that posts under way may hold.
const POST_BYTES: usize = 16 << 20;
/// Changes that may wait; any further one gets `Busy`.
const JOBS: usize = 64;
/// Entries in one commit.
const GROUP: usize = 512;
/// Bytes in one commit.
const GROUP_BYTES: usize = 1 << 20;
/// How long a lazy entry may wait for a commit to share.
const LAZY_WAIT: Duration = Duration::from_millis(50);

/// Where an entry queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// In order, as soon as possible.
    Ordered,
    /// With the next commit, or alone after 50 ms.
    Lazy,
}

struct Weighed<E> {
    entry: E,
    bytes: usize,
}

struct QueueState<E, J> {
    ordered: VecDeque<Weighed<E>>,
    lazy: VecDeque<Weighed<E>>,
    lazy_due: Option<Instant>,
    jobs: VecDeque<J>,
    waiting: Vec<Waker>,
    stopping: bool,
    /// How many ordered entries the sleeping writer waits for; 0 while it is awake.
    wanted: usize,
}

/// How long the writer may wait, and for what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Patience {
    /// How long to wait for any work; `None`: without limit.
    pub(crate) idle: Option<Duration>,
    /// How many entries to wait for once the first is there, so that they share a commit.
    pub(crate) group: usize,
    /// ...but no longer than this.
    pub(crate) gather: Duration,
}

/// What the writer is given to do next.
pub(crate) struct Work<E, J> {
    pub(crate) entries: Vec<E>,
    /// Bytes to release once the entries are published.
    pub(crate) bytes: usize,
    pub(crate) job: Option<J>,
    /// Nothing else waits.
    pub(crate) idle: bool,
    pub(crate) stop: bool,
}

pub(crate) struct Queue<E, J> {
    state: Mutex<QueueState<E, J>>,
    arrived: Condvar,
    /// Bytes of incoming entries that wait or are being written.
    bytes: AtomicUsize,
}

impl<E, J> Queue<E, J> {
    pub(crate) fn new() -> Queue<E, J> {
        Queue {
            state: Mutex::new(QueueState {
                ordered: VecDeque::new(),
                lazy: VecDeque::new(),
                lazy_due: None,
                jobs: VecDeque::new(),
                waiting: Vec::new(),
                stopping: false,
                wanted: 0,
            }),
            arrived: Condvar::new(),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Reserves room for an incoming entry of that many bytes; false if there is none.
    pub(crate) fn reserve(&self, bytes: usize) -> bool {
        let before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        if before > 0 && before + bytes > INBOX_BYTES {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            return false;
        }
        true
    }

    /// Counts the bytes of an entry that is never refused. Links then have to wait sooner.
    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Whether there is any room for what comes in.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Acquire) < INBOX_BYTES
    }

    /// Queues `entry`, whose `bytes` were reserved or added. It comes back if the writer has
    /// stopped.
    pub(crate) fn push(&self, entry: E, bytes: usize, urgency: Urgency) -> Result<(), E> {
        let mut state = self.state.lock();
        if state.stopping {
            return Err(entry);
        }
        let weighed = Weighed { entry, bytes };
        match urgency {
            Urgency::Ordered => state.ordered.push_back(weighed),
            Urgency::Lazy => {
                state.lazy.push_back(weighed);
                if state.lazy_due.is_none() {
                    state.lazy_due = Some(Instant::now() + LAZY_WAIT);
                }
            }
        }
        if state.wanted > 0 && (state.ordered.len() >= state.wanted || urgency == Urgency::Lazy) {
            state.wanted = 0;
            drop(state);
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Ready when there may be room again.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.stopping || self.bytes.load(Ordering::Acquire) < INBOX_BYTES / 2 {
            return Poll::Ready(());
        }
        state.waiting.push(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn job(&self, job: J) -> Result<(), Option<J>> {
        let mut state = self.state.lock();
        if state.stopping {
            return Err(None);
        }
        if state.jobs.len() >= JOBS {
            return Err(Some(job));
        }
        state.jobs.push_back(job);
        state.wanted = 0;
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes every job that waits, to refuse it.
    pub(crate) fn take_jobs(&self) -> VecDeque<J> {
        std::mem::take(&mut self.state.lock().jobs)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.state.lock().stopping
    }

    /// Refuses new work from now on; the work that waits is still done.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopping = true;
        state.wanted = 0;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.arrived.notify_all();
        waiting.into_iter().for_each(wake);
    }

    /// Gives back the bytes of entries that have been published.
    pub(crate) fn release(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        if before >= INBOX_BYTES / 2 && before - bytes < INBOX_BYTES / 2 {
            let waiting = std::mem::take(&mut self.state.lock().waiting);
            waiting.into_iter().for_each(wake);
        }
    }

    /// Waits for the next work and returns it. If many entries came last time, it waits a little
    /// longer so that they share a commit; if none comes in time, the work is idle.
    pub(crate) fn next(&self, patience: Patience) -> Work<E, J> {
        let mut state = self.state.lock();
        let give_up = patience.idle.map(|idle| Instant::now() + idle);
        loop {
            let lazy_due = state.lazy_due.is_some_and(|due| due <= Instant::now());
            let something = !state.ordered.is_empty() || !state.jobs.is_empty() || lazy_due;
            if something || state.stopping {
                break;
            }
            let until = match (state.lazy_due, give_up) {
                (Some(due), Some(give_up)) => Some(due.min(give_up)),
                (due, give_up) => due.or(give_up),
            };
            let out = self.sleep(&mut state, 1, until);
            if out && give_up.is_some_and(|give_up| give_up <= Instant::now()) {
                break;
            }
        }
        if !state.ordered.is_empty() && state.ordered.len() < patience.group {
            let until = Instant::now() + patience.gather;
            let alone = |state: &QueueState<E, J>| {
                state.ordered.len() < patience.group && state.jobs.is_empty() && !state.stopping
            };
            while alone(&state) && !self.sleep(&mut state, patience.group, Some(until)) {}
        }
        take(&mut state)
    }

    /// Sleeps until `wanted` entries wait, other work comes, or the time `until`; true at `until`.
    fn sleep(
        &self,
        state: &mut MutexGuard<'_, QueueState<E, J>>,
        wanted: usize,
        until: Option<Instant>,
    ) -> bool {
        state.wanted = wanted;
        let out = match until {
            None => {
                self.arrived.wait(state);
                false
            }
            Some(until) => self.arrived.wait_until(state, until).timed_out(),
        };
        state.wanted = 0;
        out
    }
}

fn take<E, J>(state: &mut QueueState<E, J>) -> Work<E, J> {
    let mut work = Work {
        entries: Vec::new(),
        bytes: 0,
        job: state.jobs.pop_front(),
        idle: false,
        stop: false,
    };
    while let Some(weighed) = state.lazy.pop_front() {
        work.bytes += weighed.bytes;
        work.entries.push(weighed.entry);
    }
    state.lazy_due = None;
    drain(&mut state.ordered, &mut work);
    let empty = state.ordered.is_empty() && state.jobs.is_empty();
    work.idle = work.entries.is_empty() && work.job.is_none();
    work.stop = state.stopping && empty && work.idle;
    work
}

fn drain<E, J>(line: &mut VecDeque<Weighed<E>>, work: &mut Work<E, J>) {
    let mut weight = 0;
    while work.entries.len() < GROUP && weight < GROUP_BYTES {
        let Some(weighed) = line.pop_front() else {
            return;
        };
        weight += weighed.bytes;
        work.bytes += weighed.bytes;
        work.entries.push(weighed.entry);
    }
}

/// What posts under way may hold, in bytes.
#[derive(Clone, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

/// Bytes held by one post until it is answered.
pub(crate) struct Reserved {
    budget: Arc<AtomicUsize>,
    bytes: usize,
}

impl Budget {
    /// Reserves `bytes`; `None` if the posts under way hold too many already.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reserved> {
        let before = self.0.fetch_add(bytes, Ordering::AcqRel);
        let reserved = Reserved {
            budget: self.0.clone(),
            bytes,
        };
        (before + bytes <= POST_BYTES).then_some(reserved)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
