//! What comes too late, or never: an answer for a channel that was put again, an acknowledgement on
//! a disk that takes nothing, rows of a moment in which the clock was ahead, reloads by the
//! hundred, a stanza without an end.
//!
//! Method: a chat system made for the test, a clock moved by hand, another program that holds the
//! database's lock, and the gateway as a process where its threads are counted.

use super::file::{holding, killed};
use super::python;
#[cfg(target_os = "linux")]
use super::with_password_file;
#[cfg(target_os = "linux")]
use crate::http::gateway::{Gateway, SUPER, program};
use crate::script::{Script, accepted};
use crate::world::{Disk, OPS, SOON, World, begin, new_agent, seconds};
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use switchboard::backend::{BackendError, BackendErrorKind, reply};
use switchboard::chrono::TimeDelta;
use switchboard::{Cursor, Error, EventQuery, JoinState, NewMessage, SystemClock};

/// Waits, for at most 30 seconds of real time, until `is_so` returns true.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + seconds(30);
    while !is_so() {
        assert!(Instant::now() < limit, "not in 30 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_post_that_fails_late_does_not_shut_a_channel_that_was_put_again() {
    // The first post is answered when the test says so, with "no such channel"; the others at once.
    let (answer, wait) = tokio::sync::oneshot::channel::<()>();
    let wait = Mutex::new(Some(wait));
    let script = Script::new(move |_, _| {
        let wait = wait.lock().unwrap().take();
        reply(async move {
            match wait {
                None => Ok(accepted()),
                Some(wait) => {
                    let _ = wait.await;
                    Err(BackendError::new(
                        BackendErrorKind::ChannelGone,
                        "not in this room",
                    ))
                }
            }
        })
    });
    let world = World::with(|builder| builder.backend(script));
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    let post = begin(echo.post_async(OPS, NewMessage::text("before")));
    world.until(|stats| stats.posts_in_flight == 1);
    world.admin().delete_channel("echo", OPS).unwrap();
    world.admin().put_channel("echo", OPS).unwrap();
    echo.wait_active(SOON).unwrap();
    answer.send(()).unwrap();
    let failed = post.join().unwrap();
    assert!(
        matches!(failed, Err(Error::ChannelInactive { .. })),
        "{failed:?}"
    );
    world.settle();
    let status = world.status("echo");
    assert_eq!(status.channels[0].state, JoinState::Active, "{status:?}");
    echo.post(OPS, NewMessage::text("after")).unwrap();
    assert_eq!(
        world.seen(&echo, &EventQuery::messages()).len(),
        1,
        "its stay goes on"
    );
}

#[test]
fn a_post_that_fails_shuts_its_channel() {
    let error = BackendError::new(BackendErrorKind::ChannelGone, "not in this room");
    let world = World::with(|builder| builder.backend(Script::failing(error)));
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    assert!(echo.post(OPS, NewMessage::text("x")).is_err());
    world.settle();
    assert_eq!(world.status("echo").channels[0].state, JoinState::Idle);
}

#[test]
fn a_named_poll_is_answered_while_the_disk_takes_nothing() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    // Uses the system's clock: a clock moved by hand would wait for what the disk does not take.
    let world = World::with(|builder| builder.database(disk.path()).clock(SystemClock::new()));
    let echo = world.agent("echo", &[OPS]);
    for n in 0..3 {
        echo.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    world.settle();
    let poll = |cursor: Cursor| {
        echo.poll_reader_async("main", cursor, EventQuery::messages(), Duration::ZERO)
    };
    let batch = begin(poll(Cursor::window())).join().unwrap().unwrap();
    assert_eq!(batch.events.len(), 3);
    let read = Cursor::after(batch.last, &batch.instance);

    let mut holder = holding(&disk.path(), "BEGIN IMMEDIATE");
    let began = Instant::now();
    let first = begin(poll(read.clone()));
    until("the poll is answered", || first.is_finished());
    let refused = first.join().unwrap();
    println!(
        "a named poll on a disk that takes nothing: answered after {:?}",
        began.elapsed()
    );
    assert!(
        matches!(refused, Err(Error::Busy { retry_after, .. }) if !retry_after.is_zero()),
        "{refused:?}"
    );
    until("the engine knows", || !world.engine.readiness().ready);
    let began = Instant::now();
    for _ in 0..100 {
        let refused = begin(poll(read.clone())).join().unwrap();
        assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
    }
    println!("a hundred more: {:?}", began.elapsed());
    assert!(began.elapsed() < seconds(3), "they wait for nothing");

    drop(holder.stdin.take());
    holder.wait().unwrap();
    until("the disk takes it", || world.engine.readiness().ready);
    world.settle();
    let world = world.restart_with(&disk, |builder| builder.clock(SystemClock::new()));
    let echo = world.engine.agent("echo").unwrap();
    let again = begin(echo.poll_reader_async(
        "main",
        Cursor::window(),
        EventQuery::messages(),
        Duration::ZERO,
    ))
    .join()
    .unwrap()
    .unwrap();
    assert!(
        again.events.is_empty(),
        "the cursor moved all the same: {:?}",
        again.events
    );
}

#[test]
fn one_row_of_a_jump_of_the_clock_does_not_stop_retention() {
    const DAY: u64 = 86_400;
    let keep = seconds(2 * DAY);
    let disk = Disk::new();
    let world = World::with(|builder| {
        builder
            .database(disk.path())
            .keep_messages(Some(keep))
            .keep_audit(Some(keep))
    });
    let echo = world.agent("echo", &[OPS]);
    let post = |text: &str| echo.post(OPS, NewMessage::text(text)).unwrap();
    for n in 0..5 {
        post(&format!("before {n}"));
    }
    let years = TimeDelta::days(3650);
    world.clock.jump_wall(years);
    post("in the jump");
    world.admin().put_channel("echo", "chat-room:lab").unwrap();
    world.clock.jump_wall(-years);
    post("after");
    world
        .admin()
        .delete_channel("echo", "chat-room:lab")
        .unwrap();
    let rows = rusqlite::Connection::open_with_flags(
        disk.path(),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    let count = || {
        rows.query_row("SELECT count(*) FROM message", [], |row| {
            row.get::<_, i64>(0)
        })
        .unwrap()
    };
    world.pass(seconds(DAY));
    post("young");
    world.pass(seconds(60));
    world.settle();
    assert_eq!(count(), 8, "nothing is old");
    for _ in 0..26 {
        world.pass(seconds(3600));
    }
    post("young too");
    for _ in 0..5 {
        world.pass(seconds(60));
        world.settle();
    }
    until("all but the young are gone", || count() <= 2);
    assert_eq!(count(), 2);
    let audit = world.admin().audit(0, 100).unwrap();
    assert!(audit.is_empty(), "{audit:?}");
}

#[test]
fn a_new_reader_after_a_kill_is_not_thousands_behind() {
    let disk = Disk::new();
    killed(&disk);
    let world = World::with(|builder| builder.database(disk.path()));
    let echo = world.engine.agent("echo").unwrap();
    echo.wait_active(SOON).unwrap();
    world.settle();
    drop(echo.reader("main", EventQuery::all()).unwrap());
    let lag = world.admin().readers().unwrap()[0].lag;
    println!("a new reader after a kill: {lag} behind");
    assert!(lag < 100, "{lag}");
}

#[cfg(target_os = "linux")]
#[test]
fn reloads_by_the_thousand_are_one_at_a_time_and_say_one_thing() {
    let folder = Disk::new();
    let (password, gateway) = with_password_file(&folder, ":memory:".as_ref(), "sesame");
    let before = gateway.threads();
    let storm = format!(
        "i=0; while [ $i -lt 20000 ]; do kill -HUP {}; i=$((i+1)); done",
        gateway.id()
    );
    let mut storm = Command::new("sh").arg("-c").arg(storm).spawn().unwrap();
    let (mut most, mut slowest) = (0, Duration::ZERO);
    while storm.try_wait().unwrap().is_none() {
        most = most.max(gateway.threads());
        let began = Instant::now();
        gateway.get("/healthz", "").expect(200);
        slowest = slowest.max(began.elapsed());
    }
    println!(
        "20,000 hangups: {before} threads before, {most} at most; slowest answer to others {slowest:?}"
    );
    assert!(most <= before + 8, "{before} threads, then {most}");
    // A failed reload logs its failure and nothing else.
    let old = gateway.log_in("admin", "sesame", "");
    std::fs::remove_file(&password).unwrap();
    gateway.signal("HUP");
    gateway.get("/healthz", &old).expect(200);
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    let failed = log.split("not reloaded").count() - 1;
    assert!(failed <= 2, "one that was under way, and one: {log}");
    let after = log
        .rsplit_once("not reloaded")
        .map_or("", |(_, after)| after);
    assert!(!after.contains(" reloaded"), "{after}");
}

/// With a limit on the size of its files a process can add to its log, but not copy it into a
/// database that is larger.
#[cfg(target_os = "linux")]
#[test]
fn checkpoints_that_fail_are_told_until_they_succeed() {
    let has_tool = Command::new("prlimit")
        .arg("--version")
        .stdout(std::process::Stdio::null())
        .status()
        .is_ok();
    if !has_tool {
        return;
    }
    let disk = Disk::new();
    {
        let world = World::stored(&disk);
        let echo = world.agent("echo", &[OPS]);
        for _ in 0..300 {
            echo.post(OPS, NewMessage::text("x".repeat(480))).unwrap();
        }
        world.engine.shutdown(SOON).unwrap();
    }
    let mut command = Command::new("sh");
    // Without the trap the system would end it at the limit.
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(program());
    command
        .args([
            "--listen",
            "127.0.0.1:0",
            "--super-user",
            SUPER.0,
            "--room",
            "ops=Operations",
            "--database",
        ])
        .arg(disk.path());
    command.env("SWITCHBOARD_SUPER_PASSWORD", SUPER.1);
    let gateway = Gateway::spawn(command);
    let root = gateway.super_token();
    until("ready", || gateway.get("/readyz", "").status == 200);
    let limit = |bytes: &str| {
        let set = Command::new("prlimit")
            .args([
                "--pid",
                &gateway.id().to_string(),
                &format!("--fsize={bytes}:"),
            ])
            .status();
        assert!(set.unwrap().success());
    };
    // The file cannot grow, so no checkpoint that makes the database longer succeeds.
    limit(&std::fs::metadata(disk.path()).unwrap().len().to_string());
    let began = Instant::now();
    let put = |n: usize| {
        gateway.call(
            "PUT",
            "/Provisioning/v1/Agents/echo/MetaData/k",
            &root,
            &format!("\"{n}{}\"", "x".repeat(20_000)),
        )
    };
    put(0).expect(200);
    until("not ready", || gateway.get("/readyz", "").status == 503);
    println!("checkpoints fail: not ready after {:?}", began.elapsed());
    let said = gateway.get("/readyz", "").body;
    assert!(
        said.contains("cannot be copied into the database"),
        "{said}"
    );
    put(1).expect(200);
    limit("unlimited");
    until("ready again", || gateway.get("/readyz", "").status == 200);
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
}
