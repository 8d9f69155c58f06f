//! A small read: on the caller's thread inside a blocking call, on a thread of the engine for an
//! executor.

use super::Reads;
use super::task::Underway;
use crate::database::error::Failure;
use crate::error::Result;
use crate::waiting::is_parked;
use rusqlite::Connection;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

enum Phase<T, F> {
    Start(Option<F>),
    Waiting(Underway<T>),
}

/// A small read under way.
pub(crate) struct SmallRead<T, F> {
    reads: Reads,
    phase: Phase<T, F>,
}

impl<T, F> SmallRead<T, F> {
    pub(super) fn new(reads: Reads, read: F) -> SmallRead<T, F> {
        SmallRead {
            reads,
            phase: Phase::Start(Some(read)),
        }
    }
}

impl<T, E, F> Future for SmallRead<T, F>
where
    T: Send + 'static,
    E: Into<Failure>,
    F: FnOnce(&Connection) -> Result<T, E> + Send + Unpin + 'static,
{
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Phase::Start(read) = &mut self.phase {
            let read = read.take().expect("a read is polled after its answer");
            if is_parked() {
                return Poll::Ready(self.reads.now(read));
            }
            self.phase = Phase::Waiting(self.reads.small(read));
        }
        match &mut self.phase {
            Phase::Waiting(answer) => Pin::new(answer).poll(cx),
            Phase::Start(_) => unreachable!("started above"),
        }
    }
}
