//! What comes in, to where it belongs. What makes no sense is passed over: it is that stanza's
//! trouble only.

use super::core::Core;
use super::jid::Jid;
use super::ns;
use super::xml::Element;
use super::{contacts, errors, hearing, posting, room_presence, room_words};
use crate::backend::{BackendError, BackendErrorKind};

/// What an agent's program says that it knows.
const FEATURES: [&str; 16] = [
    ns::DISCO_INFO,
    ns::PING,
    ns::CHAT_STATES,
    ns::ATTENTION,
    ns::SID,
    ns::OOB,
    ns::CORRECT,
    ns::RETRACT,
    ns::REACTIONS,
    ns::REPLY,
    ns::FALLBACK,
    ns::RECEIPTS,
    ns::MARKERS,
    ns::REFERENCE,
    ns::FILE_SHARING,
    ns::MEDIA_SHARING,
];

/// Handles one stanza.
pub(super) async fn stanza(core: &Core, stanza: Element) -> Result<(), BackendError> {
    if stanza.is("error", ns::STREAM) {
        return Err(errors::of_stream(&stanza));
    }
    if stanza.namespace != ns::CLIENT {
        return Ok(());
    }
    let handled = match &*stanza.name {
        "message" => {
            message(core, &stanza).await;
            Ok(())
        }
        "presence" => presence(core, &stanza).await,
        "iq" => question(core, stanza),
        _ => Ok(()),
    };
    match handled {
        // The answer has a part of the stanza, for example its id, and so its sender's length.
        Err(error) if matches!(error.kind, BackendErrorKind::TooLarge(_)) => Ok(()),
        handled => handled,
    }
}

/// Returns the bare address that a stanza is for.
fn recipient(core: &Core, stanza: &Element) -> Option<String> {
    match stanza.attribute("to") {
        Some(to) => Some(Jid::parse(to)?.bare().to_owned()),
        None => Some(core.jid.bare().to_owned()),
    }
}

async fn message(core: &Core, stanza: &Element) {
    let from = stanza.attribute("from").map(Jid::parse);
    if let Some(result) = stanza.find("result", ns::MAM) {
        if from != Some(None) {
            core.found(result, from.flatten().as_ref());
        }
        return;
    }
    let (Some(Some(from)), Some(to)) = (from, recipient(core, stanza)) else {
        return;
    };
    match stanza.attribute("type") {
        Some("error") => {
            let is_room = core.state.lock().rooms.contains_key(from.bare());
            let items = match stanza.attribute("id") {
                _ if is_room => room_words::refused(core, &from, &to, stanza),
                Some(id) => {
                    let error = errors::StanzaError::of(stanza).of_post();
                    [posting::refused(core, id, from.bare(), error), None]
                }
                None => [None, None],
            };
            for item in items.into_iter().flatten() {
                core.hand_over(item).await;
            }
        }
        Some("groupchat") => room_words::heard(core, &from, &to, stanza).await,
        _ => hearing::heard(core, &from, &to, stanza).await,
    }
}

async fn presence(core: &Core, stanza: &Element) -> Result<(), BackendError> {
    let Some(from) = stanza.attribute("from").and_then(Jid::parse) else {
        return Ok(());
    };
    let Some(to) = recipient(core, stanza) else {
        return Ok(());
    };
    if core.state.lock().rooms.contains_key(from.bare()) {
        if let Some(item) = room_presence::presence(core, &from, &to, stanza) {
            core.hand_over(item).await;
        }
        return Ok(());
    }
    contacts::presence(core, &from, &to, stanza)
}

/// Handles a request to us, or the answer to one of ours.
fn question(core: &Core, stanza: Element) -> Result<(), BackendError> {
    match stanza.attribute("type") {
        Some("result" | "error") => {
            core.answer(stanza);
            return Ok(());
        }
        Some("get" | "set") => {}
        _ => return Ok(()),
    }
    let Some(id) = stanza.attribute("id") else {
        return Ok(());
    };
    if core.is_component
        && stanza.attribute("from") == Some(core.jid.as_str())
        && core.came_round(id)
    {
        return Ok(());
    }
    let is_get = stanza.attribute("type") == Some("get");
    let own = stanza
        .attribute("from")
        .and_then(Jid::parse)
        .is_none_or(|from| from.bare() == core.jid.bare());
    let reply = |kind| {
        let reply = Element::stanza("iq")
            .with("type", kind)
            .with("id", id)
            .with_some("to", stanza.attribute("from"));
        reply.with_some("from", stanza.attribute("to").filter(|_| core.is_component))
    };
    let asked = stanza.children().next();
    let is = |name: &str, namespace: &str| asked.is_some_and(|asked| asked.is(name, namespace));
    let answer = if is_get && is("ping", ns::PING) {
        reply("result")
    } else if is_get && is("query", ns::DISCO_INFO) {
        let identity = Element::new("identity", ns::DISCO_INFO)
            .with("category", "client")
            .with("type", "bot");
        let features =
            FEATURES.map(|feature| Element::new("feature", ns::DISCO_INFO).with("var", feature));
        reply("result").child(
            Element::new("query", ns::DISCO_INFO)
                .child(identity)
                .children_from(features),
        )
    } else if !is_get && is("query", ns::ROSTER) && own && !core.is_component {
        if let Some(query) = asked {
            core.state.lock().roster.extend(contacts::roster(query));
        }
        reply("result")
    } else {
        let unavailable = Element::new("service-unavailable", ns::STANZAS);
        reply("error").child(
            Element::stanza("error")
                .with("type", "cancel")
                .child(unavailable),
        )
    };
    core.send(&answer)
}

