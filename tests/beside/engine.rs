//! What every program here does: it uses the engine and another crate's database in one process.
//!
//! A build shows that both link. These rounds show that both work on the one SQLite they share: the
//! engine keeps its file while the other crate writes another one, and finds its place again after
//! a restart.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use switchboard::backend::Loopback;
use switchboard::{Engine, EventQuery, NewAgent, NewMessage, Principal, Reader};

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const ROUNDS: u32 = 100;
const ROOM: &str = "chat-room:ops";
const SOON: Duration = Duration::from_secs(10);

/// Plays the rounds. `write` adds a row to the other crate's database and returns how many it has.
/// `sqlite` is the version that the other crate sees.
pub fn rounds(scratch: &Path, sqlite: &str, mut write: impl FnMut(u32) -> Outcome<u32>) -> Outcome {
    let chat = Loopback::new();
    chat.room(ROOM, "Operations");
    let lene = chat.person("contact:lene");

    let (engine, mut reader) = opened(scratch, &chat)?;
    for round in 0..ROUNDS {
        let rows = write(round)?;
        assert_eq!(rows, round + 1, "rows of the other database");
        lene.say(ROOM, format!("question {round}"))?;
        // The second half waits for the restart.
        if round < ROUNDS / 2 {
            answer(&engine, &mut reader, round)?;
            assert_eq!(lene.hears(ROOM)?.text, format!("answer {round}"));
        }
    }
    reader.acknowledge()?;
    engine.settle(SOON)?;
    engine.shutdown(SOON)?;
    drop((reader, engine));

    assert_eq!(write(ROUNDS)?, ROUNDS + 1, "rows without the engine");
    let (engine, mut reader) = opened(scratch, &chat)?;
    for round in ROUNDS / 2..ROUNDS {
        answer(&engine, &mut reader, round)?;
    }
    assert_eq!(write(ROUNDS + 1)?, ROUNDS + 2, "rows after the restart");
    engine.shutdown(SOON)?;
    println!(
        "SQLite {sqlite}: {ROUNDS} questions answered, {} rows written",
        ROUNDS + 2
    );
    Ok(())
}

/// Returns a folder for the databases, empty, below the one that the first argument names.
pub fn scratch() -> Outcome<PathBuf> {
    let folder = std::env::args_os().nth(1).ok_or("usage: PROGRAM FOLDER")?;
    let folder = PathBuf::from(folder);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn opened(scratch: &Path, chat: &Loopback) -> Outcome<(Engine, Reader)> {
    let file = scratch.join("switchboard.db");
    let engine = Engine::builder()
        .database(file)
        .backend(chat.clone())
        .open()?;
    let admin = engine.provisioning(&Principal::host("beside"))?;
    admin.put_agent(NewAgent::new("echo", "loopback:echo")?.channel(ROOM)?)?;
    let agent = engine.agent("echo")?;
    agent.wait_active(SOON)?;
    let reader = agent.reader("main", EventQuery::messages().remote())?;
    Ok((engine, reader))
}

/// Answers the next question, which must be the one of this round.
fn answer(engine: &Engine, reader: &mut Reader, round: u32) -> Outcome {
    let event = reader.next_timeout(SOON)?.ok_or("no event came")?;
    let text = event.message().map(|message| message.text.to_string());
    assert_eq!(text, Some(format!("question {round}")));
    let text = NewMessage::text(format!("answer {round}"));
    engine.agent("echo")?.post(ROOM, text.answering(&event))?;
    Ok(())
}
