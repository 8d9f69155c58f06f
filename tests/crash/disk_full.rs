//! A full disk: no post is answered OK that is not durable, every post is answered, and once there
//! is room again the engine works, with everything there once.
//!
//! The disk is 4 MiB of memory, mounted in a mount namespace of the child's own, so that nothing is
//! left of it whatever happens. Where that is not allowed the test says that it was skipped.

use super::{ROOM, SOON, Scratch, again, beside, chat, copy_database, echo, recorded};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use switchboard::{Collaboration, Engine, Error, Message, NewMessage, Principal, Result};

const DISK: &str = "SWITCHBOARD_SMALL_DISK";
const THREADS: usize = 8;

#[test]
fn a_full_disk_is_told_truthfully_and_passes() {
    let scratch = Scratch::new("disk");
    let disk = scratch.file("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounting = "mount -t tmpfs -o size=4m tmpfs \"$0\" || exit 77; exec \"$@\"";
    let child = again("crash::disk_full::the_child_on_a_small_disk", &[]);
    let run = Command::new("unshare")
        .args(["--mount", "sh", "-c", mounting])
        .arg(&disk)
        .arg(child.get_program())
        .args(child.get_args())
        .env(DISK, &disk)
        .output();
    match run {
        Ok(run) if run.status.success() => print!("{}", String::from_utf8_lossy(&run.stdout)),
        Ok(run) if run.status.code() == Some(101) => {
            panic!(
                "{}{}",
                String::from_utf8_lossy(&run.stdout),
                String::from_utf8_lossy(&run.stderr)
            )
        }
        Ok(run) => println!(
            "skipped: no small disk can be mounted here: {}",
            String::from_utf8_lossy(&run.stderr).trim()
        ),
        Err(error) => println!("skipped: no mount namespace here: {error}"),
    }
}

#[test]
fn the_child_on_a_small_disk() {
    let Some(disk) = std::env::var_os(DISK) else {
        return;
    };
    println!("{}", fill_it_and_free_it(Path::new(&disk)));
}

/// Returns the result.
fn fill_it_and_free_it(disk: &Path) -> String {
    let outside = disk.parent().unwrap();
    let (record, database) = (outside.join("record"), disk.join("db"));
    let builder = Engine::builder()
        .database(&database)
        .backend(chat(&record))
        .post_deadline(Duration::from_secs(1));
    let engine = builder.open().unwrap();
    let agent = echo(&engine);
    let admin = engine.provisioning(&Principal::host("trial")).unwrap();
    for n in 0..20 {
        post(&agent, &format!("before {n}")).unwrap();
    }

    let ballast = disk.join("ballast");
    fill(&ballast);
    let answers = post_until_refused(&agent);
    let refused: Vec<&(String, Result<Message>)> = answers
        .iter()
        .filter(|(_, answer)| answer.is_err())
        .collect();
    assert!(!refused.is_empty(), "the disk never filled");
    for (text, answer) in &refused {
        assert!(
            matches!(
                answer,
                Err(Error::OutcomeUnknown(_) | Error::Busy { .. } | Error::Storage { .. })
            ),
            "`{text}`: {answer:?}"
        );
    }
    assert!(!engine.readiness().ready, "the journal cannot be written");
    let change = admin.put_metadata_value("echo", "note", &"x".repeat(100_000));
    assert!(
        matches!(change, Err(Error::Storage { .. } | Error::Busy { .. })),
        "{change:?}"
    );
    let second = Engine::builder().database(disk.join("second")).open().err();
    assert!(
        matches!(second, Some(Error::Storage { .. })),
        "a new database on a full disk: {second:?}"
    );

    // Every post that was answered OK is in the files as they are now.
    let copy = outside.join("copy");
    copy_database(&database, &copy);
    let kept = journal(&copy);
    for (text, _) in answers.iter().filter(|(_, answer)| answer.is_ok()) {
        assert_eq!(
            kept.get(text),
            Some(&1),
            "`{text}` was answered OK and is not durable"
        );
    }

    std::fs::remove_file(&ballast).unwrap();
    let _ = std::fs::remove_file(disk.join("second"));
    let _ = std::fs::remove_file(beside(&disk.join("second"), "-wal"));
    engine.settle(SOON).unwrap();
    assert!(engine.readiness().ready, "{}", engine.readiness().reason);
    admin
        .put_metadata_value("echo", "note", "well again")
        .unwrap();
    for (text, _) in &answers {
        post(&agent, text).unwrap();
    }
    engine.shutdown(SOON).unwrap();
    let kept = journal(&database);
    let handed_over = recorded(&record);
    for (text, _) in &answers {
        assert_eq!(
            (kept.get(text), handed_over.get(text)),
            (Some(&1), Some(&1)),
            "`{text}` in the journal, at the chat system"
        );
    }
    let unknown = refused
        .iter()
        .filter(|(_, answer)| matches!(answer, Err(Error::OutcomeUnknown(_))))
        .count();
    format!(
        "disk full: {} posts, {} refused ({unknown} of unknown outcome), all there once after",
        answers.len(),
        refused.len()
    )
}

fn post(agent: &Collaboration, text: &str) -> Result<Message> {
    Ok(agent.post(ROOM, NewMessage::text(text).key(text))?.message)
}

/// Fills the disk and then frees a little, so that some posts succeed before the disk is full.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    file.set_len(file.metadata().unwrap().len() - (96 << 10))
        .unwrap();
}

/// Posts from several threads until each was refused once, and returns the answer of each post.
/// Every answer comes in time although the disk is full.
fn post_until_refused(agent: &Collaboration) -> Vec<(String, Result<Message>)> {
    thread::scope(|scope| {
        let posters: Vec<_> = (0..THREADS)
            .map(|poster| scope.spawn(move || one_thread(agent, poster)))
            .collect();
        posters
            .into_iter()
            .flat_map(|poster| poster.join().unwrap())
            .collect()
    })
}

fn one_thread(agent: &Collaboration, poster: usize) -> Vec<(String, Result<Message>)> {
    let mut answers = Vec::new();
    for n in 0..2000 {
        let text = format!("{poster}/{n}");
        let begun = Instant::now();
        let answer = post(agent, &text);
        assert!(
            begun.elapsed() < 5 * SOON / 10,
            "`{text}` took {:?}, its deadline was a second",
            begun.elapsed()
        );
        let over = answer.is_err();
        answers.push((text, answer));
        if over {
            break;
        }
    }
    answers
}

fn journal(database: &Path) -> HashMap<String, usize> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let mut statement = connection
        .prepare("SELECT text, count(*) FROM message GROUP BY text")
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as usize)))
        .unwrap();
    rows.map(|row| row.unwrap()).collect()
}
