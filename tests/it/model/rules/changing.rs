//! What is done to messages of rooms: on the chat system at once, in the journal once it is recorded.
//!
//! A change of a message that the journal never had is told all the same; an edit of one is a new
//! message, because nobody here was told what it changes.

use super::{Said, Truth, What};
use std::collections::BTreeMap;

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Edited,
    Retracted,
    Reacted(Option<&'static str>),
}

/// A message of the journal, as far as changes matter.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    retracted: bool,
    reactions: BTreeMap<String, &'static str>,
}

impl Truth {
    /// The message of a room that is so many before the newest, if there are any, and if it is
    /// certain whether the journal has it.
    pub fn message_back(&self, room: &str, back: u8) -> Option<Said> {
        let log = self.logs.get(room)?;
        let mut messages: Vec<&Said> = log.iter().filter(|said| said.change.is_none()).collect();
        let at = usize::from(back) % messages.len().max(1);
        messages.reverse();
        let found = messages.get(at).map(|said| (*said).clone());
        found.filter(|said| !self.uncertain.contains(&said.number))
    }

    /// Whether the journal has a message.
    pub fn has(&self, said: &Said) -> bool {
        self.recorded.contains_key(&said.number)
    }

    /// What a message of a room says now, by its id.
    pub fn text_of(&self, room: &str, id: &str) -> Option<String> {
        let log = self.logs.get(room)?;
        let found = log
            .iter()
            .find(|said| said.id == id && said.change.is_none());
        found.map(|said| said.text.clone())
    }

    /// Somebody does that to a message of a room; `text` is what it says after an edit.
    pub fn change_in_room(
        &mut self,
        room: &str,
        target: &Said,
        done: Done,
        text: &str,
        (sender, by): (&str, Option<u64>),
    ) {
        let log = self.logs.get_mut(room).expect("it was said there");
        let there = log.iter_mut().find(|said| said.number == target.number);
        let there = there.expect("it was said");
        match done {
            Done::Edited => there.text = text.to_owned(),
            Done::Retracted => (there.text, there.retracted) = (String::new(), true),
            Done::Reacted(_) => {}
        }
        let mut said = self.say(room.to_owned(), text, sender, by, "");
        said.change = Some((target.number, done));
        let log = self.logs.get_mut(room).expect("it was said there");
        *log.last_mut().expect("just said") = said.clone();
        self.heard_in_room(room, &said);
    }

    /// A change enters the journal.
    pub(super) fn record_change(&mut self, room: &str, said: &Said, target: u64, done: Done) {
        let Some(there) = self.recorded.get_mut(&target) else {
            return match done {
                Done::Edited => self.record_message(room, said),
                _ => self.tell_change(room, said, done),
            };
        };
        let is_ours = said.by.is_some();
        match done {
            _ if there.retracted && !matches!(done, Done::Reacted(_)) => return,
            Done::Edited => {}
            Done::Retracted => {
                there.retracted = true;
                there.reactions.clear();
            }
            Done::Reacted(set) => {
                let before = match set {
                    Some(set) => there.reactions.insert(said.sender.clone(), set),
                    None => there.reactions.remove(&said.sender),
                };
                if before == set && !is_ours {
                    return;
                }
            }
        }
        if !matches!(done, Done::Reacted(_)) {
            self.show(target, &said.text);
        }
        self.tell_change(room, said, done);
    }

    /// Whoever was not yet told of a message is told it as it stands now.
    fn show(&mut self, number: u64, now: &str) {
        let due = self.agents.values_mut().flat_map(|agent| &mut agent.due);
        for due in due.filter(|due| due.number == Some(number)) {
            if let What::Message { text, .. } = &mut due.what {
                now.clone_into(text);
            }
        }
    }

    fn tell_change(&mut self, room: &str, said: &Said, done: Done) {
        let (kind, text) = match done {
            Done::Edited => ("edited", said.text.clone()),
            Done::Retracted => ("retracted", String::new()),
            Done::Reacted(set) => ("reacted", set.unwrap_or_default().to_owned()),
        };
        let seeing: Vec<&'static str> = self
            .agents
            .iter()
            .filter(|(_, agent)| agent.seeing.contains(room))
            .map(|(who, _)| *who)
            .collect();
        for who in seeing {
            let what = What::Change {
                channel: room.to_owned(),
                kind,
                text: text.clone(),
                sender: said.sender.clone(),
            };
            self.tell(who, what, false);
        }
    }
}
