//! One kept connection to the gateway, with one request at a time.

use crate::server::request;
use serde_json::Value;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer takes: a poll waits for 20 s.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    pub fn open(address: SocketAddr) -> io::Result<Line> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Line {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Sends a request without waiting for its answer.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        token: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<()> {
        self.stream
            .write_all(request(method, target, token, headers, body).as_bytes())
    }

    /// One call: the document of its answer (`Null` where there is none).
    ///
    /// # Errors
    /// The connection's, or an answer that is not 200.
    pub fn call(
        &mut self,
        method: &str,
        target: &str,
        token: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<Value> {
        self.ask(method, target, token, headers, body)?;
        let (status, body) = self.answer()?;
        if status != 200 {
            return Err(io::Error::other(format!(
                "{method} {target}: {status} {body}"
            )));
        }
        Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    fn answer(&mut self) -> io::Result<(u16, String)> {
        self.buffer.clear();
        let mut chunk = [0; 16 * 1024];
        loop {
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(io::Error::new(
                    ErrorKind::UnexpectedEof,
                    "the gateway hung up",
                ));
            }
            self.buffer.extend_from_slice(&chunk[..count]);
            if let Some(answer) = whole(&self.buffer) {
                return Ok(answer);
            }
        }
    }
}

/// The status and the body, once both are there.
fn whole(bytes: &[u8]) -> Option<(u16, String)> {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
    let stated = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())
            .flatten()
    });
    let body = bytes.get(head_end..head_end + stated.unwrap_or(0))?;
    Some((
        head.get(9..12)?.parse().ok()?,
        String::from_utf8_lossy(body).into_owned(),
    ))
}
