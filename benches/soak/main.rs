//! An hour of ordinary work against the real program, which is measured meanwhile.
//!
//!     cargo bench --bench soak                                       an hour at 200 messages a second
//!     cargo bench --bench soak -- --minutes 5 --rate 1000 --churn-ms 1000
//!     SOAK_MINUTES=10 cargo bench --bench soak
//!
//! Four agents post, and four others read the posts by long polls and must miss nothing. Every few
//! seconds an agent and its user are created, work a little and are deleted. The program is a
//! process of its own, so that its memory is measured apart from the load's. Memory that fills once
//! (the window of events, SQLite's pages, what the embedded chat system keeps) is no growth: the
//! first third is not judged, nor the time in which the chat system fills. A short soak needs a
//! high rate.
//!
//! The status is 0 if every bound held and every message was read once, in order.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and ends where something is wrong"
)]

#[allow(dead_code, reason = "each binary uses its part of the harness")]
#[path = "../common/mod.rs"]
mod common;
mod figures;
mod line;
mod load;
#[allow(dead_code, reason = "each binary uses its part of the server")]
#[path = "../edge/server.rs"]
mod server;

use common::Options;
use figures::{Bounds, Figures};
use load::Load;
use server::Server;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const USAGE: &str = "cargo bench --bench soak -- [--minutes N] [--rate N] [--churn-ms N] [--gateway PATH] [--sample-ms N]
  --minutes N    how long (60, or SOAK_MINUTES)
  --rate N       messages a second over all (200)
  --churn-ms N   milliseconds from one agent that comes and goes to the next (8000)
  --sample-ms N  milliseconds from one look at the process to the next (2000)
  --slope N      KiB a minute by which resident memory may grow after the warm-up (16)
  --gateway PATH the program, if it is built";

/// Messages after which the embedded chat system is full: 64 MiB of the messages of this load.
const FILLED: usize = 110_000;

fn main() -> ExitCode {
    let options = Options::parse(USAGE, &[]);
    // `cargo bench NAME` hands the name to every binary, and nobody asked this one for an hour.
    if !options.wants("soak") {
        return ExitCode::SUCCESS;
    }
    let minutes = std::env::var("SOAK_MINUTES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(60);
    let length = Duration::from_secs(options.number("minutes", minutes) as u64 * 60);
    let program = options
        .text("gateway")
        .map_or_else(server::built, PathBuf::from);
    let directory = options.fresh_directory("soak");
    let database = directory.join("gateway.db");
    let gateway = launch(&program, &database);
    let load = Load {
        address: gateway.address,
        rate: options.number("rate", 200).max(1),
        churn: Duration::from_millis(options.number("churn-ms", 8000).max(1) as u64),
        length,
    };
    let sample = Duration::from_millis(options.number("sample-ms", 2000).max(100) as u64);
    println!(
        "{} minutes at {} messages a second, an agent every {:?}",
        length.as_secs() / 60,
        load.rate,
        load.churn
    );
    let begun = load.begin();
    let mut figures =
        Figures::new((length / 3).max(Duration::from_secs((FILLED / load.rate) as u64)));
    let (begin, mut told) = (Instant::now(), 0);
    while begin.elapsed() < length {
        figures.look(begin.elapsed(), &gateway.id(), &database);
        let minute = begin.elapsed().as_secs() / 60;
        if minute > told {
            told = minute;
            println!("minute {minute:>3}: {}; {}", figures.last(), begun.so_far());
        }
        std::thread::sleep(sample);
    }
    let work = begun.end();
    let stopped = gateway.stop();
    println!("{work}");
    println!("{figures}");
    let bounds = Bounds {
        slope_kib: options.number("slope", 16) as f64,
        ..Bounds::default()
    };
    let mut broken = figures.broken(&bounds);
    broken.extend(work.broken());
    if !stopped {
        broken.push("the gateway did not stop in good order".to_owned());
    }
    options.clean();
    for bound in &broken {
        println!("BROKEN   {bound}");
    }
    if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Starts the gateway on a file, with the rooms of the load.
fn launch(program: &Path, database: &Path) -> Server {
    let mut command = Command::new(program);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--super-user",
        "super",
        "--log-level",
        "warn",
        "--poll-timeout",
        "20",
    ]);
    command
        .arg("--database")
        .arg(database)
        .env("SWITCHBOARD_SUPER_PASSWORD", "secret");
    for number in 0..load::PAIRS {
        command.args(["--room", &format!("room-{number}=Room {number}")]);
    }
    Server::start(command)
}
