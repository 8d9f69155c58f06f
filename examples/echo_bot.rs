//! A whole bot: it answers every message in a room, and a restart of it loses and repeats nothing.

use std::time::Duration;
use switchboard::{Engine, EventQuery, NewAgent, NewMessage, Principal, Result, backend::Loopback};

/// Provisions the bot's agent and its channel. Idempotent: run it at every start.
pub fn provision(engine: &Engine) -> Result<()> {
    let admin = engine.provisioning(&Principal::host("echo_bot"))?;
    admin.put_agent(NewAgent::new("echo", "loopback:echo")?.channel("chat-room:ops")?)?;
    engine.agent("echo")?.wait_active(Duration::from_secs(10))
}

/// Answers every message until the engine stops. Messages from before its start come first.
pub fn run(engine: &Engine) -> Result<()> {
    let agent = engine.agent("echo")?;
    let mut reader = agent.reader("main", EventQuery::messages().remote())?;
    while let Some(event) = reader.next()? {
        let Some(message) = event.message() else {
            continue;
        };
        agent.post(
            &message.channel,
            NewMessage::text(format!("you said: {}", message.text)).answering(&event),
        )?;
    }
    Ok(())
}

#[allow(dead_code, reason = "tests/echo.rs takes this file as a module")]
fn main() -> Result<()> {
    let chat = Loopback::new();
    chat.room("chat-room:ops", "Operations");
    let engine = Engine::builder().database("echo.db").backend(chat).open()?;
    provision(&engine)?;
    run(&engine)
}
