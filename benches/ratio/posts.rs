//! P1 and P2: durable posts against a bare group commit.

use super::common::{Goal, Options, Pairs, Report, Watch, machine, quantile};
use super::{CHECKPOINTED, OurPosts, RawPosts};
use std::thread;

/// P1 and P2.
pub(super) fn posts(options: &Options, id: &'static str, posters: usize) {
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
