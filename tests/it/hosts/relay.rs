//! The relay says every alert once: through throttles, repeats and kills.

use super::program::{Home, Program, kills};
use crate::crash::Dice;
use crate::world::{OPS, World};
use crate::xmpp::town::Town;
use std::io::Write;
use std::time::Duration;
use switchboard::backend::Person;
use switchboard::{Throttle, ThrottleKind};

#[path = "../../../examples/relay.rs"]
mod example;

fn alert(id: &str, text: &str) -> String {
    serde_json::json!({ "id": id, "text": text }).to_string()
}

/// Relays those lines and returns what was confirmed. The clock moves on meanwhile.
fn relayed(world: &World, lines: &[String]) -> Vec<String> {
    let agent = example::provision(&world.engine, "loopback:relay", OPS).unwrap();
    let (input, mut output) = (lines.join("\n"), Vec::new());
    std::thread::scope(|scope| {
        let (engine, output) = (&world.engine, &mut output);
        let relay =
            scope.spawn(move || example::relay(engine, &agent, OPS, input.as_bytes(), output));
        while !relay.is_finished() {
            world.pass(Duration::from_millis(100));
            std::thread::yield_now();
        }
        relay.join().unwrap().unwrap();
    });
    let output = String::from_utf8(output).unwrap();
    output.lines().map(str::to_owned).collect()
}

fn heard(person: &Person) -> Vec<String> {
    person
        .unheard()
        .into_iter()
        .map(|heard| heard.text)
        .collect()
}

#[test]
fn an_alert_that_comes_again_is_confirmed_again_and_said_once() {
    let world = World::new();
    let lene = world.person("lene");
    let first = [alert("1", "disk 1"), "rubbish".into(), alert("2", "disk 2")];
    assert_eq!(relayed(&world, &first), ["1", "2"]);
    let again = [
        alert("2", "disk 2"),
        alert("1", "another text under a used id"),
        alert("3", ""),
        alert("4", "disk 4"),
    ];
    assert_eq!(
        relayed(&world, &again),
        ["2", "4"],
        "an empty text is refused"
    );
    world.settle();
    assert_eq!(heard(&lene), ["disk 1", "disk 2", "disk 4"]);
    let resolved = r#"{"id":"5","text":"disk 1: resolved","of":"1"}"#;
    let unknown = r#"{"id":"6","text":"disk 9: resolved","of":"9"}"#;
    let both = [resolved.to_owned(), unknown.to_owned(), resolved.to_owned()];
    assert_eq!(relayed(&world, &both), ["5", "5"], "there is no alert 9");
    let desk = world.engine.agent("relay").unwrap();
    let now = desk.message(OPS, switchboard::Key("1")).unwrap();
    assert_eq!(now.text, "disk 1: resolved");
    assert_eq!(desk.messages(OPS, 10, None).unwrap().len(), 3);
}

#[test]
fn a_throttle_makes_it_slower_and_loses_nothing() {
    let world = World::new();
    let lene = world.person("lene");
    let slow = Throttle::new("slow", ThrottleKind::MessagesPerMinute, 2).unwrap();
    world
        .admin()
        .put_throttle(slow.agent("relay").unwrap())
        .unwrap();
    let began = world.clock_now();
    let (ids, texts): (Vec<_>, Vec<_>) =
        (0..7).map(|n| (n.to_string(), format!("disk {n}"))).unzip();
    let alerts: Vec<_> = ids
        .iter()
        .zip(&texts)
        .map(|(id, text)| alert(id, text))
        .collect();
    assert_eq!(relayed(&world, &alerts), ids);
    world.settle();
    assert_eq!(heard(&lene), texts);
    let took = world.clock_now() - began;
    assert!(took.num_seconds() >= 180, "two a minute, but {took}");
}

/// Alice hears every line once and in order, wherever the relay is killed. `line` is the alert of
/// that number, and what she hears of it.
#[expect(clippy::print_stdout, reason = "the seed of a failure is needed")]
fn over_many_kills(what: &str, line: impl Fn(usize) -> (String, String)) -> Option<Town> {
    let town = Town::prosody(what)?;
    let (home, seed) = (Home::new(&town, "relay", &[&town.ops()]), Dice::seed());
    println!("seed {seed}");
    let (mut dice, mut confirmed) = (Dice(seed), 0);
    let feed = |relay: &mut Program, from: usize, to: usize| {
        let lines: String = (from..to).map(|n| line(n).0 + "\n").collect();
        relay
            .input
            .as_mut()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
    };
    let kills = kills();
    for _ in 0..kills {
        let mut relay = home.start();
        // What was not confirmed comes again, and ten more.
        feed(&mut relay, confirmed, confirmed + 12);
        for _ in 0..=dice.below(8) {
            assert_eq!(relay.line(), confirmed.to_string());
            confirmed += 1;
        }
        std::thread::sleep(Duration::from_micros(dice.below(20_000)));
        for line in relay.kill() {
            assert_eq!(line, confirmed.to_string());
            confirmed += 1;
        }
    }
    let mut relay = home.start();
    let all = confirmed + 12;
    feed(&mut relay, confirmed, all);
    let rest: Vec<_> = (confirmed..all).map(|n| n.to_string()).collect();
    assert_eq!(relay.end(), rest);
    let expected: Vec<_> = (0..all).map(|n| line(n).1).collect();
    town.alice.hears(&town.room(), &expected[all - 1]);
    let heard = town.alice.heard(&town.room()).into_iter();
    let heard: Vec<_> = heard.map(|one| one.text).collect();
    assert_eq!(heard, expected, "{kills} kills");
    Some(town)
}

#[test]
fn over_many_kills_every_alert_is_said_once() {
    over_many_kills("the relay over kills", |n| {
        let text = format!("disk {n}");
        (alert(&n.to_string(), &text), text)
    });
}

/// Every second line resolves the alert before it. Alice's program is told each correction once,
/// and of which message it is.
#[test]
fn over_many_kills_every_alert_turns_to_resolved_in_its_place_once() {
    let town = over_many_kills("the relay's corrections over kills", |n| match n % 2 {
        0 => {
            let text = format!("disk {n}: firing");
            (alert(&n.to_string(), &text), text)
        }
        _ => {
            let (text, of) = (format!("disk {}: resolved", n - 1), (n - 1).to_string());
            let resolved = serde_json::json!({ "id": n.to_string(), "text": text, "of": of });
            (resolved.to_string(), text)
        }
    });
    let Some(town) = town else { return };
    let room = town.room();
    // The last alert may still be firing.
    for pair in town.alice.heard(&room).chunks_exact(2) {
        let firing = &pair[0];
        let correction = town.alice.waits_for_mark(&room, "replace", &firing.id);
        let resolved = firing.text.replace("firing", "resolved");
        assert_eq!(correction["body"], resolved);
    }
}
