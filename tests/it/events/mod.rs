//! Events (§events/poll): kinds, filters, cursors, instances, the window, gaps, and what an agent
//! may see.
//!
//! Method: `lene` speaks in rooms where `echo` is, an administrator changes things, and every way
//! to ask is tried.

mod cursors;
mod kinds;
mod seeing;
mod streaming;
mod waits;

use crate::world::{LAB, OPS, World};
use switchboard::{Collaboration, EventQuery, NewMessage};

fn all() -> EventQuery {
    EventQuery::all()
}

fn messages() -> EventQuery {
    EventQuery::messages()
}

fn nothing() -> [&'static str; 0] {
    []
}

/// Something of each kind: ops joined, a key set, hello from lene and a word of echo's own in the
/// lab.
fn busy_world() -> (World, Collaboration) {
    let world = World::new();
    // One after the other: joins of one agent go side by side, so that their events would come in
    // either order.
    let echo = world.agent("echo", &[OPS]);
    world.admin().put_channel("echo", LAB).unwrap();
    echo.wait_active(crate::world::SOON).unwrap();
    world
        .admin()
        .put_metadata_value("echo", "colour", "red")
        .unwrap();
    world.person("lene").say(OPS, "hello 42").unwrap();
    world.settle();
    echo.post(LAB, NewMessage::text("my own 42")).unwrap();
    world.settle();
    (world, echo)
}
