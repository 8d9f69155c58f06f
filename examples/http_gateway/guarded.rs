//! A socket that cannot be held without being used: the deadlines between requests, and of a reader that does not read.
//!
//! hyper has one timer for a request's head, and it runs between requests too; so a browser that keeps a connection
//! for its next click would be cut off as soon as one that sends its head a byte at a time. Here the socket itself
//! knows which of the two it is, because it sees the first byte of a head, and is told when a request is being answered.

use crate::allowance::Allowance;
use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a request's head may take, from its first byte, or from the beginning of the connection.
const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may lie idle between two requests: longer than the minute that proxies keep theirs, so that
/// it is they who close and no request meets a connection that is just ending.
const IDLE: Duration = Duration::from_secs(75);

/// How many requests of a connection have begun and ended, twice over: odd while one is being answered.
#[derive(Clone, Default)]
pub(crate) struct Phase(Arc<AtomicU64>);

impl Phase {
    /// A request is being answered until what is returned is dropped.
    pub(crate) fn answering(&self) -> Answering {
        self.0.fetch_add(1, Ordering::AcqRel);
        Answering(self.clone())
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Lives as long as a request is being answered, its body included.
pub(crate) struct Answering(Phase);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// What we wait for on a connection that has no request.
struct Wait {
    /// The phase in which this wait began; in another one it means nothing any more.
    phase: u64,
    /// Whether a byte of the head has come.
    begun: bool,
    until: Pin<Box<Sleep>>,
}

/// The socket.
pub(crate) struct Guarded<S> {
    stream: S,
    phase: Phase,
    wait: Option<Wait>,
    writing: Allowance,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, phase: Phase) -> Guarded<S> {
        // A new connection is opened to be used: its first head has to come within the time of a head.
        let wait = Wait { phase: phase.now(), begun: true, until: Box::pin(sleep_until(Instant::now() + HEAD)) };
        Guarded { stream, phase, wait: Some(wait), writing: Allowance::default() }
    }

    /// The wait of this phase, begun anew where the phase is new or the head just begins.
    fn wait(&mut self, begun: bool) -> Pin<&mut Sleep> {
        let phase = self.phase.now();
        let new = self.wait.as_ref().is_none_or(|wait| wait.phase != phase || (begun && !wait.begun));
        if new {
            self.wait = None;
        }
        let limit = if begun { HEAD } else { IDLE };
        let wait = self.wait.get_or_insert_with(|| Wait { phase, begun, until: Box::pin(sleep_until(Instant::now() + limit)) });
        wait.until.as_mut()
    }
}

fn too_slow() -> Error {
    Error::from(ErrorKind::TimedOut)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.phase.now() % 2 == 1 {
            return read;
        }
        match read {
            Poll::Pending => {
                ready!(self.wait(false).poll(cx));
                Poll::Ready(Err(too_slow()))
            }
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                self.wait(true);
                Poll::Ready(Ok(()))
            }
            ended @ Poll::Ready(_) => ended,
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    fn watch<T>(&mut self, cx: &mut Context<'_>, done: Poll<Result<T>>, bytes: impl FnOnce(&T) -> usize) -> Poll<Result<T>> {
        match done {
            Poll::Pending => {
                ready!(self.writing.poll_spent(cx));
                Poll::Ready(Err(too_slow()))
            }
            Poll::Ready(Ok(done)) => {
                self.writing.moved(bytes(&done));
                Poll::Ready(Ok(done))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, done, |bytes| *bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, done, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, done, |()| 0)
    }
}
