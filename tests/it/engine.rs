//! The engine as a whole: one to a file, at home on any thread, and gone without a trace.
//!
//! Method: files that are not ours are compared byte by byte; threads, runtimes and backends try to make it hang.

use crate::script::{Script, accepted};
use crate::world::{Disk, LAB, OPS, SOON, World, begin, new_agent, poll, seconds, wait};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use switchboard::backend::{Loopback, reply};
use switchboard::{
    AgentState, Broadcast, Credentials, Cursor, Engine, Error, EventQuery, NewMessage, Principal,
    Result, Subscription, Token,
};

fn open(path: &Path) -> Result<Engine> {
    Engine::builder()
        .database(path)
        .backend(Loopback::new())
        .open()
}

/// What is shown of a broadcast, with the agents it concerns.
fn shown(item: &Broadcast) -> String {
    let what = match item {
        Broadcast::Message { message, .. } => message.text.clone(),
        Broadcast::MetaData { key, value, .. } => format!("{key}={value:?}"),
        Broadcast::ChannelState {
            channel, active, ..
        } => format!("{channel} {active}"),
        Broadcast::AgentState { state, reason, .. } => {
            format!("{state:?} {}", reason.as_deref().unwrap_or(""))
        }
        other => format!("{other:?}"),
    };
    let mut agents: Vec<_> = item.agents().iter().map(|agent| agent.as_str()).collect();
    agents.sort_unstable();
    format!("{what} [{}]", agents.join(" "))
}

fn drain(subscription: &mut Subscription) -> Vec<String> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|item| shown(&item))
        .collect()
}

#[test]
fn a_second_engine_on_the_same_file_is_refused_until_the_first_is_gone() {
    let disk = Disk::new();
    let first = open(&disk.path()).unwrap();
    assert!(
        matches!(open(&disk.path()), Err(Error::InUse(path)) if path.contains("switchboard.db"))
    );
    let clone = first.clone();
    drop(first);
    assert!(open(&disk.path()).is_err(), "a clone keeps it");
    drop(clone);
    let again = open(&disk.path()).unwrap();
    again.shutdown(SOON).unwrap();
    open(&disk.path()).unwrap();
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_untouched() {
    let disk = Disk::new();
    let path = disk.path();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{error}");
        error
    };
    drop(open(&path).unwrap());
    let ours = std::fs::read(&path).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut file = ours.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    assert!(matches!(
        refused(b"Dear diary, today I met a database that was none."),
        Error::ForeignDatabase { .. }
    ));
    assert!(matches!(
        refused(&b"x".repeat(5000)),
        Error::ForeignDatabase { .. }
    ));
    assert!(
        matches!(
            refused(&with(68, &[1, 2, 3, 4])),
            Error::ForeignDatabase { .. }
        ),
        "another application's id"
    );
    let newer = refused(&with(60, &[0, 0, 0, 99]));
    assert!(
        matches!(newer, Error::NewerDatabase { found: 99, .. }),
        "{newer:?}"
    );
    let damaged = refused(&with(100, &[0xff; 3000]));
    assert!(
        matches!(damaged, Error::Corrupt(_) | Error::Storage(_)),
        "{damaged:?}"
    );
    std::fs::write(&path, &ours).unwrap();
    drop(open(&path).unwrap());
}

#[test]
fn a_schema_that_lost_a_table_is_corrupt() {
    let disk = Disk::new();
    drop(open(&disk.path()).unwrap());
    let before = std::fs::read(disk.path()).unwrap();
    let renamed = String::from("CREATE TABLE throttle_agent");
    // Every copy of it: a page that was split leaves its old text behind.
    let found: Vec<usize> = (0..before.len() - renamed.len())
        .filter(|at| before[*at..].starts_with(renamed.as_bytes()))
        .collect();
    assert!(!found.is_empty());
    let mut file = before.clone();
    found
        .iter()
        .for_each(|at| file[at + renamed.len() - 1] = b'T');
    std::fs::write(disk.path(), &file).unwrap();
    let error = open(&disk.path()).unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    assert_eq!(std::fs::read(disk.path()).unwrap(), file);
}

#[test]
fn settings_out_of_their_limits_are_invalid() {
    let builder = Engine::builder;
    for wrong in [
        builder().event_window(seconds(0)),
        builder().event_window(seconds(3601)),
        builder().token_lifetime(seconds(0)),
        builder().flap_delay(seconds(3601)),
        builder().post_deadline(seconds(0)),
        builder().super_user("root", ""),
        builder().super_user("", "x"),
        builder().super_user("root", "x".repeat(1025)),
    ] {
        assert!(matches!(wrong.open(), Err(Error::Invalid(_))));
    }
}

