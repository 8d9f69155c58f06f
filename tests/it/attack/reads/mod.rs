//! Endless reads, beside logins, events and small reads that must not wait for them.

mod patterns;
mod searches;

use crate::world::{Disk, LAB, OPS, SOON, World, seconds};
use switchboard::{Cursor, EventQuery, NewMessage};

/// A world with two agents and `rows` messages that one of them can search, put into the file by
/// hand.
fn filled(disk: &Disk, rows: u32) -> World {
    let world = World::stored(disk);
    world.agent("echo", &[OPS, LAB]);
    world.agent("other", &[LAB]);
    world
        .engine
        .agent("echo")
        .unwrap()
        .post(OPS, NewMessage::text("the first one"))
        .unwrap();
    world.engine.shutdown(SOON).unwrap();
    // Inserting is faster than posting: each row copies the first with a number of its own.
    let script = "
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
first, conversation = c.execute('SELECT seq, conversation FROM message').fetchone()
next = c.execute(\"SELECT value FROM setting WHERE name = 'reserved'\").fetchone()[0]
rows = int(sys.argv[2])
words = 'server room five is down again since the morning of the day before '
c.executemany('INSERT INTO message (seq, conversation, message_id, sender, time, committed, alert, transfer, text) '
  'VALUES (?, ?, ?, ?, 1700000000000, 1700000000000, 0, 0, ?)',
  ((next + n, conversation, 'm%d' % n, 'lene', words * 3 + str(n)) for n in range(rows)))
c.execute(\"UPDATE setting SET value = ? WHERE name = 'reserved'\", (next + rows,))
c.commit()
";
    let run = std::process::Command::new("python3")
        .arg("-c")
        .arg(script)
        .arg(disk.path())
        .arg(rows.to_string())
        .status();
    assert!(run.unwrap().success());
    let world = world.restart(disk);
    world
        .engine
        .agent("echo")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    world
        .engine
        .agent("other")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    world
}

#[test]
fn events_of_large_messages_come_whole_and_in_order_from_the_journal() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let echo = world.agent("echo", &[OPS, LAB]);
    let mut cursor = world.mark(&echo);
    let lene = world.person("lene");
    for n in 0..60 {
        lene.say(
            if n % 3 == 0 { LAB } else { OPS },
            format!("{n} {}", "x".repeat(50_000)),
        )
        .unwrap();
    }
    world.settle();
    world.pass(seconds(3600));
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    // A pattern that few messages match makes the read continue through pages that were cut at
    // their limit of bytes.
    let late = echo
        .events(cursor.clone(), &EventQuery::messages().regex("^59 "))
        .unwrap();
    assert_eq!(late.events.len(), 1);
    let (mut seen, mut answers) = (Vec::new(), 0);
    while seen.len() < 60 && answers < 100 {
        let batch = echo.events(cursor, &EventQuery::messages()).unwrap();
        assert!(!batch.gap);
        cursor = Cursor::after(batch.last, &batch.instance);
        seen.extend(
            batch
                .events
                .iter()
                .map(|event| crate::world::line(event).len()),
        );
        answers += 1;
    }
    println!("60 messages of 50 KB in {answers} answers");
    assert_eq!(seen.len(), 60);
}

/// The resident memory of this process in MiB; other tests that run at the same time count too.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("0 kB");
    line.trim()
        .trim_end_matches(" kB")
        .parse::<usize>()
        .unwrap_or(0)
        >> 10
}
