//! The echo bot, tested in-process: a person speaks, the bot answers once, also after its
//! connection was lost. No sleep, no mock: the loopback backend is the chat system, the clock moves
//! by hand.

use std::thread;
use std::time::Duration;
use switchboard::backend::Loopback;
use switchboard::testing::ManualClock;
use switchboard::{Engine, Result};

#[path = "../examples/echo_bot.rs"]
mod echo_bot;

const SOON: Duration = Duration::from_secs(5);

#[test]
fn echo_answers_people_once_and_survives_a_lost_connection() -> Result<()> {
    let (chat, clock) = (Loopback::new(), ManualClock::new());
    chat.room("chat-room:ops", "Operations");
    let engine = Engine::builder()
        .in_memory()
        .backend(chat.clone())
        .clock(clock.clone())
        .open()?;
    echo_bot::provision(&engine)?;
    let bot = thread::spawn({
        let engine = engine.clone();
        move || echo_bot::run(&engine)
    });

    let lene = chat.person("contact:lene");
    lene.say("chat-room:ops", "hello")?;
    assert_eq!(lene.hears("chat-room:ops")?.text, "you said: hello");

    chat.cut("echo");
    clock.advance(Duration::from_secs(60));
    lene.say("chat-room:ops", "still there?")?;
    assert_eq!(lene.hears("chat-room:ops")?.text, "you said: still there?");

    engine.settle(SOON)?;
    assert!(lene.unheard().is_empty(), "it answered itself");
    engine.shutdown(SOON)?;
    bot.join().unwrap()
}
