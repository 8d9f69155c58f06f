//! Events (§events/poll): kinds, filters, cursors, instances, the window, gaps, and what an agent may see.
//!
//! Method: `lene` speaks in rooms where `echo` is, an administrator changes things, and every way to ask is tried.

use crate::world::{Disk, LAB, OPS, World, begin, line, lines, new_agent, seconds};
use switchboard::{
    ChannelId, Collaboration, Cursor, Error, Event, EventId, EventKinds, EventMode, EventQuery,
    NewMessage,
};

fn all() -> EventQuery {
    EventQuery::all()
}

fn messages() -> EventQuery {
    EventQuery::messages()
}

fn ids(agent: &Collaboration, cursor: Cursor) -> Vec<i64> {
    agent
        .events(cursor, &all())
        .unwrap()
        .events
        .iter()
        .map(|event| event.id.0)
        .collect()
}

fn nothing() -> [&'static str; 0] {
    []
}

/// Something of each kind: ops joined, a key set, hello from lene and a word of echo's own in the lab.
fn busy_world() -> (World, Collaboration) {
    let world = World::new();
    // One after the other: joins of one agent go side by side, so that their events would come in either order.
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
    let two = all().kinds(EventKinds {
        messages: true,
        metadata: true,
        channel_states: false,
    });
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
fn ids_rise_and_a_cursor_goes_on_after_its_event() {
    let (_world, echo) = busy_world();
    let batch = echo.events(Cursor::window(), &all()).unwrap();
    let ids: Vec<i64> = batch.events.iter().map(|event| event.id.0).collect();
    assert!(
        ids[0] > 0 && ids.windows(2).all(|two| two[0] < two[1]),
        "{ids:?}"
    );
    let third = &batch.events[2];
    assert_eq!(third.instance, batch.instance);
    let rest = echo
        .events(Cursor::after(third.id, &batch.instance), &all())
        .unwrap();
    assert_eq!(lines(&rest.events), lines(&batch.events)[3..]);
    assert_eq!(rest.last, batch.last);
    assert!(
        echo.events(Cursor::after(batch.last, &batch.instance), &all())
            .unwrap()
            .events
            .is_empty()
    );
}

#[test]
fn ids_and_the_instance_survive_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let echo = world.agent("echo", &[OPS]);
    world.person("lene").say(OPS, "one").unwrap();
    world.settle();
    let before = echo.events(Cursor::window(), &all()).unwrap();
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    let after = echo.events(Cursor::window(), &all()).unwrap();
    assert_eq!(after.instance, before.instance);
    assert_eq!(
        lines(&after.events),
        lines(&before.events),
        "what an earlier process committed within the window too"
    );
    assert_eq!(
        ids(&echo, Cursor::window()),
        before
            .events
            .iter()
            .map(|event| event.id.0)
            .collect::<Vec<_>>()
    );
    echo.wait_active(crate::world::SOON).unwrap();
    world.person("lene").say(OPS, "two").unwrap();
    let news = world.since(
        &echo,
        &Cursor::after(before.last, &before.instance),
        &messages(),
    );
    assert_eq!(news, ["lene: two"]);
    assert!(ids(&echo, Cursor::window()).last().unwrap() > &before.last.0);
}

#[test]
fn zero_and_minus_one_give_what_was_committed_in_the_window() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    for (text, pause) in [("old", 10), ("young", 5), ("new", 0)] {
        lene.say(OPS, text).unwrap();
        world.pass(seconds(pause));
    }
    assert_eq!(
        world.seen(&echo, &messages()),
        ["lene: young", "lene: new"],
        "exactly 15 s ago is out"
    );
    let minus = echo
        .events(Cursor::after_id(EventId(-1)), &messages())
        .unwrap();
    assert_eq!(lines(&minus.events), ["lene: young", "lene: new"]);
    world.pass(seconds(14));
    assert_eq!(world.seen(&echo, &messages()), ["lene: new"]);
    world.pass(seconds(1));
    assert_eq!(world.seen(&echo, &messages()), nothing());
}

#[test]
fn the_window_is_configured() {
    let world = World::with(|builder| builder.event_window(seconds(60)));
    let echo = world.agent("echo", &[OPS]);
    world.person("lene").say(OPS, "old").unwrap();
    world.pass(seconds(59));
    assert_eq!(world.seen(&echo, &messages()), ["lene: old"]);
    world.pass(seconds(1));
    assert_eq!(world.seen(&echo, &messages()), nothing());
}

