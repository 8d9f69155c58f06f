//! One HTTP/1.1 PUT, streamed: all that XEP-0363 needs of HTTP. Each step on the socket has a
//! deadline.
//!
//! Where it goes is the upload service's word, and so are three headers; nothing of ours goes
//! along. Plain HTTP is for this machine only, whatever the stream's own security is, and a
//! redirect is not followed.
//!
//! Rejected: an HTTP client library for one request with a known length and a status to read.

use super::stream::{Io, plain};
use crate::backend::{BackendError, BackendErrorKind, Inbox, PipeReader, Trust, dial, tls};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The most bytes of an answer that are read.
const ANSWER_MAX: usize = 16 * 1024;
/// How long the connection and its TLS may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long the server may take to read 64 KiB.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// How long the server may take to answer once it has the file.
const STATUS_MAX: Duration = Duration::from_secs(30);

/// The address that a file is put to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    host: String,
    port: u16,
    is_secure: bool,
    /// Path and query, as the request contains them.
    path: String,
    /// True if the file may go to this machine only.
    pub(super) only_here: bool,
}

impl Target {
    /// Returns the host, without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Reads an address. Returns `None` if no file can be put to it.
    pub(super) fn parse(url: &str) -> Option<Target> {
        let (is_secure, rest) = match url.trim().split_once("://")? {
            (scheme, rest) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            (scheme, rest) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let default = if is_secure { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().ok()?)
            }
            _ => (authority, default),
        };
        let host = host.trim_matches(['[', ']']);
        let is_clean = host.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains('@') || !is_clean {
            return None;
        }
        let path = encoded(path)?;
        let path = if path.starts_with('/') {
            path
        } else {
            format!("/{path}")
        };
        Some(Target {
            host: host.to_owned(),
            port,
            is_secure,
            path,
            only_here: false,
        })
    }

    /// Returns the head of the request.
    pub(super) fn head(&self, length: u64, headers: &[(String, String)]) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let mut head = format!(
            "PUT {} HTTP/1.1\r\nHost: {host}:{}\r\n",
            self.path, self.port
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!(
            "Content-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        ));
        head
    }
}

/// Returns an address, or a part of one, with every character percent-encoded that must be (RFC
/// 3986): some services write the file's name into it as it is. What is encoded stays so. Returns
/// `None` for a control character, which could begin another line of the request.
pub(super) fn encoded(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let is_escape = || after.len() >= 2 && after[..2].iter().all(u8::is_ascii_hexdigit);
        match byte {
            _ if byte.is_ascii_control() => return None,
            b'%' if is_escape() => out.push('%'),
            b'%'
            | b' '
            | b'"'
            | b'<'
            | b'>'
            | b'\\'
            | b'^'
            | b'`'
            | b'{'
            | b'|'
            | b'}'
            | 0x80.. => {
                out.push_str(&format!("%{byte:02X}"));
            }
            _ => out.push(char::from(byte)),
        }
        rest = after;
    }
    Some(out)
}

/// Returns the header if a server may ask for it: one of three, without line ends (XEP-0363, 5).
pub(super) fn admissible(name: &str, value: &str) -> Option<(String, String)> {
    let is_known =
        ["authorization", "cookie", "expires"].contains(&name.trim().to_lowercase().as_str());
    let clean: String = value.chars().filter(|c| !c.is_control()).collect();
    is_known.then(|| (name.trim().to_owned(), clean))
}

/// Puts the data of `body`, which must be `length` bytes. Plain HTTP is allowed to this machine
/// only.
pub(super) async fn put(
    inbox: &Inbox,
    target: &Target,
    headers: &[(String, String)],
    length: u64,
    first: Vec<u8>,
    body: &mut PipeReader,
    trust: &Trust,
) -> Result<(), BackendError> {
    let endpoint = format!("{}:{}", target.host, target.port);
    let lost = |error: std::io::Error| {
        BackendError::unreachable(format!(
            "the upload to {endpoint} was cut: {}",
            plain(&error)
        ))
    };
    let slow = |what: &str| BackendError::unreachable(format!("the upload host {endpoint} {what}"));
    let mut io = connect(inbox, target, trust, &endpoint).await?;
    let head = target.head(length, headers);
    inbox
        .within(WRITE_MAX, io.write_all(head.as_bytes()))
        .await
        .ok_or_else(|| slow("accepts no data"))?
        .map_err(lost)?;
    let rejected = |reason: &str| BackendError::new(BackendErrorKind::Rejected, reason);
    let mut left = length;
    let mut next = Some(first);
    let mut is_cut = false;
    while let Some(chunk) = next.take() {
        left = left
            .checked_sub(chunk.len() as u64)
            .ok_or_else(|| rejected("the file is longer than announced"))?;
        if inbox
            .within(WRITE_MAX, io.write_all(&chunk))
            .await
            .ok_or_else(|| slow("accepts no more data"))?
            .is_err()
        {
            // The server may have said why before it hung up.
            is_cut = true;
            break;
        }
        next = body
            .next()
            .await
            .map_err(|_| rejected("the upload was given up"))?;
    }
    if !is_cut && left > 0 {
        return Err(rejected("the file is shorter than announced"));
    }
    let answered = async {
        let _ = io.flush().await;
        status(&mut io).await
    };
    let status = inbox
        .within(STATUS_MAX, answered)
        .await
        .ok_or_else(|| slow("does not confirm the upload"))?
        .map_err(lost)?;
    verdict(status, length)
}

/// Returns the error of a host that no file may be put to.
pub(super) fn not_allowed(host: &str) -> BackendError {
    BackendError::refused(format!(
        "the server wants the file at `{host}`, which is neither its own host nor among those that are allowed"
    ))
}

