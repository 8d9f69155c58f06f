//! Reads that never end, beside logins, events and small reads that must not wait for them.

use super::{full, python};
use crate::world::{Disk, LAB, OPS, SOON, World, begin, poll, seconds};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use switchboard::{
    AsyncResult, ChannelId, Collaboration, Cursor, Error, EventBatch, EventId, EventQuery,
    NewMessage, SearchCriteria,
};

/// A world with two agents and `rows` messages that one of them can search, put into the file by hand.
fn filled(disk: &Disk, rows: u32) -> World {
    let world = World::stored(disk);
    world.agent("echo", &[OPS, LAB]);
    world.agent("other", &[LAB]);
    world
        .engine
        .agent("echo")
        .unwrap()
        .post(OPS, NewMessage::text("the first one"))
        .unwrap();
    world.engine.shutdown(SOON).unwrap();
    // Faster than posting: the rows below copy the first, with numbers of their own.
    let script = "
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
first, conversation = c.execute('SELECT seq, conversation FROM message').fetchone()
next = c.execute(\"SELECT value FROM setting WHERE name = 'reserved'\").fetchone()[0]
rows = int(sys.argv[2])
words = 'server room five is down again since the morning of the day before '
c.executemany('INSERT INTO message (seq, conversation, message_id, sender, time, committed, alert, transfer, text) '
  'VALUES (?, ?, ?, ?, 1700000000000, 1700000000000, 0, 0, ?)',
  ((next + n, conversation, 'm%d' % n, 'lene', words * 3 + str(n)) for n in range(rows)))
c.execute(\"UPDATE setting SET value = ? WHERE name = 'reserved'\", (next + rows,))
c.commit()
";
    let run = std::process::Command::new("python3")
        .arg("-c")
        .arg(script)
        .arg(disk.path())
        .arg(rows.to_string())
        .status();
    assert!(run.unwrap().success());
    let world = world.restart(disk);
    world
        .engine
        .agent("echo")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    world
        .engine
        .agent("other")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    world
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
        // The best of several: what the machine does meanwhile is not the pattern's.
        let query = EventQuery::messages().regex(pattern);
        let times = (0..9).map(|_| {
            // A message each time: what was said of one is remembered.
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
    // Unoptimised code takes some twenty times longer than what is released.
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

/// What the attacker asked for: each match goes on to its last step.
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
    // Two threads may come to it at the same time.
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
fn events_of_large_messages_come_whole_and_in_order_from_the_journal() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let echo = world.agent("echo", &[OPS, LAB]);
    let mut cursor = world.mark(&echo);
    let lene = world.person("lene");
    for n in 0..60 {
        lene.say(
            if n % 3 == 0 { LAB } else { OPS },
            format!("{n} {}", "x".repeat(50_000)),
        )
        .unwrap();
    }
    world.settle();
    world.pass(seconds(3600));
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    // A pattern that few pass makes it go on through pages that were cut by their bytes.
    let late = echo
        .events(cursor.clone(), &EventQuery::messages().regex("^59 "))
        .unwrap();
    assert_eq!(late.events.len(), 1);
    let (mut seen, mut answers) = (Vec::new(), 0);
    while seen.len() < 60 && answers < 100 {
        let batch = echo.events(cursor, &EventQuery::messages()).unwrap();
        assert!(!batch.gap);
        cursor = Cursor::after(batch.last, &batch.instance);
        seen.extend(
            batch
                .events
                .iter()
                .map(|event| crate::world::line(event).len()),
        );
        answers += 1;
    }
    println!("60 messages of 50 KB in {answers} answers");
    assert_eq!(seen.len(), 60);
}

/// What this process holds in memory now, in MiB; other tests beside this one count too.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("0 kB");
    line.trim()
        .trim_end_matches(" kB")
        .parse::<usize>()
        .unwrap_or(0)
        >> 10
}

/// What a poll beside `waiters` others is answered, or none once it waits: its pattern is compiled aside.
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
