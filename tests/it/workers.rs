//! Workers: events given out one by one, acknowledged, given back, given up, over restarts.
//!
//! Method: `lene` speaks in two rooms, the agent `desk` has workers; the clock is moved by hand.

use crate::world::{Disk, LAB, OPS, SOON, World, begin, line, seconds, wait};
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use switchboard::{
    Collaboration, Cursor, DeadDelivery, Delivery, Error, EventQuery, Handled, NewMessage,
    Provisioning, SharedReader, Terms, Workers,
};

fn messages() -> EventQuery {
    EventQuery::messages().remote()
}

fn desk(world: &World) -> Collaboration {
    world.agent("desk", &[OPS, LAB])
}

fn say(world: &World, channel: &str, texts: &[&str]) {
    let lene = world.person("lene");
    for text in texts {
        lene.say(channel, *text).unwrap();
    }
    world.settle();
}

fn text(delivery: &Delivery) -> &str {
    &delivery.message().unwrap().text
}

/// The next delivery, which must be there.
fn next(reader: &SharedReader) -> Delivery {
    reader
        .next_delivery_timeout(seconds(0))
        .unwrap()
        .expect("an event")
}

fn nothing(reader: &SharedReader) {
    let delivery = reader.next_delivery_timeout(seconds(0)).unwrap();
    assert!(delivery.is_none(), "{delivery:?}");
}

fn dead(admin: &Provisioning, reader: &str) -> Vec<DeadDelivery> {
    admin.dead_deliveries("desk", reader, 100).unwrap()
}

/// The reader `tickets` of a world that was opened again.
fn again(world: &World, terms: Terms) -> SharedReader {
    let desk = world.engine.agent("desk").unwrap();
    desk.wait_active(SOON).unwrap();
    desk.shared_reader_on("tickets", messages(), terms).unwrap()
}

/// The files of `disk` as they are now, as after a kill.
fn killed(disk: &Disk, world: World) -> World {
    let crashed = Disk::new();
    for file in std::fs::read_dir(disk.directory()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), crashed.directory().join(file.file_name())).unwrap();
    }
    let world = world.restart(&crashed);
    std::mem::forget(crashed);
    world
}

