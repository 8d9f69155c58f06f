//! Who sits behind a nickname, where a room tells no more than that: a number that changes with
//! everybody who leaves it. Pure.
//!
//! Whoever takes a nickname that somebody gave up cannot correct what that person said. In an archive
//! nobody knows who sat there, so each message of it has an author of its own.

use super::ns;
use super::xml::Element;
use crate::model::MessageId;
use std::collections::HashMap;

/// Nicknames whose changes are remembered; beyond, all seats count as left.
const KEPT_MAX: usize = 4096;

/// The seats of a room.
pub(super) struct Seats {
    /// Tells this process from every other.
    salt: MessageId,
    left: HashMap<String, u64>,
    all: u64,
}

impl Default for Seats {
    fn default() -> Seats {
        Seats {
            salt: MessageId::random(),
            left: HashMap::new(),
            all: 0,
        }
    }
}

impl Seats {
    /// Somebody left that nickname, who is somebody else from now on.
    pub(super) fn left(&mut self, nick: &str) {
        if let Some(times) = self.left.get_mut(nick) {
            *times += 1;
            return;
        }
        if self.left.len() >= KEPT_MAX {
            self.left.clear();
            self.all += 1;
        }
        self.left.insert(nick.to_owned(), 1);
    }

    /// Returns the author of a message: what the room tells of them (XEP-0421, or the address), or
    /// who sits there now.
    pub(super) fn author(
        &self,
        nick: &str,
        real: Option<&str>,
        has_ids: bool,
        stanza: &Element,
    ) -> String {
        told(real, has_ids, stanza).unwrap_or_else(|| {
            let times = self.left.get(nick).copied().unwrap_or(0);
            format!("nick:{nick} {} {} {times}", self.salt, self.all)
        })
    }
}

/// Returns the author of a message of an archive.
pub(super) fn archived_author(
    real: Option<&str>,
    has_ids: bool,
    stanza: &Element,
    archive_id: &str,
) -> String {
    told(real, has_ids, stanza).unwrap_or_else(|| format!("archive:{archive_id}"))
}

/// What the room tells of an author. `has_ids` says whether the room gives occupants ids; if not,
/// or if there are two, a sender made the id up.
fn told(real: Option<&str>, has_ids: bool, stanza: &Element) -> Option<String> {
    let mut ids = stanza
        .children()
        .filter(|child| has_ids && child.is("occupant-id", ns::OCCUPANT_ID));
    let id = ids.next().filter(|_| ids.next().is_none());
    let id = id.and_then(|id| id.attribute("id"));
    id.map(|id| format!("occupant:{id}"))
        .or_else(|| real.map(|real| format!("address:{real}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occupants_id_counts_only_if_the_room_gave_it() {
        let id = |id: &str| Element::new("occupant-id", ns::OCCUPANT_ID).with("id", id);
        let one = Element::stanza("message").child(id("a"));
        let two = Element::stanza("message").child(id("a")).child(id("b"));
        let mut seats = Seats::default();
        let nick = seats.author("lene", None, true, &two);
        assert!(nick.starts_with("nick:lene "));
        assert_eq!(seats.author("lene", None, true, &one), "occupant:a");
        assert_eq!(seats.author("lene", None, false, &one), nick, "unbroken");
        let real = seats.author("lene", Some("lene@im.test"), true, &two);
        assert_eq!(real, "address:lene@im.test");
        seats.left("lene");
        let next = seats.author("lene", None, false, &one);
        assert_ne!(next, nick, "somebody else sits there");
        let archived = |id: &str| archived_author(None, false, &one, id);
        assert_ne!(archived("1"), archived("2"));
        assert_ne!(Seats::default().author("lene", None, false, &one), nick);
    }

    #[test]
    fn memory_is_bounded() {
        let mut seats = Seats::default();
        let stanza = Element::stanza("message");
        let first = seats.author("lene", None, false, &stanza);
        for n in 0..2 * KEPT_MAX {
            seats.left(&n.to_string());
        }
        assert!(seats.left.len() <= KEPT_MAX);
        assert_ne!(seats.author("lene", None, false, &stanza), first);
    }
}
