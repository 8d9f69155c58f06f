//! One future value: a slot and a waker, filled by a thread of the engine.
//!
//! A promise that is dropped without a value gives [`Error::Closed`], so that no waiter hangs when
//! a thread ends.

use super::guarded::wake;
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

enum Slot<T> {
    Waiting(Option<Waker>),
    Ready(T),
    Taken,
}

/// The receiving side: a future, and with `park` a blocking wait.
pub(crate) struct Pending<T>(Arc<Mutex<Slot<T>>>);

/// The side that answers, once.
pub(crate) struct Promise<T: Broken>(Option<Arc<Mutex<Slot<T>>>>);

/// The value of a promise that is dropped without one.
pub(crate) trait Broken {
    fn broken() -> Self;
}

impl<T> Broken for Result<T> {
    fn broken() -> Self {
        Err(Error::Closed)
    }
}

pub(crate) fn pending<T: Broken>() -> (Promise<T>, Pending<T>) {
    let slot = Arc::new(Mutex::new(Slot::Waiting(None)));
    (Promise(Some(slot.clone())), Pending(slot))
}

impl<T> Pending<T> {
    /// One that is ready at once.
    pub(crate) fn ready(value: T) -> Pending<T> {
        Pending(Arc::new(Mutex::new(Slot::Ready(value))))
    }
}

impl<T: Broken> Promise<T> {
    /// Whether somebody still waits for it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|slot| Arc::strong_count(slot) > 1)
    }

    pub(crate) fn fulfil(mut self, value: T) {
        if let Some(slot) = self.0.take() {
            fill(&slot, value);
        }
    }
}

fn fill<T>(slot: &Mutex<Slot<T>>, value: T) {
    let before = std::mem::replace(&mut *slot.lock(), Slot::Ready(value));
    if let Slot::Waiting(Some(waker)) = before {
        wake(waker);
    }
}

impl<T: Broken> Drop for Promise<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            fill(&slot, T::broken());
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.0.lock();
        match &mut *slot {
            Slot::Waiting(waker) => {
                match waker {
                    Some(held) if held.will_wake(cx.waker()) => {}
                    _ => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            _ => match std::mem::replace(&mut *slot, Slot::Taken) {
                Slot::Ready(value) => Poll::Ready(value),
                _ => unreachable!("a pending answer is taken once"),
            },
        }
    }
}
