//! One connection: its requests one after another, each within the limits of a head.

use super::Edge;
use super::guarded::Guarded;
use super::phase::{Answering, Phase};
use super::unread::Unread;
use super::watched::Watched;
use axum::body::Body;
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
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Bytes of a request's head that are read at all. hyper also takes at most 100 header lines, which
/// have room on its stack. The limits of the contract are lower, and a head over them gets a
/// response with a body; over these hyper answers 431 or 414 without one.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long, and how many bytes, a client may go on sending after an early response.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

/// Serves a connection until it ends; from `stop` on, what is under way is answered and nothing
/// more.
pub(crate) async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    edge: Arc<Edge>,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let phase = Phase::default();
    let watched = Watched::new(stream);
    let counted = edge.peer(peer.ip());
    let stream = Guarded::new(watched.same(), phase.clone(), edge.heads.clone(), counted);
    let asked = phase.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (edge, answering, phase) = (Arc::clone(&edge), asked.answering(), asked.clone());
        async move {
            let departure = phase.departure().clone();
            let request = request.map(|body| Unread::new(body, phase));
            let response = edge.answer(peer.ip(), departure, request).await;
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
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
    }
    if phase.is_unread() && !phase.departure().has_left() {
        linger(watched).await;
    }
}

/// Drives the connection to its end, and watches for the end of its client's sending while a
/// request is being answered.
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
            phase.departure().leave();
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
struct Sent {
    body: Body,
    _answering: Answering,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The response to a connection over the limit; sent as it stands.
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
