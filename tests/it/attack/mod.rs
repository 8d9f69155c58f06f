//! What attacks on the gateway found, played again: a stranger, a small agent that is greedy, and a
//! failing disk.
//!
//! One module a theme; each test says what it attacks and prints its figure (peak memory, slowest
//! answer to others, acknowledged and present). The long ones run only with
//! `SWITCHBOARD_ATTACKS=full`, which `tests/run --full` sets.

mod agents;
mod answers;
mod clocks;
mod copies;
mod damage;
mod edge;
mod file;
mod joins;
mod late;
mod left;
mod log;
mod logins;
mod mark;
mod moved;
mod quota;
mod reads;
mod served;
mod stop;
mod timing;

#[cfg(unix)]
use crate::http::gateway::{Gateway, program};
#[cfg(unix)]
use crate::world::Disk;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::process::Command;

/// A gateway that reads its super user's password from a file, with what the file says first.
#[cfg(unix)]
fn with_password_file(folder: &Disk, database: &Path, password: &str) -> (PathBuf, Gateway) {
    let file = folder.directory().join("password");
    std::fs::write(&file, password).unwrap();
    let mut command = Command::new(program());
    command
        .args(["--listen", "127.0.0.1:0", "--database"])
        .arg(database)
        .arg("--super-password-file")
        .arg(&file);
    (file, Gateway::spawn(command))
}

/// Whether the long attacks run too.
#[allow(dead_code, reason = "not every theme has a long attack")]
pub(crate) fn full() -> bool {
    std::env::var("SWITCHBOARD_ATTACKS").is_ok_and(|value| value == "full")
}

/// Whether there is another program that reads and writes databases; without one a test that needs
/// it has nothing to say.
fn python() -> bool {
    let mut asked = Command::new("python3");
    asked
        .arg("--version")
        .stdout(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
