//! Bodies in UTF-16 (§request/encoding): some clients write them, declared or not.
//!
//! The bytes decide, not what is declared: JSON and XML begin with an ASCII character, so without a
//! byte order mark the zero byte beside it tells the order, and neither text may contain a zero.
//! `charset=utf-16` over bytes that are UTF-8 is common in XML declarations and means nothing.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// Returns `text` in UTF-8; text that is not UTF-16 comes back as it is.
///
/// # Errors
/// `Invalid` for UTF-16 that breaks off or has half of a surrogate pair.
pub(super) fn to_utf8(text: &[u8]) -> Result<Cow<'_, [u8]>> {
    let (units, is_big): (&[u8], bool) = match text {
        [0xff, 0xfe, units @ ..] => (units, false),
        [0xfe, 0xff, units @ ..] => (units, true),
        [0, 1..=0xff, ..] => (text, true),
        [1..=0xff, 0, ..] => (text, false),
        _ => return Ok(Cow::Borrowed(text)),
    };
    let (pairs, rest) = units.as_chunks::<2>();
    let units = pairs.iter().map(|pair| {
        if is_big {
            u16::from_be_bytes(*pair)
        } else {
            u16::from_le_bytes(*pair)
        }
    });
    let read: std::result::Result<String, _> = char::decode_utf16(units).collect();
    match read {
        Ok(read) if rest.is_empty() => Ok(Cow::Owned(read.into_bytes())),
        _ => Err(Error::invalid("the body is not readable as UTF-16")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn either_order_with_a_mark_or_without() {
        let text = "{\"Text\":\"žluťoučký 🐎\"}";
        for order in [u16::to_be_bytes, u16::to_le_bytes] {
            for marked in [text.to_owned(), format!("\u{feff}{text}")] {
                let read = to_utf8(&bytes(&marked, order))
                    .expect("UTF-16")
                    .into_owned();
                assert_eq!(String::from_utf8(read).as_deref(), Ok(text));
            }
        }
    }

    #[test]
    fn anything_else_comes_back_and_broken_utf_16_is_an_error() {
        for text in ["", "x", "{}", "\u{feff}{}", "ž", "\0\0"] {
            assert_eq!(to_utf8(text.as_bytes()).expect(text), text.as_bytes());
        }
        for broken in [&b"\xff\xfe{\0}"[..], b"{\0\0\xd8}\0", b"\0{\xdc\0"] {
            assert!(to_utf8(broken).is_err(), "{broken:?}");
        }
    }
}
