//! A server under test: the gateway, or the trivial one.

use crate::common::machine;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server; dropping it kills it.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it, and waits until it says where it listens.
    pub fn start(mut command: Command) -> Server {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = lines.find_map(|line| line.ok()?.strip_prefix("listening on http://")?.parse().ok());
        Server { child, address: address.expect("the server says where it listens") }
    }

    /// Its resident bytes.
    pub fn resident(&self) -> f64 {
        machine::resident_of(&self.child.id().to_string()).map_or(f64::NAN, |bytes| bytes as f64)
    }

    /// The CPU time it has taken.
    pub fn cpu(&self) -> Duration {
        machine::whole_cpu_of(&self.child.id().to_string()).unwrap_or_default()
    }

    /// One call on a connection of its own: the status, and the document if there is one.
    pub fn call(&self, method: &str, target: &str, token: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).expect("the server listens");
        let request = request(method, target, token, "Connection: close\r\n", body);
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        let status = answer.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text of a request.
pub fn request(method: &str, target: &str, token: &str, headers: &str, body: &str) -> String {
    let authorization = if token.is_empty() { String::new() } else { format!("Authorization: FCF {token}\r\n") };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: bench\r\n{authorization}{headers}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
