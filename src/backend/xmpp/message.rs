//! Messages as stanzas, and stanzas as messages. Pure.

use super::attached::{attachments, with_files};
use super::identity::Mark;
use super::jid::Jid;
use super::living::{self, Speaker};
use super::markers::{Meaning, UNREADABLE, meaning, plain_text};
use super::mentions;
use super::ns;
use super::point::time_of;
use super::reply;
use super::xhtml;
use super::xml::Element;
use crate::backend::text::body_of;
use crate::backend::{Changes, Outgoing, Received};
use crate::model::{ChangeKind, Content, MessageId, OriginId, Part};
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// The longest id that a sender's program gives a message, and the longest name of a thread, in
/// bytes.
const ID_MAX: usize = 1024;
const THREAD_MAX: usize = 256;
/// The beginning of 1999, the year of XMPP's first message.
const FIRST_MESSAGE: DateTime<Utc> = DateTime::from_timestamp_nanos(915_148_800_000_000_000);
/// How long the engine's origin ids are. It alone can tell whether one is its own.
const ORIGIN_LENGTH: usize = 55;

/// The content of a message stanza, before its sender and channel are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// The text as it came.
    pub(super) body: Option<String>,
    pub(super) parts: Option<Vec<Part>>,
    /// The parts without the quotation of what it answers.
    pub(super) unquoted: Option<Vec<Part>>,
    /// The message that it answers.
    pub(super) answers: Option<MessageId>,
    pub(super) thread: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) alert: bool,
    pub(super) origin: Option<OriginId>,
    /// The sender's own id of it.
    pub(super) sender_id: Option<String>,
    /// What it does to an earlier message; then `parts` are the content of a correction.
    pub(super) changes: Option<Changes>,
    /// When it was sent, if that was before it came.
    pub(super) time: Option<DateTime<Utc>>,
    /// Whether its sender types, if it says so.
    pub(super) composing: Option<bool>,
}

/// Reads a message.
pub(super) fn read(stanza: &Element, speaker: Speaker) -> Reading {
    let changes = living::changes(stanza, speaker);
    let meaning = match meaning(stanza) {
        // A mark in the place of a message, and what only a room may say.
        _ if living::is_tombstone(stanza) => Meaning::Silent,
        meaning => meaning,
    };
    let (body, unquoted) = words(stanza, meaning);
    let (mut parts, unquoted) = parts(stanza, meaning, body.as_deref(), unquoted);
    if let Meaning::Encrypted(method) = meaning {
        let method = method.to_owned();
        parts
            .get_or_insert_default()
            .push(Part::Unreadable { method });
    }
    let is_correction = |changes: &Changes| changes.kind == ChangeKind::Edited;
    // A correction changes something if it has a content; anything else if that is all it has.
    let changes = changes.filter(|changes| is_correction(changes) == parts.is_some());
    // A correction without a text is not the room's new subject.
    let has_subject = meaning == Meaning::Message
        && (body.is_some() || stanza.find("replace", ns::CORRECT).is_none());
    let subject = in_any_language(stanza, "subject").filter(|_| has_subject);
    let origin = origin_id(stanza);
    let composing = stanza
        .children()
        .find(|child| child.namespace == ns::CHAT_STATES)
        .map(|state| state.name == "composing");
    let answers = reply::answered(stanza).filter(|_| parts.is_some());
    Reading {
        parts,
        unquoted,
        answers: answers.and_then(|id| MessageId::parse(id).ok()),
        thread: stanza
            .text_of("thread", ns::CLIENT)
            .filter(|thread| !thread.is_empty() && thread.len() <= THREAD_MAX),
        body,
        subject: subject.map(Element::inner_text),
        alert: stanza.find("attention", ns::ATTENTION).is_some(),
        origin: origin.and_then(|origin| OriginId::parse(origin).ok()),
        sender_id: stanza
            .attribute("id")
            .filter(|id| !id.is_empty() && id.len() <= ID_MAX)
            .map(str::to_owned),
        changes,
        time: stanza
            .find("delay", ns::DELAY)
            .and_then(|delay| time_of(delay.attribute("stamp")?)),
        composing,
    }
}

