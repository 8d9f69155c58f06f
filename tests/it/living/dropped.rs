//! Retention, the window and changes: what was dropped is a gap for those who read it, and for
//! nobody else.

use super::{all, desk, heard, told};
use crate::world::{Disk, OPS, World, seconds};
use switchboard::{Cursor, EventKinds, EventQuery, NewMessage};

const DAY: u64 = 24 * 3600;

#[test]
fn dropped_changes_are_a_gap_only_for_readers_of_changes() {
    let disk = Disk::new();
    let keep = |builder: switchboard::Builder| {
        builder
            .database(disk.path())
            .keep_messages(Some(seconds(DAY)))
    };
    let world = World::with(keep);
    let desk = desk(&world);
    let lene = world.person("lene");
    let said = lene.say(OPS, "one").unwrap();
    world.settle();
    let changes = EventQuery::all().kinds(EventKinds::NONE).changes();
    let begin = world.mark(&desk);
    lene.react(OPS, &said, ["👍"]).unwrap();
    world.settle();
    world.pass(seconds(DAY + 60));
    // Retention works when something is written.
    let later = lene.say(OPS, "two").unwrap();
    world.settle();
    lene.edit(OPS, &later, NewMessage::text("three")).unwrap();
    world.pass(seconds(30));
    world.settle();
    let messages = desk.events(begin.clone(), &EventQuery::messages()).unwrap();
    assert_eq!(
        (told(&messages.events), messages.gap),
        (vec!["lene: three".into()], false)
    );
    let changed = desk.events(begin, &changes).unwrap();
    assert_eq!(
        (told(&changed.events), changed.gap),
        (vec!["lene edits m?: three".into()], true)
    );
}

#[test]
fn a_message_and_its_changes_come_from_the_disk_as_they_do_from_memory() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let desk = desk(&world);
    let lene = world.person("lene");
    let expected: Vec<String> = {
        for n in 0..150 {
            let said = lene.say(OPS, format!("{n}")).unwrap();
            if n % 3 == 0 {
                lene.edit(OPS, &said, NewMessage::text(format!("{n} edited")))
                    .unwrap();
            }
        }
        world.settle();
        pages(&desk)
    };
    assert_eq!(expected.len(), 200);
    // Everything leaves the window: the same pages come from the file.
    world.pass(seconds(60));
    lene.say(OPS, "later").unwrap();
    world.settle();
    let mut again = pages(&desk);
    assert_eq!(again.pop().as_deref(), Some("lene: later"));
    assert_eq!(again, expected);
}

/// Everything that the agent was told, page by page. A change names its message by its place on
/// its page, so the places are left out.
fn pages(desk: &switchboard::Collaboration) -> Vec<String> {
    let mut cursor = Cursor::beginning();
    let mut lines = Vec::new();
    loop {
        let batch = desk.events(cursor, &all()).unwrap();
        if batch.events.is_empty() {
            return lines;
        }
        let plain = |line: String| match line.split_once(" edits m") {
            Some((who, rest)) => {
                format!(
                    "{who} edits{}",
                    rest.trim_start_matches(|c: char| c == '?' || c.is_ascii_digit())
                )
            }
            None => line,
        };
        lines.extend(told(&batch.events).into_iter().map(plain));
        cursor = Cursor::after(batch.last, &batch.instance);
    }
}

#[test]
fn a_change_of_a_message_that_is_gone_is_an_event_all_the_same() {
    let disk = Disk::new();
    let keep = |builder: switchboard::Builder| {
        builder
            .database(disk.path())
            .keep_messages(Some(seconds(DAY)))
    };
    let world = World::with(keep);
    let desk = desk(&world);
    let lene = world.person("lene");
    let said = lene.say(OPS, "old").unwrap();
    world.settle();
    world.pass(seconds(DAY + 60));
    lene.say(OPS, "new").unwrap();
    world.pass(seconds(30));
    world.settle();
    let mark = world.mark(&desk);
    lene.react(OPS, &said, ["👍"]).unwrap();
    lene.retract(OPS, &said).unwrap();
    world.settle();
    let events = desk.events(mark, &all()).unwrap().events;
    assert_eq!(
        told(&events),
        ["lene reacts to m?: 👍", "lene takes m? back"]
    );
    assert_eq!(events[0].change().unwrap().message, said);
    // History comes from the chat system, and what the journal knows is laid over it.
    let past = desk.messages(OPS, 10, None).unwrap();
    let old = past.iter().find(|message| message.id == said).unwrap();
    assert!(old.retracted.is_some() && old.text.is_empty(), "{old:?}");
}

#[test]
fn an_agent_that_left_sees_no_change_and_its_span_keeps_those_it_saw() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let desk = desk(&world);
    // The engine goes on hearing the room.
    world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    let said = lene.say(OPS, "one").unwrap();
    lene.react(OPS, &said, ["👍"]).unwrap();
    world.settle();
    world.chat.kick(OPS, "desk", "test");
    lene.react(OPS, &said, ["👎"]).unwrap();
    lene.retract(OPS, &said).unwrap();
    // What was taken back later stays hidden from it too.
    let seen = ["lene: ", "lene reacts to m1: 👍"];
    assert_eq!(heard(&world, &desk), seen);
    let world = world.restart(&disk);
    let desk = world.engine.agent("desk").unwrap();
    assert_eq!(heard(&world, &desk), seen);
}
