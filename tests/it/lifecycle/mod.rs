//! Agents and their channels (§agents/sign-in, §channels/retry): how they come up, fail, come back,
//! and what of it becomes an event.
//!
//! Method: the chat system is made to refuse, cut, kick and go down; the clock is moved by hand
//! over every pause.

mod announcing;
mod backends;
mod catching_up;
mod coming_up;
mod kicks;

use crate::world::{LAB, OPS, World, new_agent};
use switchboard::EventQuery;

fn states() -> EventQuery {
    EventQuery::channel_states()
}

fn messages() -> EventQuery {
    EventQuery::messages()
}

fn put_again(world: &World) {
    world
        .admin()
        .put_agent(new_agent("echo", &[OPS, LAB]))
        .unwrap();
    world.settle();
}
