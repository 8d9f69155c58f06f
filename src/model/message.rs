//! Messages of a channel (§messages/document).

use super::{ChannelId, Content, MessageId};
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
}
