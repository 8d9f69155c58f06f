//! `ucwa_simulator`: a simulated Lync or Skype for Business server, as its REST API (UCWA 2.0)
//! shows it.
//!
//!     cargo run --release --example ucwa_simulator
//!     cargo run --release --example ucwa_simulator -- \
//!         --tls-self-signed --listen 127.0.0.1:8443 --tls-cert-out ca.crt
//!
//! It is for those who write a client and have no server. It has autodiscovery, tokens,
//! applications, the event channel with its acks, instant messages both ways, meetings, presence,
//! contacts, batches, and the known difficulties of real servers. Two clients that sign on talk to
//! each other. Simulated people answer, type, decline and hold meetings; a control API over HTTP
//! drives them (`--help` lists it). Behaviour that Microsoft has not documented is a switch
//! (`--list-switches`).
//!
//! It reads and writes JSON and XML, as the client asks. It has no audio, video or sharing, no
//! delegates, no windows grant (it sends the challenge but no NTLM), and of `OnlineMeetings` only
//! what instant messages need.
//!
//! The simulator itself is in [`simulator`], which tests and benches include by path. This file and
//! its neighbours are the command line and TLS.

mod arguments;
#[allow(dead_code, reason = "tests and benches use what the program does not")]
mod simulator;
mod tls;

use arguments::{Arguments, Command};
use simulator::core::Simulator;
use simulator::person::Manner;
use simulator::timer::RealTime;
use simulator::world::Config;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    match arguments::parse(std::env::args_os()) {
        Ok(Command::Help(text)) => say(text.trim_end()),
        Ok(Command::Switches(switches)) => {
            for (name, value, line) in switches.list() {
                say(&format!("{:<40} {line}", format!("{name}={value}")));
            }
        }
        Ok(Command::Serve(arguments)) => {
            if let Err(reason) = start(&arguments) {
                complain(&reason);
                return ExitCode::FAILURE;
            }
        }
        Err(error) => {
            complain(&error);
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

#[expect(
    clippy::disallowed_methods,
    reason = "the main thread is in no runtime"
)]
fn start(arguments: &Arguments) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| format!("cannot start threads: {error}"))?
        .block_on(run(arguments))
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("ucwa_simulator-{}", std::process::id()));
    let tls = if arguments.tls {
        Some(authority(arguments, &folder))
    } else {
        None
    };
    // The key is in memory by now.
    drop(std::fs::remove_dir_all(&folder));
    let tls = tls.transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut listeners = Vec::new();
    for address in &arguments.listen {
        listeners.push((bind(address).await?, tls.clone(), scheme));
    }
    let secure_port = listeners.first().and_then(|(listener, tls, _)| {
        listener
            .local_addr()
            .ok()
            .filter(|_| tls.is_some())
            .map(|at| at.port())
    });
    if let Some(address) = &arguments.listen_http {
        listeners.push((bind(address).await?, None, "http"));
    }
    let seed = arguments
        .seed
        .map_or_else(|| getrandom::u64().map_err(|error| error.to_string()), Ok)?;
    let config = Config {
        domain: arguments.domain.clone(),
        seed,
        secure_port,
        switches: arguments.switches.clone(),
    };
    let simulator = Simulator::new(config, Arc::new(RealTime));
    for (uri, manner) in &arguments.people {
        simulator.add_person(uri, None, None, manner.clone())?;
    }
    for (uri, password) in &arguments.users {
        simulator.add_person(uri, None, Some(password), Manner::Offline)?;
    }
    for (uri, members) in &arguments.groups {
        let members: Vec<String> = members.split(',').map(str::to_owned).collect();
        simulator
            .add_group(uri, None, &members)
            .map_err(|why| format!("--group {uri}: {why}"))?;
    }
    tokio::spawn(simulator.clone().run());
    for (listener, tls, scheme) in listeners {
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        say(&format!("listening on {scheme}://{address}"));
        tokio::spawn(simulator::serve::listen(simulator.clone(), listener, tls));
    }
    stopped().await
}

async fn bind(address: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("--listen {address}: {error}"))
}

fn authority(
    arguments: &Arguments,
    folder: &std::path::Path,
) -> Result<tokio_rustls::TlsAcceptor, String> {
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let domain = &arguments.domain;
    let own = ["localhost", "127.0.0.1", domain].map(str::to_owned);
    let found =
        ["lyncdiscover", "lyncdiscoverinternal", "lyncweb"].map(|name| format!("{name}.{domain}"));
    let names: Vec<String> = own
        .into_iter()
        .chain(found)
        .chain(arguments.names.iter().cloned())
        .collect();
    let acceptor = tls::acceptor(folder, &names)?;
    if let Some(out) = &arguments.cert_out {
        std::fs::copy(folder.join("ca.crt"), out)
            .map_err(|error| format!("{}: {error}", out.display()))?;
    }
    Ok(acceptor)
}

/// Returns on ctrl-C or SIGTERM.
async fn stopped() -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(|error| error.to_string()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Prints a line on stdout. A closed stdout is ignored: the simulator goes on without it.
fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

fn complain(reason: &str) {
    let _ = writeln!(std::io::stderr(), "ucwa_simulator: {reason}");
}
