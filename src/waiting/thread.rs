//! The one place that starts a thread, so that a simulation can later step them all.
//!
//! A thread that serves the engine marks itself with [`engine_thread`](super::engine_thread) when
//! it begins; one that shuts the engine down must not, because it waits for the others.

use crate::error::{Error, Result};
use std::fmt::Display;
use std::thread::{Builder, JoinHandle};

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
