//! Rooms and archives that give messages no ids, or give each copy its own: nothing is lost and
//! nothing comes twice. A scripted server plays them.

use super::scripted::{Says, attribute, component, serve};
use super::town::{SOON, Words, ear, hears, hears_no_more, opened};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use switchboard::backend::xmpp::{Component, Secret, Xmpp, XmppConfig};
use switchboard::{Engine, NewMessage};

const BOT: &str = "bot@agents.im.test";
const OTHER: &str = "other@agents.im.test";
const OPS: &str = "chat-room:ops@rooms.im.test";
const ROOM: &str = "ops@rooms.im.test";

fn over(port: u16) -> Engine {
    let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
    opened(Xmpp::new(XmppConfig::new("im.test").component(component)).expect("right"))
}

/// A line of the room to one agent.
fn line(nick: &str, to: &str, attributes: &str, inner: &str) -> String {
    format!(
        "<message type='groupchat' from='{ROOM}/{nick}' to='{to}/switchboard'{attributes}>{inner}</message>"
    )
}

fn body(text: &str) -> String {
    format!("<body>{text}</body>")
}

/// The room's subject, which ends the entry.
fn subject(to: &str) -> String {
    format!("<message type='groupchat' from='{ROOM}' to='{to}/switchboard'><subject/></message>")
}

fn given(id: &str) -> String {
    format!("<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='{id}'/>")
}

/// Expects these lines as the agent's messages, in order and no others, if the room says `lines`
/// when the agent posts `go`.
fn heard(lines: String, expected: &[&str]) {
    let port = serve(move |_, element| match component(element) {
        Says::Nothing if element.contains("<body>go</body>") => Says::This(
            lines.clone()
                + &line(
                    "bot",
                    BOT,
                    &format!(" id='{}'", attribute(element, "id")),
                    &body("go"),
                ),
        ),
        says => says,
    });
    let engine = over(port);
    let bot = engine.bot("helper", BOT, &[OPS]);
    let mut ear = ear(&bot);
    bot.post(OPS, NewMessage::text("go")).expect("it came back");
    for text in expected {
        hears(&mut ear, text);
    }
    hears_no_more(&engine, &mut ear);
}

#[test]
fn equal_words_without_ids_are_as_many_messages() {
    let said = [
        ("", "disk full"),
        ("", "ok"),
        ("", "disk full"),
        (" id='1'", "yes"),
        (" id='1'", "yes"),
    ];
    let lines = said
        .map(|(id, text)| line("mon", BOT, id, &body(text)))
        .concat();
    heard(lines, &said.map(|(_, text)| text));
}

#[test]
fn corrections_and_retractions_are_no_messages_and_quotations_are_cut() {
    let correction = "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>";
    let retraction = "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>";
    let reply = "<reply xmlns='urn:xmpp:reply:0' id='1'/>\
                 <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='5'/></fallback>";
    let lines = [
        body("!restart"),
        body("!restart now") + correction,
        body("/me retracted a message") + retraction,
        body("&gt; hi\nyes") + reply,
        body("cannot be shown") + "<encrypted xmlns='urn:xmpp:omemo:2'><payload/></encrypted>",
    ];
    let lines: String = lines
        .iter()
        .map(|inner| line("lene", BOT, " id='1'", inner))
        .collect();
    let unreadable = "(an encrypted message, which cannot be read here)";
    // The first was taken back before anybody read it.
    heard(lines, &["", "yes", unreadable]);
}

/// A correction of a message that was not heard here, or by somebody else, is a new message.
#[test]
fn a_correction_counts_for_its_authors_messages_only() {
    let corrects = |id: &str| format!("<replace xmlns='urn:xmpp:message-correct:0' id='{id}'/>");
    let occupant = |id: &str| format!("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{id}'/>");
    let left = format!(
        "<presence type='unavailable' from='{ROOM}/lene' to='{BOT}/switchboard'>\
         <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/></x></presence>"
    );
    let said = [
        line("lene", BOT, " id='1'", &body("one")),
        line(
            "lene",
            BOT,
            " id='2'",
            &(body("one, mended") + &corrects("1")),
        ),
        line(
            "lene",
            BOT,
            " id='3'",
            &(body("one, mended again") + &corrects("2")),
        ),
        line(
            "lene",
            BOT,
            " id='4'",
            &(body("of before") + &corrects("0")),
        ),
        line("eve", BOT, " id='5'", &(body("eve") + &corrects("1"))),
        // A room without the feature: anybody may say so.
        line(
            "eve",
            BOT,
            " id='6'",
            &(body("eve again") + &corrects("1") + &occupant("lene")),
        ),
        left,
        line(
            "lene",
            BOT,
            " id='7'",
            &(body("another lene") + &corrects("1")),
        ),
    ];
    heard(
        said.concat(),
        &[
            "one, mended again",
            "of before",
            "eve",
            "eve again",
            "another lene",
        ],
    );
}

