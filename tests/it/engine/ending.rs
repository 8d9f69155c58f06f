//! An engine can be ended on any thread and inside any runtime, within its deadline.

use crate::script::{Script, accepted};
use crate::world::{Disk, OPS, SOON, World, begin, new_agent, poll, seconds, wait};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use switchboard::backend::reply;
use switchboard::{
    AgentState, Broadcast, Credentials, Cursor, Engine, Error, EventQuery, NewMessage, Principal,
    Result, Token,
};

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
    // Waiting polls got an empty answer; a late poll would repeat in a loop on that (issue 9).
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