#[test]
fn it_lives_and_dies_inside_a_foreign_runtime() {
    for flavour in ["one thread", "many threads"] {
        let mut builder = match flavour {
            "one thread" => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = builder.build().unwrap();
        let entered = runtime.enter();
        let run = async {
            let chat = crate::world::chat();
            let engine = Engine::builder().backend(chat.clone()).open().unwrap();
            let admin = engine.provisioning(&Principal::host("ada")).unwrap();
            admin
                .put_agent_async(new_agent("echo", &[OPS]))
                .await
                .unwrap();
            let echo = engine.agent("echo").unwrap();
            echo.wait_active_async().await.unwrap();
            echo.wait_active(SOON).unwrap();
            echo.post_async(OPS, NewMessage::text("async"))
                .await
                .unwrap();
            echo.post(OPS, NewMessage::text("sync")).unwrap();
            let seen = echo
                .wait_events_async(Cursor::window(), EventQuery::messages(), seconds(5))
                .await
                .unwrap();
            assert_eq!(seen.events.len(), 2);
            engine.settle(SOON).unwrap();
            drop(engine);
        };
        wait(run);
        drop(entered);
        let (done, over) = mpsc::channel();
        runtime.spawn(async move {
            let engine = Engine::builder()
                .backend(crate::world::chat())
                .open()
                .unwrap();
            engine.shutdown_async(SOON).await.unwrap();
            drop(engine);
            drop(
                Engine::builder()
                    .backend(crate::world::chat())
                    .open()
                    .unwrap(),
            );
            done.send(()).unwrap();
        });
        match flavour {
            "one thread" => {
                let pumped = thread::spawn(move || over.recv_timeout(SOON));
                #[expect(
                    clippy::disallowed_methods,
                    reason = "this runtime is the test's own, not the engine's"
                )]
                runtime.block_on(async {
                    while !pumped.is_finished() {
                        tokio::task::yield_now().await
                    }
                });
                pumped.join().unwrap().unwrap();
            }
            _ => over.recv_timeout(SOON).unwrap(),
        }
    }
}

#[test]
fn dropped_on_one_of_its_own_threads_it_neither_hangs_nor_panics() {
    let disk = Disk::new();
    let last: Arc<Mutex<Option<Engine>>> = Arc::default();
    let (dropped, was) = mpsc::channel();
    let script = Script::new({
        let last = last.clone();
        move |_, inbox| {
            let (last, dropped) = (last.clone(), dropped.clone());
            inbox.spawn(async move {
                tokio::task::yield_now().await;
                drop(last.lock().unwrap().take());
                dropped
                    .send(thread::current().name().unwrap_or_default().to_owned())
                    .unwrap();
            });
            reply(std::future::pending())
        }
    });
    let engine = Engine::builder()
        .database(disk.path())
        .backend(script)
        .open()
        .unwrap();
    let admin = engine.provisioning(&Principal::host("ada")).unwrap();
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    admin.put_agent(agent).unwrap();
    let echo = engine.agent("echo").unwrap();
    echo.wait_active(SOON).unwrap();
    let mut post = echo.post_async(OPS, NewMessage::text("x"));
    *last.lock().unwrap() = Some(engine);
    drop(admin);
    assert!(poll(&mut post).is_pending());
    let name = was.recv_timeout(SOON).unwrap();
    assert!(name.starts_with("switchboard"), "{name}");
    assert!(matches!(echo.metadata(), Err(Error::Closed)));
}

#[test]
fn a_blocking_call_on_one_of_its_own_threads_would_deadlock_and_says_so() {
    let engine: Arc<OnceLock<Engine>> = Arc::default();
    let (told, answers) = mpsc::channel();
    let world = World::with(|builder| {
        let engine = engine.clone();
        builder.backend(Script::new(move |_, _| {
            let (engine, told) = (engine.clone(), told.clone());
            reply(async move {
                tokio::task::yield_now().await; // from here on it is polled on the engine's own threads
                let engine = engine.get().unwrap();
                let echo = engine.agent("echo").unwrap();
                told.send(engine.log_out(&Token::new("x"))).unwrap();
                told.send(engine.shutdown(SOON)).unwrap();
                told.send(echo.post(OPS, NewMessage::text("y")).map(drop))
                    .unwrap();
                told.send(echo.metadata_async().await.map(drop)).unwrap();
                Ok(accepted())
            })
        }))
    });
    engine.set(world.engine.clone()).unwrap();
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    echo.post(OPS, NewMessage::text("x")).unwrap();
    let answers: Vec<_> = answers.try_iter().collect();
    let would = || Err(Error::WouldDeadlock);
    assert_eq!(
        answers,
        [would(), would(), would(), Ok(())],
        "and the async twin does what it should"
    );
}

