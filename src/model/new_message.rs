//! Messages to be posted, and what makes a repeated post harmless.

use super::{
    Content, ContentDigest, Event, Message, MessageRef, Part, PostKey, Ref, SecurityContext, Split,
};
use sha2::{Digest, Sha256};

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

impl From<&Posted> for MessageRef {
    fn from(posted: &Posted) -> MessageRef {
        (&posted.message.id).into()
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
    /// The message that it answers.
    pub reply_to: Option<MessageRef>,
    /// Whether an edit is posted as a new message where the chat system cannot edit.
    pub or_post: bool,
}

impl From<Content> for NewMessage {
    fn from(content: Content) -> NewMessage {
        NewMessage {
            content,
            key: None,
            split: None,
            reply_to: None,
            or_post: false,
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
        self.key = Some(PostKey::of_answer(event.seq, nth));
        self
    }

    /// Makes this an answer to a message. Where the chat system knows answers, people see which
    /// message it is, and programs that know none show a quotation; elsewhere they see the words
    /// alone, and only the journal knows what they answer.
    #[must_use]
    pub fn in_reply_to(mut self, message: impl Into<MessageRef>) -> NewMessage {
        self.reply_to = Some(message.into());
        self
    }

    /// Has an edit ([`Collaboration::edit`](crate::Collaboration::edit)) posted as a new message
    /// where the chat system cannot edit. Without it such an edit is
    /// [`Unsupported`](crate::Error::Unsupported). A post ignores it.
    #[must_use]
    pub fn or_post(mut self) -> NewMessage {
        self.or_post = true;
        self
    }

    /// What a repeat of its key has to say too. A bot that answers an event once more may find
    /// other words, and has answered all the same, so an answer has none.
    pub(crate) fn digest(&self) -> Option<ContentDigest> {
        let key = self.key.as_ref()?;
        let digest = || match &self.reply_to {
            None => self.content.digest(),
            Some(answered) => self.content.digest().and(answered),
        };
        key.is_chosen().then(digest)
    }
}

impl ContentDigest {
    /// The digest of that content in its relation to `message`.
    pub(crate) fn and(self, message: &MessageRef) -> ContentDigest {
        let mut hash = Sha256::new();
        hash.update(self.0);
        let (kind, text) = match &message.0 {
            Ref::Id(id) => ("id", id.as_str()),
            Ref::Key(key) => ("key", key.0.as_str()),
            Ref::Nothing => ("nothing", ""),
        };
        hash.update(kind);
        hash.update([0]);
        hash.update(text);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        ContentDigest(digest)
    }
}

/// Everything that an agent reacts to a message with.
///
/// ```
/// use switchboard::Reactions;
///
/// let acknowledged = Reactions::from(["👍"]).key("ack-17");
/// assert!(Reactions::none().set.is_empty());
/// # let _ = acknowledged;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reactions {
    /// The emojis; empty takes all reactions back.
    pub set: Vec<String>,
    /// What makes a repeat harmless.
    pub key: Option<PostKey>,
}

impl Reactions {
    /// None: takes all of the agent's reactions back.
    pub fn none() -> Reactions {
        Reactions::default()
    }

    /// Makes a repeat harmless: the same key through the same agent in the same channel is one
    /// change.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Reactions {
        self.key = Some(PostKey::new(key));
        self
    }
}

impl<T: Into<String>, const N: usize> From<[T; N]> for Reactions {
    fn from(set: [T; N]) -> Reactions {
        set.into_iter().collect()
    }
}

impl From<Vec<String>> for Reactions {
    fn from(set: Vec<String>) -> Reactions {
        set.into_iter().collect()
    }
}

impl<T: Into<String>> FromIterator<T> for Reactions {
    fn from_iter<I: IntoIterator<Item = T>>(set: I) -> Reactions {
        Reactions {
            set: set.into_iter().map(Into::into).collect(),
            key: None,
        }
    }
}
