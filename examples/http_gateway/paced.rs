//! A request body that must keep coming.

use crate::allowance::Allowance;
use crate::guarded::Phase;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body that ends with an error once the client has kept us waiting for too long.
pub(crate) struct Paced {
    body: Incoming,
    allowance: Allowance,
    phase: Phase,
}

impl Paced {
    pub(crate) fn new(body: Incoming, phase: Phase) -> Paced {
        Paced {
            body,
            allowance: Allowance::default(),
            phase,
        }
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            self.phase.note_unread();
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => {
                ready!(self.allowance.poll_spent(cx));
                Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.allowance.moved(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
