//! `http_gateway`: the MindLink REST API over switchboard, with XMPP or the embedded loopback chat
//! system.
//!
//!     cargo run --release --example http_gateway -- --demo
//!
//! It is thin on purpose, and meant to be read by whoever serves the contract from another program:
//! the contract is [`switchboard::rest`], and what lies around it here are the command line and its
//! file, the listener and its deadlines ([`edge`]), the log and the signals.

mod config;
mod demo;
mod edge;
mod exposed;
mod log;
mod reload;
mod server;

use config::{Arguments, Category, Command, Room, open_files, password};
use edge::cors::Cors;
use edge::listener::{self, Connections};
use edge::site::Site;
use edge::tls::Tls;
use edge::{Edge, network};
use server::{Hangups, Server};
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use switchboard::Engine;
use switchboard::backend::Loopback;
use switchboard::rest::Rest;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    // Before the configuration is read, which may lie on a slow disk.
    let begun = begin();
    match config::read() {
        Ok(Command::Help(text)) => {
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Ok(Command::Check(arguments)) => match check(&arguments) {
            Ok(()) => {
                exposed::warnings(&arguments)
                    .iter()
                    .for_each(|warning| complain(warning));
                say("everything is fine");
                ExitCode::SUCCESS
            }
            Err(reason) => {
                complain(&reason);
                ExitCode::from(2)
            }
        },
        Ok(Command::Serve(arguments)) => {
            match begun.and_then(|(runtime, hangups)| run(&arguments, runtime, hangups)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(reason) => {
                    complain(&reason);
                    ExitCode::FAILURE
                }
            }
        }
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Checks what can be checked without the database and the port, which a running gateway holds.
fn check(arguments: &Arguments) -> Result<(), String> {
    password::super_password(arguments.super_password.as_ref())?;
    tls(arguments)?;
    site(arguments)?;
    let builder = config::add_backends(builder(arguments), arguments, &Loopback::new())?;
    builder.check().map_err(|error| error.to_string())
}

/// Starts the program's threads, and listens for SIGHUP.
fn begin() -> Result<(Runtime, Hangups), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("http")
        .build();
    let runtime = runtime.map_err(|error| format!("no threads: {error}"))?;
    let entered = runtime.enter();
    let hangups = Hangups::listen().map_err(|error| format!("no signals: {error}"))?;
    drop(entered);
    Ok((runtime, hangups))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program's own runtime, entered from its main thread"
)]
fn run(arguments: &Arguments, runtime: Runtime, hangups: Hangups) -> Result<(), String> {
    let level = log::start(arguments.log_format, arguments.log_level);
    for warning in exposed::warnings(arguments) {
        tracing::warn!("{warning}");
    }
    let connections = open_files::raise(arguments.connections);
    let (tls, site) = (tls(arguments)?, site(arguments)?.map(Arc::new));
    let listener = listener::listen(&runtime, &arguments.listen)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    warn_in_clear(address, tls.is_some());
    let chat = Loopback::new();
    let engine = open(arguments, &chat)?;
    switchboard::backend::never_open(arguments.database_files());
    if arguments.demo {
        say(&demo::provision(&engine, address, scheme)?);
    }
    let mut rest = Rest::builder(engine.clone()).poll_timeout(arguments.poll_timeout);
    if arguments.loopback_control {
        rest = rest.loopback_control(chat);
    }
    let origins = arguments.cors_origin.iter();
    let cors = Cors::new(origins.map(|origin| origin.0.clone()).collect());
    let proxies = arguments.trusted_proxies.clone();
    let edge = Arc::new(Edge::new(rest.build(), proxies, cors, site.clone()));
    let of_one_peer = arguments
        .connections_per_peer
        .unwrap_or(connections - connections / 6);
    let connections = Connections::new(connections, of_one_peer, tls.clone());
    let ready = || say(&format!("listening on {scheme}://{address}"));
    let reloaded = reload::Reloaded::new(engine.clone(), level, tls, site);
    let server = Server {
        engine,
        edge,
        listener,
        connections,
        hangups,
    };
    let serving = server::serve(server, ready, move || reloaded.again());
    let ended = runtime.block_on(serving).map_err(|error| error.to_string());
    // A thread that hangs in a file ends with the process.
    runtime.shutdown_background();
    ended
}

fn tls(arguments: &Arguments) -> Result<Option<Arc<Tls>>, String> {
    match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(cert), Some(key)) => Ok(Some(Arc::new(Tls::load(cert, key)?))),
        _ => Ok(None),
    }
}

fn site(arguments: &Arguments) -> Result<Option<Site>, String> {
    arguments
        .site
        .as_deref()
        .map(|root| Site::open(root, arguments.private_files()))
        .transpose()
}

fn warn_in_clear(address: SocketAddr, tls: bool) {
    if !tls && !address.ip().is_loopback() {
        tracing::warn!(%address, "passwords and tokens cross the network in clear; give --tls-cert, or listen on 127.0.0.1 behind a proxy");
    }
}

fn builder(arguments: &Arguments) -> switchboard::Builder {
    let builder = match &arguments.database {
        Some(path) => Engine::builder().database(path),
        None => Engine::builder().in_memory(),
    };
    builder
        .durability(arguments.durability)
        .accept_loss(arguments.accept_loss)
        .event_mode(arguments.events)
        .event_window(arguments.event_window)
        .token_lifetime(arguments.token_lifetime)
        .flap_delay(arguments.flap_delay)
        .keep_messages(arguments.keep_messages)
        .keep_bytes(arguments.keep_bytes.map(|size| size.0))
        .keep_audit(arguments.keep_audit)
        .waiters_per_agent(arguments.polls_per_agent)
}

fn open(arguments: &Arguments, chat: &Loopback) -> Result<Engine, String> {
    let given = password::super_password(arguments.super_password.as_ref())?;
    let generated = given.is_none();
    let password = given.map_or_else(password::random, Ok)?;
    for Category(id, name) in &arguments.categories {
        chat.category(id, name);
    }
    for Room(id, name) in &arguments.rooms {
        chat.room(id, name);
    }
    if arguments.demo {
        chat.room(demo::ROOM.0, demo::ROOM.1);
    }
    let builder = config::add_backends(builder(arguments), arguments, chat)?
        .super_user(&arguments.super_user, password.clone());
    let engine = builder.open().map_err(|error| error.to_string())?;
    if generated {
        say(&format!(
            "the password of the super user {} is {}",
            arguments.super_user,
            password.expose()
        ));
    }
    Ok(engine)
}

/// Prints a line on stdout; an error there does not stop the program.
fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

fn complain(reason: &str) {
    let _ = writeln!(std::io::stderr(), "http_gateway: {reason}");
}
