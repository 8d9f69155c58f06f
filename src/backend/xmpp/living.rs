//! What a stanza does to an earlier message: corrections (XEP-0308), retractions (XEP-0424),
//! moderation (XEP-0425), reactions (XEP-0444), receipts (XEP-0184) and markers (XEP-0333), in both
//! directions. Pure.
//!
//! How a message is named differs: a correction names the `id` that its own sender gave, in rooms
//! everything else the room's id, and between two people all name the sender's `id`. The journal
//! looks all of them up, and checks who may.
//!
//! The rules are the guide's §xmpp/living.
//!
//! Rejected: a memory of what was heard here. It forgot with every restart, and a correction of an
//! older message was then a new one.

use super::ns;
use super::xml::Element;
use crate::backend::{Changes, Outgoing, OutgoingChange};
use crate::model::{ChangeKind, MessageId, Receipt, Target};

/// Reactions of one stanza that are looked at.
const REACTIONS_MAX: usize = 64;
/// What programs show that know no retractions.
const RETRACTED: &str = "/me retracted a previous message, but it's unsupported by your client.";

/// Who speaks, as far as it matters for what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// A room itself, by its bare address.
    Room,
    /// Somebody in a room.
    Occupant,
    /// Somebody in a conversation of two.
    Contact,
}

/// Returns what a stanza does to an earlier message; `None` if it is a message of its own, or
/// nothing that counts. A correction changes something only if it has a content, which the caller
/// knows.
pub(super) fn changes(stanza: &Element, speaker: Speaker) -> Option<Changes> {
    if let Some((id, moderated)) = moderated(stanza) {
        let reason = moderated.text_of("reason", &moderated.namespace);
        let kind = ChangeKind::Retracted {
            by_moderator: true,
            reason: reason.filter(|reason| !reason.is_empty()),
        };
        // Anybody in the room can send such a stanza; the room sends the true one.
        return Some(Changes::new(named(id)?, kind)).filter(|_| speaker == Speaker::Room);
    }
    if let Some(id) = retracted(stanza) {
        let kind = ChangeKind::Retracted {
            by_moderator: false,
            reason: None,
        };
        return Some(Changes::new(named(id)?, kind)).filter(|_| speaker != Speaker::Room);
    }
    if let Some(reactions) = stanza.find("reactions", ns::REACTIONS) {
        let id = named(reactions.attribute("id")?)?;
        let each = reactions
            .children()
            .filter(|child| child.is("reaction", ns::REACTIONS))
            .take(REACTIONS_MAX)
            .map(|reaction| reaction.inner_text().trim().to_owned());
        return Some(Changes::new(id, ChangeKind::Reactions(each.collect())));
    }
    if let Some((id, receipt)) = receipt(stanza) {
        if receipt == Receipt::Delivered && speaker != Speaker::Contact {
            return None;
        }
        return Some(Changes::new(named(id)?, ChangeKind::Receipt(receipt)));
    }
    let corrected = stanza.find("replace", ns::CORRECT)?.attribute("id")?;
    Some(Changes::of_own(named(corrected)?, ChangeKind::Edited))
}

/// Whether a stanza is the mark of a message that was taken back, as archives keep it in the
/// message's place.
pub(super) fn is_tombstone(stanza: &Element) -> bool {
    stanza.children().any(|child| {
        let is_moderated = child.name == "moderated" && is_moderation(child);
        let mark = child.children().find(|inner| inner.name == "retracted");
        (is_moderated && mark.is_some()) || child.is("retracted", ns::RETRACT)
    })
}

fn named(id: &str) -> Option<MessageId> {
    MessageId::parse(id).ok()
}

fn is_moderation(element: &Element) -> bool {
    [ns::MODERATE, ns::MODERATE_0].contains(&&*element.namespace)
}

/// The id of the message that a moderator took back, and the element that says so.
fn moderated(stanza: &Element) -> Option<(&str, &Element)> {
    let of = |child: &'_ Element| child.name == "moderated" && is_moderation(child);
    stanza.children().find_map(|child| {
        let is_it = child.is("retract", ns::RETRACT) || child.is("apply-to", ns::FASTEN);
        let moderated = child.children().find(|inner| of(inner)).filter(|_| is_it)?;
        Some((child.attribute("id")?, moderated))
    })
}

/// Who took a message back, as the room names them: the `by` of a moderation.
pub(super) fn moderator(stanza: &Element) -> Option<&str> {
    moderated(stanza)?.1.attribute("by")
}

/// The id of the message that its author takes back.
fn retracted(stanza: &Element) -> Option<&str> {
    stanza.children().find_map(|child| {
        let is_old =
            child.is("apply-to", ns::FASTEN) && child.find("retract", ns::RETRACT_0).is_some();
        let is_it = is_old || child.is("retract", ns::RETRACT);
        child.attribute("id").filter(|_| is_it)
    })
}

/// The id of the message that was received or read.
fn receipt(stanza: &Element) -> Option<(&str, Receipt)> {
    stanza.children().find_map(|child| {
        let receipt = match (&*child.name, &*child.namespace) {
            ("received", ns::RECEIPTS | ns::MARKERS) => Receipt::Delivered,
            ("displayed" | "acknowledged", ns::MARKERS) => Receipt::Read,
            _ => return None,
        };
        Some((child.attribute("id")?, receipt))
    })
}

