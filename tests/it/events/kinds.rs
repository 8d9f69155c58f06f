//! Kinds of events, and filters.

use super::{all, busy_world, messages, nothing};
use crate::world::{LAB, OPS, World, lines, new_agent};
use switchboard::{ChannelId, Cursor, Error, EventKinds, EventQuery};

#[test]
fn there_are_three_kinds_and_each_can_be_asked_for() {
    let (world, echo) = busy_world();
    assert_eq!(world.seen(&echo, &EventQuery::metadata()), ["colour=red"]);
    assert_eq!(
        world.seen(&echo, &EventQuery::channel_states()),
        ["chat-room:ops on", "chat-room:lab on"]
    );
    assert_eq!(
        world.seen(&echo, &messages()),
        ["lene: hello 42", "echo: my own 42"]
    );
    let two = all().kinds(EventKinds::NONE.messages().metadata());
    assert_eq!(
        world.seen(&echo, &two),
        ["colour=red", "lene: hello 42", "echo: my own 42"]
    );
    assert_eq!(world.seen(&echo, &all()).len(), 5);
}

#[test]
fn origin_is_local_for_the_agent_s_own_messages_only() {
    let (world, echo) = busy_world();
    assert_eq!(world.seen(&echo, &messages().local()), ["echo: my own 42"]);
    assert_eq!(world.seen(&echo, &messages().remote()), ["lene: hello 42"]);
}

#[test]
fn channels_filter_messages_and_channel_states_but_not_metadata() {
    let (world, echo) = busy_world();
    let lab = all().channel(&ChannelId::parse(LAB).unwrap());
    assert_eq!(
        world.seen(&echo, &lab),
        ["chat-room:lab on", "colour=red", "echo: my own 42"]
    );
    let nowhere = all().channel(&ChannelId::parse("chat-room:nowhere").unwrap());
    assert_eq!(world.seen(&echo, &nowhere), ["colour=red"]);
}

#[test]
fn regex_and_origin_touch_messages_only() {
    let (world, echo) = busy_world();
    assert_eq!(
        world.seen(&echo, &all().regex("^hello (?<number>\\d+)$")),
        [
            "chat-room:ops on",
            "chat-room:lab on",
            "colour=red",
            "lene: hello 42"
        ]
    );
    assert_eq!(
        world
            .seen(&echo, &all().regex("no such text").local())
            .len(),
        3
    );
    assert_eq!(
        world.seen(&echo, &messages().regex("(?i)HELLO(?= 42)")),
        ["lene: hello 42"]
    );
}

#[test]
fn a_pattern_that_cannot_be_used_is_invalid_by_name_and_a_bomb_is_counted() {
    let (world, echo) = busy_world();
    let refused = |pattern: &str| match echo.events(Cursor::window(), &messages().regex(pattern)) {
        Err(Error::Invalid(text)) => text,
        other => panic!("{pattern}: {other:?}"),
    };
    refused("(");
    refused(&"x".repeat(1025));
    refused("(\\w{1000}){1000}");
    assert!(!refused("(?<a-b>x)").is_empty());
    world.person("lene").say(OPS, "a".repeat(400)).unwrap();
    let bomb = messages().regex("(?=(a+)+$)(a+)+\\1b");
    assert_eq!(world.seen(&echo, &bomb), nothing());
    assert!(world.engine.stats().pattern_limits > 0);
}

#[test]
fn a_filter_that_lets_little_through_still_moves_the_cursor() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    for n in 0..300 {
        world.person("lene").say(OPS, format!("n{n}")).unwrap();
    }
    world.settle();
    let rare = echo
        .events(Cursor::window(), &messages().regex("^n299$"))
        .unwrap();
    assert_eq!(
        lines(&rare.events),
        ["lene: n299"],
        "found behind 299 others, in one request"
    );
    let none = echo
        .events(Cursor::window(), &messages().regex("^nowhere$"))
        .unwrap();
    assert_eq!((none.events.len(), none.last), (0, rare.last));
}

#[test]
fn metadata_events_are_exactly_the_keys_really_changed_and_none_at_creation() {
    let world = World::new();
    let echo = world.put(
        new_agent("echo", &[])
            .metadata("a", "1")
            .metadata("b", "2")
            .metadata("c", "3"),
    );
    let query = EventQuery::metadata();
    assert_eq!(world.seen(&echo, &query), nothing());
    let mark = world.mark(&echo);
    world
        .admin()
        .put_agent(
            new_agent("echo", &[])
                .metadata("b", "2")
                .metadata("a", "one")
                .metadata("d", "4"),
        )
        .unwrap();
    let mut changed = world.since(&echo, &mark, &query);
    changed.sort();
    assert_eq!(
        changed,
        ["a=one", "c gone", "d=4"],
        "and a new order is no change"
    );
    let mark = world.mark(&echo);
    world
        .admin()
        .put_metadata_value("echo", "a", "one")
        .unwrap();
    world
        .admin()
        .put_metadata_value("echo", "a", "uno")
        .unwrap();
    world.admin().delete_metadata_value("echo", "d").unwrap();
    world
        .admin()
        .put_metadata("echo", vec![("a".to_owned(), "uno".to_owned())])
        .unwrap();
    assert_eq!(
        world.since(&echo, &mark, &query),
        ["a=uno", "d gone", "b gone"]
    );
}
