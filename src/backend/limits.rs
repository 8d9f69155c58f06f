//! How much text one message of a chat system holds.
//!
//! A chat system counts in its own way: characters on a page, bytes in a packet, lines in a
//! protocol of lines. The engine counts all three before it posts, so that a connector never cuts.
//! Rejected: one limit in characters, because 400 bytes hold between 100 and 400 of them.

/// How much text one message of a chat system holds at most. A channel may hold less:
/// [`ChannelInfo::max_message_length`](crate::ChannelInfo::max_message_length).
///
/// ```
/// use switchboard::backend::Limits;
///
/// let limits = Limits::NONE.bytes(400).lines(1);
/// assert!(limits.hold("a line"));
/// assert!(!limits.hold("two\nlines"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limits {
    /// Unicode scalar values.
    pub characters: Option<u32>,
    /// Bytes in UTF-8, line ends included.
    pub bytes: Option<u32>,
    /// Lines; a text without a line end is one.
    pub lines: Option<u32>,
}

impl Limits {
    /// No limit but the engine's own: 64 KiB for a whole message.
    pub const NONE: Limits = Limits {
        characters: None,
        bytes: None,
        lines: None,
    };

    /// At most that many Unicode scalar values. Default: no limit; 0 counts as 1.
    #[must_use]
    pub const fn characters(mut self, most: u32) -> Limits {
        self.characters = Some(at_least_one(most));
        self
    }

    /// At most that many bytes in UTF-8. Default: no limit; less than 4, which no character needs
    /// more than, counts as 4.
    #[must_use]
    pub const fn bytes(mut self, most: u32) -> Limits {
        self.bytes = Some(if most < 4 { 4 } else { most });
        self
    }

    /// At most that many lines. Default: no limit; 0 counts as 1.
    #[must_use]
    pub const fn lines(mut self, most: u32) -> Limits {
        self.lines = Some(at_least_one(most));
        self
    }

    /// Whether one message holds `text`.
    pub fn hold(&self, text: &str) -> bool {
        self.exceeded(text).is_none()
    }

    /// The first limit that `text` exceeds: what was counted, the length of the text and the limit.
    pub(crate) fn exceeded(&self, text: &str) -> Option<(&'static str, u64, u64)> {
        let characters = || text.chars().count();
        let counted: [(_, Option<u32>, &dyn Fn() -> usize); 3] = [
            (
                "the message text, in characters,",
                self.characters,
                &characters,
            ),
            ("the message text, in bytes,", self.bytes, &|| text.len()),
            ("the message text, in lines,", self.lines, &|| lines(text)),
        ];
        counted.into_iter().find_map(|(what, limit, count)| {
            let (length, limit) = (count() as u64, u64::from(limit?));
            (length > limit).then_some((what, length, limit))
        })
    }
}

const fn at_least_one(most: u32) -> u32 {
    if most == 0 { 1 } else { most }
}

/// Lines of a text. A chat system ends a line at `\n`, at `\r` and at both together.
fn lines(text: &str) -> usize {
    let mut ends = 0;
    let mut before = ' ';
    for character in text.chars() {
        ends += usize::from(character == '\r' || character == '\n' && before != '\r');
        before = character;
    }
    ends + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_counts_in_its_own_unit() {
        let none = Limits::NONE;
        assert!(none.hold(&"long ".repeat(10_000)));
        let cases = [
            (
                none.characters(3),
                "äöü",
                "äöüx",
                ("the message text, in characters,", 4, 3),
            ),
            (
                none.bytes(6),
                "äöü",
                "äöüx",
                ("the message text, in bytes,", 7, 6),
            ),
            (
                none.lines(2),
                "a\r\nb",
                "a\rb\nc",
                ("the message text, in lines,", 3, 2),
            ),
            (
                none.lines(1),
                "",
                "\n",
                ("the message text, in lines,", 2, 1),
            ),
            (
                none.bytes(0),
                "🦀",
                "🦀!",
                ("the message text, in bytes,", 5, 4),
            ),
            (
                none.characters(0).lines(0),
                "a",
                "ab",
                ("the message text, in characters,", 2, 1),
            ),
        ];
        for (limits, fits, does_not, exceeded) in cases {
            assert_eq!(limits.exceeded(fits), None, "{limits:?} `{fits}`");
            assert_eq!(limits.exceeded(does_not), Some(exceeded), "`{does_not}`");
        }
    }
}
