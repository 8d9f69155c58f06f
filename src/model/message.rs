//! Messages and their parts (reference 3.4; `mindlink-wire.md` 1.2).

use super::{ChannelId, Event, MessageId};
use chrono::{DateTime, Utc};
use std::sync::atomic::Ordering;

/// How a code block is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DisplayMode {
    /// Within the line.
    #[default]
    Inline,
    /// As a block of its own.
    Block,
}

/// One piece of a message (reference 3.4.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Plain text.
    Text(String),
    /// A link to a URL.
    Hyperlink {
        /// What is shown.
        text: String,
        /// Where it leads.
        url: String,
    },
    /// A link to a channel or a person.
    ChannelLink {
        /// The channel's id, as text: it need not be one this gateway knows.
        channel: String,
        /// What is shown.
        name: String,
    },
    /// A hashtag, with its `#`.
    Hashtag(String),
    /// Code.
    CodeBlock {
        /// The code.
        code: String,
        /// Its language.
        language: Option<String>,
        /// How it is shown.
        display: DisplayMode,
    },
    /// An emoji, as itself.
    Emoji(String),
}

impl Part {
    /// The text a reader sees.
    pub fn visible(&self) -> &str {
        match self {
            Part::Text(text) | Part::Hashtag(text) | Part::Emoji(text) => text,
            Part::Hyperlink { text, url } => {
                if text.is_empty() {
                    url
                } else {
                    text
                }
            }
            Part::ChannelLink { channel, name } => {
                if name.is_empty() {
                    channel
                } else {
                    name
                }
            }
            Part::CodeBlock { code, .. } => code,
        }
    }
}

/// The visible text of `parts`, in order: what `Text` says for a message made of parts.
pub fn visible_text(parts: &[Part]) -> String {
    parts.iter().map(Part::visible).collect()
}

/// Bytes of a part itself, whatever it says.
const PART: usize = 96;

/// Bytes of all that a message says: every part with its addresses and languages, subject, markings and contexts.
///
/// What is bounded, stored or held in memory is measured by this, never by the visible text alone: a link shows one
/// character and may carry an address of 900 KB.
pub(crate) fn content_bytes(
    parts: &[Part],
    subject: Option<&str>,
    classification: Option<&Classification>,
    contexts: &[SecurityContext],
) -> usize {
    let part = |part: &Part| match part {
        Part::Text(text) | Part::Hashtag(text) | Part::Emoji(text) => text.len(),
        Part::Hyperlink { text, url } => text.len() + url.len(),
        Part::ChannelLink { channel, name } => channel.len() + name.len(),
        Part::CodeBlock { code, language, .. } => {
            code.len() + language.as_ref().map_or(0, String::len)
        }
    };
    let context = |context: &SecurityContext| {
        16 + context.id.len() + context.display_text.as_ref().map_or(0, String::len)
    };
    parts.iter().map(|it| PART + part(it)).sum::<usize>()
        + subject.map_or(0, str::len)
        + classification.map_or(0, |classification| classification.token.len())
        + contexts.iter().map(context).sum::<usize>()
}

/// A classification marking, carried through unread (`mindlink-wire.md` 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Classification {
    /// The opaque list of markings.
    pub token: String,
}

/// A security context, carried through unread.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecurityContext {
    /// Its id.
    pub id: String,
    /// What people see.
    pub display_text: Option<String>,
}

/// A message as it stands in a channel (reference 3.4). Its id is also its token for `before`.
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
    /// A story's subject.
    pub subject: Option<String>,
    /// Whether it asks for attention.
    pub alert: bool,
    /// The visible text.
    pub text: String,
    /// The text in parts; one plain part for a plain message.
    pub parts: Vec<Part>,
    /// Its classification.
    pub classification: Option<Classification>,
    /// Its security contexts.
    pub security_contexts: Vec<SecurityContext>,
    /// When it was said, as the chat system tells it.
    pub time: DateTime<Utc>,
    /// The user who posted it through one of our agents, if one did and it is known.
    pub posted_by: Option<String>,
}

impl Message {
    /// A plain message with nothing else to it; the other fields are set one by one.
    pub fn plain(
        id: MessageId,
        channel: ChannelId,
        sender: impl Into<String>,
        text: impl Into<String>,
        time: DateTime<Utc>,
    ) -> Message {
        let text = text.into();
        Message {
            id,
            channel,
            sender: sender.into(),
            sender_alias: None,
            subject: None,
            alert: false,
            parts: vec![Part::Text(text.clone())],
            text,
            classification: None,
            security_contexts: Vec::new(),
            time,
            posted_by: None,
        }
    }
}

/// What makes a repeated post harmless: the same key through the same agent into the same channel is one message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PostKey(pub(crate) String);

/// A message to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMessage {
    /// The text in parts.
    pub parts: Vec<Part>,
    /// A story's subject; empty counts as none.
    pub subject: Option<String>,
    /// Whether it asks for attention.
    pub alert: bool,
    /// Its classification.
    pub classification: Option<Classification>,
    /// Its security contexts.
    pub security_contexts: Vec<SecurityContext>,
    /// What makes a repeat harmless.
    pub key: Option<PostKey>,
}

impl NewMessage {
    /// A plain text.
    pub fn text(text: impl Into<String>) -> NewMessage {
        NewMessage::parts(vec![Part::Text(text.into())])
    }

    /// A message of several parts.
    pub fn parts(parts: Vec<Part>) -> NewMessage {
        NewMessage {
            parts,
            subject: None,
            alert: false,
            classification: None,
            security_contexts: Vec::new(),
            key: None,
        }
    }

    /// Makes it an alert (reference 3.4).
    #[must_use]
    pub fn alert(mut self) -> NewMessage {
        self.alert = true;
        self
    }

    /// Makes it a story with that subject (reference 3.4).
    #[must_use]
    pub fn story(mut self, subject: impl Into<String>) -> NewMessage {
        self.subject = Some(subject.into());
        self
    }

    /// Marks it with a classification.
    #[must_use]
    pub fn classification(mut self, token: impl Into<String>) -> NewMessage {
        self.classification = Some(Classification {
            token: token.into(),
        });
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