#[test]
fn several_threads_draw_each_event_once_and_a_restart_repeats_none() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let desk = desk(&world);
    // Each opens it for itself: it is one reader.
    let open = || desk.shared_reader("tickets", messages()).unwrap();
    let (done, drawn) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (reader, done, drawn) = (open(), done.clone(), drawn.clone());
            thread::spawn(move || {
                for delivery in reader.iter() {
                    let delivery = delivery.unwrap();
                    drawn.lock().unwrap().push(text(&delivery).to_owned());
                    delivery.ack();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let texts: Vec<String> = (0..50).map(|n| format!("{n:02}")).collect();
    say(
        &world,
        OPS,
        &texts.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    assert_eq!(done.load(Ordering::Relaxed), 50, "settled means handled");
    let world = world.restart(&disk);
    workers
        .into_iter()
        .for_each(|worker| worker.join().unwrap());
    let mut drawn = drawn.lock().unwrap().clone();
    drawn.sort();
    assert_eq!(drawn, texts);
    nothing(&again(&world, Terms::new()));
}

#[test]
fn what_was_not_acknowledged_comes_again_with_its_count_after_a_kill() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let reader = desk(&world).shared_reader("tickets", messages()).unwrap();
    say(&world, OPS, &["one", "two", "three"]);
    let (first, second) = (next(&reader), next(&reader));
    assert_eq!((text(&first), first.attempt), ("one", 1));
    second.ack();
    world.pass(seconds(1));
    world.engine.settle(SOON).unwrap();
    let world = killed(&disk, world);
    drop((first, reader));
    let reader = again(&world, Terms::new());
    let deliveries = [next(&reader), next(&reader)];
    let seen = deliveries
        .each_ref()
        .map(|delivery| (text(delivery), delivery.attempt));
    assert_eq!(
        seen,
        [("one", 2), ("three", 1)],
        "the second one was acknowledged"
    );
    nothing(&reader);
}

#[test]
fn what_is_given_back_or_dropped_comes_again_and_is_dead_after_its_last_attempt() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let terms = Terms::new().attempts(3);
    desk(&world);
    let reader = again(&world, terms);
    say(&world, OPS, &["one"]);
    next(&reader).nack(seconds(30));
    nothing(&reader);
    world.pass(seconds(30));
    let second = next(&reader);
    assert_eq!(second.attempt, 2);
    drop(second);
    nothing(&reader);
    world.pass(seconds(2));
    let third = next(&reader);
    assert_eq!(third.attempt, 3);
    third.nack(seconds(0));
    world.pass(seconds(60));
    nothing(&reader);
    let given_up = dead(&world.admin(), "tickets");
    assert_eq!(given_up.len(), 1);
    let gone = &given_up[0];
    assert_eq!(line(&gone.event), "lene: one");
    assert_eq!((gone.attempts, &*gone.reason), (3, "it was given back"));

    // Given again, also over a restart and once its message is gone.
    world.admin().revive(gone).unwrap();
    assert!(matches!(
        world.admin().revive(gone),
        Err(Error::NotFound(_))
    ));
    assert!(dead(&world.admin(), "tickets").is_empty());
    let again_now = next(&reader);
    assert_eq!((text(&again_now), again_now.attempt), ("one", 1));
    drop((again_now, reader));
    world.settle();
    let world = world.restart_with(&disk, |builder| builder.keep_messages(Some(seconds(60))));
    world.pass(seconds(300));
    let kept = world
        .engine
        .agent("desk")
        .unwrap()
        .events(Cursor::beginning(), &messages());
    assert!(kept.unwrap().events.is_empty(), "its message is gone");
    let reader = again(&world, terms);
    let revived = next(&reader);
    assert_eq!((text(&revived), revived.attempt), ("one", 2));
    revived.ack();
    world.settle();
    let world = world.restart(&disk);
    nothing(&again(&world, terms));
}

#[test]
fn a_lease_that_ends_gives_the_event_to_another_worker() {
    let world = World::new();
    desk(&world);
    let reader = again(&world, Terms::new().lease(seconds(10)));
    say(&world, OPS, &["one"]);
    let slow = next(&reader);
    world.pass(seconds(9));
    nothing(&reader);
    assert!(slow.extend());
    world.pass(seconds(9));
    nothing(&reader);
    let waiting = thread::spawn({
        let reader = reader.clone();
        move || reader.next_delivery().unwrap().unwrap().attempt
    });
    world.until(|stats| stats.waiters > 0);
    world.pass(seconds(1));
    // The other one dropped it, so it comes again after its pause.
    assert_eq!(waiting.join().unwrap(), 2);
    assert!(!slow.extend());
    slow.ack();
    world.pass(seconds(60));
    nothing(&reader);
}

#[test]
fn order_is_kept_for_each_channel_and_a_failing_one_holds_up_no_other() {
    let world = World::new();
    desk(&world);
    let reader = again(&world, Terms::new().in_order_per_channel());
    say(&world, OPS, &["ops 1", "ops 2"]);
    say(&world, LAB, &["lab 1", "lab 2"]);
    let (ops, lab) = (next(&reader), next(&reader));
    assert_eq!((text(&ops), text(&lab)), ("ops 1", "lab 1"));
    nothing(&reader);
    ops.nack(seconds(30));
    lab.ack();
    let lab = next(&reader);
    assert_eq!(text(&lab), "lab 2");
    lab.ack();
    nothing(&reader);
    world.pass(seconds(30));
    for expected in ["ops 1", "ops 2"] {
        let delivery = next(&reader);
        assert_eq!(text(&delivery), expected);
        delivery.ack();
    }
}

#[test]
fn a_name_is_of_one_kind_and_other_terms_supersede() {
    let world = World::new();
    let desk = desk(&world);
    let first = desk.shared_reader("tickets", messages()).unwrap();
    let plain = desk.reader("tickets", messages());
    assert!(
        matches!(&plain, Err(Error::Invalid(text)) if text.contains("shared")),
        "{plain:?}"
    );
    let _plain = desk.reader("main", messages()).unwrap();
    let shared = desk.shared_reader("main", messages());
    assert!(matches!(&shared, Err(Error::Invalid(_))), "{shared:?}");

    let waiting = thread::spawn(move || first.next_delivery());
    world.until(|stats| stats.waiters > 0);
    let second = desk
        .shared_reader_on("tickets", messages(), Terms::new().attempts(2))
        .unwrap();
    let superseded = waiting.join().unwrap();
    assert!(
        matches!(superseded, Err(Error::Superseded(_))),
        "{superseded:?}"
    );
    say(&world, OPS, &["one"]);
    next(&second).ack();
    world.admin().delete_reader("desk", "tickets").unwrap();
    let deleted = second.next_delivery_timeout(seconds(0));
    assert!(matches!(deleted, Err(Error::Superseded(_))), "{deleted:?}");
}

#[test]
fn workers_that_wait_end_with_the_agent_and_with_the_engine() {
    let world = World::new();
    let desk = desk(&world);
    let waits = |reader: &SharedReader| {
        let reader = reader.clone();
        thread::spawn(move || reader.next_delivery().unwrap().is_none())
    };
    let reader = desk.shared_reader("tickets", messages()).unwrap();
    let waiting: Vec<_> = (0..3).map(|_| waits(&reader)).collect();
    world.until(|stats| stats.waiters >= 3);
    world.admin().delete_agent("desk").unwrap();
    waiting
        .into_iter()
        .for_each(|waiting| assert!(waiting.join().unwrap()));
    let gone = reader.next_delivery_timeout(seconds(1));
    assert!(matches!(gone, Err(Error::Unauthorized(_))), "{gone:?}");

    let reader = again_after_delete(&world);
    let waiting: Vec<_> = (0..3).map(|_| waits(&reader)).collect();
    world.until(|stats| stats.waiters >= 3);
    world.engine.shutdown(SOON).unwrap();
    waiting
        .into_iter()
        .for_each(|waiting| assert!(waiting.join().unwrap()));
    let closed = reader.next_delivery_timeout(seconds(1));
    assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
}

fn again_after_delete(world: &World) -> SharedReader {
    desk(world).shared_reader("tickets", messages()).unwrap()
}

#[test]
fn a_plain_reader_hands_out_several_and_its_place_follows_the_first_open_one() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let mut reader = desk(&world).reader("main", messages()).unwrap();
    say(&world, OPS, &["one", "two", "three", "four"]);
    assert_eq!(line(&reader.next().unwrap().unwrap()), "lene: one");
    let mut draw = || reader.next_delivery_timeout(seconds(0)).unwrap();
    let (two, three) = (draw().unwrap(), draw().unwrap());
    assert_eq!((text(&two), text(&three)), ("two", "three"));
    three.ack();
    two.nack(seconds(5));
    let four = draw().unwrap();
    assert_eq!(text(&four), "four");
    assert!(draw().is_none());
    world.pass(seconds(5));
    let two = draw().unwrap();
    assert_eq!((text(&two), two.attempt), ("two", 2));
    thread::spawn(move || four.ack()).join().unwrap();
    world.pass(seconds(1));
    let world = killed(&disk, world);
    drop((two, reader));
    let desk = world.engine.agent("desk").unwrap();
    let mut reader = desk.reader("main", messages()).unwrap();
    let first = reader.next_delivery_timeout(seconds(0)).unwrap().unwrap();
    assert_eq!((text(&first), first.attempt), ("two", 1));
    first.ack();
    assert_eq!(line(&reader.next().unwrap().unwrap()), "lene: three");
}

