//! Percent encoding, as queries, forms and data URIs have it.

/// Splits a query or form into names and values, and decodes them.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let pieces = text.split('&').filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(name, true), decode(value, true))
        })
        .collect()
}

/// Undoes percent encoding. In a form, a plus becomes a space.
pub fn decode(text: &str, form: bool) -> String {
    String::from_utf8_lossy(&decode_bytes(text, form)).into_owned()
}

/// Undoes percent encoding and returns the bytes.
pub fn decode_bytes(text: &str, form: bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let hex = |at: usize| {
        bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
    };
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) if form => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone_once() {
        assert_eq!(decode("a+b%2b%C3%A4%zz%2", true), "a b+ä%zz%2");
        assert_eq!(decode("a+b", false), "a+b");
    }
}
