//! A port of the loopback that stays ours from the moment it is chosen.
//!
//! Whoever binds port 0, closes the socket and hands the number on has lost the port in between.
//! This socket stays open, bound and not listening: nobody else is given the port, a connection to
//! it is refused, and on Linux a server that sets `SO_REUSEADDR`, as servers do, may still bind it
//! and listen, again and again.

use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr};

/// A reserved port; dropping it gives it back.
pub(crate) struct Port {
    number: u16,
    _held: Option<Socket>,
}

impl Port {
    pub(crate) fn reserve() -> Port {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket
            .set_reuse_address(true)
            .expect("an option of every system");
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .expect("a free port");
        let number = socket
            .local_addr()
            .expect("bound")
            .as_socket()
            .expect("an address")
            .port();
        // On other systems the option does not admit a second socket while this one exists.
        Port {
            number,
            _held: cfg!(target_os = "linux").then_some(socket),
        }
    }

    /// A port that somebody else has reserved.
    #[allow(dead_code, reason = "the benchmark shares this file")]
    pub(crate) fn taken(number: u16) -> Port {
        Port {
            number,
            _held: None,
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