/// Whether the sender asks to be told that the message came (XEP-0184).
pub(super) fn asks_for_receipt(stanza: &Element) -> bool {
    stanza.find("request", ns::RECEIPTS).is_some()
        && stanza.find("received", ns::RECEIPTS).is_none()
}

/// Returns the answer to such a request.
pub(super) fn received(to: &str, id: &str) -> Element {
    Element::stanza("message")
        .with("type", "chat")
        .with("to", to)
        .child(Element::new("received", ns::RECEIPTS).with("id", id))
}

/// Asks to be told that a message came and was read.
pub(super) fn asking(stanza: Element) -> Element {
    stanza
        .child(Element::new("request", ns::RECEIPTS))
        .child(Element::new("markable", ns::MARKERS))
}

/// The id by which a stanza names a message, in a room or between two people.
pub(super) fn name_of(target: &Target, is_room: bool) -> &str {
    let own = target.origin.as_ref().map(|origin| origin.as_str());
    match is_room {
        true => target.id.as_str(),
        false => own
            .or(target.sender_id.as_deref())
            .unwrap_or(target.id.as_str()),
    }
}

/// Adds to a message's stanza that it replaces an earlier one.
pub(super) fn replacing(stanza: Element, target: &Target) -> Element {
    let own = target.origin.as_ref().map(|origin| origin.as_str());
    let id = own
        .or(target.sender_id.as_deref())
        .unwrap_or(target.id.as_str());
    stanza.child(Element::new("replace", ns::CORRECT).with("id", id))
}

/// Returns the stanza of a change that has no content of its own.
pub(super) fn stanza(to: &str, kind: &'static str, change: &Outgoing) -> Option<Element> {
    let OutgoingChange {
        target, kind: what, ..
    } = change.changes.as_deref()?;
    let id = name_of(target, kind == "groupchat");
    let origin = change.origin.as_str();
    let stanza = Element::stanza("message")
        .with("type", kind)
        .with("to", to)
        .with("id", origin)
        .child(Element::new("origin-id", ns::SID).with("id", origin));
    let said = match what {
        ChangeKind::Retracted { .. } => stanza
            .child(Element::new("retract", ns::RETRACT).with("id", id))
            .child(Element::new("fallback", ns::FALLBACK).with("for", ns::RETRACT))
            .child(Element::stanza("body").text(RETRACTED)),
        ChangeKind::Reactions(set) => {
            let each = set
                .iter()
                .map(|one| Element::new("reaction", ns::REACTIONS).text(one.as_str()));
            let reactions = Element::new("reactions", ns::REACTIONS).with("id", id);
            stanza.child(reactions.children_from(each))
        }
        ChangeKind::Receipt(Receipt::Read) => {
            stanza.child(Element::new("displayed", ns::MARKERS).with("id", id))
        }
        _ => return None,
    };
    // Otherwise servers do not keep it for those who are away.
    Some(said.child(Element::new("store", ns::HINTS)))
}

/// Returns the request to a room to take somebody's message back, as the room understands it.
pub(super) fn moderation(target: &Target, reason: Option<&str>, namespace: &str) -> Element {
    let reason = |space| reason.map(|reason| Element::new("reason", space).text(reason));
    let id = target.id.as_str();
    if namespace == ns::MODERATE {
        return Element::new("moderate", ns::MODERATE)
            .with("id", id)
            .child(Element::new("retract", ns::RETRACT))
            .children_from(reason(ns::MODERATE));
    }
    let moderate = Element::new("moderate", ns::MODERATE_0)
        .child(Element::new("retract", ns::RETRACT_0))
        .children_from(reason(ns::MODERATE_0));
    Element::new("apply-to", ns::FASTEN)
        .with("id", id)
        .child(moderate)
}

#[cfg(test)]
mod tests {
    use super::super::message::read;
    use super::super::xml::parsed;
    use super::*;
    use crate::model::OriginId;

    fn message(inner: &str) -> Element {
        parsed(&format!("<message>{inner}</message>"))
    }

    /// What the reader of a stanza is left with: the change in a few words, and the text.
    fn left(stanza: &Element, speaker: Speaker) -> (Option<String>, Option<String>) {
        let reading = read(stanza, speaker);
        let change = reading.changes.map(|changes| {
            let what = match &changes.kind {
                ChangeKind::Edited => "edit".to_owned(),
                ChangeKind::Retracted {
                    by_moderator,
                    reason,
                } => {
                    let who = if *by_moderator { "moderator" } else { "author" };
                    format!("{who} {}", reason.as_deref().unwrap_or("-"))
                }
                ChangeKind::Reactions(set) => set.join(","),
                other => format!("{other:?}"),
            };
            format!("{} {what}", changes.target)
        });
        let text = reading
            .parts
            .map(|parts| crate::model::visible_text(&parts));
        (change, text)
    }

