//! A clock that jumps ahead and back deletes nothing and extends no token's life.
//!
//! Method: the clock is moved by hand; `pass` moves the date and the running time, `jump` the date
//! alone.

use crate::world::{Disk, OPS, SESAME, Sesame, World, begin, new_agent, poll, seconds, wait};
use std::time::Duration;
use switchboard::chrono::TimeDelta;
use switchboard::{
    Builder, Collaboration, Credentials, Cursor, Error, EventMode, EventQuery, NewMessage, NewUser,
    Throttle, ThrottleKind, Token,
};

const DAY: u64 = 86_400;

fn jump(world: &World, days: i64) {
    world.clock.jump_wall(TimeDelta::days(days));
}

/// Lene may act through `echo`; the directory takes one password, so that nothing is hashed.
fn world(build: impl FnOnce(Builder) -> Builder) -> (World, Collaboration) {
    let world = World::with(|builder| build(builder.authenticator(Sesame)));
    world
        .admin()
        .put_user(NewUser::new("lene", "lene").unwrap())
        .unwrap();
    let echo = world.put(new_agent("echo", &[OPS]).user("lene").unwrap());
    (world, echo)
}

fn reopened(world: World, disk: &Disk) -> (World, Collaboration) {
    let world = world.restart_with(disk, |builder| builder.authenticator(Sesame));
    let echo = world.engine.agent("echo").unwrap();
    (world, echo)
}

fn log_in(world: &World) -> Token {
    world
        .engine
        .log_in(&Credentials::agent("lene", SESAME, "echo"))
        .unwrap()
}

fn is_good(world: &World, token: &Token) -> bool {
    world.engine.authenticate(token).is_ok()
}

/// Whether all messages after `mark` and the whole audit are still there.
fn is_all_there(world: &World, echo: &Collaboration, mark: &Cursor) -> bool {
    world.settle();
    let batch = echo.events(mark.clone(), &EventQuery::messages()).unwrap();
    let audit = world.admin().audit(0, 1).unwrap();
    !batch.gap && !batch.events.is_empty() && audit.first().is_some_and(|entry| entry.number == 1)
}

#[test]
fn what_is_stamped_in_a_jump_does_not_keep_what_comes_after_it() {
    let (world, echo) = world(|builder| builder.keep_messages(Some(seconds(DAY))));
    let mark = world.mark(&echo);
    jump(&world, 3650);
    for n in 0..300 {
        world
            .person("lene")
            .say(OPS, format!("from the future {n}"))
            .unwrap();
    }
    jump(&world, -3650);
    for n in 0..5 {
        world
            .person("lene")
            .say(OPS, format!("after it {n}"))
            .unwrap();
    }
    world.pass(seconds(2 * DAY));
    world.person("lene").say(OPS, "newest").unwrap();
    let began = std::time::Instant::now();
    let left = loop {
        world.pass(seconds(2));
        world.settle();
        let batch = echo.events(mark.clone(), &EventQuery::messages()).unwrap();
        if batch.events.len() == 1 || began.elapsed() > seconds(20) {
            break batch;
        }
    };
    println!(
        "{} of 306 rows are left, gap {}",
        left.events.len(),
        left.gap
    );
    assert!(left.gap && left.events.len() == 1);
}

#[test]
fn a_jump_of_sixty_days_deletes_nothing_until_it_has_lasted_a_day() {
    let (world, echo) = world(|builder| builder.keep_audit(Some(seconds(40 * DAY))));
    let mark = world.mark(&echo);
    world.person("lene").say(OPS, "do not forget").unwrap();
    for days in [60, -60, 60] {
        jump(&world, days);
        world
            .person("lene")
            .say(OPS, "something is written, so retention looks")
            .unwrap();
        world.pass(seconds(3600));
        assert!(
            is_all_there(&world, &echo, &mark),
            "after a jump of {days} days"
        );
    }
    world.pass(seconds(DAY - 2 * 3600));
    assert!(
        is_all_there(&world, &echo, &mark),
        "it has not lasted long enough"
    );
    world.pass(seconds(2 * 3600));
    world
        .person("lene")
        .say(OPS, "something is written")
        .unwrap();
    world.pass(seconds(60));
    assert!(
        !is_all_there(&world, &echo, &mark),
        "a jump that lasts is believed"
    );
    println!("60 days ahead, back and ahead again: nothing deleted within 23 hours");
}

