//! A client that sends exactly the given bytes.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer may take; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(45);

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Expects that status; the body of an error must follow the rules.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{self:?}");
        if status >= 400 {
            let body = self.json();
            let id = self.header("x-request-id");
            assert_eq!(body["RequestId"].as_str(), id, "{self:?}");
            assert!(
                body["Code"].as_str().is_some_and(|code| !code.is_empty()),
                "{self:?}"
            );
            assert!(
                body["Message"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{self:?}"
            );
            assert_eq!(self.header("www-authenticate"), None, "{self:?}");
            assert_eq!(
                self.header("retry-after").is_some(),
                matches!(status, 429 | 503),
                "{self:?}"
            );
        }
        self
    }

    /// An error with this status and this code.
    #[track_caller]
    pub(crate) fn expect_code(self, status: u16, code: &str) -> Answer {
        let answer = self.expect(status);
        assert_eq!(answer.json()["Code"], code, "{answer:?}");
        answer
    }
}

/// Sends one request as it stands and reads until the server hangs up.
pub(crate) fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the gateway listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(request).expect("the gateway reads");
    receive(stream)
}

/// Reads an answer until the server hangs up.
pub(crate) fn receive(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(!bytes.is_empty(), "no answer: {error}");
    }
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().splitn(3, ' ').skip(1);
    let status = first
        .next()
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let reason = first.next().unwrap_or_default().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Answer {
        status,
        reason,
        headers: headers.collect(),
        body: body.to_owned(),
    }
}

/// The text of a request.
pub(crate) fn request(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT") {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}
