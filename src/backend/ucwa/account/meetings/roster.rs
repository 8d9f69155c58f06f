//! Who is in a meeting, as events tell it, and whom a message reached. Pure.

use crate::backend::ucwa::protocol::address::{Sip, last_segment};
use crate::backend::ucwa::protocol::package::{Event, Kind};
use std::collections::{HashMap, HashSet};

/// The most members that are kept. The server's own limit is 250.
const MEMBERS_MAX: usize = 1000;

/// Somebody in a meeting.
#[derive(Default)]
struct Member {
    name: Option<String>,
    /// The server was asked for the name.
    was_asked_for: bool,
}

/// Who is in a meeting.
pub(super) struct Roster {
    /// By the participant's key.
    by_key: HashMap<String, Member>,
    /// Every member was named by an event since the agent came in.
    pub(super) is_whole: bool,
}

impl Default for Roster {
    fn default() -> Roster {
        Roster {
            by_key: HashMap::new(),
            is_whole: true,
        }
    }
}

impl Roster {
    /// How many members are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Applies an event about a participant.
    pub(super) fn event(&mut self, event: &Event, participant: &str) {
        match event.kind {
            Kind::Added | Kind::Updated => self.note_member(participant, event.link.title.clone()),
            Kind::Deleted => drop(self.by_key.remove(participant)),
            _ => {}
        }
    }

    /// Notes a member and, if it is known, the name.
    pub(super) fn note_member(&mut self, participant: &str, name: Option<String>) {
        if self.by_key.len() < MEMBERS_MAX || self.by_key.contains_key(participant) {
            let member = self.by_key.entry(participant.to_owned()).or_default();
            member.name = name.or_else(|| member.name.take());
        }
    }

    /// Whether the server is to be asked for a member's name: true the first time.
    pub(super) fn ask_for(&mut self, participant: &str) -> bool {
        self.note_member(participant, None);
        self.by_key
            .get_mut(participant)
            .is_some_and(|member| !std::mem::replace(&mut member.was_asked_for, true))
    }

    /// A member's name, if anybody said it.
    pub(super) fn name_of(&self, participant: &str) -> Option<&str> {
        self.by_key.get(participant)?.name.as_deref()
    }

    /// Whom a message reached whose delivery is reported as failed. The report lists the keys of
    /// those whom it missed. A meeting that the agent was in before this sign-in has members that
    /// no event named.
    pub(super) fn reached(&self, missed: &HashSet<String>) -> Reached {
        let all_missed = self.by_key.keys().all(|member| missed.contains(member));
        match () {
            () if missed.is_empty() && self.by_key.len() > 1 => Reached::Unclear,
            () if !missed.is_empty() && !all_missed => Reached::Some,
            () if self.is_whole && !self.by_key.is_empty() => Reached::Nobody,
            () => Reached::Unclear,
        }
    }
}

/// Whom a message reached, of a meeting's members, where its delivery is reported as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// Some members, but not all: it counts as posted.
    Some,
    /// Nobody.
    Nobody,
    /// Perhaps somebody.
    Unclear,
}

/// The address of a participant. A guest has none that anybody could write to: the last segment of
/// its key stands for it.
pub(super) fn sender_of(participant: &str, uri: Option<&str>) -> String {
    let known = uri
        .and_then(Sip::parse)
        .or_else(|| Sip::of_href(participant));
    known.map_or_else(|| last_segment(participant).to_owned(), |sip| sip.uri())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_missed_some_was_posted() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<HashSet<String>>()
        };
        for (members, missed, is_whole, reached) in [
            (&["lene", "olaf"][..], &["lene"][..], true, Reached::Some),
            (&["lene"], &["olaf"], true, Reached::Some),
            (&["lene", "olaf"], &["lene", "olaf"], true, Reached::Nobody),
            (&["lene"], &[], true, Reached::Nobody),
            (&["lene", "olaf"], &[], true, Reached::Unclear),
            (&[], &["lene"], true, Reached::Unclear),
            (&["lene"], &["lene"], false, Reached::Unclear),
        ] {
            let mut roster = Roster::default();
            members
                .iter()
                .for_each(|name| roster.note_member(name, None));
            roster.is_whole = is_whole;
            assert_eq!(
                roster.reached(&names(missed)),
                reached,
                "{missed:?} of {members:?}"
            );
        }
    }
}
