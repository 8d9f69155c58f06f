//! kill -9 while workers handle events: nothing is lost, each channel stays in order, and an event
//! that kills its host is given up.
//!
//! The child posts into three rooms and has four workers handle what was said, in order for each
//! room. A handler fails now and then. What it does is appended to a file, one write for each line,
//! so the file tells the order of all lives of the child.

use super::{Dice, SOON, Scratch, again, trials};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use switchboard::backend::Loopback;
use switchboard::{
    Collaboration, Cursor, Delivery, Engine, EventQuery, Handled, NewAgent, NewMessage, Principal,
    Workers,
};

const ROOMS: [&str; 3] = ["chat-room:a", "chat-room:b", "chat-room:c"];
const HOME: &str = "SWITCHBOARD_WORKERS_HOME";
const ROUND: &str = "SWITCHBOARD_WORKERS_ROUND";

fn open(home: &Path) -> (Engine, Collaboration) {
    let chat = Loopback::new();
    for room in ROOMS {
        chat.room(room, room);
    }
    let engine = Engine::builder()
        .database(home.join("db"))
        .backend(chat)
        .open()
        .unwrap();
    let mut desk = NewAgent::new("desk", "loopback:desk").unwrap();
    for room in ROOMS {
        desk = desk.channel(room).unwrap();
    }
    let admin = engine.provisioning(&Principal::host("trial")).unwrap();
    admin.put_agent(desk).unwrap();
    let desk = engine.agent("desk").unwrap();
    desk.wait_active(SOON).unwrap();
    (engine, desk)
}

fn workers() -> Workers {
    Workers::new(4).in_order_per_channel().attempts(1000)
}

/// Handles one event; every seventh fails at first.
fn handle(home: &Path, delivery: &Delivery) -> Handled {
    let message = delivery.message().unwrap();
    let fails = delivery.attempt == 1 && delivery.id.0 % 7 == 0;
    let what = if fails { "fail" } else { "done" };
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(home.join("log"))
        .unwrap();
    let line = format!("{what} {} {}\n", message.channel, message.text);
    file.write_all(line.as_bytes()).unwrap();
    match fails {
        true => Handled::Again(Duration::ZERO),
        false => Handled::Done,
    }
}

