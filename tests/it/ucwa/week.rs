//! A week in an office, in seconds: agents and people write to each other while the simulator
//! breaks everything it can.
//!
//! Goal: every agent ends Active, and no message is lost or doubled that the protocol lets an agent
//! keep. Method: the seed decides who says what, and what fails when; the clock is moved by hand. A
//! text that the server reports to a person as delivered must be an event, once. A post that
//! succeeded must have been heard once, one that was refused never, and one whose outcome is
//! unknown at most once.
//!
//! `SWITCHBOARD_WEEKS` says how many weeks (seeds from 1), `SWITCHBOARD_WEEK_AGENTS` how many
//! agents. A week that fails names its seed; `SWITCHBOARD_WEEK_SEED` repeats it.

use super::simulator::control::FAULTS;
use super::simulator::person::Manner;
use super::world::{Office, contact, sip};
use crate::world::{SOON, begin, poll};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;
use switchboard::{
    AgentState, Collaboration, Cursor, Error, EventQuery, JoinState, Message, NewMessage,
};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const PEOPLE: [&str; 3] = ["lene", "olaf", "sara"];
const PRESENCES: [&str; 5] = ["Online", "Busy", "Away", "DoNotDisturb", "BeRightBack"];
/// Longer than any pause, any invitation and any wait for a report.
const AFTERMATH: Duration = Duration::from_secs(20 * 60);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_is_lost_in_a_week() {
    let agents = number("SWITCHBOARD_WEEK_AGENTS").unwrap_or(1) as usize;
    let seeds = match number("SWITCHBOARD_WEEK_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("SWITCHBOARD_WEEKS").unwrap_or(1),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| week(seed, agents))) {
            let text = panic.downcast_ref::<String>().map_or("", String::as_str);
            panic!("SWITCHBOARD_WEEK_SEED={seed} SWITCHBOARD_WEEK_AGENTS={agents}: {text}");
        }
    }
}

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % most as u64) as usize
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

struct Posted {
    to: &'static str,
    text: String,
    answer: JoinHandle<switchboard::Result<Message>>,
}

fn week(seed: u64, agents: usize) {
    let office = Office::open(&[("far-idle", "900")]);
    for name in PEOPLE {
        office
            .world
            .person(name, Manner::Accept(Duration::from_secs(2)));
    }
    let views: Vec<Collaboration> = (0..agents)
        .map(|n| {
            office.world.agent(n);
            office.bot(n, &PEOPLE).view
        })
        .collect();
    let marks: Vec<Cursor> = views
        .iter()
        .map(|view| view.events(Cursor::window(), &EventQuery::all()).unwrap())
        .map(|batch| Cursor::after(batch.last, &batch.instance))
        .collect();
    let mut dice = Dice(seed);
    let mut said: Vec<(usize, &str, String)> = Vec::new();
    let mut posted = Vec::new();
    let mut log = Vec::new();
    let mut passed = Duration::ZERO;
    while passed < WEEK {
        let (agent, person, number) = (
            dice.below(agents),
            dice.of(&PEOPLE),
            said.len() + posted.len(),
        );
        let step = match dice.below(20) {
            0..=5 => {
                let text = format!("said {number}");
                office
                    .person(person)
                    .say(&sip(&format!("bot{agent}")), &text);
                said.push((agent, person, text.clone()));
                format!("{person} to bot{agent}: {text}")
            }
            6..=11 => {
                let text = format!("posted {number}");
                let mut message = NewMessage::text(&text);
                if dice.below(10) == 0 {
                    message = message.alert();
                }
                let post = views[agent].post_async(contact(person), message);
                posted.push(Posted {
                    to: person,
                    text: text.clone(),
                    answer: begin(Box::pin(async { Ok(post.await?.message) })),
                });
                format!("bot{agent} to {person}: {text}")
            }
            12 => {
                let presence = dice.of(&PRESENCES);
                office.person(person).shows(presence, "");
                format!("{person} is {presence}")
            }
            13 => {
                let left = office.person(person).leaves(&sip(&format!("bot{agent}")));
                format!("{person} hangs up on bot{agent}: {left}")
            }
            14 => {
                let manner = match dice.below(8) {
                    0 => Manner::Ignore,
                    1 => Manner::Decline(Duration::from_secs(1)),
                    _ => Manner::Accept(Duration::from_secs(1 + dice.below(8) as u64)),
                };
                let told = format!("{person} is to {manner:?}");
                office.person(person).behave(manner);
                told
            }
            _ => {
                let (fault, count) = (dice.of(&FAULTS), 1 + dice.below(3) as u32);
                office
                    .person(&format!("bot{agent}"))
                    .suffers(fault, count)
                    .unwrap();
                format!("bot{agent} suffers {fault} {count} times")
            }
        };
        log.push(format!("{:>7} s  {step}", passed.as_secs()));
        let pause = match dice.below(10) {
            0..=3 => Duration::from_millis(dice.below(3000) as u64),
            4..=6 => Duration::from_secs(dice.below(60) as u64),
            7..=8 => Duration::from_secs(dice.below(3600) as u64),
            _ => Duration::from_secs(dice.below(4 * 3600) as u64),
        };
        office.pass(pause);
        passed += pause;
    }
    office.pass(AFTERMATH);
    let story = || {
        log[log
            .len()
            .saturating_sub(number("SWITCHBOARD_WEEK_LOG").unwrap_or(0) as usize)..]
            .join("\n")
    };
    for n in 0..agents {
        let status = office.status(n);
        assert_eq!(
            status.state,
            AgentState::Active,
            "bot{n}: {status:?}\n{}",
            story()
        );
        assert!(
            status
                .channels
                .iter()
                .all(|channel| channel.state == JoinState::Active),
            "{status:?}"
        );
        let (applications, _, parked) = office.world.simulator.count(&sip(&format!("bot{n}")));
        assert_eq!((applications, parked), (1, 1), "bot{n}\n{}", story());
    }
    heard_by_agents(&office, &views, marks, &said, &story);
    heard_by_people(&office, posted, &story);
}

