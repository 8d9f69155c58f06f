//! Many bots log in together; a user who logs in again and again ends only their own tokens.

use super::super::full;
use super::{PASSWORD, is_unauthorized, log_in, names, world};
use crate::world::{Disk, begin, seconds, wait};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::{Credentials, Error};

#[test]
fn bots_that_log_in_together_all_get_in_and_renewing_costs_no_hash() {
    let count = if full() { 200 } else { 50 };
    let bots = names("bot", count);
    let world = world(None, &bots);
    let together = || {
        let before = (Instant::now(), world.engine.stats().password_work);
        let logins: Vec<_> = bots
            .iter()
            .map(|name| begin(log_in(&world.engine, name, PASSWORD)))
            .collect();
        for login in logins {
            login.join().unwrap().unwrap();
        }
        (
            before.0.elapsed(),
            world.engine.stats().password_work - before.1,
        )
    };
    let (first, hashes) = together();
    let (renewal, more) = together();
    println!(
        "{count} bots logged in together within {first:?}, renewed within {renewal:?} ({more} hashes)"
    );
    assert_eq!((hashes, more), (count as u64, 0));
    world.pass(seconds(15 * 60));
    world
        .engine
        .log_in(&Credentials::agent("bot0", PASSWORD, "echo"))
        .unwrap();
    assert_eq!(
        world.engine.stats().password_work,
        2 * count as u64 + 2,
        "after 15 minutes it is hashed again"
    );
}

#[test]
fn a_thousand_bots_that_share_a_user_get_in_for_a_few_hashes() {
    let count = if full() { 1_000 } else { 300 };
    let world = world(None, &names("bot", 1));
    let before = (Instant::now(), world.engine.stats().password_work);
    let logins: Vec<_> = (0..count)
        .map(|_| begin(log_in(&world.engine, "bot0", PASSWORD)))
        .collect();
    for login in logins {
        login.join().unwrap().unwrap();
    }
    let hashes = world.engine.stats().password_work - before.1;
    println!(
        "{count} bots of one user logged in within {:?} for {hashes} hashes",
        before.0.elapsed()
    );
    assert!(
        hashes < 20,
        "each was hashed although the first proved the password of all: {hashes}"
    );
}

#[test]
fn whoever_logs_in_without_end_ends_tokens_of_their_own() {
    let count = if full() { 100_000 } else { 3_000 };
    let disk = Disk::new();
    let world = world(Some(&disk), &names("bot", 2));
    let others = world
        .engine
        .log_in(&Credentials::agent("bot1", PASSWORD, "echo"))
        .unwrap();
    let first = world
        .engine
        .log_in(&Credentials::agent("bot0", PASSWORD, "echo"))
        .unwrap();
    let (began, mut newest, mut most) = (Instant::now(), first.clone(), 0);
    for _ in 0..count / 500 {
        // The oldest is told by its end: a clock that stands still makes them all the same age.
        world.pass(Duration::from_millis(100));
        let logins = (0..500).map(|_| log_in(&world.engine, "bot0", PASSWORD));
        for token in wait(futures_util::future::join_all(logins)) {
            newest = token.unwrap();
        }
        most = most.max(world.engine.stats().tokens);
    }
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    let rows: i64 = connection
        .query_row("SELECT count(*) FROM token", [], |row| row.get(0))
        .unwrap();
    println!(
        "{count} logins of one user in {:?}: {most} tokens at most, {rows} rows",
        began.elapsed()
    );
    assert!(most < 2_048 + 600 && rows < 2_048 + 600, "{most} {rows}");
    assert!(
        world.engine.authenticate(&others).is_ok(),
        "another's token"
    );
    assert!(world.engine.authenticate(&newest).is_ok());
    is_unauthorized(world.engine.authenticate(&first));
}

/// With more bots than places in the line, the others are told when to retry, and all get in after
/// that.
#[test]
fn more_bots_than_there_are_places_all_get_in() {
    if !full() {
        return;
    }
    let bots = names("bot", 1_500);
    let world = world(None, &bots);
    // The users were made a moment ago, which proves nothing about their passwords: each login is
    // hashed.
    let (began, mut outside, mut rounds) = (Instant::now(), bots, Vec::new());
    while !outside.is_empty() {
        assert!(
            rounds.len() < 20,
            "{} are not in after {rounds:?}",
            outside.len()
        );
        let logins: Vec<_> = outside
            .iter()
            .map(|name| begin(log_in(&world.engine, name, PASSWORD)))
            .collect();
        let answers = logins.into_iter().map(|login| login.join().unwrap());
        let mut refused = Vec::new();
        let mut pause = Duration::ZERO;
        for (name, answer) in outside.iter().zip(answers) {
            match answer {
                Ok(_) => {}
                Err(Error::Busy { retry_after, .. }) => {
                    assert!(
                        retry_after >= seconds(1) && retry_after <= seconds(20),
                        "{retry_after:?}"
                    );
                    pause = pause.max(retry_after);
                    refused.push(name.clone());
                }
                Err(other) => panic!("a right password: {other}"),
            }
        }
        rounds.push(outside.len() - refused.len());
        outside = refused;
        thread::sleep(pause);
    }
    println!(
        "1,500 bots logged in within {:?}, in rounds of {rounds:?}",
        began.elapsed()
    );
    assert!(rounds[0] >= 100, "{rounds:?}");
}
