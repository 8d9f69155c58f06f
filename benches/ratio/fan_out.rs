//! P5: what one notice costs with many subscribers.

use super::common::quiet::Quiet;
use super::common::world::{self, World};
use super::common::{Goal, Options, Pairs, Report, Watch, machine};
use super::open;
use super::raw::ring::RawRing;
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::ChannelId;
use switchboard::backend::StateChange;

/// Items that a subscriber may be behind before the publisher waits for it.
const BEHIND: u64 = 2048;

/// How often the publisher looks for the slowest subscriber.
const LOOK: u64 = 256;

/// Counts the items that a subscriber was given, on a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Given(AtomicU64);

/// Publishes `items` times and waits until every subscriber has all items. Returns the deliveries
/// per second, and the CPU nanoseconds of one.
fn publish(given: &[Given], items: u64, mut publish: impl FnMut(u64)) -> (f64, f64) {
    let before: Vec<u64> = given
        .iter()
        .map(|given| given.0.load(Ordering::Acquire))
        .collect();
    let slowest = || {
        given
            .iter()
            .zip(&before)
            .map(|(given, before)| given.0.load(Ordering::Acquire) - before)
            .min()
            .unwrap()
    };
    let (begin, cpu) = (Instant::now(), machine::cpu());
    for number in 0..items {
        publish(number);
        if number % LOOK == 0 {
            while number.saturating_sub(slowest()) > BEHIND {
                thread::sleep(Duration::from_micros(50));
            }
        }
    }
    while slowest() < items {
        thread::sleep(Duration::from_micros(50));
    }
    let deliveries = (given.len() as u64 * items) as f64;
    let spent = cpu.zip(machine::cpu()).map_or(f64::NAN, |(before, after)| {
        (after - before).as_nanos() as f64
    });
    (
        deliveries / begin.elapsed().as_secs_f64(),
        spent / deliveries,
    )
}

/// P5. The items are typing notices, so that neither the journal nor the disk is in the way.
pub(super) fn fan_out(options: &Options) {
    let directory = options.fresh_directory("p5");
    let quiet = Quiet::new();
    let engine = open(
        &World::new(1, 1, 1).write_into(&directory),
        quiet.clone(),
        1,
    );
    let inbox = quiet.inbox().unwrap();
    let agent = match engine.agent_status(world::agent_id(0)) {
        Ok(_) => switchboard::backend::AgentKey(1),
        Err(error) => panic!("{error}"),
    };
    let channel = ChannelId::parse("contact:lene").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for subscribers in [8, 64, 512] {
        let items: u64 = match subscribers {
            8 => 200_000,
            64 => 60_000,
            _ => 12_000,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let counters = || -> Arc<Vec<Given>> {
            Arc::new((0..subscribers).map(|_| Given::default()).collect())
        };
        let (raw_given, tokio_given, our_given) = (counters(), counters(), counters());
        let ring: Arc<RawRing<Arc<u64>>> = Arc::new(RawRing::new());
        let (sender, _) = tokio::sync::broadcast::channel::<Arc<u64>>(4096);
        for number in 0..subscribers {
            let (ring, given, stopped) = (ring.clone(), raw_given.clone(), stop.clone());
            runtime.spawn(async move {
                let (mut cursor, mut ready) = (0, VecDeque::new());
                while !stopped.load(Ordering::Relaxed) {
                    ring.read(&mut cursor, &mut ready).await;
                    while let Some(item) = ready.pop_front() {
                        black_box(&item);
                        given[number].0.fetch_add(1, Ordering::Release);
                    }
                }
            });
            let (mut receiver, given) = (sender.subscribe(), tokio_given.clone());
            runtime.spawn(async move {
                while let Ok(item) = receiver.recv().await {
                    black_box(&item);
                    given[number].0.fetch_add(1, Ordering::Release);
                }
            });
            let (mut subscription, given, stopped) =
                (engine.subscribe(), our_given.clone(), stop.clone());
            runtime.spawn(async move {
                while let Ok(Some(item)) = subscription.next_async().await {
                    black_box(&item);
                    given[number].0.fetch_add(1, Ordering::Release);
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        let raw = || publish(&raw_given, items, |number| ring.publish(Arc::new(number)));
        let broadcast = || {
            publish(&tokio_given, items, |number| {
                let _ = sender.send(Arc::new(number));
            })
        };
        let ours = || {
            publish(&our_given, items, |number| {
                inbox.state(StateChange::Composing {
                    agent,
                    channel: channel.clone(),
                    composing: number % 2 == 0,
                });
            })
        };
        raw();
        broadcast();
        ours();
        let mut watch = Watch::new(options);
        let (mut against_ring, mut against_tokio, mut cpu) =
            (Pairs::default(), Pairs::default(), Pairs::default());
        for round in 0..options.pairs(7) {
            let (ring, tokio, own) = if round % 2 == 0 {
                let ring = raw();
                (ring, broadcast(), ours())
            } else {
                let own = ours();
                let tokio = broadcast();
                (raw(), tokio, own)
            };
            watch.tick();
            against_ring.push(ring.0, own.0);
            against_tokio.push(tokio.0, own.0);
            cpu.push(ring.1, own.1);
        }
        let noisy = watch.noisy();
        let report = |what: &str, unit| {
            Report::new("P5", format!("{what}, {subscribers} subscribers"), unit).noisy(noisy)
        };
        report("fan-out against a ring", "items/s")
            .goal(Goal::AtLeast(0.8))
            .pairs(&against_ring);
        let goal = if subscribers >= 64 {
            Goal::AtLeast(1.5)
        } else {
            Goal::None
        };
        report("fan-out against tokio broadcast", "items/s")
            .goal(goal)
            .pairs(&against_tokio);
        report("CPU of a delivery against a ring", "ns").pairs(&cpu);
        stop.store(true, Ordering::Relaxed);
        ring.publish(Arc::new(0));
        inbox.state(StateChange::Composing {
            agent,
            channel: channel.clone(),
            composing: false,
        });
    }
    runtime.shutdown_background();
}
