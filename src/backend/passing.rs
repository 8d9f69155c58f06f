//! What passes through the seam: messages on their way out and in, and the answers to a post, a
//! join and a look-up.
//!
//! Each is made by a constructor and set by names, so that it can gain a field without breaking a
//! connector.

use crate::model::{
    ChangeKind, ChannelInfo, Content, MessageId, OriginId, Part, ResumePoint, Target,
};
use crate::waiting::PipeReader;
use chrono::{DateTime, Utc};

/// Bytes that one answer of history holds: enough to stop at.
pub const HISTORY_BYTES: usize = 4 << 20;

/// A message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outgoing {
    /// Travels with it, so that it is recognised when it comes back.
    pub origin: OriginId,
    /// The visible text of the parts.
    pub text: String,
    /// What it says; a subject is never empty. Of a change it is what an edit says, and else
    /// nothing.
    pub content: Content,
    /// The message that it answers, for
    /// [`Capabilities::replies`](super::Capabilities::replies).
    pub answers: Option<Box<Target>>,
    /// What it changes, in [`Session::change`](super::Session::change); `None` in
    /// [`Session::post`](super::Session::post).
    pub changes: Option<Box<OutgoingChange>>,
}

/// A change of an earlier message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutgoingChange {
    /// The message.
    pub target: Target,
    /// What is done to it.
    pub kind: ChangeKind,
}

impl OutgoingChange {
    /// That is done to that message.
    pub fn new(target: Target, kind: ChangeKind) -> OutgoingChange {
        OutgoingChange { target, kind }
    }
}

/// What a received message is if it is no message of its own, but changes an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The message, by its id; or by the id that its sender gave it, if no message has it as its
    /// id.
    pub target: MessageId,
    /// Whether `target` is an id that the sender of the change gave: only their own message is
    /// meant, whoever else used the same id.
    pub is_own_id: bool,
    /// What is done to it. The content of an edit is that of the received message.
    pub kind: ChangeKind,
}

impl Changes {
    /// That is done to the message of that id.
    pub fn new(target: MessageId, kind: ChangeKind) -> Changes {
        Changes {
            target,
            is_own_id: false,
            kind,
        }
    }

    /// That is done by the sender of a message, who gave it that id.
    pub fn of_own(target: MessageId, kind: ChangeKind) -> Changes {
        Changes {
            is_own_id: true,
            ..Changes::new(target, kind)
        }
    }
}

impl Outgoing {
    /// A message of that content.
    pub fn new(origin: OriginId, content: Content) -> Outgoing {
        Outgoing {
            origin,
            text: content.visible_text(),
            content,
            answers: None,
            changes: None,
        }
    }

    /// A change of an earlier message, with the content of an edit.
    pub fn changing(origin: OriginId, change: OutgoingChange, content: Content) -> Outgoing {
        Outgoing {
            changes: Some(Box::new(change)),
            ..Outgoing::new(origin, content)
        }
    }

    /// The message that it answers.
    #[must_use]
    pub fn answering(mut self, target: Target) -> Outgoing {
        self.answers = Some(Box::new(target));
        self
    }

    /// A plain text.
    pub fn text(origin: OriginId, text: impl Into<String>) -> Outgoing {
        Outgoing::new(origin, Content::text(text))
    }
}

/// What became of a post, as far as its session knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// It is sent and will come back: the copy that comes back becomes the row, with the content
    /// that was sent.
    Sent,
    /// The chat system has it and does not send it back: this becomes the row.
    Accepted(Accepted),
}

impl From<Accepted> for Posted {
    fn from(accepted: Accepted) -> Posted {
        Posted::Accepted(accepted)
    }
}

/// The chat system has the message, and does not send it back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The id the chat system gave it.
    pub id: MessageId,
    /// The agent's address as others see it.
    pub sender: String,
    /// The agent's display name.
    pub sender_alias: Option<String>,
    /// When the chat system took it; `None` if it does not say: then it is the time of the answer.
    pub time: Option<DateTime<Utc>>,
    /// The text it became, if not the text that was sent (an upload's link, for example).
    pub parts: Option<Vec<Part>>,
    /// The point to resume from after this message.
    pub resume: Option<ResumePoint>,
    /// The id by which the agent refers to it, if it is neither `id` nor the origin.
    pub sender_id: Option<String>,
}

impl Accepted {
    /// The message has that id and that sender; nothing else is known of it.
    pub fn new(id: MessageId, sender: impl Into<String>) -> Accepted {
        Accepted {
            id,
            sender: sender.into(),
            sender_alias: None,
            time: None,
            parts: None,
            resume: None,
            sender_id: None,
        }
    }

    /// The agent's display name, if there is one.
    #[must_use]
    pub fn with_alias(mut self, alias: Option<String>) -> Accepted {
        self.sender_alias = alias;
        self
    }

    /// When the chat system took it.
    #[must_use]
    pub fn with_time(mut self, time: DateTime<Utc>) -> Accepted {
        self.time = Some(time);
        self
    }

    /// The text it became.
    #[must_use]
    pub fn with_parts(mut self, parts: Vec<Part>) -> Accepted {
        self.parts = Some(parts);
        self
    }