#[cfg(test)]
mod tests {
    use super::super::fuzz::{BOT, ROOM, core};
    use super::*;
    use crate::backend::recorder::Recorder;
    use crate::backend::{Inbound, SeenBy};
    use futures_util::FutureExt;
    use proptest::prelude::*;

    fn said(from: &str, id: &str, body: &str) -> Element {
        let given = Element::new("stanza-id", ns::SID)
            .with("by", ROOM)
            .with("id", id);
        let origin = Element::new("origin-id", ns::SID).with("id", "s1");
        let message = Element::stanza("message")
            .with("from", from)
            .with("to", BOT)
            .with("type", "groupchat");
        message
            .child(Element::stanza("body").text(body))
            .child(given)
            .child(origin)
    }

    fn handle(core: &Core, element: Element) {
        stanza(core, element)
            .now_or_never()
            .expect("the recorder has room")
            .expect("a stanza ends nothing");
    }

    #[test]
    fn copies_are_one_and_a_stranger_cannot_claim_our_words() {
        let recorder = Recorder::by_hand();
        let (core, _line) = core(&recorder);
        for _ in 0..3 {
            handle(&core, said("ops@rooms.im.test/bot", "1", "ours"));
        }
        handle(&core, said("ops@rooms.im.test/mallory", "2", "hers"));
        let [
            Inbound::Message {
                seen_by,
                message: ours,
                ..
            },
            Inbound::Message { message: hers, .. },
        ] = &recorder.items()[..]
        else {
            panic!("{:?}", recorder.items())
        };
        assert_eq!(
            (*seen_by, ours.id.as_str(), ours.sender.as_str()),
            (SeenBy::Room, "1", "xmpp:bot@agents.im.test")
        );
        assert!(ours.origin.is_some());
        assert_eq!(
            (&hers.origin, hers.sender.as_str()),
            (&None, "xmpp:ops@rooms.im.test/mallory")
        );
    }

    /// A reply has parts of what was asked, such as its id.
    #[test]
    fn a_reply_that_would_be_too_large_does_not_leave() {
        let recorder = Recorder::by_hand();
        let (core, line) = core(&recorder);
        for id in ["&".repeat(100 * 1024), "short".to_owned()] {
            let asked = Element::stanza("iq").with("type", "get").with("id", id);
            let asked = asked.with("from", "eve@evil.example/x").with("to", BOT);
            handle(&core, asked.child(Element::new("ping", ns::PING)));
        }
        core.outbox.close();
        let mut sent = Vec::new();
        let written = line.write(&mut sent).now_or_never();
        written.expect("nothing waits").expect("memory takes it");
        let sent = String::from_utf8(sent).expect("text");
        assert!(
            sent.contains("id='short'") && sent.len() < 1024,
            "{} bytes",
            sent.len()
        );
        assert!(recorder.lost().is_none());
    }

    /// The attributes and texts that the fuzzer uses.
    const VALUES: &[&str] = &[
        "ops@rooms.im.test/bot",
        "ops@rooms.im.test",
        "ops@rooms.im.test/x",
        BOT,
        "lene@im.test/a",
        "lene@im.test",
        "agents.im.test",
        "groupchat",
        "chat",
        "error",
        "unavailable",
        "subscribe",
        "subscribed",
        "probe",
        "get",
        "set",
        "result",
        "110",
        "303",
        "307",
        "201",
        "",
        "\u{1}",
        "@",
        "2026-11-22T12:00:00Z",
        "999999",
    ];

    /// Elements whose names have a meaning here, in positions where they need not have one.
    fn nonsense() -> impl Strategy<Value = Element> {
        let name = proptest::sample::select(vec![
            "message",
            "presence",
            "iq",
            "body",
            "subject",
            "x",
            "item",
            "status",
            "query",
            "result",
            "forwarded",
            "error",
            "ping",
            "origin-id",
            "stanza-id",
            "delay",
            "destroy",
            "composing",
            "show",
            "priority",
            "actor",
        ]);
        let space = proptest::sample::select(vec![
            ns::CLIENT,
            ns::MUC_USER,
            ns::MAM,
            ns::FORWARD,
            ns::SID,
            ns::DELAY,
            ns::ROSTER,
            ns::PING,
            ns::DISCO_INFO,
            ns::CHAT_STATES,
        ]);
        let attribute = proptest::sample::select(vec![
            "from", "to", "type", "id", "by", "code", "nick", "jid", "stamp", "queryid",
        ]);
        let value = proptest::sample::select(VALUES);
        let attributes = proptest::collection::vec((attribute, value.clone()), 0..5);
        let leaf = (name, space, attributes, value).prop_map(|(name, space, attributes, text)| {
            let element = attributes
                .into_iter()
                .fold(Element::new(name, space), |element, (name, value)| {
                    element.with(name, value)
                });
            element.text(text)
        });
        leaf.prop_recursive(3, 12, 4, |inner| {
            (inner.clone(), proptest::collection::vec(inner, 0..4))
                .prop_map(|(outer, children)| outer.children_from(children))
        })
    }

    proptest! {
        #[test]
        fn no_stanza_ends_anything(elements in proptest::collection::vec(nonsense(), 1..12)) {
            let recorder = Recorder::by_hand();
            let (core, _line) = core(&recorder);
            for mut element in elements {
                element.namespace = ns::CLIENT.into();
                handle(&core, element);
            }
            prop_assert!(recorder.lost().is_none());
        }
    }
}
