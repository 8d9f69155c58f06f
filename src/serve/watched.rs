//! A socket that notices the end of its client's sending while a request is being answered.
//!
//! Many notifiers (PHP, Perl, a shell's `nc`) send a request and close, or close their sending
//! side, at once. hyper either takes that for a client that left and drops the request, or
//! (`half_close`) does not look, and then a poll waits half an hour for a client that is gone. So
//! hyper does not look, and the connection does: both read through this socket, hyper reads again
//! what the connection read ahead, and the end is told to the contract by a `Departure`. A change
//! is carried out and answered all the same; a poll or a search stops.

use parking_lot::Mutex;
use std::io::Result;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of later requests that are read ahead at most. Until hyper takes them, the end is not
/// looked for.
const AHEAD_MAX: usize = 1024;

/// The socket; all copies are one.
pub(super) struct Watched<S>(Arc<Mutex<Inner<S>>>);

struct Inner<S> {
    stream: S,
    /// Read by the watcher, not yet by hyper.
    ahead: Vec<u8>,
    /// The other end sends no more.
    ended: bool,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S) -> Watched<S> {
        Watched(Arc::new(Mutex::new(Inner {
            stream,
            ahead: Vec::new(),
            ended: false,
        })))
    }

    /// The same socket.
    pub(super) fn same(&self) -> Watched<S> {
        Watched(self.0.clone())
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Ready when the other end sends no more.
    pub(super) fn poll_left(&self, cx: &mut Context<'_>) -> Poll<()> {
        let inner = &mut *self.0.lock();
        let mut piece = [0; AHEAD_MAX];
        while !inner.ended && inner.ahead.len() < AHEAD_MAX {
            let mut buffer = ReadBuf::new(&mut piece[inner.ahead.len()..]);
            let read = ready!(Pin::new(&mut inner.stream).poll_read(cx, &mut buffer));
            let bytes = buffer.filled();
            inner.ended = read.is_err() || bytes.is_empty();
            inner.ahead.extend_from_slice(bytes);
            // hyper may be waiting for these bytes, so it is polled again.
            cx.waker().wake_by_ref();
        }
        if inner.ended {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let inner = &mut *self.0.lock();
        if !inner.ahead.is_empty() {
            let length = inner.ahead.len().min(buffer.remaining());
            buffer.put_slice(&inner.ahead[..length]);
            inner.ahead.drain(..length);
            return Poll::Ready(Ok(()));
        }
        if inner.ended {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut inner.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0.lock().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0.lock().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0.lock().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0.lock().stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.lock().stream.is_write_vectored()
    }
}
