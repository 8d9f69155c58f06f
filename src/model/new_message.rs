//! Messages to be posted, and what makes a repeated post harmless.

use super::{Content, ContentDigest, Event, Message, Part, SecurityContext, Split};

/// What makes a repeated post harmless: the same key through the same agent into the same channel
/// is one message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PostKey(pub(crate) String);

/// What begins a key that a host chose; that of an answer begins otherwise.
const KEYED: &str = "k:";

impl PostKey {
    pub(crate) fn new(key: impl Into<String>) -> PostKey {
        PostKey(format!("{KEYED}{}", key.into()))
    }

    /// The key of a later piece of a text that has this key.
    pub(crate) fn of_piece(&self, n: usize) -> PostKey {
        PostKey(format!("p:{n}:{}", self.0))
    }
}

/// What became of a post. It can be used as the message itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Posted {
    /// The message, as recorded.
    pub message: Message,
    /// Whether a post with its key was made before: then that is the message, and this call posted
    /// nothing.
    pub repeated: bool,
}

impl Posted {
    pub(crate) fn new(message: Message, repeated: bool) -> Posted {
        Posted { message, repeated }
    }
}

impl std::ops::Deref for Posted {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

/// A message to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMessage {
    /// What it says: parts, subject, markings.
    pub content: Content,
    /// What makes a repeat harmless.
    pub key: Option<PostKey>,
    /// What becomes of a text that is longer than one message; `None`: what the view of the agent
    /// says ([`Collaboration::splitting`](crate::Collaboration::splitting)), or else the chat
    /// system.
    pub split: Option<Split>,
}

impl From<Content> for NewMessage {
    fn from(content: Content) -> NewMessage {
        NewMessage {
            content,
            key: None,
            split: None,
        }
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

    /// Marks it as written by a program, where the chat system has such a mark: other bots then
    /// leave it unanswered, see [`EventQuery::not_automatic`](crate::EventQuery::not_automatic).
    #[must_use]
    pub fn automatic(mut self) -> NewMessage {
        self.content = self.content.automatic();
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

    /// Says what becomes of a text that is longer than one message. Default: what the view of the
    /// agent, or else the chat system's capabilities, say.
    #[must_use]
    pub fn split(mut self, split: Split) -> NewMessage {
        self.split = Some(split);
        self
    }

    /// Makes a repeat harmless: a post with the same key, through the same agent into the same
    /// channel, returns the message that was posted first, even after a restart. If the repeat says
    /// something else, it is a [`Conflict`](crate::Error::Conflict).
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> NewMessage {
        self.key = Some(PostKey::new(key));
        self
    }

    /// Makes this the answer to `event`: each event has one in each channel, however often it is
    /// delivered or this is called. Of a second answer [`Posted::repeated`] is true, and its words
    /// are not posted.
    #[must_use]
    pub fn answering(self, event: &Event) -> NewMessage {
        self.answering_nth(event, 0)
    }

    /// As [`NewMessage::answering`], for an event with several answers; `nth` tells them apart.
    #[must_use]
    pub fn answering_nth(mut self, event: &Event, nth: u32) -> NewMessage {
        self.key = Some(PostKey(format!("e:{}:{nth}", event.seq)));
        self
    }

    /// What a repeat of its key has to say too. A bot that answers an event once more may find
    /// other words, and has answered all the same, so an answer has none.
    pub(crate) fn digest(&self) -> Option<ContentDigest> {
        let key = self.key.as_ref()?;
        key.0.starts_with(KEYED).then(|| self.content.digest())
    }
}
