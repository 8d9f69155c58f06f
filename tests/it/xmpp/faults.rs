//! Servers that die, lines that fail, passwords and certificates that change: what was said
//! meanwhile comes once, in order.

use super::server::Kind;
use super::town::{SOON, Town, Way, Words, ear, hears, hears_no_more, next, opened, passes};
use std::time::{Duration, Instant};
use switchboard::testing::ManualClock;
use switchboard::{AgentState, AgentStatus, Engine, JoinState, NewMessage, Reader};

/// Expects exactly those texts in that order.
#[track_caller]
fn hears_all(reader: &mut Reader, texts: &[String]) {
    let heard: Vec<String> = texts.iter().map(|_| next(reader).text).collect();
    assert_eq!(heard, texts);
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{what} {n:02}")).collect()
}

fn killed(kind: Kind, way: Way) {
    let Some(mut town) = Town::open(&format!("XMPP kill -9, {way:?} over {kind:?}"), kind) else {
        return;
    };
    let (engine, room) = (town.engine(), town.room());
    let bot = engine.bot("helper", &town.bot(way, "bot0"), &[&town.ops()]);
    let mut ear = ear(&bot);
    town.alice.say(&room, "before");
    hears(&mut ear, "before");

    // The connector finds no server until everything that it shall miss has been said.
    town.to_component.refuse(true);
    town.to_accounts.refuse(true);
    town.server.kill();
    town.server.begin();
    town.alice.reconnect();
    let missed = numbered("meanwhile", 20);
    for text in &missed {
        town.alice.say(&room, text);
    }
    town.to_component.refuse(false);
    town.to_accounts.refuse(false);
    // Some of these arrive as history and some live; the order does not show which.
    let live = numbered("around", 20);
    for text in &live {
        town.alice.say(&room, text);
    }
    hears_all(&mut ear, &missed);
    hears_all(&mut ear, &live);
    bot.post(town.ops(), NewMessage::text("I am back"))
        .expect("posted");
    town.alice.hears(&room, "I am back");
    hears_no_more(&engine, &mut ear);
}

#[test]
fn a_component_catches_up_after_its_prosody_was_killed() {
    killed(Kind::Prosody, Way::Component);
}

#[test]
fn an_account_catches_up_after_its_prosody_was_killed() {
    killed(Kind::Prosody, Way::Account);
}

#[test]
fn a_component_catches_up_after_its_ejabberd_was_killed() {
    killed(Kind::Ejabberd, Way::Component);
}

#[test]
fn an_account_catches_up_after_its_ejabberd_was_killed() {
    killed(Kind::Ejabberd, Way::Account);
}

fn restarted(way: Way) {
    let Some(town) = Town::prosody("XMPP engine restart") else {
        return;
    };
    let path = std::env::temp_dir().join(format!(
        "switchboard-xmpp-restart-{way:?}-{}.db",
        std::process::id()
    ));
    let remove = || {
        for suffix in ["", "-wal", "-shm", "-lock"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
    };
    remove();
    let room = town.room();
    let missed = numbered("while it slept", 20);
    {
        let engine = town.over(Engine::builder().database(&path));
        let bot = engine.bot("helper", &town.bot(way, "bot0"), &[&town.ops()]);
        let mut ear = ear(&bot);
        town.alice.say(&room, "before");
        hears(&mut ear, "before");
        ear.acknowledge().expect("acknowledged");
        drop(ear);
        engine.shutdown(SOON).expect("in time");
    }
    for text in &missed {
        town.alice.say(&room, text);
    }
    let engine = town.over(Engine::builder().database(&path));
    let bot = engine.agent("helper").expect("provisioned");
    let mut ear = ear(&bot);
    hears_all(&mut ear, &missed);
    hears_no_more(&engine, &mut ear);
    drop(ear);
    drop(engine);
    remove();
}

#[test]
fn what_was_said_while_the_engine_was_down_comes_when_it_is_up() {
    restarted(Way::Component);
}

#[test]
fn what_was_said_while_an_accounts_engine_was_down_comes_when_it_is_up() {
    restarted(Way::Account);
}

#[test]
fn twenty_agents_in_a_room_catch_up_once() {
    let Some(town) = Town::prosody("XMPP catch-up of many") else {
        return;
    };
    let (engine, room) = (town.engine(), town.room());
    let names: Vec<String> = (0..20).map(|n| format!("agent{n:02}")).collect();
    for name in &names {
        engine.put(name, &town.bot(Way::Component, name), &[&town.ops()]);
    }
    for name in &names {
        engine
            .agent(name)
            .expect("there")
            .wait_active(SOON)
            .expect("active");
    }
    let mut ears: Vec<Reader> = names
        .iter()
        .map(|name| ear(&engine.agent(name).expect("there")))
        .collect();
    town.alice.say(&room, "before");
    for ear in &mut ears {
        hears(ear, "before");
    }
    town.to_component.refuse(true);
    town.to_component.cut();
    let missed = numbered("meanwhile", 20);
    for text in &missed {
        town.alice.say(&room, text);
    }
    town.to_component.refuse(false);
    for ear in &mut ears {
        hears_all(ear, &missed);
    }
    hears_no_more(&engine, &mut ears[0]);
}

fn broken(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP broken lines over {kind:?}"), kind) else {
        return;
    };
    let room = town.room();
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        let engine = town.engine();
        let line = if way == Way::Component {
            &town.to_component
        } else {
            &town.to_accounts
        };
        let bot = engine.bot("helper", &town.bot(way, name), &[&town.ops()]);
        let mut ear = ear(&bot);
        let faults: [(&str, &dyn Fn()); 3] = [
            ("cut", &|| line.cut()),
            ("not XML", &|| {
                line.spoil(b"<message></presence>]]>&nope;\x00\xff")
            }),
            ("another stream's end", &|| line.spoil(b"</stream:stream>")),
        ];
        for (fault, happens) in faults {
            let before = line.connections();
            happens();
            let said = numbered(fault, 10);
            for text in &said {
                town.alice.say(&room, text);
            }
            hears_all(&mut ear, &said);
            assert!(
                line.connections() > before,
                "{fault}: the link was taken up again"
            );
        }
        hears_no_more(&engine, &mut ear);
    }
}

