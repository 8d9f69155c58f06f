//! Text into parts and back: one for all connectors. Pure: links and hashtags are recognised, and
//! the visible text stays what was said.

use crate::model::Part;

/// Parts made of one text at most; what follows stays text.
pub(super) const PARTS_MAX: usize = 200;
/// The longest link, in bytes; what is longer stays text.
const LINK_MAX: usize = 4096;
const SCHEMES: [&str; 5] = ["https://", "http://", "xmpp:", "sip:", "mailto:"];

/// The parts of a text that came in, at least one.
pub(super) fn parts_of(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    let mut before: Option<char> = None;
    while let Some(here) = text[at..].chars().next() {
        let begins =
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '/' && c != '&');
        let found = if begins && parts.len() < PARTS_MAX {
            recognise(&text[at..])
        } else {
            None
        };
        match found {
            Some((length, None)) => {
                before = text[at..at + length].chars().next_back();
                at += length;
            }
            Some((length, Some(part))) => {
                if plain < at {
                    parts.push(Part::Text(text[plain..at].to_owned()));
                }
                parts.push(part);
                before = text[at..at + length].chars().next_back();
                at += length;
                plain = at;
            }
            None => {
                before = Some(here);
                at += here.len_utf8();
            }
        }
    }
    if plain < text.len() || parts.is_empty() {
        parts.push(Part::Text(text[plain..].to_owned()));
    }
    parts
}

/// A link or a hashtag at the beginning of `text`, and its length in bytes; or how much of it is
/// neither, so that a long text is looked at once and not from each of its places anew: it is a
/// stranger's.
fn recognise(text: &str) -> Option<(usize, Option<Part>)> {
    if let Some(tag) = text.strip_prefix('#') {
        let length = tag
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(tag.len());
        let tag = tag[..length].trim_end_matches('-');
        // `#1` is a number, not a tag.
        let is_tag = tag.chars().any(char::is_alphabetic);
        return is_tag.then(|| (tag.len() + 1, Some(Part::Hashtag(format!("#{tag}")))));
    }
    let scheme = SCHEMES.iter().find(|scheme| {
        text.get(..scheme.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    })?;
    if !text[scheme.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '[') {
        return None;
    }
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c);
    let end = text
        .char_indices()
        .find(|(at, c)| ends(*c) || *at >= LINK_MAX)
        .map_or(text.len(), |(at, _)| at);
    if end >= LINK_MAX {
        return Some((end, None));
    }
    let trailing = |c: char| ".,;:!?'".contains(c);
    let mut url = text[..end].trim_end_matches(trailing);
    // A parenthesis that was opened before the link closes after it.
    let mut unopened = url
        .matches(')')
        .count()
        .saturating_sub(url.matches('(').count());
    while unopened > 0 {
        let Some(inner) = url.strip_suffix(')') else {
            break;
        };
        url = inner.trim_end_matches(trailing);
        unopened -= 1;
    }
    let is_link = url.len() > scheme.len();
    is_link.then(|| {
        (
            url.len(),
            Some(Part::Hyperlink {
                text: url.to_owned(),
                url: url.to_owned(),
            }),
        )
    })
}

/// Whether an address is one that may become a link: nothing that a program would run.
#[cfg(feature = "ucwa")]
pub(super) fn is_link(url: &str) -> bool {
    recognise(url).is_some_and(|(length, part)| {
        length == url.len() && matches!(part, Some(Part::Hyperlink { .. }))
    })
}

/// The text people see of parts that go out: a link whose text is not its address gets the address
/// beside it.
pub(super) fn body_of(parts: &[Part]) -> String {
    let mut body = String::new();
    for part in parts {
        match part {
            Part::Hyperlink { text, url } if !text.is_empty() && text != url => {
                body.push_str(&format!("{text} <{url}>"));
            }
            other => body.push_str(other.visible()),
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::visible_text;
    use proptest::prelude::*;

    fn link(url: &str) -> Part {
        Part::Hyperlink {
            text: url.into(),
            url: url.into(),
        }
    }

    #[test]
    fn links_and_hashtags_are_recognised() {
        let plain = |text: &str| Part::Text(text.into());
        assert_eq!(
            parts_of("see https://a.example/x_(y)?z#w, and (http://b.example). #ops!"),
            [
                plain("see "),
                link("https://a.example/x_(y)?z#w"),
                plain(", and ("),
                link("http://b.example"),
                plain("). "),
                Part::Hashtag("#ops".into()),
                plain("!"),
            ]
        );
        for text in [
            "issue #12",
            "a#b",
            "https://",
            "xhttp://a.example",
            "",
            "# heading",
            "&#x41;",
        ] {
            assert_eq!(parts_of(text), [plain(text)], "{text}");
        }
    }

    #[test]
    fn a_long_text_is_looked_at_once() {
        // Looked at from each place anew, each of these would take minutes.
        let long = 1 << 20;
        for text in [
            format!("https://a{}", ")".repeat(long)),
            "https://(".repeat(long / 9),
            "(https://a".repeat(long / 10),
            format!("{}https://a", "#1".repeat(long / 2)),
            "https://".repeat(long / 8),
        ] {
            let parts = parts_of(&text);
            assert!(parts.len() <= PARTS_MAX + 1);
            assert_eq!(visible_text(&parts), text);
        }
        let fits = format!("https://a.example/{}", "x".repeat(LINK_MAX - 19));
        assert_eq!(parts_of(&fits), [link(&fits)]);
        assert_eq!(
            parts_of(&format!("{fits}xx")),
            [Part::Text(format!("{fits}xx"))]
        );
    }

    #[test]
    fn a_link_keeps_its_address_on_the_way_out() {
        let named = Part::Hyperlink {
            text: "the page".into(),
            url: "https://a.example".into(),
        };
        assert_eq!(
            body_of(&[Part::Text("see ".into()), named, link("https://b.example")]),
            "see the page <https://a.example>https://b.example"
        );
    }

    proptest! {
        #[test]
        fn what_is_seen_is_what_was_said(text in "(\\PC|#[a-z]|https://[a-z.()]{1,8}|\n){0,30}") {
            let parts = parts_of(&text);
            prop_assert!(!parts.is_empty());
            prop_assert_eq!(visible_text(&parts), text);
        }
    }
}
