//! Who is meant by a message (XEP-0372): its references become parts of the text, and parts become
//! references. Pure.
//!
//! A reference says the address, and between which characters the name stands. Programs count these
//! in characters, in UTF-16, or before the quotation of an answer, so the name is looked for in the
//! text as a whole word, and the count only tells which word a program has shown (§xmpp/beside).
//! Rejected: cutting the text by the count.

use super::jid::Jid;
use super::ns;
use super::xml::Element;
use crate::backend::text::body_of;
use crate::model::Part;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// People who are meant by one message, and characters of a name.
const MENTIONS_MAX: usize = 50;
const NAME_MAX: usize = 100;
/// What an address has encoded: everything that would end it.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// Turns the words of `parts` that mean somebody into parts of their own. The visible text stays.
/// `text` is the whole body that the references count in.
pub(super) fn mark(stanza: &Element, text: &str, mut parts: Vec<Part>) -> Vec<Part> {
    let references = stanza
        .children()
        .filter(|child| child.is("reference", ns::REFERENCE))
        .filter(|child| child.attribute("type") == Some("mention"));
    for reference in references.take(MENTIONS_MAX) {
        let Some(jid) = reference.attribute("uri").and_then(person) else {
            continue;
        };
        let names = names(reference, &jid, text);
        if let Some(at) = names.iter().find_map(|name| place(&parts, name)) {
            split(&mut parts, at, format!("xmpp:{}", jid.as_str()));
        }
    }
    parts
}

/// The references to the people that `parts` mean, whose first character is the one after `before`.
pub(super) fn references(parts: &[Part], before: usize) -> Vec<Element> {
    let (mut begin, mut found) = (before, Vec::new());
    for part in parts {
        let end = begin + body_of(std::slice::from_ref(part)).chars().count();
        if let Part::Mention { address, .. } = part
            && let Some(person) = address.strip_prefix("xmpp:")
            && end > begin
            && found.len() < MENTIONS_MAX
        {
            let uri = format!("xmpp:{}", utf8_percent_encode(person, ENCODED));
            found.push(
                Element::new("reference", ns::REFERENCE)
                    .with("type", "mention")
                    .with("begin", begin.to_string())
                    .with("end", end.to_string())
                    .with("uri", uri),
            );
        }
        begin = end;
    }
    found
}

/// The address in a reference.
fn person(uri: &str) -> Option<Jid> {
    let address = uri.strip_prefix("xmpp:")?;
    let address = address.split(['?', '#']).next()?;
    Jid::parse(&percent_decode_str(address).decode_utf8().ok()?)
}

/// What the text may call the person, the likeliest first.
fn names(reference: &Element, jid: &Jid, text: &str) -> Vec<String> {
    let known = [jid.resource(), jid.local()];
    let known = || known.iter().flatten().copied();
    let number = |name| reference.attribute(name)?.parse::<usize>().ok();
    let shown = match (number("begin"), number("end")) {
        (Some(begin), Some(end)) if begin < end && end - begin <= NAME_MAX => {
            [in_characters(text, begin, end), in_utf_16(text, begin, end)]
        }
        _ => [None, None],
    };
    let is_known = |name: &String| {
        let bare = name.strip_prefix('@').unwrap_or(name).to_lowercase();
        known().any(|known| known.to_lowercase() == bare)
    };
    let (mut names, others): (Vec<_>, Vec<_>) = shown.into_iter().flatten().partition(is_known);
    for known in known() {
        names.extend([format!("@{known}"), known.to_owned()]);
    }
    names.extend(others);
    names.retain(|name| name.len() <= 4 * NAME_MAX && name.trim() == name && !name.is_empty());
    names
}

fn in_characters(text: &str, begin: usize, end: usize) -> Option<String> {
    let name: String = text.chars().skip(begin).take(end - begin).collect();
    (name.chars().count() == end - begin).then_some(name)
}

fn in_utf_16(text: &str, begin: usize, end: usize) -> Option<String> {
    let units: Vec<u16> = text.encode_utf16().skip(begin).take(end - begin).collect();
    let name = String::from_utf16(&units).ok()?;
    (units.len() == end - begin).then_some(name)
}

/// A word of the text: which part it stands in, and between which bytes.
struct Word {
    part: usize,
    begin: usize,
    end: usize,
}

/// Where `name` stands in the text as a whole word for the first time.
fn place(parts: &[Part], name: &str) -> Option<Word> {
    parts.iter().enumerate().find_map(|(part, it)| {
        let Part::Text(text) = it else {
            return None;
        };
        let is_word = |begin: &usize| {
            let (before, after) = (&text[..*begin], &text[begin + name.len()..]);
            let is_inside = |c: char| c.is_alphanumeric() || c == '_';
            !before.chars().next_back().is_some_and(is_inside)
                && !after.chars().next().is_some_and(is_inside)
        };
        let begin = text
            .match_indices(name)
            .map(|(begin, _)| begin)
            .find(is_word)?;
        Some(Word {
            part,
            begin,
            end: begin + name.len(),
        })
    })
}

