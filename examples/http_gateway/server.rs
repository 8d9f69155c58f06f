//! The listener, and how it stops: no new connections, the waiting polls answered, then the end.

use crate::handler::{self, Gateway};
use axum::Router;
use std::future::IntoFuture;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

/// How long a stop may take: posts under way get their answers, polls theirs at once.
const STOP_MAX: Duration = Duration::from_secs(10);

/// How many connections may wait to be accepted; ten thousand pollers come back all at once after a restart.
const BACKLOG: u32 = 4096;

/// Binds the listener.
#[expect(clippy::disallowed_methods, reason = "the program's own runtime, entered from its main thread")]
pub(crate) fn listen(runtime: &Runtime, listen: &str) -> Result<TcpListener, String> {
    let bound = listen.to_socket_addrs().and_then(|mut addresses| {
        let address = addresses.next().ok_or_else(|| io::Error::other("names no address"))?;
        runtime.block_on(async { bind(address) })
    });
    bound.map_err(|error| format!("--listen {listen}: {error}"))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until ctrl-C or SIGTERM, and stops in order.
#[expect(clippy::disallowed_methods, reason = "the program's own runtime, entered from its main thread")]
pub(crate) fn run(runtime: &Runtime, listener: TcpListener, gateway: Arc<Gateway>, ready: impl FnOnce()) -> Result<(), String> {
    runtime.block_on(serve(listener, gateway, ready)).map_err(|error| error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the deadline of a stop is real time: the engine's clock is stopping too")]
async fn serve(listener: TcpListener, gateway: Arc<Gateway>, ready: impl FnOnce()) -> io::Result<()> {
    let signal = Signals::listen()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = Router::new().fallback(handler::answer).with_state(Arc::clone(&gateway));
    let serving = axum::serve(listener, app).with_graceful_shutdown(async {
        // An error says that the other end is gone, which is the same.
        let _ = stopped.await;
    });
    let mut serving = std::pin::pin!(serving.into_future());
    ready();
    tokio::select! {
        ended = &mut serving => return ended,
        () = signal.come() => {}
    }
    tracing::info!("stopping");
    gateway.stop();
    drop(stop);
    let stopping = gateway.engine.shutdown_async(STOP_MAX);
    let (stopped, served) = tokio::join!(stopping, tokio::time::timeout(STOP_MAX, serving));
    if let Err(error) = stopped {
        tracing::warn!(%error, "the engine did not stop in time");
    }
    if served.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    Ok(())
}

/// What ends the program. Listened to before it says that it is ready, so that no signal meets the default.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn come(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn listen() -> io::Result<Signals> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn come(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
