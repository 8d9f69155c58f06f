//! `http_gateway`: the MindLink REST API over switchboard, with XMPP or the embedded loopback chat
//! system.
//!
//!     cargo run --release --example http_gateway -- --demo
//!
//! It is thin on purpose, and meant to be read by whoever serves the contract from another program:
//! the contract is [`switchboard::rest`], the connections are [`switchboard::serve`], and what lies
//! around them here are the command line and its file ([`config`]), TLS, files and pages from
//! elsewhere ([`edge`]), the log and the signals.

mod config;
mod demo;
mod edge;
mod log;
mod login;
mod reload;
mod server;

use config::{Arguments, Command, Named};
use edge::Edge;
use edge::cors::Cors;
use edge::site::Site;
use edge::tls::Tls;
use reload::Reloaded;
use server::{Gateway, Hangups};
use std::io::Write;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;
use switchboard::backend::Loopback;
use switchboard::rest::Rest;
use switchboard::serve;
use switchboard::{Engine, Secret};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    // Before the configuration is read, which may lie on a slow disk.
    let begun = begin();
    let done = match config::read() {
        Ok(Command::Help(text)) => {
            say(text.trim_end());
            Ok(())
        }
        Ok(Command::CheckLogin(user, arguments)) => begun
            .and_then(|(runtime, _)| login::check(&user, &arguments, &runtime))
            .map_err(|reason| (2, reason)),
        Ok(Command::Check(arguments)) => check(&arguments).map_err(|reason| (2, reason)),
        Ok(Command::Serve(arguments)) => begun
            .and_then(|(runtime, hangups)| run(&arguments, runtime, hangups))
            .map_err(|reason| (1, reason)),
        Err(reason) => Err((2, reason)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, reason)) => {
            complain(&reason);
            ExitCode::from(code)
        }
    }
}

/// Checks what can be checked without the database and the port, which a running gateway holds.
fn check(arguments: &Arguments) -> Result<(), String> {
    arguments.super_password()?;
    tls(arguments)?;
    site(arguments)?;
    let builder = config::engine(arguments, &Loopback::new())?;
    builder.check().map_err(|error| error.to_string())?;
    let warnings = arguments.warnings();
    warnings.iter().for_each(|warning| complain(warning));
    say("everything is fine");
    Ok(())
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
    for warning in arguments.warnings() {
        tracing::warn!("{warning}");
    }
    let connections = serve::raise_open_files(arguments.connections.get());
    let (tls, site) = (tls(arguments)?, site(arguments)?.map(Arc::new));
    let listener = runtime.block_on(async { serve::listen(&arguments.listen) });
    let listener = listener.map_err(|error| format!("--listen {}: {error}", arguments.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    if tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(%address, "passwords and tokens cross the network in clear; give --tls-cert, or listen on 127.0.0.1 behind a proxy");
    }
    let chat = Loopback::new();
    let engine = open(arguments, &chat)?;
    if arguments.demo {
        say(&demo::provision(&engine, address, scheme)?);
    }
    let mut rest = Rest::builder(engine.clone()).poll_timeout(arguments.poll_timeout.0);
    if arguments.loopback_control {
        rest = rest.loopback_control(chat);
    }
    let origins = arguments.cors_origin.iter();
    let edge = Edge {
        rest: rest.build(),
        cors: Cors::new(origins.map(|origin| origin.0.clone()).collect()),
        site: site.clone(),
    };
    let gateway = Gateway {
        edge: Arc::new(edge),
        listener,
        connections: (
            connections,
            arguments.connections_per_peer.map(NonZeroU32::get),
        ),
        trusted_proxies: arguments.trusted_proxies.clone(),
        hangups,
    };
    let ready = || say(&format!("listening on {scheme}://{address}"));
    let reloaded = Reloaded {
        engine,
        level,
        tls,
        site,
    };
    let serving = gateway.serve(ready, reloaded);
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
    let open = |root| Site::open(root, arguments.private_files());
    arguments.site.as_deref().map(open).transpose()
}

fn open(arguments: &Arguments, chat: &Loopback) -> Result<Engine, String> {
    let given = arguments.super_password()?;
    let generated = given.is_none() && !arguments.super_user_in_directory;
    let password = given.map_or_else(Secret::random, Ok);
    let password = password.map_err(|error| error.to_string())?;
    for Named(id, name) in &arguments.categories {
        chat.category(id, name);
    }
    for Named(id, name) in &arguments.rooms {
        chat.room(format!("chat-room:{id}").as_str(), name);
    }
    if arguments.demo {
        chat.room(demo::ROOM.0, demo::ROOM.1);
    }
    let builder = config::engine(arguments, chat)?;
    let builder = match arguments.super_user_in_directory {
        true => builder.super_user_of_directory(&arguments.super_user),
        false => builder.super_user(&arguments.super_user, password.clone()),
    };
    let engine = builder.open().map_err(|error| error.to_string())?;
    if generated {
        let (user, password) = (&arguments.super_user, password.expose());
        say(&format!(
            "the password of the super user {user} is {password}"
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