/// The text of a message, and without the quotation of what it answers, if it has one.
fn words(stanza: &Element, meaning: Meaning) -> (Option<String>, Option<String>) {
    let (mut body, mut unquoted) = (None, None);
    match meaning {
        Meaning::Message => {
            let found = in_any_language(stanza, "body");
            let whole = found.map(Element::inner_text);
            let plain = found.map(|body| plain_text(stanza, body));
            if reply::answered(stanza).is_some() && plain != whole && plain.as_deref() != Some("") {
                body = whole;
                unquoted = plain;
            } else {
                body = match plain {
                    Some(plain) if !plain.trim().is_empty() => Some(plain),
                    plain => xhtml::text(stanza).or(plain),
                };
            }
        }
        Meaning::Encrypted(_) => body = Some(UNREADABLE.to_owned()),
        Meaning::Silent => {}
    }
    (body.filter(|body| !body.is_empty()), unquoted)
}

/// The parts of both texts: with the files beside them, and the people that are meant.
fn parts(
    stanza: &Element,
    meaning: Meaning,
    body: Option<&str>,
    unquoted: Option<String>,
) -> (Option<Vec<Part>>, Option<Vec<Part>>) {
    if meaning != Meaning::Message {
        return (with_files(body, Vec::new()), None);
    }
    let files = attachments(stanza);
    let with_all = |text: Option<&str>| {
        let parts = with_files(text, files.clone())?;
        Some(mentions::mark(stanza, body.unwrap_or_default(), parts))
    };
    let unquoted = unquoted.and_then(|text| with_all(Some(&text)));
    (with_all(body), unquoted)
}

/// Reads a message of somebody in a conversation of two.
#[cfg(test)]
pub(super) fn said(stanza: &Element) -> Reading {
    read(stanza, Speaker::Contact)
}

/// Returns the id that the sender's program gave (XEP-0359).
fn origin_id(stanza: &Element) -> Option<&str> {
    stanza.find("origin-id", ns::SID)?.attribute("id")
}

/// Returns what a message of `sender` is recognised by where no id of the room tells.
pub(super) fn mark(sender: &str, reading: &Reading, stanza: &Element) -> Mark {
    let id = origin_id(stanza).or_else(|| stanza.attribute("id"));
    let words = match (&reading.body, &reading.changes) {
        (Some(body), _) => Cow::from(body.as_str()),
        (None, Some(changes)) => format!("{changes:?}").into(),
        (None, None) => "".into(),
    };
    Mark::of(sender, &words, id)
}

/// Returns the `id` attribute of a message of ours if it may be the origin of a post, which leaves
/// under the same id: some rooms and archives keep only that.
pub(super) fn own_id(stanza: &Element) -> Option<OriginId> {
    let id = stanza.attribute("id")?;
    let is_ours = id.len() == ORIGIN_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    OriginId::parse(id).ok().filter(|_| is_ours)
}

/// The child that may be there in several languages: the one without a language, else the first.
fn in_any_language<'a>(stanza: &'a Element, name: &str) -> Option<&'a Element> {
    let mut found = stanza.children().filter(|child| child.is(name, ns::CLIENT));
    let first = found.next()?;
    let plain = std::iter::once(first)
        .chain(found)
        .find(|child| child.attribute("xml:lang").is_none());
    Some(plain.unwrap_or(first))
}

/// Returns whether a room repeats the past: a line from before the agent came in, which did not ask
/// for any. A room says so with its own address; until its subject comes, whatever is delayed is
/// past.
pub(super) fn is_past(stanza: &Element, room: &str, is_entering: bool) -> bool {
    let of_room = |delay: &Element| {
        let by = delay.attribute("from").and_then(Jid::parse);
        by.is_some_and(|by| by.bare() == room)
    };
    let is_delay =
        |child: &&Element| child.is("delay", ns::DELAY) || child.is("x", ns::LEGACY_DELAY);
    let mut delays = stanza.children().filter(is_delay);
    delays.any(|delay| is_entering || of_room(delay))
}

/// The id that `by` gave a message (XEP-0359): the room, or the account's own archive. Nobody
/// else's word counts. The last one is true: Prosody leaves a sender's forgery, and adds its own.
pub(super) fn stanza_id(stanza: &Element, by: &str) -> Option<String> {
    let given = stanza
        .children()
        .filter(|child| child.is("stanza-id", ns::SID));
    let given = given.filter(|id| {
        id.attribute("by")
            .and_then(Jid::parse)
            .is_some_and(|jid| jid.as_str() == by)
    });
    given.last()?.attribute("id").map(str::to_owned)
}

