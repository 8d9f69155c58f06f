//! What happens to a message after it was posted: it is edited, retracted, reacted to, received and
//! read.
//!
//! Each change is an event of its own, and the [`Message`](super::Message) shows the state that all
//! of them led to. Rejected: a type for each kind of change, because they have all members in
//! common but the one that tells them apart.

use super::names::names;
use super::{AgentKey, ChannelId, Content, MessageId, OriginId};
use chrono::{DateTime, Utc};

/// How far a message came at its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Receipt {
    /// It is on the reader's device.
    #[default]
    Delivered,
    /// The reader has seen it, and everything before it.
    Read,
}

names!(
    Receipt,
    "receipt",
    [Delivered = "delivered", Read = "read",]
);

/// What a change does to its message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It has another content now.
    Edited,
    /// It was taken back; its content is gone.
    Retracted {
        /// Whether a moderator did it, and not its sender.
        by_moderator: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Somebody reacts to it: with all of these, each once; with none any more if it is empty.
    Reactions(Vec<String>),
    /// Somebody has received or read it.
    Receipt(Receipt),
    /// Something that this version does not know, with its name. It comes only from JSON that a
    /// newer gateway wrote (feature `serde`); the engine never makes it.
    Other(String),
}

/// One change of a message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MessageChange {
    /// The change's own id, as the chat system gave it; unique in its channel.
    pub id: MessageId,
    /// Where the message was said.
    pub channel: ChannelId,
    /// The message that changed. It may be one that the gateway does not know.
    pub message: MessageId,
    /// The address of whoever changed it.
    pub sender: String,
    /// Their display name.
    pub sender_alias: Option<String>,
    /// What changed.
    pub kind: ChangeKind,
    /// The visible text after an edit; empty for any other change.
    pub text: String,
    /// The whole content after an edit; without parts for any other change.
    pub content: Content,
    /// When it was changed, according to the chat system.
    pub time: DateTime<Utc>,
    /// The user who changed it through one of our agents; `None` if nobody did or the user is not
    /// known.
    pub posted_by: Option<String>,
    /// The seq of the message, if the journal has it.
    pub(crate) target: Option<i64>,
}

impl MessageChange {
    /// A change of that message; the other fields can be set afterwards.
    pub fn new(
        id: MessageId,
        channel: ChannelId,
        message: MessageId,
        sender: impl Into<String>,
        kind: ChangeKind,
        time: DateTime<Utc>,
    ) -> MessageChange {
        MessageChange {
            id,
            channel,
            message,
            sender: sender.into(),
            sender_alias: None,
            kind,
            text: String::new(),
            content: Content::default(),
            time,
            posted_by: None,
            target: None,
        }
    }

    /// Bytes that the change holds, roughly.
    pub(crate) fn weight(&self) -> usize {
        240 + self.text.len()
            + self.sender.len()
            + self.sender_alias.as_ref().map_or(0, String::len)
            + self.content.bytes()
            + self.kind.bytes()
    }
}

impl ChangeKind {
    /// Bytes of its own texts.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            ChangeKind::Retracted { reason, .. } => reason.as_ref().map_or(0, String::len),
            ChangeKind::Reactions(set) => set.iter().map(|one| 8 + one.len()).sum(),
            ChangeKind::Edited | ChangeKind::Receipt(_) | ChangeKind::Other(_) => 0,
        }
    }
}

/// Reactions of one person or agent to one message at most, and bytes of one of them.
pub(crate) const REACTIONS_MAX: usize = 20;
pub(crate) const REACTION_BYTES_MAX: usize = 64;

/// Who took a message back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retraction {
    /// The address of whoever did it.
    pub by: String,
    /// Whether it was a moderator, and not its sender.
    pub by_moderator: bool,
    /// Why.
    pub reason: Option<String>,
    /// When, according to the chat system.
    pub time: DateTime<Utc>,
}

impl Retraction {
    /// Its sender took it back.
    pub fn new(by: impl Into<String>, time: DateTime<Utc>) -> Retraction {
        Retraction {
            by: by.into(),
            by_moderator: false,
            reason: None,
            time,
        }
    }
}

/// How one person, or one of our agents, reacts to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reaction {
    /// Their address.
    pub sender: String,
    /// Their display name.
    pub sender_alias: Option<String>,
    /// Everything they react with; never empty.
    pub set: Vec<String>,
    /// Who they are, if the address does not tell them from everybody else.
    pub(crate) author: Option<String>,
    /// When they reacted last: milliseconds since 1970, by the chat system.
    pub(crate) time: i64,
}

impl Reaction {
    /// Bytes of its texts, roughly.
    pub(crate) fn bytes(&self) -> usize {
        100 + self.sender.len()
            + self.sender_alias.as_ref().map_or(0, String::len)
            + self.author.as_ref().map_or(0, String::len)
            + self.set.iter().map(|one| 24 + one.len()).sum::<usize>()
    }

    /// They react with that.
    pub fn new(sender: impl Into<String>, set: Vec<String>) -> Reaction {
        Reaction {
            sender: sender.into(),
            sender_alias: None,
            set,
            author: None,
            time: 0,
        }
    }
}

/// What became of a change that was asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Changed {
    /// The change, as recorded. If the change was said as a new message instead
    /// ([`NewMessage::or_post`](super::NewMessage::or_post)), its id is that of the new message.
    pub change: MessageChange,
    /// Whether it was made before, with the same key: then that is the change, and this call made
    /// none.
    pub repeated: bool,
    /// Whether it was said as a new message, because the chat system cannot edit.
    pub posted: bool,
}

impl Changed {
    pub(crate) fn new(change: MessageChange, repeated: bool) -> Changed {
        Changed {
            change,
            repeated,
            posted: false,
        }
    }
}

/// The message that a change in the journal is about, as the connector has to name it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Its id.
    pub id: MessageId,
    /// The id by which its sender refers to it, if the journal knows one.
    pub sender_id: Option<String>,
    /// The origin it was sent with, if it is a post of ours.
    pub origin: Option<OriginId>,
    /// The address of its sender; `None` if the journal does not know the message.
    pub sender: Option<String>,
    /// The display name of its sender.
    pub sender_alias: Option<String>,
    /// Which of our agents said it.
    pub sender_agent: Option<AgentKey>,
    /// Its visible text.
    pub text: String,
    /// The thread it belongs to.
    pub thread: Option<String>,
    /// Whether it was taken back.
    pub is_retracted: bool,
}

impl Target {
    /// A message of which nothing but its id is known.
    pub fn new(id: MessageId) -> Target {
        Target {
            id,
            sender_id: None,
            origin: None,
            sender: None,
            sender_alias: None,
            sender_agent: None,
            text: String::new(),
            thread: None,
            is_retracted: false,
        }
    }
}