#[test]
fn a_cursor_above_the_newest_is_gone_with_our_instance_and_zero_without() {
    let (_world, echo) = busy_world();
    let now = echo.events(Cursor::window(), &all()).unwrap();
    let above = EventId(now.last.0 + 1000);
    assert_eq!(
        echo.events(Cursor::after(above, &now.instance), &all())
            .unwrap_err(),
        Error::InstanceGone
    );
    let without = echo.events(Cursor::after_id(above), &all()).unwrap();
    assert_eq!(lines(&without.events), lines(&now.events));
    let other = switchboard::InstanceId::parse("another").unwrap();
    assert_eq!(
        echo.events(Cursor::after(EventId(0), &other), &all())
            .unwrap_err(),
        Error::InstanceGone
    );
    let zero = echo
        .events(Cursor::after(EventId(0), &now.instance), &all())
        .unwrap();
    assert_eq!(zero.events.len(), now.events.len());
}

#[test]
fn buffered_mode_begins_anew_at_each_start_and_serves_the_window_only() {
    let disk = Disk::new();
    let buffered = |builder: switchboard::Builder| builder.event_mode(EventMode::Buffered);
    let world = World::with(|builder| buffered(builder.database(disk.path())));
    let echo = world.agent("echo", &[OPS]);
    world.person("lene").say(OPS, "one").unwrap();
    world.settle();
    let before = echo.events(Cursor::window(), &all()).unwrap();
    assert_eq!(before.events[0].id.0, 1);
    let world = world.restart_with(&disk, buffered);
    let echo = world.engine.agent("echo").unwrap();
    echo.wait_active(crate::world::SOON).unwrap();
    let old = echo.events(Cursor::after(before.last, &before.instance), &all());
    assert_eq!(old.unwrap_err(), Error::InstanceGone);
    assert_eq!(
        world.seen(&echo, &messages()),
        nothing(),
        "nothing of an earlier process"
    );
    world.person("lene").say(OPS, "two").unwrap();
    world.settle();
    let two = echo.events(Cursor::window(), &messages()).unwrap();
    assert_eq!(
        (lines(&two.events), two.events[0].id.0),
        (vec!["lene: two".to_owned()], 1),
        "ids from 1"
    );

    world.pass(seconds(15));
    world.person("lene").say(OPS, "three").unwrap();
    world.settle();
    let late = echo
        .events(Cursor::after(EventId(0), &two.instance), &all())
        .unwrap();
    assert_eq!(lines(&late.events), ["lene: three"]);
    let cursor = Cursor::after(EventId(1), &two.instance);
    world.pass(seconds(15));
    assert_eq!(
        lines(&echo.events(cursor, &all()).unwrap().events),
        nothing(),
        "older than the window is not served"
    );
}

#[test]
fn what_retention_dropped_is_a_gap_for_whom_it_concerns_and_never_410() {
    let world = World::with(|builder| builder.keep_messages(Some(seconds(3600))));
    let (echo, bob) = (world.agent("echo", &[OPS]), world.agent("bob", &[LAB]));
    let (mark, bobs) = (world.mark(&echo), world.mark(&bob));
    world.person("lene").say(OPS, "too old").unwrap();
    world.pass(seconds(1800));
    world.person("lene").say(OPS, "kept").unwrap();
    world.pass(seconds(1860));
    world.admin().put_metadata_value("bob", "a", "b").unwrap();
    world.admin().put_metadata_value("bob", "a", "c").unwrap();
    world.settle();
    let batch = echo.events(mark, &messages()).unwrap();
    assert_eq!(
        (lines(&batch.events), batch.gap),
        (vec!["lene: kept".to_owned()], true)
    );
    let again = echo
        .events(Cursor::after(batch.last, &batch.instance), &messages())
        .unwrap();
    assert!(!again.gap);
    assert!(
        !bob.events(bobs, &messages()).unwrap().gap,
        "nothing of bob's was lost"
    );
}

#[test]
fn an_answer_has_at_most_100_events_and_the_next_goes_on_after_it() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    for n in 0..250 {
        lene.say(OPS, format!("n{n}")).unwrap();
    }
    world.settle();
    let mut cursor = Cursor::window();
    let mut sizes = Vec::new();
    let mut texts = Vec::new();
    loop {
        let batch = echo.events(cursor.clone(), &messages()).unwrap();
        if batch.events.is_empty() {
            break;
        }
        assert_eq!(
            batch.events.last().unwrap().id.0.max(batch.last.0),
            batch.last.0
        );
        assert!(batch.last > cursor.last, "the same page twice");
        sizes.push(batch.events.len());
        texts.extend(lines(&batch.events));
        cursor = Cursor::after(batch.last, &batch.instance);
    }
    assert_eq!(
        texts,
        (0..250).map(|n| format!("lene: n{n}")).collect::<Vec<_>>()
    );
    assert!(
        sizes.iter().all(|size| *size <= 100) && sizes.len() >= 3,
        "{sizes:?}"
    );
}

