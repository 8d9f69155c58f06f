//! A thousand agents, each a user of its own on one simulated Lync server: sign-on, memory, events,
//! posts, idle time.
//!
//! `cargo bench --bench ucwa` takes two minutes.
//! `SWITCHBOARD_BENCH_AGENTS` is the number of agents (1,000), and `SWITCHBOARD_BENCH_IDLE` the
//! seconds without any event (60). The simulator runs in a process of its own, and each way (TLS,
//! plain) is measured in another process, so that memory and processor time are the engine's. The
//! engine begins at most 50 dials a second, and that is the time of the sign-on.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    dead_code,
    reason = "a program that prints; half of what the tests share"
)]

#[path = "common/run.rs"]
mod run;
#[allow(
    missing_docs,
    unused_imports,
    reason = "the program's, with its tests; the bench uses a part of it"
)]
#[path = "../examples/ucwa_simulator/simulator/mod.rs"]
mod simulator;

use run::{DEADLINE, Database, Meter, figure, heading, messages, number, resident};
use simulator::core::Simulator;
use simulator::person::Manner;
use simulator::serve::listen;
use simulator::switches::Switches;
use simulator::timer::RealTime;
use simulator::world::Config;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchboard::backend::ucwa::{Secret, Trust, Ucwa, UcwaConfig};
use switchboard::{Engine, NewAgent, NewMessage, Principal};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const CONTACT: &str = "contact:sip:lene@contoso.com";
const PASSWORD: &str = "secret";
/// Posts under way at once, over all agents.
const AT_ONCE: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        // `cargo test --benches` only checks that the bench builds.
        Some("--test") => {}
        Some("--simulate") => simulate(&arguments[2]),
        Some("--measure") => measure(&arguments[2]),
        _ => {
            println!(
                "{} agents, an account and a contact each; CPU seconds of the engine and of the simulator",
                agents()
            );
            for way in ["tls", "plain"] {
                heading(way, "simulator");
                assert!(child("--measure", way).status().unwrap().success());
            }
        }
    }
}

fn agents() -> usize {
    number("SWITCHBOARD_BENCH_AGENTS", 1000) as usize
}

fn child(what: &str, way: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([what, way]);
    command
}

/// The server: prints where it listens, then obeys the lines of its input.
#[expect(
    clippy::disallowed_methods,
    reason = "the main thread is in no runtime"
)]
fn simulate(way: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut switches = Switches::default();
    switches.set("signalling", "0").unwrap();
    switches.set("far-idle", "0").unwrap();
    let config = Config {
        domain: "contoso.com".into(),
        seed: 1,
        secure_port: None,
        switches,
    };
    let simulator = Simulator::new(config, Arc::new(RealTime));
    for n in 0..agents() {
        simulator
            .add_person(
                &format!("sip:a{n}@contoso.com"),
                None,
                Some(PASSWORD),
                Manner::Offline,
            )
            .unwrap();
    }
    simulator
        .add_person(
            "sip:lene@contoso.com",
            None,
            None,
            Manner::Accept(Duration::ZERO),
        )
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(simulator.clone().run());
    runtime.spawn(listen(
        simulator.clone(),
        listener,
        (way == "tls").then(acceptor),
    ));
    println!("{port}");
    let lene = simulator.person("sip:lene@contoso.com").unwrap();
    for line in std::io::stdin().lock().lines() {
        lene.say(&format!("sip:a{}@contoso.com", line.unwrap()), "said");
    }
}

fn acceptor() -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate("cert.pem"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(certificate("key.pem")).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    TlsAcceptor::from(Arc::new(
        config
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap(),
    ))
}

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/http/tls")
        .join(name)
}

