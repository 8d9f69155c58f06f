//! Errors that real servers send too rarely to wait for: overload, a redirection, a component that
//! is connected twice. A scripted server sends them; where a test goes on after that, the server is
//! a real one.

use super::scripted::{Says, attribute, component, header, refusal, serve, serve_at, stream_error};
use super::server::Kind;
use super::town::{SOON, Town, Way, Words, ear, hears, opened, passes};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use switchboard::backend::xmpp::{Accounts, Component, Secret, Security, Trust, Xmpp, XmppConfig};
use switchboard::testing::ManualClock;
use switchboard::{AgentState, AgentStatus, Engine, Error, JoinState, NewMessage};

const BOT: &str = "bot@agents.im.test";
const OPS: &str = "chat-room:ops@rooms.im.test";
const PLAIN: &str = "jabber:client";

fn over(port: u16, clock: &ManualClock) -> Engine {
    let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
    let backend = Xmpp::new(XmppConfig::new("im.test").component(component)).expect("right");
    Engine::builder()
        .in_memory()
        .clock(clock.clone())
        .backend(backend)
        .open()
        .expect("opens")
}

/// Waits until the agent's status shows it.
#[track_caller]
fn waits(engine: &Engine, what: &str, shows: impl Fn(&AgentStatus) -> bool) -> AgentStatus {
    let (deadline, mut changes) = (Instant::now() + SOON, engine.subscribe());
    loop {
        let status = engine.agent_status("helper").expect("there");
        if shows(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "not so: {what}: {status:?}");
        let _ = changes.next_timeout(Duration::from_millis(20));
    }
}

#[test]
fn an_overloaded_server_is_left_alone_for_a_while() {
    for condition in ["resource-constraint", "policy-violation", "conflict"] {
        let overloaded = Arc::new(AtomicBool::new(true));
        let shared = overloaded.clone();
        let port = serve(move |_, element| match component(element) {
            Says::This(_)
                if shared.load(Ordering::Relaxed) && element.starts_with("<handshake") =>
            {
                Says::Last(stream_error(condition, ""))
            }
            says => says,
        });
        let clock = ManualClock::new();
        let engine = over(port, &clock);
        engine.put("helper", BOT, &[OPS]);
        // After a conflict the connector retries at once, three times, because the server may still
        // hold our previous connection.
        let mut tries = 0;
        let told = loop {
            let status = engine.agent_status("helper").expect("there");
            if status
                .reason
                .as_ref()
                .is_some_and(|reason| reason.contains(condition))
            {
                break status;
            }
            tries += 1;
            assert!(tries < 6000, "{condition}: {status:?}");
            // Twice as fast as real time and no faster: a dial may take 20 s of this clock, on a
            // busy machine too.
            clock.advance(Duration::from_millis(if condition == "conflict" {
                20
            } else {
                0
            }));
            std::thread::park_timeout(Duration::from_millis(10));
        };
        let pause = told.next_try.expect("it is tried again") - told.since;
        assert!(
            pause >= chrono::TimeDelta::seconds(29),
            "{condition}: {pause}"
        );
        overloaded.store(false, Ordering::Relaxed);
        passes(&engine, &clock, "it is let in", |status| {
            status.state == AgentState::Active
        });
    }
}

#[test]
fn a_server_that_says_where_to_go_instead_is_followed_but_not_for_ever() {
    let Some(town) = Town::prosody("XMPP see-other-host") else {
        return;
    };
    let real = town.server.port("C2S");
    let elsewhere = serve(move |_, element| match element.contains("<stream:stream") {
        true => Says::Last(
            header(PLAIN) + &stream_error("see-other-host", &format!("127.0.0.1:{real}")),
        ),
        false => Says::Nothing,
    });
    let accounts = |port| {
        let accounts = Accounts::new(Secret::new("pw-bot1"))
            .host("127.0.0.1")
            .port(port);
        let config = XmppConfig::new("im.test")
            .accounts(accounts)
            .trust(Trust::CaFile(town.server.certificate()));
        let backend = Xmpp::new(config).expect("right");
        let engine = opened(backend);
        engine.put("helper", &town.bot(Way::Account, "bot1"), &[]);
        engine
    };
    waits(&accounts(elsewhere), "it is at the other host", |status| {
        status.state == AgentState::Active
    });

    let round = Arc::new(AtomicU32::new(0));
    let counted = round.clone();
    let circle = serve(
        move |connection, element| match element.contains("<stream:stream") {
            true => {
                counted.store(connection, Ordering::Relaxed);
                // Without a port: the port of this connection.
                Says::Last(header(PLAIN) + &stream_error("see-other-host", "127.0.0.1"))
            }
            false => Says::Nothing,
        },
    );
    let engine = accounts(circle);
    let told = waits(&engine, "it is told", |status| status.reason.is_some());
    assert!(
        told.reason
            .as_deref()
            .unwrap_or_default()
            .contains("from one host to another"),
        "{told:?}"
    );
    assert!(round.load(Ordering::Relaxed) >= 3, "it was followed");
}

