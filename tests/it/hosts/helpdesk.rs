//! The helpdesk files every ticket once, in order for each person, and answers once.

use super::program::{Home, kills};
use crate::crash::Dice;
use crate::world::{Disk, SOON, World, seconds};
use crate::xmpp::people::Heard;
use crate::xmpp::town::Town;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};
use switchboard::Result;
use switchboard::backend::Person;

#[path = "../../../examples/helpdesk.rs"]
mod example;

const HELP: &str = "say `ticket` and what is wrong";

/// The tickets by their numbers: whose, and what.
fn filed(tickets: &Path) -> Vec<(String, String)> {
    let mut filed = BTreeMap::new();
    for entry in std::fs::read_dir(tickets).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.extension().is_some() {
            continue; // it was killed while it wrote this one
        }
        let number: u64 = name.rsplit('-').next().unwrap().parse().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let (whose, what) = text.trim_end().split_once('\n').unwrap();
        filed.insert(number, (whose.to_owned(), what.to_owned()));
    }
    filed.into_values().collect()
}

/// Runs the desk while `talk` lasts.
fn with_desk(world: &World, tickets: &Path, talk: impl FnOnce()) -> Result<()> {
    let desk = example::provision(&world.engine, "loopback:desk")?;
    desk.wait_active(SOON)?;
    std::thread::scope(|scope| {
        let running = scope.spawn(|| example::run(&desk, tickets));
        world.until(|stats| stats.waiters > 0);
        talk();
        world.engine.shutdown(SOON)?;
        running.join().unwrap()
    })
}

fn hears(person: &Person) -> String {
    person.hears("contact:desk").unwrap().text
}

#[test]
fn whoever_writes_gets_a_ticket_or_help() {
    let (world, disk) = (World::new(), Disk::new());
    let (ada, bob) = (world.person("ada"), world.person("bob"));
    with_desk(&world, disk.directory(), || {
        ada.say("contact:desk", "hello").unwrap();
        assert_eq!(hears(&ada), HELP);
        ada.say("contact:desk", "ticket no light").unwrap();
        assert!(hears(&ada).starts_with("filed as "));
        bob.say("contact:desk", "ticket no heat\nand no light")
            .unwrap();
        assert!(hears(&bob).starts_with("filed as "));
    })
    .unwrap();
    let pair = |whose: &str, what: &str| (whose.to_owned(), what.to_owned());
    let all = [
        pair("contact:ada", "no light"),
        pair("contact:bob", "no heat\nand no light"),
    ];
    assert_eq!(filed(disk.directory()), all);
}

#[test]
fn a_ticket_that_cannot_be_filed_is_filed_later() {
    let (world, disk) = (World::new(), Disk::new());
    let tickets = disk.directory().join("tickets");
    let ada = world.person("ada");
    with_desk(&world, &tickets, || {
        ada.say("contact:desk", "ticket no light").unwrap();
        world.settle();
        assert!(ada.unheard().is_empty());
        std::fs::create_dir(&tickets).unwrap();
        world.pass(seconds(30));
        assert!(hears(&ada).starts_with("filed as "));
    })
    .unwrap();
    assert_eq!(filed(&tickets).len(), 1);
}

/// Alice and Bob write while the desk is killed and started again: each ticket is filed once, in
/// order, and each was answered once. Both are strangers, and have been answered before the first
/// kill: what a stranger says first is in memory alone for some 10 ms, and a kill there loses it.
#[test]
fn over_many_kills_every_ticket_is_filed_and_answered_once() {
    let Some(town) = Town::prosody("the helpdesk over kills") else {
        return;
    };
    let scratch = Disk::new();
    let tickets = scratch.directory().to_owned();
    let home = Home::new(&town, "helpdesk", &[tickets.to_str().unwrap()]);
    let people = [town.alice.clone(), town.with_person("bob")];
    let (address, seed) = (town.address_of("bot0"), Dice::seed());
    println!("seed {seed}");
    let (mut dice, mut said) = (Dice(seed), 0);
    let desk = home.start();
    for person in &people {
        person.say(&address, "hello");
        person.hears(&address, HELP);
    }
    desk.kill();
    let mut say = |most: u64, dice: &mut Dice| {
        for _ in 0..=dice.below(most) {
            people[said % 2].say(&address, &format!("ticket {said}"));
            said += 1;
        }
        said
    };
    for _ in 0..kills() {
        let desk = home.start();
        say(4, &mut dice);
        std::thread::sleep(Duration::from_millis(dice.below(1500)));
        say(4, &mut dice);
        std::thread::sleep(Duration::from_millis(dice.below(30)));
        assert_eq!(desk.kill(), [""; 0]);
        // Whoever writes while nobody is there is not forgotten.
        say(2, &mut dice);
    }
    let desk = home.start();
    let said = say(4, &mut dice);
    // Each is answered in order, so what comes before this was answered too.
    for person in &people {
        person.say(&address, "that is all");
        let limit = Instant::now() + seconds(180);
        let is_help = |one: &Heard| one.text == HELP;
        while person
            .heard(&address)
            .iter()
            .filter(|one| is_help(one))
            .count()
            < 2
        {
            assert!(Instant::now() < limit, "{:?}", person.heard(&address));
            std::thread::yield_now();
        }
    }
    assert_eq!(desk.end(), [""; 0]);
    let filed = filed(&tickets);
    for (n, name) in ["alice", "bob"].into_iter().enumerate() {
        let channel = town.contact(name);
        let theirs = filed.iter().filter(|(whose, _)| *whose == channel);
        let theirs: Vec<_> = theirs.map(|(_, what)| what.clone()).collect();
        let wanted: Vec<_> = (n..said).step_by(2).map(|n| n.to_string()).collect();
        assert_eq!(theirs, wanted, "{name}'s tickets");
        let heard = people[n].heard(&address).into_iter().map(|one| one.text);
        let answers: Vec<_> = heard.filter(|text| text.starts_with("filed as ")).collect();
        let once: HashSet<_> = answers.iter().collect();
        assert_eq!(
            (answers.len(), once.len()),
            (wanted.len(), wanted.len()),
            "{answers:?}"
        );
    }
}