/// Connects to the host that the file is put to.
async fn connect(
    inbox: &Inbox,
    target: &Target,
    trust: &Trust,
    endpoint: &str,
) -> Result<Box<dyn Io>, BackendError> {
    let slow = |what: &str| BackendError::unreachable(format!("the upload host {endpoint} {what}"));
    let (host, port) = (&*target.host, target.port);
    let dialed = async {
        if target.only_here {
            dial::connect_here(inbox, host, port).await
        } else {
            dial::connect(inbox, host, port).await
        }
    };
    let tcp = inbox.within(CONNECT_MAX, dialed).await;
    let tcp = tcp.ok_or_else(|| slow("does not answer"))?;
    let tcp = tcp.map_err(|error| {
        if target.only_here && error.kind() == std::io::ErrorKind::NotFound {
            return not_allowed(host);
        }
        BackendError::unreachable(format!("{endpoint} cannot be reached: {error}"))
    })?;
    if !target.is_secure && !tcp.peer_addr().is_ok_and(|peer| peer.ip().is_loopback()) {
        return Err(BackendError::refused(format!(
            "the server wants the file at {endpoint} without TLS"
        )));
    }
    if !target.is_secure {
        return Ok(Box::new(tcp));
    }
    let secured = inbox
        .within(CONNECT_MAX, tls::connect(trust, &target.host, tcp))
        .await;
    Ok(Box::new(
        secured.ok_or_else(|| slow("does not begin TLS"))??.0,
    ))
}

/// Returns the outcome of an upload of `length` bytes by the status of the answer.
fn verdict(status: Option<u16>, length: u64) -> Result<(), BackendError> {
    match status {
        Some(200..=299) => Ok(()),
        Some(413) => Err(BackendError::new(
            BackendErrorKind::TooLarge(length.saturating_sub(1)),
            "the file is too large",
        )),
        Some(status @ (429 | 500..)) => Err(BackendError::unreachable(format!(
            "the upload was answered with {status}"
        ))),
        Some(status) => Err(BackendError::new(
            BackendErrorKind::Rejected,
            format!("the upload was answered with {status}"),
        )),
        None => Err(BackendError::unreachable("the upload was not answered")),
    }
}

async fn status(io: &mut Box<dyn Io>) -> std::io::Result<Option<u16>> {
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match read_status(&answer) {
            // An interim answer; the final one follows.
            Some(100..=199) => {
                if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
                    answer.drain(..end + 4);
                    continue;
                }
            }
            Some(status) => return Ok(Some(status)),
            None => {}
        }
        if answer.len() > ANSWER_MAX {
            return Ok(None);
        }
        match io.read(&mut chunk).await? {
            0 => return Ok(None),
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Returns the status of an answer, once its first line has come.
pub(super) fn read_status(answer: &[u8]) -> Option<u16> {
    let end = answer.windows(2).position(|window| window == b"\r\n")?;
    let line = std::str::from_utf8(&answer[..end]).ok()?;
    line.strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_put_to() {
        let target =
            Target::parse("https://up.example:5443/a%20b/c.txt?x=1#f").expect("an address");
        assert_eq!(
            (&*target.host, target.port, target.is_secure, &*target.path),
            ("up.example", 5443, true, "/a%20b/c.txt?x=1")
        );
        assert_eq!(
            Target::parse("http://up.example").map(|target| (target.port, target.path)),
            Some((80, "/".into()))
        );
        assert_eq!(
            Target::parse("http://[::1]:81/x").map(|target| (target.host, target.port)),
            Some(("::1".into(), 81))
        );
        for bad in [
            "ftp://a/",
            "https://",
            "https:/a",
            "https://a b/",
            "https://a/\r\nX: y",
            "https://u:p@a/",
            "https://a:x/",
        ] {
            assert_eq!(Target::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_is_encoded_where_a_service_forgot_it() {
        for (given, put) in [
            ("https://a/x/zwei worte.txt", "/x/zwei%20worte.txt"),
            ("https://a/grüße.txt?s=ü", "/gr%C3%BC%C3%9Fe.txt?s=%C3%BC"),
            (
                " https://a/подборка ",
                "/%D0%BF%D0%BE%D0%B4%D0%B1%D0%BE%D1%80%D0%BA%D0%B0",
            ),
            ("https://a/100%.txt", "/100%25.txt"),
            ("https://a/a%20b%e4", "/a%20b%e4"),
            ("https://a/{x}|\"y\"", "/%7Bx%7D%7C%22y%22"),
            ("https://a?é", "/?%C3%A9"),
        ] {
            let path = Target::parse(given).map(|target| target.path);
            assert_eq!(path.as_deref(), Some(put), "{given}");
        }
        for bad in ["https://a/x\ny", "https://a/\u{7f}", "https://gr\u{fc}n/x"] {
            assert_eq!(Target::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_server_cannot_smuggle_headers() {
        assert_eq!(
            admissible("Authorization", "Basic x\r\nEvil: y"),
            Some(("Authorization".into(), "Basic xEvil: y".into()))
        );
        assert_eq!(admissible("Host", "evil"), None);
    }

    #[test]
    fn a_status_is_read() {
        assert_eq!(read_status(b"HTTP/1.1 201 Created\r\n"), Some(201));
        for bad in [
            &b"HTTP/1.1 201"[..],
            b"HTTP/2 201 x\r\n",
            b"\r\n",
            b"HTTP/1.1 x\r\n",
        ] {
            assert_eq!(read_status(bad), None);
        }
    }
}
