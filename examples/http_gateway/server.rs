//! Serves until a signal, then stops in order: no new connections, then the waiting polls are
//! answered, then the engine ends. SIGHUP reloads what can change while the gateway runs.

use crate::edge::Edge;
use crate::edge::listener::Connections;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use switchboard::Engine;
use tokio::net::TcpListener;

/// How much longer than [`STOP_MAX`] the process may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// How long a stop may take: posts under way get their answers, polls theirs at once.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Everything that is needed to serve.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) edge: Arc<Edge>,
    pub(crate) listener: TcpListener,
    pub(crate) connections: Connections,
    pub(crate) hangups: Hangups,
}

/// Serves until ctrl-C or SIGTERM, and stops in order; calls `ready` when it serves and `reload` at
/// each SIGHUP.
#[expect(
    clippy::disallowed_methods,
    reason = "the deadline of a stop is real time: the engine's clock is stopping too"
)]
pub(crate) async fn serve(
    server: Server,
    ready: impl FnOnce(),
    reload: impl Fn() + Clone + Send + 'static,
) -> io::Result<()> {
    let Server {
        engine,
        edge,
        listener,
        connections,
        hangups,
    } = server;
    let mut signals = Signals::listen(hangups)?;
    ready();
    {
        let mut reloads = Reloads::default();
        let mut accepting = std::pin::pin!(connections.accept(listener, &edge));
        loop {
            tokio::select! {
                () = &mut accepting => {}
                () = reloads.done(&reload) => {}
                signal = signals.come() => match signal {
                    Signal::Reload => reloads.ask(&reload),
                    Signal::Stop => break,
                },
            }
        }
    }
    tracing::info!("stopping");
    tokio::spawn(async move {
        // A second signal ends the program at once.
        while !matches!(signals.come().await, Signal::Stop) {}
        tracing::warn!("stopped at once");
        std::process::exit(1);
    });
    end_at_last();
    let stopping = engine.shutdown_async(STOP_MAX);
    let (stopped, served) =
        tokio::join!(stopping, tokio::time::timeout(STOP_MAX, connections.end()));
    if let Err(error) = stopped {
        tracing::warn!(%error, "the engine did not stop in time");
    }
    if served.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    Ok(())
}

/// Reloads, one at a time. A reload reads files and may wait for a password to be hashed. All
/// signals during a reload cause one more: with a task for each, 500 signals a second held 529
/// threads, and files and changes waited for 40 s.
#[derive(Default)]
struct Reloads {
    running: Option<tokio::task::JoinHandle<()>>,
    again: bool,
}

impl Reloads {
    fn ask(&mut self, reload: &(impl Fn() + Clone + Send + 'static)) {
        self.again = self.running.is_some();
        if !self.again {
            self.running = Some(tokio::task::spawn_blocking(reload.clone()));
        }
    }

    /// Waits until the running reload is done, and begins the next if one was asked for. Never
    /// returns if none is running.
    async fn done(&mut self, reload: &(impl Fn() + Clone + Send + 'static)) {
        let Some(running) = &mut self.running else {
            return std::future::pending().await;
        };
        if let Err(error) = running.await {
            tracing::error!(%error, "a reload ended early");
        }
        self.running = None;
        if std::mem::take(&mut self.again) {
            self.ask(reload);
        }
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

/// What an operator asks for.
enum Signal {
    /// SIGTERM or ctrl-C.
    Stop,
    /// SIGHUP.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Reload,
}

/// SIGHUP is listened to before anything else, because by default it would end the program while
/// the database opens. The other signals keep their default until the program serves, so that a
/// start that hangs can be ended.
pub(crate) struct Hangups {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Hangups {
    /// Listens from now on; called inside the program's runtime.
    pub(crate) fn listen() -> io::Result<Hangups> {
        #[cfg(unix)]
        return Ok(Hangups {
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        });
        #[cfg(not(unix))]
        Ok(Hangups {})
    }
}

/// Listened to before the program says that it is ready.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen(hangups: Hangups) -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        Ok(Signals {
            terminate,
            interrupt,
            hangup: hangups.hangup,
        })
    }

    #[cfg(unix)]
    async fn come(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }

    #[cfg(not(unix))]
    fn listen(_: Hangups) -> io::Result<Signals> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn come(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Stop
    }
}
