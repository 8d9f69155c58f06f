//! Speed against the raw limits: raw and ours are interleaved in one process and compared pair by
//! pair.
//!
//!     cargo bench --bench ratio                          all of it, under three minutes
//!     cargo bench --bench ratio -- p1 p5 --pairs 15      those two, with more pairs
//!
//! Each bench prints a line to read and a line of JSON. Goals and their numbers are from the
//! project's list of limits. A goal counts as missed only if the whole interval is on the wrong
//! side.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and ends where something is wrong"
)]

#[allow(dead_code, reason = "each binary uses its part of the harness")]
mod common;
#[allow(dead_code, reason = "each binary uses its part of the probes")]
mod raw;

use common::alloc::{Counting, allocations};
use common::machine;
use common::quiet::Quiet;
use common::world::{self, World};
use common::{Goal, Options, Pairs, Report, Watch, quantile};
use parking_lot::Mutex;
use raw::commit::{RawWriter, Row};
use raw::ring::RawRing;
use raw::token::RawTokens;
use std::collections::VecDeque;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::backend::{Backend, Loopback, StateChange};
use switchboard::{AgentId, ChannelId, Cursor, Engine, EventQuery, NewMessage, Principal};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "cargo bench --bench ratio -- [BENCH..] [--pairs N]
  p1    durable posts, 64 posters, against a bare group commit
  p2    the same with one poster
  p5    fan-out to 8, 64 and 512 subscribers against a bare ring and tokio's broadcast
  p13   a validated read call against SHA-256 and a look-up
  p21   one message to a room of 5,000 agents against one row
  p22   an administrator's change beside 64 posters
  --posts N      posts in one slice of p1 and p22 (3200), a sixteenth of it in p2
  --subjects S   of p1 and p2: raw, echo, noecho, comma-separated (all)";
const KNOWN: [&str; 6] = ["p1", "p2", "p5", "p13", "p21", "p22"];
const SOON: Duration = Duration::from_secs(60);
const POSTERS: usize = 64;
/// An idle writer has made its checkpoint after this time. So every slice begins with an empty log,
/// and no checkpoint of one slice falls into the next.
const CHECKPOINTED: Duration = Duration::from_millis(250);
const ROOMS: usize = 8;

fn main() {
    let options = Options::parse(USAGE, &KNOWN);
    if options.wants("p1") {
        posts(&options, "P1", POSTERS);
    }
    if options.wants("p2") {
        posts(&options, "P2", 1);
    }
    if options.wants("p5") {
        fan_out(&options);
    }
    if options.wants("p13") {
        validated_read(&options);
    }
    if options.wants("p21") {
        large_room(&options);
    }
    if options.wants("p22") {
        administrator(&options);
    }
    options.clean();
}

/// Opens an engine on a prepared database, and waits until all agents are active.
fn open(path: &Path, backend: Arc<dyn Backend>, agents: usize) -> Engine {
    let engine = Engine::builder()
        .database(path)
        .shared_backend(backend)
        .open()
        .unwrap();
    for number in 0..agents {
        engine
            .agent(world::agent_id(number))
            .unwrap()
            .wait_active(SOON)
            .unwrap();
    }
    engine
}

fn loopback(echo: bool, rooms: usize) -> Arc<dyn Backend> {
    let chat = if echo {
        Loopback::new()
    } else {
        Loopback::new().without_echo()
    };
    for number in 0..rooms {
        chat.room(world::room(number), "A room");
    }
    Arc::new(chat)
}

/// Runs `post` `times` times on each of `posters` threads at once. Returns the rate, and the
/// latencies in seconds.
fn at_once(posters: usize, times: usize, post: impl Fn(usize, usize) + Sync) -> (f64, Vec<f64>) {
    let barrier = Barrier::new(posters + 1);
    let latencies = Mutex::new(Vec::with_capacity(posters * times));
    let begin = thread::scope(|scope| {
        for poster in 0..posters {
            let (barrier, latencies, post) = (&barrier, &latencies, &post);
            scope.spawn(move || {
                let mut mine = Vec::with_capacity(times);
                barrier.wait();
                for nth in 0..times {
                    let begin = Instant::now();
                    post(poster, nth);
                    mine.push(begin.elapsed().as_secs_f64());
                }
                latencies.lock().extend(mine);
            });
        }
        barrier.wait();
        Instant::now()
    });
    (
        (posters * times) as f64 / begin.elapsed().as_secs_f64(),
        latencies.into_inner(),
    )
}

/// The raw side of posting: the engine's own rows through a bare group commit.
struct RawPosts {
    writer: RawWriter,
    number: AtomicU64,
}

