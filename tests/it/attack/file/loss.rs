//! Files that are removed, replaced or cut are noticed.

use super::super::python;
use super::{beside, cut, holding, killed, second};
use crate::world::{Disk, LAB, OPS, SOON, World, chat, seconds};
use switchboard::{Engine, Error, NewMessage};

#[cfg(unix)]
#[test]
fn files_that_are_removed_moved_or_cut_are_noticed() {
    for how in [
        "removed",
        "moved",
        "replaced",
        "log removed",
        "log cut",
        "database cut",
    ] {
        let disk = Disk::new();
        let world = World::stored(&disk);
        let agent = world.agent("echo", &[OPS, LAB]);
        agent.post(OPS, NewMessage::text("before")).unwrap();
        assert!(world.engine.readiness().ready);
        let (path, log) = (disk.path(), beside(&disk.path(), "-wal"));
        match how {
            "removed" => ["", "-wal", "-shm"]
                .iter()
                .for_each(|end| std::fs::remove_file(beside(&path, end)).unwrap()),
            "moved" => std::fs::rename(&path, beside(&path, "-away")).unwrap(),
            "replaced" => {
                std::fs::copy(&path, beside(&path, "-copy")).unwrap();
                std::fs::rename(beside(&path, "-copy"), &path).unwrap();
            }
            "log removed" => std::fs::remove_file(&log).unwrap(),
            "log cut" => cut(&log, 0),
            _ => cut(&path, 4096),
        }
        let readiness = world.engine.readiness();
        assert!(
            !readiness.ready && readiness.reason.contains("cannot be written"),
            "{how}: {readiness:?}"
        );
        // An administrator's change notices the fault too, and sets the mark that posts check.
        let refused = world.admin().put_metadata_value("echo", "k", "v");
        assert!(
            matches!(refused, Err(Error::Storage { .. })),
            "{how}: {refused:?}"
        );
        assert!(
            matches!(
                agent.post(OPS, NewMessage::text("after")),
                Err(Error::Busy { .. })
            ),
            "{how}"
        );
        if how == "moved" {
            std::fs::rename(beside(&path, "-away"), &path).unwrap();
            let until = std::time::Instant::now() + SOON;
            while !world.engine.readiness().ready || !world.engine.stats().writable {
                assert!(
                    std::time::Instant::now() < until,
                    "{how}: not writable again"
                );
                std::thread::yield_now();
            }
            agent.post(OPS, NewMessage::text("back")).unwrap();
        }
        println!("{how}: {}", readiness.reason);
        let _ = world.engine.shutdown(seconds(1));
    }
}

/// SQLite cuts its log by itself when it has grown past 64 MiB and begins anew; new rows then lie
/// in the log alone, and the database ends before them. Found by the soak: after 20 seconds of it
/// nothing was written any more.
#[test]
fn a_log_that_is_cut_in_ordinary_work_is_no_fault() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.agent("echo", &[OPS]);
    let log = beside(&disk.path(), "-wal");
    let bytes = || std::fs::metadata(&log).map_or(0, |found| found.len());
    for round in 0..5 {
        let posts = |count: usize| {
            for n in 0..count {
                agent
                    .post(
                        OPS,
                        NewMessage::text(format!("{round}.{n} {}", "x".repeat(450))),
                    )
                    .unwrap();
            }
        };
        posts(40);
        world.settle();
        // A checkpoint empties the log, as SQLite and an administrator's tools do.
        let full = bytes();
        let other = rusqlite::Connection::open(disk.path()).unwrap();
        other.busy_timeout(SOON).unwrap();
        other
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        assert_eq!(bytes(), 0);
        // Writes new pages before the next checkpoint.
        posts(20);
        let readiness = world.engine.readiness();
        assert!(
            readiness.ready,
            "round {round}, a log of {full} bytes was cut: {readiness:?}"
        );
    }
    println!("300 posts, the log cut 5 times, all written");
}

/// Nobody writes and nobody asks for readiness, and still the first post is refused: it must not
/// leave for the chat system when its row has nowhere to go.
#[cfg(unix)]
#[test]
fn an_idle_engine_notices_by_itself_that_its_files_are_gone() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.agent("echo", &[OPS]);
    agent.post(OPS, NewMessage::text("before")).unwrap();
    // The test needs an idle engine: the writer and the upkeep after it are done, and nothing wakes
    // the writer.
    std::thread::sleep(std::time::Duration::from_millis(800));
    let begin = std::time::Instant::now();
    ["", "-wal", "-shm"]
        .iter()
        .for_each(|end| std::fs::remove_file(beside(&disk.path(), end)).unwrap());
    while world.engine.stats().writable {
        assert!(begin.elapsed() < SOON, "not noticed");
        std::thread::yield_now();
    }
    println!("noticed after {:?}", begin.elapsed());
    let refused = agent.post(OPS, NewMessage::text("after"));
    assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
    let _ = world.engine.shutdown(seconds(1));
}

#[test]
fn a_start_without_what_was_committed_is_refused_until_the_loss_is_accepted() {
    for how in [
        "log missing",
        "database empty",
        "database missing",
        "older copy",
    ] {
        let disk = Disk::new();
        let path = disk.path();
        killed(&disk);
        match how {
            "log missing" | "older copy" => std::fs::remove_file(beside(&path, "-wal")).unwrap(),
            "database empty" => {
                std::fs::write(&path, b"").unwrap();
                std::fs::remove_file(beside(&path, "-wal")).unwrap();
            }
            _ => ["", "-wal"]
                .iter()
                .for_each(|end| std::fs::remove_file(beside(&path, end)).unwrap()),
        }
        let refused = second(&path).err();
        let Some(error @ Error::CommitsLost { .. }) = refused else {
            panic!("{how}: {refused:?}")
        };
        assert!(error.to_string().contains("--accept-loss"), "{error}");
        let before = path.exists();
        assert_eq!(
            before,
            how != "database missing",
            "{how}: a refused start makes no file"
        );
        let open = || {
            let chat = chat();
            Engine::builder()
                .database(&path)
                .backend(chat)
                .accept_loss(true)
                .open()
        };
        let engine = open().unwrap();
        drop(engine);
        // The loss is accepted once; the next start is ordinary.
        drop(second(&path).unwrap());
        println!("{how}: {error}");
    }
}

#[test]
fn a_log_that_is_cut_under_steady_posts_is_noticed_at_the_next_write() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.agent("echo", &[OPS]);
    // Rows newer than a reader's snapshot cannot be copied back, so they are in the log alone.
    let mut reader = holding(&disk.path(), "BEGIN;SELECT count(*) FROM message");
    for n in 0..5 {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    cut(&beside(&disk.path(), "-wal"), 0);
    let refused = world.admin().put_metadata_value("echo", "k", "v");
    assert!(matches!(refused, Err(Error::Storage { .. })), "{refused:?}");
    assert!(!world.engine.readiness().ready);
    drop(reader.stdin.take());
    reader.wait().unwrap();
    let _ = world.engine.shutdown(seconds(1));
}