/// Without an archive a room may count its ids from 1 again when its agents come in again.
#[test]
fn ids_that_begin_again_are_other_messages() {
    let times = Arc::new(AtomicU32::new(1));
    let port = serve(move |_, element| match component(element) {
        Says::Nothing if element.contains("<body>go") => {
            let time = times.fetch_add(1, Ordering::Relaxed);
            let said = |id: u32, text: &str| {
                let words = body(&format!("{text} of {time}")) + &given(&id.to_string());
                line("lene", BOT, "", &words)
            };
            let id = format!(" id='{}'", attribute(element, "id"));
            let own = line("bot", BOT, &id, &(body("go") + &given("3")));
            Says::This(said(1, "a") + &said(2, "b") + &own)
        }
        Says::Nothing if element.contains("type='unavailable'") => Says::This(format!(
            "<presence type='unavailable' from='{}' to='{BOT}/switchboard'/>",
            attribute(element, "to")
        )),
        says => says,
    });
    let engine = over(port);
    let bot = engine.bot("helper", BOT, &[OPS]);
    let mut ear = ear(&bot);
    for time in 1..=2 {
        let bot = engine.bot("helper", BOT, &[OPS]);
        bot.post(OPS, NewMessage::text("go")).expect("it came back");
        hears(&mut ear, &format!("a of {time}"));
        hears(&mut ear, &format!("b of {time}"));
        engine.put("helper", BOT, &[]);
        engine.settle(SOON).expect("it leaves");
    }
    hears_no_more(&engine, &mut ear);
}

/// Two agents in a room that gives no ids, or each listener's copy its own, hear each message once.
#[test]
fn copies_for_two_agents_are_one_message() {
    for ids in ["none", "of copies"] {
        let copies = Arc::new(AtomicU32::new(0));
        let port = serve(move |_, element| match component(element) {
            Says::Nothing if element.starts_with("<message") => {
                let own = |to: &str, inner: &str| {
                    let number = copies.fetch_add(1, Ordering::Relaxed);
                    let id = given(&format!("c{number}"));
                    let id = if ids == "none" { String::new() } else { id };
                    (to.to_owned(), format!("{inner}{id}"))
                };
                let said = |nick: &str, text: &str| {
                    // The other agent has its copy first.
                    [OTHER, BOT]
                        .map(|to| own(to, &body(text)))
                        .map(|(to, inner)| line(nick, &to, "", &inner))
                        .concat()
                };
                Says::This(said("lene", "x") + &said("lene", "x") + &said("bot", "go"))
            }
            says => says,
        });
        let engine = over(port);
        let other = engine.bot("other", OTHER, &[OPS]);
        let bot = engine.bot("helper", BOT, &[OPS]);
        let mut ears = [ear(&bot), ear(&other)];
        bot.post(OPS, NewMessage::text("go")).expect("it came back");
        for ear in &mut ears {
            hears(ear, "x");
            hears(ear, "x");
        }
        hears(&mut ears[1], "go");
        for ear in &mut ears {
            hears_no_more(&engine, ear);
        }
    }
}

#[test]
fn what_a_room_repeats_on_entry_is_past() {
    let entries = Arc::new(AtomicU32::new(0));
    let counted = entries.clone();
    let past =
        format!("<delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='2026-10-04T12:00:01Z'/>");
    let unsigned = "<delay xmlns='urn:xmpp:delay' stamp='2026-10-04T12:00:01Z'/>";
    let late = "<delay xmlns='urn:xmpp:delay' from='lene@im.test' stamp='2026-10-04T12:00:01Z'/>";
    let port = serve(move |_, element| match component(element) {
        Says::This(said) if said.contains("muc#user") => {
            counted.fetch_add(1, Ordering::Relaxed);
            let old = line("lene", BOT, "", &(body("old") + unsigned));
            let older = line("lene", BOT, "", &(body("older") + &past));
            Says::This(said + &old + &older + &subject(BOT) + &older)
        }
        Says::Nothing if element.starts_with("<message") => {
            let id = attribute(element, "id");
            let late = line("lene", BOT, "", &(body("late") + late));
            Says::This(late + &line("bot", BOT, &format!(" id='{id}'"), &body("go")))
        }
        says => says,
    });
    let engine = over(port);
    let bot = engine.bot("helper", BOT, &[OPS]);
    let mut ear = ear(&bot);
    bot.post(OPS, NewMessage::text("go")).expect("it came back");
    hears(&mut ear, "late");
    hears_no_more(&engine, &mut ear);
    assert_eq!(entries.load(Ordering::Relaxed), 1);
}