#[test]
fn lines_that_are_cut_or_spoilt_are_taken_up_again() {
    broken(Kind::Prosody);
}

#[test]
fn lines_that_are_cut_or_spoilt_are_taken_up_again_over_ejabberd() {
    broken(Kind::Ejabberd);
}

/// The line is dead without an error: only a ping finds out. The bound is the connector's own.
#[test]
fn a_dead_line_is_noticed() {
    let Some(town) = Town::prosody("XMPP dead lines") else {
        return;
    };
    let clock = ManualClock::new();
    let engine = town.over(Engine::builder().in_memory().clock(clock.clone()));
    let bot = engine.bot("helper", &town.bot(Way::Component, "bot0"), &[&town.ops()]);
    let mut ear = ear(&bot);
    town.to_component.stall(true);
    town.alice.say(&town.room(), "does anybody hear me?");
    for _ in 0..30 {
        clock.advance(Duration::from_secs(10));
        if engine.agent_status("helper").expect("there").state != AgentState::Active {
            break;
        }
    }
    let state = engine.agent_status("helper").expect("there").state;
    assert_ne!(
        state,
        AgentState::Active,
        "five minutes and nothing was noticed"
    );
    town.to_component.cut();
    town.to_component.stall(false);
    passes(&engine, &clock, "it is in again", |status| {
        status
            .channels
            .iter()
            .all(|channel| channel.state == JoinState::Active)
    });
    hears(&mut ear, "does anybody hear me?");
}

#[test]
fn a_changed_password_is_told_and_the_new_one_is_asked_for() {
    let Some(mut town) = Town::prosody("XMPP passwords") else {
        return;
    };
    let clock = ManualClock::new();
    let engine = town.over(Engine::builder().in_memory().clock(clock.clone()));
    let bot = engine.bot("helper", &town.bot(Way::Account, "bot1"), &[&town.ops()]);
    town.server.stop();
    town.server.set_password("bot1", "another");
    town.server.begin();
    let status = || engine.agent_status("helper").expect("there");
    let is_told = |reason: &String| reason.contains("not-authorized") || reason.contains("refused");
    passes(&engine, &clock, "the password is refused", |status| {
        status.reason.as_ref().is_some_and(is_told)
    });
    let reason = status().reason.unwrap_or_default();
    assert!(!reason.contains("pw-bot1"), "{reason}");
    town.passwords
        .lock()
        .expect("no panic")
        .insert("bot1".into(), "another".into());
    // A refused login is tried again all the same, at the longest pause.
    passes(&engine, &clock, "the new one is taken", |status| {
        status.state == AgentState::Active
    });
    bot.wait_active(SOON).expect("in its room again");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let Some(mut town) = Town::prosody("XMPP certificates") else {
        return;
    };
    // The connector believes a copy of the first certificate.
    let believed = std::env::temp_dir().join(format!(
        "switchboard-xmpp-believed-{}.pem",
        std::process::id()
    ));
    std::fs::copy(town.server.certificate(), &believed).expect("copied");
    let config = town
        .config()
        .trust(switchboard::backend::xmpp::Trust::CaFile(believed.clone()));
    let backend = switchboard::backend::xmpp::Xmpp::new(config).expect("right");
    let engine = opened(backend);
    engine.bot("helper", &town.bot(Way::Account, "bot1"), &[&town.ops()]);
    town.server.stop();
    town.server.forget_certificate();
    town.server.begin();
    let reason = told(&engine, "certificate");
    let _ = std::fs::remove_file(&believed);
    assert!(reason.is_ok(), "{reason:?}");
}

#[test]
fn a_wrong_component_secret_is_told() {
    let Some(town) = Town::prosody("XMPP component secret") else {
        return;
    };
    use switchboard::backend::xmpp::{Component, Secret, Xmpp};
    let wrong = Component::new(
        town.server.value("AGENTS"),
        "127.0.0.1",
        town.server.port("COMPONENT"),
        Secret::new("wrong"),
    );
    let backend = Xmpp::new(town.config().component(wrong)).expect("right");
    let engine = opened(backend);
    engine.put("helper", &town.bot(Way::Component, "bot0"), &[]);
    told(&engine, "not-authorized").expect("it is told");
}

/// Waits until the reason why the agent is not signed in contains `word`. The error is the last
/// status.
fn told(engine: &Engine, word: &str) -> Result<(), Box<AgentStatus>> {
    let (deadline, mut changes) = (Instant::now() + SOON, engine.subscribe());
    loop {
        let status = engine.agent_status("helper").expect("there");
        match &status.reason {
            Some(reason) if reason.to_lowercase().contains(word) => return Ok(()),
            _ if Instant::now() > deadline => return Err(Box::new(status)),
            _ => drop(changes.next_timeout(Duration::from_millis(100))),
        }
    }
}
