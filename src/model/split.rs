//! What becomes of a text that is too long for one message.

/// What a post does with a text that is longer than one message of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Split {
    /// It is refused: [`Error::TooLarge`](crate::Error::TooLarge).
    #[default]
    Never,
    /// It becomes several messages, each of whole lines. A line that is too long for one message is
    /// refused. Lines without text at the ends of a message are left out.
    Lines,
    /// It becomes several messages: split at line ends, a longer line at its spaces, a longer word
    /// between two characters as people see them. The space at a split is left out.
    Fit,
}
