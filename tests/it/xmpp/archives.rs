//! Archives whose messages have ids that came live without one: after a lost connection and after a
//! restart of the gateway, what was missed comes once, in order, and nothing comes again.

use super::proxy::Proxy;
use super::scripted::{Says, attribute, component, refusal, serve};
use super::server::Kind;
use super::town::{SOON, Town, Words, ear, hears, hears_no_more};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use switchboard::backend::xmpp::{Accounts, Component, Secret, Security, Xmpp, XmppConfig};
use switchboard::{Engine, NewMessage};

const BOT: &str = "bot@agents.im.test";
const OPS: &str = "chat-room:ops@rooms.im.test";
const ROOM: &str = "ops@rooms.im.test";
/// How many messages a page has.
const PAGE: usize = 3;

/// A database that is removed with its test.
struct Database(PathBuf);

impl Database {
    fn new(name: &str) -> Database {
        let name = format!("switchboard-archives-{name}-{}.db", std::process::id());
        Database(std::env::temp_dir().join(name))
    }

    fn open(&self, backend: Xmpp) -> Engine {
        let builder = Engine::builder().database(&self.0).backend(backend);
        builder.open().expect("opens")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-lock"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}

/// The messages of a room's archive: nickname, the sender's id, the text.
type Archive = Arc<Mutex<Vec<(&'static str, String, String)>>>;

/// What is odd about a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Oddity {
    /// Its live messages have no ids, and that is all.
    NoIds,
    /// A page begins with the newest message.
    TurnedRound,
    /// It refuses the first request of each kind for the moment.
    Refuses,
    /// Its stamps have no zone.
    NoZone,
}

/// Returns a page of the archive, and its end.
fn page(element: &str, archive: &Archive, oddity: Oddity) -> String {
    let (id, from) = (attribute(element, "id"), attribute(element, "from"));
    let (_, query) = element.split_once("queryid='").expect("a query");
    let query = query.split('\'').next().unwrap_or_default();
    let after = element.split_once("<after>").map(|(_, rest)| rest);
    let after = after.and_then(|rest| rest.split('<').next()?.parse().ok());
    let archive = archive.lock().expect("no panic");
    let count = archive.len();
    let begin = match after {
        Some(after) => after,
        None if element.contains("<before/>") => count.saturating_sub(1),
        None => 0,
    };
    let end = count.min(begin + PAGE);
    let zone = if oddity == Oddity::NoZone { "" } else { "Z" };
    let wrapped = |at: usize| {
        let (nick, id, text) = &archive[at];
        // Ids count from 1. Several messages have the same second.
        format!(
            "<message from='{ROOM}' to='{from}'><result xmlns='urn:xmpp:mam:2' queryid='{query}' id='{}'>\
             <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-28T12:00:0{}{zone}'/>\
             <message xmlns='jabber:client' type='groupchat' from='{ROOM}/{nick}' id='{id}'><body>{text}</body>\
             </message></forwarded></result></message>",
            at + 1,
            at / 4
        )
    };
    let mut found: Vec<String> = (begin..end).map(wrapped).collect();
    if oddity == Oddity::TurnedRound {
        found.reverse();
    }
    let complete = end == count;
    found.concat()
        + &format!(
            "<iq type='result' id='{id}' from='{ROOM}' to='{from}'><fin xmlns='urn:xmpp:mam:2' complete='{complete}'>\
             <set xmlns='http://jabber.org/protocol/rsm'><first>{}</first><last>{end}</last></set></fin></iq>",
            begin + 1
        )
}

/// Starts a server whose room `ops` has that archive and gives live messages no ids. When an agent
/// posts `go`, Lene says `x`, `x` and `y` before it.
fn room(archive: Archive, oddity: Oddity) -> u16 {
    let refused = Arc::new(Mutex::new(HashSet::new()));
    let is_first = move |kind: (u32, &'static str)| {
        oddity == Oddity::Refuses && refused.lock().expect("no panic").insert(kind)
    };
    serve(move |connection, element| {
        let (id, from) = (attribute(element, "id"), attribute(element, "from"));
        let is_to_room = attribute(element, "to") == ROOM;
        match component(element) {
            Says::This(_)
                if is_to_room
                    && (element.contains("disco#info") && is_first((connection, "info"))
                        || element.contains("queryid") && is_first((connection, "archive"))) =>
            {
                Says::This(refusal(element, "wait", "resource-constraint"))
            }
            Says::This(_) if is_to_room && element.contains("disco#info") => Says::This(format!(
                "<iq type='result' id='{id}' from='{ROOM}' to='{from}'>\
                 <query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:mam:2'/></query></iq>"
            )),
            Says::This(_) if is_to_room && element.contains("queryid") => {
                Says::This(page(element, &archive, oddity))
            }
            Says::Nothing if element.contains("<body>go</body>") => {
                let said = [
                    ("lene", "1", "x"),
                    ("lene", "2", "x"),
                    ("lene", "3", "y"),
                    ("bot", id, "go"),
                ];
                let said = said.map(|(nick, id, text)| (nick, id.to_owned(), text.to_owned()));
                archive.lock().expect("no panic").extend(said.clone());
                let lines = said.map(|(nick, id, text)| {
                    format!(
                        "<message type='groupchat' from='{ROOM}/{nick}' to='{BOT}/switchboard' id='{id}'>\
                         <body>{text}</body></message>"
                    )
                });
                Says::This(lines.concat())
            }
            says => says,
        }
    })
}

/// After a restart, which leaves only the point that the database has, with the marks of what was
/// heard.
#[test]
fn a_restart_brings_what_was_missed_once_and_in_order() {
    for oddity in [
        Oddity::NoIds,
        Oddity::TurnedRound,
        Oddity::Refuses,
        Oddity::NoZone,
    ] {
        let archive = Archive::default();
        let port = room(archive.clone(), oddity);
        let backend = || {
            let secret = Secret::new("s3cret");
            let component = Component::new("agents.im.test", "127.0.0.1", port, secret);
            Xmpp::new(XmppConfig::new("im.test").component(component)).expect("right")
        };
        let database = Database::new(&format!("{oddity:?}"));
        let engine = database.open(backend());
        let bot = engine.bot("helper", BOT, &[OPS]);
        let mut first = ear(&bot);
        bot.post(OPS, NewMessage::text("go")).expect("it came back");
        for text in ["x", "x", "y"] {
            hears(&mut first, text);
        }
        first.acknowledge().expect("acknowledged");
        drop((first, bot));
        engine.shutdown(SOON).expect("in time");
        drop(engine);

        let missed = ["x", "b", "c", "d", "e"];
        for (number, text) in missed.iter().enumerate() {
            let said = ("lene", format!("m{number}"), (*text).to_owned());
            archive.lock().expect("no panic").push(said);
        }
        let engine = database.open(backend());
        let mut later = ear(&engine.agent("helper").expect("provisioned"));
        for text in missed {
            hears(&mut later, text);
        }
        hears_no_more(&engine, &mut later);
        drop(later);
        engine.shutdown(SOON).expect("in time");
    }
}

/// Lets everything through to a server, and takes the ids of messages out of what comes back.
fn without_ids(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(("127.0.0.1", server)) else {
                continue;
            };
            let both = || Some((near.try_clone().ok()?, far.try_clone().ok()?));
            let (Some((mut up, mut to)), Some((mut down, mut from))) = (both(), both()) else {
                continue;
            };
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut up, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
            std::thread::spawn(move || {
                let (mut buffer, mut text) = ([0; 16 * 1024], Vec::new());
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    text.extend_from_slice(&buffer[..count]);
                    // Whole tags only, so that no name is cut.
                    if text.ends_with(b">") {
                        let said = String::from_utf8_lossy(&text).replace("<stanza-id", "<no-id");
                        if down.write_all(said.as_bytes()).is_err() {
                            break;
                        }
                        text.clear();
                    }
                }
                let _ = down.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    port
}

/// The same for an account's own archive, of a real server.
#[test]
fn an_accounts_archive_repeats_nothing_either() {
    let Some(town) = Town::open("XMPP, an account's archive", Kind::Prosody) else {
        return;
    };
    let line = Proxy::to(without_ids(town.server.port("C2S")));
    let backend = || {
        let accounts = Accounts::new(Secret::new("pw-bot0"))
            .host("127.0.0.1")
            .port(line.port())
            .security(Security::PlainLoopback);
        Xmpp::new(XmppConfig::new(town.server.value("DOMAIN")).accounts(accounts)).expect("right")
    };
    let (alice, bot) = (town.contact("alice"), town.address_of("bot0"));
    let database = Database::new("account");
    let engine = database.open(backend());
    let mut heard = ear(&engine.bot("helper", &bot, &[&alice]));
    for text in ["x", "x", "y"] {
        town.alice.say(&bot, text);
        hears(&mut heard, text);
    }
    line.cut();
    town.alice.say(&bot, "x");
    town.alice.say(&bot, "z");
    for text in ["x", "z"] {
        hears(&mut heard, text);
    }
    hears_no_more(&engine, &mut heard);
    heard.acknowledge().expect("acknowledged");
    drop(heard);
    engine.shutdown(SOON).expect("in time");
    drop(engine);

    town.alice.say(&bot, "z");
    let engine = database.open(backend());
    let mut later = ear(&engine.agent("helper").expect("provisioned"));
    hears(&mut later, "z");
    hears_no_more(&engine, &mut later);
}
