//! Messages in both directions. What a message says lies flat in it: `text` is what people see, and
//! `parts` is there only if the message is more than one plain text.

use super::document;
use super::key::Key;
use super::time;
use crate::model::{
    ChannelId, Classification, Content, Message, MessageId, MessageRef, NewMessage, Part, Posted,
    Reaction, Retraction, SecurityContext, Split,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

document!(SecurityContext {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_text: Option<String>,
});

document!(Posted {
    message: Message,
    repeated: bool,
});

impl Serialize for Classification {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.token)
    }
}

impl<'de> Deserialize<'de> for Classification {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Classification, D::Error> {
        String::deserialize(from).map(Classification::new)
    }
}

/// What a content says beside its text.
#[derive(Serialize)]
pub(super) struct Markings<'a> {
    alert: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    automatic: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<&'a [Part]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<&'a Classification>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    security_contexts: &'a [SecurityContext],
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<&'a MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<&'a str>,
}

impl<'a> Markings<'a> {
    /// Those of `content`, whose text is written as `text`.
    pub(super) fn of(content: &'a Content, text: &str) -> Markings<'a> {
        let Content {
            subject,
            alert,
            automatic,
            parts,
            classification,
            security_contexts,
            in_reply_to,
            thread,
        } = content;
        let is_plain = matches!(parts.as_slice(), [Part::Text(said)] if said == text);
        Markings {
            alert: *alert,
            automatic: *automatic,
            subject: subject.as_deref(),
            parts: (!is_plain).then_some(parts),
            classification: classification.as_ref(),
            security_contexts,
            in_reply_to: in_reply_to.as_ref(),
            thread: thread.as_deref(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ReadContent {
    pub(super) text: Option<String>,
    #[serde(default)]
    alert: bool,
    #[serde(default)]
    automatic: bool,
    subject: Option<String>,
    parts: Option<Vec<Part>>,
    classification: Option<Classification>,
    #[serde(default)]
    security_contexts: Vec<SecurityContext>,
    in_reply_to: Option<MessageId>,
    thread: Option<String>,
}

impl ReadContent {
    /// The content; of one without parts it is the text.
    pub(super) fn content<E: serde::de::Error>(self) -> Result<Content, E> {
        let parts = match (self.parts, self.text) {
            (Some(parts), _) => parts,
            (None, Some(text)) => vec![Part::Text(text)],
            (None, None) => return Err(E::custom("`text` and `parts` are both missing")),
        };
        Ok(Content {
            subject: self.subject,
            alert: self.alert,
            automatic: self.automatic,
            parts,
            classification: self.classification,
            security_contexts: self.security_contexts,
            in_reply_to: self.in_reply_to,
            thread: self.thread,
        })
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            text: &'a str,
            #[serde(flatten)]
            markings: Markings<'a>,
        }
        let text = self.visible_text();
        let markings = Markings::of(self, &text);
        Written {
            text: &text,
            markings,
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Content, D::Error> {
        ReadContent::deserialize(from)?.content()
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            id: &'a MessageId,
            channel: &'a ChannelId,
            sender: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            sender_alias: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            posted_by: Option<&'a str>,
            #[serde(with = "time")]
            time: &'a DateTime<Utc>,
            text: &'a str,
            #[serde(flatten)]
            markings: Markings<'a>,
            #[serde(with = "time::optional", skip_serializing_if = "Option::is_none")]
            edited: &'a Option<DateTime<Utc>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            retracted: Option<&'a Retraction>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            reactions: &'a [Reaction],
        }
        let Message {
            id,
            channel,
            sender,
            sender_alias,
            text,
            content,
            time,
            posted_by,
            edited,
            retracted,
            reactions,
        } = self;
        Written {
            id,
            channel,
            sender,
            sender_alias: sender_alias.as_deref(),
            posted_by: posted_by.as_deref(),
            time,
            text,
            markings: Markings::of(content, text),
            edited,
            retracted: retracted.as_ref(),
            reactions,
        }
        .serialize(to)
    }
}

document!(Retraction {
    by: String,
    by_moderator: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(with = "time")]
    time: DateTime<Utc>,
});

/// Who reacts, and with what; not what only the journal needs to tell people apart.
impl Serialize for Reaction {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            sender: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            sender_alias: Option<&'a str>,
            set: &'a [String],
        }
        Written {
            sender: &self.sender,
            sender_alias: self.sender_alias.as_deref(),
            set: &self.set,
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Reaction {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Reaction, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            sender: String,
            sender_alias: Option<String>,
            set: Vec<String>,
        }
        let read = Read::deserialize(from)?;
        let mut reaction = Reaction::new(read.sender, read.set);
        reaction.sender_alias = read.sender_alias;
        Ok(reaction)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Message, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            id: MessageId,
            channel: ChannelId,
            sender: String,
            sender_alias: Option<String>,
            posted_by: Option<String>,
            #[serde(with = "time")]
            time: DateTime<Utc>,
            #[serde(flatten)]
            content: ReadContent,
            #[serde(default, with = "time::optional")]
            edited: Option<DateTime<Utc>>,
            retracted: Option<Retraction>,
            #[serde(default)]
            reactions: Vec<Reaction>,
        }
        let read = Read::deserialize(from)?;
        let text = read.content.text.clone();
        let content = read.content.content()?;
        Ok(Message {
            id: read.id,
            channel: read.channel,
            sender: read.sender,
            sender_alias: read.sender_alias,
            text: text.unwrap_or_else(|| content.visible_text()),
            content,
            time: read.time,
            posted_by: read.posted_by,
            edited: read.edited,
            retracted: read.retracted,
            reactions: read.reactions,
        })
    }
}

/// The names of [`Split`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Splits {
    Never,
    Lines,
    Fit,
}

impl From<Split> for Splits {
    fn from(split: Split) -> Splits {
        match split {
            Split::Never => Splits::Never,
            Split::Lines => Splits::Lines,
            Split::Fit => Splits::Fit,
        }
    }
}

impl From<Splits> for Split {
    fn from(split: Splits) -> Split {
        match split {
            Splits::Never => Split::Never,
            Splits::Lines => Split::Lines,
            Splits::Fit => Split::Fit,
        }
    }
}

impl Serialize for Split {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Splits::from(*self).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Split, D::Error> {
        Splits::deserialize(from).map(Split::from)
    }
}

impl Serialize for NewMessage {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(flatten)]
            content: &'a Content,
            #[serde(flatten)]
            key: Key,
            #[serde(skip_serializing_if = "Option::is_none")]
            split: Option<Splits>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reply_to: Option<&'a MessageRef>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            or_post: bool,
        }
        let NewMessage {
            content,
            key,
            split,
            reply_to,
            or_post,
        } = self;
        Written {
            content,
            key: Key::of(key.as_ref()),
            split: split.map(Splits::from),
            reply_to: reply_to.as_ref(),
            or_post: *or_post,
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for NewMessage {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<NewMessage, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            #[serde(flatten)]
            content: Content,
            #[serde(flatten)]
            key: Key,
            split: Option<Splits>,
            reply_to: Option<MessageRef>,
            #[serde(default)]
            or_post: bool,
        }
        let read = Read::deserialize(from)?;
        Ok(NewMessage {
            content: read.content,
            key: read.key.post_key()?,
            split: read.split.map(Split::from),
            reply_to: read.reply_to,
            or_post: read.or_post,
        })
    }
}