    #[test]
    fn each_form_is_read_from_whoever_may_send_it_and_from_nobody_else() {
        let moderated_0 = "<apply-to xmlns='urn:xmpp:fasten:0' id='S'><moderated xmlns='urn:xmpp:message-moderate:0' by='r@rooms/Ann'>\
            <retract xmlns='urn:xmpp:message-retract:0'/><reason>spam</reason></moderated></apply-to>";
        let moderated_1 = "<retract xmlns='urn:xmpp:message-retract:1' id='S'><moderated xmlns='urn:xmpp:message-moderate:1' by='r@rooms/Ann'/>\
            <reason>spam</reason></retract>";
        let retract =
            "<retract xmlns='urn:xmpp:message-retract:1' id='S'/><body>/me took it back</body>";
        let retract_0 = "<apply-to xmlns='urn:xmpp:fasten:0' id='S'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>";
        let reactions = "<reactions xmlns='urn:xmpp:reactions:0' id='S'><reaction>👍</reaction><reaction> 🎉 </reaction><other/></reactions>";
        let none = "<reactions xmlns='urn:xmpp:reactions:0' id='S'/>";
        let received = "<received xmlns='urn:xmpp:receipts' id='S'/>";
        let displayed = "<displayed xmlns='urn:xmpp:chat-markers:0' id='S'/>";
        let old = "<acknowledged xmlns='urn:xmpp:chat-markers:0' id='S'/>";
        let edit = "<replace xmlns='urn:xmpp:message-correct:0' id='S'/><body>new</body>";
        let tombstone = "<moderated xmlns='urn:xmpp:message-moderate:0' by='r@rooms/Ann'><retracted xmlns='urn:xmpp:message-retract:0' stamp='x'/></moderated>";
        let tombstone_1 = "<retracted xmlns='urn:xmpp:message-retract:1' id='x2' stamp='x'/>";
        use Speaker::{Contact, Occupant, Room};
        let cases = [
            (moderated_0, Room, Some("S moderator spam"), None),
            (moderated_0, Occupant, None, None),
            (moderated_0, Contact, None, None),
            (moderated_1, Room, Some("S moderator -"), None),
            (moderated_1, Occupant, None, None),
            (retract, Occupant, Some("S author -"), None),
            (retract, Contact, Some("S author -"), None),
            (retract, Room, None, None),
            (retract_0, Occupant, Some("S author -"), None),
            (reactions, Occupant, Some("S 👍,🎉"), None),
            (none, Contact, Some("S "), None),
            (received, Contact, Some("S Receipt(Delivered)"), None),
            (received, Occupant, None, None),
            (displayed, Occupant, Some("S Receipt(Read)"), None),
            (old, Contact, Some("S Receipt(Read)"), None),
            (edit, Occupant, Some("S edit"), Some("new")),
            (tombstone, Occupant, None, None),
            (tombstone_1, Contact, None, None),
            (
                "<replace xmlns='urn:xmpp:message-correct:0' id=''/><body>x</body>",
                Contact,
                None,
                Some("x"),
            ),
            (
                "<reactions xmlns='urn:xmpp:reactions:0'/><body>x</body>",
                Contact,
                None,
                Some("x"),
            ),
        ];
        for (inner, speaker, change, text) in cases {
            let expected = (change.map(str::to_owned), text.map(str::to_owned));
            assert_eq!(
                left(&message(inner), speaker),
                expected,
                "{speaker:?}: {inner}"
            );
        }
    }

    #[test]
    fn two_thousand_reactions_are_not_all_looked_at() {
        let each: String = (0..2_000)
            .map(|n| format!("<reaction>{n}</reaction>"))
            .collect();
        let inner = format!("<reactions xmlns='urn:xmpp:reactions:0' id='S'>{each}</reactions>");
        let changes = changes(&message(&inner), Speaker::Occupant).expect("a reaction");
        assert!(matches!(&changes.kind, ChangeKind::Reactions(set) if set.len() == REACTIONS_MAX));
    }

    #[test]
    fn what_goes_out_is_what_comes_in() {
        let mut target = Target::new(MessageId::parse("room-id").expect("an id"));
        target.sender_id = Some("own-id".into());
        let origin = || OriginId::parse("s1").expect("an id");
        for (kind, room, contact) in [
            (
                ChangeKind::Retracted {
                    by_moderator: false,
                    reason: None,
                },
                "room-id author -",
                "own-id author -",
            ),
            (
                ChangeKind::Reactions(vec!["👍".into()]),
                "room-id 👍",
                "own-id 👍",
            ),
            (
                ChangeKind::Receipt(Receipt::Read),
                "room-id Receipt(Read)",
                "own-id Receipt(Read)",
            ),
        ] {
            let change = OutgoingChange::new(target.clone(), kind);
            let change = Outgoing::changing(origin(), change, Default::default());
            for (to, expected) in [("groupchat", room), ("chat", contact)] {
                let stanza = stanza("a@b", to, &change).expect("it has no content");
                let came = parsed(&stanza.to_xml());
                let change = left(&came, Speaker::Contact).0;
                assert_eq!(change.as_deref(), Some(expected));
            }
        }
    }
}