#[test]
fn an_answer_has_at_most_256_kib() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    for n in 0..20 {
        world
            .person("lene")
            .say(OPS, format!("{n}{}", "x".repeat(40_000)))
            .unwrap();
    }
    world.settle();
    let batch = echo.events(Cursor::window(), &messages()).unwrap();
    let bytes: usize = batch
        .events
        .iter()
        .filter_map(Event::message)
        .map(|message| message.text.len())
        .sum();
    assert!(
        batch.events.len() < 20 && bytes <= 256 << 10,
        "{} of {bytes}",
        batch.events.len()
    );
    let rest = echo
        .events(Cursor::after(batch.last, &batch.instance), &messages())
        .unwrap();
    assert!(
        line(&rest.events[0]).starts_with(&format!("lene: {}", batch.events.len())),
        "nothing is skipped"
    );
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

#[test]
fn ids_stay_below_their_limit_by_beginning_a_new_instance() {
    let world = World::with(|builder| builder.shown_max(20));
    let echo = world.agent("echo", &[OPS]);
    let first = echo.events(Cursor::window(), &all()).unwrap();
    for n in 0..30 {
        world.person("lene").say(OPS, format!("n{n}")).unwrap();
    }
    world.settle();
    let old = echo.events(Cursor::after(first.last, &first.instance), &all());
    assert_eq!(old.unwrap_err(), Error::InstanceGone);
    let now = echo.events(Cursor::window(), &all()).unwrap();
    assert_ne!(now.instance, first.instance);
    assert!(
        now.events
            .iter()
            .all(|event| (1..=20).contains(&event.id.0)),
        "{:?}",
        now.events
    );
    assert_eq!(line(now.events.last().unwrap()), "lene: n29");
}

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

#[test]
fn a_wait_ends_with_the_first_event_or_empty_when_its_time_is_over() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let mark = world.mark(&echo);
    let wait = || {
        let waiting = begin(echo.wait_events_async(mark.clone(), messages(), seconds(30)));
        world.until(|stats| stats.waiters == 1);
        waiting
    };
    let poll = wait();
    world.person("lene").say(OPS, "hello").unwrap();
    assert_eq!(
        lines(&poll.join().unwrap().unwrap().events),
        ["lene: hello"]
    );
    let mark = world.mark(&echo);
    let poll = begin(echo.wait_events_async(mark.clone(), messages(), seconds(30)));
    world.until(|stats| stats.waiters == 1);
    world.pass(seconds(29));
    world.admin().put_metadata_value("echo", "a", "b").unwrap();
    assert!(
        !poll.is_finished(),
        "what the filter keeps away does not end it"
    );
    world.pass(seconds(1));
    let batch = poll.join().unwrap().unwrap();
    assert!(batch.events.is_empty());
    assert!(batch.last > mark.last, "but the cursor moved");
    world.until(|stats| stats.waiters == 0);
}

#[test]
fn waits_of_one_agent_have_a_limit() {
    let world = World::with(|builder| builder.waiters_per_agent(2));
    let echo = world.agent("echo", &[OPS]);
    let mark = world.mark(&echo);
    let polls: Vec<_> = (0..2)
        .map(|_| begin(echo.wait_events_async(mark.clone(), all(), seconds(30))))
        .collect();
    world.until(|stats| stats.waiters == 2);
    let third = echo.wait_events(mark.clone(), &all(), seconds(30));
    assert!(matches!(third, Err(Error::Busy { .. })));
    assert!(
        echo.events(mark, &all()).is_ok(),
        "one that does not wait is no wait"
    );
    world.pass(seconds(30));
    polls
        .into_iter()
        .for_each(|poll| assert!(poll.join().unwrap().is_ok()));
}

#[test]
fn after_the_clock_was_set_back_a_commit_from_the_future_counts_as_made_now() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    world.person("lene").say(OPS, "from the future").unwrap();
    world.settle();
    world
        .clock
        .jump_wall(switchboard::chrono::Duration::hours(-5));
    world.person("lene").say(OPS, "now").unwrap();
    world.pass(seconds(10));
    assert_eq!(
        world.seen(&echo, &messages()),
        ["lene: from the future", "lene: now"]
    );
    assert_eq!(ids(&echo, Cursor::window()).len(), 3, "in order, none lost");
}
