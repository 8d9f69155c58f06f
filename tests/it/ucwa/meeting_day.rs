//! Two days in one meeting, in a second: two agents and a person talk while the simulator breaks
//! everything it can.
//!
//! Goal: both agents are in the meeting at the end; nothing that was said comes twice; what was
//! said without a fault comes; and the outcome of each post is true. Method: like `week`, with the
//! actions that the people of `week` do not take. `SWITCHBOARD_DAYS` says how many seeds.

use super::simulator::control::FAULTS;
use super::world::{Office, sip};
use crate::world::{SOON, begin};
use std::collections::HashMap;
use std::time::Duration;
use switchboard::{Collaboration, Cursor, Error, EventQuery, JoinState, NewMessage, Principal};

const DAYS: Duration = Duration::from_secs(2 * 24 * 3600);
/// Longer than any fault lasts: the longest pause, two requests that are never answered, and a
/// back-off.
const CALM: Duration = Duration::from_secs(20 * 60);
const AGENTS: usize = 2;

/// splitmix64: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % most
    }
}

#[test]
fn a_meeting_outlives_two_days_of_faults() {
    let days = std::env::var("SWITCHBOARD_DAYS")
        .ok()
        .and_then(|days| days.parse().ok())
        .unwrap_or(1);
    for seed in 1..=days {
        two_days(seed);
    }
}

fn two_days(seed: u64) {
    // The meeting itself must last. Other tests cover how it ends.
    let office = Office::open(&[]);
    let uri = office.person("lene").holds_meeting("For ever", "");
    let room = format!("chat-room:{uri}");
    let admin = office.engine.provisioning(&Principal::host("ada")).unwrap();
    let bots: Vec<Collaboration> = (0..AGENTS)
        .map(|n| {
            let bot = office.bot(n, &[]);
            admin.put_channel(format!("bot{n}"), room.as_str()).unwrap();
            office.pass(Duration::from_secs(5));
            bot.view
        })
        .collect();
    let is_in = |n: usize| {
        office
            .status(n)
            .channels
            .iter()
            .all(|channel| channel.state == JoinState::Active)
    };
    assert!((0..AGENTS).all(is_in));
    let mut marks: Vec<Cursor> = bots.iter().map(end_of).collect();
    let mut dice = Dice(seed);
    let (mut said, mut calmly, mut posted) = (0, Vec::new(), Vec::new());
    let mut passed = Duration::ZERO;
    while passed < DAYS {
        let agent = usize::try_from(dice.below(AGENTS as u64)).unwrap();
        match dice.below(16) {
            0..=4 => {
                said += 1;
                assert!(office.person("lene").says_in(&uri, &format!("said {said}")));
            }
            5..=9 => {
                let text = format!("posted {}", posted.len());
                posted.push((
                    agent,
                    text.clone(),
                    begin(bots[agent].post_async(room.as_str(), NewMessage::text(text))),
                ));
            }
            10 => {
                office.pass(CALM);
                passed += CALM;
                assert!(
                    (0..AGENTS).all(is_in),
                    "seed {seed}: {:?} {:?}",
                    office.status(0),
                    office.status(1)
                );
                said += 1;
                calmly.push(format!("said {said}"));
                office.person("lene").says_in(&uri, &format!("said {said}"));
                office.pass(Duration::from_secs(10));
            }
            _ => {
                let fault = FAULTS[usize::try_from(dice.below(FAULTS.len() as u64)).unwrap()];
                let count = 1 + u32::try_from(dice.below(3)).unwrap();
                office
                    .person(&format!("bot{agent}"))
                    .suffers(fault, count)
                    .unwrap();
            }
        }
        let pause = match dice.below(8) {
            0..=2 => Duration::from_millis(dice.below(3000)),
            3..=5 => Duration::from_secs(dice.below(60)),
            _ => Duration::from_secs(dice.below(3600)),
        };
        office.pass(pause);
        passed += pause;
    }
    office.pass(CALM);
    assert!(
        (0..AGENTS).all(is_in),
        "seed {seed}: {:?} {:?}",
        office.status(0),
        office.status(1)
    );
    for n in 0..AGENTS {
        assert_eq!(
            office.world.simulator.count(&sip(&format!("bot{n}"))),
            (1, 1, 1),
            "seed {seed}: bot{n}"
        );
    }

    let heard: Vec<HashMap<String, usize>> = bots
        .iter()
        .zip(&mut marks)
        .map(|(bot, mark)| heard(&office, bot, mark))
        .collect();
    for (n, heard) in heard.iter().enumerate() {
        for (text, times) in heard {
            assert_eq!(*times, 1, "seed {seed}: bot{n} has `{text}` {times} times");
        }
        for text in &calmly {
            assert!(
                heard.contains_key(text),
                "seed {seed}: bot{n} has no `{text}`, which was said in calm"
            );
        }
    }
    let mut by_lene: HashMap<String, usize> = HashMap::new();
    for one in office.person("lene").heard() {
        *by_lene.entry(one.text).or_default() += 1;
    }
    let (mut fine, all) = (0, posted.len());
    for (agent, text, answer) in posted {
        let times = by_lene.get(&text).copied().unwrap_or_default();
        let answer = answer.join().unwrap();
        let is_right = match &answer {
            Ok(_) => times == 1,
            Err(Error::OutcomeUnknown(_)) => times <= 1,
            Err(_) => times == 0,
        };
        assert!(
            is_right,
            "seed {seed}: `{text}` of bot{agent} was heard {times} times, and its post answered {answer:?}"
        );
        fine += usize::from(answer.is_ok());
    }
    assert!(
        fine * 2 > all && calmly.len() > 2,
        "seed {seed}: {fine} of {all} posts, {} times of calm",
        calmly.len()
    );
}

fn end_of(bot: &Collaboration) -> Cursor {
    let batch = bot.events(Cursor::window(), &EventQuery::all()).unwrap();
    Cursor::after(batch.last, &batch.instance)
}

/// Returns how often each text came since the last call.
fn heard(office: &Office, bot: &Collaboration, mark: &mut Cursor) -> HashMap<String, usize> {
    office.engine.settle(SOON).unwrap();
    let mut heard: HashMap<String, usize> = HashMap::new();
    loop {
        let batch = bot.events(mark.clone(), &EventQuery::messages()).unwrap();
        assert!(!batch.gap);
        for message in batch.events.iter().filter_map(|event| event.message()) {
            *heard.entry(message.text.clone()).or_default() += 1;
        }
        if batch.events.is_empty() {
            return heard;
        }
        assert!(batch.last > mark.last, "the same page twice");
        *mark = Cursor::after(batch.last, &batch.instance);
    }
}
