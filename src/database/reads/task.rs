//! A read that waits for a thread, and the answer that its caller waits for.

use super::connections::Connections;
use super::stop::Stop;
use crate::error::{Error, Result};
use crate::waiting::{Busy, Pending, panic_text, pending};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Does one turn of a read; false if it has more to do. `None` as argument: it has to make room,
/// and its caller is told so.
type Run = Box<dyn FnMut(Option<&Connections>) -> bool + Send>;

/// A read that waits for a thread.
pub(super) struct Task {
    run: Run,
    /// Set when its caller left.
    unwanted: Arc<AtomicBool>,
}

impl Task {
    /// Makes a read and its future result. `read` is called once in each turn until it returns a
    /// result; `full` is the result if the read has to make room.
    pub(super) fn new<T: Send + 'static>(
        busy: Busy,
        stop_of: impl FnOnce(&Arc<AtomicBool>) -> Stop,
        full: Error,
        mut read: impl FnMut(&Connections, &Stop) -> Result<Option<T>> + Send + 'static,
    ) -> (Task, Underway<T>) {
        let (promise, pending) = pending();
        let unwanted: Arc<AtomicBool> = Arc::default();
        let stop = stop_of(&unwanted);
        let mut asking = Some((promise, busy));
        let run: Run = Box::new(move |connections: Option<&Connections>| {
            let mut work = |connections| stop.check().and_then(|()| read(connections, &stop));
            let answer = match connections {
                Some(connections) => catch_unwind(AssertUnwindSafe(|| work(connections)))
                    .unwrap_or_else(|panic| Err(Error::Internal(panic_text(&*panic)))),
                None => Err(full.clone()),
            };
            let Some(answer) = answer.transpose() else {
                return false;
            };
            if let Some((promise, busy)) = asking.take() {
                promise.fulfil(answer);
                drop(busy);
            }
            true
        });
        let task = Task {
            run,
            unwanted: unwanted.clone(),
        };
        (task, Underway { pending, unwanted })
    }

    /// Does one turn; false: there is more to do.
    pub(super) fn run(&mut self, connections: &Connections) -> bool {
        (self.run)(Some(connections))
    }

    /// Answers that there is no room.
    pub(super) fn refuse(mut self) {
        (self.run)(None);
    }

    pub(super) fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Acquire)
    }
}

/// The future result of a read. Dropping it ends the read.
pub(crate) struct Underway<T> {
    pending: Pending<Result<T>>,
    unwanted: Arc<AtomicBool>,
}

impl<T> Underway<T> {
    pub(super) fn ready(answer: Result<T>) -> Underway<T> {
        Underway {
            pending: Pending::ready(answer),
            unwanted: Arc::default(),
        }
    }
}

impl<T> Future for Underway<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        Pin::new(&mut self.pending).poll(cx)
    }
}

impl<T> Drop for Underway<T> {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Release);
    }
}
