//! Logins and tokens (§tokens/log-in, §tokens/lifetime): who gets in, how long a token lasts, and
//! everything that ends one.
//!
//! Method: `lene` is a user of the agent `echo`. Where only the rules about failures are tried, the
//! directory `Sesame` stands in for hashed passwords.

pub(crate) mod directories;
mod ends;
mod failures;
mod logging_in;
mod tokens;

use crate::world::{OPS, World, begin, new_agent, seconds};
use std::thread::JoinHandle;
use std::time::Duration;
use switchboard::{
    AsyncResult, Builder, Collaboration, Credentials, Cursor, Error, EventBatch, EventQuery,
    NewUser, Result, Token,
};

const PASSWORD: &str = "correct horse";

fn user(id: &str, name: &str, password: &str) -> NewUser {
    NewUser::new(id, name).unwrap().password(password).unwrap()
}

fn lene() -> Credentials {
    Credentials::agent("CONTOSO\\lene", PASSWORD, "echo")
}

/// The agent `echo` with its user `lene`, whose password is hashed.
fn world(build: impl FnOnce(Builder) -> Builder) -> World {
    let world = World::with(build);
    furnish(&world);
    world
}

fn furnish(world: &World) {
    world
        .admin()
        .put_user(user("lene", "CONTOSO\\Lene", PASSWORD))
        .unwrap();
    world.put(new_agent("echo", &[OPS]).user("lene").unwrap());
}

fn is_good(world: &World, token: &Token) -> bool {
    world.engine.authenticate(token).is_ok()
}

fn view(world: &World, token: &Token) -> Collaboration {
    world
        .engine
        .collaboration(&world.engine.authenticate(token).unwrap())
        .unwrap()
}

fn is_unauthorized<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(Error::Unauthorized(_))), "{answer:?}");
}

/// A poll for events that never happen.
fn long_poll(world: &World, view: &Collaboration) -> JoinHandle<Result<EventBatch>> {
    world.settle();
    let now = view.events(Cursor::window(), &EventQuery::all()).unwrap();
    let before = world.engine.stats().waiters;
    let poll = begin(view.wait_events_async(
        Cursor::after(now.last, &now.instance),
        EventQuery::all(),
        seconds(7 * 86_400),
    ));
    world.until(|stats| stats.waiters == before + 1);
    poll
}

/// Ends `token` by `end`, and checks that a poll made with it ends empty and that the next call is
/// refused.
fn ends(world: &World, token: &Token, end: impl FnOnce()) {
    let view = view(world, token);
    let poll = long_poll(world, &view);
    end();
    assert!(poll.join().unwrap().unwrap().events.is_empty());
    is_unauthorized(world.engine.authenticate(token));
    is_unauthorized(view.channels());
    is_unauthorized(view.events(Cursor::window(), &EventQuery::all()));
}

/// Checks that `login` is answered when `hold` has passed, and not before.
fn held(world: &World, login: AsyncResult<Token>, hold: Duration) -> Result<Token> {
    let login = begin(login);
    world.pass(hold - Duration::from_millis(1));
    assert!(!login.is_finished(), "held for less than {hold:?}");
    world.pass(Duration::from_millis(1));
    login.join().unwrap()
}
