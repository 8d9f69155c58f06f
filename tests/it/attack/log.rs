//! The write-ahead log: kept by a start that is refused, and never written on behind a hole.

use super::file::{beside, bytes, copy, cut, killed, left_by_another, second};
use super::python;
use crate::world::{Disk, OPS, SOON, World};
use switchboard::{Error, NewMessage};

/// Whoever refuses a newer database must not merge its log either: the newer program finds all as
/// it left it.
#[test]
fn a_refused_database_keeps_its_log() {
    if !python() {
        return;
    }
    let disk = left_by_another("PRAGMA user_version = 99;");
    let before = bytes(&disk.path());
    for lock in ["with our lock file", "without it"] {
        if lock == "without it" {
            std::fs::remove_file(beside(&disk.path(), "-lock")).unwrap();
        }
        assert!(
            matches!(
                second(&disk.path()),
                Err(Error::NewerDatabase { found: 99, .. })
            ),
            "{lock}"
        );
        assert!(
            bytes(&disk.path()) == before,
            "{lock}: the log or the file was changed"
        );
    }
    // Rows are missing, so the existing log is the only place left to search.
    let disk = Disk::new();
    killed(&disk);
    let lock = beside(&disk.path(), "-lock");
    std::fs::write(&lock, format!("newest {:020}\n", u32::MAX)).unwrap();
    let before = bytes(&disk.path());
    assert!(!before[1].is_empty());
    assert!(matches!(
        second(&disk.path()),
        Err(Error::CommitsLost { .. })
    ));
    assert!(
        bytes(&disk.path()) == before,
        "rows are missing: the log or the file was changed"
    );
}

/// All of the log was copied back, so every row is still seen after it was cut; but beside a reader
/// the next commits would follow a hole, and a start after a kill would end at the hole.
#[test]
fn a_log_that_is_cut_after_a_checkpoint_beside_a_reader_is_noticed() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.agent("echo", &[OPS]);
    let reader = rusqlite::Connection::open(disk.path()).unwrap();
    agent.post(OPS, NewMessage::text("before")).unwrap();
    // The reader begins before the log is copied back, so it keeps the log from restarting.
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM message")
        .unwrap();
    let other = rusqlite::Connection::open(disk.path()).unwrap();
    let pages = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (all, copied) = other
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], pages)
        .unwrap();
    assert!(
        all > 0 && all == copied,
        "{all} pages, {copied} copied back"
    );
    cut(&beside(&disk.path(), "-wal"), 0);
    let refused = world.admin().put_metadata_value("echo", "k", "v");
    assert!(matches!(refused, Err(Error::Storage { .. })), "{refused:?}");
    assert!(!world.engine.readiness().ready);
    // Nothing was lost: without the reader the log restarts by itself.
    drop(reader);
    let began = std::time::Instant::now();
    while agent.post(OPS, NewMessage::text("after")).is_err() {
        assert!(
            began.elapsed() < SOON,
            "not writable again: {:?}",
            world.engine.readiness()
        );
        std::thread::yield_now();
    }
    println!("written again {:?} after the reader left", began.elapsed());
    // Copies the database as a kill would leave it.
    let after = Disk::new();
    copy(&disk, &after);
    drop(second(&after.path()).unwrap());
}
