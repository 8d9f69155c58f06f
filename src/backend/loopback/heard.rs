//! A message that a person hears.

use super::archive::Said;
use crate::model::{ChannelId, Content, MessageId};
use chrono::{DateTime, Utc};

/// A message as a person heard it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeardMessage {
    /// Its id.
    pub id: MessageId,
    /// The room, or `contact:NAME` of the sender.
    pub channel: ChannelId,
    /// The sender's address.
    pub sender: String,
    /// The sender's display name.
    pub sender_alias: Option<String>,
    /// The visible text.
    pub text: String,
    /// The content besides the text: parts, subject, markings.
    pub content: Content,
    /// When it was sent.
    pub time: DateTime<Utc>,
}

impl HeardMessage {
    pub(super) fn new(channel: &ChannelId, said: &Said) -> HeardMessage {
        let received = &said.received;
        HeardMessage {
            id: received.id.clone(),
            channel: channel.clone(),
            sender: received.sender.clone(),
            sender_alias: received.sender_alias.clone(),
            text: received.content.visible_text(),
            content: received.content.clone(),
            time: said.time,
        }
    }
}
