//! Patterns in polls: a slow pattern delays only its own agent.

use super::super::{full, python};
use super::{filled, resident};
use crate::world::{Disk, LAB, OPS, SOON, World, poll, seconds};
use std::time::{Duration, Instant};
use switchboard::{
    AsyncResult, ChannelId, Collaboration, Cursor, Error, EventBatch, EventId, EventQuery,
};

#[test]
fn evil_patterns_cost_half_a_millisecond_at_most() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    let mut slowest = (Duration::ZERO, "");
    for pattern in [
        "(a+)+$",
        "(a|a)*b",
        "(.*a){12}c",
        "^(?:(?=a)a+)+$",
        "^(a|(?=a)aa)+$",
        "^((?=a)a*)*b",
        r"(\w*)*\d",
        "(x+x+)+y",
    ] {
        // Takes the best of several runs, because other work on the machine is not the pattern's
        // cost.
        let query = EventQuery::messages().regex(pattern);
        let times = (0..9).map(|_| {
            // Uses a new message each time, because the verdict on a message is remembered.
            let cursor = world.mark(&echo);
            lene.say(OPS, "a".repeat(300)).unwrap();
            world.settle();
            let began = Instant::now();
            echo.events(cursor, &query).unwrap();
            began.elapsed()
        });
        let best = times.min().unwrap();
        if best > slowest.0 {
            slowest = (best, pattern);
        }
    }
    println!("the slowest evil pattern: {slowest:?}");
    // Unoptimised code takes about twenty times longer than a release build.
    let limit = if cfg!(debug_assertions) {
        Duration::from_millis(20)
    } else {
        Duration::from_micros(500)
    };
    assert!(slowest.0 < limit, "{slowest:?}");
}

#[test]
fn a_poll_that_looks_through_the_window_lets_others_go_first() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    for n in 0..250 {
        lene.say(OPS, format!("{n}")).unwrap();
    }
    world.settle();
    let elsewhere = ChannelId::parse(LAB).unwrap();
    let mut asked = echo.events_async(Cursor::window(), EventQuery::messages().channel(&elsewhere));
    let mut turns = 0;
    while poll(&mut asked).is_pending() {
        turns += 1;
        assert!(turns < 100, "it ends");
    }
    println!("a look through 250 messages in memory gave way {turns} times");
    assert!(turns >= 2, "{turns}");
}

/// An executor of one thread, as a host of one core has.
fn executor() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap()
}

/// The slowest of small calls for `other`, on that executor, until `over`.
fn slowest_beside(
    executor: &tokio::runtime::Runtime,
    other: &Collaboration,
    over: impl Fn() -> bool,
) -> (Duration, u32) {
    let (mut slowest, mut calls) = (Duration::ZERO, 0);
    let ends = Instant::now() + seconds(20);
    while (!over() || calls < 3) && Instant::now() < ends {
        let began = Instant::now();
        crate::world::wait(executor.spawn(other.metadata_async()))
            .unwrap()
            .unwrap();
        slowest = slowest.max(began.elapsed());
        calls += 1;
    }
    (slowest, calls)
}

/// The attacker's pattern: each match runs to its last step.
fn slow_pattern(number: usize) -> String {
    format!(r"(?=(\w+\s+)*x{number}$)(\w+\s?)*x{number}$")
}

#[test]
fn polls_with_patterns_that_backtrack_over_everything_do_not_delay_others() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = filled(&disk, if full() { 60_000 } else { 2_000 });
    let (echo, other) = (
        world.engine.agent("echo").unwrap(),
        world.engine.agent("other").unwrap(),
    );
    let first = Cursor::after_id(EventId(1));
    let executor = executor();
    let polls: Vec<_> = (0..16)
        .map(|n| {
            let query = EventQuery::messages().regex(slow_pattern(n));
            executor.spawn(echo.wait_events_async(first.clone(), query, seconds(60)))
        })
        .collect();
    let ends = Instant::now() + if full() { seconds(12) } else { seconds(3) };
    let (slowest, calls) = slowest_beside(&executor, &other, || Instant::now() >= ends);
    println!(
        "beside sixteen polls with a slow pattern: {calls} reads of metadata, the slowest {slowest:?}"
    );
    let began = Instant::now();
    let query = EventQuery::messages().regex(slow_pattern(99));
    let theirs =
        crate::world::wait(executor.spawn(other.events_async(Cursor::window(), query))).unwrap();
    println!(
        "another agent's poll with such a pattern: {:?}",
        began.elapsed()
    );
    theirs.unwrap();
    assert!(slowest < seconds(1), "{slowest:?}");
    assert!(began.elapsed() < seconds(2), "{:?}", began.elapsed());
    polls.iter().for_each(tokio::task::JoinHandle::abort);
    let began = Instant::now();
    world.engine.shutdown(SOON).unwrap();
    assert!(began.elapsed() < seconds(2), "{:?}", began.elapsed());
    executor.shutdown_background();
}

