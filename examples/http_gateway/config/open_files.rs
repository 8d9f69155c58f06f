//! Each waiting poll is a connection, and each connection an open file; the usual limit of 1,024 is far too few.

/// Files the database, the log and connections that are just being refused need beside the connections.
const RESERVE: u64 = 256;

/// Raises the limit as far as it goes without privileges; how many of `connections` then fit under it.
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

/// There is no such limit here.
#[cfg(not(unix))]
pub(crate) fn raise(connections: u32) -> u32 {
    connections
}
