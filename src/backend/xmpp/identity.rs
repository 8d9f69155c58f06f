//! Whether two copies are the same message. Pure: one function decides, for all who ask.
//!
//! A room's id for a message (XEP-0359) would be enough if every room gave one. Some give none;
//! gateways to IRC give each listener's copy an id of its own; some archives have ids and their live
//! messages have none. What is left is who said what, the id that the sender's program gave, who
//! heard the copy, and when. A listener hears a message once: two copies for one listener are two
//! messages, however equal their words.
//!
//! The rules are the guide's §xmpp/identity and §xmpp/echo.
//!
//! Rejected: a digest of words, id and minute as the message's id. Equal words in one minute were
//! lost, and copies on both sides of a full minute were two messages.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// How far apart the copies of a message for two listeners may come.
pub(super) const COPIES_MAX: TimeDelta = TimeDelta::minutes(2);
/// How far apart a live message and the same one in an archive may be, by two clocks, while a
/// conversation is caught up.
pub(super) const RACE_MAX: TimeDelta = TimeDelta::seconds(30);

/// What a copy shows of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    /// The id that the room or the archive gave.
    pub(super) given: Option<String>,
    pub(super) mark: Mark,
    /// When it came, or the archive's time.
    pub(super) time: DateTime<Utc>,
}

/// Who said what, and the sender's own id of it, as digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) words: u32,
    /// Zero if there is none.
    pub(super) id: u16,
}

impl Mark {
    /// Returns the mark of what `sender` said. `id` is the origin-id, else the `id` attribute.
    pub(super) fn of(sender: &str, words: &str, id: Option<&str>) -> Mark {
        let mut hash = Sha256::new();
        hash.update(sender);
        hash.update([0]);
        hash.update(words.trim());
        let digest = hash.finalize();
        let words = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        let id = id.filter(|id| !id.is_empty()).map_or(0, |id| {
            let digest = Sha256::digest(id);
            u16::from_be_bytes([digest[0], digest[1]]).max(1)
        });
        Mark { words, id }
    }

    /// Returns how alike a live message and one of an archive are, of which only the marks are
    /// known.
    pub(super) fn in_archive(self, archived: Mark) -> Likeness {
        match (self.id, archived.id) {
            _ if self.words != archived.words => Likeness::None,
            (0, _) | (_, 0) => Likeness::Words,
            (one, other) if one == other => Likeness::Sender,
            _ => Likeness::None,
        }
    }
}

/// What the ids of a room were seen to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Names {
    /// Two listeners of ours have not yet had copies with ids.
    #[default]
    Unknown,
    /// All copies of a message have the same id.
    Messages,
    /// Each copy has an id of its own.
    Copies,
}

/// Who had the two copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// One listener, or the second was not there when the first copy came.
    ByOne,
    /// Two listeners who were both there.
    ByTwo,
    /// One copy is from an archive.
    InArchive,
}

/// How sure it is that two copies are the same message; the last is the surest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// They are two messages.
    None,
    /// The same sender said the same words.
    Words,
    /// The sender's program gave both the same id.
    Sender,
    /// The room or the archive gave both the same id.
    Given,
}

/// Returns how alike two copies are, in a room whose ids name what `names` says.
///
/// Where several messages could be the copy's, the likest counts, and the oldest of those: every
/// listener hears a room's messages in one order.
pub(super) fn likeness(one: &Trace, other: &Trace, names: Names, heard: Heard) -> Likeness {
    let is_alike = one.mark.words == other.mark.words;
    match (&one.given, &other.given) {
        // A server that gives ids removes false ones. Where it does not, a sender may repeat one.
        (Some(id), Some(same)) if id == same && (is_alike || heard != Heard::ByOne) => {
            return Likeness::Given;
        }
        (Some(_), Some(_)) if names == Names::Messages => return Likeness::None,
        (Some(_), Some(_)) if heard == Heard::InArchive && names != Names::Copies => {
            return Likeness::None;
        }
        _ => {}
    }
    let apart = (one.time - other.time).abs();
    match heard {
        Heard::ByTwo if is_alike && apart <= COPIES_MAX => {
            // Ids that differ are no sign against it: a gateway makes them up for each copy.
            one.mark.in_archive(other.mark).max(Likeness::Words)
        }
        Heard::InArchive if apart <= RACE_MAX => one.mark.in_archive(other.mark),
        _ => Likeness::None,
    }
}

/// How much of a post is left in what a room sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    /// Too little to tell.
    Little,
    /// At least half of it, from both ends.
    Half,
    /// All of it but blanks and control characters.
    Words,
    /// All of it.
    All,
}

