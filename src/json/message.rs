//! Messages in both directions. What a message says lies flat in it: `text` is what people see, and
//! `parts` is there only if the message is more than one plain text.

use super::document;
use super::time;
use crate::model::{
    ChannelId, Classification, Content, Message, MessageId, NewMessage, Part, PostKey, Posted,
    SecurityContext, Split,
};
use chrono::{DateTime, Utc};
use serde::de::Error as _;
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
struct Markings<'a> {
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
}

impl<'a> Markings<'a> {
    /// Those of `content`, whose text is written as `text`.
    fn of(content: &'a Content, text: &str) -> Markings<'a> {
        let Content {
            subject,
            alert,
            automatic,
            parts,
            classification,
            security_contexts,
        } = content;
        let is_plain = matches!(parts.as_slice(), [Part::Text(said)] if said == text);
        Markings {
            alert: *alert,
            automatic: *automatic,
            subject: subject.as_deref(),
            parts: (!is_plain).then_some(parts),
            classification: classification.as_ref(),
            security_contexts,
        }
    }
}

#[derive(Deserialize)]
struct ReadContent {
    text: Option<String>,
    #[serde(default)]
    alert: bool,
    #[serde(default)]
    automatic: bool,
    subject: Option<String>,
    parts: Option<Vec<Part>>,
    classification: Option<Classification>,
    #[serde(default)]
    security_contexts: Vec<SecurityContext>,
}

impl ReadContent {
    /// The content; of one without parts it is the text.
    fn content<E: serde::de::Error>(self) -> Result<Content, E> {
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
        }
        .serialize(to)
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
        })
    }
}

/// A key that a host chose is written as it was given; that of an answer is not for hosts to make,
/// so it keeps its prefix under a name of its own.
#[derive(Serialize, Deserialize, Default)]
struct Key {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answering: Option<String>,
}

impl Key {
    fn of(key: Option<&PostKey>) -> Key {
        match key.map(|key| (key.0.strip_prefix("k:"), key.0.as_str())) {
            None => Key::default(),
            Some((Some(own), _)) => Key {
                key: Some(own.to_owned()),
                answering: None,
            },
            Some((None, other)) => Key {
                key: None,
                answering: Some(other.strip_prefix("e:").unwrap_or(other).to_owned()),
            },
        }
    }

    /// # Errors
    /// `answering` that no event and number made.
    fn post_key<E: serde::de::Error>(self) -> Result<Option<PostKey>, E> {
        match (self.key, self.answering) {
            (None, None) => Ok(None),
            (Some(key), None) => Ok(Some(PostKey(format!("k:{key}")))),
            (None, Some(answering)) => {
                let made = |text: &str| {
                    let (event, nth) = text.split_once(':')?;
                    event.parse::<i64>().ok()?;
                    nth.parse::<u32>().ok()
                };
                if made(&answering).is_none() {
                    return Err(E::custom(format!("`{answering}` answers no event")));
                }
                Ok(Some(PostKey(format!("e:{answering}"))))
            }
            (Some(_), Some(_)) => Err(E::custom("a message has `key` or `answering`, not both")),
        }
    }
}

impl Serialize for PostKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Key::of(Some(self)).serialize(to)
    }
}

impl<'de> Deserialize<'de> for PostKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PostKey, D::Error> {
        let key = Key::deserialize(from)?.post_key()?;
        key.ok_or_else(|| D::Error::missing_field("key"))
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
        }
        let NewMessage {
            content,
            key,
            split,
        } = self;
        Written {
            content,
            key: Key::of(key.as_ref()),
            split: split.map(Splits::from),
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
        }
        let read = Read::deserialize(from)?;
        Ok(NewMessage {
            content: read.content,
            key: read.key.post_key()?,
            split: read.split.map(Split::from),
        })
    }
}