// ---------------------------------------------------------------- dispatch

/// Runs a dispatch on a thread of its own until the engine of `world` is shut down.
fn dispatched(
    desk: &Collaboration,
    workers: Workers,
    handler: impl Fn(&Delivery) -> switchboard::Result<Handled> + Send + Sync + 'static,
) -> thread::JoinHandle<switchboard::Result<()>> {
    let desk = desk.clone();
    thread::spawn(move || desk.dispatch(messages(), workers, handler))
}

#[test]
fn a_dispatch_answers_every_message_and_outlives_errors_and_panics() {
    let world = World::new();
    let (desk, lene) = (desk(&world), world.person("lene"));
    let attempts = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let (counted, poster) = (attempts.clone(), desk.clone());
    let workers = Workers::new(3).in_order_per_channel().attempts(2);
    let dispatch = dispatched(&desk, workers, move |delivery| {
        let message = delivery.message().unwrap();
        counted
            .lock()
            .unwrap()
            .insert(message.text.clone(), delivery.attempt);
        match &*message.text {
            "panic" if delivery.attempt == 1 => panic!("on purpose"),
            "busy" if delivery.attempt == 1 => {
                let retry_after = Duration::from_secs(7);
                return Err(Error::Busy {
                    what: "the ticket system".into(),
                    retry_after,
                });
            }
            "never" => return Err(Error::Rejected("no".into())),
            "later" if delivery.attempt == 1 => return Ok(Handled::Again(Duration::from_secs(3))),
            _ => {}
        }
        let answer = NewMessage::text(format!("filed: {}", message.text)).answering(delivery);
        poster.post(&message.channel, answer)?;
        Ok(Handled::Done)
    });
    world.until(|stats| stats.waiters >= 3);
    for said in ["one", "panic", "busy", "never", "later", "last"] {
        lene.say(OPS, said).unwrap();
    }
    world.pass(seconds(60));
    let heard: Vec<_> = lene.unheard().into_iter().map(|heard| heard.text).collect();
    let filed = ["one", "panic", "busy", "later", "last"].map(|text| format!("filed: {text}"));
    assert_eq!(heard, filed);
    let expected = [
        ("busy", 2),
        ("last", 1),
        ("later", 2),
        ("never", 2),
        ("one", 1),
        ("panic", 2),
    ];
    let expected = expected.map(|(text, attempts)| (text.to_owned(), attempts));
    assert_eq!(*attempts.lock().unwrap(), BTreeMap::from(expected));
    let dead = dead(&world.admin(), "dispatch");
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].reason, "the chat system refused: no");
    world.engine.shutdown(SOON).unwrap();
    dispatch.join().unwrap().unwrap();
}

