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

/// Alice hears every alert once and in order, wherever the relay is killed.
#[test]
fn over_many_kills_every_alert_is_said_once() {
    let Some(town) = Town::prosody("the relay over kills") else {
        return;
    };
    let (home, seed) = (Home::new(&town, "relay", &[&town.ops()]), Dice::seed());
    println!("seed {seed}");
    let (mut dice, mut confirmed) = (Dice(seed), 0);
    let name = |n: usize| format!("disk {n}");
    let feed = |relay: &mut Program, from: usize, to: usize| {
        let lines: String = (from..to)
            .map(|n| alert(&n.to_string(), &name(n)) + "\n")
            .collect();
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
    town.alice.hears(&town.room(), &name(all - 1));
    let heard: Vec<_> = town
        .alice
        .heard(&town.room())
        .into_iter()
        .map(|one| one.text)
        .collect();
    assert_eq!(
        heard,
        (0..all).map(name).collect::<Vec<_>>(),
        "{kills} kills"
    );
}
