//! The accept loop: takes connections, limits their number, and ends them all at a stop.
//!
//! A connection over the limit hears 503 and is closed, so its client comes again; left in the
//! backlog, it would wait for a response that never comes.

use super::connection::Accepted;
use super::refusal::Refusal;
use super::request_body::RequestBody;
use crate::rest::{BodyError, Budget, Caller, Charge, Network};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use socket2::{SockRef, TcpKeepalive};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

/// Connections at a time unless the host says otherwise: ten thousand pollers, and a fifth more for
/// whoever calls beside them.
const CONNECTIONS: u32 = 12_000;

/// Connections over the limit that hear 503 at one time; more are closed without a response.
const REFUSALS_MAX: usize = 64;

/// How long the 503 of a connection over the limit may take.
const REFUSAL: Duration = Duration::from_secs(1);

/// How long accepting pauses when the system has no files or memory left, which passes when other
/// connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a connection is silent before the system asks whether the client is still there. During
/// a poll that lasts an hour nothing else would notice.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Bytes of all long heads that are being read. They have a budget of their own, because anybody
/// can send them, and the responses of others need room.
const HEADS_BYTES_MAX: usize = 32 << 20;

/// Serves HTTP/1.1 on connections of the host's listener.
pub struct Server<S> {
    service: S,
    trusted_proxies: Arc<[Network]>,
    most: u32,
    room: Arc<Semaphore>,
    /// How many connections each peer has; a trusted proxy is not a peer.
    shares: Budget,
    heads: Budget,
    refusals: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    /// Whether the last connection was over the limit: the log says so once, not ten thousand
    /// times.
    full: AtomicBool,
}

impl<S> std::fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// A connection's share of the limits, until it ends.
struct Held(#[expect(dead_code, reason = "dropped")] (Charge, OwnedSemaphorePermit));

impl<S> Server<S> {
    /// Serves `service`, which is cloned for each connection and is always ready.
    pub fn new(service: S) -> Server<S> {
        Server {
            service,
            trusted_proxies: Arc::default(),
            most: 0,
            room: Arc::new(Semaphore::new(0)),
            shares: Budget::new(0, 0),
            heads: Budget::new(HEADS_BYTES_MAX, HEADS_BYTES_MAX / 4),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            stop: watch::channel(false).0,
            full: AtomicBool::new(false),
        }
        .connections(CONNECTIONS, None)
    }

    /// How many connections there are at a time, and how many of them one client may have that is
    /// no trusted proxy; `None` is five sixths. Of what one client leaves, its IPv4 /24 or IPv6 /56
    /// has a quarter in addition, its IPv6 /48 a half. Default: 12,000, five sixths.
    #[must_use]
    pub fn connections(mut self, all: u32, of_one_client: Option<u32>) -> Server<S> {
        let of_one = of_one_client.unwrap_or(all - all / 6);
        self.most = all;
        self.room = Arc::new(Semaphore::new(all as usize));
        self.shares = Budget::new(all as usize, of_one as usize);
        self
    }

    /// Whose `X-Forwarded-For` is believed; default: nobody's.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: Vec<Network>) -> Server<S> {
        self.trusted_proxies = proxies.into();
        self
    }

    /// Ends all connections as soon as what is under way on them is answered; returns when they
    /// have ended.
    pub async fn end(&self) {
        self.stop.send_replace(true);
        let _ = self.room.acquire_many(self.most).await;
    }

    fn refuse(&self, mut stream: TcpStream, peer: SocketAddr, encrypted: bool) {
        if !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(%peer, most = self.most, "one connection too many");
        }
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else {
            return;
        };
        if encrypted {
            // A handshake would cost more than the response is worth.
            return;
        }
        tokio::spawn(async move {
            let told = async {
                let response = Refusal::TooManyConnections.response();
                stream.write_all(&response).await?;
                stream.shutdown().await?;
                // What the client sends is read: else the system would reset the connection before
                // the client reads the response.
                let mut thrown_away = [0; 1024];
                while stream.read(&mut thrown_away).await? > 0 {}
                Ok::<_, io::Error>(())
            };
            tokio::select! {
                _ = told => {}
                () = sleep_until(Instant::now() + REFUSAL) => {}
            }
            drop(permit);
        });
    }
}

impl<S, B> Server<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<BodyError>> + Unpin + Send + 'static,
{
    /// Accepts connections for ever, on the tokio runtime of the caller. Dropping the future ends
    /// the accepting; connections go on until [`Server::end`].
    pub async fn accept(&self, listener: TcpListener) {
        loop {
            if let Some((stream, accepted, held)) = self.next(&listener, false).await {
                tokio::spawn(async move {
                    accepted.serve(stream).await;
                    drop(held);
                });
            }
        }
    }

    /// As [`Server::accept`]; each connection begins with `handshake`, that of TLS, which has 10
    /// seconds.
    pub async fn accept_encrypted<T, F>(
        &self,
        listener: TcpListener,
        handshake: impl Fn(TcpStream) -> F,
    ) where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = io::Result<T>> + Send + 'static,
    {
        loop {
            if let Some((stream, accepted, held)) = self.next(&listener, true).await {
                let shaking = handshake(stream);
                tokio::spawn(async move {
                    let shaken = tokio::select! {
                        shaken = shaking => shaken,
                        () = sleep_until(Instant::now() + HANDSHAKE) => Err(io::ErrorKind::TimedOut.into()),
                    };
                    match shaken {
                        Ok(stream) => accepted.serve(stream).await,
                        Err(error) => {
                            tracing::debug!(peer = %accepted.peer, %error, "no TLS handshake");
                        }
                    }
                    drop(held);
                });
            }
        }
    }

    /// Accepts one connection; `None` if it is refused or gone.
    async fn next(
        &self,
        listener: &TcpListener,
        encrypted: bool,
    ) -> Option<(TcpStream, Accepted<S>, Held)> {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if of_one_connection(&error) => return None,
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                sleep_until(Instant::now() + ACCEPT_PAUSE).await;
                return None;
            }
        };
        let caller = Caller::behind(peer.ip(), &HeaderMap::new(), &self.trusted_proxies);
        let mut of_peer = self.shares.charge(caller.peer());
        let permit = Arc::clone(&self.room).try_acquire_owned().ok();
        let Some(permit) = permit.filter(|_| of_peer.more(1)) else {
            self.refuse(stream, peer, encrypted);
            return None;
        };
        self.full.store(false, Ordering::Relaxed);
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE / 4);
        // An error says that the client is gone already.
        stream.set_nodelay(true).ok()?;
        SockRef::from(&stream).set_tcp_keepalive(&keepalive).ok()?;
        let accepted = Accepted {
            service: self.service.clone(),
            peer,
            trusted_proxies: self.trusted_proxies.clone(),
            heads: self.heads.clone(),
            stop: self.stop.subscribe(),
        };
        Some((stream, accepted, Held((of_peer, permit))))
    }
}

/// Whether an error of `accept` concerns only the connection that was to be accepted.
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
