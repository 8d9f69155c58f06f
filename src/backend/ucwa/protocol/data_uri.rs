//! Messages as data URIs: `data:text/plain;charset=utf-8,Hi+Tosh%0d%0a` (§ucwa/data-uri).
//! Pure.
//!
//! A server writes them form-encoded: a blank is `+`, a plus is `%2b`. Clients write base64 too.
//! Rejected: a crate for data URIs, because it keeps the `+`, as the standard says.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

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

/// Reads a message. Line ends at its end are cut, because the sender's client added them. `None` if
/// it is no message, or not in UTF-8.
pub(crate) fn decode(uri: &str) -> Option<(Format, String)> {
    let rest = uri
        .get(..5)
        .filter(|scheme| scheme.eq_ignore_ascii_case("data:"))
        .and_then(|_| uri.get(5..))?;
    let (head, payload) = rest.split_once(',')?;
    let mut head = head.split(';');
    let format = Format::of_mime(head.next().unwrap_or_default());
    let bytes = if head.any(|parameter| parameter.trim().eq_ignore_ascii_case("base64")) {
        // In base64 a plus stands for itself. Escapes are decoded first.
        let payload: Vec<u8> = percent_encoding::percent_decode_str(payload)
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let payload = payload
            .strip_suffix(b"==")
            .or_else(|| payload.strip_suffix(b"="))
            .unwrap_or(&payload);
        STANDARD_NO_PAD.decode(payload).ok()?
    } else {
        let payload = payload.replace('+', " ");
        percent_encoding::percent_decode_str(&payload).collect()
    };
    let text = String::from_utf8(bytes).ok()?;
    Some((format, text.trim_end_matches(['\r', '\n']).to_owned()))
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
        ] {
            assert_eq!(decode(uri), Some((format, text.to_owned())), "{uri}");
        }
        for bad in [
            "",
            "data:",
            "data:text/plain",
            "http://a/,b",
            "data:text/plain,%ff",
            "data:text/plain;base64,?",
            "däta:,x",
        ] {
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
