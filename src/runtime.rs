//! The engine's own tokio runtime, owned by a thread of its own.
//!
//! Dropping a runtime inside another one panics, so nobody but this thread ever holds it; the rest of the engine has
//! a handle.

use crate::error::{Error, Result};
use crate::waiting::engine_thread;
use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

/// The runtime's keeper.
pub(crate) struct Runtime {
    handle: tokio::runtime::Handle,
    stop: Sender<Duration>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Runtime {
    /// Starts a runtime with that many worker threads.
    pub(crate) fn start(workers: usize) -> Result<Runtime> {
        let failed = |error: std::io::Error| {
            Error::Storage(format!("cannot start the engine's threads: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers.max(1))
            .thread_name("switchboard-io")
            .on_thread_start(engine_thread)
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = bounded::<Duration>(1);
        let keeper = std::thread::Builder::new()
            .name("switchboard-runtime".into())
            .spawn(move || {
                // Ends too when the engine is gone without a word.
                let deadline = stopped.recv().unwrap_or(Duration::ZERO);
                runtime.shutdown_timeout(deadline);
            })
            .map_err(failed)?;
        Ok(Runtime {
            handle,
            stop,
            keeper: Mutex::new(Some(keeper)),
        })
    }

    pub(crate) fn handle(&self) -> &tokio::runtime::Handle {
        &self.handle
    }

    /// Ends the runtime: tasks are dropped where they wait; blocking ones get `deadline`.
    pub(crate) fn stop(&self, deadline: Duration) {
        let _ = self.stop.try_send(deadline);
        let keeper = self.keeper.lock().take();
        if let Some(keeper) = keeper
            && keeper.join().is_err()
        {
            tracing::error!("the runtime's thread panicked");
        }
    }
}
