//! What is under way, counted, so that `settle` and a clock moved by hand know when nothing is.
//!
//! A [`Busy`] is handed along with the work: whoever passes work on passes the token too, so the count never
//! touches zero in between. Rejected: asking each part whether it is idle (two answers taken at two moments
//! prove nothing).

use parking_lot::{Condvar, Mutex};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

#[derive(Default)]
struct Count {
    held: AtomicUsize,
    quiet: Mutex<()>,
    changed: Condvar,
}

/// The count of everything under way in one engine.
#[derive(Clone, Default)]
pub(crate) struct Activity(Arc<Count>);

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

    /// Waits until nothing is under way; false if `deadline` (real time) came first.
    pub(crate) fn wait_idle(&self, deadline: Instant) -> bool {
        let own = super::park::lay_down();
        let mut quiet = self.0.quiet.lock();
        while !self.is_idle() && !self.0.changed.wait_until(&mut quiet, deadline).timed_out() {}
        let idle = self.is_idle();
        drop(quiet);
        if own.is_some() {
            super::park::take_up(None);
        }
        idle
    }
}

impl Clone for Busy {
    fn clone(&self) -> Busy {
        self.0.held.fetch_add(1, Ordering::AcqRel);
        Busy(self.0.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.held.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The lock orders this wake after a waiter's check of the count.
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

/// A task of ours: busy while it is polled, so that whatever it picked up is covered until it hands it on.
pub(crate) struct Tracked<F> {
    task: Pin<Box<F>>,
    activity: Activity,
}

impl<F: Future> Tracked<F> {
    pub(crate) fn new(activity: Activity, task: F) -> Tracked<F> {
        Tracked { task: Box::pin(task), activity }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _busy = self.activity.busy();
        self.task.as_mut().poll(cx)
    }
}
