//! P21: one message to a room of 5,000 agents.

use super::common::world::{self, World};
use super::common::{Goal, Options, Pairs, Report, Watch};
use super::{RawPosts, SOON, loopback, open};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::{ChannelId, Cursor, EventQuery, NewMessage};

/// P21.
pub(super) fn large_room(options: &Options) {
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
        .also("all_told_ms", super::common::median(&all))
        .pairs(&waited);
    runtime.shutdown_background();
}