#[test]
fn patterns_that_are_not_known_are_compiled_beside_the_executor() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let other = world.agent("other", &[LAB]);
    let executor = executor();
    let polls: Vec<_> = (0..64)
        .map(|n| {
            let query = EventQuery::messages().regex(format!(r"(\w{{4}}){{2}}{n}"));
            executor.spawn(echo.events_async(Cursor::window(), query))
        })
        .collect();
    let over = || polls.iter().all(tokio::task::JoinHandle::is_finished);
    let (slowest, calls) = slowest_beside(&executor, &other, over);
    println!("while 64 patterns were compiled: {calls} reads of metadata, the slowest {slowest:?}");
    for poll in polls {
        let answer = crate::world::wait(poll).unwrap();
        assert!(
            matches!(&answer, Ok(_) | Err(Error::Busy { .. })),
            "{answer:?}"
        );
    }
    // One pattern takes ten times that where it is compiled without optimisation.
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
    executor.shutdown_background();
}

#[test]
fn a_thousand_waiting_polls_with_one_slow_pattern_cost_one_match_a_message() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let other = world.agent("other", &[LAB]);
    let lene = world.person("lene");
    let executor = executor();
    let start = world.mark(&echo);
    let polls: Vec<_> = (0..1000)
        .map(|_| {
            let query = EventQuery::messages().regex("^(?:(?=a)a+)+$");
            executor.spawn(echo.wait_events_async(start.clone(), query, seconds(60)))
        })
        .collect();
    world.until(|stats| stats.waiters >= 1000);
    let hits = world.engine.stats().pattern_limits;
    lene.say(OPS, format!("{}!", "a".repeat(299))).unwrap();
    world.until(|stats| stats.pattern_limits > hits);
    let (slowest, _) = slowest_beside(&executor, &other, || true);
    lene.say(OPS, "aaa").unwrap();
    let mut found = 0;
    for poll in polls {
        found += crate::world::wait(poll).unwrap().unwrap().events.len();
    }
    let matches = world.engine.stats().pattern_limits - hits;
    println!(
        "1,000 polls: the slow message was matched {matches} times; the slowest read beside {slowest:?}"
    );
    assert_eq!(found, 1000, "each is answered with the message that passes");
    // Two threads may compile the pattern at the same time.
    assert!(matches <= 2, "{matches}");
    assert!(slowest < seconds(1), "{slowest:?}");
    executor.shutdown_background();
}

#[test]
fn polls_with_a_slow_pattern_skip_nothing() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = filled(&disk, 1_000);
    let echo = world.engine.agent("echo").unwrap();
    let mut cursor = Cursor::after_id(EventId(1));
    let (mut seen, mut answers) = (Vec::new(), 0);
    loop {
        let query = EventQuery::messages().regex(r"(?=server)(\w+\s)+\d*7$");
        let batch = crate::world::wait(echo.events_async(cursor.clone(), query)).unwrap();
        answers += 1;
        if batch.events.is_empty() && batch.last == cursor.last {
            break;
        }
        assert!(
            batch.last > cursor.last && !batch.gap && answers < 500,
            "each answer goes on"
        );
        seen.extend(batch.events.iter().map(|event| event.id));
        cursor = Cursor::after(batch.last, &batch.instance);
    }
    println!("{} of 1,000 passed, in {answers} answers", seen.len());
    assert_eq!(seen.len(), 100);
    assert!(
        seen.windows(2).all(|two| two[0] < two[1]),
        "in order, each once"
    );
}

/// What a poll beside `waiters` others is answered, or none once it waits: its pattern is compiled
/// aside.
fn settled(
    world: &World,
    waiters: usize,
    asked: &mut AsyncResult<EventBatch>,
) -> Option<switchboard::Result<EventBatch>> {
    loop {
        match poll(asked) {
            std::task::Poll::Ready(answer) => return Some(answer),
            std::task::Poll::Pending if world.engine.stats().waiters > waiters => return None,
            std::task::Poll::Pending => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_thousand_polls_with_large_patterns_meet_their_agents_bound() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let other = world.agent("other", &[OPS]);
    let before = resident();
    let (mut held, mut refused) = (Vec::new(), 0);
    for n in 0..1000 {
        let query = EventQuery::messages().regex(format!(r"\w{{8}}{n}"));
        let mut waiting = echo.wait_events_async(Cursor::window(), query, seconds(60));
        let answer = settled(&world, held.len(), &mut waiting);
        match answer {
            Some(answer) => {
                assert!(matches!(answer, Err(Error::Busy { .. })), "{answer:?}");
                refused += 1;
            }
            None => held.push(waiting),
        }
    }
    println!(
        "of 1,000 polls {} wait, {refused} are busy; {} MiB more",
        held.len(),
        resident().saturating_sub(before)
    );
    assert!(held.len() <= 85, "{}", held.len());
    let mut others = other.wait_events_async(
        Cursor::window(),
        EventQuery::messages().regex("mine"),
        seconds(60),
    );
    assert!(
        settled(&world, held.len(), &mut others).is_none(),
        "another agent has room"
    );
    held.clear();
    echo.events(Cursor::window(), &EventQuery::messages().regex("again"))
        .unwrap();
}
