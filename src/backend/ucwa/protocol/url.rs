//! The URL of a request: scheme, host, port and path are kept apart, because the host decides what
//! may be sent.
//!
//! A client never builds a path. It follows the links of the server, and only adds parameters to
//! the query, which may already have some. Rejected: a URL library, because relative paths with
//! dots and other schemes never come.

use hyper::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use std::fmt;
use std::net::IpAddr;

/// The longest URL that is followed, in bytes.
const LENGTH_MAX: usize = 4096;

/// The server of a connection. Displayed as `https://lync.contoso.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// Whether the connection uses TLS.
    pub secure: bool,
    /// Its name or address, in lower case, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "https://" } else { "http://" })?;
        f.write_str(&self.authority())
    }
}

impl Origin {
    /// Whether secrets may be sent there: over TLS, or within this machine.
    pub(crate) fn keeps_secrets(&self) -> bool {
        self.secure
            || self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// Host and port. The port is left out if it is the default of the scheme.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == usual_port(self.secure) {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

fn usual_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// The address of one resource of one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Url {
    pub(crate) origin: Origin,
    /// Path and query, as in the request.
    pub(crate) path: String,
}

impl Url {
    /// Reads an absolute URL; `None` if it is no HTTP URL.
    pub(crate) fn parse(url: &str) -> Option<Url> {
        let uri = uri(url)?;
        let secure = match uri.scheme_str()? {
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host().trim_matches(['[', ']']).to_lowercase();
        if host.is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let port = authority.port_u16().unwrap_or_else(|| usual_port(secure));
        let path = uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        Some(Url {
            origin: Origin { secure, host, port },
            path,
        })
    }

    /// The URL that a link in this resource leads to: on the same server, unless the link names
    /// another.
    pub(crate) fn follow(&self, href: &str) -> Option<Url> {
        if href.starts_with('/') && !href.starts_with("//") {
            return Some(Url {
                origin: self.origin.clone(),
                path: uri(href)?.path_and_query()?.as_str().to_owned(),
            });
        }
        Url::parse(href)
    }

    /// The URL with one more parameter in the query.
    pub(crate) fn with(&self, name: &str, value: &str) -> Url {
        let mut path = self.path.clone();
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(name);
        path.push('=');
        path.extend(encode(value));
        Url {
            origin: self.origin.clone(),
            path,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            self.origin,
            self.path.split('?').next().unwrap_or_default()
        )
    }
}

fn uri(text: &str) -> Option<Uri> {
    let is_clean = text.len() <= LENGTH_MAX && text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
    if !is_clean {
        None
    } else {
        text.split('#').next()?.parse().ok()
    }
}

/// The characters that are not encoded in a query or a form: letters, digits and `-._~`.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Encodes text for a query or a form as %XX of UTF-8, blanks included.
pub(crate) fn encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_followed() {
        let root = Url::parse("https://LyncDiscover.contoso.com/?sipuri=a").expect("an address");
        assert_eq!(
            (
                root.origin.host.as_str(),
                root.origin.port,
                root.path.as_str()
            ),
            ("lyncdiscover.contoso.com", 443, "/?sipuri=a")
        );
        let user = root
            .follow("/Autodiscover/root/user?x=1#y")
            .expect("a path");
        assert_eq!(user.path, "/Autodiscover/root/user?x=1");
        assert_eq!(
            user.with("q", "ü&=").path,
            "/Autodiscover/root/user?x=1&q=%C3%BC%26%3D"
        );
        assert_eq!(
            user.follow("http://[::1]:8080/a")
                .expect("another host")
                .origin
                .authority(),
            "[::1]:8080"
        );
        assert_eq!(
            user.to_string(),
            "https://lyncdiscover.contoso.com/Autodiscover/root/user"
        );
        assert_eq!(
            Url::parse("http://a.example").expect("an address").path,
            "/"
        );
    }

    #[test]
    fn what_is_no_address_of_http_is_not_followed() {
        let root = Url::parse("https://a.example/").expect("an address");
        for href in [
            "",
            "x",
            "../x",
            "//evil.example/x",
            "ftp://a/b",
            "https://",
            "https://u:p@a/",
            "/a b",
            "/a\r\nHost: x",
            "data:,x",
        ] {
            assert_eq!(root.follow(href), None, "{href}");
        }
        assert_eq!(root.follow(&format!("/{}", "a".repeat(5000))), None);
    }
}
