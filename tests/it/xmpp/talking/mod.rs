//! People and agents, in rooms and one to one: each test an engine over a server of its own.

mod messages;
mod rooms;
mod showing;

use super::server::Kind;
use super::town::Words;
use super::town::{SOON, Town, Way};
use std::time::{Duration, Instant};
use switchboard::{Collaboration, PresenceState};

fn presence(kind: Kind, way: Way) {
    let Some(town) = Town::open(&format!("XMPP presence, {way:?} over {kind:?}"), kind) else {
        return;
    };
    let (engine, alice) = (town.engine(), town.contact("alice"));
    let bot = engine.bot("helper", &town.bot(way, "bot0"), &[&alice]);
    let shows = |presence: PresenceState, text: &str| {
        let shown = || {
            let info = bot.channel(&alice).expect("channel").info;
            (info.presence, info.presence_text.clone())
        };
        let deadline = Instant::now() + SOON;
        while shown().1.as_deref() != Some(text) {
            assert!(Instant::now() < deadline, "`{text}`: {:?}", shown());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(shown().0, presence, "{text}");
    };
    let expected = [
        ("away", PresenceState::Away),
        ("dnd", PresenceState::DoNotDisturb),
        ("chat", PresenceState::Available),
        ("xa", PresenceState::Away),
        ("", PresenceState::Available),
    ];
    for (show, presence) in expected {
        let text = format!("this is ({show})");
        town.alice.show(show, &text);
        shows(presence, &text);
    }
    // What changed while the line was down is seen when it is up again.
    for line in [&town.to_component, &town.to_accounts] {
        line.refuse(true);
        line.cut();
    }
    town.alice.show("dnd", "changed meanwhile");
    for line in [&town.to_component, &town.to_accounts] {
        line.refuse(false);
    }
    shows_later(&bot, &alice, "changed meanwhile");
    shows(PresenceState::DoNotDisturb, "changed meanwhile");
    town.alice.disconnect();
    until("she is offline", || {
        bot.channel(&alice).expect("channel").info.presence == PresenceState::Offline
    });
}

/// Waits until the agent is back and is shown that text.
#[track_caller]
fn shows_later(bot: &Collaboration, channel: &str, text: &str) {
    until(text, || {
        bot.channel(channel)
            .is_ok_and(|channel| channel.info.presence_text.as_deref() == Some(text))
    });
}

/// Waits until it shows.
#[track_caller]
fn until(what: &str, mut shows: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !shows() {
        assert!(Instant::now() < deadline, "not so: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