/// Returns how much of `sent` is left in `came`. Rooms trim, filter, cut, and write accents in
/// another way.
pub(super) fn kept(sent: &str, came: &str) -> Kept {
    if sent == came {
        return Kept::All;
    }
    let solid = |text: &str| -> Vec<char> {
        text.nfc()
            .filter(|c| !c.is_whitespace() && !c.is_control())
            .collect()
    };
    let (sent, came) = (solid(sent), solid(came));
    if sent == came {
        return Kept::Words;
    }
    let least = sent.len().min(came.len());
    let same = |(one, other): &(&char, &char)| one == other;
    let begin = sent.iter().zip(&came).take_while(same).count();
    let ends = sent.iter().rev().zip(came.iter().rev());
    let end = ends.take(least - begin).take_while(same).count();
    if 2 * (begin + end) >= sent.len().max(came.len()) {
        Kept::Half
    } else {
        Kept::Little
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy: the room's id, what was said, the sender's id, and the second at which it came.
    fn copy(given: &str, words: &str, id: &str, second: i64) -> Trace {
        Trace {
            given: Some(given.to_owned()).filter(|given| !given.is_empty()),
            mark: Mark::of("ops@rooms/lene", words, Some(id)),
            time: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
        }
    }

    #[test]
    fn when_two_copies_are_the_same_message() {
        use Heard::{ByOne, ByTwo, InArchive};
        use Likeness::{Given, None, Sender, Words};
        use Names::{Copies, Messages, Unknown};
        let cases = [
            (
                "the room's id",
                ("a", "x", "", 0),
                ("a", "x", "", 1),
                Unknown,
                ByTwo,
                Given,
            ),
            (
                "an id said twice",
                ("a", "x", "", 0),
                ("a", "y", "", 1),
                Unknown,
                ByOne,
                None,
            ),
            (
                "a text that differs by listener",
                ("a", "x", "", 0),
                ("a", "X", "", 1),
                Messages,
                ByTwo,
                Given,
            ),
            (
                "equal words, no ids, one listener",
                ("", "x", "", 0),
                ("", "x", "", 1),
                Unknown,
                ByOne,
                None,
            ),
            (
                "equal words and ids, one listener",
                ("", "x", "1", 0),
                ("", "x", "1", 1),
                Unknown,
                ByOne,
                None,
            ),
            (
                "equal words, no ids, two listeners",
                ("", "x", "", 59),
                ("", "x", "", 61),
                Unknown,
                ByTwo,
                Words,
            ),
            (
                "the sender's id",
                ("", "x", "1", 0),
                ("", "x", "1", 1),
                Unknown,
                ByTwo,
                Sender,
            ),
            (
                "too long ago",
                ("", "x", "", 0),
                ("", "x", "", 121),
                Unknown,
                ByTwo,
                None,
            ),
            (
                "other words",
                ("", "x", "1", 0),
                ("", "y", "1", 0),
                Unknown,
                ByTwo,
                None,
            ),
            (
                "ids of copies",
                ("a", "x", "1", 0),
                ("b", "x", "2", 1),
                Copies,
                ByTwo,
                Words,
            ),
            (
                "ids of copies, not yet seen to be",
                ("a", "x", "", 0),
                ("b", "x", "", 1),
                Unknown,
                ByTwo,
                Words,
            ),
            (
                "ids of messages",
                ("a", "x", "1", 0),
                ("b", "x", "1", 0),
                Messages,
                ByTwo,
                None,
            ),
            (
                "one copy without the room's id",
                ("a", "x", "", 0),
                ("", "x", "", 0),
                Messages,
                ByTwo,
                Words,
            ),
            (
                "an archive's id",
                ("a", "x", "", 0),
                ("a", "x", "", 90),
                Unknown,
                InArchive,
                Given,
            ),
            (
                "another id in the archive",
                ("a", "x", "1", 0),
                ("b", "x", "1", 0),
                Unknown,
                InArchive,
                None,
            ),
            (
                "an archive of copies",
                ("a", "x", "1", 0),
                ("b", "x", "1", 0),
                Copies,
                InArchive,
                Sender,
            ),
            (
                "only the archive has ids",
                ("", "x", "1", 0),
                ("b", "x", "1", 29),
                Unknown,
                InArchive,
                Sender,
            ),
            (
                "the archive made up the sender's id",
                ("", "x", "", 0),
                ("b", "x", "1", 0),
                Unknown,
                InArchive,
                Words,
            ),
            (
                "the sender's ids differ",
                ("", "x", "2", 0),
                ("b", "x", "1", 0),
                Unknown,
                InArchive,
                None,
            ),
            (
                "said before",
                ("", "x", "", 0),
                ("b", "x", "", -31),
                Unknown,
                InArchive,
                None,
            ),
        ];
        for (what, one, other, names, heard, is) in cases {
            let of = |(given, words, id, second)| copy(given, words, id, second);
            let (one, other) = (of(one), of(other));
            assert_eq!(likeness(&one, &other, names, heard), is, "{what}");
            assert_eq!(
                likeness(&other, &one, names, heard),
                is,
                "{what}, turned round"
            );
        }
    }

    #[test]
    fn how_much_of_a_post_is_left() {
        let cases = [
            ("hi there ", "hi there ", Kept::All),
            ("hi there ", "hi there", Kept::Words),
            ("a\r\nb\u{1}c", "a bc", Kept::Words),
            ("e\u{301}", "\u{e9}", Kept::Words),
            ("what the heck is it", "what the **** is it", Kept::Half),
            ("a long text that is cut", "a long text tha…", Kept::Half),
            ("disk full", "yes", Kept::Little),
            ("aa", "a", Kept::Half),
            ("", "x", Kept::Little),
        ];
        for (sent, came, is) in cases {
            assert_eq!(kept(sent, came), is, "{sent} -> {came}");
        }
    }
}
