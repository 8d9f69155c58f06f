//! Replies (XEP-0461): the message that one answers, and its quotation for programs that know none
//! (XEP-0428). Pure.

use super::living::name_of;
use super::ns;
use super::xml::Element;
use crate::model::Target;

/// Characters of the answered message that are quoted.
const QUOTED_MAX: usize = 300;
/// Lines of it.
const LINES_MAX: usize = 5;

/// The id of the message that a stanza answers.
pub(super) fn answered(stanza: &Element) -> Option<&str> {
    stanza.find("reply", ns::REPLY)?.attribute("id")
}

/// The lines before an answer that quote what it answers.
fn quotation(target: &Target) -> String {
    let mut quoted = String::new();
    if let Some(name) = &target.sender_alias {
        quoted.push_str(&format!("> {}:\n", one_line(name)));
    }
    let text: String = target.text.chars().take(QUOTED_MAX).collect();
    for line in text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(LINES_MAX)
    {
        quoted.push_str(&format!("> {}\n", one_line(line)));
    }
    quoted
}

/// Servers turn a carriage return into a line end, and the counts would shift.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Returns the body of an answer, and what says which message it answers and which part of the body
/// quotes it.
pub(super) fn answering(target: &Target, room: Option<&str>, body: &str) -> (String, Vec<Element>) {
    let quoted = quotation(target);
    let end = quoted.chars().count();
    let mut reply = Element::new("reply", ns::REPLY).with("id", name_of(target, room.is_some()));
    let to = match (room, &target.sender_alias, &target.sender) {
        (Some(room), Some(nick), _) => Some(format!("{room}/{nick}")),
        (_, _, Some(sender)) => Some(sender.trim_start_matches("xmpp:").to_owned()),
        _ => None,
    };
    reply = reply.with_some("to", to);
    if quoted.is_empty() {
        return (body.to_owned(), vec![reply]);
    }
    let range = Element::new("body", ns::FALLBACK)
        .with("start", "0")
        .with("end", end.to_string());
    let fallback = Element::new("fallback", ns::FALLBACK)
        .with("for", ns::REPLY)
        .child(range);
    (format!("{quoted}{body}"), vec![reply, fallback])
}

#[cfg(test)]
mod tests {
    use super::super::markers::plain_text;
    use super::*;
    use crate::model::MessageId;

    #[test]
    fn the_quotation_is_cut_again_by_whoever_knows_replies() {
        for text in [
            "hi",
            "two\r\nlines",
            "👨‍👩‍👧 family",
            "",
            "x".repeat(1000).as_str(),
        ] {
            for alias in [None, Some("Ann")] {
                let mut target = Target::new(MessageId::parse("s1").expect("an id"));
                target.text = text.to_owned();
                target.sender_alias = alias.map(str::to_owned);
                let (body, beside) = answering(&target, Some("ops@rooms"), "yes\nindeed");
                let body = Element::stanza("body").text(body);
                let stanza = Element::stanza("message")
                    .child(body.clone())
                    .children_from(beside);
                assert_eq!(
                    plain_text(&stanza, &body),
                    "yes\nindeed",
                    "{text} {alias:?}"
                );
                assert_eq!(answered(&stanza), Some("s1"));
            }
        }
    }
}
