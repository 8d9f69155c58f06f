//! A thousand agents over one XMPP component, with what it costs the server, beside slixmpp doing
//! the same.
//!
//! `cargo bench --bench xmpp` needs Prosody and says what is missing. `SWITCHBOARD_BENCH_AGENTS` is
//! the number of agents (1,000), twenty in a room. Then `SWITCHBOARD_BENCH_ACCOUNTS` of them
//! (1,000) are accounts, each with a TLS connection of its own, which trusts the system's
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
#[path = "common/run.rs"]
mod run;
#[path = "../tests/it/xmpp/server.rs"]
mod server;

use proxy::Proxy;
use run::{
    DEADLINE, Database, Meter, figure, heading, messages, number, processor_seconds, resident, row,
};
use serde_json::Value;
use server::{Kind, Server, can_run, python};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use switchboard::backend::BackendError;
use switchboard::backend::xmpp::{Accounts, Component, Secret, Trust, Xmpp, XmppConfig};
use switchboard::{Engine, NewAgent, NewMessage, Principal};

const PER_ROOM: usize = 20;
const POSTS: usize = 2000;
const SAID: usize = 2000;
const PROVISIONED: &str = "provisioned one by one, until all are Active";
const POSTED: &str = "posts out, each answered and durable";
/// Posts under way at once, over all agents.
const AT_ONCE: usize = 64;

fn main() {
    // `cargo test --benches` only checks that the bench builds.
    if std::env::args().any(|argument| argument == "--test")
        || !can_run("XMPP benchmark", Kind::Prosody)
    {
        return;
    }
    let count = |name: &str| number(name, 1000) as usize;
    let (agents, accounts) = (
        count("SWITCHBOARD_BENCH_AGENTS"),
        count("SWITCHBOARD_BENCH_ACCOUNTS"),
    );
    println!(
        "{agents} agents, {PER_ROOM} to a room, one component; CPU seconds of this program and of Prosody"
    );
    let mut bench = Bench::with(agents, &[]);
    heading("switchboard", "Prosody");
    bench.component_agents();
    heading("slixmpp", "Prosody");
    bench.slixmpp();
    drop(bench);
    if accounts > 0 {
        heading("switchboard, as accounts", "Prosody");
        of_accounts(accounts);
    }
}

/// Accounts instead of a component: each has a connection, a login and TLS.
fn of_accounts(count: usize) {
    let names: Vec<String> = (0..count).map(|n| format!("a{n}")).collect();
    let mut bench = Bench::with(count, &[("ACCOUNTS", &names.join(" "))]);
    drop(bench.speaker());
    let trusted = bench.database.path().with_extension("pem");
    let engine = account_engine(&bench, &trusted);
    let prosody = bench.process().to_owned();
    let before = (resident("self"), resident(&prosody));
    let each = |process: &str, before: u64| resident(process).saturating_sub(before) / count as u64;
    bench.step(PROVISIONED, count, |bench| {
        bench.provision(&engine, bench.server.value("DOMAIN"));
    });
    figure("resident bytes per account", each("self", before.0));
    figure("  and Prosody's", each(&prosody, before.1));
    bench.step(POSTED, POSTS, |bench| bench.post(&engine));
    bench.restarts(&engine);
    figure(
        "resident bytes per account, after that",
        each("self", before.0),
    );
    engine.shutdown(DEADLINE).unwrap();
    let _ = std::fs::remove_file(trusted);
}

/// An engine whose agents log in as accounts and trust what the file `trusted` then has: the
/// system's authorities and the server.
fn account_engine(bench: &Bench, trusted: &Path) -> Engine {
    let mut certificates = std::fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    certificates.extend(std::fs::read(bench.server.certificate()).unwrap());
    std::fs::write(trusted, certificates).unwrap();
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
        .accounts(accounts)
        .trust(Trust::CaFile(trusted.to_owned()));
    bench.open(Xmpp::new(config).unwrap())
}

