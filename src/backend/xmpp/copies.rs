//! The last messages of a room, and which of our agents had a copy of each: a room sends a message
//! once to each of them.
//!
//! All links that see a room share this, so that a message has one id on the component and on every
//! account. What decides is `identity`; this file remembers.
//!
//! Rejected: only the order of each listener (one number instead of one bit a message): gateways
//! show a listener's own words at once and others' after a round trip, so orders differ.

use super::identity::{COPIES_MAX, Heard, Likeness, Names, Trace, likeness};
use super::seats::Seats;
use crate::model::MessageId;
use std::collections::{HashMap, VecDeque};

/// How many messages are kept of each room. Copies come close together.
const KEPT_MAX: usize = 512;
/// How many listeners are told apart. Beyond, those that are known are forgotten.
const LISTENERS_MAX: usize = 100_000;

/// One of our agents in the room.
struct Listener {
    /// The listener's bit.
    index: usize,
    /// The number of the first message that it may have heard.
    since: u64,
}

/// A message that came.
struct Known {
    number: u64,
    id: MessageId,
    trace: Trace,
    /// The listeners that had a copy, a bit each. Empty where ids name messages: nobody asks then.
    heard: Vec<u64>,
    /// The links that handed it over, a bit each.
    links: u64,
    /// Whether a copy had the origin of a post of ours.
    has_origin: bool,
}

/// The last messages of a room.
#[derive(Default)]
pub(super) struct Copies {
    names: Names,
    line: VecDeque<Known>,
    next: u64,
    listeners: HashMap<String, Listener>,
    links: u32,
    /// Who sits behind which nickname, for corrections.
    pub(super) seats: Seats,
}

/// A copy that came.
pub(super) struct Copy<'a> {
    /// Whether the room's id is unique for ever, as one of an archive.
    pub(super) is_unique: bool,
    pub(super) trace: &'a Trace,
    /// The bare address of the agent that it is for.
    pub(super) listener: &'a str,
    /// The link's bit.
    pub(super) link: u64,
    /// Whether it has the origin of a post of ours.
    pub(super) has_origin: bool,
}

/// What a copy is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) id: MessageId,
    /// Whether the engine needs it: the link has not handed it over, or without its origin.
    pub(super) is_news: bool,
}

impl Copies {
    /// Returns a bit for a link that begins to see the room. More than 64 share bits: a link may
    /// then pass over what another has handed over.
    pub(super) fn begin(&mut self) -> u64 {
        self.links = self.links.wrapping_add(1);
        1 << (self.links % u64::BITS)
    }

    /// Records that an agent has entered: it hears what comes after this.
    pub(super) fn entered(&mut self, listener: &str) {
        if let Some(known) = self.listeners.get_mut(listener) {
            known.since = self.next;
        } else {
            self.add(listener, self.next);
        }
    }

    fn add(&mut self, listener: &str, since: u64) -> usize {
        if self.listeners.len() >= LISTENERS_MAX {
            self.listeners.clear();
            self.line.clear();
        }
        let index = self.listeners.len();
        let added = Listener { index, since };
        self.listeners.insert(listener.to_owned(), added);
        index
    }

    /// Returns whether the ids of the room name messages.
    pub(super) fn names(&self) -> Names {
        self.names
    }

    /// Returns whether this is a further copy of a message that the link has handed over, by the
    /// room's id alone. False means that [`Copies::settle`] decides.
    pub(super) fn is_known(&self, given: &str, listener: &str, link: u64) -> bool {
        // A room that was started anew, and its listeners with it, may count from 1 again.
        let since = || self.listeners.get(listener).map_or(0, |one| one.since);
        self.names == Names::Messages
            && self
                .by_id(given)
                .is_some_and(|known| known.links & link > 0 && known.number >= since())
    }

    fn by_id(&self, given: &str) -> Option<&Known> {
        let mut newest_first = self.line.iter().rev();
        newest_first.find(|known| known.trace.given.as_deref() == Some(given))
    }

