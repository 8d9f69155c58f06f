//! What real servers do and a standard's reader does not expect: they answer under another
//! spelling of an address, cannot reach one another, and end a stream for one stanza.

use super::scripted::{Says, attribute, component, refusal, serve};
use super::town::{Town, Way, Words, ear, hears, opened};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use switchboard::backend::xmpp::{Component, Secret, Xmpp, XmppConfig};
use switchboard::{Engine, Error, NewMessage};

const BOT: &str = "bot@agents.im.test";
const OPS: &str = "chat-room:ops@rooms.im.test";
const LENE: &str = "contact:lene@far.test";

fn over(port: u16) -> Engine {
    let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
    let config = XmppConfig::new("im.test")
        .component(component)
        .lengths_max(60_000, 60_000);
    opened(Xmpp::new(config).expect("right"))
}

/// The agent's channel keeps the address as it was provisioned; the server's is the prepared one.
#[test]
fn a_room_is_joined_under_the_address_that_the_server_prepares() {
    let Some(town) = Town::prosody("XMPP prepared addresses") else {
        return;
    };
    let host = town.server.value("ROOMS");
    let rooms = [
        ("straße", "strasse"),
        ("Ｏｐｓ２", "ops2"),
        ("cafe\u{301}", "caf\u{e9}"),
        ("so\u{ad}ft", "soft"),
    ];
    for (_, prepared) in rooms {
        town.make_room(prepared, prepared);
    }
    let channels = rooms.map(|(written, _)| format!("chat-room:{written}@{host}"));
    let names = channels.each_ref().map(String::as_str);
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        let engine = town.engine();
        let bot = engine.bot("helper", &town.bot(way, name), &names);
        let mut ear = ear(&bot);
        for ((_, prepared), channel) in rooms.iter().zip(names) {
            let room = format!("{prepared}@{host}");
            let (question, answer) = (format!("{name}?"), format!("{name}!"));
            town.alice.say(&room, &question);
            hears(&mut ear, &question);
            bot.post(channel, NewMessage::text(&*answer))
                .expect("posted");
            town.alice.hears(&room, &answer);
        }
    }
}

/// Prosody says `remote-server-not-found` whenever it cannot connect to another server.
#[test]
fn a_server_that_cannot_be_reached_now_is_no_verdict_on_a_message() {
    for (condition, kind) in [
        ("remote-server-not-found", "cancel"),
        ("remote-server-timeout", "wait"),
        ("recipient-unavailable", "wait"),
        ("service-unavailable", "wait"),
    ] {
        let port = serve(move |_, element| match component(element) {
            Says::Nothing if element.starts_with("<message") => {
                Says::This(refusal(element, kind, condition))
            }
            says => says,
        });
        let engine = over(port);
        let bot = engine.bot("helper", BOT, &[OPS, LENE]);
        for channel in [OPS, LENE] {
            let posted = bot.post(channel, NewMessage::text("hello"));
            assert!(
                matches!(&posted, Err(Error::Unreachable(reason)) if reason.contains(condition)),
                "{condition} of {channel}: {posted:?}"
            );
        }
    }
}

/// A server ends the stream of a whole component for one stanza that is too large.
#[test]
fn a_stanza_that_is_too_large_does_not_leave() {
    let connections = Arc::new(AtomicU32::new(0));
    let counted = connections.clone();
    let port = serve(move |connection, element| {
        counted.fetch_max(connection, Ordering::Relaxed);
        assert!(element.len() < 256 * 1024, "{} bytes", element.len());
        match component(element) {
            Says::Nothing if element.starts_with("<message") => {
                assert_ne!(attribute(element, "id"), "");
                Says::This(refusal(element, "wait", "remote-server-timeout"))
            }
            says => says,
        }
    });
    let engine = over(port);
    let bot = engine.bot("helper", BOT, &[OPS]);
    // Each of them is five bytes in XML.
    let posted = bot.post(OPS, NewMessage::text("&".repeat(60_000)));
    assert!(matches!(posted, Err(Error::TooLarge { .. })), "{posted:?}");
    let posted = bot.post(OPS, NewMessage::text("&".repeat(1000)));
    assert!(matches!(posted, Err(Error::Unreachable(_))), "{posted:?}");
    assert_eq!(connections.load(Ordering::Relaxed), 1, "no link was lost");
}
