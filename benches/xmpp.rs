//! A thousand agents over one XMPP component, with what it costs the server, beside slixmpp doing
//! the same.
//!
//! `cargo bench --bench xmpp` needs Prosody and says what is missing.
//! `SWITCHBOARD_BENCH_AGENTS` is the number of agents (1,000), twenty in a room. Then `SWITCHBOARD_BENCH_ACCOUNTS`
//! of them (1,000) are accounts, each with a TLS connection of its own, which trusts the system's
//! authorities and the server's. The server is a real Prosody on the same machine and mostly the
//! bottleneck, so each figure is printed with the server's processor time.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    dead_code,
    reason = "a program that prints; half of what the tests share"
)]

#[path = "../tests/it/port.rs"]
mod port;
#[path = "../tests/it/xmpp/proxy.rs"]
mod proxy;
#[path = "../tests/it/xmpp/server.rs"]
mod server;

use proxy::Proxy;
use serde_json::Value;
use server::{Kind, Server, can_run, python};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use switchboard::backend::BackendError;
use switchboard::backend::xmpp::{Accounts, Component, Secret, Trust, Xmpp, XmppConfig};
use switchboard::{Broadcast, Engine, NewAgent, NewMessage, Principal, Subscription};

const PER_ROOM: usize = 20;
const POSTS: usize = 2000;
const SAID: usize = 2000;
/// Posts under way at once, over all agents.
const AT_ONCE: usize = 64;
const DEADLINE: Duration = Duration::from_secs(300);

fn main() {
    // `cargo test --benches` only checks that the bench builds.
    if std::env::args().any(|argument| argument == "--test")
        || !can_run("XMPP benchmark", Kind::Prosody)
    {
        return;
    }
    let count = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(1000)
    };
    let (agents, accounts): (usize, usize) = (
        count("SWITCHBOARD_BENCH_AGENTS"),
        count("SWITCHBOARD_BENCH_ACCOUNTS"),
    );
    let server = Server::start(Kind::Prosody, &[("LOG_LEVEL", "warn")]);
    println!(
        "{agents} agents, {PER_ROOM} to a room, one component; CPU seconds of this program and of Prosody\n"
    );
    println!(
        "{:<52} {:>10} {:>12} {:>8} {:>8}",
        "switchboard", "seconds", "per second", "own", "Prosody"
    );
    let mut bench = Bench {
        server,
        agents,
        path: database(),
    };
    bench.switchboard();
    println!(
        "\n{:<52} {:>10} {:>12} {:>8} {:>8}",
        "slixmpp", "seconds", "per second", "own", "Prosody"
    );
    bench.slixmpp();
    remove(&bench.path);
    drop(bench);
    if accounts > 0 {
        println!(
            "\n{:<52} {:>10} {:>12} {:>8} {:>8}",
            "switchboard, as accounts", "seconds", "per second", "own", "Prosody"
        );
        of_accounts(accounts);
    }
}

/// Accounts instead of a component: each has a connection, a login and TLS.
fn of_accounts(count: usize) {
    let names: Vec<String> = (0..count).map(|n| format!("a{n}")).collect();
    let server = Server::start(
        Kind::Prosody,
        &[("LOG_LEVEL", "warn"), ("ACCOUNTS", &names.join(" "))],
    );
    let mut bench = Bench {
        server,
        agents: count,
        path: database(),
    };
    drop(bench.speaker());
    let believed = bench.path.with_extension("pem");
    let mut certificates = std::fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    certificates.extend(std::fs::read(bench.server.certificate()).unwrap());
    std::fs::write(&believed, certificates).unwrap();
    let password = |address: &str| -> Result<Secret, BackendError> {
        Ok(Secret::new(format!(
            "pw-{}",
            address.split('@').next().unwrap_or_default()
        )))
    };
    let accounts = Accounts::new(password)
        .host("127.0.0.1")
        .port(bench.server.port("C2S"));
    let config = XmppConfig::new(bench.server.value("DOMAIN"))
        .rooms_host(bench.server.value("ROOMS"))
        .accounts(accounts);
    let backend = Xmpp::new(config.trust(Trust::CaFile(believed.clone()))).unwrap();
    let engine = Engine::builder()
        .database(&bench.path)
        .backend(backend)
        .open()
        .unwrap();
    let before = (resident("self"), resident(bench.server.value("PID")));
    bench.begins(
        "provisioned one by one, until all are Active",
        count,
        |bench| {
            let admin = engine.provisioning(&Principal::host("bench")).unwrap();
            for n in 0..count {
                let agent = NewAgent::new(
                    format!("a{n}"),
                    format!("xmpp:a{n}@{}", bench.server.value("DOMAIN")),
                )
                .unwrap();
                admin
                    .put_agent(agent.channel(bench.channel(n)).unwrap())
                    .unwrap();
            }
            bench.all_active(&engine);
        },
    );
    let each = |now: u64, before: u64| now.saturating_sub(before) / count as u64;
    println!(
        "{:<52} {:>10}",
        "resident bytes per account",
        each(resident("self"), before.0)
    );
    println!(
        "{:<52} {:>10}",
        "  and Prosody's",
        each(resident(bench.server.value("PID")), before.1)
    );
    bench.begins("posts out, each answered and durable", POSTS, |bench| {
        bench.post(&engine)
    });
    bench.begins(
        "server killed and restarted, until all are Active",
        count,
        |bench| {
            bench.server.kill();
            bench.server.begin();
            bench.all_active_again(&engine);
        },
    );
    println!(
        "{:<52} {:>10}",
        "resident bytes per account, after that",
        each(resident("self"), before.0)
    );
    engine.shutdown(DEADLINE).unwrap();
    remove(&bench.path);
    let _ = std::fs::remove_file(believed);
}

