//! An alert relay: one JSON alert a line comes in, each is said once in a room, whatever is killed.
//!
//! ```text
//! tail -F alerts | cargo run --example relay -- relay.db xmpp.toml relay@example.org chat-room:ops
//! {"id": "disk-7", "text": "disk 7 is full"}
//! {"id": "disk-7-ok", "text": "disk 7: resolved", "of": "disk-7"}
//! ```
//!
//! The id goes out again, on a line of its own, once the alert is durable. Whoever feeds the relay
//! repeats what was not confirmed: the id is the key of the post, so a repeat is harmless. A line
//! with `of` changes the alert of that id in its place.

#![allow(clippy::print_stderr, reason = "the program is there to print")]

use serde::Deserialize;
use std::io::{BufRead, Write};
use std::time::Duration;
use switchboard::backend::xmpp::{Xmpp, XmppConfig};
use switchboard::{Collaboration, Engine, Error, Key, NewAgent, NewMessage, Principal, Result};

/// How long the relay waits for its room, and between two looks whether it is in it again.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Alert {
    id: String,
    text: String,
    of: Option<String>,
}

/// Provisions the relay's agent and waits until it is in the room. Idempotent.
pub fn provision(engine: &Engine, address: &str, room: &str) -> Result<Collaboration> {
    let admin = engine.provisioning(&Principal::host("relay"))?;
    admin.put_agent(NewAgent::new("relay", address)?.channel(room)?)?;
    let agent = engine.agent("relay")?;
    agent.wait_joined(room, PATIENCE)?;
    Ok(agent)
}

/// Relays the alerts of `input` until it ends, and confirms each on `output`. A line that is no
/// alert, or that the chat system refuses, is told on standard error and not confirmed.
pub fn relay(
    engine: &Engine,
    agent: &Collaboration,
    room: &str,
    input: impl BufRead,
    mut output: impl Write,
) -> Result<()> {
    for line in input.lines() {
        let line = line.map_err(Error::host)?;
        let alert: Alert = match serde_json::from_str(&line) {
            Ok(alert) => alert,
            Err(error) => {
                eprintln!("not an alert: {line}: {error}");
                continue;
            }
        };
        match say(engine, agent, room, &alert) {
            Ok(()) => writeln!(output, "{}", alert.id).map_err(Error::host)?,
            Err(error @ (Error::Closed | Error::Storage { .. })) => return Err(error),
            Err(error) => eprintln!("{}: not said: {error}", alert.id),
        }
    }
    Ok(())
}

/// Says an alert once, however often that takes.
fn say(engine: &Engine, agent: &Collaboration, room: &str, alert: &Alert) -> Result<()> {
    loop {
        let message = NewMessage::text(&alert.text).alert().key(&alert.id);
        let said = match &alert.of {
            None => agent.post(room, message).map(drop),
            Some(of) => agent.edit(room, Key(of), message.or_post()).map(drop),
        };
        match said {
            Ok(()) => return Ok(()),
            Err(Error::OutcomeUnknown(_)) => {}
            // It was put out, or the room is gone: somebody has to let it in again.
            Err(Error::ChannelInactive { .. }) => engine.sleep(PATIENCE)?,
            Err(error) => engine.sleep(error.retry_after().ok_or(error)?)?,
        }
    }
}

#[allow(dead_code, reason = "tests take this file as a module")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, config, address, room] = arguments.as_slice() else {
        eprintln!("usage: relay DATABASE XMPP.TOML ADDRESS ROOM < ALERTS");
        std::process::exit(2);
    };
    let config = std::fs::read_to_string(config).map_err(Error::host)?;
    let config: XmppConfig = toml::from_str(&config).map_err(Error::host)?;
    let engine = Engine::builder()
        .database(database)
        .backend(Xmpp::new(config)?)
        .retry_refused(PATIENCE)
        .open()?;
    let agent = provision(&engine, &format!("xmpp:{address}"), room)?;
    let (input, output) = (std::io::stdin().lock(), std::io::stdout());
    let relayed = relay(&engine, &agent, room, input, output);
    engine.shutdown(Duration::from_secs(10)).and(relayed)
}
