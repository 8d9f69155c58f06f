//! Starts on what another program, a crash or a newer version left.

use super::super::python;
use super::{beside, copy, killed, left_by_another, rows_for_another_program, second};
use crate::world::{Disk, OPS, SOON, World};
use std::process::{Command, Stdio};
use switchboard::{Cursor, Error, EventQuery};

#[test]
fn a_log_that_another_program_merged_after_a_kill_is_no_loss() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    killed(&disk);
    let before = rows_for_another_program(&disk.path());
    assert_eq!(before, 3);
    assert!(
        !beside(&disk.path(), "-wal").exists(),
        "the other program merged the log"
    );
    drop(second(&disk.path()).unwrap());
}

#[test]
fn deleting_the_newest_rows_keeps_the_file_open_able() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    // The newest rows are the agent's notices, which are deleted with the agent.
    world.admin().delete_agent("echo").unwrap();
    let lock = std::fs::read_to_string(beside(&disk.path(), "-lock")).unwrap();
    let other = Disk::new();
    copy(&disk, &other);
    drop(second(&other.path()).unwrap());
    println!("the mark afterwards: {}", lock.trim());
}

#[test]
fn a_reader_whose_newest_event_was_deleted_keeps_its_cursor_over_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    world.agent("other", &[OPS]);
    let batch = world
        .engine
        .agent("other")
        .unwrap()
        .events(Cursor::window(), &EventQuery::all())
        .unwrap();
    let last = Cursor::after(batch.last, &batch.instance);
    world.admin().delete_agent("other").unwrap();
    let world = world.restart(&disk);
    let again = world
        .engine
        .agent("echo")
        .unwrap()
        .events(last, &EventQuery::all());
    assert!(again.is_ok(), "{again:?}");
}

#[test]
fn a_damaged_row_at_the_start_names_its_table() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    world.engine.shutdown(SOON).unwrap();
    drop(world);
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(\"UPDATE agent SET id = char(0) || 'x'\"); c.commit()";
    assert!(
        Command::new("python3")
            .arg("-c")
            .arg(script)
            .arg(disk.path())
            .status()
            .unwrap()
            .success()
    );
    let error = second(&disk.path()).err();
    assert!(
        matches!(&error, Some(Error::Corrupt { reason, .. }) if reason.contains("agent")),
        "{error:?}"
    );
}

#[test]
fn a_newer_version_that_is_only_in_the_log_is_refused() {
    if !python() {
        return;
    }
    let disk = left_by_another("PRAGMA user_version = 99;");
    assert!(beside(&disk.path(), "-wal").metadata().unwrap().len() > 0);
    assert!(matches!(
        second(&disk.path()),
        Err(Error::NewerDatabase { found: 99, .. })
    ));
}

#[test]
fn a_last_checkpoint_that_was_cut_short_is_finished_at_the_start() {
    if !python() {
        return;
    }
    // The first page is in the log too; the interrupted checkpoint wrote rubbish over the first
    // page of the file.
    let disk = left_by_another("CREATE TABLE IF NOT EXISTS spare(a); DROP TABLE spare;");
    let mut file = std::fs::read(disk.path()).unwrap();
    file[..4096].fill(0);
    std::fs::write(disk.path(), file).unwrap();
    drop(second(&disk.path()).unwrap());
}

#[test]
fn a_first_start_that_is_killed_can_be_finished() {
    let mut opened = 0;
    for pause in 0..24 {
        let disk = Disk::new();
        let mut child = crate::crash::again("attack::file::owners::the_child_that_opens", &[])
            .env("SWITCHBOARD_ATTACK_FILE", disk.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Kills the child as soon as the lock file exists, or a little later.
        let began = std::time::Instant::now();
        while !beside(&disk.path(), "-lock").exists() && began.elapsed() < SOON {
            std::thread::yield_now();
        }
        let later = std::time::Instant::now() + std::time::Duration::from_micros(250 * pause);
        while std::time::Instant::now() < later {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        opened += usize::from(disk.path().metadata().is_ok_and(|found| found.len() > 0));
        drop(
            second(&disk.path())
                .unwrap_or_else(|error| panic!("killed after {pause} x 250 us: {error}")),
        );
    }
    println!("24 first starts killed, {opened} with something in the file; all were finished");
}
