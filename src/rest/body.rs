//! The body of a response.

use super::budget::Charge;
use super::handover::Handover;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes of a large response that are handed over at once: a server asks for the next piece when it
/// has written most of the last ones, so that what a client does not read stays here, where it is
/// charged.
const PIECE: usize = 32 << 10;

/// The body of a response. What a large one holds in memory is charged until it is dropped.
#[derive(Debug, Default)]
pub struct Body {
    /// What is not handed over yet.
    rest: Bytes,
    /// Whether it goes in pieces.
    is_large: bool,
    /// What a large response holds.
    charge: Option<Charge>,
    /// Over when the last piece is handed over.
    handover: Option<Handover>,
}

impl Body {
    pub(super) fn new(bytes: Bytes, handover: Option<Handover>) -> Body {
        Body {
            is_large: bytes.len() > PIECE,
            rest: bytes,
            charge: None,
            handover,
        }
    }

    /// Bytes that are not handed over yet.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Holds `charge` until the body is dropped.
    pub(super) fn charge_to(&mut self, charge: Charge) {
        self.charge = Some(charge);
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = PIECE.min(self.rest.len());
        let mut piece = self.rest.split_to(length);
        if self.is_large {
            // A copy: the last piece would keep the whole response, whose charge is given back
            // before it is written.
            piece = Bytes::copy_from_slice(&piece);
        }
        if self.rest.is_empty()
            && let Some(handover) = self.handover.take()
        {
            handover.written();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;
    use std::task::Waker;

    #[test]
    fn a_large_body_goes_in_pieces_of_its_own() {
        let whole: Vec<u8> = (0..PIECE * 2 + 7).map(|n| n as u8).collect();
        let mut body = Body::new(whole.clone().into(), None);
        let (mut came, mut cx) = (Vec::new(), Context::from_waker(Waker::noop()));
        while !body.is_end_stream() {
            assert_eq!(
                body.size_hint().exact(),
                Some((whole.len() - came.len()) as u64)
            );
            let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) else {
                panic!("a piece is there");
            };
            let piece = frame.into_data().expect("data");
            assert!(piece.len() <= PIECE);
            came.extend_from_slice(&piece);
        }
        assert_eq!(came, whole);
        assert!(matches!(
            Pin::new(&mut body).poll_frame(&mut cx),
            Poll::Ready(None)
        ));
    }
}
