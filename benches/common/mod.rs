//! The harness runs raw and ours interleaved and takes the ratio pair by pair. It prints one line
//! for people and one for programs.
//!
//! On a machine that is shared with others, only ratios from one run mean anything. So nothing here
//! compares with a stored figure. Rejected: criterion, which cannot interleave two subjects.

pub mod alloc;
pub mod machine;
pub mod quiet;
pub mod world;

use machine::{Disk, Spin};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Resamples of one bootstrap.
const RESAMPLES: usize = 2000;
/// A run is marked noisy if its spin differs by more than this between pairs.
const NOISE: f64 = 0.20;

/// The options of the command line.
#[derive(Debug, Clone)]
pub struct Options {
    names: Vec<String>,
    pairs: Option<usize>,
    pairs_given: Vec<(String, String)>,
    /// The directory that files of the run go to.
    pub directory: PathBuf,
}

impl Options {
    /// Reads the command line. Prints `usage` and ends if it asks for help or has an unknown
    /// option.
    pub fn parse(usage: &str, known: &[&str]) -> Options {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("bench-{}", std::process::id()));
        let mut options = Options {
            names: Vec::new(),
            pairs: None,
            pairs_given: Vec::new(),
            directory,
        };
        let mut given = std::env::args().skip(1);
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--bench" => {}
                "--pairs" => options.pairs = given.next().and_then(|number| number.parse().ok()),
                "--help" | "-h" => {
                    println!("{usage}");
                    std::process::exit(0);
                }
                name if name.starts_with("--") => {
                    let value = given.next().unwrap_or_default();
                    options
                        .pairs_given
                        .push((name.trim_start_matches("--").to_owned(), value));
                }
                name if known.contains(&name.to_lowercase().as_str()) => {
                    options.names.push(name.to_lowercase())
                }
                // `cargo bench NAME` hands the name to every binary; this one ignores it.
                other => options.names.push(other.to_owned()),
            }
        }
        options
    }

    /// Whether the bench of that name is to run.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }

    /// Pairs to run: those asked for, else `default`.
    pub fn pairs(&self, default: usize) -> usize {
        self.pairs.unwrap_or(default).max(1)
    }

    /// The value of `--NAME`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs_given
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// The number given as `--NAME`, else `default`.
    pub fn number(&self, name: &str, default: usize) -> usize {
        self.text(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    }

    /// A new directory of this run.
    pub fn fresh_directory(&self, name: &str) -> PathBuf {
        let directory = self.directory.join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("the target directory can be written");
        directory
    }

    /// Removes what the run left.
    pub fn clean(&self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The goal of a bench.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At least this part of raw.
    AtLeast(f64),
    /// At most this many times raw.
    AtMost(f64),
    /// No goal: the ratio is printed only.
    None,
}

/// Raw and ours, pair by pair.
#[derive(Debug, Default, Clone)]
pub struct Pairs {
    raw: Vec<f64>,
    ours: Vec<f64>,
}

impl Pairs {
    pub fn push(&mut self, raw: f64, ours: f64) {
        self.raw.push(raw);
        self.ours.push(ours);
    }

    pub fn median_ratio(&self) -> f64 {
        median(&self.ratios())
    }

    fn ratios(&self) -> Vec<f64> {
        self.raw
            .iter()
            .zip(&self.ours)
            .map(|(raw, ours)| ours / raw)
            .collect()
    }
}

/// The result of one bench.
pub struct Report {
    id: &'static str,
    what: String,
    unit: &'static str,
    goal: Goal,
    noisy: bool,
    more: Vec<(String, Value)>,
}

impl Report {
    pub fn new(id: &'static str, what: impl Into<String>, unit: &'static str) -> Report {
        Report {
            id,
            what: what.into(),
            unit,
            goal: Goal::None,
            noisy: false,
            more: Vec::new(),
        }
    }

    pub fn goal(mut self, goal: Goal) -> Report {
        self.goal = goal;
        self
    }

    pub fn noisy(mut self, noisy: bool) -> Report {
        self.noisy = noisy;
        self
    }

    /// A further figure, printed at the end of the line.
    pub fn also(mut self, name: impl Into<String>, value: impl Into<Value>) -> Report {
        self.more.push((name.into(), value.into()));
        self
    }

    /// Prints raw, ours and the ratio.
    pub fn pairs(self, pairs: &Pairs) {
        let (raw, ours, ratio) = (
            median(&pairs.raw),
            median(&pairs.ours),
            pairs.median_ratio(),
        );
        let (low, high) = interval(&pairs.ratios());
        let (goal, met) = match self.goal {
            Goal::AtLeast(least) => (format!("  goal >= {least}"), Some(high >= least)),
            Goal::AtMost(most) => (format!("  goal <= {most}"), Some(low <= most)),
            Goal::None => (String::new(), None),
        };
        let told = if met == Some(false) { " MISSED" } else { "" };
        println!(
            "{:<4} {:<44} raw {:>12} ours {:>12} {:<8} ratio {ratio:.3} [{low:.3}, {high:.3}]{goal}{told}{}{}",
            self.id,
            self.what,
            number(raw),
            number(ours),
            self.unit,
            if self.noisy { "  (noisy)" } else { "" },
            self.shown(),
        );
        let mut line = json!({
            "bench": self.id, "what": self.what, "unit": self.unit, "raw": raw, "ours": ours, "ratio": ratio,
            "interval": [low, high], "pairs": pairs.raw.len(), "met": met, "noisy": self.noisy,
        });
        self.extend(&mut line);
        println!("{line}");
    }

    /// Prints a figure without a raw one beside it.
    pub fn alone(self, value: f64) {
        println!(
            "{:<4} {:<44} ours {:>12} {}{}",
            self.id,
            self.what,
            number(value),
            self.unit,
            self.shown()
        );
        let mut line = json!({"bench": self.id, "what": self.what, "unit": self.unit, "ours": value, "noisy": self.noisy});
        self.extend(&mut line);
        println!("{line}");
    }

    fn shown(&self) -> String {
        let figure = |value: &Value| value.as_f64().map_or_else(|| value.to_string(), number);
        self.more
            .iter()
            .map(|(name, value)| format!("  {name} {}", figure(value)))
            .collect()
    }

    fn extend(self, line: &mut Value) {
        for (name, value) in self.more {
            line[name] = value;
        }
    }
}

/// Watches the machine over a bench: a spin and a sync between pairs.
pub struct Watch {
    spin: Spin,
    spins: Vec<f64>,
    disk: Disk,
    syncs: Vec<f64>,
}

impl Watch {
    pub fn new(options: &Options) -> Watch {
        let disk = Disk::new(&options.fresh_directory("disk"));
        Watch {
            spin: Spin,
            spins: Vec::new(),
            disk,
            syncs: Vec::new(),
        }
    }

    /// Called between pairs.
    pub fn tick(&mut self) {
        self.spins.push(self.spin.rate(Duration::from_millis(10)));
        self.syncs.push(self.disk.syncs_per_second(24));
    }

    pub fn noisy(&self) -> bool {
        let low = self.spins.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.spins.iter().copied().fold(0.0, f64::max);
        !self.spins.is_empty() && (high - low) / high > NOISE
    }

    /// fdatasync of 8 KiB appended, per second.
    pub fn syncs(&self) -> f64 {
        median(&self.syncs)
    }
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of `values` lies.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        1 => sorted[0],
        length => {
            let place = part * (length - 1) as f64;
            let (below, above) = (
                sorted[place.floor() as usize],
                sorted[place.ceil() as usize],
            );
            below + (above - below) * place.fract()
        }
    }
}

/// The 95 % bootstrap interval of the median, from a fixed seed.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut random = Random(0x5157_4244);
    let medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let sample: Vec<f64> = values
                .iter()
                .map(|_| values[random.below(values.len())])
                .collect();
            median(&sample)
        })
        .collect();
    (quantile(&medians, 0.025), quantile(&medians, 0.975))
}

/// SplitMix64: repeatable, and no dependency.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{:.2}M", value / 1e6),
        v if v >= 1e4 => format!("{:.1}k", value / 1e3),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