    /// Decides which message a copy is of. `fresh` makes an id for one that has none.
    pub(super) fn settle(&mut self, copy: Copy<'_>, fresh: impl FnOnce() -> MessageId) -> Settled {
        let (index, since) = match self.listeners.get(copy.listener) {
            Some(listener) => (listener.index, listener.since),
            None => (self.add(copy.listener, 0), 0),
        };
        let Some((at, alike)) = self.likest(copy.trace, index, since) else {
            return self.note(copy, index, fresh);
        };
        let known = &mut self.line[at];
        let is_other = !has_bit(&known.heard, index);
        let differ = matches!((&known.trace.given, &copy.trace.given), (Some(one), Some(other)) if one != other);
        match alike {
            Likeness::Given if is_other => self.names = Names::Messages,
            Likeness::Sender | Likeness::Words if differ => self.names = Names::Copies,
            _ => {}
        }
        if self.names != Names::Messages {
            set_bit(&mut known.heard, index);
        }
        let is_news = known.links & copy.link == 0 || (copy.has_origin && !known.has_origin);
        known.links |= copy.link;
        known.has_origin |= copy.has_origin;
        Settled {
            id: known.id.clone(),
            is_news,
        }
    }

    /// Returns the message that the copy is likest to, the oldest of several, and how alike it is.
    fn likest(&self, trace: &Trace, index: usize, since: u64) -> Option<(usize, Likeness)> {
        let mut likest: Option<(usize, Likeness)> = None;
        for (at, known) in self.line.iter().enumerate().rev() {
            let is_old = trace.time - known.trace.time > COPIES_MAX;
            if is_old && trace.given.is_none() {
                break;
            }
            let heard = match has_bit(&known.heard, index) || known.number < since {
                true => Heard::ByOne,
                false => Heard::ByTwo,
            };
            let alike = likeness(&known.trace, trace, self.names, heard);
            if alike == Likeness::Given {
                return Some((at, alike));
            }
            if alike > Likeness::None && likest.is_none_or(|(_, best)| alike >= best) {
                likest = Some((at, alike));
            }
        }
        likest
    }

    /// Records a message.
    fn note(&mut self, copy: Copy<'_>, index: usize, fresh: impl FnOnce() -> MessageId) -> Settled {
        let given = copy.trace.given.as_deref();
        // An id that another message has already is no id. Without an archive ids may begin again at
        // 1, and the engine would pass over what it has heard by that id.
        let own = given.filter(|given| copy.is_unique && self.by_id(given).is_none());
        let id = own.and_then(|given| MessageId::parse(given).ok());
        let id = id.unwrap_or_else(fresh);
        if self.line.len() >= KEPT_MAX {
            self.line.pop_front();
        }
        let mut heard = Vec::new();
        set_bit(&mut heard, index);
        self.line.push_back(Known {
            number: self.next,
            id: id.clone(),
            trace: copy.trace.clone(),
            heard,
            links: copy.link,
            has_origin: copy.has_origin,
        });
        self.next += 1;
        Settled { id, is_news: true }
    }
}

fn has_bit(bits: &[u64], index: usize) -> bool {
    bits.get(index / 64)
        .is_some_and(|word| word & (1 << (index % 64)) > 0)
}

fn set_bit(bits: &mut Vec<u64>, index: usize) {
    if bits.len() <= index / 64 {
        bits.resize(index / 64 + 1, 0);
    }
    bits[index / 64] |= 1 << (index % 64);
}

#[cfg(test)]
mod tests {
    use super::super::identity::Mark;
    use super::*;
    use chrono::{DateTime, TimeDelta};

