//! Events (§events/document). The contract has three kinds, and an unknown kind ends the polling
//! thread of one client; changes of messages are ours, for clients that ask for them.

use super::arrays;
use super::collaboration::{Classification, SecurityContext, contexts};
use super::lenient::{Node, Read};
use super::living::MessageChangeEvent;
use super::part::MessagePart;
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::model::{self, EventBody};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// One event, its `__type` first, then what all kinds share, then its own members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number within `instance_id`; below 2^31.
    pub event_id: i64,
    /// The run of numbers it belongs to (§events/instance).
    pub instance_id: String,
    /// When it happened, in milliseconds since 1970.
    pub time: i64,
    /// What happened.
    pub body: Body,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// A message was said.
    Message(MessageEvent),
    /// The agent's metadata changed.
    MetaData(MetaDataEvent),
    /// A channel became active or inactive.
    ChannelState(ChannelStateEvent),
    /// A message changed (§messages/living).
    MessageChange(MessageChangeEvent),
}

/// The members of a message event; `Sender` and `Content` are the `SenderId` and `Text` of the
/// message itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageEvent {
    /// Where it was said.
    pub channel_id: String,
    /// Its classification.
    pub classification: Option<Classification>,
    /// The visible text; never null.
    pub content: String,
    /// The text in parts.
    pub message_parts: Vec<MessagePart>,
    /// Its security contexts; null for none.
    pub security_contexts: Option<Vec<SecurityContext>>,
    /// The sender's address; never null.
    pub sender: String,
    /// The sender's display name.
    pub sender_alias: Option<String>,
    /// A story's subject.
    pub subject: Option<String>,
    /// The message's id, to be used as `before`.
    pub token: Option<String>,
}

/// The members of a metadata event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaDataEvent {
    /// The key.
    pub key: String,
    /// Its new value; null if it was removed.
    pub value: Option<String>,
}

/// The members of a channel state event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelStateEvent {
    /// Whether the agent is in the channel now.
    pub active: bool,
    /// The channel.
    pub channel_id: String,
}

macro_rules! kind {
    ($name:literal) => {
        concat!($name, ":http://schemas.fcg.im/foundation/v1/collaboration")
    };
}

impl Event {
    /// The document for an event of the engine; `None` for a kind that the contract does not have.
    pub fn from_model(event: &model::Event) -> Option<Event> {
        let body = match &event.body {
            EventBody::Message(message) => Body::Message(MessageEvent::from(&**message)),
            EventBody::MetaData { key, value } => Body::MetaData(MetaDataEvent {
                key: key.clone(),
                value: value.clone(),
            }),
            EventBody::ChannelState { channel, active } => Body::ChannelState(ChannelStateEvent {
                active: *active,
                channel_id: channel.to_string(),
            }),
            EventBody::Change(change) => {
                Body::MessageChange(MessageChangeEvent::from_model(change)?)
            }
            EventBody::Gap | EventBody::Other(_) => return None,
        };
        Some(Event {
            event_id: event.id.0,
            instance_id: event.instance.to_string(),
            time: event.time.timestamp_millis(),
            body,
        })
    }
}

impl From<&model::Message> for MessageEvent {
    fn from(message: &model::Message) -> MessageEvent {
        MessageEvent {
            channel_id: message.channel.to_string(),
            classification: message
                .content
                .classification
                .clone()
                .map(Classification::from),
            content: message.text.clone(),
            message_parts: message
                .content
                .parts
                .iter()
                .cloned()
                .map(MessagePart)
                .collect(),
            security_contexts: contexts(&message.content.security_contexts),
            sender: message.sender.clone(),
            sender_alias: message.sender_alias.clone(),
            subject: message.content.subject.clone(),
            token: Some(message.id.to_string()),
        }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let begin = |kind: &'static str, members: usize| {
            let mut event = serializer.serialize_struct("BaseSubscriptionEvent", members + 4)?;
            event.serialize_field("__type", kind)?;
            event.serialize_field("EventId", &self.event_id)?;
            event.serialize_field("InstanceId", &self.instance_id)?;
            event.serialize_field("Time", &self.time)?;
            Ok(event)
        };
        let mut event;
        match &self.body {
            Body::Message(message) => {
                event = begin(kind!("MessageEvent"), 9)?;
                event.serialize_field("ChannelId", &message.channel_id)?;
                event.serialize_field("Classification", &message.classification)?;
                event.serialize_field("Content", &message.content)?;
                event.serialize_field("MessageParts", &message.message_parts)?;
                event.serialize_field("SecurityContexts", &message.security_contexts)?;
                event.serialize_field("Sender", &message.sender)?;
                event.serialize_field("SenderAlias", &message.sender_alias)?;
                event.serialize_field("Subject", &message.subject)?;
                event.serialize_field("Token", &message.token)?;
            }
            Body::MetaData(change) => {
                event = begin(kind!("MetaDataEvent"), 2)?;
                event.serialize_field("Key", &change.key)?;
                event.serialize_field("Value", &change.value)?;
            }
            Body::ChannelState(change) => {
                event = begin(kind!("ChannelStateEvent"), 2)?;
                event.serialize_field("Active", &change.active)?;
                event.serialize_field("ChannelId", &change.channel_id)?;
            }
            Body::MessageChange(change) => {
                event = begin(kind!("MessageChangeEvent"), 12)?;
                event.serialize_field("ByModerator", &change.by_moderator)?;
                event.serialize_field("ChannelId", &change.channel_id)?;
                event.serialize_field("Content", &change.content)?;
                event.serialize_field("Kind", &change.kind)?;
                event.serialize_field("MessageId", &change.message_id)?;
                event.serialize_field("MessageParts", &change.message_parts)?;
                event.serialize_field("Reactions", &Strings(&change.reactions))?;
                event.serialize_field("Reason", &change.reason)?;
                event.serialize_field("Sender", &change.sender)?;
                event.serialize_field("SenderAlias", &change.sender_alias)?;
                event.serialize_field("Subject", &change.subject)?;
                event.serialize_field("Token", &change.token)?;
            }
        }
        event.end()
    }
}