struct Bench {
    server: Server,
    agents: usize,
    path: PathBuf,
}

impl Bench {
    fn switchboard(&mut self) {
        let line = Proxy::to(self.server.port("COMPONENT"));
        // An agent that joins creates no room; the speaker creates them.
        drop(self.speaker());
        self.begins(
            "provisioned one by one, until all are Active",
            self.agents,
            |bench| {
                let engine = bench.engine(&line);
                let admin = engine.provisioning(&Principal::host("bench")).unwrap();
                for n in 0..bench.agents {
                    let address = format!("xmpp:a{n}@{}", bench.server.value("AGENTS"));
                    let agent = NewAgent::new(format!("a{n}"), address)
                        .unwrap()
                        .channel(bench.channel(n))
                        .unwrap();
                    admin.put_agent(agent).unwrap();
                }
                bench.all_active(&engine);
                engine.shutdown(DEADLINE).unwrap();
            },
        );
        let before = resident("self");
        let engine = self.begins(
            "engine opened, until all are Active",
            self.agents,
            |bench| {
                let engine = bench.engine(&line);
                bench.all_active(&engine);
                engine
            },
        );
        println!(
            "{:<52} {:>10}",
            "resident bytes per agent",
            (resident("self").saturating_sub(before)) / self.agents as u64
        );

        let mut all = engine.subscribe();
        self.begins("posts out, each answered and durable", POSTS, |bench| {
            bench.post(&engine)
        });
        println!(
            "{:<52} {:>10}",
            "  copies of them that came in",
            POSTS * PER_ROOM
        );
        rows(&mut all, POSTS);

        let mut speaker = self.speaker();
        self.begins("messages of others in, each one row", SAID, |_| {
            writeln!(speaker.0.stdin.as_mut().unwrap(), "{SAID}").unwrap();
            rows(&mut all, SAID);
        });
        drop(speaker);

        self.begins(
            "line cut, until all are Active again",
            self.agents,
            |bench| {
                line.cut();
                bench.all_active_again(&engine);
            },
        );
        self.begins(
            "server killed and restarted, until all are Active",
            self.agents,
            |bench| {
                bench.server.kill();
                bench.server.begin();
                bench.all_active_again(&engine);
            },
        );
        engine.shutdown(DEADLINE).unwrap();
    }

    fn slixmpp(&mut self) {
        let before = processor_seconds(self.server.value("PID"));
        let (agents, per_room, posts) = (
            self.agents.to_string(),
            PER_ROOM.to_string(),
            POSTS.to_string(),
        );
        let mut child = self.component("join", &[&agents, &per_room, &posts]);
        let mut server = before;
        for line in BufReader::new(child.0.stdout.take().unwrap()).lines() {
            let said: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let now = processor_seconds(self.server.value("PID"));
            let (what, count, seconds) = match said["joined"].as_f64() {
                Some(seconds) => ("until all are joined, rooms created", self.agents, seconds),
                None => (
                    "posts out, until all copies are in",
                    POSTS,
                    said["posted"].as_f64().unwrap(),
                ),
            };
            row(
                what,
                count,
                seconds,
                said["cpu"].as_f64().unwrap(),
                now - server,
            );
            if let Some(bytes) = said["bytes"].as_u64() {
                println!("{:<52} {bytes:>10}", "resident bytes per agent");
            }
            server = now;
        }
    }

