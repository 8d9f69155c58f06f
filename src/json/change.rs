//! Changes of messages. `kind` says what changed, and which other members there are.

use super::document;
use super::message::{Markings, ReadContent};
use super::time;
use crate::model::{
    ChangeKind, Changed, ChannelId, Content, MessageChange, MessageId, Receipt, Seq,
};
use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

document!(Changed {
    change: MessageChange,
    repeated: bool,
    posted: bool,
});

const EDITED: &str = "edited";
const RETRACTED: &str = "retracted";
const REACTIONS: &str = "reactions";
const RECEIPT: &str = "receipt";

#[derive(Serialize)]
struct Written<'a> {
    id: &'a MessageId,
    channel: &'a ChannelId,
    message: &'a MessageId,
    sender: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_alias: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    posted_by: Option<&'a str>,
    #[serde(with = "time")]
    time: &'a DateTime<Utc>,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_moderator: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reactions: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(flatten)]
    markings: Option<Markings<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Seq>,
}

#[derive(Deserialize)]
struct Read {
    id: MessageId,
    channel: ChannelId,
    message: MessageId,
    sender: String,
    sender_alias: Option<String>,
    posted_by: Option<String>,
    #[serde(with = "time")]
    time: DateTime<Utc>,
    kind: String,
    by_moderator: Option<bool>,
    reason: Option<String>,
    reactions: Option<Vec<String>>,
    receipt: Option<String>,
    target: Option<Seq>,
    #[serde(flatten)]
    content: ReadContent,
}

impl Serialize for MessageChange {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let MessageChange {
            id,
            channel,
            message,
            sender,
            sender_alias,
            kind,
            text,
            content,
            time,
            posted_by,
            target,
        } = self;
        let mut written = Written {
            id,
            channel,
            message,
            sender,
            sender_alias: sender_alias.as_deref(),
            posted_by: posted_by.as_deref(),
            time,
            kind: EDITED,
            by_moderator: None,
            reason: None,
            reactions: None,
            receipt: None,
            text: None,
            markings: None,
            target: *target,
        };
        match kind {
            ChangeKind::Edited => {
                written.text = Some(text);
                written.markings = Some(Markings::of(content, text));
            }
            ChangeKind::Retracted {
                by_moderator,
                reason,
            } => {
                written.kind = RETRACTED;
                written.by_moderator = Some(*by_moderator);
                written.reason = reason.as_deref();
            }
            ChangeKind::Reactions(set) => {
                written.kind = REACTIONS;
                written.reactions = Some(set);
            }
            ChangeKind::Receipt(receipt) => {
                written.kind = RECEIPT;
                written.receipt = Some(*receipt);
            }
            ChangeKind::Other(name) => written.kind = name,
        }
        written.serialize(to)
    }
}

impl<'de> Deserialize<'de> for MessageChange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<MessageChange, D::Error> {
        let read = Read::deserialize(from)?;
        let (mut text, mut content) = (String::new(), Content::default());
        let kind = match read.kind.as_str() {
            EDITED => {
                let said = read.content.text.clone();
                content = read.content.content()?;
                text = said.unwrap_or_else(|| content.visible_text());
                ChangeKind::Edited
            }
            RETRACTED => ChangeKind::Retracted {
                by_moderator: read.by_moderator.unwrap_or_default(),
                reason: read.reason,
            },
            REACTIONS => {
                let set = read.reactions;
                ChangeKind::Reactions(set.ok_or_else(|| D::Error::missing_field("reactions"))?)
            }
            RECEIPT => {
                // An unknown one is read as the one that claims least.
                let receipt = read.receipt;
                let receipt = receipt.ok_or_else(|| D::Error::missing_field("receipt"))?;
                ChangeKind::Receipt(receipt.parse().unwrap_or_default())
            }
            _ => ChangeKind::Other(read.kind),
        };
        Ok(MessageChange {
            id: read.id,
            channel: read.channel,
            message: read.message,
            sender: read.sender,
            sender_alias: read.sender_alias,
            kind,
            text,
            content,
            time: read.time,
            posted_by: read.posted_by,
            target: read.target,
        })
    }
}