impl Reading {
    /// Whether it is a message, or changes one.
    pub(super) fn says_something(&self) -> bool {
        self.parts.is_some() || self.changes.is_some()
    }

    /// Returns the message, if it has a text to read or changes an earlier one.
    pub(super) fn received(
        self,
        id: MessageId,
        sender: Sender,
        now: DateTime<Utc>,
    ) -> Option<Received> {
        if !self.says_something() {
            return None;
        }
        let mut content = Content::parts(self.parts.unwrap_or_default());
        content.subject = self.subject.filter(|subject| !subject.is_empty());
        content.alert = self.alert;
        content.in_reply_to = self.answers;
        content.thread = self.thread;
        let own_id = self.sender_id.filter(|own| own != id.as_str());
        let origin = self.origin.filter(|_| sender.is_ours);
        // The origin of a post is its sender's id already.
        let own_id = own_id.filter(|own| origin.as_ref().is_none_or(|it| it.as_str() != own));
        let mut received = Received::new(id, sender.address, content)
            .with_origin(origin)
            .with_alias(sender.alias)
            .with_sender_id(own_id)
            .with_author(sender.author)
            .with_unquoted(self.unquoted)
            .with_time(plausible(self.time, now));
        received.changes = self.changes.map(Box::new);
        Some(received)
    }
}

/// Returns when a message was sent: as it says, unless that is after it came or before there was
/// any XMPP. Senders write what they like.
fn plausible(said: Option<DateTime<Utc>>, came: DateTime<Utc>) -> DateTime<Utc> {
    said.filter(|said| (FIRST_MESSAGE..=came).contains(said))
        .unwrap_or(came)
}

/// The sender of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) address: String,
    pub(super) alias: Option<String>,
    /// True if it is one of our agents.
    pub(super) is_ours: bool,
    /// What tells them from everybody else; `None`: the address.
    pub(super) author: Option<String>,
}