#[derive(Debug, PartialEq)]
struct NoTickets(u32);

impl std::fmt::Display for NoTickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no tickets left, only {}", self.0)
    }
}

impl std::error::Error for NoTickets {}

#[test]
fn a_hosts_own_error_ends_the_dispatch_and_is_returned() {
    let world = World::new();
    let desk = desk(&world);
    let dispatch = dispatched(&desk, Workers::new(4), |delivery| match text(delivery) {
        "stop" => Err(Error::host(NoTickets(3))),
        _ => Ok(Handled::Done),
    });
    world.until(|stats| stats.waiters >= 4);
    say(&world, OPS, &["one", "stop"]);
    let error = dispatch.join().unwrap().unwrap_err();
    let own = std::error::Error::source(&error).unwrap();
    assert_eq!(own.downcast_ref::<NoTickets>(), Some(&NoTickets(3)));
    // It was not done, so the next dispatch gets it again.
    world.pass(seconds(1));
    let reader = desk.shared_reader("dispatch", messages()).unwrap();
    let mut again = next(&reader);
    if text(&again) == "one" {
        // The dispatch ended before a worker had it: that was no attempt.
        assert_eq!(again.attempt, 1);
        again.ack();
        again = next(&reader);
    }
    assert_eq!((text(&again), again.attempt), ("stop", 2));
}

#[test]
fn a_dispatch_works_on_any_executor_several_at_a_time() {
    let world = World::new();
    let desk = desk(&world);
    let most = Arc::new(Mutex::new((0, 0)));
    let (gauge, engine) = (most.clone(), world.engine.clone());
    let dispatch = thread::spawn({
        let desk = desk.clone();
        move || {
            wait(
                desk.dispatch_async(messages(), Workers::new(2), |delivery| {
                    let (gauge, engine) = (gauge.clone(), engine.clone());
                    async move {
                        let change = |by: i32| {
                            let mut gauge = gauge.lock().unwrap();
                            gauge.0 += by;
                            gauge.1 = gauge.1.max(gauge.0);
                        };
                        change(1);
                        if text(&delivery) == "panic" && delivery.attempt == 1 {
                            change(-1);
                            panic!("on purpose");
                        }
                        engine.sleep_async(seconds(5)).await?;
                        change(-1);
                        Ok::<_, Error>(())
                    }
                }),
            )
        }
    });
    world.until(|stats| stats.waiters >= 2);
    say(&world, OPS, &["one", "two", "panic", "four"]);
    world.pass(seconds(60));
    assert_eq!(*most.lock().unwrap(), (0, 2), "two at a time");
    world.engine.shutdown(SOON).unwrap();
    dispatch.join().unwrap().unwrap();
}

#[test]
fn deliveries_stream_on_any_executor() {
    let world = World::new();
    let reader = desk(&world).shared_reader("tickets", messages()).unwrap();
    say(&world, OPS, &["one", "two"]);
    let two = reader.stream().take(2).map(|delivery| {
        let delivery = delivery.unwrap();
        let said = text(&delivery).to_owned();
        delivery.ack();
        said
    });
    assert_eq!(wait(two.collect::<Vec<_>>()), ["one", "two"]);
    let waiting = begin(Box::pin(async move { reader.next_delivery_async().await }));
    world.engine.shutdown(SOON).unwrap();
    assert!(waiting.join().unwrap().unwrap().is_none());
}
