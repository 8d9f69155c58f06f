//! Messages of a channel (§messages/document).

use super::{Attachment, ChannelId, Content, MessageId, Part, Reaction, Retraction};
use chrono::{DateTime, Utc};

/// A message of a channel (§messages/document). Its id is also its token for `before`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Unique within its channel.
    pub id: MessageId,
    /// Where it was said.
    pub channel: ChannelId,
    /// The sender's address on the chat system.
    pub sender: String,
    /// The sender's display name.
    pub sender_alias: Option<String>,
    /// The visible text of its parts.
    pub text: String,
    /// What it says: parts, subject, markings.
    pub content: Content,
    /// When it was said, according to the chat system.
    pub time: DateTime<Utc>,
    /// The user who posted it through one of our agents; `None` if nobody did or the user is not
    /// known.
    pub posted_by: Option<String>,
    /// When it was edited last, according to the chat system: `content` is what the edit said.
    pub edited: Option<DateTime<Utc>>,
    /// Who took it back; then it says nothing any more.
    pub retracted: Option<Retraction>,
    /// Who reacts to it, in the order of their first reactions; 1,000 people at most.
    pub reactions: Vec<Reaction>,
}

impl Message {
    /// A message of that content, without an alias; the other fields can be set afterwards.
    pub fn new(
        id: MessageId,
        channel: ChannelId,
        sender: impl Into<String>,
        content: Content,
        time: DateTime<Utc>,
    ) -> Message {
        Message {
            id,
            channel,
            sender: sender.into(),
            sender_alias: None,
            text: content.visible_text(),
            content,
            time,
            posted_by: None,
            edited: None,
            retracted: None,
            reactions: Vec::new(),
        }
    }

    /// A message of one plain text; the other fields can be set afterwards.
    pub fn plain(
        id: MessageId,
        channel: ChannelId,
        sender: impl Into<String>,
        text: impl Into<String>,
        time: DateTime<Utc>,
    ) -> Message {
        Message::new(id, channel, sender, Content::text(text), time)
    }

    /// The message that it answers, if it answers one.
    pub fn in_reply_to(&self) -> Option<&MessageId> {
        self.content.in_reply_to.as_ref()
    }

    /// The thread that it belongs to, as the chat system names it.
    pub fn thread(&self) -> Option<&str> {
        self.content.thread.as_deref()
    }

    /// The people and agents that it mentions, as addresses of the chat system.
    pub fn mentions(&self) -> impl Iterator<Item = &str> {
        self.content.parts.iter().filter_map(|part| match part {
            Part::Mention { address, .. } => Some(address.as_str()),
            _ => None,
        })
    }

    /// The files that came with it.
    pub fn attachments(&self) -> impl Iterator<Item = &Attachment> {
        self.content.parts.iter().filter_map(|part| match part {
            Part::Attachment(attachment) => Some(attachment),
            _ => None,
        })
    }

    /// The method with which it is encrypted, if that is why it cannot be read.
    pub fn unreadable(&self) -> Option<&str> {
        self.content.parts.iter().find_map(|part| match part {
            Part::Unreadable { method } => Some(method.as_str()),
            _ => None,
        })
    }
}
