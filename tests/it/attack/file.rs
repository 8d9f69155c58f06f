//! The file under the engine: second openers, files that are removed or replaced, locks that are dropped.

use super::python;
use crate::world::{Disk, LAB, OPS, SOON, World, chat, seconds};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use switchboard::backend::Loopback;
use switchboard::{Cursor, Engine, Error, EventQuery, NewMessage};

/// `NAME-wal` and the like.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// An engine on that file as a second one would be.
pub(super) fn second(path: &Path) -> switchboard::Result<Engine> {
    let chat = Loopback::new();
    chat.room(OPS, "Operations");
    Engine::builder().database(path).backend(chat).open()
}

/// What another program sees, as `sqlite3 FILE 'SELECT count(*) FROM message'` would.
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

#[test]
fn a_refused_second_engine_does_not_drop_the_locks_of_the_first() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    let agent = world.engine.agent("echo").unwrap();
    agent.post(OPS, NewMessage::text("before")).unwrap();
    for _ in 0..3 {
        assert!(matches!(second(&disk.path()), Err(Error::InUse(_))));
    }
    // Another program that opens and closes the file deletes the log if it believes that it is the last user.
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
        // In a process of its own too, where this process's table does not help.
        let child = crate::crash::again("attack::file::the_child_that_opens", &[])
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
        world.agent("echo", &[OPS, LAB]);
        let agent = world.engine.agent("echo").unwrap();
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
            "log cut" => std::fs::File::options()
                .write(true)
                .open(&log)
                .unwrap()
                .set_len(0)
                .unwrap(),
            _ => std::fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(4096)
                .unwrap(),
        }
        let readiness = world.engine.readiness();
        assert!(
            !readiness.ready && readiness.reason.contains("cannot be written"),
            "{how}: {readiness:?}"
        );
        // A change notices it as well, and sets the mark that posts look at.
        let refused = world.admin().put_metadata_value("echo", "k", "v");
        assert!(
            matches!(refused, Err(Error::Storage(_))),
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

/// SQLite cuts its log by itself when it has grown past 64 MiB and begins anew; new rows then lie in the log alone, and the
/// database ends before them. Found by the soak: after 20 seconds of it nothing was written any more.
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
        // As SQLite does it, and an administrator: a checkpoint, and the log is empty.
        let full = bytes();
        let other = rusqlite::Connection::open(disk.path()).unwrap();
        other.busy_timeout(SOON).unwrap();
        other
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        assert_eq!(bytes(), 0);
        // New pages, before the next checkpoint.
        posts(20);
        let readiness = world.engine.readiness();
        assert!(
            readiness.ready,
            "round {round}, a log of {full} bytes was cut: {readiness:?}"
        );
    }
    println!("300 posts, the log cut 5 times, all written");
}

/// Nobody writes and nobody asks for readiness, and still the first post is refused: it must not leave for the chat
/// system when its row has nowhere to go.
#[cfg(unix)]
#[test]
fn an_idle_engine_notices_by_itself_that_its_files_are_gone() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    let agent = world.engine.agent("echo").unwrap();
    agent.post(OPS, NewMessage::text("before")).unwrap();
    // Quiet is what is tried here: the writer's last work and the upkeep after it are over, and nothing wakes it.
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

/// A file, a log and a lock as a killed process leaves them, with three messages in the log only.
pub(super) fn killed(disk: &Disk) {
    let live = Disk::new();
    let world = World::stored(&live);
    world.agent("echo", &[OPS]);
    let agent = world.engine.agent("echo").unwrap();
    for n in 0..3 {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    world.engine.settle(SOON).unwrap();
    for end in ["", "-wal", "-lock"] {
        std::fs::copy(beside(&live.path(), end), beside(&disk.path(), end)).unwrap();
    }
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
        // Accepted once; the next start is an ordinary one.
        drop(second(&path).unwrap());
        println!("{how}: {error}");
    }
}

#[test]
fn a_log_that_another_program_merged_after_a_kill_is_no_loss() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    killed(&disk);
    let before = rows_for_another_program(&disk.path());
    assert_eq!(before, 3);
    assert!(
        !beside(&disk.path(), "-wal").exists(),
        "the other program merged the log"
    );
    drop(second(&disk.path()).unwrap());
}

#[test]
fn deleting_the_newest_rows_keeps_the_file_open_able() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    // The newest rows are the agent's notices, and go with it.
    world.admin().delete_agent("echo").unwrap();
    let lock = std::fs::read_to_string(beside(&disk.path(), "-lock")).unwrap();
    let other = Disk::new();
    for end in ["", "-wal", "-lock"] {
        std::fs::copy(beside(&disk.path(), end), beside(&other.path(), end)).unwrap();
    }
    drop(second(&other.path()).unwrap());
    println!("the mark afterwards: {}", lock.trim());
}

