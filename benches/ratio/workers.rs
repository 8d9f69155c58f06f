//! Workers: events given out and acknowledged one by one, against a plain reader.

use super::common::{Options, Pairs, Report, Watch, world::room};
use super::{SOON, loopback};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use switchboard::{
    Collaboration, Engine, EventQuery, NewAgent, NewMessage, Principal, SharedReader,
};

/// Deliveries a second: each attempt is durable before its event is handed out, so one worker is
/// bound by the disk, and several share its commits.
pub(super) fn workers(options: &Options) {
    let events = options.number("events", 400);
    let directory = options.fresh_directory("workers");
    let engine = Engine::builder()
        .database(directory.join("db"))
        .shared_backend(loopback(true, 1))
        .open()
        .unwrap();
    let admin = engine.provisioning(&Principal::host("bench")).unwrap();
    let desk = NewAgent::new("desk", "loopback:desk").unwrap();
    admin.put_agent(desk.channel(room(0)).unwrap()).unwrap();
    let desk = engine.agent("desk").unwrap();
    desk.wait_joined(room(0), SOON).unwrap();

    let query = EventQuery::messages;
    let mut plain = desk.reader("plain", query()).unwrap();
    let one = desk.shared_reader("one", query()).unwrap();
    let four = desk.shared_reader("four", query()).unwrap();
    let mut watch = Watch::new(options);
    let (mut of_one, mut of_four) = (Pairs::default(), Pairs::default());
    for _ in 0..options.pairs(9) {
        post(&desk, events);
        let begin = Instant::now();
        for _ in 0..events {
            plain.next().unwrap().unwrap();
        }
        plain.acknowledge().unwrap();
        let raw = begin.elapsed().as_secs_f64() / events as f64 * 1e6;
        of_one.push(raw, drain(&one, 1, events));
        of_four.push(raw, drain(&four, 4, events));
        watch.tick();
    }
    for (what, pairs) in [("1 worker", &of_one), ("4 workers", &of_four)] {
        Report::new(
            "W1",
            format!("a delivery, {what}, over a plain reader"),
            "us",
        )
        .noisy(watch.noisy())
        .also("syncs a second", watch.syncs())
        .pairs(pairs);
    }
    engine.shutdown(SOON).unwrap();
}

fn post(desk: &Collaboration, events: usize) {
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..events / 8 {
                    desk.post(room(0), NewMessage::text("hello")).unwrap();
                }
            });
        }
    });
}

/// Microseconds a delivery.
fn drain(reader: &SharedReader, workers: usize, events: usize) -> f64 {
    let left = AtomicUsize::new(events);
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let reader = reader.clone();
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok()
                {
                    reader.next_delivery().unwrap().unwrap().ack();
                }
            });
        }
    });
    begin.elapsed().as_secs_f64() / events as f64 * 1e6
}
