//! P1 and P2: durable posts against a bare group commit.

use super::common::{Goal, Options, Pairs, Report, Watch, machine, quantile};
use super::{CHECKPOINTED, OurPosts, RawPosts};
use std::thread;

/// P1 and P2.
pub(super) fn posts(options: &Options, id: &'static str, posters: usize) {
    let asked = options.number("posts", 3200);
    let times = if posters == 1 {
        asked / 16
    } else {
        asked / posters
    };
    let subjects = Subjects::open(options, id);
    // One unmeasured slice each: first pages, first connections, first threads.
    for subject in 0..subjects.count() {
        subjects.slice(subject, posters, times.min(100));
    }
    let mut watch = Watch::new(options);
    let mut pairs = vec![Pairs::default(); subjects.ours.len()];
    let mut costs = vec![Cost::default(); subjects.count()];
    for round in 0..options.pairs(15) {
        let mut rates = vec![0.0; subjects.count()];
        let mut order: Vec<usize> = (0..subjects.count()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for subject in order {
            rates[subject] = costs[subject].of(|| subjects.slice(subject, posters, times));
            thread::sleep(CHECKPOINTED);
        }
        watch.tick();
        for (at, pairs) in pairs.iter_mut().enumerate() {
            pairs.push(rates[0], rates[at + 1]);
        }
    }
    for (at, (echo, _)) in subjects.ours.iter().enumerate() {
        let echo = if *echo { "echo" } else { "no echo" };
        let (raw, own) = (&costs[0], &costs[at + 1]);
        Report::new(
            id,
            format!("durable posts, {posters} poster(s), {echo}"),
            "posts/s",
        )
        .goal(Goal::AtLeast(if posters == 1 { 0.85 } else { 0.80 }))
        .noisy(watch.noisy())
        .also("raw_p50_ms", raw.milliseconds(0.5))
        .also("raw_p99_ms", raw.milliseconds(0.99))
        .also("p50_ms", own.milliseconds(0.5))
        .also("p99_ms", own.milliseconds(0.99))
        .also("raw_cpu_us", raw.cpu_us())
        .also("cpu_us", own.cpu_us())
        .also("fdatasync_per_s", watch.syncs())
        .pairs(&pairs[at]);
    }
}

/// What is compared: the bare group commit is the first, then ours with and without an echo.
struct Subjects {
    raw: RawPosts,
    ours: Vec<(bool, OurPosts)>,
}

impl Subjects {
    fn open(options: &Options, id: &str) -> Subjects {
        let raw = RawPosts::open(&options.fresh_directory(id));
        let asked = options.text("subjects").unwrap_or("raw,echo,noecho");
        let ours = [("echo", true), ("noecho", false)]
            .into_iter()
            .filter(|(name, _)| asked.split(',').any(|subject| subject == *name))
            .map(|(_, echo)| {
                let directory = options.fresh_directory(&format!("{id}-{echo}"));
                (echo, OurPosts::open(&directory, echo))
            });
        Subjects {
            raw,
            ours: ours.collect(),
        }
    }

    fn count(&self) -> usize {
        self.ours.len() + 1
    }

    /// Posts through one subject; returns the posts per second and the seconds of each post.
    fn slice(&self, subject: usize, posters: usize, times: usize) -> (f64, Vec<f64>) {
        match subject.checked_sub(1) {
            None => self.raw.slice(posters, times),
            Some(at) => self.ours[at].1.slice(posters, times),
        }
    }
}

/// What the posts of one subject took over all rounds.
#[derive(Clone, Default)]
struct Cost {
    /// Seconds of each post.
    latencies: Vec<f64>,
    /// CPU seconds of all posts.
    cpu: f64,
}

impl Cost {
    /// Adds the cost of one slice and returns its posts per second.
    fn of(&mut self, slice: impl FnOnce() -> (f64, Vec<f64>)) -> f64 {
        let before = machine::whole_cpu();
        let (rate, latencies) = slice();
        self.cpu += before
            .zip(machine::whole_cpu())
            .map_or(f64::NAN, |(before, after)| (after - before).as_secs_f64());
        self.latencies.extend(latencies);
        rate
    }

    fn cpu_us(&self) -> f64 {
        self.cpu * 1e6 / self.latencies.len() as f64
    }

    fn milliseconds(&self, part: f64) -> f64 {
        quantile(&self.latencies, part) * 1e3
    }
}
