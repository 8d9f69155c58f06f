//! The HTTP edge: the real program against a trivial axum handler, in one interleaved run.
//!
//!     cargo bench --bench http                  builds the example, then takes under a minute
//!     cargo bench --bench http -- p17 --pairs 9
//!
//! The client is a process of its own with one thread, the same for both sides, and each server is
//! a process too. So the client costs both sides the same.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and ends where something is wrong"
)]

#[allow(dead_code, reason = "each binary uses its part of the harness")]
mod common;
#[allow(dead_code, reason = "each binary uses its part of the server")]
mod edge;
#[allow(dead_code, reason = "each binary uses its part of the probes")]
mod raw;

use common::world;
use common::{Goal, Options, Pairs, Report, Watch, median};
use edge::client::Client;
use edge::server::{Server, request};
use edge::trivial;
use raw::commit::{RawWriter, Row};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const USAGE: &str = "cargo bench --bench http -- [BENCH..] [--pairs N]
  p17    a read call, 64 connections, against a trivial axum POST
  p18    a durable post, 64 connections, against the slower of that and a bare group commit
  polls  bytes of a waiting poll, against an axum handler that waits
  --gateway PATH  the program, if it is built   --polls N (10000)   --slice MILLISECONDS (1000)";
const KNOWN: [&str; 3] = ["p17", "p18", "polls"];
const CONNECTIONS: usize = 64;
/// Agents; each has a room of its own.
const AGENTS: usize = 8;
const SOON: Duration = Duration::from_secs(30);

fn main() {
    let options = Options::parse(USAGE, &KNOWN);
    match options.text("child") {
        Some("trivial") => return trivial::serve(),
        Some("client") => return edge::client::obey(),
        _ => {}
    }
    let program = options
        .text("gateway")
        .map_or_else(edge::server::built, PathBuf::from);
    if options.wants("p17") || options.wants("p18") {
        rates(&options, &program);
    }
    if options.wants("polls") {
        polls(&options, &program);
    }
    options.clean();
}

fn start_trivial() -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--child", "trivial"]);
    Server::start(command)
}

/// Starts the gateway on a file, for so many polls.
fn launch(program: &Path, directory: &Path, polls: usize) -> Server {
    let mut command = Command::new(program);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--super-user",
        "super",
        "--log-level",
        "warn",
        "--poll-timeout",
        "60",
    ]);
    command
        .arg("--database")
        .arg(directory.join("gateway.db"))
        .env("SWITCHBOARD_SUPER_PASSWORD", "secret");
    command.args([
        "--connections",
        &(polls + 1000).to_string(),
        // All polls come from one address, whose share is five sixths without it.
        "--connections-per-peer",
        &(polls + 1000).to_string(),
        "--polls-per-agent",
        &(polls + 1).to_string(),
    ]);
    for number in 0..AGENTS {
        command.args(["--room", &format!("room-{number}=Room {number}")]);
    }
    Server::start(command)
}

/// Tokens: the super user's, and one for each agent.
struct Tokens {
    root: String,
    agents: Vec<String>,
}

/// Puts agents, each in its room.
fn provision(gateway: &Server) -> Tokens {
    let log_in = |user: &str, agent: &str| {
        let credentials =
            json!({ "Username": user, "Password": "secret", "AgentId": agent }).to_string();
        let (status, token) = gateway.call("POST", "/Authentication/v1/Tokens", "", &credentials);
        assert_eq!(status, 200, "{user}: {token}");
        token.as_str().unwrap().to_owned()
    };
    let root = log_in("super", "");
    let put = |path: &str, body: &str| {
        assert_eq!(gateway.call("PUT", path, &root, body).0, 200, "{path}")
    };
    put(
        "/Provisioning/v1/Users/user",
        &json!({ "UserId": "user", "Username": "user", "Password": "secret" }).to_string(),
    );
    for number in 0..AGENTS {
        let channels = json!([{ "Id": format!("chat-room:room-{number}") }]);
        let address = format!("loopback:agent-{number}");
        let agent = json!({ "Id": format!("agent-{number}"), "UserName": address, "Users": ["user"], "Channels": channels });
        put(&path(number), &agent.to_string());
    }
    joined(gateway, &root);
    let agents = (0..AGENTS)
        .map(|number| log_in("user", &format!("agent-{number}")))
        .collect();
    Tokens { root, agents }
}

fn path(agent: usize) -> String {
    format!("/Provisioning/v1/Agents/agent-{agent}")
}

