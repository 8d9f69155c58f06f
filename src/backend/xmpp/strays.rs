//! Messages that came before whom they are for, or whom they are from, was here.
//!
//! A person may write to an agent before their channel is put, and to an agent of a component before it has signed in.
//! What they write waits, each message with the time at which it came, and is heard when the channel is joined.

use super::xml::Element;
use chrono::{DateTime, Utc};
use std::collections::VecDeque;

/// Messages that wait in one line; the oldest makes room.
const STRAYS_MAX: usize = 64;
/// Characters of text that wait in one line: strangers can write, too.
const CHARACTERS_MAX: usize = 256 * 1024;

/// One message.
pub(super) struct Stray {
    /// The agent, bare.
    pub(super) to: String,
    /// The person, bare.
    pub(super) from: String,
    pub(super) came: DateTime<Utc>,
    pub(super) stanza: Element,
}

/// A line of them.
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
            let Some((characters, _)) = self.line.pop_front() else { break };
            self.characters -= characters;
        }
    }

    /// Takes those out that are meant, in their order.
    pub(super) fn take(&mut self, is_meant: impl Fn(&Stray) -> bool) -> Vec<Stray> {
        let (meant, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.line).into_iter().partition(|(_, stray)| is_meant(stray));
        self.line = others;
        self.characters = self.line.iter().map(|(characters, _)| characters).sum();
        meant.into_iter().map(|(_, stray)| stray).collect()
    }
}
