//! Markers that change what the text of a message means. Pure.
//!
//! A message may change another one (`living`): then it is no message, whatever its text says to
//! programs that know no markers. An encrypted message has a text that only says so, in any language. A reply repeats
//! what it replies to, and says which characters that is (XEP-0461, XEP-0428).
//!
//! The rules are the guide's §xmpp/markers and §xmpp/living.
//!
//! Rejected: matching such texts. They are in every language, and people quote them.

use super::ns;
use super::xml::Element;

/// The text of a message that came encrypted and cannot be read. Anybody can write the same words;
/// the true mark is [`Message::unreadable`](crate::Message::unreadable).
pub const UNREADABLE: &str = "(an encrypted message, which cannot be read here)";
/// The most ranges of a text that are cut out.
const RANGES_MAX: usize = 32;
/// OMEMO, of which three versions are in use.
const OMEMO: [&str; 3] = [
    "eu.siacs.conversations.axolotl",
    "urn:xmpp:omemo:1",
    "urn:xmpp:omemo:2",
];

/// What a message is by its markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Its text is its content.
    Message,
    /// Its content is encrypted, with that method.
    Encrypted(&'static str),
    /// It takes another message back, or says nothing to people.
    Silent,
}

/// Returns what a message is.
pub(super) fn meaning(stanza: &Element) -> Meaning {
    let mut meaning = Meaning::Message;
    for child in stanza.children() {
        let (name, space) = (&*child.name, &*child.namespace);
        match (name, space) {
            ("retract", "urn:xmpp:message-retract:1") => return Meaning::Silent,
            ("apply-to", "urn:xmpp:fasten:0") if takes_back(child) => return Meaning::Silent,
            ("encrypted", _) if OMEMO.contains(&space) => {
                // Without a payload it carries a key, from program to program.
                if !child.children().any(|child| child.name == "payload") {
                    return Meaning::Silent;
                }
                meaning = Meaning::Encrypted("OMEMO");
            }
            ("openpgp", "urn:xmpp:openpgp:0") | ("x", "jabber:x:encrypted") => {
                meaning = Meaning::Encrypted("OpenPGP");
            }
            ("encryption", "urn:xmpp:eme:0") if meaning == Meaning::Message => {
                meaning = Meaning::Encrypted(method(child));
            }
            ("body", ns::CLIENT) if child.inner_text().starts_with("?OTR") => {
                meaning = Meaning::Encrypted("OTR");
            }
            _ => {}
        }
    }
    meaning
}

/// The method that a message says it is encrypted with (XEP-0380).
fn method(encryption: &Element) -> &'static str {
    match encryption.attribute("namespace").unwrap_or_default() {
        space if OMEMO.contains(&space) => "OMEMO",
        "urn:xmpp:openpgp:0" | "jabber:x:encrypted" => "OpenPGP",
        "urn:xmpp:otr:0" => "OTR",
        _ => "an unknown method",
    }
}

/// Returns whether what is applied to another message is its retraction, by its author or by a
/// moderator.
fn takes_back(apply: &Element) -> bool {
    apply.children().any(|child| {
        matches!(
            (&*child.name, &*child.namespace),
            ("retract", "urn:xmpp:message-retract:0")
                | ("moderated" | "moderate", "urn:xmpp:message-moderate:0")
        )
    })
}

/// Returns the text of a body without what is there only for programs that know no replies and no
/// reactions. A reaction may have no other text; a reply that has no other text keeps it.
pub(super) fn plain_text(stanza: &Element, body: &Element) -> String {
    let text = body.inner_text();
    let has = |name: &str, space: &str| stanza.find(name, space).is_some();
    let is_reaction = has("reactions", "urn:xmpp:reactions:0");
    if !is_reaction && !has("reply", "urn:xmpp:reply:0") {
        return text;
    }
    let length = text.chars().count();
    let language = body.attribute("xml:lang");
    let ranges: Vec<(usize, usize)> = stanza
        .children()
        .filter(|child| child.is("fallback", "urn:xmpp:fallback:0"))
        .filter(|fallback| is_reaction || fallback.attribute("for") == Some("urn:xmpp:reply:0"))
        .flat_map(|fallback| ranges(fallback, language, length))
        .take(RANGES_MAX)
        .collect();
    if ranges.is_empty() {
        return text;
    }
    let is_cut = |at: usize| {
        ranges
            .iter()
            .any(|(start, end)| (*start..*end).contains(&at))
    };
    let kept = text.chars().enumerate();
    let kept: String = kept
        .filter_map(|(at, character)| (!is_cut(at)).then_some(character))
        .collect();
    match kept.trim() {
        "" if is_reaction => String::new(),
        "" => text,
        kept => kept.to_owned(),
    }
}

