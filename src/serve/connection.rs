//! One connection: its requests one after another, each within the limits of a head.

use super::closing::Closing;
use super::guarded::Guarded;
use super::phase::{Answering, Phase};
use super::request_body::RequestBody;
use super::watched::Watched;
use crate::rest::{BodyError, Budget, Caller, Handover, Network};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

/// Bytes of a request's head that are read at all. hyper also takes at most 100 header lines, which
/// have room on its stack. The limits of the contract are lower, and a head over them gets a
/// response with a body; over these hyper answers 431 or 414 without one.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long, and how many bytes, a client may go on sending after an early response.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

/// A connection that was accepted, and what it needs of its server.
pub(super) struct Accepted<S> {
    pub(super) service: S,
    pub(super) peer: SocketAddr,
    pub(super) trusted_proxies: Arc<[Network]>,
    /// The budget of long heads.
    pub(super) heads: Budget,
    pub(super) stop: watch::Receiver<bool>,
}

impl<S> Accepted<S> {
    /// Serves the connection until it ends; from `stop` on, what is under way is answered and
    /// nothing more.
    pub(super) async fn serve<T, B>(self, stream: T)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
        B: Body<Data = Bytes, Error: Into<BodyError>> + Unpin + 'static,
    {
        let Accepted {
            service,
            peer,
            trusted_proxies,
            heads,
            mut stop,
        } = self;
        let phase = Phase::default();
        let watched = Watched::new(stream);
        let counted = Caller::behind(peer.ip(), &HeaderMap::new(), &trusted_proxies).peer();
        let stream = Guarded::new(watched.same(), phase.clone(), heads, counted);
        let (asked, seen) = (phase.clone(), watched.same());
        let service = service_fn(move |request: Request<Incoming>| {
            let (answering, closing) = (asked.answering(), Closing::of(&request));
            let caller = Caller::behind(peer.ip(), request.headers(), &trusted_proxies);
            let caller = caller.with_departure(asked.departure().clone());
            let mut request = request.map(|body| RequestBody::new(body, asked.clone()));
            request.extensions_mut().insert(caller);
            let (answer, seen) = (service.clone().call(request), seen.same());
            async move {
                let Ok(mut response) = answer.await;
                // The end of the sending may have come with the request: nobody has looked yet.
                if poll_fn(|cx| Poll::Ready(seen.poll_left(cx).is_ready())).await {
                    answering.phase().departure().depart();
                }
                closing.say(response.headers_mut(), answering.phase()).await;
                let handover = response.extensions_mut().remove::<Handover>();
                if let Some(handover) = handover.and_then(|handover| handover.take()) {
                    answering.expect_written(handover);
                }
                Ok::<_, Infallible>(response.map(|body| Sent {
                    body,
                    _answering: answering,
                }))
            }
        });
        let mut settings = http1::Builder::new();
        // The head's deadline is `Guarded`'s.
        settings
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES_MAX)
            .half_close(true);
        let connection = settings.serve_connection(TokioIo::new(stream), service);
        let ended = served(pin!(connection), &phase, &watched, &mut stop).await;
        drop(phase.forget_unwritten());
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended");
        }
        if phase.is_unread() && !phase.departure().has_departed() {
            // In a box: its buffer would make every connection four KiB larger.
            Box::pin(linger(watched)).await;
        }
    }
}

/// Drives the connection to its end, and watches for the end of its client's sending while a
/// request is being answered.
async fn served<T, F, B>(
    mut connection: Pin<&mut http1::Connection<TokioIo<Guarded<Watched<T>>>, F>>,
    phase: &Phase,
    watched: &Watched<T>,
    stop: &mut watch::Receiver<bool>,
) -> hyper::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: HttpService<Incoming, ResBody = Sent<B>, Error = Infallible>,
    B: Body<Data = Bytes, Error: Into<BodyError>> + Unpin + 'static,
{
    let mut stopping = pin!(async { drop(stop.wait_for(|stop| *stop).await) });
    let mut told = false;
    poll_fn(|cx| {
        if !told && stopping.as_mut().poll(cx).is_ready() {
            told = true;
            phase.note_last();
            connection.as_mut().graceful_shutdown();
        }
        let ended = connection.as_mut().poll(cx);
        if ended.is_pending() && phase.is_answering() && watched.poll_left(cx).is_ready() {
            phase.departure().depart();
        }
        ended
    })
    .await
}

/// Reads and throws away what the client still sends: the system resets a connection that is closed
/// with unread bytes, and the client would see the reset instead of the response.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut watched: Watched<S>) {
    let drained = async {
        watched.shutdown().await?;
        let mut thrown_away = [0; 4096];
        let mut left = LINGER_BYTES;
        while left > 0 {
            match watched.read(&mut thrown_away).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::select! {
        _ = drained => {}
        () = sleep_until(Instant::now() + LINGER) => {}
    }
}

/// The body of a response; while it is being sent, the connection is not idle.
struct Sent<B> {
    body: B,
    _answering: Answering,
}

impl<B: Body + Unpin> Body for Sent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
