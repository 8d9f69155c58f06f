//! Serving, and how it stops: no new connections, the waiting polls answered, then the end. On SIGHUP what can change
//! under way is read again.

use crate::handler::Gateway;
use crate::listener::Connections;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// How long a stop may take: posts under way get their answers, polls theirs at once.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Serves until ctrl-C or SIGTERM, and stops in order; `reload` is called at each SIGHUP.
#[expect(clippy::disallowed_methods, reason = "the program's own runtime, entered from its main thread")]
pub(crate) fn run(
    runtime: &Runtime,
    listener: TcpListener,
    connections: Connections,
    gateway: Arc<Gateway>,
    ready: impl FnOnce(),
    reload: impl Fn() + Clone + Send + 'static,
) -> Result<(), String> {
    runtime.block_on(serve(listener, connections, gateway, ready, reload)).map_err(|error| error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the deadline of a stop is real time: the engine's clock is stopping too")]
async fn serve(
    listener: TcpListener,
    connections: Connections,
    gateway: Arc<Gateway>,
    ready: impl FnOnce(),
    reload: impl Fn() + Clone + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    ready();
    {
        let mut accepting = std::pin::pin!(connections.accept(listener, &gateway));
        loop {
            tokio::select! {
                () = &mut accepting => {}
                signal = signals.come() => match signal {
                    Signal::Reload => {
                        // It reads files, and may wait for a password to be hashed.
                        let reload = reload.clone();
                        tokio::task::spawn_blocking(reload);
                    }
                    Signal::Stop => break,
                },
            }
        }
    }
    tracing::info!("stopping");
    gateway.stop();
    let stopping = gateway.engine.shutdown_async(STOP_MAX);
    let (stopped, served) = tokio::join!(stopping, tokio::time::timeout(STOP_MAX, connections.end()));
    if let Err(error) = stopped {
        tracing::warn!(%error, "the engine did not stop in time");
    }
    if served.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    Ok(())
}

/// What an operator asks for.
enum Signal {
    /// SIGTERM or ctrl-C.
    Stop,
    /// SIGHUP.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Reload,
}

/// Listened to before the program says that it is ready, so that no signal meets the default.
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
    fn listen() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Signals { terminate, interrupt, hangup: signal(SignalKind::hangup())? })
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
    fn listen() -> io::Result<Signals> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn come(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Stop
    }
}
