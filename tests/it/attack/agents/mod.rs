//! One key, two messages; what came before its conversation; calls into a chat system that never
//! answers.
//!
//! Method: chat systems made for one test (`script`, and a scripted server for XMPP), with a clock
//! that is moved by hand; Prosody where a figure is wanted.

mod deaf;
mod early;
mod keys;
mod uploads;

use crate::script::Script;
use crate::world::{World, new_agent};
use switchboard::backend::xmpp::{Component, Secret, Xmpp, XmppConfig};
use switchboard::testing::ManualClock;
use switchboard::{Collaboration, Engine, Error, NewMessage};

fn keyed(text: &str) -> NewMessage {
    NewMessage::text(text).key("k")
}

/// An agent `echo` on a scripted chat system.
fn scripted(script: Script, channels: &[&str]) -> (World, Collaboration) {
    let world = World::with(|builder| builder.backend(script));
    let mut agent = new_agent("echo", channels);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    (world, echo)
}

fn is_unknown<T>(answer: Result<T, Error>) -> bool {
    matches!(answer, Err(Error::OutcomeUnknown(_)))
}

fn over_component(port: u16, clock: Option<&ManualClock>) -> Engine {
    let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
    let backend = Xmpp::new(XmppConfig::new("im.test").component(component)).expect("right");
    let builder = Engine::builder().in_memory().backend(backend);
    let builder = if let Some(clock) = clock {
        builder.clock(clock.clone())
    } else {
        builder
    };
    builder.open().expect("opens")
}

const BOT: &str = "bot@agents.im.test";

const ROOM: &str = "chat-room:ops@rooms.im.test";