    /// The point to resume from after this message, if the chat system has such points.
    #[must_use]
    pub fn with_resume(mut self, resume: Option<ResumePoint>) -> Accepted {
        self.resume = resume;
        self
    }
}

/// A message as it came from a chat system.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Its id, unique in its conversation.
    pub id: MessageId,
    /// The origin id it carried, if the connector knows that its sender is one of our agents.
    pub origin: Option<OriginId>,
    /// The sender's address.
    pub sender: String,
    /// The sender's display name.
    pub sender_alias: Option<String>,
    /// What it says; at least one part.
    pub content: Content,
    /// When it was said; `None` if the chat system does not say: then it is the time at which the
    /// engine takes it.
    pub time: Option<DateTime<Utc>>,
    /// The id by which its sender refers to it, if that is not `id`.
    pub sender_id: Option<String>,
    /// What tells its sender from everybody else who had or will have the same address, where the
    /// chat system has that: whoever changes a message has to be who said it. `None`: the address.
    pub author: Option<String>,
    /// It is no message of its own, but changes an earlier one.
    pub changes: Option<Box<Changes>>,
    /// Its parts without the quotation of the message that it answers
    /// ([`Content::in_reply_to`]): what it says if that message is known.
    pub unquoted: Option<Vec<Part>>,
}

impl Received {
    /// A message of that content.
    pub fn new(id: MessageId, sender: impl Into<String>, content: Content) -> Received {
        Received {
            id,
            origin: None,
            sender: sender.into(),
            sender_alias: None,
            content,
            time: None,
            sender_id: None,
            author: None,
            changes: None,
            unquoted: None,
        }
    }

    /// The id by which its sender refers to it.
    #[must_use]
    pub fn with_sender_id(mut self, sender_id: Option<String>) -> Received {
        self.sender_id = sender_id;
        self
    }

    /// What tells its sender from everybody else.
    #[must_use]
    pub fn with_author(mut self, author: Option<String>) -> Received {
        self.author = author;
        self
    }

    /// It changes an earlier message.
    #[must_use]
    pub fn changing(mut self, changes: Changes) -> Received {
        self.changes = Some(Box::new(changes));
        self
    }

    /// Its parts without the quotation of the message that it answers.
    #[must_use]
    pub fn with_unquoted(mut self, unquoted: Option<Vec<Part>>) -> Received {
        self.unquoted = unquoted;
        self
    }

    /// A plain text.
    pub fn text(id: MessageId, sender: impl Into<String>, text: impl Into<String>) -> Received {
        Received::new(id, sender, Content::text(text))
    }

    /// The origin id it carried, if its sender is known to be one of our agents.
    #[must_use]
    pub fn with_origin(mut self, origin: Option<OriginId>) -> Received {
        self.origin = origin;
        self
    }

    /// The sender's display name, if there is one.
    #[must_use]
    pub fn with_alias(mut self, alias: Option<String>) -> Received {
        self.sender_alias = alias;
        self
    }

    /// When it was said.
    #[must_use]
    pub fn with_time(mut self, time: DateTime<Utc>) -> Received {
        self.time = Some(time);
        self
    }

    /// Bytes that it holds in memory and takes in the journal, roughly.
    pub(crate) fn weight(&self) -> usize {
        400 + self.sender.len()
            + self.sender_alias.as_ref().map_or(0, String::len)
            + self.content.bytes()
            + self.author.as_ref().map_or(0, String::len)
            + self.sender_id.as_ref().map_or(0, String::len)
            + self
                .changes
                .as_ref()
                .map_or(0, |changes| 80 + changes.kind.bytes())
            + (self.unquoted.iter().flatten())
                .map(|part| 40 + part.bytes())
                .sum::<usize>()
    }
}

/// A join that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Joined {
    /// What the chat system says of the channel.
    pub info: ChannelInfo,
    /// The point to resume from: stored, unless the catch-up stored a later one.
    pub resume: Option<ResumePoint>,
}

impl Joined {
    /// The agent is in the channel.
    pub fn new(info: ChannelInfo) -> Joined {
        Joined { info, resume: None }
    }

    /// The point to resume from, if the chat system has such points.
    #[must_use]
    pub fn with_resume(mut self, resume: Option<ResumePoint>) -> Joined {
        self.resume = resume;
        self
    }
}

/// The answer to [`Session::look_up`](super::Session::look_up).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// It is there.
    Message(Box<Received>),
    /// It is not there and never was.
    Absent,
    /// The chat system cannot tell.
    CannotTell,
}

/// A file on its way out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Upload {
    /// Travels with the message that carries the link.
    pub origin: OriginId,
    /// The file's name, as data: never a path.
    pub name: String,
    /// How many bytes it will have, if known.
    pub size: Option<u64>,
    /// The bytes, in chunks of at most 64 KiB; an early end means that the caller gave up.
    pub body: PipeReader,
}

impl Upload {
    /// A file of that name, whose bytes come through `body`.
    pub fn new(origin: OriginId, name: impl Into<String>, body: PipeReader) -> Upload {
        Upload {
            origin,
            name: name.into(),
            size: None,
            body,
        }
    }

    /// How many bytes it will have, if known.
    #[must_use]
    pub fn with_size(mut self, size: Option<u64>) -> Upload {
        self.size = size;
        self
    }
}