#[test]
fn the_child_with_workers_that_is_killed() {
    let (Some(home), Ok(round)) = (std::env::var_os(HOME), std::env::var(ROUND)) else {
        return;
    };
    let home = PathBuf::from(home);
    let (_engine, desk) = open(&home);
    println!("@ready");
    std::thread::scope(|scope| {
        for room in ROOMS {
            let desk = &desk;
            let round = &round;
            scope.spawn(move || {
                for n in 0.. {
                    let text = NewMessage::text(format!("{round}/{n}"));
                    if desk.post(room, text).is_err() {
                        return;
                    }
                    if n % 8 == 7 {
                        // Not faster than the workers for long, or there is no end to it.
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            });
        }
        let query = EventQuery::messages();
        desk.dispatch(query, workers(), |delivery| handle(&home, delivery))
    })
    .unwrap();
}

/// Kills the child however the trial ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the child and waits until it works.
fn child(test: &str, home: &Path, round: usize) -> Killed {
    let mut child = again(test, &[(ROUND, &round.to_string())])
        .env(HOME, home)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map(Killed)
        .unwrap();
    let said = BufReader::new(child.0.stdout.take().unwrap());
    let ready = said.lines().map_while(Result::ok);
    assert!(
        ready.take(1000).any(|line| line.ends_with("@ready")),
        "round {round}"
    );
    child
}

#[test]
fn workers_lose_nothing_and_keep_each_channel_in_order_over_many_kills() {
    let scratch = Scratch::new("workers");
    let home = scratch.file("home");
    std::fs::create_dir(&home).unwrap();
    let seed = Dice::seed();
    println!("seed {seed}");
    let mut dice = Dice(seed);
    for round in 0..trials() {
        let child = child(
            "crash::workers::the_child_with_workers_that_is_killed",
            &home,
            round,
        );
        std::thread::sleep(Duration::from_millis(dice.below(60)));
        drop(child);
    }
    drain(&home);
    check(&home);
}

/// Handles what is left.
fn drain(home: &Path) {
    let (engine, desk) = open(home);
    let said: usize = said(&desk).values().map(Vec::len).sum();
    std::thread::scope(|scope| {
        let query = EventQuery::messages();
        let dispatch = || desk.dispatch(query, workers(), |delivery| handle(home, delivery));
        let dispatch = scope.spawn(dispatch);
        let deadline = Instant::now() + 6 * SOON;
        while done(home).len() < said {
            assert!(Instant::now() < deadline, "{} of {said}", done(home).len());
            std::thread::sleep(Duration::from_millis(10));
        }
        engine.settle(SOON).unwrap();
        engine.shutdown(SOON).unwrap();
        dispatch.join().unwrap().unwrap();
    });
}

/// What the journal has of each room, in its order.
fn said(desk: &Collaboration) -> HashMap<String, Vec<String>> {
    let (mut said, mut cursor) = (HashMap::<String, Vec<String>>::new(), Cursor::beginning());
    loop {
        let batch = desk.events(cursor, &EventQuery::messages()).unwrap();
        if batch.events.is_empty() {
            return said;
        }
        for event in &batch.events {
            let message = event.message().unwrap();
            let room = said.entry(message.channel.to_string()).or_default();
            room.push(message.text.clone());
        }
        cursor = Cursor::after(batch.last, &batch.instance);
    }
}

/// What was done, each once, in the order in which it was done first.
fn done(home: &Path) -> Vec<(String, String)> {
    let log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
    let mut known = HashSet::new();
    let lines = log.lines().filter_map(|line| {
        let (room, text) = line.strip_prefix("done ")?.split_once(' ')?;
        Some((room.to_owned(), text.to_owned()))
    });
    lines.filter(|line| known.insert(line.clone())).collect()
}

fn check(home: &Path) {
    let (engine, desk) = open(home);
    let said = said(&desk);
    let mut done_in: HashMap<String, Vec<String>> = HashMap::new();
    for (room, text) in done(home) {
        done_in.entry(room).or_default().push(text);
    }
    let events: usize = said.values().map(Vec::len).sum();
    for (room, texts) in &said {
        assert_eq!(done_in.get(room), Some(texts), "{room}");
    }
    let log = std::fs::read_to_string(home.join("log")).unwrap();
    assert!(
        log.lines().count() >= events && events > 0,
        "nothing was handled"
    );
    engine.shutdown(SOON).unwrap();
}

#[test]
fn the_child_that_dies_of_an_event() {
    let (Some(home), Ok(round)) = (std::env::var_os(HOME), std::env::var(ROUND)) else {
        return;
    };
    let home = PathBuf::from(home);
    let (_engine, desk) = open(&home);
    if round == "0" {
        for text in ["fine", "poison", "after it"] {
            desk.post(ROOMS[0], NewMessage::text(text)).unwrap();
        }
    }
    println!("@ready");
    let workers = Workers::new(1).in_order_per_channel().attempts(3);
    let handled = desk.dispatch(EventQuery::messages(), workers, |delivery| {
        if delivery.message().unwrap().text == "poison" {
            std::process::abort();
        }
        handle(&home, delivery)
    });
    handled.unwrap();
}

#[test]
fn an_event_that_kills_its_host_is_given_up_and_the_next_one_handled() {
    let scratch = Scratch::new("poison");
    let home = scratch.file("home");
    std::fs::create_dir(&home).unwrap();
    let name = "crash::workers::the_child_that_dies_of_an_event";
    for round in 0..3 {
        let mut child = child(name, &home, round);
        let ended = child.0.wait().unwrap();
        assert!(!ended.success(), "it died of it");
    }
    let last = child(name, &home, 3);
    let deadline = Instant::now() + SOON;
    while !done(&home).iter().any(|(_, text)| text == "after it") {
        assert!(Instant::now() < deadline, "{:?}", done(&home));
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(last);
    let (engine, _) = open(&home);
    let admin = engine.provisioning(&Principal::host("trial")).unwrap();
    let dead = admin.dead_deliveries("desk", "dispatch", 10).unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].event.message().unwrap().text, "poison");
    assert_eq!(dead[0].attempts, 3);
    assert!(dead[0].reason.contains("ended"), "{}", dead[0].reason);
    engine.shutdown(SOON).unwrap();
}