#[test]
fn a_reader_whose_newest_event_was_deleted_keeps_its_cursor_over_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    world.agent("other", &[OPS]);
    let batch = world
        .engine
        .agent("other")
        .unwrap()
        .events(Cursor::window(), &EventQuery::all())
        .unwrap();
    let last = Cursor::after(batch.last, &batch.instance);
    world.admin().delete_agent("other").unwrap();
    let world = world.restart(&disk);
    let again = world
        .engine
        .agent("echo")
        .unwrap()
        .events(last, &EventQuery::all());
    assert!(again.is_ok(), "{again:?}");
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
fn a_damaged_row_at_the_start_names_its_table() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    world.engine.shutdown(SOON).unwrap();
    drop(world);
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(\"UPDATE agent SET id = char(0) || 'x'\"); c.commit()";
    assert!(
        Command::new("python3")
            .arg("-c")
            .arg(script)
            .arg(disk.path())
            .status()
            .unwrap()
            .success()
    );
    let error = second(&disk.path()).err();
    assert!(
        matches!(&error, Some(Error::Corrupt(text)) if text.contains("agent")),
        "{error:?}"
    );
}

/// Another program that has begun that on the database and waits until its stdin ends.
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

/// Runs that on the database as another program that is killed in the middle: its log stays.
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
    let bytes = || ["", "-wal"].map(|end| std::fs::read(beside(&path, end)).unwrap());
    let before = bytes();
    assert!(before[1].len() > 1000);
    assert!(matches!(second(&path), Err(Error::ForeignDatabase { .. })));
    assert_eq!(bytes(), before);
    assert!(!beside(&path, "-lock").exists());
}

#[test]
fn a_newer_version_that_is_only_in_the_log_is_refused() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.engine.shutdown(SOON).unwrap();
    drop(world);
    killed_after(&disk.path(), "PRAGMA user_version = 99;");
    assert!(beside(&disk.path(), "-wal").metadata().unwrap().len() > 0);
    assert!(matches!(
        second(&disk.path()),
        Err(Error::NewerDatabase { found: 99, .. })
    ));
}

#[test]
fn a_last_checkpoint_that_was_cut_short_is_finished_at_the_start() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.engine.shutdown(SOON).unwrap();
    drop(world);
    // The first page lies in the log too; what the checkpoint wrote of it is rubbish.
    killed_after(
        &disk.path(),
        "PRAGMA user_version = 1; CREATE TABLE IF NOT EXISTS spare(a); DROP TABLE spare;",
    );
    let mut file = std::fs::read(disk.path()).unwrap();
    file[..4096].fill(0);
    std::fs::write(disk.path(), file).unwrap();
    drop(second(&disk.path()).unwrap());
}

#[test]
fn a_first_start_that_is_killed_can_be_finished() {
    let mut opened = 0;
    for pause in 0..24 {
        let disk = Disk::new();
        let mut child = crate::crash::again("attack::file::the_child_that_opens", &[])
            .env("SWITCHBOARD_ATTACK_FILE", disk.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Killed as soon as the lock is there, or a little later.
        let began = std::time::Instant::now();
        while !beside(&disk.path(), "-lock").exists() && began.elapsed() < SOON {
            std::thread::yield_now();
        }
        let later = std::time::Instant::now() + std::time::Duration::from_micros(250 * pause);
        while std::time::Instant::now() < later {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        opened += usize::from(disk.path().metadata().is_ok_and(|found| found.len() > 0));
        drop(
            second(&disk.path())
                .unwrap_or_else(|error| panic!("killed after {pause} x 250 us: {error}")),
        );
    }
    println!("24 first starts killed, {opened} with something in the file; all were finished");
}

#[test]
fn a_log_that_is_cut_under_steady_posts_is_noticed_at_the_next_write() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    let agent = world.engine.agent("echo").unwrap();
    // What a reader's snapshot does not have yet cannot be copied back: it lies in the log alone.
    let mut reader = holding(&disk.path(), "BEGIN;SELECT count(*) FROM message");
    for n in 0..5 {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    std::fs::File::options()
        .write(true)
        .open(beside(&disk.path(), "-wal"))
        .unwrap()
        .set_len(0)
        .unwrap();
    let refused = world.admin().put_metadata_value("echo", "k", "v");
    assert!(matches!(refused, Err(Error::Storage(_))), "{refused:?}");
    assert!(!world.engine.readiness().ready);
    drop(reader.stdin.take());
    reader.wait().unwrap();
    let _ = world.engine.shutdown(seconds(1));
}
