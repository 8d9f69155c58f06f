//! A database that is parted from its log and lock after a kill: renamed, opened by another link,
//! or tidied up.

use super::file::{beside, second};
use crate::world::{Disk, OPS, SOON, World, chat};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use switchboard::{Engine, Error, NewMessage};

const POSTS: usize = 20;

/// The child: an engine that posts, prints that it did, and waits to be killed.
#[test]
fn the_child_that_posts() {
    let Some(path) = std::env::var_os("SWITCHBOARD_ATTACK_POSTS") else {
        return;
    };
    let world = World::with(|builder| builder.database(path));
    let agent = world.agent("echo", &[OPS]);
    for n in 0..POSTS {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    println!("posted");
    // The child ends with its parent at the latest.
    let _ = std::io::stdin().lines().count();
}

/// Leaves a database as a kill does, `POSTS` acknowledged posts in it.
fn killed(disk: &Disk, before_the_kill: impl FnOnce()) {
    let mut child = crate::crash::again("attack::moved::the_child_that_posts", &[])
        .env("SWITCHBOARD_ATTACK_POSTS", disk.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    assert!(
        said.lines()
            .map_while(Result::ok)
            .any(|line| line.ends_with("posted")),
        "the child posted nothing"
    );
    before_the_kill();
    child.kill().unwrap();
    child.wait().unwrap();
}

fn rows(path: &Path) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .query_row("SELECT count(*) FROM message", [], |row| row.get(0))
        .unwrap()
}

fn accepting(path: &Path) -> switchboard::Result<Engine> {
    Engine::builder()
        .database(path)
        .backend(chat())
        .accept_loss(true)
        .open()
}

#[cfg(target_os = "linux")]
#[test]
fn a_database_that_lost_its_log_and_lock_after_a_kill_does_not_start_silently() {
    for how in ["renamed", "linked", "tidied", "onto another's lock"] {
        let disk = Disk::new();
        killed(&disk, || ());
        let (path, other) = (disk.path(), disk.path().with_file_name("other.db"));
        let path = match how {
            "renamed" => std::fs::rename(&path, &other).map(|()| other).unwrap(),
            "linked" => std::fs::hard_link(&path, &other).map(|()| other).unwrap(),
            "onto another's lock" => {
                drop(second(&other).unwrap());
                std::fs::rename(&path, &other).map(|()| other).unwrap()
            }
            _ => {
                ["-wal", "-shm", "-lock"]
                    .iter()
                    .for_each(|end| std::fs::remove_file(beside(&path, end)).unwrap());
                path
            }
        };
        let before = std::fs::read(&path).unwrap();
        let refused = second(&path).err();
        let Some(error @ Error::CommitsLost { .. }) = refused else {
            panic!("{how}: {refused:?}")
        };
        assert!(error.to_string().contains("--accept-loss"), "{error}");
        assert!(
            std::fs::read(&path).unwrap() == before,
            "{how}: a refused start changed the file"
        );
        // A second start is refused too.
        assert!(
            matches!(second(&path), Err(Error::CommitsLost { .. })),
            "{how}: the second try"
        );
        drop(accepting(&path).unwrap());
        drop(second(&path).unwrap());
        println!("{how}: {error}");
    }
}

#[test]
fn what_is_kept_together_or_was_stopped_in_good_order_starts() {
    let disk = Disk::new();
    killed(&disk, || ());
    // All files under another name.
    let other = disk.path().with_file_name("other.db");
    for end in ["", "-wal", "-lock"] {
        std::fs::rename(beside(&disk.path(), end), beside(&other, end)).unwrap();
    }
    drop(second(&other).unwrap());
    assert_eq!(rows(&other), POSTS as i64);
    // After an orderly stop the database file alone is complete.
    std::fs::remove_file(beside(&other, "-lock")).unwrap();
    let third = disk.path().with_file_name("third.db");
    std::fs::rename(&other, &third).unwrap();
    drop(second(&third).unwrap());
    assert_eq!(rows(&third), POSTS as i64);
    println!("{POSTS} acknowledged, {POSTS} present");
}

#[test]
fn a_log_that_another_program_merged_is_no_loss_and_neither_is_a_kill_after_the_next_start() {
    let disk = Disk::new();
    killed(&disk, || ());
    assert_eq!(rows(&disk.path()), POSTS as i64);
    assert!(
        !beside(&disk.path(), "-wal").exists(),
        "the other program merged the log"
    );
    killed(&disk, || ());
    drop(second(&disk.path()).unwrap());
    assert_eq!(rows(&disk.path()), 2 * POSTS as i64);
}

/// The same file with the same size or more: only its content differs.
#[test]
fn a_backup_that_is_copied_over_the_running_engines_file_is_noticed() {
    for how in [
        "an old backup, log not copied back",
        "an old backup, all at rest",
        "the newest backup",
    ] {
        let disk = Disk::new();
        let world = World::stored(&disk);
        let agent = world.agent("echo", &[OPS]);
        let post = |text: &str| agent.post(OPS, NewMessage::text(text)).map(drop);
        let backup = disk.path().with_file_name("backup.db");
        let back_up = || {
            let connection = rusqlite::Connection::open(disk.path()).unwrap();
            connection
                .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
                .unwrap();
        };
        post("in the backup").unwrap();
        if how != "the newest backup" {
            back_up();
        }
        for n in 0..POSTS {
            post(&format!("{n}")).unwrap();
        }
        let other = rusqlite::Connection::open(disk.path()).unwrap();
        let copied_back = || {
            let pages =
                |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
            let (all, copied) = other
                .query_row("PRAGMA wal_checkpoint(NOOP)", [], pages)
                .unwrap();
            all == copied
        };
        let began = std::time::Instant::now();
        while how != "an old backup, log not copied back" && !copied_back() {
            assert!(began.elapsed() < SOON, "{how}: never at rest");
            std::thread::yield_now();
        }
        if how == "the newest backup" {
            back_up();
        }
        assert!(
            world.engine.readiness().ready,
            "{how}: {:?}",
            world.engine.readiness()
        );
        let log = std::fs::read(beside(&disk.path(), "-wal")).unwrap();
        // Overwrites the file in place, as `cp` and `cat` do.
        let mut copy = std::fs::read(&backup).unwrap();
        let long = usize::try_from(disk.path().metadata().unwrap().len()).unwrap();
        copy.resize(copy.len().max(long), 0);
        std::io::Write::write_all(
            &mut std::fs::File::options()
                .write(true)
                .open(disk.path())
                .unwrap(),
            &copy,
        )
        .unwrap();
        let readiness = world.engine.readiness();
        assert!(
            !readiness.ready && readiness.reason.contains("other than SQLite"),
            "{how}: {readiness:?}"
        );
        assert!(
            matches!(
                world.admin().put_metadata_value("echo", "k", "v"),
                Err(Error::Storage { .. })
            ),
            "{how}"
        );
        assert!(post("after").is_err(), "{how}");
        drop(other);
        let _ = world.engine.shutdown(SOON);
        drop(world);
        assert!(
            std::fs::read(disk.path()).unwrap() == copy,
            "{how}: the backup and the log were mixed"
        );
        assert!(
            std::fs::read(beside(&disk.path(), "-wal")).unwrap() == log,
            "{how}: the log was changed"
        );
        println!("{how}: {}", readiness.reason);
    }
}

/// Another program may copy the log back beside steady posts, however often.
#[test]
fn another_program_that_checkpoints_beside_steady_posts_is_no_fault() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.agent("echo", &[OPS]);
    let (path, ended) = (
        disk.path(),
        std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)),
    );
    let stop = ended.clone();
    let other = std::thread::spawn(move || {
        let connection = rusqlite::Connection::open(path).unwrap();
        let mut times = 0;
        while !stop.load(std::sync::atomic::Ordering::Acquire) {
            let mode = ["PASSIVE", "RESTART", "TRUNCATE", "FULL"][times % 4];
            let _ = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
            times += 1;
        }
        times
    });
    let (mut posted, mut refused) = (0, 0);
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_millis(1500) {
        match agent.post(OPS, NewMessage::text("x".repeat(500))) {
            Ok(_) => posted += 1,
            Err(_) => refused += 1,
        }
    }
    ended.store(true, std::sync::atomic::Ordering::Release);
    let times = other.join().unwrap();
    let began = std::time::Instant::now();
    while !world.engine.readiness().ready || agent.post(OPS, NewMessage::text("after")).is_err() {
        assert!(
            began.elapsed() < SOON,
            "not writable again: {:?}",
            world.engine.readiness()
        );
        std::thread::yield_now();
    }
    println!(
        "{posted} posts, {refused} refused beside {times} checkpoints; ready {:?} later",
        began.elapsed()
    );
    assert!(posted > 10 && times > 10);
}

