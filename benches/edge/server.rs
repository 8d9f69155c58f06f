//! A server under test: the gateway, or the trivial one.

use crate::common::machine;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server; dropping it kills it.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the server, and waits until it prints where it listens.
    pub fn start(mut command: Command) -> Server {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = lines.find_map(|line| {
            line.ok()?
                .strip_prefix("listening on http://")?
                .parse()
                .ok()
        });
        Server {
            child,
            address: address.expect("the server says where it listens"),
        }
    }

    /// Its process id.
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Ends the server as an operator would. True if it ended with status 0 within 30 s.
    pub fn stop(mut self) -> bool {
        let sent = Command::new("kill")
            .args(["-s", "TERM", &self.id()])
            .status();
        let begin = Instant::now();
        while sent.as_ref().is_ok_and(|sent| sent.success())
            && begin.elapsed() < Duration::from_secs(30)
        {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Its resident bytes.
    pub fn resident(&self) -> f64 {
        machine::resident_of(&self.id()).map_or(f64::NAN, |bytes| bytes as f64)
    }

    /// The CPU time it has taken.
    pub fn cpu(&self) -> Duration {
        machine::whole_cpu_of(&self.id()).unwrap_or_default()
    }

    /// One call on a connection of its own: the status, and the document if there is one.
    pub fn call(&self, method: &str, target: &str, token: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).expect("the server listens");
        let request = request(method, target, token, "Connection: close\r\n", body);
        stream
            .write_all(request.as_bytes())
            .expect("the server reads");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("the server answers");
        let status = answer
            .get(9..12)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0);
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
    let authorization = if token.is_empty() {
        String::new()
    } else {
        format!("Authorization: FCF {token}\r\n")
    };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: bench\r\n{authorization}{headers}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The example, built as for a release.
pub fn built() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What cargo says of this package to a bench, ring's build script takes for a change of its
    // own.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            command.env_remove(name);
        }
    }
    let status = command
        .args([
            "build",
            "--release",
            "--locked",
            "--example",
            "http_gateway",
        ])
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the example does not build");
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .with_file_name("release")
        .join("examples")
        .join("http_gateway")
}
