//! JSON as servers really send it. A name that was cut in the middle of an emoji, a byte of another
//! charset or a raw line end spoils its own text and nothing else. Pure.
//!
//! A body that keeps to the standard is read by `serde_json`; only what that refuses is read here.
//! Rejected: reading leniently only, because the library is faster and is right in every detail.
//! Rejected: repairing the bytes for the library, because the repair would have to know strings,
//! numbers and depth, which is the whole parser.

use super::charset;
use serde_json::{Map, Value};

/// How deep values may be nested. Deeper ones are read as null. A server nests them ten deep.
const DEPTH_MAX: usize = 64;

/// Reads JSON, with or without a byte order mark. `None` if it is not a whole value, or a word that
/// is none of JSON's.
pub(crate) fn json(body: &[u8]) -> Option<Value> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if let Ok(value) = serde_json::from_slice(body) {
        return Some(value);
    }
    let wide = match body {
        [0xff, 0xfe, ..] | [b'{', 0, ..] => Some(charset::text(body, "utf-16le")),
        [0xfe, 0xff, ..] | [0, b'{', ..] => Some(charset::text(body, "utf-16be")),
        _ => None,
    };
    let body = wide.as_ref().map_or(body, |text| text.as_bytes());
    let value = Reader { rest: body }.value(0);
    value.filter(|value| !value.is_null())
}

/// What a body is that cannot be read, in a few words.
pub(crate) fn kind_of(body: &[u8]) -> &'static str {
    let text = body.trim_ascii_start();
    let begins = |with: &str| {
        text.get(..with.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(with.as_bytes()))
    };
    match text {
        [] => "nothing",
        [0x1f, 0x8b, ..] => "gzip, which was not asked for",
        _ if begins("<html") || begins("<!doctype") => "an HTML page",
        [b'<', ..] => "XML, which was not asked for",
        [b'{', ..] => "JSON that leads nowhere",
        _ => "something that is not JSON",
    }
}

