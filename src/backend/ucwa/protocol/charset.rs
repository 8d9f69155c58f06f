//! Bytes as text, whatever they are. A byte that cannot be read becomes U+FFFD, so that one wrong
//! byte costs one character and not the message. Pure.
//!
//! Texts come from clients of twenty years: in UTF-8, cut in the middle of a character, with halves
//! of surrogate pairs (CESU-8), in the code page of the sender's Windows, or in UTF-16. Rejected: a
//! crate with all code pages, because the servers write UTF-8, and only pasted texts come in others.

/// The characters of the bytes 0x80 to 0x9F in Windows-1252, which is also what writers of
/// `iso-8859-1` mean.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Reads text in the charset of that name. An unknown charset counts as UTF-8.
pub(super) fn text(bytes: &[u8], charset: &str) -> String {
    let name: String = charset
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match name.as_str() {
        "utf16" | "utf16le" | "ucs2" | "unicode" => utf16(bytes, u16::from_le_bytes),
        "utf16be" | "unicodefffe" => utf16(bytes, u16::from_be_bytes),
        "iso88591" | "latin1" | "l1" | "windows1252" | "cp1252" | "iso885915" => latin(bytes),
        _ => utf8(bytes),
    }
}

/// Reads UTF-8, and the surrogate pairs of CESU-8 in it.
pub(super) fn utf8(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return String::from_utf8_lossy(&without_surrogates(bytes)).into_owned();
    };
    text.to_owned()
}

/// The bytes with each surrogate pair as one character, and U+FFFD for half a pair.
fn without_surrogates(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut room = [0; 4];
    while let Some((&byte, after)) = rest.split_first() {
        let Some(unit) = surrogate(rest) else {
            whole.push(byte);
            rest = after;
            continue;
        };
        rest = &rest[3..];
        let pair = surrogate(rest).and_then(|low| pair(unit, low));
        if pair.is_some() {
            rest = &rest[3..];
        }
        let c = pair.unwrap_or(char::REPLACEMENT_CHARACTER);
        whole.extend_from_slice(c.encode_utf8(&mut room).as_bytes());
    }
    whole
}

/// The surrogate that the bytes begin with.
fn surrogate(bytes: &[u8]) -> Option<u16> {
    match *bytes {
        [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
            Some(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f))
        }
        _ => None,
    }
}

/// The character of a surrogate pair.
pub(super) fn pair(high: u16, low: u16) -> Option<char> {
    char::decode_utf16([high, low]).next()?.ok()
}

/// Reads UTF-16. A byte order mark decides; without one, `order` does.
fn utf16(bytes: &[u8], order: fn([u8; 2]) -> u16) -> String {
    let (order, bytes): (fn([u8; 2]) -> u16, _) = match bytes {
        [0xff, 0xfe, rest @ ..] => (u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => (u16::from_be_bytes, rest),
        _ => (order, bytes),
    };
    let (pairs, cut) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|bytes| order(*bytes));
    let mut text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if !cut.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

fn latin(bytes: &[u8]) -> String {
    let read = |byte: &u8| match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        byte => char::from(*byte),
    };
    bytes.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_charset_is_read_and_one_wrong_byte_costs_one_character() {
        for (bytes, charset, read) in [
            (&b"gr\xfc\xdfe"[..], "ISO-8859-1", "grüße"),
            (b"5 \x80 \x93x\x94", "windows-1252", "5 € “x”"),
            (b"caf\xe9 ok", "utf-8", "caf\u{fffd} ok"),
            (b"\xe2\x82", "utf-8", "\u{fffd}"),
            (b"hi \xed\xa0\xbd\xed\xb8\x80", "utf-8", "hi 😀"),
            (b"hi \xed\xa0\xbd!", "", "hi \u{fffd}!"),
            (b"\xed\xb8\x80\xed\xa0\xbd", "utf8", "\u{fffd}\u{fffd}"),
            (b"h\0i\0", "utf-16", "hi"),
            (b"\xfe\xff\0h\0i", "utf-16", "hi"),
            (b"\0h\0i", "UTF-16BE", "hi"),
            (b"h\0i", "utf-16le", "h\u{fffd}"),
            (b"\x3d\xd8", "utf-16", "\u{fffd}"),
            ("ä€🦀".as_bytes(), "koi8-r", "ä€🦀"),
        ] {
            assert_eq!(text(bytes, charset), read, "{bytes:?} in {charset}");
        }
    }
}
