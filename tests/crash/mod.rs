//! What must survive: a killed process, a full disk, a torn log, a crowd at closing time.
//!
//! The trials that end a process run it as a child: this very binary, started again with the name
//! of one test and an environment variable, without which that test does nothing. Counts come from
//! the environment, the seed is printed and can be given back: `SWITCHBOARD_CRASH_TRIALS`,
//! `SWITCHBOARD_CRASH_SEED`.

mod crowd;
mod disk_full;
mod kill;
mod torn_wal;
mod workers;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use switchboard::backend::Loopback;
use switchboard::{
    Collaboration, Cursor, Engine, Event, EventId, EventQuery, InstanceId, NewAgent, Principal,
};

const ROOM: &str = "chat-room:ops";
const SOON: Duration = Duration::from_secs(10);

/// How often a trial is repeated.
fn trials() -> usize {
    std::env::var("SWITCHBOARD_CRASH_TRIALS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(50)
}

/// SplitMix64: one seed decides what happens, and when.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn seed() -> u64 {
        let given = std::env::var("SWITCHBOARD_CRASH_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        given.unwrap_or_else(|| RandomState::new().hash_one("crash"))
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most.max(1)
    }
}

/// A folder, deleted with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts this binary again, for that one test.
pub(crate) fn again(test: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// A chat system with one room that records what it is given.
fn chat(record: &Path) -> Loopback {
    let chat = Loopback::new();
    chat.room(ROOM, "Operations");
    chat.record_to(record).unwrap();
    chat
}

/// Returns the active agent `echo` in the room, and provisions it if necessary.
fn echo(engine: &Engine) -> Collaboration {
    if engine.agent("echo").is_err() {
        let admin = engine.provisioning(&Principal::host("trial")).unwrap();
        admin
            .put_agent(
                NewAgent::new("echo", "loopback:echo")
                    .unwrap()
                    .channel(ROOM)
                    .unwrap(),
            )
            .unwrap();
    }
    let echo = engine.agent("echo").unwrap();
    echo.wait_active(SOON).unwrap();
    echo
}

/// Reads all events after `last` page by page, and checks that ids rise.
fn events_after(agent: &Collaboration, last: EventId, instance: &InstanceId) -> Vec<Event> {
    let mut cursor = Cursor::after(last, instance);
    let mut all: Vec<Event> = Vec::new();
    loop {
        let all_kinds = EventQuery::all().changes();
        let batch = agent.events(cursor.clone(), &all_kinds).unwrap();
        assert!(!batch.gap, "nothing was dropped, yet a gap is told");
        for event in &batch.events {
            let newest = all.last().map_or(cursor.last, |event| event.id);
            assert!(event.id > newest, "id {} after {}", event.id.0, newest.0);
            all.push(event.clone());
        }
        if batch.events.is_empty() && batch.last == cursor.last {
            return all;
        }
        cursor = Cursor::after(batch.last, &batch.instance);
    }
}

/// The texts of the messages in `events`.
fn texts(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| Some(event.message()?.text.clone()))
        .collect()
}

/// How often the chat system was given each text.
fn recorded(record: &Path) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in std::fs::read_to_string(record).unwrap_or_default().lines() {
        if let Some(text) = line.split('\t').nth(2) {
            *counts.entry(text.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// What SQLite itself says about a copy of the database. It is a copy so that the engine is the
/// first to recover the original.
fn integrity(database: &Path, scratch: &Scratch) -> String {
    let copy = scratch.file("copy");
    copy_database(database, &copy);
    let connection = rusqlite::Connection::open(&copy).unwrap();
    let answer = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
        .unwrap();
    drop(connection);
    remove_database(&copy);
    answer
}

/// Copies a database with its log, as a crash leaves them, without the index of the log, which
/// SQLite rebuilds.
fn copy_database(from: &Path, to: &Path) {
    remove_database(to);
    std::fs::copy(from, to).unwrap();
    let log = beside(from, "-wal");
    if log.exists() {
        std::fs::copy(log, beside(to, "-wal")).unwrap();
    }
}

fn remove_database(path: &Path) {
    for end in ["", "-wal", "-shm", "-lock"] {
        let _ = std::fs::remove_file(beside(path, end));
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