/// The simulator's process.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start(way: &str) -> Server {
        let mut child = child("--simulate", way)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut port)
            .unwrap();
        Server {
            child,
            port: port.trim().to_owned(),
        }
    }

    /// Lets Lene say something to an agent.
    fn say(&mut self, agent: usize) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{agent}").unwrap();
        input.flush().unwrap();
    }

    fn process(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn measure(way: &str) {
    let (agents, database) = (agents(), Database::new("ucwa"));
    let mut server = Server::start(way);
    let engine = engine(way, &server, database.path());
    let before = resident("self");
    let each = || resident("self").saturating_sub(before) / agents as u64;
    signs_on(&engine, agents, &server);
    figure("resident bytes per agent", each());
    hears(&engine, agents, &mut server);
    for what in [
        "posts that invite, each answered and durable",
        "posts into conversations",
    ] {
        timed(what, agents, &server, || post(&engine, agents));
    }
    figure("resident bytes per agent, in conversation", each());
    let idle = Duration::from_secs(number("SWITCHBOARD_BENCH_IDLE", 60));
    if !idle.is_zero() {
        timed("nothing happens", agents, &server, || {
            let _ = engine.subscribe().next_timeout(idle);
        });
    }
    timed("signed out and closed", agents, &server, || {
        engine.shutdown(DEADLINE).unwrap()
    });
}

/// Puts all agents, and waits until they are signed on and at rest.
fn signs_on(engine: &Engine, agents: usize, server: &Server) {
    let admin = engine.provisioning(&Principal::host("bench")).unwrap();
    let what = "agents put, until all are Active and joined";
    timed(what, agents, server, || {
        for n in 0..agents {
            let agent = NewAgent::new(format!("a{n}"), format!("ucwa:a{n}@contoso.com"))
                .unwrap()
                .channel(CONTACT)
                .unwrap();
            admin.put_agent(agent).unwrap();
        }
        all_active(engine);
    });
    engine.settle(DEADLINE).unwrap();
}

/// Prints how long it takes until what Lene says is an event: first texts, then further ones.
fn hears(engine: &Engine, agents: usize, server: &mut Server) {
    let mut all = engine.subscribe();
    for what in [
        "event latency, a conversation's first text",
        "event latency, in a conversation",
    ] {
        let mut latencies: Vec<Duration> = (0..agents.min(500))
            .map(|n| {
                let began = Instant::now();
                server.say(n);
                messages(&mut all, 1);
                began.elapsed()
            })
            .collect();
        latencies.sort();
        let at = |share: f64| {
            latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0
        };
        println!(
            "{what:<52} {:>7.2} ms median, {:.2} ms of the slowest hundredth",
            at(0.5),
            at(0.99)
        );
    }
}

fn engine(way: &str, server: &Server, path: &Path) -> Engine {
    let scheme = if way == "tls" { "https" } else { "http" };
    let config = UcwaConfig::new("contoso.com", Secret::new(PASSWORD))
        .root(format!("{scheme}://localhost:{}/", server.port));
    let backend = Ucwa::new(config.trust(Trust::CaFile(certificate("cert.pem")))).unwrap();
    Engine::builder()
        .database(path)
        .backend(backend)
        .open()
        .unwrap()
}

fn all_active(engine: &Engine) {
    let deadline = Instant::now() + DEADLINE;
    for n in 0..agents() {
        let agent = engine.agent(format!("a{n}")).unwrap();
        agent
            .wait_active(deadline.saturating_duration_since(Instant::now()))
            .unwrap();
        agent.channel(CONTACT).unwrap();
    }
}

/// One post through each agent, some at a time.
fn post(engine: &Engine, agents: usize) {
    std::thread::scope(|scope| {
        for thread in 0..AT_ONCE {
            scope.spawn(move || {
                for n in (thread..agents).step_by(AT_ONCE) {
                    engine
                        .agent(format!("a{n}"))
                        .unwrap()
                        .post(CONTACT, NewMessage::text("posted"))
                        .unwrap();
                }
            });
        }
    });
}

/// Measures one step and prints it.
fn timed(what: &str, count: usize, server: &Server, step: impl FnOnce()) {
    let meter = Meter::begin(&server.process());
    step();
    meter.end(what, count, &server.process());
}