struct Bench {
    server: Server,
    agents: usize,
    database: Database,
}

impl Bench {
    fn with(agents: usize, settings: &[(&str, &str)]) -> Bench {
        let settings = [&[("LOG_LEVEL", "warn")], settings].concat();
        Bench {
            server: Server::start(Kind::Prosody, &settings),
            agents,
            database: Database::new("xmpp"),
        }
    }

    /// Agents over one component.
    fn component_agents(&mut self) {
        let line = Proxy::to(self.server.port("COMPONENT"));
        // An agent that joins creates no room; the speaker creates them.
        drop(self.speaker());
        self.step(PROVISIONED, self.agents, |bench| {
            let engine = bench.engine(&line);
            bench.provision(&engine, bench.server.value("AGENTS"));
            engine.shutdown(DEADLINE).unwrap();
        });
        let before = resident("self");
        let what = "engine opened, until all are Active";
        let engine = self.step(what, self.agents, |bench| {
            let engine = bench.engine(&line);
            bench.all_active(&engine);
            engine
        });
        let each = resident("self").saturating_sub(before) / self.agents as u64;
        figure("resident bytes per agent", each);
        self.talks(&engine);
        let what = "line cut, until all are Active again";
        self.step(what, self.agents, |bench| {
            line.cut();
            bench.all_active_again(&engine);
        });
        self.restarts(&engine);
        engine.shutdown(DEADLINE).unwrap();
    }

    /// Agents post, then others speak in their rooms.
    fn talks(&mut self, engine: &Engine) {
        let mut all = engine.subscribe();
        self.step(POSTED, POSTS, |bench| bench.post(engine));
        figure("  copies of them that came in", (POSTS * PER_ROOM) as u64);
        messages(&mut all, POSTS);
        let mut speaker = self.speaker();
        self.step("messages of others in, each one row", SAID, |_| {
            writeln!(speaker.0.stdin.as_mut().unwrap(), "{SAID}").unwrap();
            messages(&mut all, SAID);
        });
    }

    /// Puts the agents one by one, and waits until all are active.
    fn provision(&self, engine: &Engine, domain: &str) {
        let admin = engine.provisioning(&Principal::host("bench")).unwrap();
        for n in 0..self.agents {
            let agent = NewAgent::new(format!("a{n}"), format!("xmpp:a{n}@{domain}"))
                .unwrap()
                .channel(self.channel(n))
                .unwrap();
            admin.put_agent(agent).unwrap();
        }
        self.all_active(engine);
    }

    fn restarts(&mut self, engine: &Engine) {
        let what = "server killed and restarted, until all are Active";
        self.step(what, self.agents, |bench| {
            bench.server.kill();
            bench.server.begin();
            bench.all_active_again(engine);
        });
    }

    fn slixmpp(&mut self) {
        let before = processor_seconds(self.process());
        let (agents, per_room, posts) = (
            self.agents.to_string(),
            PER_ROOM.to_string(),
            POSTS.to_string(),
        );
        let mut child = self.component("join", &[&agents, &per_room, &posts]);
        let mut server = before;
        for line in BufReader::new(child.0.stdout.take().unwrap()).lines() {
            let said: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let now = processor_seconds(self.process());
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
                figure("resident bytes per agent", bytes);
            }
            server = now;
        }
    }

    /// Measures one step and prints it.
    fn step<T>(&mut self, what: &str, count: usize, step: impl FnOnce(&mut Bench) -> T) -> T {
        let meter = Meter::begin(self.process());
        let done = step(self);
        meter.end(what, count, self.process());
        done
    }

    /// Prosody's process id; another one after each restart.
    fn process(&self) -> &str {
        self.server.value("PID")
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
        self.open(Xmpp::new(config).unwrap())
    }

    fn open(&self, backend: Xmpp) -> Engine {
        Engine::builder()
            .database(self.database.path())
            .backend(backend)
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