impl RawPosts {
    fn open(directory: &Path) -> RawPosts {
        RawPosts {
            writer: RawWriter::open(&directory.join("raw.db")),
            number: AtomicU64::new(0),
        }
    }

    fn post(&self, poster: usize, reply: &Reply) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let row = Row {
            conversation: (poster % ROOMS) as i64 + 1,
            message_id: world::message_id(number),
            origin_id: format!("s{:020}{:033}", number, number.wrapping_mul(0x9e37_79b9)),
            sender: world::address(poster),
            sender_agent: poster as i64 + 1,
            posted_by: format!("user-{poster:06}"),
            time: world::now_ms(),
            text: world::text(number as usize),
        };
        self.writer.post(row, reply);
    }

    fn slice(&self, posters: usize, times: usize) -> (f64, Vec<f64>) {
        let replies: Vec<_> = (0..posters)
            .map(|_| crossbeam_channel::bounded(1))
            .collect();
        at_once(posters, times, |poster, _| {
            self.post(poster, &replies[poster])
        })
    }
}

type Reply = (
    crossbeam_channel::Sender<()>,
    crossbeam_channel::Receiver<()>,
);

/// Our side of posting: each post shows its token, passes a throttle, and returns when it is
/// durable.
struct OurPosts {
    engine: Engine,
    tokens: Vec<switchboard::Token>,
    rooms: Vec<ChannelId>,
    number: AtomicU64,
}

impl OurPosts {
    fn open(directory: &Path, echo: bool) -> OurPosts {
        let mut world = World::new(POSTERS, ROOMS, 1);
        world.tokens = POSTERS;
        let engine = open(&world.write_into(directory), loopback(echo, ROOMS), POSTERS);
        OurPosts {
            engine,
            tokens: (0..POSTERS).map(world::token).collect(),
            rooms: (0..ROOMS)
                .map(|number| ChannelId::parse(&world::room(number)).unwrap())
                .collect(),
            number: AtomicU64::new(0),
        }
    }

    fn post(&self, poster: usize) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let principal = self.engine.authenticate(&self.tokens[poster]).unwrap();
        let view = self.engine.collaboration(&principal).unwrap();
        let message = NewMessage::text(world::text(number as usize));
        black_box(view.post(&self.rooms[poster % ROOMS], message).unwrap());
    }

    fn slice(&self, posters: usize, times: usize) -> (f64, Vec<f64>) {
        at_once(posters, times, |poster, _| self.post(poster))
    }
}