/// Makes the word a part of its own.
fn split(parts: &mut Vec<Part>, word: Word, address: String) {
    let Part::Text(text) = &parts[word.part] else {
        return;
    };
    let some = |text: &str| (!text.is_empty()).then(|| Part::Text(text.to_owned()));
    let name = text[word.begin..word.end].to_owned();
    let pieces: Vec<Part> = [
        some(&text[..word.begin]),
        Some(Part::Mention { address, name }),
        some(&text[word.end..]),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.splice(word.part..=word.part, pieces);
}

#[cfg(test)]
mod tests {
    use super::super::message::said;
    use super::super::xml::parsed;
    use super::*;
    use crate::model::visible_text;

    /// The parts of a body with references, each `uri begin end`.
    fn marked(body: &str, references: &[&str]) -> Vec<Part> {
        let references: String = references
            .iter()
            .map(|reference| {
                let mut words = reference.split(' ');
                let mut next = || words.next().expect("a word");
                format!(
                    "<reference xmlns='urn:xmpp:reference:0' type='mention' uri='{}' begin='{}' end='{}'/>",
                    next(), next(), next()
                )
            })
            .collect();
        let stanza = parsed(&format!(
            "<message><body>{body}</body>{references}</message>"
        ));
        let parts = said(&stanza).parts.expect("parts");
        assert_eq!(visible_text(&parts), body, "the text stays");
        parts
    }

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn mention(address: &str, name: &str) -> Part {
        Part::Mention {
            address: address.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_reference_marks_the_name_that_is_shown_however_it_is_counted() {
        let ann = || mention("xmpp:r@rooms/Ann", "Ann");
        let rest = || text(", disk is full");
        for range in ["0 3", "7 9", "900 903", "5 2", "x y"] {
            let parts = marked("Ann, disk is full", &[&format!("xmpp:r@rooms/Ann {range}")]);
            assert_eq!(parts, [ann(), rest()], "{range}");
        }
        // In characters, and in UTF-16, after an emoji.
        for range in ["2 8", "3 9"] {
            let parts = marked("👍 Lene B!", &[&format!("xmpp:lb@b.example {range}")]);
            let lene = mention("xmpp:lb@b.example", "Lene B");
            assert_eq!(parts, [text("👍 "), lene, text("!")], "{range}");
        }
        let two = ["xmpp:r@rooms/Ann 0 3", "xmpp:bob@b 8 12"];
        let bob = mention("xmpp:bob@b", "@bob");
        assert_eq!(marked("Ann and @bob", &two), [ann(), text(" and "), bob]);
        let encoded = mention("xmpp:r@rooms/Ann B", "Ann B");
        assert_eq!(marked("Ann B", &["xmpp:r@rooms/Ann%20B 0 5"]), [encoded]);
    }

    #[test]
    fn a_reference_that_makes_no_sense_leaves_the_text_alone() {
        for (body, reference) in [
            ("Annika said", "xmpp:r@rooms/Ann 90 93"),
            ("hello", "https://a.example 0 5"),
            ("hello", "xmpp: 0 5"),
            ("hello", "xmpp:%ff@b 0 5"),
            ("hello", "xmpp:bob@b 0 99999999999999999999"),
            ("hello", "xmpp:bob@b 0 50"),
        ] {
            assert_eq!(marked(body, &[reference]), [text(body)], "{reference}");
        }
        let parts = marked("https://a.example/Ann", &["xmpp:r@rooms/Ann 18 21"]);
        assert!(matches!(parts[..], [Part::Hyperlink { .. }]), "{parts:?}");
    }

    #[test]
    fn what_goes_out_is_what_comes_in() {
        let parts = [
            text("👍 "),
            mention("xmpp:r@rooms/Ann B", "Ann B"),
            text(" and "),
            mention("xmpp:bob@b.example", "@bob"),
            text(", "),
            mention("sip:eve@b.example", "eve"),
        ];
        for quoted in ["", "> what?\n"] {
            let body = format!("{quoted}{}", body_of(&parts));
            let stanza = Element::stanza("message")
                .child(Element::stanza("body").text(body.as_str()))
                .children_from(references(&parts, quoted.chars().count()));
            let read = mark(&stanza, &body, vec![Part::Text(body.clone())]);
            let met: Vec<&Part> = read
                .iter()
                .filter(|part| matches!(part, Part::Mention { .. }))
                .collect();
            assert_eq!(met, [&parts[1], &parts[3]], "nobody of another network");
        }
    }
}
