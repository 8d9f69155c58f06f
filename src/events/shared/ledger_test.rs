use super::ledger::{Given, Known, Ledger, OPEN_MAX};
use super::terms::Terms;
use crate::model::{ChannelId, Event, EventBody, EventId, InstanceId, Message, MessageId, Seq};
use chrono::DateTime;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn event(seq: Seq, channel: &str, text: &str) -> Event {
    let at = DateTime::default();
    let channel = ChannelId::parse(&format!("chat-room:{channel}")).unwrap();
    let id = MessageId::parse(&seq.to_string()).unwrap();
    let message = Message::plain(id, channel, "lene", text, at);
    let instance = InstanceId::parse("i").unwrap();
    let body = EventBody::Message(Arc::new(message));
    Event::new(seq, EventId(seq), instance, at, body)
}

fn ledger(terms: Terms, channels: &[&str]) -> Ledger {
    let mut ledger = Ledger::new(terms, 0, HashMap::new());
    take(&mut ledger, channels);
    ledger
}

fn take(ledger: &mut Ledger, channels: &[&str]) {
    let events: Vec<Event> = (ledger.scanned() + 1..)
        .zip(channels)
        .map(|(seq, channel)| event(seq, channel, "x"))
        .collect();
    let scanned = ledger.scanned() + events.len() as Seq;
    ledger.take(events, scanned);
}

/// All that can be given out at `now`.
fn all(ledger: &mut Ledger, now: Duration) -> Vec<Given> {
    std::iter::from_fn(|| ledger.give(now)).collect()
}

fn seqs(given: &[Given]) -> Vec<Seq> {
    given.iter().map(|given| given.seq).collect()
}

#[test]
fn the_place_follows_the_first_open_event() {
    let mut ledger = ledger(Terms::new(), &["a", "a", "b"]);
    assert_eq!(seqs(&all(&mut ledger, SECOND)), [1, 2, 3]);
    assert!(ledger.settle(2));
    assert!(!ledger.settle(2), "once");
    assert_eq!(ledger.place(), 0);
    assert!(ledger.settle(1));
    assert_eq!(ledger.place(), 2);
    assert!(ledger.settle(3));
    ledger.take(Vec::new(), 50);
    assert_eq!(
        ledger.place(),
        50,
        "nothing is open, so what was passed over is done"
    );
}

#[test]
fn an_event_that_came_back_waits_and_holds_back_only_its_channel() {
    let mut ledger = ledger(Terms::new().in_order_per_channel(), &["a", "a", "b", "b"]);
    let given = all(&mut ledger, SECOND);
    assert_eq!(seqs(&given), [1, 3], "one of each channel");
    assert!(ledger.give_back(1, given[0].lease, 10 * SECOND, "not now"));
    assert!(ledger.settle(3));
    assert_eq!(seqs(&all(&mut ledger, SECOND)), [4]);
    assert!(ledger.settle(4));
    assert_eq!(ledger.next_due(), Some(10 * SECOND));
    assert!(ledger.give(9 * SECOND).is_none());
    let again = ledger.give(10 * SECOND).unwrap();
    assert_eq!((again.seq, again.attempt), (1, 2));
    assert!(ledger.give(10 * SECOND).is_none());
    assert!(ledger.settle(1));
    assert_eq!(seqs(&all(&mut ledger, 10 * SECOND)), [2]);
}

#[test]
fn a_lease_that_ended_gives_the_event_to_another_and_an_acknowledgement_counts_all_the_same() {
    let terms = Terms::new().lease(10 * SECOND);
    let mut ledger = ledger(terms, &["a", "a"]);
    let first = all(&mut ledger, SECOND);
    assert_eq!(ledger.next_due(), Some(11 * SECOND));
    assert!(ledger.extend(2, first[1].lease, 5 * SECOND));
    let again = all(&mut ledger, 11 * SECOND);
    assert_eq!((seqs(&again), again[0].attempt), (vec![1], 2));
    assert!(!ledger.extend(1, first[0].lease, 11 * SECOND));
    assert!(!ledger.give_back(1, first[0].lease, SECOND, "late"));
    assert!(ledger.settle(1), "the first worker has done it after all");
    assert!(!ledger.settle(1));
    assert!(!ledger.give_back(1, again[0].lease, SECOND, "late"));
    assert_eq!(seqs(&all(&mut ledger, 15 * SECOND)), [2]);
}

#[test]
fn after_its_last_attempt_an_event_is_dead_and_lets_its_channel_go_on() {
    let terms = Terms::new().attempts(2).in_order_per_channel();
    let mut ledger = ledger(terms, &["a", "a"]);
    for attempt in 1..=2 {
        let given = ledger.give(SECOND).unwrap();
        assert_eq!((given.seq, given.attempt), (1, attempt));
        assert!(ledger.take_deaths().is_empty());
        ledger.give_back(1, given.lease, SECOND, "no");
    }
    let deaths = ledger.take_deaths();
    assert_eq!((deaths[0].seq, deaths[0].attempts), (1, 2));
    assert_eq!(deaths[0].reason, "no");
    assert_eq!(ledger.place(), 1);
    assert_eq!(seqs(&all(&mut ledger, SECOND)), [2]);

    // Given again, below the place: it comes before what is next in its channel.
    take(&mut ledger, &["a"]);
    ledger.settle(2);
    ledger.open(event(1, "a", "x"), 0, Duration::ZERO);
    assert_eq!(seqs(&all(&mut ledger, SECOND)), [1]);
    assert_eq!(ledger.place(), 2, "it does not move back");
    assert!(ledger.settle(1));
    assert_eq!(seqs(&all(&mut ledger, SECOND)), [3]);
}

