//! One reader waiting for its agent: a slab entry with a waker, gone when the wait is dropped.

use super::state::Hub;
use crate::model::{AgentKey, Seq};
use crate::waiting::Busy;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Why a wait ended.
#[derive(Debug)]
pub(crate) enum Woken {
    /// There may be something new; the token is held until the reader waits again.
    News(Option<Busy>),
    /// The agent was deleted, or this wait was ended by name.
    Ended,
    /// The hub is closed.
    Closed,
}

/// One waiter's place in the hub.
#[derive(Default)]
pub(super) enum Slot {
    #[default]
    Free,
    Waiting {
        agent: AgentKey,
        waker: Waker,
    },
    Fired(Woken),
}

/// A wait under way.
pub(crate) struct Wait {
    hub: Arc<Hub>,
    agent: AgentKey,
    seen: Seq,
    slot: Option<usize>,
}

impl Wait {
    pub(super) fn new(hub: Arc<Hub>, agent: AgentKey, seen: Seq) -> Wait {
        Wait {
            hub,
            agent,
            seen,
            slot: None,
        }
    }
}

impl Future for Wait {
    type Output = Woken;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Woken> {
        let hub = self.hub.clone();
        match hub.poll_wait(self.agent, self.seen, &mut self.slot, cx) {
            Some(woken) => Poll::Ready(woken),
            None => Poll::Pending,
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.hub.forget_wait(slot);
        }
    }
}
