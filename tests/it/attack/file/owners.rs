//! One database has one engine; files are for their owner only.

use super::super::python;
use super::{beside, bytes, holding, killed_after, rows_for_another_program, second};
use crate::world::{Disk, OPS, World, seconds};
use std::path::Path;
use std::process::Stdio;
use switchboard::{Error, NewMessage};

#[test]
fn a_refused_second_engine_does_not_drop_the_locks_of_the_first() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.agent("echo", &[OPS]);
    agent.post(OPS, NewMessage::text("before")).unwrap();
    for _ in 0..3 {
        assert!(matches!(second(&disk.path()), Err(Error::InUse(_))));
    }
    // Another program that opens and closes the file deletes the log if it believes that it is the
    // last user.
    assert_eq!(rows_for_another_program(&disk.path()), 1);
    assert!(
        beside(&disk.path(), "-wal").exists(),
        "the log was deleted under the engine"
    );
    for n in 0..20 {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    assert!(
        world.engine.readiness().ready,
        "{:?}",
        world.engine.readiness()
    );
    assert_eq!(rows_for_another_program(&disk.path()), 21);
}

#[cfg(unix)]
#[test]
fn one_database_has_one_engine_by_whichever_name() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let folder = disk.path().parent().unwrap().to_owned();
    let link = folder.join("link.db");
    std::os::unix::fs::symlink(disk.path(), &link).unwrap();
    let around = folder.join("around");
    std::os::unix::fs::symlink(&folder, &around).unwrap();
    let names = [
        link.clone(),
        around.join(disk.path().file_name().unwrap()),
        folder.join(".").join("link.db"),
    ];
    for name in &names {
        assert!(
            matches!(second(name), Err(Error::InUse(_))),
            "{}",
            name.display()
        );
    }
    if cfg!(target_os = "linux") {
        let hard = folder.join("hard.db");
        std::fs::hard_link(disk.path(), &hard).unwrap();
        assert!(matches!(second(&hard), Err(Error::InUse(_))), "a hard link");
        // Tries it in another process too, where this process's table of open files does not help.
        let child = crate::crash::again("attack::file::owners::the_child_that_opens", &[])
            .env("SWITCHBOARD_ATTACK_FILE", &hard)
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(said.contains("refused: in_use"), "{said}");
        std::fs::remove_file(&hard).unwrap();
    }
    drop(world);
    // The file is free again, under its link too.
    drop(second(&link).unwrap());
}

#[test]
fn the_child_that_opens() {
    let Some(path) = std::env::var_os("SWITCHBOARD_ATTACK_FILE") else {
        return;
    };
    match second(Path::new(&path)) {
        Ok(_) => println!("opened"),
        Err(error) => println!("refused: {}", error.code()),
    }
}

#[cfg(unix)]
#[test]
fn what_we_create_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    for end in ["", "-wal", "-shm", "-lock"] {
        let mode = std::fs::metadata(beside(&disk.path(), end))
            .unwrap()
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, 0o600, "`{end}` has mode {mode:o}");
    }
}

#[test]
fn a_stop_beside_a_program_that_holds_the_lock_has_its_deadline() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    let mut holder = holding(&disk.path(), "BEGIN IMMEDIATE");
    let agent = world.engine.agent("echo").unwrap();
    let posting = crate::world::begin(agent.post_async(OPS, NewMessage::text("beside it")));
    world.until(|stats| stats.posts_in_flight == 1);
    let began = std::time::Instant::now();
    let _ = world.engine.shutdown(seconds(5));
    let took = began.elapsed();
    drop(holder.stdin.take());
    holder.wait().unwrap();
    let answer = posting.join().unwrap();
    println!("stopped after {took:?} beside a held lock; the post: {answer:?}");
    assert!(took < seconds(12), "{took:?}");
    assert!(answer.is_err(), "{answer:?}");
}

#[test]
fn a_strangers_database_with_a_log_is_left_as_it_is() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let path = disk.path();
    killed_after(
        &path,
        "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1);",
    );
    let before = bytes(&path);
    assert!(before[1].len() > 1000);
    assert!(matches!(second(&path), Err(Error::ForeignDatabase { .. })));
    assert_eq!(bytes(&path), before);
    assert!(!beside(&path, "-lock").exists());
}
