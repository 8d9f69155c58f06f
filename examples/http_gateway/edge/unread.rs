//! A request body that tells whether it was read to its end.

use super::phase::Phase;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body; its connection is told if it is dropped before its end.
pub(crate) struct Unread {
    body: Incoming,
    phase: Phase,
}

impl Unread {
    pub(crate) fn new(body: Incoming, phase: Phase) -> Unread {
        Unread { body, phase }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            self.phase.note_unread();
        }
    }
}

impl Body for Unread {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