/// A server that redirects must not lead an unencrypted login off this machine. This machine's
/// other address stands for another machine.
#[test]
fn see_other_host_does_not_lead_a_plain_login_away() {
    let route = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let Ok(outer) = route.map(|address| address.ip()) else {
        return;
    };
    let heard = Arc::new(AtomicBool::new(false));
    let hears = heard.clone();
    let away = serve_at("0.0.0.0:0", move |_, _| {
        hears.store(true, Ordering::Relaxed);
        Says::Nothing
    });
    let here = serve(move |_, element| match element.contains("<stream:stream") {
        true => {
            Says::Last(header(PLAIN) + &stream_error("see-other-host", &format!("{outer}:{away}")))
        }
        false => Says::Nothing,
    });
    let accounts = Accounts::new(Secret::new("pw"))
        .host("127.0.0.1")
        .port(here)
        .security(Security::PlainLoopback);
    let backend = Xmpp::new(XmppConfig::new("im.test").accounts(accounts)).expect("right");
    let engine = opened(backend);
    engine.put("helper", "bot1@im.test", &[]);
    let told = waits(&engine, "it is told", |status| status.reason.is_some())
        .reason
        .unwrap_or_default();
    assert!(told.contains("not on this machine"), "{told}");
    assert!(!heard.load(Ordering::Relaxed), "not a word");
}

/// A service of the server that never says what it is keeps nobody out of a room, and does not hide
/// the one that takes files.
#[test]
fn a_service_that_never_answers_keeps_nobody_out() {
    let port = serve(move |_, element| {
        let result = |query: &str| {
            let (id, to) = (attribute(element, "id"), attribute(element, "from"));
            let from = attribute(element, "to");
            Says::This(format!(
                "<iq type='result' id='{id}' from='{from}' to='{to}'>{query}</iq>"
            ))
        };
        match attribute(element, "to") {
            "im.test" if element.contains("disco#items") => result(
                "<query xmlns='http://jabber.org/protocol/disco#items'>\
                 <item jid='silent.im.test'/><item jid='upload.im.test'/></query>",
            ),
            "silent.im.test" => Says::Nothing,
            "upload.im.test" => result(
                "<query xmlns='http://jabber.org/protocol/disco#info'>\
                 <feature var='urn:xmpp:http:upload:0'/></query>",
            ),
            _ => component(element),
        }
    });
    let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
    let config = XmppConfig::new("im.test").component(component);
    let engine = opened(Xmpp::new(config).expect("right"));
    let bot = engine.bot("helper", BOT, &[OPS]);
    let room = bot.channel(OPS).expect("it is in");
    assert!(room.info.can_accept_files, "{room:?}");
}

#[test]
fn a_room_and_a_message_that_are_too_much_for_now() {
    let busy = Arc::new(AtomicBool::new(true));
    let shared = busy.clone();
    let port = serve(move |_, element| {
        let is_too_much =
            shared.load(Ordering::Relaxed) && element.contains("to='ops@rooms.im.test");
        match component(element) {
            Says::This(_) if is_too_much && element.starts_with("<presence") => {
                Says::This(refusal(element, "wait", "resource-constraint"))
            }
            Says::Nothing if element.starts_with("<message") => {
                Says::This(refusal(element, "wait", "policy-violation"))
            }
            says => says,
        }
    });
    let clock = ManualClock::new();
    let engine = over(port, &clock);
    engine.put("helper", BOT, &[OPS]);
    let stands = || engine.stands("helper", OPS);
    waits(&engine, "the room is full", |_| {
        stands()
            .reason
            .is_some_and(|reason| reason.contains("resource-constraint"))
    });
    assert!(
        stands().next_try.is_some(),
        "it is tried again: {:?}",
        stands()
    );
    busy.store(false, Ordering::Relaxed);
    passes(&engine, &clock, "it is in", |_| {
        stands().state == JoinState::Active
    });
    let posted = engine
        .agent("helper")
        .expect("there")
        .post(OPS, NewMessage::text("hello"));
    assert!(
        matches!(posted, Err(Error::Busy { retry_after, .. }) if retry_after >= Duration::from_secs(1)),
        "{posted:?}"
    );
}

