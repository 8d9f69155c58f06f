//! Messages that came before whom they are for, or whom they are from, was here.
//!
//! A person may write to an agent before their channel is put, and to an agent of a component
//! before it has signed in. What they write waits, each message with the time at which it came, and
//! is heard when the channel is joined. Where the line is full, what is older than an hour gives
//! way first, then a message of the sender who holds most ([`gives_way`]).

use super::xml::Element;
use crate::backend::fairness::{domain, gives_way};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;

/// The most messages that wait in one line.
const STRAYS_MAX: usize = 64;
/// The most characters of text that wait in one line, because strangers can write too.
const CHARACTERS_MAX: usize = 256 * 1024;
/// A message that has waited longer is dropped first, so that strangers do not keep the line for
/// ever.
const AGE: TimeDelta = TimeDelta::hours(1);

/// A message that waits for its agent.
pub(super) struct Stray {
    /// The agent, bare.
    pub(super) to: String,
    /// The person, bare.
    pub(super) from: String,
    pub(super) came: DateTime<Utc>,
    pub(super) stanza: Element,
}

/// A line of such messages.
#[derive(Default)]
pub(super) struct Strays {
    line: VecDeque<(usize, Stray)>,
    characters: usize,
}

impl Strays {
    pub(super) fn keep(&mut self, stray: Stray) {
        let characters = stray.stanza.inner_text().len();
        self.characters += characters;
        self.line.push_back((characters, stray));
        while self.line.len() > STRAYS_MAX || self.characters > CHARACTERS_MAX {
            let is_many = self.line.len() > STRAYS_MAX;
            let Some((characters, _)) = self
                .crowded_out(is_many)
                .and_then(|place| self.line.remove(place))
            else {
                break;
            };
            self.characters -= characters;
        }
    }

    /// Returns the index of the message to drop if there are too many, or too many characters.
    fn crowded_out(&self, is_many: bool) -> Option<usize> {
        let (oldest, newest) = (self.line.front()?.1.came, self.line.back()?.1.came);
        if newest - oldest > AGE {
            return Some(0);
        }
        let weight = |characters: usize| if is_many { 1 } else { characters };
        gives_way(self.line.iter().map(|(characters, stray)| {
            (
                domain(&stray.from),
                stray.from.as_str(),
                weight(*characters),
            )
        }))
    }

    /// The messages, in order.
    pub(super) fn line(&self) -> impl Iterator<Item = &Stray> {
        self.line.iter().map(|(_, stray)| stray)
    }

    /// Takes out the messages that `is_meant` selects, in order.
    pub(super) fn take(&mut self, is_meant: impl Fn(&Stray) -> bool) -> Vec<Stray> {
        let (meant, others): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.line)
            .into_iter()
            .partition(|(_, stray)| is_meant(stray));
        self.line = others;
        self.characters = self.line.iter().map(|(characters, _)| characters).sum();
        meant.into_iter().map(|(_, stray)| stray).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(from: &str, seconds: i64, text: &str) -> Stray {
        let came = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        Stray {
            to: "echo@example.org".into(),
            from: from.into(),
            came,
            stanza: Element::new("body", "").text(text),
        }
    }

    fn of_lene(strays: &mut Strays) -> usize {
        strays.take(|stray| stray.from == "lene@example.org").len()
    }

    #[test]
    fn strangers_do_not_push_out_what_a_contact_wrote() {
        for long in [false, true] {
            let text = if long { "x".repeat(60_000) } else { "x".into() };
            let mut strays = Strays::default();
            strays.keep(stray("lene@example.org", 0, "before my channel was put"));
            for n in 0..500 {
                strays.keep(stray(&format!("x{n}@evil.example"), n, &text));
            }
            println!(
                "500 strangers: {} messages of {} characters wait",
                strays.line.len(),
                strays.characters
            );
            assert!(strays.line.len() <= STRAYS_MAX && strays.characters <= CHARACTERS_MAX);
            assert_eq!(of_lene(&mut strays), 1);
        }
    }

    #[test]
    fn what_has_waited_for_an_hour_gives_way_first() {
        let mut strays = Strays::default();
        for n in 0..STRAYS_MAX {
            strays.keep(stray(&format!("x@{n}.example"), 0, "x"));
        }
        strays.keep(stray("lene@example.org", 3_000, "too soon"));
        assert_eq!(
            of_lene(&mut strays),
            0,
            "as many domains as places: the newcomer gives way"
        );
        strays.keep(stray("lene@example.org", 4_000, "hello"));
        assert_eq!(
            (of_lene(&mut strays), strays.line.len()),
            (1, STRAYS_MAX - 1)
        );
    }
}
