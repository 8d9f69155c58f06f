//! Texts as data URIs. The server always writes them url-encoded like a form, and reads every form
//! that clients write.

use super::percent::{decode, decode_bytes};
use base64::Engine;
use std::fmt::Write;

/// A text of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// True if the text is HTML.
    pub html: bool,
}

impl Text {
    /// Returns a data URI such as `data:text/plain;charset=utf-8,Hi+there%0d%0a`.
    pub fn data_uri(&self) -> String {
        let mut out = format!(
            "data:text/{};charset=utf-8,",
            if self.html { "html" } else { "plain" }
        );
        for byte in self.text.bytes() {
            match byte {
                b'a'..=b'z'
                | b'A'..=b'Z'
                | b'0'..=b'9'
                | b'-'
                | b'_'
                | b'.'
                | b'!'
                | b'*'
                | b'('
                | b')' => out.push(char::from(byte)),
                b' ' => out.push('+'),
                _ => write!(out, "%{byte:02x}").expect("a string takes all"),
            }
        }
        out
    }

    /// Reads a data URI, base64 or url-encoded. Returns `None` for anything else.
    pub fn parse(uri: &str) -> Option<Text> {
        let (head, payload) = uri.strip_prefix("data:")?.split_once(',')?;
        let mut parts = head.split(';');
        let kind = parts.next().unwrap_or_default().to_lowercase();
        let base64 = parts.any(|part| part.trim().eq_ignore_ascii_case("base64"));
        let bytes = if base64 {
            let compact = decode(payload, false)
                .replace([' ', '\r', '\n'], "")
                .replace('-', "+")
                .replace('_', "/");
            let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
            engine.decode(compact.trim_end_matches('=')).ok()?
        } else {
            decode_bytes(payload, true)
        };
        Some(Text {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            html: kind.contains("html"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_writes_what_the_transcript_shows() {
        let text = Text {
            text: "Hi Tosh\r\n".to_owned(),
            html: false,
        };
        assert_eq!(
            text.data_uri(),
            "data:text/plain;charset=utf-8,Hi+Tosh%0d%0a"
        );
        assert_eq!(Text::parse(&text.data_uri()), Some(text));
    }

    #[test]
    fn it_reads_what_clients_write() {
        let hello = |uri: &str| Text::parse(uri).unwrap().text;
        assert_eq!(hello("data:text/plain;base64,SGVsbG8="), "Hello");
        assert_eq!(hello("data:text/plain;charset=utf8,a+b%2bc"), "a b+c");
        assert!(Text::parse("data:text/html,x").unwrap().html);
        assert_eq!(Text::parse("http://x"), None);
    }
}
