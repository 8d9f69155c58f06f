//! Talks over IRC.

use super::irc_backend::repeat;
use super::server::{FAST, Server, bot};
use crate::world::begin;
use crate::xmpp::town::{ear, hears, hears_no_more, next};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::backend::Pace;
use switchboard::{EventQuery, NewMessage};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_bot_answers_a_person_in_a_room_and_alone_and_no_other_bot() {
    let Some(server) = Server::open("IRC, a talk") else {
        return;
    };
    let lene = server.person_in("lene", "#ops");
    let engine = server.engine(FAST);
    bot(&engine, "repeater", &["chat-room:#ops", "contact:Lene"]);
    let running = thread::spawn({
        let engine = engine.clone();
        move || repeat(&engine)
    });
    // Nobody answers a notice, so two bots do not talk for ever.
    lene.sends("NOTICE #ops :I am a program");
    lene.sends("PRIVMSG #ops :\u{1}VERSION\u{1}");
    lene.sends("PRIVMSG #ops :hello :)");
    let line = lene.hears("NOTICE #ops :you said: hello");
    assert!(line.ends_with("you said: hello :)"), "{line}");
    assert!(line.starts_with(":repeater!"), "{line}");
    // Her name is the same on IRC in whatever case it was provisioned.
    lene.sends("PRIVMSG repeater :and here?");
    lene.hears("NOTICE lene :you said: and here?");
    let said = lene.heard(Some("repeater"), "#ops");
    assert_eq!(said[0], "you said: hello :)");
    assert!(
        !said.iter().any(|text| text.contains("program")),
        "{said:?}"
    );
    // IRC confirms a line with the answer to the PING after it: her hearing is not yet the end.
    let deadline = Instant::now() + SOON;
    while engine.stats().posts_in_flight > 0 {
        assert!(Instant::now() < deadline, "its posts are confirmed");
        thread::yield_now();
    }
    engine.shutdown(SOON).expect("it stops");
    running.join().unwrap().expect("it ends well");
}

#[test]
fn an_agent_hears_others_once_and_never_itself() {
    let Some(server) = Server::open("IRC, two agents") else {
        return;
    };
    let lene = server.person_in("lene", "#ops");
    let engine = server.engine(FAST);
    let bots = ["bot0", "bot1"].map(|name| bot(&engine, name, &["chat-room:#ops"]));
    let mut ears = bots.each_ref().map(ear);
    for text in ["one", "two", "two"] {
        lene.sends(&format!("PRIVMSG #ops :{text}"));
    }
    for ear in &mut ears {
        for text in ["one", "two", "two"] {
            assert_eq!(hears(ear, text).sender, "irc:lene");
        }
    }
    let posted = bots[0].post("chat-room:#ops", NewMessage::text("hello").automatic());
    assert_eq!(posted.expect("posted").message.sender, "irc:bot0");
    lene.hears(":bot0!");
    let heard = next(&mut ears[1]);
    assert_eq!((&*heard.text, heard.content.automatic), ("hello", true));
    // The mark is in the journal, also of the agent's own post.
    let query = EventQuery::messages().local();
    let mut own = bots[0].reader("own", query).expect("a reader");
    assert!(next(&mut own).content.automatic);
    for ear in &mut ears {
        hears_no_more(&engine, ear);
    }
}

#[test]
fn posts_keep_the_pace_and_their_order() {
    let Some(server) = Server::open("IRC, a flood") else {
        return;
    };
    let lene = server.person_in("lene", "#ops");
    let every = Duration::from_millis(100);
    let engine = server.engine(Pace::new(3, every));
    let bot = bot(&engine, "bot0", &["chat-room:#ops"]);
    let began = Instant::now();
    let post = |n: u32| bot.post_async("chat-room:#ops", NewMessage::text(format!("line {n:02}")));
    let posts: Vec<_> = (0..20).map(|n| begin(post(n))).collect();
    for post in posts {
        post.join().unwrap().expect("posted");
    }
    // The first three may go at once, and the sign-in and the join have used their turns.
    assert!(began.elapsed() >= every * 16, "{:?}", began.elapsed());
    let wanted: Vec<String> = (0..20).map(|n| format!("line {n:02}")).collect();
    lene.hears("line 19");
    assert_eq!(lene.heard(Some("bot0"), "#ops"), wanted);
}

#[test]
fn a_long_text_arrives_in_lines_that_irc_takes() {
    let Some(server) = Server::open("IRC, a long text") else {
        return;
    };
    let lene = server.person_in("lene", "#ops");
    let engine = server.engine(FAST);
    let bot = bot(&engine, "bot0", &["chat-room:#ops"]);
    let words = "wörter ".repeat(100);
    let text = format!("first line\n\nthird line\n{words}end");
    let posted = bot.post("chat-room:#ops", NewMessage::text(&text).key("long"));
    assert_eq!(posted.expect("posted").message.text, "first line");
    lene.hears(" end");
    let heard = lene.heard(Some("bot0"), "#ops");
    assert_eq!(heard[..2], ["first line", "third line"]);
    assert_eq!(heard[2..].join(" "), format!("{words}end"));
    assert!(heard.iter().all(|line| line.len() <= 380), "{heard:?}");
    let again = bot.post("chat-room:#ops", NewMessage::text(&text).key("long"));
    assert!(again.expect("known").repeated);
    lene.does("PRIVMSG #ops :and?");
    assert_eq!(lene.heard(Some("bot0"), "#ops"), heard);
}