/// Waits until every agent is in its room.
fn joined(gateway: &Server, root: &str) {
    let begin = Instant::now();
    for number in 0..AGENTS {
        while gateway.call("GET", &path(number), root, "").1["Channels"][0]["State"] != 2 {
            assert!(begin.elapsed() < SOON, "agent-{number} does not join");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn messages(number: usize) -> String {
    format!("/Collaboration/v1/Channels/chat-room%3Aroom-{number}/Messages")
}

/// P17 and P18.
fn rates(options: &Options, program: &Path) {
    let directory = options.fresh_directory("http");
    let raw = start_trivial();
    let gateway = launch(program, &directory, 1);
    let tokens = provision(&gateway).agents;
    let mut client = Client::start();
    let post = json!({ "IsAlert": false, "Text": world::text(0) }).to_string();
    let trivial = [request("POST", "/", &tokens[0], "", &post)];
    let (mut reads, mut posts) = (Vec::new(), Vec::new());
    for (number, token) in tokens.iter().enumerate() {
        reads.push(request(
            "GET",
            &format!("/Collaboration/v1/Channels/chat-room%3Aroom-{number}"),
            token,
            "",
            "",
        ));
        posts.push(request("POST", &messages(number), token, "", &post));
    }
    let slice = Duration::from_millis(options.number("slice", 1000) as u64);
    let mut load = |server: &Server, requests: &[String]| {
        let (before, begin) = (server.cpu(), Instant::now());
        let rate = client.load(server.address, requests, CONNECTIONS, slice);
        let each = (server.cpu().saturating_sub(before)).as_secs_f64() * 1e6
            / (rate * begin.elapsed().as_secs_f64());
        (rate, each)
    };
    load(&raw, &trivial);
    load(&gateway, &reads);
    let writer = RawWriter::open(&directory.join("raw.db"));
    let (mut read, mut durable, mut watch) =
        (Pairs::default(), Pairs::default(), Watch::new(options));
    let (mut more, mut commits, mut edges) = (Vec::new(), Vec::new(), Vec::new());
    for nth in 0..options.pairs(5) {
        let (edge, bare) = load(&raw, &trivial);
        edges.push(edge);
        if options.wants("p17") {
            let (ours, each) = load(&gateway, &reads);
            read.push(edge, ours);
            more.push(each - bare);
        }
        if options.wants("p18") {
            let commit = commit_rate(&writer, nth);
            commits.push(commit);
            durable.push(edge.min(commit), load(&gateway, &posts).0);
            // The checkpoint of what was written runs now and not in the next slice.
            thread::sleep(Duration::from_millis(250));
        }
        watch.tick();
    }
    if options.wants("p17") {
        Report::new("P17", "a read call, 64 connections, against axum", "req/s")
            .goal(Goal::AtLeast(0.80))
            .noisy(watch.noisy())
            .also("server_cpu_us_more", median(&more))
            .pairs(&read);
    }
    if options.wants("p18") {
        Report::new("P18", "a durable post, 64 connections", "req/s")
            .goal(Goal::AtLeast(0.7))
            .noisy(watch.noisy())
            .also("raw_commits", median(&commits))
            .also("raw_axum", median(&edges))
            .also("syncs", watch.syncs())
            .pairs(&durable);
    }
}

/// Rows a second through a bare group commit, with a poster for each connection.
fn commit_rate(writer: &RawWriter, pair: usize) -> f64 {
    const EACH: usize = 100;
    let begin = Instant::now();
    thread::scope(|scope| {
        for poster in 0..CONNECTIONS {
            scope.spawn(move || {
                let reply = crossbeam_channel::bounded(1);
                for nth in 0..EACH {
                    let number = (pair * CONNECTIONS + poster) * EACH + nth;
                    let row = Row {
                        conversation: (poster % AGENTS) as i64 + 1,
                        message_id: world::message_id(number as u64),
                        origin_id: format!("s{number:053}"),
                        sender: world::address(poster),
                        sender_agent: poster as i64 + 1,
                        posted_by: "user".to_owned(),
                        time: world::now_ms(),
                        text: world::text(0),
                    };
                    writer.post(row, &reply);
                }
            });
        }
    });
    let rate = (CONNECTIONS * EACH) as f64 / begin.elapsed().as_secs_f64();
    thread::sleep(Duration::from_millis(250));
    rate
}

/// Memory of waiting polls: the resident bytes of the server's process before the polls and while
/// they wait.
fn polls(options: &Options, program: &Path) {
    let count = options.number("polls", 10_000);
    let (raw, mut client) = (start_trivial(), Client::start());
    let waits = [request("GET", "/wait", "", "", "")];
    let bare = held(&raw, &mut client, &waits, count, || {
        assert_eq!(raw.call("POST", "/wake", "", "").0, 200)
    });
    let directory = options.fresh_directory("polls");
    let Tokens { root, agents } = provision(&launch(program, &directory, count));
    // Started again: the allocator keeps the memory of hashed passwords, and the polls would be put
    // into it.
    let gateway = launch(program, &directory, count);
    joined(&gateway, &root);
    let wait = "/Collaboration/v1/Events?last-event=2147483646&types=meta-data";
    let waits: Vec<String> = agents
        .iter()
        .map(|token| request("GET", wait, token, "", ""))
        .collect();
    let wake = || {
        for number in 0..AGENTS {
            assert_eq!(
                gateway
                    .call(
                        "PUT",
                        &format!("{}/MetaData/k", path(number)),
                        &root,
                        "\"v\""
                    )
                    .0,
                200
            );
        }
    };
    let ours = held(&gateway, &mut client, &waits, count, wake);
    let mut pairs = Pairs::default();
    pairs.push(bare.each, ours.each);
    Report::new("P8", format!("{count} waiting polls over HTTP"), "B/poll")
        .also("raw_process_mib", bare.process)
        .also("process_mib", ours.process)
        .also("empty_mib", ours.empty)
        .pairs(&pairs);
}

struct Held {
    each: f64,
    process: f64,
    empty: f64,
}

/// The memory of `count` requests that wait until `wake`. All of them must then be answered.
fn held(
    server: &Server,
    client: &mut Client,
    requests: &[String],
    count: usize,
    wake: impl FnOnce(),
) -> Held {
    const MIB: f64 = 1024.0 * 1024.0;
    let empty = server.resident();
    client.wait(server.address, requests, count);
    // The server may still read requests: it has read all of them once it stops growing.
    let mut full = server.resident();
    loop {
        thread::sleep(Duration::from_millis(500));
        let now = server.resident();
        if now <= full {
            break;
        }
        full = now;
    }
    wake();
    assert_eq!(client.answered(), count);
    Held {
        each: (full - empty) / count as f64,
        process: full / MIB,
        empty: empty / MIB,
    }
}