#[test]
fn a_shutdown_answers_every_wait_and_refuses_what_comes_after() {
    let world = World::with(|builder| builder.backend(Script::silent()));
    let mut silent = new_agent("silent", &[OPS]);
    silent.address = switchboard::Address::parse("script:silent").unwrap();
    let silent = world.put(silent);
    world.pass(seconds(1)); // at most 50 dials begin in a second
    let echo = world.agent("echo", &[OPS]);
    let mark = world.mark(&echo);
    let polling = begin(echo.wait_events_async(mark.clone(), EventQuery::all(), seconds(3600)));
    let post = begin(silent.post_async(OPS, NewMessage::text("x")));
    let mut reader = echo.reader("main", EventQuery::messages()).unwrap();
    let reading = thread::spawn(move || reader.next().map(|event| event.is_none()));
    let mut subscription = world.engine.subscribe();
    world.until(|stats| stats.waiters == 2 && stats.posts_in_flight == 1);
    let clone = world.engine.clone();
    clone.shutdown(SOON).unwrap();
    clone.shutdown(SOON).unwrap();
    assert!(polling.join().unwrap().unwrap().events.is_empty());
    assert_eq!(reading.join().unwrap(), Ok(true));
    assert!(matches!(
        post.join().unwrap(),
        Err(Error::OutcomeUnknown(_))
    ));
    let ended = loop {
        match subscription.next_timeout(SOON) {
            Ok(item) => assert!(!matches!(item.as_deref(), Some(Broadcast::Message { .. }))),
            Err(error) => break error,
        }
    };
    assert_eq!(ended, Error::Closed);
    let closed = |answer: Result<()>| assert_eq!(answer, Err(Error::Closed));
    closed(echo.post(OPS, NewMessage::text("x")).map(drop));
    closed(echo.channels().map(drop));
    closed(echo.metadata().map(drop));
    closed(echo.wait_active(SOON));
    closed(echo.reader("other", EventQuery::all()).map(drop));
    closed(world.admin().put_agent(new_agent("bob", &[])).map(drop));
    closed(world.admin().agents().map(drop));
    closed(
        world
            .engine
            .log_in(&Credentials::agent("lene", "x", "echo"))
            .map(drop),
    );
    closed(world.engine.log_out(&Token::new("A".repeat(43))));
    // Those that waited got an empty answer; one that comes late would spin on it (issue 9).
    closed(
        echo.wait_events(mark, &EventQuery::messages(), seconds(3600))
            .map(drop),
    );
    assert!(!world.engine.readiness().ready);
}

#[test]
fn a_shutdown_that_hangs_in_a_backend_is_cut_at_its_deadline() {
    let world = World::new();
    world.chat.delay(seconds(3600));
    world.admin().put_agent(new_agent("echo", &[OPS])).unwrap();
    world.settle();
    let _ = world.engine.shutdown(seconds(1));
    assert!(matches!(world.admin().agents(), Err(Error::Closed)));
}

#[test]
fn a_subscription_sees_everything_once_with_whom_it_concerns() {
    let world = World::new();
    let mut subscription = world.engine.subscribe();
    let (echo, _bob) = (world.agent("echo", &[OPS]), world.agent("bob", &[OPS, LAB]));
    assert_eq!(
        drain(&mut subscription),
        [
            "Active  [echo]",
            "chat-room:ops true [echo]",
            "Active  [bob]",
            "chat-room:ops true [bob]",
            "chat-room:lab true [bob]"
        ]
    );
    world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    echo.post(OPS, NewMessage::text("hi")).unwrap();
    world.person("lene").say(LAB, "elsewhere").unwrap();
    world.settle();
    world.admin().put_metadata_value("echo", "a", "b").unwrap();
    world.chat.kick(LAB, "bob", "noise");
    world.settle();
    assert_eq!(
        drain(&mut subscription),
        [
            "hello [bob echo]",
            "hi [bob echo]",
            "elsewhere [bob]",
            "a=Some(\"b\") [echo]",
            "chat-room:lab false [bob]"
        ]
    );
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    let first = drain(&mut subscription).remove(0);
    assert_eq!(first, "Idle the connection was cut [echo]");
}