/// Returns the stanza of a message to send.
pub(super) fn stanza(to: &str, kind: &'static str, message: &Outgoing) -> Element {
    let (origin, content) = (message.origin.as_str(), &message.content);
    let mut stanza = Element::stanza("message")
        .with("type", kind)
        .with("to", to)
        .with("id", origin);
    if let Some(subject) = &content.subject {
        stanza = stanza.child(Element::stanza("subject").text(subject.as_str()));
    }
    let body = if content.parts.is_empty() {
        message.text.clone()
    } else {
        body_of(&content.parts)
    };
    let room = (kind == "groupchat").then_some(to);
    let said = body.chars().count();
    let (body, beside) = match &message.answers {
        Some(target) => reply::answering(target, room, &body),
        None => (body, Vec::new()),
    };
    let quoted = body.chars().count() - said;
    stanza = stanza
        .child(Element::stanza("body").text(body))
        .children_from(beside)
        .children_from(mentions::references(&content.parts, quoted));
    if let Some(thread) = &content.thread {
        stanza = stanza.child(Element::stanza("thread").text(thread.as_str()));
    }
    stanza = stanza.child(Element::new("origin-id", ns::SID).with("id", origin));
    if content.alert {
        stanza = stanza.child(Element::new("attention", ns::ATTENTION));
    }
    if kind == "chat" {
        stanza = living::asking(stanza.child(Element::new("active", ns::CHAT_STATES)));
    }
    match &message.changes {
        Some(change) => living::replacing(stanza, &change.target),
        None => stanza,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing() -> Outgoing {
        let content = Content::text("hello <you>").story("News").alert();
        Outgoing::new(OriginId::parse("s1").expect("an id"), content)
    }

    #[test]
    fn what_goes_out_is_what_comes_in() {
        let said = said(&stanza("a@b", "groupchat", &outgoing()));
        assert_eq!(said.parts, Some(outgoing().content.parts));
        assert_eq!(
            (said.subject.as_deref(), said.alert, said.origin.as_ref()),
            (Some("News"), true, Some(&outgoing().origin))
        );
        let id = MessageId::parse("1").expect("an id");
        let sender = |is_ours| Sender {
            address: "xmpp:a@b".into(),
            alias: None,
            is_ours,
            author: None,
        };
        let of = |is_ours| {
            said.clone()
                .received(id.clone(), sender(is_ours), Utc::now())
                .expect("a message")
        };
        assert_eq!(of(true).origin, Some(outgoing().origin));
        assert_eq!(of(false).origin, None, "a stranger cannot claim it");
    }

    /// A sender's delay is not the time of an event if it cannot be.
    #[test]
    fn a_delay_is_bounded_by_the_time_of_arrival() {
        let came = time_of("2026-11-28T12:00:00Z").expect("a time");
        for (stamp, expected) in [
            ("2026-11-28T11:00:00Z", "2026-11-28T11:00:00Z"),
            ("2003-02-01T00:00:00Z", "2003-02-01T00:00:00Z"),
            ("2026-11-28T12:00:00Z", "2026-11-28T12:00:00Z"),
            ("2026-11-28T12:00:01Z", "2026-11-28T12:00:00Z"),
            ("2036-01-01T00:00:00Z", "2026-11-28T12:00:00Z"),
            ("0001-01-01T00:00:00Z", "2026-11-28T12:00:00Z"),
            ("1970-01-01T00:00:00Z", "2026-11-28T12:00:00Z"),
        ] {
            let delay = Element::new("delay", ns::DELAY).with("stamp", stamp);
            let body = Element::stanza("body").text("hello");
            let sender = Sender {
                address: "xmpp:a@b".into(),
                alias: None,
                is_ours: false,
                author: None,
            };
            let id = MessageId::parse("1").expect("an id");
            let said = said(&Element::stanza("message").child(body).child(delay));
            let received = said.received(id, sender, came).expect("a message");
            assert_eq!(received.time, time_of(expected), "{stamp}");
        }
    }

    #[test]
    fn only_the_room_gives_ids() {
        let given = |by: &str| {
            Element::new("stanza-id", ns::SID)
                .with("by", by)
                .with("id", format!("of {by}"))
        };
        let stanza = Element::stanza("message")
            .child(given("evil@b"))
            .child(given("Room@B"));
        assert_eq!(stanza_id(&stanza, "room@b").as_deref(), Some("of Room@B"));
        assert_eq!(stanza_id(&stanza, "other@b"), None);
        let forged = Element::new("stanza-id", ns::SID)
            .with("by", "room@b")
            .with("id", "forged");
        let stanza = Element::stanza("message")
            .child(forged)
            .child(given("room@b"));
        assert_eq!(stanza_id(&stanza, "room@b").as_deref(), Some("of room@b"));
    }

    #[test]
    fn a_body_may_come_in_languages() {
        let body = |language: Option<&str>, text: &str| {
            Element::stanza("body")
                .with_some("xml:lang", language)
                .text(text)
        };
        let stanza = Element::stanza("message")
            .child(body(Some("de"), "hallo"))
            .child(body(None, "hello"));
        assert_eq!(said(&stanza).parts, Some(vec![Part::Text("hello".into())]));
        let stanza = Element::stanza("message").child(body(Some("de"), "hallo"));
        assert_eq!(said(&stanza).parts, Some(vec![Part::Text("hallo".into())]));
        assert_eq!(
            said(&Element::stanza("message").child(body(None, ""))).parts,
            None
        );
    }

    #[test]
    fn a_line_of_before_the_entry_is_past() {
        let line = |by: Option<&str>| {
            let delay = Element::new("delay", ns::DELAY).with_some("from", by);
            Element::stanza("message").child(delay.with("stamp", "2026-11-22T12:00:00Z"))
        };
        let cases = [
            (Some("ops@rooms"), true, true),
            (Some("ops@rooms/lene"), true, true),
            (Some("im.test"), true, false),
            (None, true, false),
        ];
        for (by, entering, later) in cases {
            assert_eq!(is_past(&line(by), "ops@rooms", true), entering, "{by:?}");
            assert_eq!(is_past(&line(by), "ops@rooms", false), later, "{by:?}");
        }
        assert!(!is_past(&Element::stanza("message"), "ops@rooms", true));
    }
}
