//! Figures of this process and of the machine.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Resident bytes of this process; `None` where the system does not tell.
pub fn resident() -> Option<u64> {
    resident_of("self")
}

/// Resident bytes of a process; `None` where the system does not tell.
pub fn resident_of(process: &str) -> Option<u64> {
    status_of(process, "VmRSS:").map(|kibibytes| kibibytes * 1024)
}

/// Threads of a process; `None` where the system does not tell.
pub fn threads_of(process: &str) -> Option<u64> {
    status_of(process, "Threads:")
}

/// Open handles of a process; `None` where the system does not tell.
pub fn handles_of(process: &str) -> Option<u64> {
    std::fs::read_dir(format!("/proc/{process}/fd"))
        .ok()
        .map(|handles| handles.count() as u64)
}

/// A number of `/proc/PROCESS/status`; `None` where there is no such file.
fn status_of(process: &str, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| {
        line.strip_prefix(name)?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    })
}

/// CPU time of all threads of this process that live; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn cpu() -> Option<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let nanos: u64 = tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum();
    Some(Duration::from_nanos(nanos))
}

/// CPU time of this process with its ended threads, to a hundredth of a second; `None` where the
/// system does not tell.
pub fn whole_cpu() -> Option<Duration> {
    whole_cpu_of("self")
}

/// CPU time of a process with its ended threads, to a hundredth of a second; `None` where the
/// system does not tell.
#[cfg(target_os = "linux")]
pub fn whole_cpu_of(process: &str) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The fields after the name, which may hold anything: the state is the first, user and system
    // time are the 12th and 13th.
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 10))
}

/// CPU time of a process with its ended threads; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn whole_cpu_of(_process: &str) -> Option<Duration> {
    None
}

/// CPU time of all threads of this process that live; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn cpu() -> Option<Duration> {
    None
}

/// How fast this core spins. It differs between pairs if other processes take the core away.
pub struct Spin;

impl Spin {
    /// Turns per microsecond over `time`.
    pub fn rate(&self, time: Duration) -> f64 {
        let begin = Instant::now();
        let (mut turns, mut value) = (0u64, 1u64);
        while begin.elapsed() < time {
            for _ in 0..1000 {
                value =
                    std::hint::black_box(value.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
            }
            turns += 1000;
        }
        turns as f64 / begin.elapsed().as_secs_f64() / 1e6
    }
}

/// How fast this disk syncs.
pub struct Disk(File);

impl Disk {
    pub fn new(directory: &Path) -> Disk {
        Disk(File::create(directory.join("probe")).expect("the directory can be written"))
    }

    /// Appends of 8 KiB with an fdatasync each, per second.
    pub fn syncs_per_second(&mut self, times: usize) -> f64 {
        let page = [7u8; 8192];
        let begin = Instant::now();
        for _ in 0..times {
            self.0
                .write_all(&page)
                .and_then(|()| self.0.sync_data())
                .expect("the disk takes 8 KiB");
        }
        times as f64 / begin.elapsed().as_secs_f64()
    }
}
