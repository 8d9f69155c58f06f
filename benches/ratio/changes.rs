//! P22: an administrator beside 64 posters.

use super::common::world;
use super::common::{Options, Pairs, Report, Watch, quantile};
use super::{OurPosts, POSTERS, RawPosts};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::{AgentId, Principal};

/// P22.
pub(super) fn administrator(options: &Options) {
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
        pairs.push(
            super::common::median(&raw_took),
            super::common::median(&our_took),
        );
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
