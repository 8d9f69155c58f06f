//! A database that is parted from its log and lock after a kill: renamed, opened by another link, or tidied up.

use super::file::{beside, second};
use crate::world::{Disk, OPS, World, chat};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use switchboard::{Engine, Error, NewMessage};

const POSTS: usize = 20;

/// An engine in a process of its own that posts, says so, and waits to be killed.
#[test]
fn the_child_that_posts() {
    let Some(path) = std::env::var_os("SWITCHBOARD_ATTACK_POSTS") else { return };
    let world = World::with(|builder| builder.database(path));
    let agent = world.agent("echo", &[OPS]);
    for n in 0..POSTS {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    println!("posted");
    // Ends with its parent at the latest.
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
    assert!(said.lines().map_while(Result::ok).any(|line| line.ends_with("posted")), "the child posted nothing");
    before_the_kill();
    child.kill().unwrap();
    child.wait().unwrap();
}

fn rows(path: &Path) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).unwrap()
}

fn accepting(path: &Path) -> switchboard::Result<Engine> {
    Engine::builder().database(path).backend(chat()).accept_loss(true).open()
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
                ["-wal", "-shm", "-lock"].iter().for_each(|end| std::fs::remove_file(beside(&path, end)).unwrap());
                path
            }
        };
        let before = std::fs::read(&path).unwrap();
        let refused = second(&path).err();
        let Some(error @ Error::CommitsLost { .. }) = refused else { panic!("{how}: {refused:?}") };
        assert!(error.to_string().contains("--accept-loss"), "{error}");
        assert!(std::fs::read(&path).unwrap() == before, "{how}: a refused start changed the file");
        // A second try does not talk itself past it.
        assert!(matches!(second(&path), Err(Error::CommitsLost { .. })), "{how}: the second try");
        drop(accepting(&path).unwrap());
        drop(second(&path).unwrap());
        println!("{how}: {error}");
    }
}

#[test]
fn what_is_kept_together_or_was_stopped_in_good_order_starts() {
    let disk = Disk::new();
    killed(&disk, || ());
    // All of it under another name.
    let other = disk.path().with_file_name("other.db");
    for end in ["", "-wal", "-lock"] {
        std::fs::rename(beside(&disk.path(), end), beside(&other, end)).unwrap();
    }
    drop(second(&other).unwrap());
    assert_eq!(rows(&other), POSTS as i64);
    // Stopped in good order: the file alone is all of it.
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
    assert!(!beside(&disk.path(), "-wal").exists(), "the other program merged the log");
    killed(&disk, || ());
    drop(second(&disk.path()).unwrap());
    assert_eq!(rows(&disk.path()), 2 * POSTS as i64);
}

/// A copy says of itself that it is in use, as the original does; but it is another file, and complete.
#[test]
fn a_backup_of_a_running_engine_starts_anywhere() {
    let disk = Disk::new();
    let copy = disk.path().with_file_name("backup.db");
    let moved = disk.path().with_file_name("moved.db");
    killed(&disk, || {
        let connection = rusqlite::Connection::open(disk.path()).unwrap();
        connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    });
    let in_use = |path: &Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.query_row("SELECT count(*) FROM setting WHERE name = 'in_use'", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(in_use(&copy), 1, "the copy has the row too");
    std::fs::rename(&copy, &moved).unwrap();
    drop(second(&moved).unwrap());
    assert_eq!(rows(&moved), POSTS as i64);
    assert_eq!(in_use(&moved), 0, "an orderly end takes it out");
}
