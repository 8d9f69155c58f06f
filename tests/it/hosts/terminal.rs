//! The room in a terminal shows everything that others say, over kills too.

use super::program::{Home, kills};
use crate::crash::Dice;
use crate::world::{OPS, SOON, World};
use crate::xmpp::town::Town;
use std::io::{BufReader, Write};
use std::sync::mpsc::channel;
use std::time::Duration;

#[path = "../../../examples/terminal.rs"]
mod example;

#[test]
fn what_is_typed_is_said_and_what_is_said_is_shown() {
    let world = World::new();
    let lene = world.person("lene");
    let (keyboard, mut typing) = std::io::pipe().unwrap();
    let (show, shown) = channel();
    std::thread::scope(|scope| {
        let chat = scope.spawn(|| {
            let show = move |who: &str, what: &str| drop(show.send(format!("{who}: {what}")));
            let keyboard = BufReader::new(keyboard);
            example::chat(&world.engine, "loopback:me", OPS, keyboard, show)
        });
        writeln!(typing, "good morning").unwrap();
        assert_eq!(lene.hears(OPS).unwrap().text, "good morning");
        lene.say(OPS, "hello").unwrap();
        lene.say(OPS, "what is new?").unwrap();
        for text in ["lene: hello", "lene: what is new?"] {
            assert_eq!(shown.recv_timeout(SOON).unwrap(), text);
        }
        drop(typing);
        chat.join().unwrap().unwrap();
    });
    assert_eq!(shown.iter().next(), None, "its own words are not shown");
}

/// What Alice says comes on the screen in order, also what she says while nobody looks. The last few
/// lines before a kill may come once more, for what was shown is written down a moment later.
#[test]
fn over_many_kills_nothing_that_was_said_is_missing() {
    let Some(town) = Town::prosody("the terminal over kills") else {
        return;
    };
    let (home, seed) = (Home::new(&town, "terminal", &[&town.ops()]), Dice::seed());
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let (mut said, mut shown) = (0, 0);
    let mut say = |most: u64, dice: &mut Dice| {
        for _ in 0..=dice.below(most) {
            town.alice.say(&town.room(), &said.to_string());
            said += 1;
        }
        said
    };
    let mut sees = |line: &str, is_first: bool| {
        let (_, number) = line.split_once(": ").expect("who, and what");
        let number: usize = number.parse().expect("a number");
        let is_next = number == shown || (is_first && number < shown);
        assert!(is_next, "{line}, after {shown}");
        shown = number + 1;
        shown
    };
    for round in 0..kills() {
        let mut terminal = home.start();
        if round == 0 {
            // Its place begins where it first came in.
            writeln!(terminal.input.as_mut().unwrap(), "here I am").unwrap();
            town.alice.hears(&town.room(), "here I am");
        }
        let all = say(5, &mut dice);
        let mut is_first = true;
        while sees(&terminal.line(), is_first) < all {
            is_first = false;
        }
        say(3, &mut dice);
        std::thread::sleep(Duration::from_micros(dice.below(20_000)));
        for line in terminal.kill() {
            sees(&line, false);
        }
        say(2, &mut dice);
    }
    let terminal = home.start();
    let all = say(1, &mut dice);
    let mut is_first = true;
    while sees(&terminal.line(), is_first) < all {
        is_first = false;
    }
    assert_eq!(terminal.end(), [""; 0]);
}
