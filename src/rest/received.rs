//! The body of a request, read whole up to a limit or piece by piece.
//!
//! A client that sends a byte at a time spends its [`Allowance`].

use super::BodyError;
use super::allowance::Allowance;
use crate::engine::Engine;
use crate::error::Error;
use crate::wire::error::Failure;
use bytes::{Buf, Bytes};
use http::{HeaderMap, header};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What is still read, and thrown away, of a body that was refused: a client that is cut off while
/// it sends sees a broken connection instead of the response.
const DRAINED: usize = 32 << 20;

/// A body of any host's type. A body without content is not kept.
pub(super) struct Received {
    body: Option<Pin<Box<dyn Pieces + Send>>>,
    allowance: Allowance,
}

/// A body as pieces of bytes.
trait Pieces {
    fn poll_piece(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>>;
}

impl<B> Pieces for B
where
    B: http_body::Body,
    B::Error: Into<BodyError>,
{
    fn poll_piece(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match ready!(self.as_mut().poll_frame(cx)) {
                // Trailers say nothing in the contract.
                Some(Ok(frame)) => {
                    if let Ok(mut data) = frame.into_data() {
                        let length = data.remaining();
                        return Poll::Ready(Some(Ok(data.copy_to_bytes(length))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Received {
    pub(super) fn new<B>(body: B) -> Received
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let body: Option<Pin<Box<dyn Pieces + Send>>> = if body.is_end_stream() {
            None
        } else {
            Some(Box::pin(body))
        };
        let allowance = Allowance::default();
        Received { body, allowance }
    }

    /// The next bytes; `None` at the end. Waiting is timed by the clock of `engine`.
    pub(super) async fn next(&mut self, engine: &Engine) -> Option<Result<Bytes, Failure>> {
        let body = self.body.as_mut()?;
        let mut waited: Option<(Duration, _)> = None;
        let left = self.allowance.left();
        let piece = poll_fn(|cx| {
            if let Poll::Ready(piece) = body.as_mut().poll_piece(cx) {
                return Poll::Ready(piece.map(|piece| piece.map_err(|error| broken(&*error))));
            }
            let (_, sleep) = waited.get_or_insert_with(|| {
                let since = engine.monotonic();
                (since, Box::pin(engine.sleep_async(left)))
            });
            // Also once the engine has stopped: nobody waits for the rest then.
            let _ = ready!(sleep.as_mut().poll(cx));
            Poll::Ready(Some(Err(Failure::TooSlow)))
        })
        .await;
        let since = waited.map(|(since, _)| since);
        match &piece {
            Some(Ok(piece)) => {
                let waited = since.map(|since| engine.monotonic() - since);
                self.allowance
                    .moved(waited.unwrap_or_default(), piece.len());
            }
            // What failed or ended is not asked again.
            _ => self.body = None,
        }
        piece
    }

    /// Reads up to `limit` bytes; `room` is asked for the bytes so far before they are kept.
    pub(super) async fn whole(
        &mut self,
        headers: &HeaderMap,
        limit: usize,
        engine: &Engine,
        room: &mut (impl FnMut(usize) -> Result<(), Failure> + Send),
    ) -> Result<Vec<u8>, Failure> {
        let announced = length(headers).unwrap_or(0);
        let mut text = Vec::new();
        if announced <= limit as u64 {
            while let Some(piece) = self.next(engine).await {
                let piece = piece?;
                room(text.len() + piece.len())?;
                text.extend_from_slice(&piece);
                if text.len() > limit {
                    break;
                }
            }
        }
        let length = announced.max(text.len() as u64);
        if length > limit as u64 {
            drop(text);
            self.drain(headers, engine).await;
            return Err(Error::TooLarge {
                what: "the body",
                length,
                limit: limit as u64,
            }
            .into());
        }
        Ok(text)
    }

    /// Reads on and throws away, so that the response can be heard. A client that waits for "100
    /// Continue" sends nothing.
    pub(super) async fn drain(&mut self, headers: &HeaderMap, engine: &Engine) {
        if headers.contains_key(header::EXPECT) {
            return;
        }
        let mut drained = 0;
        while drained < DRAINED {
            match self.next(engine).await {
                Some(Ok(piece)) => drained += piece.len(),
                _ => return,
            }
        }
    }
}

/// Why a body broke off: the host's own deadline passed, or the client hung up or sent what is no
/// body.
fn broken(error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return Failure::TooSlow;
        }
        cause = error.source();
    }
    Error::Invalid("the body ended early".to_owned()).into()
}

/// What `Content-Length` says.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