    /// Measures one thing and prints it.
    fn begins<T>(&mut self, what: &str, count: usize, happens: impl FnOnce(&mut Bench) -> T) -> T {
        let (process, own) = (
            self.server.value("PID").to_owned(),
            processor_seconds("self"),
        );
        let (server, began) = (processor_seconds(self.server.value("PID")), Instant::now());
        let done = happens(self);
        let seconds = began.elapsed().as_secs_f64();
        // A server that was restarted begins at zero.
        let server = if self.server.value("PID") == process {
            server
        } else {
            0.0
        };
        row(
            what,
            count,
            seconds,
            processor_seconds("self") - own,
            processor_seconds(self.server.value("PID")) - server,
        );
        done
    }

    fn engine(&self, line: &Proxy) -> Engine {
        let secret = Secret::new(self.server.value("SECRET"));
        let component = Component::new(
            self.server.value("AGENTS"),
            "127.0.0.1",
            line.port(),
            secret,
        );
        let config = XmppConfig::new(self.server.value("DOMAIN"))
            .rooms_host(self.server.value("ROOMS"))
            .component(component);
        Engine::builder()
            .database(&self.path)
            .backend(Xmpp::new(config).unwrap())
            .open()
            .unwrap()
    }

    fn channel(&self, n: usize) -> String {
        format!(
            "chat-room:bench{}@{}",
            n / PER_ROOM,
            self.server.value("ROOMS")
        )
    }

    fn all_active(&self, engine: &Engine) {
        let deadline = Instant::now() + DEADLINE;
        for n in 0..self.agents {
            let agent = engine.agent(format!("a{n}")).unwrap();
            agent
                .wait_active(deadline.saturating_duration_since(Instant::now()))
                .unwrap();
            agent.channel(self.channel(n)).unwrap();
        }
    }

    fn all_active_again(&self, engine: &Engine) {
        let mut changes = engine.subscribe();
        let deadline = Instant::now() + DEADLINE;
        while engine.stats().active_agents == self.agents && Instant::now() < deadline {
            let _ = changes.next_timeout(Duration::from_millis(1));
        }
        self.all_active(engine);
    }

    /// Posts through all agents in turn, some at a time.
    fn post(&self, engine: &Engine) {
        std::thread::scope(|scope| {
            for thread in 0..AT_ONCE {
                scope.spawn(move || {
                    for post in (thread..POSTS).step_by(AT_ONCE) {
                        let n = post % self.agents;
                        let agent = engine.agent(format!("a{n}")).unwrap();
                        agent
                            .post(self.channel(n), NewMessage::text(format!("post {post}")))
                            .unwrap();
                    }
                });
            }
        });
    }

    fn component(&self, what: &str, more: &[&str]) -> Python {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/xmpp/component.py");
        let port = self.server.value("COMPONENT");
        let mut command = Command::new(python());
        command.arg(script).args([
            what,
            self.server.value("OTHERS"),
            self.server.value("SECRET"),
            port,
        ]);
        command
            .arg(self.server.value("ROOMS"))
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Python(command.spawn().unwrap())
    }

    fn speaker(&self) -> Python {
        let mut speaker = self.component("speak", &[&self.agents.div_ceil(PER_ROOM).to_string()]);
        let mut line = String::new();
        BufReader::new(speaker.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains("ready"), "{line}");
        speaker
    }
}

/// A child that ends with its input.
struct Python(Child);

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn row(what: &str, count: usize, seconds: f64, own: f64, server: f64) {
    println!(
        "{what:<52} {seconds:>10.2} {:>12.0} {own:>8.2} {server:>8.2}",
        count as f64 / seconds
    );
}

/// Waits for that many rows of messages.
fn rows(all: &mut Subscription, count: usize) {
    let deadline = Instant::now() + DEADLINE;
    let mut seen = 0;
    while seen < count {
        assert!(Instant::now() < deadline, "{seen} of {count} rows came");
        if let Some(item) = all.next_timeout(Duration::from_secs(1)).unwrap()
            && matches!(&*item, Broadcast::Message { .. })
        {
            seen += 1;
        }
    }
}

/// The processor time a process has used so far, in seconds (Linux; elsewhere 0).
fn processor_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or_default()
    };
    // utime and stime, the 14th and 15th of all, in the hundredths that Linux shows everywhere.
    (ticks(11) + ticks(12)) / 100.0
}

/// What a process holds in memory (Linux; elsewhere 0).
fn resident(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or_default()
        * 1024
}

fn database() -> PathBuf {
    let path =
        std::env::temp_dir().join(format!("switchboard-bench-xmpp-{}.db", std::process::id()));
    remove(&path);
    path
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-lock"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
}
