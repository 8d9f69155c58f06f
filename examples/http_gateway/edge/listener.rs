//! The listener: accepts connections, limits their number, and ends them all at a stop.
//!
//! The accept loop is ours and not axum's, because axum's knows no limit: the
//! ten-thousand-and-first slow client would take the last file descriptor from the database. A
//! connection over the limit hears 503 and is closed, so its client comes again; left in the
//! backlog, it would wait for a response that never comes.

use super::Edge;
use super::connection::{self, FULL};
use super::tls::Tls;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use switchboard::rest::Budget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;

/// How many connections may wait to be accepted; ten thousand pollers come back all at once after a
/// restart.
const BACKLOG: u32 = 4096;

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

/// Binds the listener.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's own runtime, entered from its main thread"
)]
pub(crate) fn listen(runtime: &Runtime, listen: &str) -> Result<TcpListener, String> {
    let bound = listen.to_socket_addrs().and_then(|mut addresses| {
        let address = addresses
            .next()
            .ok_or_else(|| io::Error::other("names no address"))?;
        runtime.block_on(async { bind(address) })
    });
    bound.map_err(|error| format!("--listen {listen}: {error}"))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// All connections.
pub(crate) struct Connections {
    most: u32,
    room: Arc<Semaphore>,
    /// How many each peer has; a trusted proxy is not a peer.
    shares: Budget,
    refusals: Arc<Semaphore>,
    /// `None`: connections are not encrypted.
    tls: Option<Arc<Tls>>,
    stop: watch::Sender<bool>,
    /// Whether the last connection was over the limit: the log says so once, not ten thousand
    /// times.
    full: AtomicBool,
}

impl Connections {
    pub(crate) fn new(most: u32, most_of_one: u32, tls: Option<Arc<Tls>>) -> Connections {
        let (stop, _) = watch::channel(false);
        let room = Arc::new(Semaphore::new(most as usize));
        let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
        let shares = Budget::new(most as usize, most_of_one as usize);
        Connections {
            most,
            room,
            shares,
            refusals,
            tls,
            stop,
            full: AtomicBool::new(false),
        }
    }

    /// Accepts for ever.
    pub(crate) async fn accept(&self, listener: TcpListener, edge: &Arc<Edge>) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.take(stream, peer, edge),
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    sleep_until(Instant::now() + ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Ends all connections as soon as what is under way on them is answered; returns when they
    /// have ended.
    pub(crate) async fn end(&self) {
        self.stop.send_replace(true);
        let _ = self.room.acquire_many(self.most).await;
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr, edge: &Arc<Edge>) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            return self.refuse(stream, peer);
        };
        let mut of_peer = self.shares.charge(edge.peer(peer.ip()));
        if !of_peer.more(1) {
            drop(place);
            return self.refuse(stream, peer);
        }
        self.full.store(false, Ordering::Relaxed);
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE / 4);
        let prepared = stream
            .set_nodelay(true)
            .and_then(|()| SockRef::from(&stream).set_tcp_keepalive(&keepalive));
        if prepared.is_err() {
            // The client is gone already.
            return;
        }
        let (edge, stop) = (Arc::clone(edge), self.stop.subscribe());
        let acceptor = self.tls.as_ref().map(|tls| tls.acceptor());
        tokio::spawn(async move {
            match acceptor {
                None => connection::serve(stream, peer, edge, stop).await,
                // In a box, so that an unencrypted connection does not keep room for a handshake.
                Some(acceptor) => Box::pin(encrypted(acceptor, stream, peer, edge, stop)).await,
            }
            drop((of_peer, place));
        });
    }

    fn refuse(&self, mut stream: TcpStream, peer: SocketAddr) {
        if !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(%peer, most = self.most, "one connection too many");
        }
        let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() else {
            return;
        };
        if self.tls.is_some() {
            // A handshake would cost more than the response is worth.
            return;
        }
        tokio::spawn(async move {
            let told = async {
                stream.write_all(FULL).await?;
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
            drop(place);
        });
    }
}

/// Makes the TLS handshake, then serves.
async fn encrypted(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    edge: Arc<Edge>,
    stop: watch::Receiver<bool>,
) {
    let shaken = tokio::select! {
        shaken = acceptor.accept(stream) => shaken,
        () = sleep_until(Instant::now() + HANDSHAKE) => Err(io::ErrorKind::TimedOut.into()),
    };
    match shaken {
        Ok(stream) => connection::serve(stream, peer, edge, stop).await,
        Err(error) => tracing::debug!(%peer, %error, "no TLS handshake"),
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
