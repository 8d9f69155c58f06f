//! Prints everything that happens in an engine, a line each: messages, metadata, channels and
//! connections.
//!
//!     cargo run --example tail_events                    a small talk in memory, which ends by itself
//!     cargo run --example tail_events -- switchboard.db  what happens to the agents of that database, until ctrl-C
//!
//! A database has one engine: stop the gateway before you look at its file.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the program is there to print"
)]

use std::process::ExitCode;
use std::time::Duration;
use switchboard::backend::{ChannelKind, Loopback, Person};
use switchboard::{
    Broadcast, ChannelId, Collaboration, Engine, Error, EventQuery, NewAgent, NewMessage,
    Principal, Result,
};

const HELP: &str = "\
tail_events: prints everything that happens in a switchboard engine

  tail_events          plays a small talk in memory and ends
  tail_events FILE     opens that database, made by the gateway or a bot, and prints until ctrl-C; its agents are
                       signed in to the embedded chat system, with a room for each room they are provisioned for
  tail_events --help   prints this
";

const SOON: Duration = Duration::from_secs(5);
const ROOM: &str = "chat-room:ops";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => talk(),
        ["--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        [file] if !file.starts_with('-') => tail(file),
        _ => Err(Error::Invalid(
            "it takes one file at most; --help says more".into(),
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tail_events: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what happens to the agents of an existing database, for ever.
fn tail(file: &str) -> Result<()> {
    if !std::path::Path::new(file).exists() {
        return Err(Error::NotFound(format!("there is no file `{file}`")));
    }
    let chat = Loopback::new();
    for room in rooms(file)? {
        chat.room(&room, room.name());
    }
    let engine = Engine::builder().database(file).backend(chat).open()?;
    for event in engine.subscribe().iter() {
        println!("{}", line(&*event?));
    }
    Ok(())
}

/// The rooms that agents are provisioned for. They must exist before the agents sign in: a room
/// that nobody opened refuses them for good. An engine without a backend reads the list and signs
/// nobody in.
fn rooms(file: &str) -> Result<Vec<ChannelId>> {
    let engine = Engine::builder().database(file).open()?;
    let agents = engine
        .provisioning(&Principal::host("tail_events"))?
        .agents()?;
    let channels = agents
        .into_iter()
        .flat_map(|agent| agent.channels)
        .map(|channel| channel.id);
    let rooms = channels
        .filter(|id| id.kind() == ChannelKind::Room)
        .collect();
    engine.shutdown(SOON)?;
    Ok(rooms)
}

/// Prints a small scene: a person and an agent talk, an administrator changes something, a
/// connection breaks.
fn talk() -> Result<()> {
    let chat = Loopback::new();
    chat.room(ROOM, "Operations");
    let engine = Engine::builder().in_memory().backend(chat.clone()).open()?;
    let mut events = engine.subscribe();

    let admin = engine.provisioning(&Principal::host("tail_events"))?;
    admin.put_agent(
        NewAgent::new("watch", "loopback:watch")?
            .channel(ROOM)?
            .channel("contact:lene")?,
    )?;
    let agent = engine.agent("watch")?;
    agent.wait_active(SOON)?;
    play(&chat, &chat.person("contact:lene"), &agent)?;
    admin.put_metadata_value("watch", "shift", "night")?;
    chat.kick(ROOM, "watch", "enough for today");

    engine.settle(SOON)?;
    while let Some(event) = events.try_next() {
        println!("{}", line(&event));
    }
    engine.shutdown(SOON)
}

fn play(chat: &Loopback, lene: &Person, agent: &Collaboration) -> Result<()> {
    let mut reader = agent.reader("tail_events", EventQuery::messages().remote())?;
    lene.types("contact:watch", true);
    lene.say("contact:watch", "are you there?")?;
    if let Some(event) = reader.next_timeout(SOON)? {
        agent.post("contact:lene", NewMessage::text("always").answering(&event))?;
    }
    lene.say(ROOM, "the pump in hall 3 is loud again")?;
    agent.post(
        ROOM,
        NewMessage::text("noted; the last time it was the bearing").story("Pump 3"),
    )?;
    chat.cut("watch");
    agent.wait_active(SOON)
}

/// One thing that happened, as a line.
fn line(event: &Broadcast) -> String {
    match event {
        Broadcast::Message { message, agents } => {
            let subject = message
                .content
                .subject
                .as_ref()
                .map(|subject| format!("[{subject}] "))
                .unwrap_or_default();
            let seen: Vec<&str> = agents.iter().map(|agent| agent.as_str()).collect();
            format!(
                "message   {}  {}: {subject}{}  (seen by {})",
                message.channel,
                message.sender_alias.as_ref().unwrap_or(&message.sender),
                message.text.escape_debug(),
                seen.join(", ")
            )
        }
        Broadcast::MetaData {
            agent,
            key,
            value: Some(value),
        } => format!("metadata  {agent}  {key} = {value}"),
        Broadcast::MetaData {
            agent,
            key,
            value: None,
        } => format!("metadata  {agent}  {key} removed"),
        Broadcast::ChannelState {
            agent,
            channel,
            active,
        } => {
            format!(
                "channel   {agent}  {} {channel}",
                if *active { "is in" } else { "is out of" }
            )
        }
        Broadcast::AgentState {
            agent,
            state,
            reason,
        } => {
            format!(
                "agent     {agent}  {state:?}{}",
                reason
                    .as_ref()
                    .map(|reason| format!(": {reason}"))
                    .unwrap_or_default()
            )
        }
        Broadcast::Stranger { agent, channel } => {
            format!("stranger  {agent}  {channel} is not provisioned and wrote")
        }
        Broadcast::Composing {
            agent,
            channel,
            composing,
        } => {
            format!(
                "typing    {agent}  {channel} {}",
                if *composing { "types" } else { "stopped" }
            )
        }
        other => format!("{other:?}"),
    }
}
