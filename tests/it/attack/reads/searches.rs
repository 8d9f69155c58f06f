//! Searches: bounded, in turns, and over when their caller leaves.

use super::super::{full, python};
use super::{filled, resident};
use crate::world::{Disk, LAB, OPS, SOON, World, begin, poll, seconds};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use switchboard::{Cursor, Error, EventQuery, NewMessage, SearchCriteria};

#[test]
fn a_search_for_too_many_words_is_refused_at_once() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let words: Vec<String> = (0..100_000).map(|n| format!("w{n}")).collect();
    let began = Instant::now();
    let refused = echo.search(&SearchCriteria::words(words.join(" ")));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    println!("100,000 words refused after {:?}", began.elapsed());
}

#[test]
fn searches_that_go_through_everything_do_not_delay_others() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = filled(&disk, if full() { 200_000 } else { 4_000 });
    let (echo, other) = (
        world.engine.agent("echo").unwrap(),
        world.engine.agent("other").unwrap(),
    );
    // Sixteen of one agent, on executors of their own, each for words that are nowhere.
    let over = Arc::new(AtomicBool::new(false));
    let searches: Vec<_> = (0..16)
        .map(|n| begin(echo.search_async(SearchCriteria::words(format!("nowhere{n} neither{n}")))))
        .collect();
    let mut slowest = Duration::ZERO;
    let mut calls = 0;
    while !over.load(Ordering::Acquire) {
        let began = Instant::now();
        crate::world::wait(other.metadata_async()).unwrap();
        other.events(Cursor::window(), &EventQuery::all()).unwrap();
        other
            .post(LAB, NewMessage::text("beside").key(format!("{calls}")))
            .unwrap();
        slowest = slowest.max(began.elapsed());
        calls += 1;
        over.store(
            searches.iter().all(|search| search.is_finished()) || calls >= 200,
            Ordering::Release,
        );
    }
    for search in searches {
        // One that had to wait for too long says so.
        let answer = search.join().unwrap();
        assert!(
            matches!(&answer, Ok(found) if found.is_empty())
                || matches!(answer, Err(Error::TimedOut(_))),
            "{answer:?}"
        );
    }
    println!(
        "beside sixteen searches: {calls} rounds of metadata, events and a post, the slowest {slowest:?}"
    );
    assert!(slowest < seconds(2), "{slowest:?}");
}

#[test]
fn a_search_of_one_agent_does_not_wait_for_all_of_another() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = filled(&disk, 4_000);
    let (echo, other) = (
        world.engine.agent("echo").unwrap(),
        world.engine.agent("other").unwrap(),
    );
    let greedy: Vec<_> = (0..30)
        .map(|n| begin(echo.search_async(SearchCriteria::words(format!("nowhere{n}")))))
        .collect();
    crate::world::wait(other.search_async(SearchCriteria::words("anything"))).unwrap();
    let waiting = greedy.iter().filter(|search| !search.is_finished()).count();
    println!("the other agent's search was answered while {waiting} of 30 still waited");
    assert!(waiting > 10, "{waiting}");
    for search in greedy {
        let answer = search.join().unwrap();
        assert!(
            matches!(answer, Ok(_) | Err(Error::TimedOut(_))),
            "{answer:?}"
        );
    }
}

