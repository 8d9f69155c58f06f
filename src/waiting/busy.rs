//! Counts what is under way, so that `settle` and a clock moved by hand know when nothing is.
//!
//! A [`Busy`] token is passed on together with the work, so the count never reaches zero in
//! between. Rejected: asking each part whether it is idle, because two answers given at two moments
//! prove nothing.

use parking_lot::{Condvar, Mutex};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
pub(super) struct Count {
    held: AtomicUsize,
    pub(super) quiet: Mutex<()>,
    pub(super) changed: Condvar,
}

/// The count of everything under way in one engine.
#[derive(Clone, Default)]
pub(crate) struct Activity(pub(super) Arc<Count>);

/// Held while something is under way; dropping the last one lets `settle` return.
pub struct Busy(Arc<Count>);

impl Activity {
    pub(crate) fn busy(&self) -> Busy {
        self.0.held.fetch_add(1, Ordering::AcqRel);
        Busy(self.0.clone())
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.0.held.load(Ordering::Acquire) == 0
    }
}

impl Clone for Busy {
    fn clone(&self) -> Busy {
        self.0.held.fetch_add(1, Ordering::AcqRel);
        Busy(self.0.clone())
    }
}

impl Busy {
    /// The count it is part of.
    pub(crate) fn activity(&self) -> Activity {
        Activity(self.0.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.held.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Taking the lock orders this wake after a waiter's check of the count.
            drop(self.0.quiet.lock());
            self.0.changed.notify_all();
        }
    }
}

impl std::fmt::Debug for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Busy")
    }
}

/// A task of the engine: busy from the moment it is woken until it waits again, so that the work it
/// picks up is covered until it passes it on.
///
/// The code that wakes the task may release its own token at once: between the wake and the poll,
/// while the task is queued in the runtime, the waker holds a token.
pub(crate) struct Tracked<F> {
    task: Pin<Box<F>>,
    woken: Arc<Woken>,
    waker: Waker,
}

/// The link between a task and the code that wakes it.
struct Woken {
    activity: Activity,
    state: Mutex<WokenState>,
}

#[derive(Default)]
struct WokenState {
    /// How the runtime is told.
    runtime: Option<Waker>,
    /// Held from a wake to the end of the poll that follows.
    busy: Option<Busy>,
    /// The task is over; a late wake leaves nothing behind.
    over: bool,
}

impl<F: Future> Tracked<F> {
    pub(crate) fn new(activity: Activity, task: F) -> Tracked<F> {
        // It is polled at least once, so it begins as if it had been woken.
        let state = WokenState {
            busy: Some(activity.busy()),
            ..WokenState::default()
        };
        let woken = Arc::new(Woken {
            activity,
            state: Mutex::new(state),
        });
        Tracked {
            task: Box::pin(task),
            waker: Waker::from(woken.clone()),
            woken,
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Taken before the poll: a wake during the poll asks for another poll, with a token of its
        // own.
        let _busy = this
            .woken
            .begin(cx.waker())
            .unwrap_or_else(|| this.woken.activity.busy());
        let outcome = this
            .task
            .as_mut()
            .poll(&mut Context::from_waker(&this.waker));
        if outcome.is_ready() {
            this.woken.end();
        }
        outcome
    }
}

impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        self.woken.end();
    }
}

impl Woken {
    fn begin(&self, runtime: &Waker) -> Option<Busy> {
        let mut state = self.state.lock();
        match &mut state.runtime {
            Some(held) => held.clone_from(runtime),
            None => state.runtime = Some(runtime.clone()),
        }
        state.busy.take()
    }

    fn end(&self) {
        let mut state = self.state.lock();
        state.over = true;
        let left = (state.busy.take(), state.runtime.take());
        drop(state);
        drop(left);
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if state.over {
            return;
        }
        if state.busy.is_none() {
            state.busy = Some(self.activity.busy());
        }
        let runtime = state.runtime.clone();
        drop(state);
        if let Some(runtime) = runtime {
            runtime.wake();
        }
    }
}
