//! Keys of posts, of answers and of changes.

/// What makes a repeated post harmless: the same key through the same agent into the same channel
/// is one message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PostKey(pub(crate) String);

/// What begins a key that a host chose; that of an answer begins otherwise.
const KEYED: &str = "k:";
/// What begins the key of a change.
const CHANGED: &str = "c:";

impl PostKey {
    pub(crate) fn new(key: impl Into<String>) -> PostKey {
        PostKey(format!("{KEYED}{}", key.into()))
    }

    /// The key of the answer to the event of that seq.
    pub(crate) fn of_answer(seq: i64, nth: u32) -> PostKey {
        PostKey(format!("e:{seq}:{nth}"))
    }

    /// Whether a host chose it, for a post or for a change.
    pub(crate) fn is_chosen(&self) -> bool {
        let key = self.0.strip_prefix(CHANGED).unwrap_or(&self.0);
        key.starts_with(KEYED)
    }

    /// The key of a change, which is not that of a message.
    pub(crate) fn of_change(&self) -> PostKey {
        PostKey(format!("{CHANGED}{}", self.0))
    }

    /// The key of a later piece of a text that has this key.
    pub(crate) fn of_piece(&self, n: usize) -> PostKey {
        PostKey(format!("p:{n}:{}", self.0))
    }
}
