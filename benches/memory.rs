//! Memory, idle CPU and the time to open, each case in a process of its own.
//!
//!     cargo bench --bench memory                                     all of it, in about a minute
//!     cargo bench --bench memory -- p11 --agents 20000
//!
//! One database is written row by row, and every child opens it in turn. The chat system keeps
//! nothing, so the figures are the engine's; what a connector keeps for an agent comes on top.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and ends where something is wrong"
)]

#[allow(dead_code, reason = "each binary uses its part of the harness")]
mod common;
#[allow(dead_code, reason = "each binary uses its part of the probes")]
mod raw;

use common::machine;
use common::quiet::Quiet;
use common::world::{self, World};
use common::{Goal, Options, Pairs, Report};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use switchboard::backend::Backend;
use switchboard::{Cursor, Engine, EventQuery};

const USAGE: &str = "cargo bench --bench memory -- [BENCH..] [--pairs N]
  p8    bytes of a waiting reader, against a tokio task with Notify and a timeout
  p11   bytes and idle CPU of agents, against bare state behind a lock
  p12   opening, against reading the same rows
  --agents N (100000)   --channels N each (4)   --rooms N in all (10000)   --messages N (1000000)";
const KNOWN: [&str; 3] = ["p8", "p11", "p12"];
const SOON: Duration = Duration::from_secs(120);
const MIB: f64 = 1024.0 * 1024.0;

fn main() {
    let options = Options::parse(USAGE, &KNOWN);
    let agents = options.number("agents", 100_000);
    if let (Some(case), Some(path)) = (options.text("child"), options.text("file")) {
        let answer = child(case, Path::new(path), agents, options.number("waiters", 0));
        println!("{answer}");
        return;
    }
    let mut world = World::new(
        agents,
        options.number("rooms", 10_000),
        options.number("channels", 4),
    );
    world.joined = true;
    let directory = options.fresh_directory("memory");
    if options.wants("p8") || options.wants("p11") {
        let path = world.write_into(&directory);
        if options.wants("p11") {
            idle_agents(&path, &world);
        }
        if options.wants("p8") {
            for waiters in [10_000, 100_000] {
                waiting_readers(&path, agents, waiters.min(agents));
            }
        }
    }
    if options.wants("p12") {
        world.messages = options.number("messages", 1_000_000);
        let path = directory.join("large.db");
        world.write(&path);
        opening(&options, &path, &world);
    }
    options.clean();
}

/// Runs one case in a process of its own. The last line of its output is the result.
fn run(case: &str, path: &Path, agents: usize, waiters: usize) -> Value {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--child",
            case,
            "--agents",
            &agents.to_string(),
            "--waiters",
            &waiters.to_string(),
            "--file",
        ])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let problem = || String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("{case}: {}", problem()))
}

fn figure(answer: &Value, name: &str) -> f64 {
    answer[name].as_f64().unwrap_or(f64::NAN)
}

/// P11.
fn idle_agents(path: &Path, world: &World) {
    let bare = run("bare", path, world.agents, 0);
    let each =
        |answer: &Value| (figure(answer, "after") - figure(answer, "before")) / world.agents as f64;
    for case in ["down", "up"] {
        let answer = run(case, path, world.agents, 0);
        let mut pairs = Pairs::default();
        pairs.push(each(&bare), each(&answer));
        let what = if case == "up" {
            "active agents, all joined"
        } else {
            "agents whose link is down"
        };
        let process = figure(&answer, "after") / MIB;
        Report::new("P11", format!("{} {what}", world.agents), "B/agent")
            .also("process_mib", process)
            .also("within_96_mib", process <= 96.0)
            .also("idle_cpu_percent", figure(&answer, "idle_percent"))
            .also("ready_ms", figure(&answer, "active_ms"))
            .pairs(&pairs);
    }
    let empty = run("empty", path, 0, 0);
    Report::new("P20", "an engine without agents, in memory", "MiB")
        .also("idle_cpu_percent", figure(&empty, "idle_percent"))
        .alone(figure(&empty, "after") / MIB);
}

/// P8.
fn waiting_readers(path: &Path, agents: usize, waiters: usize) {
    let each =
        |answer: &Value| (figure(answer, "after") - figure(answer, "before")) / waiters as f64;
    let (bare, ours) = (
        run("notify", path, agents, waiters),
        run("waiters", path, agents, waiters),
    );
    let mut pairs = Pairs::default();
    pairs.push(each(&bare), each(&ours));
    Report::new("P8", format!("{waiters} waiting readers"), "B/wait")
        .goal(Goal::AtMost(640.0 / each(&bare)))
        .also("idle_cpu_percent", figure(&ours, "idle_percent"))
        .also("future_bytes", figure(&ours, "future_bytes"))
        .also(
            "start_us_each",
            figure(&ours, "start_ms") * 1e3 / waiters as f64,
        )
        .also("shutdown_ms", figure(&ours, "shutdown_ms"))
        .pairs(&pairs);
}

/// P12.
fn opening(options: &Options, path: &Path, world: &World) {
    let mut pairs = Pairs::default();
    let mut active = Vec::new();
    for _ in 0..options.pairs(3) {
        let (bare, ours) = (
            run("bare", path, world.agents, 0),
            run("open", path, world.agents, 0),
        );
        pairs.push(figure(&bare, "open_ms"), figure(&ours, "open_ms"));
        active.push(figure(&ours, "active_ms"));
    }
    Report::new(
        "P12",
        format!("open {} agents, {} messages", world.agents, world.messages),
        "ms",
    )
    .goal(Goal::AtMost(5.0))
    .also("until_all_active_ms", common::median(&active))
    .pairs(&pairs);
}

