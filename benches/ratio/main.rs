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

mod changes;
#[allow(dead_code, reason = "each binary uses its part of the harness")]
#[path = "../common/mod.rs"]
mod common;
mod fan_out;
mod living;
mod logins;
mod posts;
#[allow(dead_code, reason = "each binary uses its part of the probes")]
#[path = "../raw/mod.rs"]
mod raw;
mod reads;
mod rooms;
mod workers;

use common::Options;
use common::alloc::Counting;
use common::world::{self, World};
use parking_lot::Mutex;
use raw::commit::{RawWriter, Row};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::backend::{Backend, Loopback};
use switchboard::{ChannelId, Engine, NewMessage};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "cargo bench --bench ratio -- [BENCH..] [--pairs N]
  p1    durable posts, 64 posters, against a bare group commit
  p2    the same with one poster
  p5    fan-out to 8, 64 and 512 subscribers against a bare ring and tokio's broadcast
  p13   a validated read call against SHA-256 and a look-up
  p21   one message to a room of 5,000 agents against one row
  p22   an administrator's change beside 64 posters
  living  posts of which a fifth are edits, and pages of a room with edits, against those without
  --posts N      posts in one slice of p1 and p22 (3200), a sixteenth of it in p2
  --subjects S   of p1 and p2: raw, echo, noecho, comma-separated (all)";
const KNOWN: [&str; 9] = [
    "p1", "p2", "p5", "p13", "p21", "p22", "workers", "logins", "living",
];
const SOON: Duration = Duration::from_secs(60);
const POSTERS: usize = 64;
/// An idle writer has made its checkpoint after this time. So every slice begins with an empty log,
/// and no checkpoint of one slice falls into the next.
const CHECKPOINTED: Duration = Duration::from_millis(250);
const ROOMS: usize = 8;

fn main() {
    let options = Options::parse(USAGE, &KNOWN);
    if options.wants("p1") {
        posts::posts(&options, "P1", POSTERS);
    }
    if options.wants("p2") {
        posts::posts(&options, "P2", 1);
    }
    if options.wants("p5") {
        fan_out::fan_out(&options);
    }
    if options.wants("p13") {
        reads::validated_read(&options);
    }
    if options.wants("p21") {
        rooms::large_room(&options);
    }
    if options.wants("p22") {
        changes::administrator(&options);
    }
    if options.wants("logins") {
        logins::logins(&options);
    }
    if options.wants("living") {
        living::living(&options);
    }
    if options.wants("workers") {
        workers::workers(&options);
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
