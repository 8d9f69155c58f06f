//! Strangers who log in, and bots that all log in at once.
//!
//! Method: the engine in process, with logins that a hand-made crowd sends. The clock stands still
//! where nothing needs it: the password pool works, and its line waits, in real time.

mod bots;
mod changes;
mod crowd;

use crate::world::{Disk, OPS, World, new_agent};
use std::time::Duration;
use switchboard::{AsyncResult, Credentials, Engine, Error, NewUser, Result, Token};

const PASSWORD: &str = "correct horse";

fn user(name: &str) -> NewUser {
    NewUser::new(name, name)
        .unwrap()
        .password(PASSWORD)
        .unwrap()
}

fn log_in(engine: &Engine, name: &str, password: &str) -> AsyncResult<Token> {
    engine.log_in_async(&Credentials::agent(name, password, "echo"))
}

/// The agent `echo` with these users, whose passwords are hashed, and the super user `root`.
fn world(disk: Option<&Disk>, users: &[String]) -> World {
    let world = World::with(|builder| {
        let builder = builder.super_user("root", PASSWORD);
        match disk {
            Some(disk) => builder.database(disk.path()),
            None => builder,
        }
    });
    let agent = users.iter().fold(new_agent("echo", &[OPS]), |agent, name| {
        agent.user(&**name).unwrap()
    });
    for name in users {
        world.admin().put_user(user(name)).unwrap();
    }
    world.put(agent);
    world
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

fn is_unauthorized<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(Error::Unauthorized(_))), "{answer:?}");
}

/// Executes a statement on the engine's database over another connection.
fn beside(disk: &Disk, sql: &str) {
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch(sql).unwrap();
}
