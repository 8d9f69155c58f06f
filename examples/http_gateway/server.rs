//! Serves until a signal, then stops in order: no new connections, then the waiting polls are
//! answered, then the engine ends. SIGHUP reloads what can change while the gateway runs.

use crate::edge::Edge;
use crate::reload::Reloaded;
use futures_util::FutureExt;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use switchboard::rest::Network;
use switchboard::serve::Server;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::signal::unix;

/// How much longer than [`STOP_MAX`] the process may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// How long a stop may take: posts under way get their answers, polls theirs at once.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Everything that is needed to serve.
pub(crate) struct Gateway {
    pub(crate) edge: Arc<Edge>,
    pub(crate) listener: TcpListener,
    /// Of all clients, and of one.
    pub(crate) connections: (u32, Option<u32>),
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) hangups: Hangups,
}

impl Gateway {
    /// Serves until ctrl-C or SIGTERM, and stops in order; calls `ready` when it serves.
    #[expect(
        clippy::disallowed_methods,
        reason = "the deadline of a stop is real time: the engine's clock is stopping too"
    )]
    pub(crate) async fn serve(self, ready: impl FnOnce(), reloaded: Reloaded) -> io::Result<()> {
        let edge = self.edge;
        let server = Server::new(tower::service_fn(move |request| {
            edge.clone().answer(request).map(Ok::<_, Infallible>)
        }))
        .connections(self.connections.0, self.connections.1)
        .trusted_proxies(self.trusted_proxies);
        let mut stops = Stops::listen()?;
        let (engine, tls) = (reloaded.engine.clone(), reloaded.tls.clone());
        let reloaded = Arc::new(reloaded);
        ready();
        let accepting = async {
            match tls {
                None => server.accept(self.listener).await,
                Some(tls) => {
                    let handshake = |stream| tls.acceptor().accept(stream);
                    server.accept_encrypted(self.listener, handshake).await;
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = self.hangups.reload(reloaded) => {}
            () = stops.come() => {}
        }
        tracing::info!("stopping");
        tokio::spawn(async move {
            // A second signal ends the program at once.
            stops.come().await;
            tracing::warn!("stopped at once");
            std::process::exit(1);
        });
        end_at_last();
        let stopping = engine.shutdown_async(STOP_MAX);
        let (stopped, served) =
            tokio::join!(stopping, tokio::time::timeout(STOP_MAX, server.end()));
        if let Err(error) = stopped {
            tracing::warn!(%error, "the engine did not stop in time");
        }
        if served.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        Ok(())
    }
}

/// Ends the program if the orderly stop does not: a thread that hangs in a file or a device cannot
/// be told to end.
fn end_at_last() {
    let ends = std::thread::Builder::new()
        .name("last-end".into())
        .spawn(|| {
            std::thread::sleep(STOP_MAX + GRACE);
            tracing::error!("something did not end; the program ends without it");
            std::process::exit(1);
        });
    if let Err(error) = ends {
        tracing::warn!(%error, "no thread watches the end");
    }
}

/// SIGHUP is listened to before anything else, because by default it would end the program while
/// the database opens. SIGTERM and ctrl-C keep their default until the program serves, so that a
/// start that hangs can be ended.
pub(crate) struct Hangups {
    #[cfg(unix)]
    hangup: unix::Signal,
}

impl Hangups {
    /// Listens from now on; called inside the program's runtime.
    pub(crate) fn listen() -> io::Result<Hangups> {
        Ok(Hangups {
            #[cfg(unix)]
            hangup: unix::signal(unix::SignalKind::hangup())?,
        })
    }

    /// Reloads at each signal, one at a time; all signals during a reload cause one more. With a
    /// task for each, 500 signals a second held 529 threads, and files and changes waited for 40 s.
    async fn reload(mut self, reloaded: Arc<Reloaded>) {
        loop {
            #[cfg(unix)]
            self.hangup.recv().await;
            #[cfg(not(unix))]
            std::future::pending::<()>().await;
            let reloaded = Arc::clone(&reloaded);
            if let Err(error) = tokio::task::spawn_blocking(move || reloaded.again()).await {
                tracing::error!(%error, "a reload ended early");
            }
        }
    }
}

/// SIGTERM and ctrl-C, listened to before the program says that it is ready.
struct Stops {
    #[cfg(unix)]
    terminate: unix::Signal,
    #[cfg(unix)]
    interrupt: unix::Signal,
}

impl Stops {
    fn listen() -> io::Result<Stops> {
        Ok(Stops {
            #[cfg(unix)]
            terminate: unix::signal(unix::SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: unix::signal(unix::SignalKind::interrupt())?,
        })
    }

    async fn come(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
