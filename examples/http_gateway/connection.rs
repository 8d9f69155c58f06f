//! One connection: its requests one after another, each within the limits of a head.

use crate::guarded::{Answering, Guarded, Phase};
use crate::handler::{self, Gateway};
use crate::paced::Paced;
use axum::body::{Body, HttpBody};
use hyper::Request;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// Bytes of a request's head that are read at all, in 100 lines, which is hyper's own limit: room for as many lies on the
/// stack, for more it is 16 KiB of the heap for each request. Over the handler's own limits, which are lower, the answer has a
/// body that says so; over this one hyper answers 431 or 414 without.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Serves a connection until it ends; from `stop` on, what is under way is answered and nothing more.
pub(crate) async fn serve<S>(stream: S, peer: SocketAddr, gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let phase = Phase::default();
    let stream = Guarded::new(stream, phase.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (gateway, answering) = (Arc::clone(&gateway), phase.answering());
        async move {
            let request = request.map(|body| Body::new(Paced::new(body)));
            let response = handler::answer(&gateway, peer, request).await;
            Ok::<_, Infallible>(response.map(|body| Sent { body, _answering: answering }))
        }
    });
    let mut settings = http1::Builder::new();
    // The head's deadline is `Guarded`'s.
    settings.header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(settings.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { drop(stop.wait_for(|stop| *stop).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
    }
}

/// An answer's body; as long as it is being sent, the connection is not idle.
struct Sent {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// For connections there is no room for; sent as it stands.
pub(crate) const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n\
Content-Length: 72\r\nRetry-After: 1\r\nConnection: close\r\n\r\n\
{\"Code\":\"busy\",\"Message\":\"too many connections are open\",\"RequestId\":\"\"}";

#[cfg(test)]
mod tests {
    use super::FULL;

    #[test]
    fn the_answer_to_one_too_many_is_well_formed() {
        let text = std::str::from_utf8(FULL).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
        serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    }
}
