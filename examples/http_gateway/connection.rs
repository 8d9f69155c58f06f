//! One connection: its requests one after another, each within the limits of a head.

use crate::budget::Charge;
use crate::guarded::{Answering, Guarded, Phase};
use crate::handler::{self, Gateway};
use crate::paced::Paced;
use crate::watched::Watched;
use axum::body::{Body, HttpBody};
use hyper::Request;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Bytes of a request's head that are read at all, in 100 lines, which is hyper's own limit: room for as many lies on the
/// stack, for more it is 16 KiB of the heap for each request. Over the handler's own limits, which are lower, the answer has a
/// body that says so; over this one hyper answers 431 or 414 without.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long a client that was answered early may go on sending, and how much.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

/// Serves a connection until it ends; from `stop` on, what is under way is answered and nothing more.
pub(crate) async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    gateway: Arc<Gateway>,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let phase = Phase::default();
    let watched = Watched::new(stream);
    let stream = Guarded::new(
        watched.same(),
        phase.clone(),
        gateway.strangers.clone(),
        gateway.peer(peer.ip()),
    );
    let asked = phase.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (gateway, answering, phase) = (Arc::clone(&gateway), asked.answering(), asked.clone());
        async move {
            let request = request.map(|body| Body::new(Paced::new(body, phase.clone())));
            let mut response = handler::answer(&gateway, peer, phase, request).await;
            let charge = response.extensions_mut().remove::<Arc<Charge>>();
            Ok::<_, Infallible>(response.map(|body| Sent {
                body,
                rest: Bytes::new(),
                _answering: answering,
                _charge: charge,
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
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
    }
    if phase.is_unread() && !phase.has_left() {
        linger(watched).await;
    }
}

/// Drives the connection to its end, and looks out for that of its client while a request is being answered.
async fn served<S, F>(
    mut connection: Pin<&mut http1::Connection<TokioIo<Guarded<Watched<S>>>, F>>,
    phase: &Phase,
    watched: &Watched<S>,
    stop: &mut watch::Receiver<bool>,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: HttpService<Incoming, ResBody = Sent>,
    F::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut stopping = pin!(async { drop(stop.wait_for(|stop| *stop).await) });
    let mut told = false;
    poll_fn(|cx| {
        if !told && stopping.as_mut().poll(cx).is_ready() {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        let ended = connection.as_mut().poll(cx);
        if ended.is_pending() && phase.is_answering() && watched.poll_left(cx).is_ready() {
            phase.leave();
        }
        ended
    })
    .await
}

/// Reads on for a moment what nobody wanted: the system resets a connection that is closed with bytes unread, and the
/// client then sees the reset instead of its answer.
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

/// Bytes of an answer that are handed over at once: hyper asks for the next piece when it has written most of the last
/// ones, so that what a client does not read stays here, where it is charged.
const PIECE: usize = 32 << 10;

/// An answer's body; as long as it is being sent, the connection is not idle.
struct Sent {
    body: Body,
    /// What is not handed over yet of the frame before.
    rest: Bytes,
    _answering: Answering,
    /// What a large answer holds.
    _charge: Option<Arc<Charge>>,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx))
                .map(|frame| frame.map(Frame::into_data))
            {
                Some(Ok(Ok(data))) if data.len() > PIECE => self.rest = data,
                Some(Ok(Ok(data))) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let length = PIECE.min(self.rest.len());
        let piece = self.rest.split_to(length);
        // A copy: the last piece would keep the whole answer, whose charge is given back before it is written.
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// For connections there is no room for; sent as it stands.
pub(crate) const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n\
Content-Length: 72\r\nRetry-After: 1\r\nConnection: close\r\n\r\n\
{\"Code\":\"busy\",\"Message\":\"too many connections are open\",\"RequestId\":\"\"}";

#[cfg(test)]
mod tests {
    use super::FULL;

    #[test]
    fn the_answer_to_one_too_many_is_well_formed() {
        let text = std::str::from_utf8(FULL).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
        serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    }
}