/// A list of strings, as XML wants it.
struct Strings<'a>(&'a [String]);

impl Serialize for Strings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        arrays::strings(self.0, serializer)
    }
}

impl Read for Event {
    /// Reads an answer as a client does.
    fn read(node: &Node<'_>) -> Result<Event> {
        let body = match node.member("__type")?.tree() {
            Tree::Text(kind) if kind == kind!("MessageEvent") => Body::Message(read_message(node)?),
            Tree::Text(kind) if kind == kind!("MetaDataEvent") => Body::MetaData(MetaDataEvent {
                key: node.member("Key")?.text()?.unwrap_or_default(),
                value: node.member("Value")?.text()?,
            }),
            Tree::Text(kind) if kind == kind!("ChannelStateEvent") => {
                Body::ChannelState(ChannelStateEvent {
                    active: node.member("Active")?.boolean()?,
                    channel_id: node.member("ChannelId")?.required_text()?,
                })
            }
            Tree::Text(kind) if kind == kind!("MessageChangeEvent") => {
                Body::MessageChange(read_change(node)?)
            }
            _ => {
                return Err(Error::invalid(format!(
                    "{} has no known `__type`",
                    node.named()
                )));
            }
        };
        Ok(Event {
            event_id: node
                .member("EventId")?
                .integer(0..=i32::MAX.into())?
                .unwrap_or_default(),
            instance_id: node.member("InstanceId")?.text()?.unwrap_or_default(),
            time: node
                .member("Time")?
                .integer(i64::MIN..=i64::MAX)?
                .unwrap_or_default(),
            body,
        })
    }
}

fn read_change(node: &Node<'_>) -> Result<MessageChangeEvent> {
    Ok(MessageChangeEvent {
        by_moderator: node.member("ByModerator")?.boolean()?,
        channel_id: node.member("ChannelId")?.required_text()?,
        content: node.member("Content")?.text()?.unwrap_or_default(),
        kind: node.member("Kind")?.required_text()?,
        message_id: node.member("MessageId")?.required_text()?,
        message_parts: node.member("MessageParts")?.list()?,
        reactions: node.member("Reactions")?.list()?,
        reason: node.member("Reason")?.text()?,
        sender: node.member("Sender")?.text()?.unwrap_or_default(),
        sender_alias: node.member("SenderAlias")?.text()?,
        subject: node.member("Subject")?.text()?,
        token: node.member("Token")?.text()?.unwrap_or_default(),
    })
}

fn read_message(node: &Node<'_>) -> Result<MessageEvent> {
    let contexts: Vec<SecurityContext> = node.member("SecurityContexts")?.list()?;
    Ok(MessageEvent {
        channel_id: node.member("ChannelId")?.required_text()?,
        classification: Classification::read_optional(&node.member("Classification")?)?,
        content: node.member("Content")?.text()?.unwrap_or_default(),
        message_parts: node.member("MessageParts")?.list()?,
        security_contexts: (!contexts.is_empty()).then_some(contexts),
        sender: node.member("Sender")?.text()?.unwrap_or_default(),
        sender_alias: node.member("SenderAlias")?.text()?,
        subject: node.member("Subject")?.text()?,
        token: node.member("Token")?.text()?,
    })
}
