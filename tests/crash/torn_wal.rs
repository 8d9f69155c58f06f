//! A log that a power cut tore, or a disk garbled: the engine opens to a prefix of what was
//! committed, or refuses and says so. It never panics, and never shows a message without those
//! before it.

use super::{
    Dice, ROOM, SOON, Scratch, beside, chat, copy_database, echo, events_after, integrity, texts,
    trials,
};
use std::path::Path;
use switchboard::{Cursor, Engine, Error, EventId, EventQuery, NewMessage};

const POSTS: usize = 60;

#[test]
fn a_torn_log_opens_to_a_prefix_or_is_refused() {
    let (seed, trials) = (Dice::seed(), trials());
    println!("SWITCHBOARD_CRASH_SEED={seed}");
    let mut dice = Dice(seed);
    let scratch = Scratch::new("torn");
    let said = write_a_log(&scratch);
    let (mut prefixes, mut refusals, mut lengths) = (0, 0, Vec::new());
    for trial in 0..trials {
        let path = scratch.file("trial");
        copy_database(&scratch.file("whole"), &path);
        let how = garble(&beside(&path, "-wal"), &mut dice);
        match open_what_is_left(&scratch, &path) {
            Ok(kept) => {
                assert_eq!(
                    said.get(..kept.len()),
                    Some(&kept[..]),
                    "trial {trial}, {how}: not a prefix"
                );
                prefixes += 1;
                lengths.push(kept.len());
            }
            Err(Error::Corrupt { .. } | Error::Storage { .. } | Error::ForeignDatabase { .. }) => {
                refusals += 1
            }
            Err(error) => panic!("trial {trial}, {how}: {error:?} is no clean refusal"),
        }
    }
    let (least, most) = (
        lengths.iter().min().copied().unwrap_or(0),
        lengths.iter().max().copied().unwrap_or(0),
    );
    println!(
        "{trials} torn logs, seed {seed}: {prefixes} opened to a prefix of {least} to {most} of {POSTS} posts, {refusals} refused"
    );
}

/// Leaves `whole` with all its posts in the log and none in the database. Returns the posts.
fn write_a_log(scratch: &Scratch) -> Vec<String> {
    let path = scratch.file("db");
    let open = || {
        Engine::builder()
            .database(&path)
            .backend(chat(&scratch.file("record")))
            .open()
            .unwrap()
    };
    let engine = open();
    echo(&engine);
    engine.shutdown(SOON).unwrap();
    // A reader that began earlier keeps every later checkpoint from writing into the database.
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM message;")
        .unwrap();
    let engine = open();
    let agent = echo(&engine);
    let said: Vec<String> = (0..POSTS).map(|n| format!("word {n}")).collect();
    for text in &said {
        agent.post(ROOM, NewMessage::text(text)).unwrap();
    }
    engine.settle(SOON).unwrap();
    copy_database(&path, &scratch.file("whole"));
    drop(reader);
    said
}

/// Cuts, garbles or blanks a part of the log. Returns what it did.
fn garble(log: &Path, dice: &mut Dice) -> String {
    let mut bytes = std::fs::read(log).unwrap();
    let length = bytes.len() as u64;
    assert!(length > 32 + 4096, "there is nothing in the log");
    let at = dice.below(length) as usize;
    let how = match dice.below(4) {
        0 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            bytes[at] ^= 1 << dice.below(8);
            format!("a bit at {at}")
        }
        2 => {
            let end = bytes.len().min(at + 512);
            bytes[at..end].fill(0);
            format!("a sector of zeros at {at}")
        }
        _ => {
            let end = bytes.len().min(at + 4096);
            bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte = dice.below(256) as u8);
            format!("a page of noise at {at}")
        }
    };
    std::fs::write(log, bytes).unwrap();
    how
}

fn open_what_is_left(scratch: &Scratch, path: &Path) -> Result<Vec<String>, Error> {
    let record = scratch.file("nothing");
    let engine = Engine::builder()
        .database(path)
        .backend(chat(&record))
        .open()?;
    let agent = echo(&engine);
    let instance = agent.events(Cursor::window(), &EventQuery::all())?.instance;
    let kept = texts(&events_after(&agent, EventId(1), &instance));
    agent.post(ROOM, NewMessage::text("and on it goes"))?;
    engine.shutdown(SOON)?;
    assert_eq!(integrity(path, scratch), "ok");
    Ok(kept)
}
