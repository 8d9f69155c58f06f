//! P21: one message to a room of 5,000 agents.

use super::common::world::{self, World};
use super::common::{Goal, Options, Pairs, Report, Watch, median};
use super::{RawPosts, Reply, SOON, loopback, open};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::{ChannelId, Collaboration, Cursor, Engine, EventQuery, NewMessage};
use tokio::runtime::Runtime;

const AGENTS: usize = 5000;
/// Posts of one measurement.
const POSTS: usize = 60;

/// P21.
pub(super) fn large_room(options: &Options) {
    let directory = options.fresh_directory("p21");
    let path = World::new(AGENTS, 1, 1).write_into(&directory);
    let engine = open(&path, loopback(true, 1), AGENTS);
    let room = Room {
        raw: RawPosts::open(&directory),
        reply: crossbeam_channel::bounded(1),
        channel: ChannelId::parse(&world::room(0)).unwrap(),
        view: engine.agent(world::agent_id(0)).unwrap(),
    };
    let mut watch = Watch::new(options);
    let quiet = room.quiet(options, &mut watch);
    let report = |what: &str| Report::new("P21", what, "ms").noisy(watch.noisy());
    report("one message to a room of 5,000 agents")
        .goal(Goal::AtMost(1.5))
        .pairs(&quiet);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let (waited, all) = room.with_readers(options, &engine, &runtime);
    report("the same, 5,000 readers waiting")
        .also("all_told_ms", median(&all))
        .pairs(&waited);
    runtime.shutdown_background();
}

/// The room, and the row that one message of it is compared with.
struct Room {
    raw: RawPosts,
    reply: Reply,
    channel: ChannelId,
    view: Collaboration,
}

impl Room {
    fn post_raw(&self) {
        self.raw.post(0, &self.reply);
    }

    fn post(&self, number: usize) {
        let message = NewMessage::text(world::text(number));
        black_box(self.view.post(&self.channel, message).unwrap());
    }

    /// Milliseconds of one post while nobody reads: raw and ours.
    fn quiet(&self, options: &Options, watch: &mut Watch) -> Pairs {
        let each = |post: &dyn Fn(usize)| milliseconds(|| (0..POSTS).for_each(post)) / POSTS as f64;
        let (raw, ours) = (|_| self.post_raw(), |number| self.post(number));
        each(&raw);
        each(&ours);
        let mut quiet = Pairs::default();
        for _ in 0..options.pairs(11) {
            quiet.push(each(&raw), each(&ours));
            watch.tick();
        }
        quiet
    }

    /// The same with a waiting reader for each agent: waking 5,000 is work, but the post must not
    /// wait for it. Returns the milliseconds of one post, raw and ours, and those until all readers
    /// have the message.
    fn with_readers(
        &self,
        options: &Options,
        engine: &Engine,
        runtime: &Runtime,
    ) -> (Pairs, Vec<f64>) {
        let (woken, wakes) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        for number in 0..AGENTS {
            let view = engine.agent(world::agent_id(number)).unwrap();
            runtime.spawn(reads(view, woken.clone(), stop.clone()));
        }
        let mut waited = Pairs::default();
        let mut all = Vec::new();
        for round in 0..options.pairs(11) {
            while engine.stats().waiters < AGENTS {
                thread::sleep(Duration::from_millis(1));
            }
            let raw = milliseconds(|| self.post_raw());
            let begin = Instant::now();
            let ours = milliseconds(|| self.post(round));
            for _ in 0..AGENTS {
                wakes.recv_timeout(SOON).unwrap();
            }
            all.push(begin.elapsed().as_secs_f64() * 1e3);
            waited.push(raw, ours);
        }
        stop.store(true, Ordering::Relaxed);
        (waited, all)
    }
}

/// An agent that waits for messages, and says when it has some, until it is stopped.
fn reads(
    view: Collaboration,
    woken: mpsc::Sender<()>,
    stop: Arc<AtomicBool>,
) -> impl Future<Output = ()> {
    let start = view
        .events(Cursor::window(), &EventQuery::messages())
        .unwrap();
    async move {
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
    }
}

fn milliseconds(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64() * 1e3
}
