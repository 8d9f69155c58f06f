//! The listener, and the files that its connections need.

use std::io;
use std::net::ToSocketAddrs;
use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted; ten thousand pollers come back all at once after a
/// restart.
const BACKLOG: u32 = 4096;

/// Open files reserved for the database, the log, and connections that are being refused.
const RESERVE: u64 = 256;

/// Binds a listener at the first address that `address` stands for. Four thousand connections may
/// wait to be accepted. Called inside a tokio runtime.
///
/// # Errors
/// If `address` stands for none, and those of binding.
pub fn listen(address: &str) -> io::Result<TcpListener> {
    let mut addresses = address.to_socket_addrs()?;
    let none = || io::Error::other("names no address");
    let address = addresses.next().ok_or_else(none)?;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Raises this process's limit of open files as far as possible without privileges. Returns how
/// many of `connections` fit under it: each is an open file, and the usual limit of 1,024 is too
/// low. The log says if fewer fit.
#[cfg(unix)]
pub fn raise_open_files(connections: u32) -> u32 {
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

/// Returns `connections`: this system has no such limit.
#[cfg(not(unix))]
pub fn raise_open_files(connections: u32) -> u32 {
    connections
}
