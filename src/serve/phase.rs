//! How far a connection is with its requests.

use crate::rest::{Charge, Departure, Handover};
use futures_util::task::AtomicWaker;
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

/// How far one connection is; all clones are one.
#[derive(Clone, Default)]
pub(super) struct Phase(Arc<Requests>);

#[derive(Default)]
struct Requests {
    /// Requests that have begun plus requests that have ended: odd while one is being answered.
    passed: AtomicU64,
    /// Wakes the connection when a response has ended. hyper has already asked for the next head by
    /// then, so its deadline would not begin without another look at the socket.
    connection: AtomicWaker,
    /// Tells whoever waits that the other end sends no more.
    departure: Departure,
    /// A request was answered before its body was read: the other end may still be sending.
    unread: AtomicBool,
    /// No request follows this one: the server is stopping, or a body cannot be read to its end.
    last: AtomicBool,
    /// What was not read of a request's body.
    left: Mutex<Option<Incoming>>,
    /// What a long head is charged to, until it is read and answered: a poll that waits holds no
    /// head.
    head: Mutex<Option<Charge>>,
    /// Whether there is an `unwritten` response.
    has_unwritten: AtomicBool,
    /// Told when the response has been written.
    unwritten: Mutex<Option<Handover>>,
}

impl Phase {
    /// Begins a request, which ends when the returned value is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.0.passed.fetch_add(1, Ordering::AcqRel);
        drop(self.0.head.lock().take());
        Answering(self.clone())
    }

    /// Whether a request is being answered.
    pub(super) fn is_answering(&self) -> bool {
        self.now() % 2 == 1
    }

    /// What tells a waiting request that the client sends no more.
    pub(super) fn departure(&self) -> &Departure {
        &self.0.departure
    }

    /// Keeps a body that was dropped before its end, and notes it.
    pub(super) fn leave(&self, body: Incoming) {
        self.note_unread();
        *self.0.left.lock() = Some(body);
    }

    /// Returns what was not read of the request's body.
    pub(super) fn take_left(&self) -> Option<Incoming> {
        self.0.left.lock().take()
    }

    /// Notes that no request follows this one.
    pub(super) fn note_last(&self) {
        self.0.last.store(true, Ordering::Release);
    }

    /// Whether no request follows this one.
    pub(super) fn is_last(&self) -> bool {
        self.0.last.load(Ordering::Acquire)
    }

    /// Notes that the rest of the body was read.
    pub(super) fn note_read(&self) {
        self.0.unread.store(false, Ordering::Release);
    }

    /// Notes that a body was dropped before its end.
    pub(super) fn note_unread(&self) {
        self.0.unread.store(true, Ordering::Release);
    }

    /// Whether a body was dropped before its end.
    pub(super) fn is_unread(&self) -> bool {
        self.0.unread.load(Ordering::Acquire)
    }

    /// The number of the phase.
    pub(super) fn now(&self) -> u64 {
        self.0.passed.load(Ordering::Acquire)
    }

    /// Wakes `connection` when an answer has ended.
    pub(super) fn wakes(&self, connection: &Waker) {
        self.0.connection.register(connection);
    }

    /// Keeps the handover of the response that is being written.
    fn expect_written(&self, handover: Handover) {
        *self.0.unwritten.lock() = Some(handover);
        self.0.has_unwritten.store(true, Ordering::Release);
    }

    /// All that there was to write has gone to the system. A response whose body has not ended is
    /// not written; nor is one for a client that sends no more, because it may be gone.
    pub(super) fn flushed(&self) {
        if !self.0.has_unwritten.load(Ordering::Acquire) || self.is_answering() {
            return;
        }
        if let Some(handover) = self.forget_unwritten()
            && !self.departure().has_departed()
        {
            handover.written();
        }
    }

    /// Returns the handover of a response that was not written.
    pub(super) fn forget_unwritten(&self) -> Option<Handover> {
        self.0.has_unwritten.store(false, Ordering::Release);
        self.0.unwritten.lock().take()
    }

    /// Whether a long head is charged.
    pub(super) fn has_long_head(&self) -> bool {
        self.0.head.lock().is_some()
    }

    /// Keeps what a long head is charged to.
    pub(super) fn charge_head(&self, charge: Charge) {
        *self.0.head.lock() = Some(charge);
    }
}

/// Lives as long as a request is being answered, its body included.
pub(super) struct Answering(Phase);

impl Answering {
    /// How far the connection is.
    pub(super) fn phase(&self) -> &Phase {
        &self.0
    }

    /// Keeps the handover of the response.
    pub(super) fn expect_written(&self, handover: Handover) {
        self.0.expect_written(handover);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let requests = &self.0.0;
        requests.passed.fetch_add(1, Ordering::AcqRel);
        requests.connection.wake();
    }
}