#[test]
fn a_subscriber_that_lags_loses_no_message() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    let mut subscription = world.engine.subscribe();
    let mut late = world.engine.subscribe();
    let count = 20_000;
    for n in 0..count {
        if let Err(Error::Busy { .. }) = lene.say(OPS, n.to_string()) {
            world.settle();
            lene.say(OPS, n.to_string()).unwrap();
        }
    }
    world.settle();
    let expected: Vec<_> = (0..count).map(|n| format!("{n} [echo]")).collect();
    assert_eq!(drain(&mut subscription), expected);
    for text in &expected {
        assert_eq!(shown(&late.next_timeout(SOON).unwrap().unwrap()), *text);
    }
    assert!(late.try_next().is_none());
}

#[test]
fn a_subscription_is_an_iterator_that_ends_with_the_engine() {
    let world = World::new();
    let subscription = world.engine.subscribe();
    let counted = thread::spawn(move || {
        subscription
            .filter(|item| matches!(**item, Broadcast::Message { .. }))
            .count()
    });
    world.agent("echo", &[OPS]);
    world.person("lene").say(OPS, "one").unwrap();
    world.person("lene").say(OPS, "two").unwrap();
    world.settle();
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(counted.join().unwrap(), 2);
}

#[test]
fn stats_say_what_the_engine_holds() {
    let world = World::with(|builder| builder.authenticator(crate::world::Sesame));
    world.agent("echo", &[OPS]);
    world.chat.refuse("bob", "no");
    world.admin().put_agent(new_agent("bob", &[OPS])).unwrap();
    world.token("lene", "echo");
    world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    let stats = world.engine.stats();
    assert_eq!((stats.agents, stats.active_agents, stats.tokens), (2, 1, 1));
    assert_eq!(
        (
            stats.waiters,
            stats.posts_in_flight,
            stats.strays,
            stats.writable
        ),
        (0, 0, 0, true)
    );
    assert!(stats.window_bytes > 0);
    world.pass(seconds(15));
    world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    assert!(
        world.engine.stats().window_bytes < 2 * stats.window_bytes,
        "the window lets go"
    );
}

#[test]
fn settle_waits_for_what_is_under_way_and_says_so_if_it_lasts() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    for n in 0..500 {
        lene.say(OPS, n.to_string()).unwrap();
    }
    world.settle();
    let last = echo.messages(OPS, 1, None).unwrap().remove(0).text;
    assert_eq!(last, "499");
    let mut reader = echo.reader("main", EventQuery::metadata()).unwrap();
    let mut next = Box::pin(reader.next_async());
    // It looks through the window in several steps before it waits.
    while world.engine.stats().waiters == 0 {
        assert!(poll(&mut next).is_pending());
    }
    world.admin().put_metadata_value("echo", "a", "b").unwrap();
    assert!(wait(next).unwrap().is_some());
    assert!(
        matches!(world.engine.settle(seconds(0)), Err(Error::TimedOut(_))),
        "a reader is busy with its event"
    );
    drop(reader);
    world.settle();
}

#[test]
fn clones_serve_many_threads_at_once() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let engine = world.engine.clone();
            thread::spawn(move || {
                let echo = engine.agent("echo").unwrap();
                let admin = engine
                    .provisioning(&Principal::host(format!("host {n}")))
                    .unwrap();
                for m in 0..5 {
                    echo.post(OPS, NewMessage::text(format!("{n} {m}")))
                        .unwrap();
                    admin
                        .put_metadata_value("echo", &n.to_string(), &m.to_string())
                        .unwrap();
                    assert!(echo.events(Cursor::window(), &EventQuery::all()).is_ok());
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let said: Vec<String> = lene.unheard().into_iter().map(|heard| heard.text).collect();
    assert_eq!(said.len(), 40);
    for n in 0..8 {
        let of_one: Vec<_> = said
            .iter()
            .filter(|text| text.starts_with(&format!("{n} ")))
            .collect();
        assert_eq!(
            of_one,
            [0, 1, 2, 3, 4]
                .map(|m| format!("{n} {m}"))
                .iter()
                .collect::<Vec<_>>(),
            "each thread's in order"
        );
    }
    assert_eq!(world.admin().metadata("echo").unwrap().len(), 8);
    assert_eq!(world.status("echo").state, AgentState::Active);
}