/// Checks that every text reported as delivered is an event, and that none is there twice.
fn heard_by_agents(
    office: &Office,
    views: &[Collaboration],
    marks: Vec<Cursor>,
    said: &[(usize, &str, String)],
    story: &dyn Fn() -> String,
) {
    let mut delivered: HashMap<String, bool> = HashMap::new();
    for name in PEOPLE {
        let person = office.person(name);
        loop {
            let mut report = Box::pin(person.learns());
            let Poll::Ready(report) = poll(&mut report) else {
                break;
            };
            delivered.insert(report.text, report.delivered);
        }
    }
    office.engine.settle(SOON).unwrap();
    let mut events: HashMap<(usize, String), usize> = HashMap::new();
    for (n, (view, mark)) in views.iter().zip(marks).enumerate() {
        let mut mark = mark;
        loop {
            let batch = view.events(mark.clone(), &EventQuery::messages()).unwrap();
            for message in batch.events.iter().filter_map(|event| event.message()) {
                *events.entry((n, message.text.clone())).or_default() += 1;
            }
            if batch.events.is_empty() {
                break;
            }
            assert!(batch.last > mark.last, "the same page twice");
            mark = Cursor::after(batch.last, &batch.instance);
        }
    }
    let mut kept = 0;
    for (agent, person, text) in said {
        let times = events
            .get(&(*agent, text.clone()))
            .copied()
            .unwrap_or_default();
        let is_delivered = delivered.get(text).copied().unwrap_or_default();
        assert!(
            times <= 1,
            "`{text}` of {person} is there {times} times\n{}",
            story()
        );
        assert!(
            times == 1 || !is_delivered,
            "`{text}` of {person} to bot{agent} was delivered and is not there\n{}",
            story()
        );
        kept += times;
    }
    assert!(
        kept * 2 > said.len(),
        "only {kept} of {} came at all",
        said.len()
    );
}

/// Checks that the outcome of every post is true.
fn heard_by_people(office: &Office, posted: Vec<Posted>, story: &dyn Fn() -> String) {
    let mut heard: HashMap<(&str, String), usize> = HashMap::new();
    for name in PEOPLE {
        for one in office.person(name).heard() {
            *heard.entry((name, one.text)).or_default() += 1;
        }
    }
    let (mut answered, all) = (0, posted.len());
    for Posted { to, text, answer } in posted {
        let times = heard.get(&(to, text.clone())).copied().unwrap_or_default();
        let answer = answer.join().unwrap();
        let is_right = match &answer {
            Ok(_) => times == 1,
            Err(Error::OutcomeUnknown(_)) => times <= 1,
            Err(_) => times == 0,
        };
        assert!(
            is_right,
            "`{text}` was heard {times} times, and its post answered {answer:?}\n{}",
            story()
        );
        answered += usize::from(answer.is_ok());
    }
    assert!(
        answered * 2 > all,
        "only {answered} of {all} posts went through"
    );
}
