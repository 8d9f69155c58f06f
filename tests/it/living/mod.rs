//! Messages that live: edited, retracted, reacted to, answered, received and read, in process over
//! the loopback.
//!
//! Method: the agents `desk` and `echo` and the people `lene` and `bob` in the room `ops`; the clock
//! is moved by hand, and every fact is looked for on both sides.

mod by_people;
mod calls;
mod dropped;
mod restarts;

use crate::world::{OPS, World};
use switchboard::{ChangeKind, Collaboration, Cursor, Event, EventBody, EventQuery};

/// A world with the agent `desk` in the rooms.
fn desk(world: &World) -> Collaboration {
    world.agent("desk", &[OPS])
}

/// Everything, changes too.
fn all() -> EventQuery {
    EventQuery::all().changes()
}

/// What a message or a change says, in a few words: `lene: hello`, `lene edits hello: hullo`,
/// `lene takes m back`, `lene reacts 👍`, `lene read`. The message of a change is named by `m` and
/// its place among the messages of `events`, counted from 1.
fn told(events: &[Event]) -> Vec<String> {
    let messages: Vec<_> = events.iter().filter_map(Event::message).collect();
    let name = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
    let said = |event: &Event| match &event.body {
        EventBody::Message(message) => Some(format!("{}: {}", name(&message.sender), message.text)),
        EventBody::Change(change) => {
            let at = messages.iter().position(|it| it.id == change.message);
            let at = at.map_or("m?".to_owned(), |at| format!("m{}", at + 1));
            let who = name(&change.sender);
            Some(match &change.kind {
                ChangeKind::Edited => format!("{who} edits {at}: {}", change.text),
                ChangeKind::Retracted {
                    by_moderator: true,
                    reason,
                } => format!("{who} moderates {at}: {}", reason.as_deref().unwrap_or("-")),
                ChangeKind::Retracted { .. } => format!("{who} takes {at} back"),
                ChangeKind::Reactions(set) => format!("{who} reacts to {at}: {}", set.join(" ")),
                ChangeKind::Receipt(receipt) => format!("{who} {receipt} {at}"),
                other => format!("{other:?}"),
            })
        }
        EventBody::Gap => Some("gap".into()),
        _ => None,
    };
    events.iter().filter_map(said).collect()
}

/// What the agent was told from the beginning on, changes too.
fn heard(world: &World, agent: &Collaboration) -> Vec<String> {
    world.settle();
    told(&agent.events(Cursor::beginning(), &all()).unwrap().events)
}
