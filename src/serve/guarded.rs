//! A socket with deadlines for requests that do not come and for a client that does not read.
//!
//! hyper has one timer for a request's head, and it runs between requests too; so a browser that
//! keeps a connection for its next click would be cut off as soon as one that sends its head a byte
//! at a time. This socket tells the two apart, because it sees the first byte of a head and knows
//! whether a request is being answered.

use super::phase::Phase;
use super::refusal::Refusal;
use crate::rest::Budget;
use crate::rest::allowance::Allowance;
use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a request's head may take, from its first byte, or from the beginning of the
/// connection.
const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may lie idle between two requests. Proxies close theirs after a minute;
/// because this is longer, no proxy sends a request on a connection that we are just closing.
const IDLE: Duration = Duration::from_secs(75);

/// Bytes of a head that are not charged. A longer head is charged what hyper's buffer may grow to.
const HEAD_FREE: usize = 8 << 10;
const HEAD_CHARGE: usize = 64 << 10;

/// A wait for the next head on a connection that has no request.
#[derive(Clone, Copy)]
struct Wait {
    /// The phase in which this wait began. In any other phase the wait is out of date.
    phase: u64,
    /// Whether a byte of the head has come.
    begun: bool,
    until: Instant,
}

/// The socket.
pub(super) struct Guarded<S> {
    stream: S,
    phase: Phase,
    wait: Wait,
    /// Made at the first wait and kept. The next wait usually ends later, so the timer is only set
    /// again when it fires too early. A timer for each wait would be made, queued and removed twice
    /// for each request.
    timer: Option<Pin<Box<Sleep>>>,
    head: Duration,
    idle: Duration,
    /// How long the client may still leave responses unread.
    allowance: Allowance,
    /// When the client began to keep us waiting, and the timer of this wait.
    unread: Option<(Instant, Pin<Box<Sleep>>)>,
    /// What a long head is charged to.
    budget: Budget,
    peer: Option<IpAddr>,
    /// Bytes of the head so far.
    head_bytes: usize,
    /// Whether the last write was not taken whole, so that nothing else may be written before its
    /// rest.
    blocked: bool,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, phase: Phase, budget: Budget, peer: Option<IpAddr>) -> Guarded<S> {
        Guarded::with_limits(stream, phase, HEAD, IDLE, budget, peer)
    }

    fn with_limits(
        stream: S,
        phase: Phase,
        head: Duration,
        idle: Duration,
        budget: Budget,
        peer: Option<IpAddr>,
    ) -> Guarded<S> {
        // A new connection is opened to be used: its first head has to come within the time of a
        // head.
        let wait = Wait {
            phase: phase.now(),
            begun: true,
            until: Instant::now() + head,
        };
        Guarded {
            stream,
            phase,
            wait,
            timer: None,
            head,
            idle,
            allowance: Allowance::default(),
            unread: None,
            budget,
            peer,
            head_bytes: 0,
            blocked: false,
        }
    }

    /// Returns the wait of this phase; a new phase and the first byte of a head begin a new wait.
    fn wait(&mut self, begun: bool) -> Wait {
        let phase = self.phase.now();
        if self.wait.phase != phase || (begun && !self.wait.begun) {
            self.head_bytes = 0;
            let limit = if begun { self.head } else { self.idle };
            self.wait = Wait {
                phase,
                begun,
                until: Instant::now() + limit,
            };
        }
        self.wait
    }

    /// Counts bytes of a head; returns false if the head is long and the budget has no room.
    fn count(&mut self, bytes: usize) -> bool {
        self.head_bytes += bytes;
        if self.head_bytes <= HEAD_FREE || self.phase.has_long_head() {
            return true;
        }
        let mut charge = self.budget.charge(self.peer);
        let room = charge.more(HEAD_CHARGE);
        if room {
            self.phase.charge_head(charge);
        }
        room
    }

    /// Ready at `until`.
    fn poll_until(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

fn too_slow() -> Error {
    Error::from(ErrorKind::TimedOut)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        self.phase.wakes(cx.waker());
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.phase.is_answering() {
            self.head_bytes = 0;
            return read;
        }
        match read {
            Poll::Pending => {
                let Wait { until, .. } = self.wait(false);
                ready!(self.poll_until(cx, until));
                Poll::Ready(Err(too_slow()))
            }
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                self.wait(true);
                let came = buffer.filled().len() - before;
                if self.count(came) {
                    return Poll::Ready(Ok(()));
                }
                // hyper cannot answer a head that it has not read, so the response is written here.
                // Nothing else is being written: no request is being answered, and `blocked` says
                // that the responses before were taken.
                if !self.blocked {
                    let response = Refusal::NoRoomForHead.response();
                    let _ = Pin::new(&mut self.stream).poll_write(cx, &response);
                    self.phase.note_unread();
                }
                Poll::Ready(Err(Error::from(ErrorKind::OutOfMemory)))
            }
            ended @ Poll::Ready(_) => ended,
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<Result<T>> {
        match done {
            Poll::Pending => {
                let left = self.allowance.left();
                let (_, timer) = self.unread.get_or_insert_with(|| {
                    let now = Instant::now();
                    (now, Box::pin(sleep_until(now + left)))
                });
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Err(too_slow()))
            }
            Poll::Ready(Ok(done)) => {
                let unread = self.unread.take();
                let waited = unread.map_or(Duration::ZERO, |(since, _)| since.elapsed());
                self.allowance.moved(waited, bytes(&done));
                Poll::Ready(Ok(done))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.blocked = !matches!(done, Poll::Ready(Ok(written)) if written == bytes.len());
        self.watch(cx, done, |bytes| *bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = done {
            self.phase.flushed();
        }
        self.watch(cx, done, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, done, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response, body::Incoming};
    use hyper_util::rt::TokioIo;
    use std::convert::Infallible;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const SHORT: Duration = Duration::from_millis(150);
    const LONG: Duration = Duration::from_millis(600);

    /// A server on the other end that takes a moment for each answer.
    fn served(head: Duration, idle: Duration) -> DuplexStream {
        let (client, server) = duplex(4096);
        let phase = Phase::default();
        let stream = Guarded::with_limits(
            server,
            phase.clone(),
            head,
            idle,
            Budget::new(1 << 20, 1 << 20),
            None,
        );
        let service = service_fn(move |_: Request<Incoming>| {
            let answering = phase.answering();
            async move {
                sleep_until(Instant::now() + LONG).await;
                drop(answering);
                Ok::<_, Infallible>(Response::new("x".to_owned()))
            }
        });
        let mut settings = http1::Builder::new();
        settings.header_read_timeout(None);
        tokio::spawn(settings.serve_connection(TokioIo::new(stream), service));
        client
    }

    /// Sends `request`, reads to the end, and returns what came and how long it took.
    async fn until_closed(mut client: DuplexStream, request: &str) -> (String, Duration) {
        let began = Instant::now();
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        (answer, began.elapsed())
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test's own runtime")]
    async fn a_connection_without_a_second_request_is_closed_after_the_idle_time() {
        let (answer, took) =
            until_closed(served(LONG * 9, SHORT), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(
            answer.starts_with("HTTP/1.1 200"),
            "an answer may take longer than a head or idling: {answer}"
        );
        assert!(
            (LONG + SHORT..LONG + 20 * SHORT).contains(&took),
            "{took:?}"
        );
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test's own runtime")]
    async fn half_a_second_head_is_closed_after_the_time_of_a_head() {
        let twice = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT";
        for request in [twice, "GET / HT", ""] {
            let (_, took) = until_closed(served(SHORT, LONG * 4), request).await;
            assert!(took < LONG * 7, "{request}: {took:?}");
        }
    }
}
