//! Percent-decoding, as browsers do it: a `%` that begins no escape is a percent sign, so `50%` is
//! an id too.

/// Decodes `text`; `None` if the result is not UTF-8. In a query `+` is a blank, in a path it is a
/// plus.
pub fn decode(text: &str, plus_is_blank: bool) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => match bytes
                .get(at + 1)
                .zip(bytes.get(at + 2))
                .and_then(|(high, low)| Some((hex(*high)?, hex(*low)?)))
            {
                Some((high, low)) => {
                    decoded.push(high << 4 | low);
                    at += 2;
                }
                None => decoded.push(b'%'),
            },
            b'+' if plus_is_blank => decoded.push(b' '),
            byte => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn escapes_are_decoded_and_everything_else_is_left() {
        for (text, path, query) in [
            ("chat-room%3aguid", "chat-room:guid", "chat-room:guid"),
            ("a%2Fb%2fc", "a/b/c", "a/b/c"),
            ("a+b", "a+b", "a b"),
            ("50%", "50%", "50%"),
            ("50%2", "50%2", "50%2"),
            ("%zz%é", "%zz%é", "%zz%é"),
            ("%F0%9F%A6%80", "🦀", "🦀"),
        ] {
            assert_eq!(decode(text, false).as_deref(), Some(path));
            assert_eq!(decode(text, true).as_deref(), Some(query));
        }
        assert_eq!(decode("%ff", false), None);
    }
}