#[test]
fn a_start_with_a_wrong_clock_deletes_nothing() {
    let disk = Disk::new();
    let (mut world, mut echo) = world(|builder| {
        builder
            .database(disk.path())
            .keep_audit(Some(seconds(40 * DAY)))
    });
    let mark = world.mark(&echo);
    world.person("lene").say(OPS, "do not forget").unwrap();
    world.pass(seconds(120));
    for days in [60, -60, -60, 60, 400] {
        world.engine.shutdown(seconds(10)).unwrap();
        jump(&world, days);
        (world, echo) = reopened(world, &disk);
        echo.wait_active(seconds(10)).unwrap();
        world
            .person("lene")
            .say(OPS, "something is written, so retention looks")
            .unwrap();
        world.pass(seconds(3600));
        assert!(is_all_there(&world, &echo, &mark), "after {days} days");
    }
    world.pass(seconds(DAY));
    assert!(
        !is_all_there(&world, &echo, &mark),
        "400 days that last are believed"
    );
}

#[test]
fn a_jump_neither_ends_a_token_nor_keeps_it_alive() {
    let (world, _) = world(|builder| builder);
    let before = log_in(&world);
    for days in [60, -120] {
        jump(&world, days);
        assert!(
            is_good(&world, &before),
            "a jump of {days} days ends nothing"
        );
        world.pass(seconds(60));
        assert!(is_good(&world, &before));
    }
    jump(&world, 120);
    let made = log_in(&world);
    assert_eq!(
        world.engine.token_details(&made).unwrap().expires,
        world.clock_now() + seconds(3600)
    );
    jump(&world, -60);
    let told = world.engine.token_details(&made).unwrap().expires;
    assert_eq!(
        told,
        world.clock_now() + seconds(3600),
        "its end is told by today's date"
    );
    world.pass(seconds(3599));
    assert!(
        is_good(&world, &made) && !is_good(&world, &before),
        "each has its hour"
    );
    world.pass(seconds(1));
    assert!(!is_good(&world, &made));
    world.pass(seconds(60));
    assert_eq!(world.engine.stats().tokens, 0);
    println!("a token made 60 days ahead ended after an hour of running time");
}

#[test]
fn no_token_outlives_its_hour_over_a_restart_whatever_the_clock_does() {
    for (ahead, noticed) in [(60, true), (60, false), (-60, true), (-60, false)] {
        for back_while_running in [true, false] {
            let disk = Disk::new();
            let (mut world, _) = world(|builder| builder.database(disk.path()));
            world.pass(seconds(120));
            jump(&world, ahead);
            world.pass(seconds(if noticed { 120 } else { 1 }));
            let token = log_in(&world);
            world.pass(seconds(600));
            if back_while_running {
                jump(&world, -ahead);
                world.pass(seconds(if noticed { 120 } else { 1 }));
            }
            world.engine.shutdown(seconds(10)).unwrap();
            if !back_while_running {
                jump(&world, -ahead);
            }
            (world, _) = reopened(world, &disk);
            world.pass(seconds(60));
            (world, _) = reopened(world, &disk);
            world.pass(seconds(3600 - 600 - 60));
            let case = format!(
                "{ahead} days, noticed: {noticed}, back while running: {back_while_running}"
            );
            assert!(!is_good(&world, &token), "{case}");
            (world, _) = reopened(world, &disk);
            assert!(!is_good(&world, &token), "after one more restart: {case}");
            let fresh = log_in(&world);
            world.pass(seconds(60));
            (world, _) = reopened(world, &disk);
            assert!(
                is_good(&world, &fresh),
                "one made now survives a restart: {case}"
            );
        }
    }
}

/// The file as a kill leaves it: a copy of the database and the files beside it, taken while the
/// engine runs.
fn as_killed(disk: &Disk) -> Disk {
    let copy = Disk::new();
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    connection.busy_timeout(seconds(5)).unwrap();
    connection
        .execute("VACUUM INTO ?1", [copy.path().to_str().unwrap()])
        .unwrap();
    copy
}

#[test]
fn a_token_of_a_start_with_a_wrong_clock_that_was_killed_lives_one_lifetime() {
    let disk = Disk::new();
    let (world, _) = world(|builder| builder.database(disk.path()));
    world.engine.shutdown(seconds(10)).unwrap();
    jump(&world, 60);
    let (world, _) = reopened(world, &disk);
    let token = log_in(&world);
    // Killed within the first minute, before any look at the clock.
    let copy = as_killed(&disk);
    world.engine.shutdown(seconds(10)).unwrap();
    jump(&world, -60);
    let (mut world, _) = reopened(world, &copy);
    assert!(is_good(&world, &token));
    world.pass(seconds(3599));
    assert!(is_good(&world, &token), "a whole lifetime");
    world.pass(seconds(120));
    assert!(!is_good(&world, &token));
    for start in 1..=3 {
        (world, _) = reopened(world, &copy);
        assert!(!is_good(&world, &token), "it came back at start {start}");
    }
    let rows: i64 = rusqlite::Connection::open(copy.path())
        .and_then(|file| file.query_row("SELECT count(*) FROM token", [], |row| row.get(0)))
        .unwrap();
    println!(
        "a token stored 60 days ahead before a kill ended after an hour; {rows} rows are left of it"
    );
    assert_eq!(rows, 0);
}

