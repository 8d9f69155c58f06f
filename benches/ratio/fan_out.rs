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
use switchboard::backend::{AgentKey, Inbox, StateChange};
use switchboard::{ChannelId, Engine, Subscription};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

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
    let notices = Notices {
        inbox: quiet.inbox().unwrap(),
        agent: match engine.agent_status(world::agent_id(0)) {
            Ok(_) => AgentKey(1),
            Err(error) => panic!("{error}"),
        },
        channel: ChannelId::parse("contact:lene").unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for (subscribers, items) in [(8, 200_000), (64, 60_000), (512, 12_000)] {
        let crowd = Crowd::subscribed(subscribers, &engine, &runtime);
        compare(options, &crowd, &notices, items);
        crowd.end(&notices);
    }
    runtime.shutdown_background();
}

/// What our side publishes.
struct Notices {
    inbox: Inbox,
    agent: AgentKey,
    channel: ChannelId,
}

impl Notices {
    fn publish(&self, composing: bool) {
        self.inbox.state(StateChange::Composing {
            agent: self.agent,
            channel: self.channel.clone(),
            composing,
        });
    }
}

/// The subscribers of all three subjects, as many of each.
struct Crowd {
    stop: Arc<AtomicBool>,
    ring: Arc<RawRing<Arc<u64>>>,
    sender: broadcast::Sender<Arc<u64>>,
    raw_given: Arc<Vec<Given>>,
    tokio_given: Arc<Vec<Given>>,
    our_given: Arc<Vec<Given>>,
}

impl Crowd {
    fn subscribed(subscribers: usize, engine: &Engine, runtime: &Runtime) -> Crowd {
        let counters = || Arc::new((0..subscribers).map(|_| Given::default()).collect());
        let crowd = Crowd {
            stop: Arc::new(AtomicBool::new(false)),
            ring: Arc::new(RawRing::new()),
            sender: broadcast::channel(4096).0,
            raw_given: counters(),
            tokio_given: counters(),
            our_given: counters(),
        };
        for number in 0..subscribers {
            runtime.spawn(crowd.reads_the_ring(number));
            runtime.spawn(crowd.reads_tokio(number));
            runtime.spawn(crowd.reads_ours(number, engine.subscribe()));
        }
        crowd
    }

    fn reads_the_ring(&self, number: usize) -> impl Future<Output = ()> + use<> {
        let (ring, given, stop) = (self.ring.clone(), self.raw_given.clone(), self.stop.clone());
        async move {
            let (mut cursor, mut ready) = (0, VecDeque::new());
            while !stop.load(Ordering::Relaxed) {
                ring.read(&mut cursor, &mut ready).await;
                while let Some(item) = ready.pop_front() {
                    black_box(&item);
                    given[number].0.fetch_add(1, Ordering::Release);
                }
            }
        }
    }

    fn reads_tokio(&self, number: usize) -> impl Future<Output = ()> + use<> {
        let (mut receiver, given) = (self.sender.subscribe(), self.tokio_given.clone());
        async move {
            while let Ok(item) = receiver.recv().await {
                black_box(&item);
                given[number].0.fetch_add(1, Ordering::Release);
            }
        }
    }

    fn reads_ours(
        &self,
        number: usize,
        mut subscription: Subscription,
    ) -> impl Future<Output = ()> + use<> {
        let (given, stop) = (self.our_given.clone(), self.stop.clone());
        async move {
            while let Ok(Some(item)) = subscription.next_async().await {
                black_box(&item);
                given[number].0.fetch_add(1, Ordering::Release);
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }

    /// Ends the subscribers; a last item wakes those that wait. The sender's drop ends tokio's.
    fn end(self, notices: &Notices) {
        self.stop.store(true, Ordering::Relaxed);
        self.ring.publish(Arc::new(0));
        notices.publish(false);
    }
}

/// Publishes to one crowd by turns, and reports the ratios.
fn compare(options: &Options, crowd: &Crowd, notices: &Notices, items: u64) {
    let raw = || {
        publish(&crowd.raw_given, items, |number| {
            crowd.ring.publish(Arc::new(number))
        })
    };
    let broadcast = || {
        publish(&crowd.tokio_given, items, |number| {
            let _ = crowd.sender.send(Arc::new(number));
        })
    };
    let ours = || {
        publish(&crowd.our_given, items, |number| {
            notices.publish(number % 2 == 0)
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
    let (noisy, subscribers) = (watch.noisy(), crowd.our_given.len());
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
}