#[test]
fn what_the_database_knew_is_taken_up() {
    let known = HashMap::from([
        (2, Known::Settled),
        (
            3,
            Known::Open {
                attempts: 1,
                due: 5 * SECOND,
            },
        ),
        (
            4,
            Known::Open {
                attempts: 2,
                due: Duration::ZERO,
            },
        ),
    ]);
    let mut ledger = Ledger::new(Terms::new().attempts(2), 0, known);
    take(&mut ledger, &["a", "a", "a", "a", "a"]);
    assert_eq!(seqs(&all(&mut ledger, SECOND)), [1, 5]);
    let deaths = ledger.take_deaths();
    assert_eq!(
        (deaths.len(), deaths[0].seq),
        (1, 4),
        "its host ended twice over it"
    );
    let third = ledger.give(5 * SECOND).unwrap();
    assert_eq!((third.seq, third.attempt), (3, 2));
    for seq in [1, 3, 5] {
        assert!(ledger.settle(seq));
    }
    assert_eq!(ledger.place(), 5);
}

#[test]
fn an_attempt_that_was_not_handed_out_does_not_count() {
    let mut ledger = ledger(Terms::new().attempts(1), &["a"]);
    for _ in 0..3 {
        let given = ledger.give(SECOND).unwrap();
        assert_eq!(given.attempt, 1);
        ledger.take_back(given.seq, given.lease, SECOND);
    }
    assert!(ledger.take_deaths().is_empty());
}

#[test]
fn open_events_are_bounded_by_number_and_by_bytes() {
    let many = vec!["a"; OPEN_MAX - 1];
    let mut one_less = ledger(Terms::new(), &many);
    assert!(one_less.has_room());
    take(&mut one_less, &["a"]);
    assert!(!one_less.has_room());
    one_less.give(SECOND).unwrap();
    assert!(!one_less.has_room(), "what is leased is open");
    one_less.settle(1);
    assert!(one_less.has_room());

    let mut large = Ledger::new(Terms::new(), 0, HashMap::new());
    let text = "x".repeat(1 << 20);
    large.take((1..=4).map(|seq| event(seq, "a", &text)).collect(), 4);
    assert!(!large.has_room());
}

#[derive(Debug, Clone)]
enum Do {
    Take(u8, u8),
    Give,
    Settle(usize),
    Back(usize, u8),
    Pass(u8),
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let step = prop_oneof![
        2 => (1u8..4, 0u8..3).prop_map(|(many, channel)| Do::Take(many, channel)),
        4 => Just(Do::Give),
        3 => any::<usize>().prop_map(Do::Settle),
        2 => (any::<usize>(), 0u8..20).prop_map(|(which, after)| Do::Back(which, after)),
        2 => (0u8..15).prop_map(Do::Pass),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// Whatever the workers do: nobody has what another has, a channel goes in order, the place
    /// passes nothing that is open, and at the end everything is settled or dead.
    #[test]
    fn nothing_is_lost_or_out_of_order(steps in steps(), in_order in any::<bool>()) {
        let mut terms = Terms::new().lease(10 * SECOND).attempts(3);
        if in_order {
            terms = terms.in_order_per_channel();
        }
        let mut ledger = Ledger::new(terms, 0, HashMap::new());
        let (mut now, mut hands) = (SECOND, BTreeMap::<Seq, (Given, Duration)>::new());
        let (mut over, mut last) = (HashSet::new(), HashMap::<String, Seq>::new());
        let drain = (0..4000).map(|n| if n % 2 == 0 { Do::Give } else { Do::Settle(0) });
        for step in steps.into_iter().chain([Do::Pass(30)]).chain(drain) {
            match step {
                Do::Take(many, channel) => take(&mut ledger, &vec![["a", "b", "c"][channel as usize]; many as usize]),
                Do::Pass(seconds) => now += SECOND * u32::from(seconds),
                Do::Give => {
                    hands.retain(|_, (_, until)| *until > now);
                    let given = ledger.give(now);
                    for death in ledger.take_deaths() {
                        prop_assert!(over.insert(death.seq) && death.attempts == 3);
                    }
                    if let Some(given) = given {
                        prop_assert!(!over.contains(&given.seq) && !hands.contains_key(&given.seq));
                        prop_assert!(given.attempt <= 3 && given.seq > ledger.place());
                        if in_order {
                            let channel = given.event.message().unwrap().channel.to_string();
                            let before = last.entry(channel).or_default();
                            prop_assert!(given.seq == *before || (given.seq > *before && (*before == 0 || over.contains(before))
                                ), "{} after {before}", given.seq);
                            *before = given.seq;
                        }
                        hands.insert(given.seq, (given, now + 10 * SECOND));
                    } else if ledger.next_due().is_some_and(|due| due > now) && hands.is_empty() {
                        now = ledger.next_due().unwrap();
                    }
                }
                Do::Settle(which) => {
                    let nth = which % hands.len().max(1);
                    if let Some(seq) = hands.keys().nth(nth).copied() {
                        hands.remove(&seq);
                        if ledger.settle(seq) {
                            prop_assert!(over.insert(seq));
                        }
                    }
                }
                Do::Back(which, after) => {
                    let nth = which % hands.len().max(1);
                    if let Some(seq) = hands.keys().nth(nth).copied() {
                        let (given, _) = hands.remove(&seq).unwrap();
                        ledger.give_back(seq, given.lease, now + SECOND * u32::from(after), "no");
                    }
                }
            }
            for death in ledger.take_deaths() {
                prop_assert!(over.insert(death.seq) && death.attempts == 3);
                hands.remove(&death.seq);
            }
            prop_assert!((1..=ledger.place()).all(|seq| over.contains(&seq)));
        }
        prop_assert_eq!(ledger.place(), ledger.scanned());
    }
}