/// P1 and P2.
fn posts(options: &Options, id: &'static str, posters: usize) {
    let directory = options.fresh_directory(id);
    let subjects = options.text("subjects").unwrap_or("raw,echo,noecho");
    let asked = options.number("posts", 3200);
    let times = if posters == 1 {
        asked / 16
    } else {
        asked / posters
    };
    let raw = RawPosts::open(&directory);
    let ours: Vec<(bool, OurPosts)> = [true, false]
        .into_iter()
        .filter(|echo| {
            subjects
                .split(',')
                .any(|subject| subject == if *echo { "echo" } else { "noecho" })
        })
        .map(|echo| {
            let directory = options.fresh_directory(&format!("{id}-{echo}"));
            (echo, OurPosts::open(&directory, echo))
        })
        .collect();
    // One unmeasured slice each: first pages, first connections, first threads.
    raw.slice(posters, times.min(100));
    ours.iter()
        .for_each(|(_, ours)| drop(ours.slice(posters, times.min(100))));
    let mut watch = Watch::new(options);
    let mut pairs = vec![Pairs::default(); ours.len()];
    let mut latencies: Vec<Vec<f64>> = vec![Vec::new(); ours.len() + 1];
    let mut spent = vec![0.0; ours.len() + 1];
    for round in 0..options.pairs(15) {
        let mut rates = vec![0.0; ours.len() + 1];
        let order: Vec<usize> = if round % 2 == 0 {
            (0..=ours.len()).collect()
        } else {
            (0..=ours.len()).rev().collect()
        };
        for subject in order {
            let cpu = machine::whole_cpu();
            let (rate, took) = match subject.checked_sub(1) {
                None => raw.slice(posters, times),
                Some(at) => ours[at].1.slice(posters, times),
            };
            rates[subject] = rate;
            spent[subject] += cpu
                .zip(machine::whole_cpu())
                .map_or(f64::NAN, |(before, after)| (after - before).as_secs_f64());
            latencies[subject].extend(took);
            thread::sleep(CHECKPOINTED);
        }
        watch.tick();
        for (at, pairs) in pairs.iter_mut().enumerate() {
            pairs.push(rates[0], rates[at + 1]);
        }
    }
    let cpu_us = |subject: usize| spent[subject] * 1e6 / latencies[subject].len() as f64;
    let milliseconds = |subject: usize, part: f64| quantile(&latencies[subject], part) * 1e3;
    for (at, (echo, _)) in ours.iter().enumerate() {
        let what = format!(
            "durable posts, {posters} poster(s), {}",
            if *echo { "echo" } else { "no echo" }
        );
        Report::new(id, what, "posts/s")
            .goal(Goal::AtLeast(if posters == 1 { 0.85 } else { 0.80 }))
            .noisy(watch.noisy())
            .also("raw_p50_ms", milliseconds(0, 0.5))
            .also("raw_p99_ms", milliseconds(0, 0.99))
            .also("p50_ms", milliseconds(at + 1, 0.5))
            .also("p99_ms", milliseconds(at + 1, 0.99))
            .also("raw_cpu_us", cpu_us(0))
            .also("cpu_us", cpu_us(at + 1))
            .also("fdatasync_per_s", watch.syncs())
            .pairs(&pairs[at]);
    }
}

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
fn fan_out(options: &Options) {
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

/// P13.
fn validated_read(options: &Options) {
    const TOKENS: usize = 10_000;
    const CALLS: usize = 20_000;
    let directory = options.fresh_directory("p13");
    let mut world = World::new(100, ROOMS, 1);
    world.tokens = TOKENS;
    let engine = open(&world.write_into(&directory), Quiet::new(), 100);
    let tokens: Vec<_> = (0..TOKENS).map(world::token).collect();
    let rooms: Vec<_> = (0..100)
        .map(|agent| ChannelId::parse(&world::room(agent % ROOMS)).unwrap())
        .collect();
    let bare = RawTokens::new(tokens.iter().map(|token| token.expose().to_owned()));
    let our_call = |number: usize| {
        let number = number.wrapping_mul(7919) % TOKENS;
        let principal = engine.authenticate(&tokens[number]).unwrap();
        let view = engine.collaboration(&principal).unwrap();
        black_box(view.channel(&rooms[number % 100]).unwrap());
    };
    let raw_call = |number: usize| {
        let number = number.wrapping_mul(7919) % TOKENS;
        black_box(bare.check(tokens[number].expose()));
    };
    let nanoseconds = |threads: usize, call: &(dyn Fn(usize) + Sync)| {
        let begin = Instant::now();
        thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || (0..CALLS).for_each(|number| call(number * threads + thread)));
            }
        });
        begin.elapsed().as_nanos() as f64 / CALLS as f64
    };
    (0..CALLS).for_each(our_call);
    (0..CALLS).for_each(raw_call);
    let counted = allocations(|| (0..1000).for_each(our_call)) as f64 / 1000.0;
    let mut watch = Watch::new(options);
    let (mut one, mut two, mut scale) = (Pairs::default(), Pairs::default(), Pairs::default());
    for _ in 0..options.pairs(15) {
        let (raw_one, our_one) = (nanoseconds(1, &raw_call), nanoseconds(1, &our_call));
        let (raw_two, our_two) = (nanoseconds(2, &raw_call), nanoseconds(2, &our_call));
        one.push(raw_one, our_one);
        two.push(raw_two, our_two);
        scale.push(our_one, our_two);
        watch.tick();
    }
    let report = |what: &str| Report::new("P13", what, "ns").noisy(watch.noisy());
    report("validated read call, 1 thread")
        .goal(Goal::AtMost(1.3))
        .also("allocations", counted)
        .pairs(&one);
    report("validated read call, 2 threads")
        .goal(Goal::AtMost(1.3))
        .pairs(&two);
    report("validated read call, 2 threads over 1")
        .also("throughput", 2.0 / scale.median_ratio())
        .goal(Goal::AtMost(1.25))
        .pairs(&scale);
}

