//! The one place that starts a thread, so that a simulation can later step them all.
//!
//! A thread that serves the engine marks itself with [`engine_thread`](super::engine_thread) when
//! it begins; one that shuts the engine down must not, because it waits for the others.

use crate::error::{Error, Result};
use std::fmt::Display;
use std::thread::{Builder, JoinHandle};

/// Runs `body` on `count` threads named `switchboard-NAME`, of which this one is the first, and
/// returns when all have ended. There are fewer if the system starts no more.
pub(crate) fn in_threads(count: usize, name: &str, body: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 1..count {
            let thread = Builder::new().name(format!("switchboard-{name}"));
            if let Err(error) = thread.spawn_scoped(scope, &body) {
                tracing::warn!(%error, "one thread less for `{name}`: the system starts no more");
                break;
            }
        }
        body();
    });
}

/// Starts a thread named `switchboard-NAME`.
///
/// # Errors
/// `Storage` if the system cannot start a thread.
pub(crate) fn start_thread(
    name: impl Display,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>> {
    let name = format!("switchboard-{name}");
    Builder::new()
        .name(name.clone())
        .spawn(body)
        .map_err(|error| Error::storage_by(format!("cannot start the thread `{name}`"), error))
}
