//! Which characters XML can carry, and how a text is escaped so that it is read back unchanged.

/// Whether XML 1.0 can carry the character at all, escaped or not.
pub(super) fn can_carry(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= ' ',
    }
}

/// Appends `text` as the content of an element.
///
/// `\r` is written as a reference, because a reader turns a literal one into `\n`. What XML cannot
/// carry becomes U+FFFD: one odd character must not make a whole answer unreadable.
pub(super) fn push(out: &mut String, text: &str) {
    out.reserve(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c| matches!(c, '&' | '<' | '>' | '\r') || !can_carry(c)) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        out.push_str(match characters.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            // Only `]]>` would need it; the vendor's serializer writes it everywhere.
            Some('>') => "&gt;",
            Some('\r') => "&#xD;",
            _ => "\u{fffd}",
        });
        rest = characters.as_str();
    }
    out.push_str(rest);
}

/// The text that a reader gets after [`push`] wrote `text`.
pub(crate) fn carried(text: &str) -> String {
    text.chars()
        .map(|c| if can_carry(c) { c } else { '\u{fffd}' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_little_as_can_be() {
        for (text, written) in [
            ("", ""),
            ("plain \"text\" it's", "plain \"text\" it's"),
            ("a<b>&]]>", "a&lt;b&gt;&amp;]]&gt;"),
            ("\r\n\t ", "&#xD;\n\t "),
            (
                "\0\u{1b}\u{7f}\u{85}\u{fffe}\u{ffff}🦀",
                "\u{fffd}\u{fffd}\u{7f}\u{85}\u{fffd}\u{fffd}🦀",
            ),
        ] {
            let mut out = String::new();
            push(&mut out, text);
            assert_eq!(out, written, "{text:?}");
        }
    }
}
