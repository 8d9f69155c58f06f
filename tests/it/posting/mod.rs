//! Posting (§messages/post): what is carried, what is refused, and that a repeat, a crash or a
//! silence makes no double.
//!
//! Method: `echo` posts, `lene` hears; where a chat system has to misbehave, one is scripted for
//! it.

mod answers;
mod content;
mod repeats;
mod splitting;
mod waiting;

use crate::script::Script;
use crate::world::{OPS, World, new_agent};
use switchboard::backend::{HeardMessage, Person};
use switchboard::{Collaboration, Event, EventQuery, NewMessage};

fn text(text: &str) -> NewMessage {
    NewMessage::text(text)
}

fn heard(person: &Person) -> Vec<String> {
    person
        .unheard()
        .into_iter()
        .map(|heard: HeardMessage| heard.text)
        .collect()
}

fn events(world: &World, echo: &Collaboration) -> Vec<Event> {
    world.settle();
    echo.events(switchboard::Cursor::window(), &EventQuery::messages())
        .unwrap()
        .events
}

/// An agent `echo` on a scripted chat system.
fn scripted(script: Script) -> (World, Collaboration) {
    let world = World::with(|builder| builder.backend(script));
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    (world, echo)
}