/// The end of the engine waits a moment for a program that is reading, so that the database file
/// alone is complete.
#[test]
fn an_end_beside_a_reader_leaves_the_database_whole() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.agent("echo", &[OPS]);
    agent.post(OPS, NewMessage::text("before")).unwrap();
    let other = rusqlite::Connection::open(disk.path()).unwrap();
    other
        .execute_batch("BEGIN; SELECT count(*) FROM message;")
        .unwrap();
    for n in 0..POSTS {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    let began = std::time::Instant::now();
    let ending = std::thread::spawn(move || world.engine.shutdown(SOON).unwrap());
    // Longer than an engine needs to end, and shorter than it waits for a reader.
    std::thread::park_timeout(std::time::Duration::from_millis(300));
    other.execute_batch("COMMIT").unwrap();
    ending.join().unwrap();
    let alone = disk.path().with_file_name("alone.db");
    std::fs::copy(disk.path(), &alone).unwrap();
    println!(
        "ended after {:?}; {} rows in the database alone",
        began.elapsed(),
        rows(&alone)
    );
    assert_eq!(rows(&alone), POSTS as i64 + 1);
    drop(second(&alone).unwrap());
}

/// A copy says of itself that it is in use, as the original does; but it is another file, and
/// complete.
#[test]
fn a_backup_of_a_running_engine_starts_anywhere() {
    let disk = Disk::new();
    let copy = disk.path().with_file_name("backup.db");
    let moved = disk.path().with_file_name("moved.db");
    killed(&disk, || {
        let connection = rusqlite::Connection::open(disk.path()).unwrap();
        connection
            .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
            .unwrap();
    });
    let in_use = |path: &Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .query_row(
                "SELECT count(*) FROM setting WHERE name = 'in_use'",
                [],
                |row| row.get::<_, i64>(0),
            )
            .unwrap()
    };
    assert_eq!(in_use(&copy), 1, "the copy has the row too");
    std::fs::rename(&copy, &moved).unwrap();
    drop(second(&moved).unwrap());
    assert_eq!(rows(&moved), POSTS as i64);
    assert_eq!(in_use(&moved), 0, "an orderly end takes it out");
}