#[test]
fn a_row_that_ends_beyond_a_lifetime_from_now_is_bounded_in_the_file() {
    let disk = Disk::new();
    let (world, _) = world(|builder| builder.database(disk.path()));
    let (long, fresh) = (log_in(&world), world.clock_now());
    world.engine.shutdown(seconds(10)).unwrap();
    let file = rusqlite::Connection::open(disk.path()).unwrap();
    // A token as an earlier version stored it, or one whose lifetime was 60 days and is an hour
    // now.
    file.execute("UPDATE token SET expires = expires + 60 * 86400000", [])
        .unwrap();
    drop(file);
    let (mut world, _) = reopened(world, &disk);
    assert!(
        is_good(&world, &long),
        "a shortened lifetime logs nobody out"
    );
    assert!(world.engine.token_details(&long).unwrap().expires <= fresh + seconds(3600 + 60));
    for pass in [1800, 1790] {
        world.pass(seconds(pass));
        (world, _) = reopened(world, &disk);
        assert!(is_good(&world, &long));
    }
    world.pass(seconds(60));
    (world, _) = reopened(world, &disk);
    assert!(!is_good(&world, &long), "the restarts gave it no more time");
}

#[test]
fn what_was_just_said_is_in_the_window_whatever_the_date() {
    for mode in [EventMode::Durable, EventMode::Buffered] {
        for days in [60, -60] {
            let (world, echo) = world(|builder| builder.event_mode(mode));
            world.pass(seconds(30));
            world.person("lene").say(OPS, "just now").unwrap();
            world.settle();
            jump(&world, days);
            world.pass(seconds(14));
            assert_eq!(
                world.seen(&echo, &EventQuery::messages()),
                ["lene: just now"],
                "{mode:?} {days}"
            );
            world.pass(seconds(1));
            assert!(
                world.seen(&echo, &EventQuery::messages()).is_empty(),
                "{mode:?} {days}"
            );
        }
    }
}

#[test]
fn a_reader_loses_nothing_by_a_jump() {
    let (world, echo) = world(|builder| builder);
    let mut reader = echo.reader("main", EventQuery::messages()).unwrap();
    for (days, text) in [(60, "one"), (-120, "two"), (60, "three")] {
        world.person("lene").say(OPS, text).unwrap();
        jump(&world, days);
        let event = reader.next_timeout(seconds(10)).unwrap().unwrap();
        assert_eq!(event.message().unwrap().text, text);
    }
}

#[test]
fn a_jump_neither_ends_a_hold_nor_forgives_a_name() {
    let (world, _) = world(|builder| builder);
    let wrong = Credentials::agent("lene", "wrong", "echo");
    for _ in 0..4 {
        assert!(world.engine.log_in(&wrong).is_err());
    }
    jump(&world, 60);
    let login = begin(world.engine.log_in_async(&wrong));
    jump(&world, -60);
    world.pass(Duration::from_millis(999));
    assert!(!login.is_finished());
    world.pass(Duration::from_millis(1));
    assert!(login.join().unwrap().is_err());
    drop(poll(&mut world.engine.log_in_async(&wrong)));
}

#[test]
fn a_clock_that_was_set_back_over_a_restart_opens_no_throttle_and_closes_none_for_long() {
    let disk = Disk::new();
    let (world, echo) = world(|builder| builder.database(disk.path()));
    let throttle = Throttle::new("slow", ThrottleKind::MessagesPerMinute, 2)
        .and_then(|throttle| throttle.agent("echo"));
    world.admin().put_throttle(throttle.unwrap()).unwrap();
    world.pass(seconds(300));
    for text in ["one", "two"] {
        echo.post(OPS, NewMessage::text(text)).unwrap();
    }
    world.engine.shutdown(seconds(10)).unwrap();
    jump(&world, -60);
    let (world, echo) = reopened(world, &disk);
    echo.wait_active(seconds(10)).unwrap();
    let third = || wait(echo.post_async(OPS, NewMessage::text("three")));
    assert!(matches!(third(), Err(Error::Throttled { .. })));
    world.pass(seconds(60));
    third().unwrap();
}