#[test]
fn a_short_search_waits_for_turns_of_long_ones_and_not_for_whole_ones() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = filled(&disk, if full() { 200_000 } else { 20_000 });
    let other = world.engine.agent("other").unwrap();
    other.post(LAB, NewMessage::text("the word")).unwrap();
    let greedy: Vec<_> = (0..10)
        .map(|n| world.agent(&format!("greedy{n}"), &[OPS]))
        .collect();
    // As many words as are taken, none of which is there.
    let words = |n: usize| {
        (0..256)
            .map(|word| format!("no{n}x{word}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let searches: Vec<_> = (0..100)
        .map(|n| begin(greedy[n % 10].search_async(SearchCriteria::words(words(n)))))
        .collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(
            crate::world::wait(other.search_async(SearchCriteria::words("word")))
                .unwrap()
                .len(),
            1
        );
        slowest = slowest.max(began.elapsed());
    }
    let waiting = searches
        .iter()
        .filter(|search| !search.is_finished())
        .count();
    println!(
        "beside searches of ten agents, {waiting} of 100 still under way: a search for one word took {slowest:?} at most"
    );
    world.engine.shutdown(SOON).unwrap();
    for search in searches {
        let answer = search.join().unwrap();
        assert!(
            matches!(answer, Ok(_) | Err(Error::TimedOut(_) | Error::Closed)),
            "{answer:?}"
        );
    }
    assert!(waiting > 50, "they were long: {waiting}");
    assert!(slowest < seconds(1), "{slowest:?}");
}

#[test]
fn a_search_whose_caller_left_ends_and_the_next_is_served() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = filled(&disk, 4_000);
    let echo = world.engine.agent("echo").unwrap();
    for n in 0..30 {
        let mut left = echo.search_async(SearchCriteria::words(format!("nowhere{n}")));
        assert!(poll(&mut left).is_pending());
    }
    let began = Instant::now();
    let found = crate::world::wait(echo.search_async(SearchCriteria::words("first"))).unwrap();
    println!("after 30 searches that were left: {:?}", began.elapsed());
    assert_eq!(found.len(), 1);
}

#[test]
fn the_engine_stops_while_searches_run() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = filled(&disk, 20_000);
    let echo = world.engine.agent("echo").unwrap();
    let searches: Vec<_> = (0..8)
        .map(|n| begin(echo.search_async(SearchCriteria::words(format!("nowhere{n}")))))
        .collect();
    let began = Instant::now();
    world.engine.shutdown(SOON).unwrap();
    let took = began.elapsed();
    println!("stopped beside eight searches after {took:?}");
    assert!(took < seconds(2), "{took:?}");
    for search in searches {
        let answer = search.join().unwrap();
        assert!(matches!(answer, Err(Error::Closed) | Ok(_)), "{answer:?}");
    }
}

#[test]
fn what_is_asked_after_the_engine_stopped_is_closed() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let mut reader = echo.reader("main", EventQuery::all()).unwrap();
    let mut subscription = world.engine.subscribe();
    world.engine.shutdown(SOON).unwrap();
    let moment = Duration::from_millis(1);
    let all = EventQuery::all();
    for _ in 0..3 {
        assert_eq!(
            echo.wait_events(Cursor::window(), &all, moment).err(),
            Some(Error::Closed)
        );
        assert_eq!(
            echo.events(Cursor::window(), &all).err(),
            Some(Error::Closed)
        );
        assert_eq!(
            crate::world::wait(echo.wait_events_async(Cursor::window(), all.clone(), moment)).err(),
            Some(Error::Closed)
        );
        assert_eq!(
            crate::world::wait(echo.poll_reader_async(
                "polled",
                Cursor::window(),
                all.clone(),
                moment
            ))
            .err(),
            Some(Error::Closed)
        );
        // What was there already may be given; then it is over for good.
        while let Ok(Some(_)) = reader.next_timeout(moment) {}
        assert_eq!(reader.next_timeout(moment).err(), Some(Error::Closed));
        while let Ok(Some(_)) = subscription.next_timeout(moment) {}
        assert_eq!(subscription.next_timeout(moment).err(), Some(Error::Closed));
        assert_eq!(
            echo.search(&SearchCriteria::words("x")).err(),
            Some(Error::Closed)
        );
        assert_eq!(echo.metadata().err(), Some(Error::Closed));
        assert_eq!(
            echo.post(OPS, NewMessage::text("x")).err(),
            Some(Error::Closed)
        );
        assert_eq!(echo.wait_active(moment).err(), Some(Error::Closed));
        assert!(matches!(
            echo.upload(OPS, "x", Some(1), &b"x"[..]),
            Err(Error::Closed)
        ));
    }
}