    /// A copy: the listener, the room's id, the words.
    type Said = (&'static str, &'static str, &'static str);

    /// A room in which `one` and `two` listen.
    #[derive(Default)]
    struct Room {
        copies: Copies,
        is_unique: bool,
        made: u32,
        second: i64,
    }

    impl Room {
        fn copy(&mut self, listener: &str, given: &str, words: &str) -> Settled {
            self.second += 1;
            let trace = Trace {
                given: Some(given.to_owned()).filter(|given| !given.is_empty()),
                mark: Mark::of("ops@rooms/lene", words, None),
                time: DateTime::UNIX_EPOCH + TimeDelta::seconds(self.second),
            };
            let copy = Copy {
                trace: &trace,
                listener,
                is_unique: self.is_unique,
                link: 1,
                has_origin: false,
            };
            self.made += 1;
            let fresh = format!("made {}", self.made);
            let fresh = MessageId::parse(&fresh).expect("an id");
            self.copies.settle(copy, || fresh)
        }

        /// Feeds copies of both listeners, and returns how many messages they are.
        fn messages(copies: &[Said]) -> usize {
            let mut room = Room::default();
            let news = copies
                .iter()
                .filter(|(listener, given, words)| room.copy(listener, given, words).is_news);
            news.count()
        }
    }

    #[test]
    fn copies_for_two_listeners_are_one_message_and_words_said_twice_are_two() {
        let cases: &[(&str, usize, &[Said])] = &[
            ("no ids", 1, &[("one", "", "x"), ("two", "", "x")]),
            (
                "no ids, twice",
                2,
                &[
                    ("one", "", "x"),
                    ("one", "", "x"),
                    ("two", "", "x"),
                    ("two", "", "x"),
                ],
            ),
            (
                "no ids, twice in turn",
                2,
                &[
                    ("one", "", "x"),
                    ("two", "", "x"),
                    ("two", "", "x"),
                    ("one", "", "x"),
                ],
            ),
            (
                "ids of messages",
                2,
                &[
                    ("one", "a", "x"),
                    ("two", "a", "x"),
                    ("one", "b", "x"),
                    ("two", "b", "x"),
                ],
            ),
            (
                "ids of copies",
                2,
                &[
                    ("one", "a", "x"),
                    ("two", "b", "x"),
                    ("two", "c", "x"),
                    ("one", "d", "x"),
                ],
            ),
            ("a lying id", 2, &[("one", "a", "x"), ("one", "a", "y")]),
            (
                "repeated by the server",
                1,
                &[("one", "a", "x"), ("one", "a", "x")],
            ),
        ];
        for (what, messages, copies) in cases {
            assert_eq!(Room::messages(copies), *messages, "{what}");
        }
    }

    #[test]
    fn a_room_whose_ids_were_seen_to_name_messages_is_believed() {
        let mut room = Room::default();
        room.copy("one", "a", "x");
        room.copy("two", "a", "x");
        assert_eq!(room.copies.names(), Names::Messages);
        let known = |copies: &Copies, link| copies.is_known("a", "one", link);
        assert!(known(&room.copies, 1) && !known(&room.copies, 2));
        // One that never had its copy of the first does not take the second for it.
        room.copy("one", "b", "x");
        assert!(room.copy("two", "c", "x").is_news);
    }

    /// The engine passes over an id that it has heard.
    #[test]
    fn a_room_without_an_archive_may_count_from_one_again() {
        for is_unique in [true, false] {
            let mut room = Room {
                is_unique,
                ..Room::default()
            };
            for listener in ["one", "two"] {
                assert_eq!(room.copy(listener, "1", "x").id.as_str() == "1", is_unique);
            }
            assert!(room.copies.is_known("1", "one", 1));
            for listener in ["one", "two"] {
                room.copies.entered(listener);
            }
            assert!(!room.copies.is_known("1", "one", 1), "a new session");
            let again = room.copy("one", "1", "y");
            assert!(again.is_news && again.id.as_str() != "1");
        }
    }

    #[test]
    fn one_who_comes_in_later_does_not_take_old_words_for_new() {
        let mut room = Room::default();
        room.copy("one", "", "x");
        room.copies.entered("two");
        assert!(room.copy("two", "", "x").is_news);
        assert!(!room.copy("one", "", "x").is_news);
    }

    #[test]
    fn memory_is_bounded() {
        let mut room = Room::default();
        for n in 0..KEPT_MAX * 2 {
            assert!(room.copy("one", &n.to_string(), "x").is_news);
        }
        assert_eq!(room.copies.line.len(), KEPT_MAX);
    }
}
