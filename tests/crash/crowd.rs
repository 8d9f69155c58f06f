//! A shutdown with a full house: every call is answered soon, and what was acknowledged is kept.

use super::{ROOM, SOON, Scratch, again, chat, echo, events_after, texts};
use futures_util::future::join_all;
use std::collections::HashSet;
use std::process::Stdio;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};
use switchboard::backend::Loopback;
use switchboard::{
    AsyncResult, Cursor, Engine, Error, EventBatch, EventId, EventQuery, NewAgent, NewMessage,
    Principal, Result,
};

const HOUR: Duration = Duration::from_secs(3600);
const CROWD: &str = "SWITCHBOARD_CROWD";

/// A foreign runtime, such as a host has.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap()
}

/// Starts `waits` on the host's runtime and returns when every one waits in the hub.
fn seat(
    host: &tokio::runtime::Runtime,
    engine: &Engine,
    waits: Vec<AsyncResult<EventBatch>>,
) -> Seated {
    let most = waits.len();
    let seated: Seated = waits.into_iter().map(|wait| host.spawn(wait)).collect();
    let late = Instant::now() + 3 * SOON;
    while engine.stats().waiters < most {
        assert!(
            Instant::now() < late,
            "only {} of {most} wait",
            engine.stats().waiters
        );
        thread::yield_now();
    }
    seated
}

type Seated = Vec<tokio::task::JoinHandle<Result<EventBatch>>>;

/// Waits for all of them on a plain thread.
fn answers(seated: Seated) -> Vec<Result<EventBatch>> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let host = runtime();
    host.spawn(async move { sender.send(join_all(seated).await) });
    let answers = receiver.recv_timeout(SOON).expect("everybody is answered");
    answers.into_iter().map(|answer| answer.unwrap()).collect()
}

#[test]
fn shutdown_answers_a_thousand_waiters_and_sixty_four_posters() {
    let scratch = Scratch::new("closing");
    let (database, record) = (scratch.file("db"), scratch.file("record"));
    let engine = Engine::builder()
        .database(&database)
        .backend(chat(&record))
        .open()
        .unwrap();
    let agent = echo(&engine);
    let host = runtime();
    // Of metadata only, so that the posts do not end their waits.
    let wait = |_| agent.wait_events_async(Cursor::window(), EventQuery::metadata(), HOUR);
    let seated = seat(&host, &engine, (0..1000).map(wait).collect());

    let begun = Barrier::new(65);
    let (kept, took) = thread::scope(|scope| {
        let posters: Vec<_> = (0..64)
            .map(|poster| {
                let (agent, begun) = (&agent, &begun);
                scope.spawn(move || {
                    begun.wait();
                    let mut kept = Vec::new();
                    for n in 0.. {
                        let text = format!("{poster}/{n}");
                        match agent.post(ROOM, NewMessage::text(&text)) {
                            Ok(_) => kept.push(text),
                            Err(Error::Busy { .. }) => thread::yield_now(),
                            Err(
                                Error::Closed
                                | Error::OutcomeUnknown(_)
                                | Error::AgentInactive { .. },
                            ) => return kept,
                            Err(error) => panic!("`{text}` is answered {error:?}"),
                        }
                    }
                    kept
                })
            })
            .collect();
        begun.wait();
        // In the middle of the posts, when some hundred have come back.
        assert_eq!(engine.subscribe().iter().take(300).count(), 300);
        let closing = Instant::now();
        engine.shutdown(SOON).unwrap();
        let took = closing.elapsed();
        let kept: Vec<String> = posters
            .into_iter()
            .flat_map(|poster| poster.join().unwrap())
            .collect();
        (kept, took)
    });
    for answer in answers(seated) {
        assert!(answer.unwrap().events.is_empty());
    }
    println!(
        "shutdown with 1,000 waiters and 64 posters: {took:?}, {} posts acknowledged",
        kept.len()
    );
    assert!(took < SOON / 2, "shutdown took {took:?}");

    let engine = Engine::builder()
        .database(&database)
        .backend(chat(&record))
        .open()
        .unwrap();
    let agent = engine.agent("echo").unwrap();
    let instance = agent
        .events(Cursor::window(), &EventQuery::all())
        .unwrap()
        .instance;
    let all = texts(&events_after(&agent, EventId(1), &instance));
    let journal: HashSet<&String> = all.iter().collect();
    assert_eq!(journal.len(), all.len(), "something is there twice");
    let lost: Vec<&String> = kept.iter().filter(|text| !journal.contains(text)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}

#[test]
fn ten_thousand_idle_waits_hold_little_and_are_answered_at_shutdown() {
    // Runs in a process of its own, so that only its memory is counted.
    let run = again("crash::crowd::the_child_that_waits", &[(CROWD, "1")])
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    print!(
        "{}",
        said.lines()
            .filter(|line| line.contains("waits"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    );
}

#[test]
fn the_child_that_waits() {
    if std::env::var_os(CROWD).is_none() {
        return;
    }
    const WAITS: usize = 10_000;
    let chat = Loopback::new();
    chat.room(ROOM, "Operations");
    let engine = Engine::builder().in_memory().backend(chat).open().unwrap();
    let admin = engine.provisioning(&Principal::host("crowd")).unwrap();
    let agents: Vec<_> = (0..10)
        .map(|n| {
            let (id, address) = (format!("agent{n}"), format!("loopback:agent{n}"));
            admin
                .put_agent(
                    NewAgent::new(&*id, &*address)
                        .unwrap()
                        .channel(ROOM)
                        .unwrap(),
                )
                .unwrap();
            let agent = engine.agent(&*id).unwrap();
            agent.wait_active(SOON).unwrap();
            agent
        })
        .collect();
    engine.settle(SOON).unwrap();
    let host = runtime();
    let before = resident();
    let newest = agents[0]
        .events(Cursor::window(), &EventQuery::all())
        .unwrap()
        .last;
    let wait = |n: usize| {
        agents[n % 10].wait_events_async(Cursor::after_id(newest), EventQuery::all(), HOUR)
    };
    let seated = seat(&host, &engine, (0..WAITS).map(wait).collect());
    engine.settle(SOON).unwrap();
    let each = resident()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before) / WAITS);
    let begun = Instant::now();
    engine.shutdown(SOON).unwrap();
    let took = begun.elapsed();
    let answered = answers(seated);
    assert!(
        answered.len() == WAITS
            && answered
                .iter()
                .all(|answer| answer.as_ref().is_ok_and(|batch| batch.events.is_empty()))
    );
    println!(
        "{WAITS} waits: {each:?} bytes each in this build, answered at a shutdown of {took:?}"
    );
    // Most of the memory is the futures themselves, above all in a debug build; `benches/` has the
    // real figure.
    assert!(
        each.is_none_or(|each| each < 16 << 10),
        "{each:?} bytes a wait"
    );
    assert!(took < SOON / 2, "shutdown took {took:?}");
}

/// Bytes of this process in memory, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<usize>()
        .ok()
        .map(|kib| kib * 1024)
}
