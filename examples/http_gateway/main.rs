//! `http_gateway`: the MindLink REST API over switchboard, with its embedded loopback chat system.
//!
//!     cargo run --release --example http_gateway -- --demo
//!
//! It is thin on purpose, and meant to be read by whoever puts the engine behind another server: `wire` knows what
//! the requests and answers look like, the engine knows what they do, and what lies between is one handler
//! ([`handler`]) and one short function per service. No route is given to axum, because the contract's paths must be
//! split before they are decoded; no call blocks a worker, because each has an `_async` twin; and a waiting poll is a
//! future of the engine's, so that ten thousand of them cost no thread.

mod answer;
mod arguments;
mod authentication;
mod body;
mod collaboration;
mod demo;
mod handler;
mod log;
mod open_files;
mod password;
mod provisioning;
mod server;

use arguments::{Arguments, Command};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use switchboard::Engine;
use switchboard::backend::Loopback;

fn main() -> ExitCode {
    match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            say(arguments::HELP.trim_end());
            ExitCode::SUCCESS
        }
        Ok(Command::Serve(arguments)) => match run(&arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => {
                complain(&reason);
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            complain(&format!("{error}; --help lists the flags"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    log::start(arguments.log_format);
    open_files::raise();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("http").build();
    let runtime = runtime.map_err(|error| format!("no threads: {error}"))?;
    let listener = server::listen(&runtime, &arguments.listen)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let engine = open(arguments)?;
    if arguments.demo {
        say(&demo::provision(&engine, address)?);
    }
    let gateway = Arc::new(handler::Gateway::new(engine, arguments.poll_timeout));
    server::run(&runtime, listener, gateway, || say(&format!("listening on http://{address}")))
}

fn open(arguments: &Arguments) -> Result<Engine, String> {
    let (password, generated) = password::super_user(arguments)?;
    let chat = Loopback::new();
    for (id, name) in &arguments.rooms {
        chat.room(id, name);
    }
    if arguments.demo {
        chat.room(demo::ROOM.0, demo::ROOM.1);
    }
    let builder = match &arguments.database {
        Some(path) => Engine::builder().database(path),
        None => Engine::builder().in_memory(),
    };
    let engine = builder
        .backend(chat)
        .super_user(&arguments.super_user, password.clone())
        .event_window(arguments.event_window)
        .events(arguments.events)
        .token_lifetime(arguments.token_lifetime)
        .open()
        .map_err(|error| error.to_string())?;
    if generated {
        say(&format!("the password of the super user {} is {}", arguments.super_user, password.expose()));
    }
    Ok(engine)
}

/// Prints a line on stdout. That nobody listens there is no reason to stop.
fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

fn complain(reason: &str) {
    let _ = writeln!(std::io::stderr(), "http_gateway: {reason}");
}
