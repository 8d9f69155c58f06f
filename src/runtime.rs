//! The engine's own tokio runtime, owned by a thread of its own, and the only place that starts
//! tasks on it.
//!
//! Dropping a runtime inside another one panics, so only this thread holds the runtime; all others
//! have a handle.

use crate::error::{Error, Result};
use crate::waiting::{Activity, Tracked, engine_thread, start_thread};
use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use std::future::Future;
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Starts a task on `runtime` that counts as under way whenever it runs.
pub(crate) fn start_task<F>(runtime: &Handle, activity: Activity, task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    runtime.spawn(Tracked::new(activity, task))
}

/// As [`start_task`], on the runtime that the calling thread has entered.
///
/// # Panics
/// If it has entered none. Calls into a backend come with the engine's runtime entered.
pub(crate) fn start_task_here<F>(activity: Activity, task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    start_task(&Handle::current(), activity, task)
}

/// Runs `work` on a thread of the entered runtime that may block: for files and for what a library
/// does slowly.
///
/// # Panics
/// If the calling thread has entered no runtime.
pub(crate) fn start_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

/// The runtime's keeper.
pub(crate) struct Runtime {
    handle: Handle,
    stop: Sender<Duration>,
    keeper: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Runtime {
    /// Starts a runtime with that many worker threads.
    pub(crate) fn start(workers: usize) -> Result<Runtime> {
        let failed =
            |error: std::io::Error| Error::storage_by("cannot start the engine's threads", error);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers.max(1))
            .thread_name("switchboard-io")
            .on_thread_start(engine_thread)
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = bounded::<Duration>(1);
        let keeper = start_thread("runtime", move || {
            // Also ends when the engine is dropped without a stop.
            let deadline = stopped.recv().unwrap_or(Duration::ZERO);
            runtime.shutdown_timeout(deadline);
        })?;
        Ok(Runtime {
            handle,
            stop,
            keeper: Mutex::new(Some(keeper)),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the runtime: waiting tasks are dropped, and blocking work gets `deadline` to end.
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
