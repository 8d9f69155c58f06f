//! What an agent may see.

use super::{all, messages};
use crate::world::{OPS, World};

#[test]
fn who_joins_later_sees_nothing_from_before() {
    let world = World::new();
    world.agent("bob", &[OPS]);
    world.person("lene").say(OPS, "before").unwrap();
    world.settle();
    let echo = world.agent("echo", &[OPS]);
    world.person("lene").say(OPS, "after").unwrap();
    assert_eq!(
        world.seen(&echo, &all()),
        ["chat-room:ops on", "lene: after"]
    );
}

#[test]
fn who_was_kicked_sees_nothing_after_but_still_what_was_before() {
    let world = World::new();
    let (echo, bob) = (world.agent("echo", &[OPS]), world.agent("bob", &[OPS]));
    let lene = world.person("lene");
    lene.say(OPS, "before").unwrap();
    world.chat.kick(OPS, "echo", "noise");
    world.settle();
    lene.say(OPS, "after").unwrap();
    assert_eq!(
        world.seen(&echo, &all()),
        ["chat-room:ops on", "lene: before", "chat-room:ops off"]
    );
    assert_eq!(
        world.seen(&bob, &messages()),
        ["lene: before", "lene: after"]
    );
    world.admin().put_channel("echo", OPS).unwrap();
    world.settle();
    lene.say(OPS, "again").unwrap();
    assert_eq!(
        world.seen(&echo, &messages()),
        ["lene: before", "lene: again"],
        "not what it was not there for"
    );
}

#[test]
fn a_removed_channel_is_one_last_event_and_then_silence() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    world.admin().delete_channel("echo", OPS).unwrap();
    world.settle();
    world.person("lene").say(OPS, "anybody?").unwrap();
    assert_eq!(
        world.seen(&echo, &all()),
        ["chat-room:ops on", "chat-room:ops off"]
    );
}

#[test]
fn events_of_one_agent_are_no_others() {
    let world = World::new();
    let (echo, bob) = (
        world.agent("echo", &["contact:lene"]),
        world.agent("bob", &["contact:lene"]),
    );
    world
        .person("lene")
        .say("contact:echo", "for echo")
        .unwrap();
    world.admin().put_metadata_value("bob", "a", "b").unwrap();
    assert_eq!(world.seen(&echo, &messages()), ["lene: for echo"]);
    assert_eq!(world.seen(&bob, &all()), ["contact:lene on", "a=b"]);
}
