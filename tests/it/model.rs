//! The engine against what the rules say: random lives of three agents, two rooms and a person,
//! with the clock moved, connections cut, and the engine stopped or killed in between. After each
//! step everything that can be asked is asked and compared with a plain model ([`rules`]).
//!
//! `MODEL_CASES` says how many lives, `MODEL_STEPS` how long each may be. What fails is made
//! smaller and printed, and its seed kept in `tests/it/model.regressions`.

mod looking;
mod rules;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use world::World;

pub const AGENTS: [&str; 3] = ["ada", "bob", "cleo"];
pub const CHANNELS: [&str; 4] = [
    "chat-room:ops",
    "chat-room:lab",
    "contact:lene",
    "chat-room:nowhere",
];
pub const KEYS: [&str; 3] = ["lang", "", "a/b \u{1F600}"];
pub const READERS: [&str; 2] = ["everything", "what others say"];

/// An index into one of the lists above.
type Of = usize;

/// One step of a life.
#[derive(Debug, Clone)]
pub enum Step {
    PutAgent {
        who: Of,
        alias: bool,
        channels: Vec<Of>,
        users: Vec<Of>,
        metadata: Vec<(Of, u8)>,
    },
    DeleteAgent(Of),
    PutChannel(Of, Of),
    DeleteChannel(Of, Of),
    PutMetadata(Of, Vec<(Of, u8)>),
    PutValue(Of, Of, u8),
    DeleteValue(Of, Of),
    PutUser(Of, bool),
    DeleteUser(Of),
    Say {
        room: Of,
        times: u8,
    },
    Whisper {
        to: Of,
        alias: bool,
    },
    Post {
        who: Of,
        channel: Of,
        key: Option<u8>,
    },
    /// Lene (0) or an agent does something to an earlier message.
    Change {
        by: Of,
        room: Of,
        back: u8,
        how: u8,
    },
    Kick(Of, Of),
    Cut(Of),
    LookBack(Of, u8),
    History(Of, Of, u8),
    OpenReader(Of, Of),
    ReadNext(Of, Of, u8),
    Advance(Of),
    Outage {
        long: bool,
        said: u8,
    },
    Restart {
        killed: bool,
        said: u8,
    },
}

fn pairs() -> impl Strategy<Value = Vec<(Of, u8)>> {
    vec((0..KEYS.len(), 0..3u8), 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let (who, channel, key, user) = (0..AGENTS.len(), 0..CHANNELS.len(), 0..KEYS.len(), 0..2usize);
    let agent = (
        who.clone(),
        prop::bool::weighted(0.2),
        vec(channel.clone(), 0..5),
        vec(user.clone(), 0..3),
        pairs(),
    );
    prop_oneof![
        6 => agent.prop_map(|(who, alias, channels, users, metadata)| Step::PutAgent { who, alias, channels, users, metadata }),
        1 => who.clone().prop_map(Step::DeleteAgent),
        4 => (who.clone(), channel.clone()).prop_map(|(who, channel)| Step::PutChannel(who, channel)),
        2 => (who.clone(), channel.clone()).prop_map(|(who, channel)| Step::DeleteChannel(who, channel)),
        1 => (who.clone(), pairs()).prop_map(|(who, pairs)| Step::PutMetadata(who, pairs)),
        2 => (who.clone(), key.clone(), 0..3u8).prop_map(|(who, key, value)| Step::PutValue(who, key, value)),
        1 => (who.clone(), key).prop_map(|(who, key)| Step::DeleteValue(who, key)),
        1 => (user.clone(), any::<bool>()).prop_map(|(user, renamed)| Step::PutUser(user, renamed)),
        1 => user.prop_map(Step::DeleteUser),
        6 => (0..2usize, prop_oneof![9 => 1..3u8, 1 => Just(60u8)]).prop_map(|(room, times)| Step::Say { room, times }),
        3 => (who.clone(), prop::bool::weighted(0.2)).prop_map(|(to, alias)| Step::Whisper { to, alias }),
        8 => (who.clone(), channel.clone(), prop::option::of(0..3u8)).prop_map(|(who, channel, key)| Step::Post { who, channel, key }),
        8 => (0..=AGENTS.len(), 0..2usize, 0..6u8, 0..5u8).prop_map(|(by, room, back, how)| Step::Change { by, room, back, how }),
        2 => (who.clone(), channel.clone()).prop_map(|(who, channel)| Step::Kick(who, channel)),
        3 => who.clone().prop_map(Step::Cut),
        3 => (who.clone(), any::<u8>()).prop_map(|(who, back)| Step::LookBack(who, back)),
        2 => (who.clone(), channel, 1..9u8).prop_map(|(who, channel, take)| Step::History(who, channel, take)),
        2 => (who.clone(), 0..READERS.len()).prop_map(|(who, reader)| Step::OpenReader(who, reader)),
        6 => (who, 0..READERS.len(), 1..6u8).prop_map(|(who, reader, times)| Step::ReadNext(who, reader, times)),
        4 => (0..3usize).prop_map(Step::Advance),
        1 => (any::<bool>(), 0..3u8).prop_map(|(long, said)| Step::Outage { long, said }),
        2 => (any::<bool>(), 0..3u8).prop_map(|(killed, said)| Step::Restart { killed, said }),
    ]
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[test]
fn the_engine_does_what_the_rules_say() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/model.regressions");
    let config = ProptestConfig {
        cases: number("MODEL_CASES", 24) as u32,
        max_shrink_iters: 300,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        ..ProptestConfig::default()
    };
    let steps = number("MODEL_STEPS", 80);
    let mut done = 0;
    let mut told = 0;
    let outcome =
        proptest::test_runner::TestRunner::new(config).run_cases(vec(step(), 1..steps), |steps| {
            let mut world = World::new();
            for (n, step) in steps.iter().enumerate() {
                world
                    .take(step)
                    .map_err(|why| TestCaseError::fail(format!("step {n}, {step:?}: {why}")))?;
            }
            done += steps.len();
            told += world.told();
            Ok(())
        });
    println!("{done} steps, {told} events compared");
    if let Err(why) = outcome {
        panic!("{why}");
    }
}

/// A runner that counts; proptest's own takes no `FnMut`.
trait RunCases {
    fn run_cases<S: Strategy>(
        &mut self,
        strategy: S,
        test: impl FnMut(S::Value) -> Result<(), TestCaseError>,
    ) -> Result<(), String>;
}

impl RunCases for proptest::test_runner::TestRunner {
    fn run_cases<S: Strategy>(
        &mut self,
        strategy: S,
        test: impl FnMut(S::Value) -> Result<(), TestCaseError>,
    ) -> Result<(), String> {
        let test = std::cell::RefCell::new(test);
        self.run(&strategy, |value| (test.borrow_mut())(value))
            .map_err(|error| error.to_string())
    }
}
