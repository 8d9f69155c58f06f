//! Messages to be posted, and what makes a repeated post harmless.

use super::{Content, Event, Part, SecurityContext};
use std::sync::atomic::Ordering;

/// What makes a repeated post harmless: the same key through the same agent into the same channel
/// is one message.
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

    /// Makes a repeat harmless: a post with the same key, through the same agent into the same
    /// channel, returns the message that was posted first, even after a restart.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> NewMessage {
        self.key = Some(PostKey(format!("k:{}", key.into())));
        self
    }

    /// Makes this the next answer to `event`. If the event is delivered again after a crash, the
    /// first answer given then repeats the first one given now, and so on, so each answer is posted
    /// once.
    #[must_use]
    pub fn answering(mut self, event: &Event) -> NewMessage {
        let nth = event.answers.fetch_add(1, Ordering::Relaxed);
        self.key = Some(PostKey(format!("e:{}:{nth}", event.seq)));
        self
    }
}