/// One case, in the child.
fn child(case: &str, path: &Path, agents: usize, waiters: usize) -> Value {
    match case {
        "bare" => {
            let (before, begin) = (resident(), Instant::now());
            let held = raw::agents::read(path).unwrap();
            let open_ms = milliseconds(begin);
            assert_eq!(held.len(), agents);
            json!({"before": before, "after": resident(), "open_ms": open_ms})
        }
        "empty" => {
            let before = resident();
            let engine = Engine::builder().open().unwrap();
            let idle = idle_percent();
            drop(engine);
            json!({"before": before, "after": resident(), "idle_percent": idle})
        }
        "down" | "up" | "open" => {
            let before = resident();
            let quiet = if case == "down" {
                Quiet::unreachable()
            } else {
                Quiet::new()
            };
            let (engine, open_ms, active_ms) =
                open(path, quiet, if case == "down" { 0 } else { agents });
            let after = resident();
            let idle = if case == "open" {
                f64::NAN
            } else {
                idle_percent()
            };
            drop(engine);
            json!({"before": before, "after": after, "open_ms": open_ms, "active_ms": active_ms, "idle_percent": idle})
        }
        "waiters" => wait_for_events(path, waiters),
        "notify" => wait_for_notify(waiters),
        other => panic!("no case `{other}`"),
    }
}

/// Opens the engine and waits until `agents` are active in every channel. Returns the milliseconds
/// to open, and until all are active.
fn open(path: &Path, backend: Arc<dyn Backend>, agents: usize) -> (Engine, f64, f64) {
    let begin = Instant::now();
    let engine = Engine::builder()
        .database(path)
        .shared_backend(backend)
        .open()
        .unwrap();
    let open_ms = milliseconds(begin);
    while engine.stats().active_agents < agents {
        assert!(begin.elapsed() < SOON, "{:?}", engine.stats());
        thread::sleep(Duration::from_millis(20));
    }
    if agents > 0 {
        engine
            .agent(world::agent_id(agents - 1))
            .unwrap()
            .wait_active(SOON)
            .unwrap();
        engine.settle(SOON).unwrap();
    }
    (engine, open_ms, milliseconds(begin))
}

/// A waiting reader for each agent, each in a task.
fn wait_for_events(path: &Path, waiters: usize) -> Value {
    let (engine, ..) = open(path, Quiet::unreachable(), 0);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let views: Vec<_> = (0..waiters)
        .map(|number| engine.agent(world::agent_id(number)).unwrap())
        .collect();
    let start = views[0]
        .events(Cursor::window(), &EventQuery::messages())
        .unwrap();
    let (before, begin, mut future_bytes) = (resident(), Instant::now(), 0);
    for view in &views {
        let cursor = Cursor::after(start.last, &start.instance);
        let wait = view.wait_events_async(
            cursor,
            EventQuery::messages().remote(),
            Duration::from_secs(300),
        );
        future_bytes = size_of_val(&*wait);
        runtime.spawn(wait);
    }
    while engine.stats().waiters < waiters {
        assert!(begin.elapsed() < SOON, "{:?}", engine.stats());
        thread::sleep(Duration::from_millis(1));
    }
    let (start_ms, after) = (milliseconds(begin), resident());
    let idle = idle_percent();
    let begin = Instant::now();
    engine.shutdown(SOON).unwrap();
    let shutdown_ms = milliseconds(begin);
    runtime.shutdown_background();
    json!({
        "before": before, "after": after, "start_ms": start_ms, "idle_percent": idle, "shutdown_ms": shutdown_ms,
        "future_bytes": future_bytes,
    })
}

/// The raw limit of P8: tasks that each wait for a `Notify` of their own, with a timeout.
fn wait_for_notify(waiters: usize) -> Value {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let waiting = Arc::new(AtomicUsize::new(0));
    let mut notifies = Vec::with_capacity(waiters);
    let before = resident();
    for _ in 0..waiters {
        let (notify, waiting) = (Arc::new(tokio::sync::Notify::new()), waiting.clone());
        notifies.push(notify.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the raw side is tokio's own timer"
        )]
        runtime.spawn(async move {
            waiting.fetch_add(1, Ordering::Relaxed);
            tokio::time::timeout(Duration::from_secs(30), notify.notified()).await
        });
    }
    while waiting.load(Ordering::Relaxed) < waiters {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(100));
    let after = resident();
    runtime.shutdown_background();
    json!({"before": before, "after": after})
}

/// Share of one core that this process takes while nothing happens, in percent.
fn idle_percent() -> f64 {
    // What was just done may still cause upkeep.
    thread::sleep(Duration::from_millis(1500));
    let (begin, before) = (Instant::now(), machine::cpu());
    thread::sleep(Duration::from_secs(3));
    before
        .zip(machine::cpu())
        .map_or(f64::NAN, |(before, after)| {
            (after.saturating_sub(before)).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0
        })
}

fn resident() -> f64 {
    machine::resident().map_or(f64::NAN, |bytes| bytes as f64)
}

fn milliseconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}
