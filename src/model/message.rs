//! Messages: as they stand in a channel, and as they are posted (§messages/document, §messages/post).

use super::{ChannelId, Content, Event, MessageId, Part, SecurityContext};
use chrono::{DateTime, Utc};
use std::sync::atomic::Ordering;

/// A message as it stands in a channel (§messages/document). Its id is also its token for `before`.
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
    /// When it was said, as the chat system tells it.
    pub time: DateTime<Utc>,
    /// The user who posted it through one of our agents, if one did and it is known.
    pub posted_by: Option<String>,
}

impl Message {
    /// A message of that content, without an alias; the other fields are set one by one.
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

    /// A plain message with nothing else to it; the other fields are set one by one.
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

/// What makes a repeated post harmless: the same key through the same agent into the same channel is one message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PostKey(pub(crate) String);

/// A message to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMessage {
    /// What it says: parts, subject, markings.
    pub content: Content,
    /// What makes a repeat harmless.
    pub key: Option<PostKey>,
}

impl From<Content> for NewMessage {
    fn from(content: Content) -> NewMessage {
        NewMessage { content, key: None }
    }
}

impl NewMessage {
    /// A plain text.
    pub fn text(text: impl Into<String>) -> NewMessage {
        Content::text(text).into()
    }

    /// A message of several parts.
    pub fn parts(parts: Vec<Part>) -> NewMessage {
        Content::parts(parts).into()
    }

    /// Makes it an alert (§messages/story).
    #[must_use]
    pub fn alert(mut self) -> NewMessage {
        self.content = self.content.alert();
        self
    }

    /// Makes it a story with that subject (§messages/story).
    #[must_use]
    pub fn story(mut self, subject: impl Into<String>) -> NewMessage {
        self.content = self.content.story(subject);
        self
    }

    /// Marks it with a classification.
    #[must_use]
    pub fn classification(mut self, token: impl Into<String>) -> NewMessage {
        self.content = self.content.classification(token);
        self
    }

    /// Marks it with security contexts.
    #[must_use]
    pub fn security_contexts(mut self, contexts: Vec<SecurityContext>) -> NewMessage {
        self.content = self.content.security_contexts(contexts);
        self
    }

    /// Makes a repeat with the same key, through the same agent into the same channel, harmless: it answers the
    /// message posted first, even after a restart.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> NewMessage {
        self.key = Some(PostKey(format!("k:{}", key.into())));
        self
    }

    /// Makes this the next answer to `event`: should the event be delivered again after a crash, the answers given
    /// to it then repeat those given now, and each goes out once.
    #[must_use]
    pub fn answering(mut self, event: &Event) -> NewMessage {
        let nth = event.answers.fetch_add(1, Ordering::Relaxed);
        self.key = Some(PostKey(format!("e:{}:{nth}", event.seq)));
        self
    }
}