#[test]
fn a_room_that_refuses_says_why() {
    let cases = [
        ("not-authorized", "password"),
        ("forbidden", "banned"),
        ("registration-required", "members only"),
        ("conflict", "nickname is taken"),
        ("not-acceptable", "reserved nicknames"),
        ("item-not-found", "no such room"),
        ("not-allowed", "may not be created"),
        ("service-unavailable", "full"),
    ];
    let port = serve(move |_, element| match component(element) {
        Says::This(said) if element.starts_with("<presence") => {
            let room = super::scripted::attribute(element, "to")
                .split('@')
                .next()
                .unwrap_or_default();
            let refused = cases.iter().find(|(condition, _)| *condition == room);
            Says::This(refused.map_or(said, |(condition, _)| refusal(element, "auth", condition)))
        }
        says => says,
    });
    let clock = ManualClock::new();
    let engine = over(port, &clock);
    let channels: Vec<String> = cases
        .iter()
        .map(|(room, _)| format!("chat-room:{room}@rooms.im.test"))
        .collect();
    engine.put(
        "helper",
        BOT,
        &channels.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    for ((condition, word), channel) in cases.iter().zip(&channels) {
        let told = |reason: Option<String>| reason.is_some_and(|reason| reason.contains(word));
        waits(&engine, condition, |_| {
            told(engine.stands("helper", channel).reason)
        });
        let stands = engine.stands("helper", channel);
        assert_eq!(stands.state, JoinState::Idle, "{stands:?}");
        assert_eq!(
            stands.next_try.is_some(),
            *condition == "service-unavailable",
            "only a full room is tried again: {stands:?}"
        );
    }
}

/// The first connections get back only a part of what the component sends to itself, as from a
/// server that still holds an old, dead connection.
#[test]
fn a_component_does_not_stay_where_stanzas_go_astray() {
    let connections = Arc::new(AtomicU32::new(0));
    let counted = connections.clone();
    let port = serve(move |connection, element| {
        counted.fetch_max(connection, Ordering::Relaxed);
        let is_lost = connection <= 2 && element.contains("to='probe9@");
        if is_lost {
            Says::Nothing
        } else {
            component(element)
        }
    });
    let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
    let backend = Xmpp::new(XmppConfig::new("im.test").component(component)).expect("right");
    let engine = opened(backend);
    engine.put("helper", BOT, &[OPS]);
    waits(&engine, "it is in", |_| {
        engine.stands("helper", OPS).state == JoinState::Active
    });
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

/// One request of the component to itself is lost later, while other stanzas arrive: the same fault
/// as above.
#[test]
fn a_component_does_not_stay_where_its_questions_are_lost() {
    let (connections, lost) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (counted, loses) = (connections.clone(), lost.clone());
    let port = serve(move |connection, element| {
        counted.fetch_max(connection, Ordering::Relaxed);
        let is_question =
            element.contains("to='agents.im.test'") && element.contains("urn:xmpp:ping");
        // The first one after the joins.
        if is_question && loses.swap(false, Ordering::Relaxed) {
            Says::Nothing
        } else {
            component(element)
        }
    });
    let clock = ManualClock::new();
    let engine = over(port, &clock);
    engine.put("helper", BOT, &[OPS]);
    waits(&engine, "it is in", |_| {
        engine.stands("helper", OPS).state == JoinState::Active
    });
    lost.store(true, Ordering::Relaxed);
    let deadline = Instant::now() + SOON;
    while connections.load(Ordering::Relaxed) < 2 {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            engine.agent_status("helper")
        );
        // The connector pings rooms every minute and they answer, so the line is not silent.
        clock.advance(Duration::from_millis(500));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(!lost.load(Ordering::Relaxed), "a question was lost");
    waits(&engine, "it is in again", |_| {
        engine.stands("helper", OPS).state == JoinState::Active
    });
}

fn there_twice(kind: Kind, why: &str) {
    let Some(town) = Town::open(&format!("XMPP component conflict over {kind:?}"), kind) else {
        return;
    };
    let (first, second) = (town.engine(), town.engine());
    let bot = first.bot("helper", &town.bot(Way::Component, "bot0"), &[&town.ops()]);
    second.put("helper", &town.bot(Way::Component, "bot5"), &[]);
    let told = waits(&second, "the second is told why", |status| {
        status.reason.is_some()
    });
    assert!(
        told.reason.as_deref().unwrap_or_default().contains(why),
        "{told:?}"
    );
    if kind == Kind::Prosody {
        // The server keeps the first connection, and sends nothing over the other.
        let mut ear = ear(&bot);
        town.alice.say(&town.room(), "who is it?");
        hears(&mut ear, "who is it?");
    }
    first.shutdown(SOON).expect("in time");
    waits(&second, "the second is in", |status| {
        status.state == AgentState::Active
    });
}

#[test]
fn a_component_that_is_there_twice_over_prosody() {
    there_twice(Kind::Prosody, "conflict");
}

#[test]
fn a_component_that_is_there_twice_over_ejabberd() {
    there_twice(Kind::Ejabberd, "another connection");
}
