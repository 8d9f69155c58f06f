//! Message parts (§messages/parts). `__type` decides here only, and here alone reading is strict.
//!
//! A part whose `__type` is missing, unknown or not first is an error, as the vendor says. The
//! vendor's server fails too, so no client depends on anything else, and a guess could post the
//! wrong thing.

use super::COLLABORATION_NAMESPACE;
use super::code::Coded;
use super::lenient::{Node, Read};
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::model::{self, DisplayMode, Part};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A part of a message in a document: [`Part`] with its `__type` first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePart(pub Part);

macro_rules! kind {
    ($name:literal) => {
        concat!($name, ":http://schemas.fcg.im/foundation/v1/collaboration")
    };
}

impl Serialize for MessagePart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let begin = |kind: &'static str, members: usize| {
            let mut part = serializer.serialize_struct("BaseMessagePart", members + 1)?;
            part.serialize_field("__type", kind)?;
            Ok(part)
        };
        let mut part;
        match &self.0 {
            Part::Text(text) => {
                part = begin(kind!("PlainTextMessagePart"), 1)?;
                part.serialize_field("Text", text)?;
            }
            Part::Hyperlink { text, url } => {
                part = begin(kind!("HyperlinkMessagePart"), 2)?;
                part.serialize_field("Text", text)?;
                part.serialize_field("Url", url)?;
            }
            Part::ChannelLink { channel, name } => {
                part = begin(kind!("ChannelLinkMessagePart"), 2)?;
                part.serialize_field("ChannelId", channel)?;
                part.serialize_field("ChannelName", name)?;
            }
            Part::Hashtag(hashtag) => {
                part = begin(kind!("HashtagMessagePart"), 1)?;
                part.serialize_field("Hashtag", hashtag)?;
            }
            Part::CodeBlock {
                code,
                language,
                display,
            } => {
                part = begin(kind!("CodeBlockMessagePart"), 3)?;
                part.serialize_field("CodeBlock", code)?;
                part.serialize_field("DisplayMode", &display.code())?;
                part.serialize_field("Language", language)?;
            }
            Part::Emoji(emoji) => {
                part = begin(kind!("EmojiMessagePart"), 1)?;
                part.serialize_field("Text", emoji)?;
            }
            // The contract has no parts for these: what people see of them is their text.
            mentioned @ (Part::Mention { .. } | Part::Unreadable { .. }) => {
                part = begin(kind!("PlainTextMessagePart"), 1)?;
                part.serialize_field("Text", mentioned.visible())?;
            }
            Part::Attachment(file) => {
                part = begin(kind!("HyperlinkMessagePart"), 2)?;
                part.serialize_field("Text", &file.url)?;
                part.serialize_field("Url", &file.url)?;
            }
        }
        part.end()
    }
}

impl Read for MessagePart {
    fn read(node: &Node<'_>) -> Result<MessagePart> {
        let text = |name| Ok::<String, Error>(node.member(name)?.text()?.unwrap_or_default());
        let part = match kind_of(node)? {
            "PlainTextMessagePart" => Part::Text(text("Text")?),
            "HyperlinkMessagePart" => Part::Hyperlink {
                text: text("Text")?,
                url: text("Url")?,
            },
            "ChannelLinkMessagePart" => Part::ChannelLink {
                channel: text("ChannelId")?,
                name: text("ChannelName")?,
            },
            // The names of a pre-release of 2018; a button of the vendor's page still sends the
            // first.
            "UserLinkMessagePart" => Part::ChannelLink {
                channel: text("UserId")?,
                name: text("DisplayName")?,
            },
            "GroupLinkMessagePart" => Part::ChannelLink {
                channel: text("GroupId")?,
                name: text("GroupName")?,
            },
            "HashtagMessagePart" => Part::Hashtag(text("Hashtag")?),
            "CodeBlockMessagePart" => Part::CodeBlock {
                code: text("CodeBlock")?,
                language: node.member("Language")?.text_unless_empty()?,
                display: node
                    .member("DisplayMode")?
                    .code::<DisplayMode>()?
                    .unwrap_or_default(),
            },
            "EmojiMessagePart" => Part::Emoji(text("Text")?),
            other => {
                let shown: String = other.chars().take(80).collect();
                return Err(Error::invalid(format!(
                    "{} has the unknown `__type` `{}`",
                    node.named(),
                    shown.escape_debug()
                )));
            }
        };
        Ok(MessagePart(part))
    }
}

/// The name in a part's `__type`, which must stand first and carry the namespace.
fn kind_of<'a>(node: &Node<'a>) -> Result<&'a str> {
    let members = node.members()?;
    match members.first() {
        Some((name, Tree::Text(kind))) if name == "__type" => match kind.split_once(':') {
            Some((kind, COLLABORATION_NAMESPACE)) => Ok(kind),
            _ => Err(Error::invalid(format!(
                "{} has a `__type` that does not end in `:{COLLABORATION_NAMESPACE}`",
                node.named()
            ))),
        },
        Some((name, _)) if name == "__type" => Err(Error::invalid(format!(
            "{} has a `__type` that is no string",
            node.named()
        ))),
        _ if members.iter().any(|(name, _)| name == "__type") => Err(Error::invalid(format!(
            "{} has its `__type` not first",
            node.named()
        ))),
        _ => Err(Error::invalid(format!("{} has no `__type`", node.named()))),
    }
}

impl From<model::Part> for MessagePart {
    fn from(part: Part) -> MessagePart {
        MessagePart(part)
    }
}

impl From<MessagePart> for model::Part {
    fn from(part: MessagePart) -> Part {
        part.0
    }
}
