//! Waits, and how large an answer is.

use super::{all, messages};
use crate::world::{OPS, World, begin, line, lines, seconds};
use switchboard::{Cursor, Error, Event};

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
