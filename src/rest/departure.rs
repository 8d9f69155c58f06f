//! Tells a waiting request that its client sends no more.
//!
//! Many notifiers (PHP, Perl, a shell's `nc`) send a request and close their sending side at once.
//! A server that takes this for the end of the client would drop what the client asked for; one
//! that does not look would let a poll wait for somebody who is gone. So the host says it, and who
//! waits or searches stops, while a change is carried out and answered.

use futures_util::task::AtomicWaker;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

/// Tells the request of one client that the client sends no more. All clones are one. It has room
/// for one waiting request: a host makes one for each connection of HTTP/1, or one for each
/// request.
#[derive(Debug, Clone, Default)]
pub struct Departure(Arc<Leaving>);

#[derive(Debug, Default)]
struct Leaving {
    left: AtomicBool,
    waiting: AtomicWaker,
}

impl Departure {
    /// The client sends no more.
    pub fn depart(&self) {
        if !self.0.left.swap(true, Ordering::AcqRel) {
            self.0.waiting.wake();
        }
    }

    /// Whether the client sends no more.
    pub fn has_departed(&self) -> bool {
        self.0.left.load(Ordering::Acquire)
    }

    /// Ready when the client sends no more.
    pub(super) async fn departed(&self) {
        poll_fn(|cx| {
            self.0.waiting.register(cx.waker());
            if self.has_departed() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