/// Reads what is left.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.peek()? {
            b'{' if depth < DEPTH_MAX => self.object(depth),
            b'[' if depth < DEPTH_MAX => self.array(depth),
            b'{' | b'[' => self.skip().then_some(Value::Null),
            b'"' => self.string().map(Value::String),
            b'}' | b']' | b',' | b':' => None,
            _ => Some(self.word()),
        }
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn take(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.take();
        let mut object = Map::new();
        loop {
            match self.peek()? {
                b'}' => break,
                b',' => {}
                b'"' => {
                    let key = self.string()?;
                    if self.peek()? != b':' {
                        return None;
                    }
                    self.take();
                    object.insert(key, self.value(depth + 1)?);
                    continue;
                }
                _ => return None,
            }
            self.take();
        }
        self.take();
        Some(Value::Object(object))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.take();
        let mut array = Vec::new();
        loop {
            match self.peek()? {
                b']' => break,
                b',' => drop(self.take()),
                _ => array.push(self.value(depth + 1)?),
            }
        }
        self.take();
        Some(Value::Array(array))
    }

    /// Passes over an object or array, however deep; false if it does not end.
    fn skip(&mut self) -> bool {
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    if self.string().is_none() {
                        return false;
                    }
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.take();
            if open == 0 {
                return true;
            }
        }
        false
    }

    /// A number, `true`, `false`; anything else is null.
    fn word(&mut self) -> Value {
        let is_end = |byte: &u8| b"{}[],:\"".contains(byte) || byte.is_ascii_whitespace();
        let end = self.rest.iter().position(is_end);
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        serde_json::from_slice(word).unwrap_or_default()
    }

    fn string(&mut self) -> Option<String> {
        self.take();
        let mut bytes = Vec::new();
        loop {
            match self.take()? {
                b'"' => return Some(charset::utf8(&bytes)),
                b'\\' => {
                    let c = self.escaped()?;
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => bytes.push(byte),
            }
        }
    }

    /// The character of an escape. An unknown escape stands for its own character.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.take()? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode(),
            byte if byte.is_ascii() => char::from(byte),
            _ => char::REPLACEMENT_CHARACTER,
        })
    }

    /// The character after `\u`, of one unit or of a surrogate pair.
    fn unicode(&mut self) -> char {
        let Some(unit) = self.unit() else {
            return char::REPLACEMENT_CHARACTER;
        };
        if let Some(c) = char::from_u32(u32::from(unit)) {
            return c;
        }
        let after = self.rest;
        if let Some(rest) = after.strip_prefix(b"\\u") {
            self.rest = rest;
            if let Some(c) = self.unit().and_then(|low| charset::pair(unit, low)) {
                return c;
            }
            self.rest = after;
        }
        char::REPLACEMENT_CHARACTER
    }

    /// Four hexadecimal digits; takes nothing if there are fewer.
    fn unit(&mut self) -> Option<u16> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        self.rest = rest;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn one_thing_that_cannot_be_read_spoils_nothing_else() {
        let around = |odd: &[u8]| [b"{\"a\":", odd, b",\"b\":[1,\"c\"]}"].concat();
        for (odd, read) in [
            (&br#""Lene \ud83d""#[..], json!("Lene \u{fffd}")),
            (br#""\ude00 Lene""#, json!("\u{fffd} Lene")),
            (br#""\ud83d\u0041""#, json!("\u{fffd}A")),
            (br#""\ud83d\ud83d\ude00""#, json!("\u{fffd}😀")),
            (br#""\u12 \uzzzz \x""#, json!("\u{fffd}12 \u{fffd}zzzz x")),
            (b"\"Ren\xe9\"", json!("Ren\u{fffd}")),
            (b"\"\xed\xa0\xbd\xed\xb8\x80\"", json!("😀")),
            (b"\"one\ntwo\x0b\0\"", json!("one\ntwo\u{b}\0")),
            (b"1e999", json!(null)),
            (b"NaN", json!(null)),
            (b"[1,{\"d\":\"\xff\"},]", json!([1, {"d": "\u{fffd}"}])),
        ] {
            let expected = json!({"a": read, "b": [1, "c"]});
            assert_eq!(json(&around(odd)), Some(expected), "{odd:?}");
        }
    }

    #[test]
    fn depth_is_bounded_and_what_stands_beside_it_is_read() {
        for depth in [200, 100_000] {
            let deep = format!(
                r#"{{"a":{}"]"{},"b":1}}"#,
                "[".repeat(depth),
                "]".repeat(depth)
            );
            let value = json(deep.as_bytes()).expect("an object");
            assert_eq!(value["b"], 1, "{depth}");
        }
    }

    #[test]
    fn a_wide_body_is_read_and_another_is_named() {
        let wide: Vec<u8> = r#"{"a":"ä"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(json(&wide), Some(json!({"a": "ä"})));
        for (body, kind) in [
            (&b" "[..], "nothing"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"\n<!DOCTYPE html>", "HTML"),
            (b"<HTML>", "HTML"),
            (b"<?xml version=\"1.0\"?>", "XML"),
            (b"hello", "not JSON"),
        ] {
            assert_eq!(json(body), None);
            assert!(kind_of(body).contains(kind), "{body:?}");
        }
        for cut in [
            &b"{"[..],
            b"{\"a\":",
            b"{\"a\":\"\xff",
            b"{\"a\":[1,",
            b"[[[",
        ] {
            assert_eq!(json(cut), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            text in "([{}\\[\\],:\"\\\\]|u[0-9a-f]{0,4}|\\\\ud83d|1|null|\\PC){0,60}",
            odd in 0x80_u8..,
        ) {
            let mut bytes = text.into_bytes();
            bytes.push(odd);
            bytes.push(b'"');
            bytes.push(b'}');
            let _ = json(&bytes);
        }

        #[test]
        fn what_the_library_reads_is_read_alike(
            text in "(\\[|\\]|,|\"a\"|\"\\\\u00e4\"|1|-2.5|true|null| ){0,12}",
        ) {
            let strict: Result<Value, _> = serde_json::from_str(&text);
            if let Ok(value) = strict {
                let read = Reader { rest: text.as_bytes() }.value(0);
                prop_assert_eq!(read, Some(value));
            }
        }
    }
}