/// A room sends a post back in its own way.
#[test]
fn our_own_post_is_recognised_however_it_comes_back() {
    let origin = |id: &str| format!("<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>");
    type Echo = fn(&str, &str) -> (String, String, bool);
    let echoes: [(&str, Echo); 7] = [
        ("its id only", |id, text| {
            (format!(" id='{id}'"), text.into(), false)
        }),
        ("its origin-id only", |_, text| {
            (String::new(), text.into(), true)
        }),
        ("another id", |_, text| {
            (" id='new'".into(), text.into(), false)
        }),
        ("no id", |_, text| (String::new(), text.into(), false)),
        ("no id, trimmed", |_, text| {
            (String::new(), text.trim().into(), false)
        }),
        ("no id, accents composed", |_, text| {
            (String::new(), text.replace("e\u{301}", "\u{e9}"), false)
        }),
        ("no id, filtered", |_, text| {
            (String::new(), text.replace("heck", "****"), false)
        }),
    ];
    for (what, echo) in echoes {
        let count = AtomicU32::new(0);
        let count = Arc::new(count);
        let port = serve(move |_, element| match component(element) {
            Says::Nothing if element.starts_with("<message") => {
                let id = attribute(element, "id");
                let (_, text) = element.split_once("<body>").expect("a post");
                let (text, _) = text.split_once("</body>").expect("a post");
                let (attributes, text, has_origin) = echo(id, text);
                let origin = if has_origin {
                    origin(id)
                } else {
                    String::new()
                };
                let number = count.fetch_add(1, Ordering::Relaxed);
                let inner = body(&text) + &origin + &given(&format!("e{number}"));
                Says::This(line("bot", BOT, &attributes, &inner))
            }
            says => says,
        });
        let engine = over(port);
        let bot = engine.bot("helper", BOT, &[OPS]);
        let mut ear = ear(&bot);
        for _ in 0..2 {
            let posted = bot.post(OPS, NewMessage::text("what the heck, cafe\u{301} "));
            let posted = posted.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(posted.text, "what the heck, cafe\u{301} ", "{what}");
        }
        hears_no_more(&engine, &mut ear);
        engine.shutdown(SOON).expect("in time");
    }
}

/// A room's archive has ids that the room's live messages do not carry: a reconnect brings what was
/// missed, and nothing again.
#[test]
fn an_archive_whose_live_messages_have_no_ids_repeats_nothing() {
    let archive = Arc::new(Mutex::new(Vec::<String>::new()));
    let port = serve(move |_, element| {
        let (id, from) = (attribute(element, "id"), attribute(element, "from"));
        let result = |inner: &str| {
            format!("<iq type='result' id='{id}' from='{ROOM}' to='{from}'>{inner}</iq>")
        };
        let is_to_room = attribute(element, "to") == ROOM;
        match component(element) {
            Says::This(_) if is_to_room && element.contains("disco#info") => Says::This(result(
                "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:mam:2'/></query>",
            )),
            Says::This(_)
                if is_to_room
                    && element.contains("urn:xmpp:mam:2")
                    && element.contains("queryid") =>
            {
                let (_, query) = element.split_once("queryid='").expect("a query");
                let query = query.split('\'').next().unwrap_or_default();
                let wrapped = |(number, message): (usize, &String)| {
                    format!(
                        "<message from='{ROOM}' to='{from}'><result xmlns='urn:xmpp:mam:2' queryid='{query}' id='{number}'>\
                         <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-28T12:00:0{number}Z'/>\
                         {message}</forwarded></result></message>"
                    )
                };
                let all = archive.lock().expect("no panic");
                let found: String = all.iter().enumerate().map(wrapped).collect();
                Says::This(found + &result("<fin xmlns='urn:xmpp:mam:2' complete='true'/>"))
            }
            Says::Nothing if element.contains("<body>go</body>") => {
                let said = line("lene", BOT, " id='m1'", &body("x"))
                    + &line("lene", BOT, "", &body("x"))
                    + &line("bot", BOT, &format!(" id='{id}'"), &body("go"));
                let kept = [
                    ("lene", "m1", "x"),
                    ("lene", "made-up", "x"),
                    ("bot", id, "go"),
                    ("lene", "m2", "x"),
                ];
                let kept = kept.map(|(nick, id, text)| {
                    format!("<message xmlns='jabber:client' type='groupchat' from='{ROOM}/{nick}' id='{id}'>{}</message>", body(text))
                });
                archive.lock().expect("no panic").extend(kept);
                Says::Last(said)
            }
            says => says,
        }
    });
    let engine = over(port);
    let bot = engine.bot("helper", BOT, &[OPS]);
    let mut ear = ear(&bot);
    bot.post(OPS, NewMessage::text("go")).expect("it came back");
    for said in ["x", "x", "x"] {
        hears(&mut ear, said);
    }
    hears_no_more(&engine, &mut ear);
}
