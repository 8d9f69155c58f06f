//! What the lock file knows, attacked: losses that leave the newest row in place, and marks that
//! were lowered or lost.

use super::file::{beside, second};
use crate::world::{Disk, OPS, SOON, World, chat};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use switchboard::{Engine, Error, NewMessage};

fn post(world: &World, agent: &str, text: &str) {
    world
        .engine
        .agent(agent)
        .unwrap()
        .post(OPS, NewMessage::text(text))
        .unwrap();
}

/// Stops the engine in good order.
fn close(world: World) {
    world.engine.shutdown(SOON).unwrap();
}

/// A copy of the stopped database.
fn backup(disk: &Disk) -> PathBuf {
    let copy = disk.directory().join("backup.db");
    std::fs::copy(disk.path(), &copy).unwrap();
    copy
}

fn put_back(disk: &Disk, copy: &Path) {
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(beside(&disk.path(), end));
    }
    std::fs::copy(copy, disk.path()).unwrap();
}

fn refused(disk: &Disk) -> String {
    match second(&disk.path()) {
        Err(error @ Error::CommitsLost { .. }) => error.to_string(),
        other => panic!("not refused: {:?}", other.err()),
    }
}

fn accepting(disk: &Disk) -> switchboard::Result<Engine> {
    Engine::builder()
        .database(disk.path())
        .backend(chat())
        .accept_loss(true)
        .open()
}

#[test]
fn an_older_copy_is_refused_although_its_newest_rows_were_deleted_since() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    post(&world, "echo", "kept");
    close(world);
    let copy = backup(&disk);
    let world = World::stored(&disk);
    world.agent("passing", &[]);
    world.engine.settle(SOON).unwrap();
    world.admin().delete_agent("passing").unwrap();
    close(world);
    // The rows are as before; only what was deleted is missing.
    close(World::stored(&disk));
    put_back(&disk, &copy);
    println!("{}", refused(&disk));
}

#[test]
fn a_loss_of_administrators_changes_alone_is_refused() {
    let disk = Disk::new();
    close(World::stored(&disk));
    let copy = backup(&disk);
    let world = World::stored(&disk);
    world.engine.settle(SOON).unwrap();
    world
        .admin()
        .put_user(switchboard::NewUser::new("anna", "a long password").unwrap())
        .unwrap();
    close(world);
    put_back(&disk, &copy);
    let error = refused(&disk);
    assert!(error.contains("administrator"), "{error}");
    std::fs::remove_file(disk.path()).unwrap();
    println!("{error}; removed: {}", refused(&disk));
    assert!(!disk.path().exists(), "a refused start makes no file");
    drop(accepting(&disk).unwrap());
    drop(second(&disk.path()).unwrap());
}

#[test]
fn a_loss_that_a_failed_start_accepted_is_refused_again() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    close(world);
    let copy = backup(&disk);
    let world = World::stored(&disk);
    for n in 0..5 {
        post(&world, "echo", &format!("{n}"));
    }
    close(world);
    put_back(&disk, &copy);
    let other = rusqlite::Connection::open(disk.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let failed = accepting(&disk).err();
    assert!(
        failed.is_some(),
        "another program holds the database's lock"
    );
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let error = refused(&disk);
    drop(accepting(&disk).unwrap());
    drop(second(&disk.path()).unwrap());
    println!("{:?}, then {error}", failed.map(|error| error.to_string()));
}

#[test]
fn a_lock_file_that_is_removed_or_cut_under_the_engine_is_made_anew() {
    for cut in [false, true] {
        let disk = Disk::new();
        let lock = beside(&disk.path(), "-lock");
        let world = World::stored(&disk);
        world.agent("echo", &[OPS]);
        close(world);
        let copy = backup(&disk);
        let world = World::stored(&disk);
        if cut {
            std::fs::write(&lock, b"").unwrap()
        } else {
            std::fs::remove_file(&lock).unwrap()
        }
        // The files are looked at four times a second.
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::fs::read_to_string(&lock).map_or(0, |text| text.lines().count()) < 2 {
            assert!(Instant::now() < deadline, "no lock file again");
            post(&world, "echo", "more");
        }
        assert!(
            matches!(second(&disk.path()), Err(Error::InUse(_))),
            "the new lock is held"
        );
        post(&world, "echo", "last");
        close(world);
        put_back(&disk, &copy);
        println!("cut {cut}: {}", refused(&disk));
    }
}

#[test]
fn an_unclean_end_counts_by_the_durability_of_the_run_that_ended() {
    let (live, disk) = (Disk::new(), Disk::new());
    let world = World::with(|builder| {
        builder
            .database(live.path())
            .durability(switchboard::Durability::Process)
    });
    let echo = world.agent("echo", &[OPS]);
    let before = world.mark(&echo);
    for end in ["", "-wal"] {
        std::fs::copy(beside(&live.path(), end), beside(&disk.path(), end)).unwrap();
    }
    let after = World::stored(&disk);
    let echo = after.engine.agent("echo").unwrap();
    let gone = echo.events(before, &switchboard::EventQuery::all());
    assert!(matches!(gone, Err(Error::InstanceGone)), "{gone:?}");
}
