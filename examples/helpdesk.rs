//! A helpdesk: anybody writes to it, four workers file the tickets, in order for each person.
//!
//! ```text
//! cargo run --example helpdesk -- desk.db xmpp.toml desk@example.org tickets/
//! ```
//!
//! A ticket is a file that is named by the event it came from, so an event that comes again after
//! a crash files nothing twice. The desk ends with the end of its input; it may be killed as well.

#![allow(clippy::print_stderr, reason = "the program is there to print")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;
use switchboard::backend::xmpp::{Xmpp, XmppConfig};
use switchboard::{
    Collaboration, Contacts, Engine, Error, EventQuery, Handled, NewAgent, NewMessage, Principal,
    Result, Workers,
};

/// When a ticket that could not be filed is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Provisions the desk's agent, to which anybody may write. Idempotent.
pub fn provision(engine: &Engine, address: &str) -> Result<Collaboration> {
    let admin = engine.provisioning(&Principal::host("helpdesk"))?;
    let desk = NewAgent::new("desk", address)?;
    admin.put_agent(desk.contacts(Contacts::Open { most: 1000 }))?;
    engine.agent("desk")
}

/// Files tickets in that folder until the engine is shut down.
pub fn run(desk: &Collaboration, tickets: &Path) -> Result<()> {
    let query = EventQuery::messages().remote().not_automatic();
    let workers = Workers::new(4).in_order_per_channel();
    desk.dispatch(query, workers, |delivery| -> Result<Handled> {
        let Some(message) = delivery.message() else {
            return Ok(Handled::Done);
        };
        let answer = match message.text.strip_prefix("ticket ") {
            None => "say `ticket` and what is wrong".to_owned(),
            Some(what) => {
                let ticket = format!("{}-{}", delivery.instance, delivery.id.0);
                if let Err(error) = file(tickets, &ticket, &message.channel, what) {
                    eprintln!("{ticket} is not filed: {error}");
                    return Ok(Handled::Again(AGAIN));
                }
                format!("filed as {ticket}")
            }
        };
        let answer = NewMessage::text(answer).answering(delivery);
        desk.post(&message.channel, answer)?;
        Ok(Handled::Done)
    })
}

/// Writes a ticket as a whole or not at all; the same one again changes nothing.
fn file(tickets: &Path, ticket: &str, whose: impl AsRef<str>, what: &str) -> std::io::Result<()> {
    let half = tickets.join(format!("{ticket}.half"));
    let mut file = File::create(&half)?;
    writeln!(file, "{}\n{what}", whose.as_ref())?;
    file.sync_all()?;
    fs::rename(half, tickets.join(ticket))?;
    File::open(tickets)?.sync_all()
}

#[allow(dead_code, reason = "tests take this file as a module")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, config, address, tickets] = arguments.as_slice() else {
        eprintln!("usage: helpdesk DATABASE XMPP.TOML ADDRESS TICKETS");
        std::process::exit(2);
    };
    let config = fs::read_to_string(config).map_err(Error::host)?;
    let config: XmppConfig = toml::from_str(&config).map_err(Error::host)?;
    fs::create_dir_all(tickets).map_err(Error::host)?;
    let engine = Engine::builder()
        .database(database)
        .backend(Xmpp::new(config)?)
        .open()?;
    let desk = provision(&engine, &format!("xmpp:{address}"))?;
    let stopping = engine.clone();
    std::thread::spawn(move || {
        // Whatever ends the input ends the desk.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stopping.shutdown(Duration::from_secs(10))
    });
    run(&desk, Path::new(tickets))
}
