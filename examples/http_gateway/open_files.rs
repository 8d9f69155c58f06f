//! Each waiting poll is a connection, and each connection an open file; the usual limit of 1,024 is far too few.

/// Raises the limit as far as it goes without privileges.
#[cfg(unix)]
pub(crate) fn raise() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::info!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

/// There is no such limit here.
#[cfg(not(unix))]
pub(crate) fn raise() {}
