//! Which messages were heard, by the ids that their senders' programs gave: a correction (XEP-0308)
//! of one of them is not a new message. One of a message that nobody heard here is new. Pure.
//!
//! The rules are the guide's §xmpp/markers.
//!
//! Only the author can correct a message. Servers do not check that, and ids are not secret, so an
//! id counts together with its author: whoever takes a nickname that somebody gave up cannot correct
//! what that person said.
//!
//! Rejected: the journal as the memory. A correction would wait for SQLite, and the journal has no
//! senders' ids.

use super::message::Reading;
use super::ns;
use super::xml::Element;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, RandomState};

/// How many messages are kept. A correction comes soon after its message.
const KEPT_MAX: usize = 512;

/// Who said a message, as surely as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Author<'a> {
    /// Somebody whom the room names by an id of its own (XEP-0421).
    Occupant(&'a str),
    /// Somebody whose address the room tells.
    Address(&'a str),
    /// Whoever has that nickname, until the next change.
    Nick(&'a str),
    /// A contact of that agent.
    Contact { agent: &'a str, contact: &'a str },
}

impl<'a> Author<'a> {
    /// Returns the author of a room's message. `has_ids` says whether the room gives occupants ids;
    /// if not, or if there are two, a sender made the id up.
    pub(super) fn of_room(
        nick: &'a str,
        real: Option<&'a str>,
        has_ids: bool,
        stanza: &'a Element,
    ) -> Author<'a> {
        let mut ids = stanza
            .children()
            .filter(|child| has_ids && child.is("occupant-id", ns::OCCUPANT_ID));
        let id = ids.next().filter(|_| ids.next().is_none());
        let id = id.and_then(|id| id.attribute("id")).map(Author::Occupant);
        id.or_else(|| real.map(Author::Address))
            .unwrap_or(Author::Nick(nick))
    }
}

/// The last messages, as digests of author and id.
#[derive(Default)]
pub(super) struct Originals {
    keys: RandomState,
    line: VecDeque<(u64, u64)>,
}

impl Originals {
    /// Records a message. Returns false if it corrects one that was recorded.
    pub(super) fn admit(&mut self, author: Author<'_>, said: &Reading, stanza: &Element) -> bool {
        let author = self.digest(author);
        let corrects = said.corrects.as_deref().map(|id| (author, self.digest(id)));
        let is_known = corrects.is_some_and(|original| self.line.contains(&original));
        if let Some(id) = stanza.attribute("id") {
            // Some programs name the last correction instead of the message.
            let id = self.digest(id);
            if self.line.len() >= KEPT_MAX {
                self.line.pop_front();
            }
            self.line.push_back((author, id));
        }
        !is_known
    }

    /// Forgets what an author said, who is somebody else from now on.
    pub(super) fn left(&mut self, author: Author<'_>) {
        let author = self.digest(author);
        self.line.retain(|(by, _)| *by != author);
    }

    fn digest(&self, of: impl Hash) -> u64 {
        self.keys.hash_one(of)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::said;
    use super::*;

    fn message(id: &str, corrects: Option<&str>) -> Element {
        let replace = |id| Element::new("replace", ns::CORRECT).with("id", id);
        Element::stanza("message")
            .with("id", id)
            .child(Element::stanza("body").text("x"))
            .children_from(corrects.map(replace))
    }

    #[test]
    fn a_correction_is_new_unless_its_author_was_heard() {
        let mut originals = Originals::default();
        let (lene, eve) = (Author::Nick("lene"), Author::Nick("eve"));
        let mut is_new = |author, id, corrects| {
            let stanza = message(id, corrects);
            originals.admit(author, &said(&stanza), &stanza)
        };
        assert!(is_new(lene, "1", None));
        assert!(!is_new(lene, "2", Some("1")));
        assert!(!is_new(lene, "3", Some("2")), "of the correction");
        assert!(!is_new(lene, "4", Some("1")), "once more");
        assert!(is_new(eve, "5", Some("1")), "of another's");
        assert!(is_new(lene, "6", Some("0")), "of one that was not heard");
        assert!(!is_new(lene, "7", Some("6")));
        assert!(is_new(Author::Address("lene"), "8", Some("1")));
        originals.left(lene);
        let stanza = message("9", Some("1"));
        assert!(
            originals.admit(lene, &said(&stanza), &stanza),
            "somebody else"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut originals = Originals::default();
        for n in 0..KEPT_MAX + 1 {
            let stanza = message(&n.to_string(), None);
            originals.admit(Author::Nick("lene"), &said(&stanza), &stanza);
        }
        assert_eq!(originals.line.len(), KEPT_MAX);
    }

    #[test]
    fn an_occupants_id_counts_only_if_the_room_gave_it() {
        let id = |id: &str| Element::new("occupant-id", ns::OCCUPANT_ID).with("id", id);
        let one = message("1", None).child(id("a"));
        let two = message("1", None).child(id("a")).child(id("b"));
        let of = |has_ids, stanza| Author::of_room("lene", None, has_ids, stanza);
        assert_eq!(of(true, &one), Author::Occupant("a"));
        assert_eq!(of(false, &one), Author::Nick("lene"));
        assert_eq!(of(true, &two), Author::Nick("lene"));
        let real = Author::of_room("lene", Some("lene@im.test"), true, &two);
        assert_eq!(real, Author::Address("lene@im.test"));
    }
}
