//! The file under the engine: second openers, files that are removed or replaced, locks that are
//! dropped.

mod loss;
mod owners;
mod starts;

use crate::world::{Disk, OPS, SOON, World};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use switchboard::backend::Loopback;
use switchboard::{Engine, NewMessage};

/// `NAME-wal` and the like.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Opens a second engine on that file.
pub(super) fn second(path: &Path) -> switchboard::Result<Engine> {
    let chat = Loopback::new();
    chat.room(OPS, "Operations");
    Engine::builder().database(path).backend(chat).open()
}

/// The number of messages that another program reads, as `sqlite3 FILE 'SELECT count(*) FROM
/// message'` would.
fn rows_for_another_program(path: &Path) -> i64 {
    let script = "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM message').fetchone()[0])";
    let output = Command::new("python3")
        .arg("-c")
        .arg(script)
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Makes a database as a killed process leaves it: three messages are in the log only.
pub(super) fn killed(disk: &Disk) {
    let live = Disk::new();
    let world = World::stored(&live);
    let agent = world.agent("echo", &[OPS]);
    for n in 0..3 {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    world.engine.settle(SOON).unwrap();
    copy(&live, disk);
}

/// Copies the database as a kill at this moment would leave it.
pub(super) fn copy(from: &Disk, to: &Disk) {
    for end in ["", "-wal", "-lock"] {
        std::fs::copy(beside(&from.path(), end), beside(&to.path(), end)).unwrap();
    }
}

/// Cuts a file to that length.
pub(super) fn cut(path: &Path, length: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

/// The bytes of the database and of its log, empty if there is none.
pub(super) fn bytes(path: &Path) -> [Vec<u8>; 2] {
    ["", "-wal"].map(|end| std::fs::read(beside(path, end)).unwrap_or_default())
}

/// A database that was stopped in good order, and that another program then worked on until it was
/// killed: what that program did lies in the log.
pub(super) fn left_by_another(statements: &str) -> Disk {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.engine.shutdown(SOON).unwrap();
    drop(world);
    killed_after(&disk.path(), statements);
    disk
}

/// Starts another program that executes `begin` on the database and then waits until its stdin
/// ends.
pub(super) fn holding(path: &Path, begin: &str) -> std::process::Child {
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1], isolation_level=None); \
                  [c.execute(s).fetchall() for s in sys.argv[2].split(';')]; print('held', flush=True); sys.stdin.read()";
    let mut command = Command::new("python3");
    command
        .arg("-c")
        .arg(script)
        .arg(path)
        .arg(begin)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut holder = command.spawn().unwrap();
    let mut said = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(holder.stdout.take().unwrap()),
        &mut said,
    )
    .unwrap();
    assert_eq!(said.trim(), "held");
    holder
}

/// Runs the statements in another program, which is killed before it closes the database: its log
/// stays.
pub(super) fn killed_after(path: &Path, statements: &str) {
    let script = "import sqlite3,sys,os; c=sqlite3.connect(sys.argv[1], isolation_level=None); c.executescript(sys.argv[2]); os._exit(9)";
    Command::new("python3")
        .arg("-c")
        .arg(script)
        .arg(path)
        .arg(statements)
        .status()
        .unwrap();
}
