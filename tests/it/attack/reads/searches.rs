//! Searches: bounded, in turns, and over when their caller leaves.

use super::super::{full, python};
use super::{filled, resident};
use crate::world::{Disk, LAB, OPS, SOON, World, begin, poll, seconds};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use switchboard::{
    Collaboration, Cursor, Error, EventQuery, NewMessage, SearchCriteria, SearchSet,
};

/// Searches that were begun, each waited for on a thread of its own.
type Searches = Vec<JoinHandle<switchboard::Result<Vec<SearchSet>>>>;

/// Begins `count` searches of the agents in turn for words that are nowhere.
fn search(agents: &[Collaboration], count: usize, words: impl Fn(usize) -> String) -> Searches {
    (0..count)
        .map(|n| begin(agents[n % agents.len()].search_async(SearchCriteria::words(words(n)))))
        .collect()
}

/// How many of them are still under way.
fn under_way(searches: &Searches) -> usize {
    searches
        .iter()
        .filter(|search| !search.is_finished())
        .count()
}

/// Waits for all of them. Each found nothing, or ended with one of these errors.
fn ended(searches: Searches, errors: fn(&Error) -> bool) {
    for search in searches {
        match search.join().unwrap() {
            Ok(found) => assert!(found.is_empty(), "{found:?}"),
            Err(error) => assert!(errors(&error), "{error:?}"),
        }
    }
}

/// A search that had to wait for too long says so.
fn timed_out(error: &Error) -> bool {
    matches!(error, Error::TimedOut(_))
}

/// So does one whose engine stopped.
fn timed_out_or_closed(error: &Error) -> bool {
    matches!(error, Error::TimedOut(_) | Error::Closed)
}

/// Ten more agents that can search everything.
fn greedy(world: &World) -> Vec<Collaboration> {
    (0..10)
        .map(|n| world.agent(&format!("greedy{n}"), &[OPS]))
        .collect()
}

/// The longest of five calls.
fn slowest_of_five(call: impl Fn()) -> Duration {
    (0..5)
        .map(|_| {
            let began = Instant::now();
            call();
            began.elapsed()
        })
        .max()
        .unwrap()
}

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
    let searches = search(&[echo], 16, |n| format!("nowhere{n} neither{n}"));
    let mut slowest = Duration::ZERO;
    let mut calls = 0;
    loop {
        let began = Instant::now();
        crate::world::wait(other.metadata_async()).unwrap();
        other.events(Cursor::window(), &EventQuery::all()).unwrap();
        other
            .post(LAB, NewMessage::text("beside").key(format!("{calls}")))
            .unwrap();
        slowest = slowest.max(began.elapsed());
        calls += 1;
        if under_way(&searches) == 0 || calls == 200 {
            break;
        }
    }
    ended(searches, timed_out);
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
    let greedy = search(&[echo], 30, |n| format!("nowhere{n}"));
    crate::world::wait(other.search_async(SearchCriteria::words("anything"))).unwrap();
    let waiting = under_way(&greedy);
    println!("the other agent's search was answered while {waiting} of 30 still waited");
    assert!(waiting > 10, "{waiting}");
    ended(greedy, timed_out);
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
    // As many words as a search may have, none of which occurs.
    let words = |n: usize| {
        (0..256)
            .map(|word| format!("no{n}x{word}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let searches = search(&greedy(&world), 100, words);
    let slowest = slowest_of_five(|| {
        let found = crate::world::wait(other.search_async(SearchCriteria::words("word")));
        assert_eq!(found.unwrap().len(), 1);
    });
    let waiting = under_way(&searches);
    println!(
        "beside searches of ten agents, {waiting} of 100 still under way: a search for one word took {slowest:?} at most"
    );
    world.engine.shutdown(SOON).unwrap();
    ended(searches, timed_out_or_closed);
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
    let searches = search(&[echo], 8, |n| format!("nowhere{n}"));
    let began = Instant::now();
    world.engine.shutdown(SOON).unwrap();
    let took = began.elapsed();
    println!("stopped beside eight searches after {took:?}");
    assert!(took < seconds(2), "{took:?}");
    ended(searches, |error| matches!(error, Error::Closed));
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
        // Events that were there already may be returned; then every call ends with `Closed`.
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
    let greedy = greedy(&world);
    let echo = world.engine.agent("echo").unwrap();
    let agents: Vec<_> = (0..20)
        .map(|n| if n % 4 == 0 { &echo } else { &greedy[n % 10] })
        .cloned()
        .collect();
    let searches = search(&agents, 40, |n| format!("nowhere{n} neither{n}"));
    let admin = world.admin();
    let slowest = slowest_of_five(|| {
        assert_eq!(crate::world::wait(admin.agents_async()).unwrap().len(), 12);
        crate::world::wait(admin.audit_async(0, 100)).unwrap();
    });
    let waiting = under_way(&searches);
    println!(
        "beside searches of ten agents, {waiting} of which still ran: the slowest lists {slowest:?}"
    );
    world.engine.shutdown(SOON).unwrap();
    ended(searches, timed_out_or_closed);
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
