//! The limit of open files. Each waiting poll is a connection and each connection an open file, so
//! the usual limit of 1,024 is too low.

/// Open files reserved for the database, the log, and connections that are being refused.
const RESERVE: u64 = 256;

/// Raises the limit as far as possible without privileges. Returns how many of `connections` fit
/// under it.
#[cfg(unix)]
pub(crate) fn raise(connections: u32) -> u32 {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => {
            let fit = u32::try_from(limit.saturating_sub(RESERVE).max(1)).unwrap_or(u32::MAX);
            if fit < connections {
                tracing::warn!(
                    limit,
                    connections,
                    fit,
                    "the limit of open files allows fewer connections"
                );
            }
            fit.min(connections)
        }
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            connections
        }
    }
}

/// This system has no such limit.
#[cfg(not(unix))]
pub(crate) fn raise(connections: u32) -> u32 {
    connections
}
