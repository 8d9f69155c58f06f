//! A run against one chat system, which is a process of its own: the engine's database, and a
//! printed row for each step with the processor time of both sides.

#[allow(dead_code, reason = "each binary uses its part of the harness")]
#[path = "machine.rs"]
mod machine;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use switchboard::{Broadcast, Subscription};

/// The time that any step may take.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// A whole number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Prints the names of the columns.
pub fn heading(subject: &str, server: &str) {
    println!(
        "\n{subject:<52} {:>10} {:>12} {:>8} {server:>10}",
        "seconds", "per second", "own"
    );
}

/// Prints a row: a step that handled `count` things, and CPU seconds of this process and of the
/// server.
pub fn row(what: &str, count: usize, seconds: f64, own: f64, server: f64) {
    println!(
        "{what:<52} {seconds:>10.2} {:>12.0} {own:>8.2} {server:>10.2}",
        count as f64 / seconds
    );
}

/// Prints a figure that is no time.
pub fn figure(what: &str, figure: u64) {
    println!("{what:<52} {figure:>10}");
}

/// The clocks at the beginning of a step.
pub struct Meter {
    own: f64,
    server: f64,
    process: String,
    began: Instant,
}

impl Meter {
    /// Begins a step with the server in `process`.
    pub fn begin(process: &str) -> Meter {
        Meter {
            own: processor_seconds("self"),
            server: processor_seconds(process),
            process: process.to_owned(),
            began: Instant::now(),
        }
    }

    /// Prints the row of the step. The server is now in `process`: if that is another one than
    /// before, it started during the step, and its time counts from zero.
    pub fn end(self, what: &str, count: usize, process: &str) {
        let seconds = self.began.elapsed().as_secs_f64();
        let before = if self.process == process {
            self.server
        } else {
            0.0
        };
        let own = processor_seconds("self") - self.own;
        row(
            what,
            count,
            seconds,
            own,
            processor_seconds(process) - before,
        );
    }
}

/// The processor time that a process has used so far, in seconds (Linux; elsewhere 0).
pub fn processor_seconds(process: &str) -> f64 {
    machine::whole_cpu_of(process).map_or(0.0, |time| time.as_secs_f64())
}

/// Resident bytes of a process (Linux; elsewhere 0).
pub fn resident(process: &str) -> u64 {
    machine::resident_of(process).unwrap_or_default()
}

/// Waits for that many messages.
pub fn messages(all: &mut Subscription, count: usize) {
    let deadline = Instant::now() + DEADLINE;
    let mut seen = 0;
    while seen < count {
        assert!(Instant::now() < deadline, "{seen} of {count} messages came");
        if let Some(item) = all.next_timeout(Duration::from_secs(1)).unwrap()
            && matches!(&*item, Broadcast::Message { .. })
        {
            seen += 1;
        }
    }
}

/// The engine's database, deleted on drop.
pub struct Database(PathBuf);

impl Database {
    /// A path at which no database is.
    pub fn new(bench: &str) -> Database {
        let name = format!("switchboard-bench-{bench}-{}.db", std::process::id());
        let database = Database(std::env::temp_dir().join(name));
        database.remove();
        database
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm", "-lock"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.remove();
    }
}
