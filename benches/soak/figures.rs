//! Measures what a process takes, again and again, and checks its bounds.
//!
//! The growth of memory is the slope of the straight line nearest to all measurements (least
//! squares). Rejected: the difference of two measurements. Resident memory goes up and down by
//! whole arenas, and a soak that happens to end high would seem to grow.

use crate::common::machine;
use std::fmt;
use std::path::Path;
use std::time::Duration;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;
/// Minutes that a slope needs to mean anything.
const JUDGED_MIN: usize = 3;

/// The bounds that must hold.
pub struct Bounds {
    /// KiB a minute by which resident memory may grow.
    pub slope_kib: f64,
    /// Bytes of the write-ahead log: twice `journal_size_limit`, which the log may exceed while a
    /// reader delays a checkpoint.
    pub wal_bytes: u64,
    /// Open handles above those at the end of the warm-up: a few more connections.
    pub handles_more: u64,
    /// Threads above those at the end of the warm-up.
    pub threads_more: u64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            slope_kib: 16.0,
            wal_bytes: 128 << 20,
            handles_more: 8,
            threads_more: 2,
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Look {
    minutes: f64,
    resident: u64,
    wal: u64,
    handles: u64,
    threads: u64,
}

/// All measurements, oldest first.
#[derive(Debug)]
pub struct Figures {
    looks: Vec<Look>,
    /// Minutes that are not judged, in which memory fills that fills once.
    warm_up: f64,
}

impl Figures {
    pub fn new(warm_up: Duration) -> Figures {
        Figures {
            looks: Vec::new(),
            warm_up: warm_up.as_secs_f64() / 60.0,
        }
    }

    /// Measures the process and the log of its database.
    pub fn look(&mut self, after: Duration, process: &str, database: &Path) {
        let mut wal = database.as_os_str().to_owned();
        wal.push("-wal");
        self.looks.push(Look {
            minutes: after.as_secs_f64() / 60.0,
            resident: machine::resident_of(process).unwrap_or(0),
            wal: std::fs::metadata(wal).map_or(0, |file| file.len()),
            handles: machine::handles_of(process).unwrap_or(0),
            threads: machine::threads_of(process).unwrap_or(0),
        });
    }

    /// The newest measurement in words.
    pub fn last(&self) -> String {
        self.looks.last().map_or_else(String::new, |look| {
            format!(
                "resident {:.0} KiB, log {:.1} MiB, {} handles, {} threads",
                look.resident as f64 / KIB,
                look.wal as f64 / MIB,
                look.handles,
                look.threads
            )
        })
    }

    /// The measurements after the warm-up.
    fn judged(&self) -> &[Look] {
        &self.looks[self
            .looks
            .partition_point(|look| look.minutes < self.warm_up)..]
    }

    /// KiB a minute by which resident memory grew after the warm-up; `None` if there were too few
    /// minutes.
    fn slope_kib(&self) -> Option<f64> {
        let points: Vec<(f64, f64)> = self
            .judged()
            .iter()
            .map(|look| (look.minutes, look.resident as f64 / KIB))
            .collect();
        (points.len() >= JUDGED_MIN).then(|| slope(&points))
    }

    /// The bounds that did not hold, in words.
    pub fn broken(&self, bounds: &Bounds) -> Vec<String> {
        let judged = self.judged();
        let Some(first) = judged.first() else {
            return Vec::new();
        };
        let most = |of: fn(&Look) -> u64| judged.iter().map(of).max().unwrap_or(0);
        let mut broken = Vec::new();
        if let Some(slope) = self.slope_kib().filter(|slope| *slope > bounds.slope_kib) {
            broken.push(format!(
                "memory grows by {slope:.1} KiB a minute, {} are allowed",
                bounds.slope_kib
            ));
        }
        for (what, found, allowed) in [
            (
                "bytes of write-ahead log",
                self.looks.iter().map(|look| look.wal).max().unwrap_or(0),
                bounds.wal_bytes,
            ),
            (
                "handles",
                most(|look| look.handles),
                first.handles + bounds.handles_more,
            ),
            (
                "threads",
                most(|look| look.threads),
                first.threads + bounds.threads_more,
            ),
        ] {
            if found > allowed {
                broken.push(format!("{found} {what}, {allowed} are allowed"));
            }
        }
        if first.resident == 0 {
            broken.push("this system does not tell what a process takes".to_owned());
        }
        broken
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |of: fn(&Look) -> u64| {
            let all = || self.looks.iter().map(of);
            (all().min().unwrap_or(0), all().max().unwrap_or(0))
        };
        let (resident, wal, handles, threads) = (
            range(|look| look.resident),
            range(|look| look.wal),
            range(|look| look.handles),
            range(|look| look.threads),
        );
        match self.slope_kib() {
            Some(slope) => writeln!(
                f,
                "slope    {slope:.1} KiB a minute after the first {:.1} minutes",
                self.warm_up
            )?,
            None => writeln!(
                f,
                "slope    not judged: fewer than {JUDGED_MIN} minutes after the first {:.1}",
                self.warm_up
            )?,
        }
        writeln!(
            f,
            "resident {:.0} to {:.0} KiB",
            resident.0 as f64 / KIB,
            resident.1 as f64 / KIB
        )?;
        writeln!(f, "log      {:.1} MiB at most", wal.1 as f64 / MIB)?;
        writeln!(f, "handles  {} to {}", handles.0, handles.1)?;
        write!(f, "threads  {} to {}", threads.0, threads.1)
    }
}

/// The rise of the straight line nearest to these points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (middle, height) = (mean(|point| point.0), mean(|point| point.1));
    let (mut with, mut square) = (0.0, 0.0);
    for (x, y) in points {
        with += (x - middle) * (y - height);
        square += (x - middle) * (x - middle);
    }
    if square > 0.0 { with / square } else { 0.0 }
}
