//! Messages as data URIs: `data:text/plain;charset=utf-8,Hi+Tosh%0d%0a` (§ucwa/data-uri).
//! Pure.
//!
//! A server writes them form-encoded: a blank is `+`, a plus is `%2b`. Clients write base64 too.
//! Rejected: a crate for data URIs, because it keeps the `+`, as the standard says.

use super::charset;
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};

/// Base64 as clients write it: the last digit may hold bits that belong to no byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    NO_PAD.with_decode_allow_trailing_bits(true),
);

/// The format of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Plain text.
    Plain,
    /// HTML.
    Html,
}

impl Format {
    /// Its content type.
    pub(crate) fn mime(self) -> &'static str {
        match self {
            Format::Plain => "text/plain",
            Format::Html => "text/html",
        }
    }

    /// Reads a content type. Parameters are ignored, and an unknown type counts as plain text.
    pub(crate) fn of_mime(mime: &str) -> Format {
        let mime = mime.split(';').next().unwrap_or_default().trim();
        // One client writes `html/plain`.
        if mime.eq_ignore_ascii_case("text/html") || mime.eq_ignore_ascii_case("html/plain") {
            Format::Html
        } else {
            Format::Plain
        }
    }
}

/// Reads a message, whatever its bytes are: what cannot be read becomes U+FFFD. Line ends at its end
/// are cut, because the sender's client added them. `None` if it is no data URI.
pub(crate) fn decode(uri: &str) -> Option<(Format, String)> {
    let rest = uri
        .get(..5)
        .filter(|scheme| scheme.eq_ignore_ascii_case("data:"))
        .and_then(|_| uri.get(5..))?;
    let (head, payload) = rest.split_once(',')?;
    let mut head = head.split(';');
    let format = Format::of_mime(head.next().unwrap_or_default());
    let (mut charset, mut is_base64) = ("", false);
    for parameter in head {
        match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => charset = value,
            _ => is_base64 |= parameter.trim().eq_ignore_ascii_case("base64"),
        }
    }
    let bytes = if is_base64 {
        base64_of(payload)
    } else {
        let payload = payload.replace('+', " ");
        percent_encoding::percent_decode_str(&payload).collect()
    };
    let text = charset::text(&bytes, charset);
    let text = text.trim_start_matches('\u{feff}');
    Some((format, text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The bytes of base64, of either alphabet. In base64 a plus stands for itself; escapes are decoded
/// first. What does not belong to the alphabet is passed over.
fn base64_of(payload: &str) -> Vec<u8> {
    let mut digits: Vec<u8> = percent_encoding::percent_decode_str(payload)
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        })
        .filter(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
        .collect();
    if digits.len() % 4 == 1 {
        // One digit holds no byte: the text was cut.
        digits.pop();
    }
    LENIENT.decode(digits).unwrap_or_default()
}

/// Writes a message, in the form that Microsoft's samples send.
pub(crate) fn encode(format: Format, text: &str) -> String {
    format!("data:{};base64,{}", format.mime(), STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_the_sheet_is_read() {
        for (uri, format, text) in [
            (
                "data:text/plain;charset=utf-8,Hi+Tosh%0d%0a",
                Format::Plain,
                "Hi Tosh",
            ),
            ("data:text/plain;base64,SGVsbG8=", Format::Plain, "Hello"),
            ("data:text/plain;base64,SGVsbG8", Format::Plain, "Hello"),
            ("data:text/plain;base64,SGVsbG8%3d", Format::Plain, "Hello"),
            (
                "data:text/plain;charset=utf8,one+plus+one+is+1%2b1",
                Format::Plain,
                "one plus one is 1+1",
            ),
            (
                "data:text/html;charset=utf-8,%3cb%3eHi%3c%2fb%3e",
                Format::Html,
                "<b>Hi</b>",
            ),
            (
                "DATA:Text/HTML;charset=\"utf-8\";BASE64,PGI+",
                Format::Html,
                "<b>",
            ),
            ("data:html/plain,x", Format::Html, "x"),
            ("data:,x%", Format::Plain, "x%"),
            (
                "data:text/plain;charset=utf-8,%c3%a4%e2%82%ac%f0%9f%a6%80",
                Format::Plain,
                "ä€🦀",
            ),
            ("data:text/plain,", Format::Plain, ""),
            ("data:text/plain,a%0d%0ab%0a%0d%0a", Format::Plain, "a\r\nb"),
            (
                "data:text/plain;charset=iso-8859-1,gr%fc%dfe",
                Format::Plain,
                "grüße",
            ),
            (
                "data:text/plain;charset=utf-8,caf%e9+ok",
                Format::Plain,
                "caf\u{fffd} ok",
            ),
            (
                "data:text/plain;charset=utf-8,hi+%ed%a0%bd%ed%b8%80",
                Format::Plain,
                "hi 😀",
            ),
            (
                "data:text/plain;charset=\"UTF-16\";base64,aABpAA==",
                Format::Plain,
                "hi",
            ),
            ("data:text/plain;base64,8J-YgA", Format::Plain, "😀"),
            ("data:text/plain;base64,SGVsbG8gT", Format::Plain, "Hello "),
            ("data:text/plain,%ff", Format::Plain, "\u{fffd}"),
            ("data:text/plain;base64,?", Format::Plain, ""),
        ] {
            assert_eq!(decode(uri), Some((format, text.to_owned())), "{uri}");
        }
        for bad in ["", "data:", "data:text/plain", "http://a/,b", "däta:,x"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "(\\PC|[\n+%;,]){0,40}") {
            let read = decode(&encode(Format::Html, &text));
            prop_assert_eq!(read, Some((Format::Html, text.trim_end_matches('\n').to_owned())));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(data:|text/plain|;base64|,|%[0-9a-f]{0,2}|\\PC){0,20}") {
            let _ = decode(&text);
        }
    }
}
