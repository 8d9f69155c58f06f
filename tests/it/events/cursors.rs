//! Cursors, instances, the window and gaps.

use super::{all, busy_world, messages, nothing};
use crate::world::{Disk, LAB, OPS, World, line, lines, seconds};
use switchboard::chrono::{DateTime, Utc};
use switchboard::{Collaboration, Cursor, Error, EventId, EventMode};

/// Ids begin with the seconds since this moment.
const SINCE: &str = "2020-01-01T00:00:00Z";

fn ids(agent: &Collaboration, cursor: Cursor) -> Vec<i64> {
    agent
        .events(cursor, &all())
        .unwrap()
        .events
        .iter()
        .map(|event| event.id.0)
        .collect()
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
    let without = || echo.events(Cursor::after_id(above), &all()).unwrap();
    assert_eq!(lines(&without().events), lines(&now.events));
    assert_eq!(lines(&without().events), nothing(), "once");
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
    let first = (world.clock_now() - SINCE.parse::<DateTime<Utc>>().unwrap()).num_seconds();
    assert_eq!(before.events[0].id.0, first);
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
    assert_eq!(lines(&two.events), ["lene: two"]);
    assert!(two.events[0].id > before.last, "ids go on rising");

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
