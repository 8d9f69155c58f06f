//! A room in a terminal, without tokio: what is typed is said, and what others say is shown.
//!
//! ```text
//! cargo run --example terminal -- chat.db xmpp.toml me@example.org chat-room:ops
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the program is there to print"
)]

use std::io::BufRead;
use std::time::Duration;
use switchboard::backend::xmpp::{Xmpp, XmppConfig};
use switchboard::{Engine, Error, EventQuery, NewAgent, NewMessage, Principal, Result};

/// Joins the room, shows what is said there, and says the lines of `input` until it ends.
pub fn chat(
    engine: &Engine,
    address: &str,
    room: &str,
    input: impl BufRead,
    show: impl Fn(&str, &str) + Send,
) -> Result<()> {
    let admin = engine.provisioning(&Principal::host("terminal"))?;
    admin.put_agent(NewAgent::new("me", address)?.channel(room)?)?;
    let me = engine.agent("me")?;
    me.wait_joined(room, Duration::from_secs(60))?;
    let mut reader = me.reader("terminal", EventQuery::messages().remote())?;
    std::thread::scope(|scope| {
        let shown = scope.spawn(move || {
            for event in reader.iter() {
                if let Some(message) = event?.message() {
                    let alias = message.sender_alias.as_ref();
                    show(alias.unwrap_or(&message.sender), &message.text);
                }
            }
            Ok(())
        });
        for line in input.lines().map_while(std::result::Result::ok) {
            if let Err(error) = me.post(room, NewMessage::text(line)) {
                eprintln!("not said: {error}");
            }
        }
        engine.shutdown(Duration::from_secs(10))?;
        shown.join().unwrap_or(Ok(()))
    })
}

#[allow(dead_code, reason = "tests take this file as a module")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, config, address, room] = arguments.as_slice() else {
        eprintln!("usage: terminal DATABASE XMPP.TOML ADDRESS ROOM");
        std::process::exit(2);
    };
    let config = std::fs::read_to_string(config).map_err(Error::host)?;
    let config: XmppConfig = toml::from_str(&config).map_err(Error::host)?;
    let xmpp = Xmpp::new(config)?;
    let engine = Engine::builder().database(database).backend(xmpp).open()?;
    let (address, input) = (format!("xmpp:{address}"), std::io::stdin().lock());
    chat(&engine, &address, room, input, |who, text| {
        println!("{who}: {text}")
    })
}
