//! Strangers on the wire: memory without a login, half-closed connections, processes that cannot be
//! stopped.

mod connections;
mod files;
mod memory;
mod requests;

use crate::http::client;
use crate::http::world::{MESSAGES, World};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn post(world: &World, text: &str) -> Vec<u8> {
    let authorization = format!("FCF {}", world.lene);
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", authorization.as_str()),
    ];
    client::request(
        "POST",
        MESSAGES,
        &headers,
        format!("{{\"Text\":\"{text}\"}}").as_bytes(),
    )
}

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.gateway.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    stream
}

/// A connection from that address of ours.
fn from(world: &World, address: &str) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(
            &format!("{address}:0")
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
        )
        .unwrap();
    socket.connect(&world.gateway.address.into()).unwrap();
    TcpStream::from(socket)
}

/// Asks for something cheap. Returns the first bytes of the answer, and the connection, which stays
/// open.
fn asked(mut stream: TcpStream) -> (String, TcpStream) {
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    (String::from_utf8_lossy(&first).into_owned(), stream)
}
