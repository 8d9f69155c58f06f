//! Posts while the server is killed, and a room that forgets its agent: nothing is lost, nothing
//! comes twice, and a silent loss of a room is noticed.

use super::server::Kind;
use super::town::{SOON, Town, Way, Words, ear, hears, hears_no_more};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use switchboard::testing::ManualClock;
use switchboard::{Engine, Error, JoinState, NewMessage};

const POSTS: usize = 60;

/// One agent posts without a pause, each post under a key and until it is answered, while the
/// server is killed and started again, twice. Each is in the room's archive once, in order.
fn posted_around_kills(kind: Kind, way: Way) {
    let Some(mut town) = Town::open(
        &format!("XMPP kill -9 mid-traffic, {way:?} over {kind:?}"),
        kind,
    ) else {
        return;
    };
    let engine = town.engine();
    let bot = engine.bot("helper", &town.bot(way, "bot0"), &[&town.ops()]);
    let (count, counts) = channel();
    let (ops, poster) = (town.ops(), bot.clone());
    let posting = std::thread::spawn(move || {
        let mut unknown = 0;
        for n in 0..POSTS {
            let deadline = Instant::now() + SOON;
            loop {
                match poster.post(
                    &ops,
                    NewMessage::text(format!("post {n:02}")).key(format!("key {n}")),
                ) {
                    Ok(_) => break,
                    Err(error) if Instant::now() > deadline => panic!("post {n}: {error}"),
                    Err(Error::OutcomeUnknown(_)) => unknown += 1,
                    Err(_) => std::thread::park_timeout(Duration::from_millis(50)),
                }
            }
            let _ = count.send(n);
        }
        unknown
    });
    for at in [POSTS / 4, POSTS / 2] {
        while counts.recv_timeout(SOON).expect("it goes on") < at {}
        town.server.kill();
        town.server.begin();
    }
    let unknown: u32 = posting.join().expect("every post was answered");
    bot.wait_active(SOON).expect("in its room");
    let kept = bot
        .messages(town.ops(), 1000, None)
        .expect("the server's history");
    let texts: Vec<&str> = kept.iter().map(|message| &*message.text).collect();
    let posts: Vec<String> = (0..POSTS).map(|n| format!("post {n:02}")).collect();
    assert_eq!(texts, posts, "with {unknown} answers lost");
}

#[test]
fn a_component_posts_around_kills_of_prosody() {
    posted_around_kills(Kind::Prosody, Way::Component);
}

#[test]
fn an_account_posts_around_kills_of_prosody() {
    posted_around_kills(Kind::Prosody, Way::Account);
}

#[test]
fn a_component_posts_around_kills_of_ejabberd() {
    posted_around_kills(Kind::Ejabberd, Way::Component);
}

/// A server stores messages to an account: one that comes from the archive and again as a late
/// delivery is one message.
fn contact_catches_up(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP contact's catch-up over {kind:?}"), kind) else {
        return;
    };
    let (engine, address, alice) = (
        town.engine(),
        town.bot(Way::Account, "bot1"),
        town.contact("alice"),
    );
    let bot = engine.bot("helper", &address, &[&alice]);
    let mut ear = ear(&bot);
    town.alice.say(&address, "before");
    hears(&mut ear, "before");
    town.to_accounts.refuse(true);
    town.to_accounts.cut();
    // While the server believes that the account is connected, it delivers the message to nobody,
    // but the message is in the archive.
    for n in 0..10 {
        town.alice.say(&address, &format!("meanwhile {n}"));
    }
    town.to_accounts.refuse(false);
    for n in 0..10 {
        hears(&mut ear, &format!("meanwhile {n}"));
    }
    town.alice.say(&address, "after");
    hears(&mut ear, "after");
    hears_no_more(&engine, &mut ear);
}

#[test]
fn an_account_of_prosody_catches_up_with_a_contact() {
    contact_catches_up(Kind::Prosody);
}

#[test]
fn an_account_of_ejabberd_catches_up_with_a_contact() {
    contact_catches_up(Kind::Ejabberd);
}

/// The room hears that the agent leaves, and the agent does not hear that it has left: as after a
/// restart of a rooms' service that is not its server. Only asking the room finds it out
/// (XEP-0410).
#[test]
fn a_room_that_has_forgotten_its_agent_is_joined_again() {
    let Some(town) = Town::prosody("XMPP self-ping") else {
        return;
    };
    let clock = ManualClock::new();
    let engine = town.over(Engine::builder().in_memory().clock(clock.clone()));
    let bot = engine.bot("helper", &town.bot(Way::Component, "bot0"), &[&town.ops()]);
    let (mut ear, room, address) = (ear(&bot), town.room(), town.bot(Way::Component, "bot0"));
    town.to_component.spoil(b" ");
    town.to_component.say(
        format!("<presence type='unavailable' from='{address}/switchboard' to='{room}/bot0'/>")
            .as_bytes(),
    );
    let deadline = Instant::now() + SOON;
    while town.alice.occupants(&room).contains(&"bot0".to_owned()) {
        assert!(Instant::now() < deadline, "the room keeps it");
    }
    town.alice.say(&room, "is anybody here?");
    engine.settle(SOON).expect("it settles");
    assert_eq!(
        engine.stands("helper", &town.ops()).state,
        JoinState::Active,
        "nobody has told it"
    );
    while !town.alice.occupants(&room).contains(&"bot0".to_owned()) {
        assert!(
            Instant::now() < deadline + SOON,
            "it does not come back: {:?}",
            engine.stands("helper", &town.ops())
        );
        // Advances slowly: an answer may take 20 s of this clock, on a busy machine too.
        clock.advance(Duration::from_millis(250));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    hears(&mut ear, "is anybody here?");
    assert_eq!(town.to_component.connections(), 1, "the link was kept");
}