/// Returns the ranges of a body in that language, in characters, that `fallback` names; one that
/// makes no sense is none. Without a range the whole body is meant.
fn ranges(fallback: &Element, language: Option<&str>, length: usize) -> Vec<(usize, usize)> {
    let bodies = || fallback.children().filter(|child| child.name == "body");
    let whole = (0, length);
    if bodies().next().is_none() {
        let is_all = !fallback.children().any(|child| child.name == "subject");
        return Vec::from_iter(is_all.then_some(whole));
    }
    let range = |body: &Element| match (body.attribute("start"), body.attribute("end")) {
        (None, None) => Some(whole),
        (Some(start), Some(end)) => {
            let (start, end) = (start.parse().ok()?, end.parse().ok()?);
            (start <= end && end <= length).then_some((start, end))
        }
        _ => None,
    };
    let bodies = bodies().filter(|body| body.attribute("xml:lang") == language);
    bodies.filter_map(range).take(RANGES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::super::message::said;
    use super::super::xml::{Event, Parser};
    use super::*;
    use crate::model::visible_text;

    fn message(inner: &str) -> Element {
        let mut parser = Parser::default();
        parser.feed(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
        parser.feed(format!("<message>{inner}</message>").as_bytes());
        loop {
            match parser.next() {
                Ok(Some(Event::Element(element))) => return *element,
                Ok(Some(_)) => {}
                other => panic!("{inner}: {other:?}"),
            }
        }
    }

    fn text(inner: &str) -> Option<String> {
        let said = said(&message(inner));
        let parts = said.unquoted.or(said.parts);
        parts.map(|parts| visible_text(&parts))
    }

    #[test]
    fn a_change_of_another_message_is_no_message() {
        for change in [
            "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/><retract xmlns='urn:xmpp:message-retract:1' id='m1'/>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='m1'><moderated xmlns='urn:xmpp:message-moderate:1'/></retract>",
            "<apply-to xmlns='urn:xmpp:fasten:0' id='m1'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>",
            "<apply-to xmlns='urn:xmpp:fasten:0' id='m1'><moderated xmlns='urn:xmpp:message-moderate:0'/></apply-to>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>",
        ] {
            assert_eq!(
                text(&format!("{change}<body>!restart</body>")),
                None,
                "{change}"
            );
            let said = said(&message(&format!(
                "<body>x</body><subject>y</subject>{change}"
            )));
            assert_eq!((said.parts, said.subject), (None, None), "{change}");
        }
        let correction = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>";
        let corrected = said(&message(&format!("<body>x</body>{correction}")));
        let kind = corrected.changes.map(|changes| changes.kind);
        assert_eq!(kind, Some(crate::model::ChangeKind::Edited));
        let without = said(&message(&format!("<subject>y</subject>{correction}")));
        assert_eq!(
            (without.parts, without.subject, without.changes),
            (None, None, None)
        );
        let other =
            "<apply-to xmlns='urn:xmpp:fasten:0' id='m1'><external name='body'/></apply-to>";
        assert_eq!(
            text(&format!("{other}<body>a</body>")).as_deref(),
            Some("a")
        );
    }

    #[test]
    fn an_encrypted_message_says_only_that() {
        for marker in [
            "<encrypted xmlns='urn:xmpp:omemo:2'><header/><payload>x</payload></encrypted>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload/></encrypted>",
            "<openpgp xmlns='urn:xmpp:openpgp:0'>x</openpgp>",
            "<x xmlns='jabber:x:encrypted'>x</x>",
            "<encryption xmlns='urn:xmpp:eme:0' namespace='else'/>",
        ] {
            for body in ["", "<body>I sent you an OMEMO message</body>"] {
                let shown = text(&format!("{body}{marker}"));
                assert_eq!(shown.as_deref(), Some(UNREADABLE), "{marker}");
            }
        }
        assert_eq!(text("<body>?OTR:AAMD</body>").as_deref(), Some(UNREADABLE));
    }

    #[test]
    fn a_reply_is_cut_by_characters() {
        let family = "👨‍👩‍👧";
        let cases = [
            (
                "&gt; Ann:\n&gt; hi\nyes",
                "<body start='0' end='12'/>",
                "yes",
            ),
            (family, "<body start='0' end='2'/>", "👩‍👧"),
            (
                "one two three",
                "<body start='0' end='4'/><body start='8' end='13'/>",
                "two",
            ),
            ("yes", "<body start='0' end='99999'/>", "yes"),
            ("yes", "<body start='-1' end='2'/>", "yes"),
            ("yes", "<body start='2' end='1'/>", "yes"),
            ("yes", "<body start='0'/>", "yes"),
            ("yes", "<body xml:lang='de' start='0' end='1'/>", "yes"),
            ("all of it", "<body/>", "all of it"),
            ("all of it", "", "all of it"),
            ("a quoted subject", "<subject/>", "a quoted subject"),
        ];
        for (body, range, is) in cases {
            let fallback = format!(
                "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>{range}</fallback>"
            );
            let reply = "<reply xmlns='urn:xmpp:reply:0' id='1'/>";
            let shown = text(&format!("<body>{body}</body>{reply}{fallback}"));
            let is = is.trim_start_matches('\u{200d}');
            let shown = shown.unwrap_or_default();
            assert_eq!(shown.trim_start_matches('\u{200d}'), is, "{body} {range}");
            let whole = text(&format!("<body>{body}</body>{fallback}"));
            assert_eq!(
                whole.unwrap_or_default().len(),
                message(&format!("<body>{body}</body>"))
                    .text_of("body", ns::CLIENT)
                    .unwrap_or_default()
                    .len(),
                "without a reply nothing is cut"
            );
        }
    }

    #[test]
    fn a_reaction_with_a_quotation_is_no_message() {
        let reaction = "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>👍</reaction></reactions>\
             <reply xmlns='urn:xmpp:reply:0' id='1'/>\
             <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='8'/></fallback>\
             <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reactions:0'><body start='8' end='9'/></fallback>";
        assert_eq!(
            text(&format!("<body>&gt; quote\n👍</body>{reaction}")),
            None
        );
        let more = text(&format!("<body>&gt; quote\n👍 fine</body>{reaction}"));
        assert_eq!(more.as_deref(), Some("fine"));
    }
}