/// P21.
fn large_room(options: &Options) {
    const AGENTS: usize = 5000;
    const POSTS: usize = 60;
    let directory = options.fresh_directory("p21");
    let path = World::new(AGENTS, 1, 1).write_into(&directory);
    let engine = open(&path, loopback(true, 1), AGENTS);
    let raw = RawPosts::open(&directory);
    let room = ChannelId::parse(&world::room(0)).unwrap();
    let view = engine.agent(world::agent_id(0)).unwrap();
    let reply = crossbeam_channel::bounded(1);
    let milliseconds = |post: &dyn Fn(usize)| {
        let begin = Instant::now();
        (0..POSTS).for_each(post);
        begin.elapsed().as_secs_f64() * 1e3 / POSTS as f64
    };
    let raw_post = |_: usize| raw.post(0, &reply);
    let our_post = |number: usize| {
        drop(black_box(
            view.post(&room, NewMessage::text(world::text(number)))
                .unwrap(),
        ))
    };
    milliseconds(&raw_post);
    milliseconds(&our_post);
    let mut watch = Watch::new(options);
    let mut quiet = Pairs::default();
    for _ in 0..options.pairs(11) {
        quiet.push(milliseconds(&raw_post), milliseconds(&our_post));
        watch.tick();
    }
    let report = |what: &str| Report::new("P21", what, "ms").noisy(watch.noisy());
    report("one message to a room of 5,000 agents")
        .goal(Goal::AtMost(1.5))
        .pairs(&quiet);

    // The same with a waiting reader for each agent: waking 5,000 is work, but the post must not
    // wait for it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let (woken, wakes) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    for number in 0..AGENTS {
        let (view, woken, stop) = (
            engine.agent(world::agent_id(number)).unwrap(),
            woken.clone(),
            stop.clone(),
        );
        let start = view
            .events(Cursor::window(), &EventQuery::messages())
            .unwrap();
        runtime.spawn(async move {
            let mut cursor = Cursor::after(start.last, &start.instance);
            while !stop.load(Ordering::Relaxed) {
                let Ok(batch) = view
                    .wait_events_async(cursor, EventQuery::messages(), SOON)
                    .await
                else {
                    return;
                };
                cursor = Cursor::after(batch.last, &batch.instance);
                if !batch.events.is_empty() {
                    let _ = woken.send(());
                }
            }
        });
    }
    let mut waited = Pairs::default();
    let mut all = Vec::new();
    for round in 0..options.pairs(11) {
        while engine.stats().waiters < AGENTS {
            thread::sleep(Duration::from_millis(1));
        }
        let begin = Instant::now();
        raw_post(round);
        let raw = begin.elapsed().as_secs_f64() * 1e3;
        let begin = Instant::now();
        our_post(round);
        let ours = begin.elapsed().as_secs_f64() * 1e3;
        for _ in 0..AGENTS {
            wakes.recv_timeout(SOON).unwrap();
        }
        all.push(begin.elapsed().as_secs_f64() * 1e3);
        waited.push(raw, ours);
    }
    stop.store(true, Ordering::Relaxed);
    report("the same, 5,000 readers waiting")
        .also("all_told_ms", common::median(&all))
        .pairs(&waited);
    runtime.shutdown_background();
}

/// P22.
fn administrator(options: &Options) {
    let directory = options.fresh_directory("p22");
    let (raw, ours) = (RawPosts::open(&directory), OurPosts::open(&directory, true));
    let admin = ours.engine.provisioning(&Principal::host("bench")).unwrap();
    let agent = AgentId::parse(&world::agent_id(0)).unwrap();
    let number = AtomicU64::new(0);
    let change = || {
        let value = number.fetch_add(1, Ordering::Relaxed).to_string();
        admin.put_metadata_value(&agent, "level", &value).unwrap();
    };
    let reply = crossbeam_channel::bounded(1);
    let mut watch = Watch::new(options);
    let mut pairs = Pairs::default();
    let mut took: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let raw_poster = |poster| {
        let (raw, reply) = (&raw, crossbeam_channel::bounded(1));
        move || raw.post(poster, &reply)
    };
    let our_poster = |poster| {
        let ours = &ours;
        move || ours.post(poster)
    };
    for _ in 0..options.pairs(7) {
        let raw_took = beside(&raw_poster, &|| raw.post(POSTERS, &reply));
        let our_took = beside(&our_poster, &change);
        pairs.push(common::median(&raw_took), common::median(&our_took));
        took[0].extend(raw_took);
        took[1].extend(our_took);
        watch.tick();
    }
    let goal = quantile(&took[1], 0.99) <= 30.0;
    Report::new("P22", "an administrator's change beside 64 posters", "ms")
        .noisy(watch.noisy())
        .also("raw_p99_ms", quantile(&took[0], 0.99))
        .also("p50_ms", quantile(&took[1], 0.5))
        .also("p90_ms", quantile(&took[1], 0.9))
        .also("p99_ms", quantile(&took[1], 0.99))
        .also("p99_at_most_30_ms", goal)
        .pairs(&pairs);
}

/// Milliseconds of `change`, 40 times, 5 ms apart, while 64 posters post without a pause.
fn beside<P: Fn() + Send>(poster: &dyn Fn(usize) -> P, change: &dyn Fn()) -> Vec<f64> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..POSTERS {
            let (post, stop) = (poster(number), &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    post();
                }
            });
        }
        thread::sleep(Duration::from_millis(20));
        let took = (0..40)
            .map(|_| {
                thread::sleep(Duration::from_millis(5));
                let begin = Instant::now();
                change();
                begin.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        took
    })
}
