//! What goes wrong on IRC: servers that die, nicknames that are taken, rooms that refuse.

use super::server::{FAST, Server, bot, put};
use crate::xmpp::town::{Words, ear, hears};
use std::time::{Duration, Instant};
use switchboard::{AgentStatus, Engine, JoinState, NewMessage};

const ROOM: &str = "chat-room:#ops";

/// Waits until the status of `bot0` shows something.
#[track_caller]
fn until<T>(engine: &Engine, shows: impl Fn(&AgentStatus) -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut changes = engine.subscribe();
    loop {
        let status = engine.agent_status("bot0").expect("it is there");
        if let Some(shown) = shows(&status) {
            return shown;
        }
        assert!(Instant::now() < deadline, "{status:?}");
        // Looks again after each change, and after a moment without one.
        let _ = changes.next_timeout(Duration::from_millis(100));
    }
}

/// Waits until a room has refused for that reason; returns whether it is tried again.
#[track_caller]
fn refused(engine: &Engine, room: &str, why: &str) -> bool {
    until(engine, |status| {
        let room = status.channels.iter().find(|one| one.id.as_str() == room)?;
        let reason = room.reason.as_deref().unwrap_or_default();
        let is_refused = room.state == JoinState::Idle && reason.contains(why);
        is_refused.then_some(room.next_try.is_some())
    })
}

#[test]
fn after_its_server_died_and_came_back_an_agent_is_in_its_rooms_again() {
    let Some(mut server) = Server::open("IRC, a server that dies") else {
        return;
    };
    let engine = server.engine(FAST);
    let bot = bot(&engine, "bot0", &[ROOM]);
    let mut ear = ear(&bot);
    server.kill();
    engine.waits_for("bot0", ROOM, JoinState::Idle);
    server.start();
    let lene = server.person_in("lene", "#ops");
    engine.waits_for("bot0", ROOM, JoinState::Active);
    lene.sends("PRIVMSG #ops :are you back?");
    hears(&mut ear, "are you back?");
    bot.post(ROOM, NewMessage::text("yes")).expect("posted");
    lene.hears("PRIVMSG #ops :yes");
}

#[test]
fn a_nickname_in_use_is_waited_for() {
    let Some(server) = Server::open("IRC, a nickname in use") else {
        return;
    };
    let other = server.person("bot0");
    let engine = server.engine(FAST);
    let bot = put(&engine, "bot0", &[ROOM]);
    until(&engine, |status| {
        status
            .reason
            .as_ref()
            .filter(|why| why.contains("in use"))
            .map(drop)
    });
    drop(other);
    bot.wait_active(Duration::from_secs(60)).expect("active");
}

#[test]
fn rooms_that_refuse_are_not_asked_again_and_a_full_one_is() {
    let Some(server) = Server::open("IRC, rooms that refuse") else {
        return;
    };
    let lene = server.person_in("lene", "#ops");
    let otto = server.person_in("otto", "#full");
    lene.does("MODE #ops +b bot0!*@*");
    let engine = server.engine(FAST);
    let rooms = [
        ROOM,
        "chat-room:#closed",
        "chat-room:#full",
        "chat-room:ops",
    ];
    put(&engine, "bot0", &rooms);
    for (room, why) in [(rooms[0], "+b"), (rooms[1], "+i"), (rooms[3], "name")] {
        assert!(!refused(&engine, room, why), "{room} is tried again");
    }
    assert!(refused(&engine, rooms[2], "+l"), "nobody waits for a place");
    otto.does("PART #full");
    engine.waits_for("bot0", rooms[2], JoinState::Active);
}

#[test]
fn a_kick_lasts_until_the_room_is_put_again_and_who_is_gone_is_offline() {
    let Some(server) = Server::open("IRC, a kick") else {
        return;
    };
    let lene = server.person_in("lene", "#ops");
    let otto = server.person_in("otto", "#ops");
    let engine = server.engine(FAST);
    let bot = bot(&engine, "bot0", &[ROOM, "contact:otto"]);
    drop(otto);
    lene.does("KICK #ops bot0 :out");
    assert!(!refused(&engine, ROOM, "kicked by lene: out"), "it returns");
    assert!(bot.post(ROOM, NewMessage::text("hello?")).is_err());
    let error = bot.post("contact:otto", NewMessage::text("are you there?"));
    assert_eq!(error.expect_err("nobody is").code(), "rejected");
}