#[test]
fn an_answer_of_history_or_search_is_bounded_in_bytes() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    for n in 0..90 {
        lene.say(OPS, format!("{n} {}", "x".repeat(60_000)))
            .unwrap();
    }
    world.settle();
    let mut pages = Vec::new();
    let mut before: Option<String> = None;
    let mut all = 0;
    loop {
        let page = echo.messages(OPS, 1000, before.as_deref()).unwrap();
        let Some(oldest) = page.first() else { break };
        before = Some(oldest.id.to_string());
        let bytes: usize = page.iter().map(|message| message.text.len()).sum();
        assert!(bytes <= 4 << 20, "{bytes}");
        all += page.len();
        pages.push(bytes);
        if pages.len() == 1 {
            assert!(
                page.last().unwrap().text.starts_with("89 "),
                "the newest come first"
            );
        }
    }
    println!("answers of history: {pages:?} bytes");
    assert!(pages.len() > 1);
    assert_eq!(all, 90, "and nothing is lost between them");
    let found = echo.search(&SearchCriteria::words("x")).unwrap();
    assert!(found.is_empty());
    let found = echo.search(&SearchCriteria::words("")).unwrap();
    let bytes: usize = found
        .iter()
        .flat_map(|set| &set.messages)
        .map(|message| message.text.len())
        .sum();
    println!("an answer of search: {bytes} bytes");
    assert!(bytes > 1 << 20 && bytes <= 4 << 20, "{bytes}");
}

#[test]
fn an_administrators_lists_do_not_wait_for_the_searches_of_many_agents() {
    if !python() {
        return;
    }
    let disk = Disk::new();
    let world = filled(&disk, if full() { 40_000 } else { 4_000 });
    let greedy: Vec<_> = (0..10)
        .map(|n| world.agent(&format!("greedy{n}"), &[OPS]))
        .collect();
    let echo = world.engine.agent("echo").unwrap();
    let searches: Vec<_> = (0..40)
        .map(|n| {
            if n % 4 == 0 {
                echo.clone()
            } else {
                greedy[n % 10].clone()
            }
        })
        .enumerate()
        .map(|(n, agent)| {
            begin(agent.search_async(SearchCriteria::words(format!("nowhere{n} neither{n}"))))
        })
        .collect();
    let mut slowest = Duration::ZERO;
    let admin = world.admin();
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(crate::world::wait(admin.agents_async()).unwrap().len(), 12);
        crate::world::wait(admin.audit_async(0, 100)).unwrap();
        slowest = slowest.max(began.elapsed());
    }
    let waiting = searches
        .iter()
        .filter(|search| !search.is_finished())
        .count();
    println!(
        "beside searches of ten agents, {waiting} of which still ran: the slowest lists {slowest:?}"
    );
    world.engine.shutdown(SOON).unwrap();
    for search in searches {
        let answer = search.join().unwrap();
        assert!(
            matches!(answer, Ok(_) | Err(Error::TimedOut(_) | Error::Closed)),
            "{answer:?}"
        );
    }
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
}

#[test]
fn eight_answers_of_history_hold_little() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    for n in 0..200 {
        lene.say(OPS, format!("{n} {}", "x".repeat(60_000)))
            .unwrap();
    }
    world.settle();
    let before = resident();
    let answers: Vec<_> = (0..8)
        .map(|_| begin(echo.messages_async(OPS, 1000, None)))
        .map(|answer| answer.join().unwrap().unwrap())
        .collect();
    let bytes: usize = answers
        .iter()
        .flatten()
        .map(|message| message.text.len())
        .sum();
    println!(
        "eight answers of history: {bytes} bytes of text, {} MiB more",
        resident().saturating_sub(before)
    );
    assert!(bytes <= 8 * (4 << 20), "{bytes}");
}
