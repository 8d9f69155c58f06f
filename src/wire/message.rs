//! Messages: in an answer (§messages/document) and as a client posts them (§messages/post).
//!
//! The two are different types, because only eight members of a posted message are read. Clients send
//! an empty `Id`, a `Timestamp` of 0 and worse in the other members, and none of that may make a
//! post fail.

use super::collaboration::{Classification, SecurityContext, contexts};
use super::lenient::{Node, Read};
use super::part::MessagePart;
use crate::error::{Error, Result};
use crate::model::{self, ChannelId, MessageId, NewMessage, Part, PostKey, visible_text};
use chrono::DateTime;
use serde::Serialize;

/// A message as it stands in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message {
    /// Where it was said.
    pub channel_id: String,
    /// Its classification.
    pub classification: Option<Classification>,
    /// Its id; never null.
    pub id: String,
    /// Whether it asks for attention.
    pub is_alert: bool,
    /// The text in parts.
    pub message_parts: Vec<MessagePart>,
    /// Its security contexts; null for none.
    pub security_contexts: Option<Vec<SecurityContext>>,
    /// The sender's display name.
    pub sender_alias: Option<String>,
    /// The sender's address; never null.
    pub sender_id: String,
    /// A story's subject.
    pub subject: Option<String>,
    /// The visible text; never null.
    pub text: String,
    /// When it was said, in milliseconds since 1970.
    pub timestamp: i64,
    /// The message's id, to be used as `before`.
    pub token: String,
}

impl From<&model::Message> for Message {
    fn from(message: &model::Message) -> Message {
        Message {
            channel_id: message.channel.to_string(),
            classification: message
                .content
                .classification
                .clone()
                .map(Classification::from),
            id: message.id.to_string(),
            is_alert: message.content.alert,
            message_parts: message
                .content
                .parts
                .iter()
                .cloned()
                .map(MessagePart)
                .collect(),
            security_contexts: contexts(&message.content.security_contexts),
            sender_alias: message.sender_alias.clone(),
            sender_id: message.sender.clone(),
            subject: message.content.subject.clone(),
            text: message.text.clone(),
            timestamp: message.time.timestamp_millis(),
            token: message.id.to_string(),
        }
    }
}

impl TryFrom<Message> for model::Message {
    type Error = Error;

    /// Reads an answer as a client does. Times are whole milliseconds; the user who posted is not
    /// part of the document.
    fn try_from(message: Message) -> Result<model::Message> {
        let time = DateTime::from_timestamp_millis(message.timestamp).ok_or_else(|| {
            Error::invalid(format!("`Timestamp` {} is no time", message.timestamp))
        })?;
        let channel = ChannelId::parse(&message.channel_id)?;
        let mut plain = model::Message::plain(
            MessageId::parse(&message.id)?,
            channel,
            message.sender_id,
            message.text,
            time,
        );
        plain.sender_alias = message.sender_alias;
        plain.content.subject = message.subject;
        plain.content.alert = message.is_alert;
        plain.content.parts = message.message_parts.into_iter().map(Part::from).collect();
        plain.content.classification = message.classification.map(Into::into);
        plain.content.security_contexts = message
            .security_contexts
            .into_iter()
            .flatten()
            .map(Into::into)
            .collect();
        Ok(plain)
    }
}

impl Read for Message {
    fn read(node: &Node<'_>) -> Result<Message> {
        let contexts: Vec<SecurityContext> = node.member("SecurityContexts")?.list()?;
        Ok(Message {
            channel_id: node.member("ChannelId")?.required_text()?,
            classification: Classification::read_optional(&node.member("Classification")?)?,
            id: node.member("Id")?.required_text()?,
            is_alert: node.member("IsAlert")?.boolean()?,
            message_parts: node.member("MessageParts")?.list()?,
            security_contexts: (!contexts.is_empty()).then_some(contexts),
            sender_alias: node.member("SenderAlias")?.text()?,
            sender_id: node.member("SenderId")?.text()?.unwrap_or_default(),
            subject: node.member("Subject")?.text()?,
            text: node.member("Text")?.text()?.unwrap_or_default(),
            timestamp: node
                .member("Timestamp")?
                .integer(i64::MIN..=i64::MAX)?
                .unwrap_or_default(),
            token: node.member("Token")?.text()?.unwrap_or_default(),
        })
    }
}

/// The members that are read of a message that a client posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedMessage {
    /// Its classification; a hole, or a classification without a token, means none.
    pub classification: Option<Classification>,
    /// Whether it asks for attention; absent is false.
    pub is_alert: bool,
    /// The text in parts; they win over `text`.
    pub message_parts: Vec<MessagePart>,
    /// Its security contexts; the older single `SecurityContext` is read as a list of one.
    pub security_contexts: Vec<SecurityContext>,
    /// A story's subject; empty is none.
    pub subject: Option<String>,
    /// The id of the message that it answers: ours (§messages/living).
    pub in_reply_to: Option<String>,
    /// The application's own key: ours (§messages/key).
    pub key: Option<String>,
    /// The text, for a message without parts.
    pub text: Option<String>,
}

impl Read for PostedMessage {
    fn read(node: &Node<'_>) -> Result<PostedMessage> {
        let several = node.member("SecurityContexts")?;
        let single = node.member("SecurityContext")?;
        let mut security_contexts = match several.tree() {
            super::Tree::Map(members) if !members.is_empty() => {
                vec![SecurityContext::read(&several)?]
            }
            _ => several.list()?,
        };
        if security_contexts.is_empty() && !single.is_hole() {
            security_contexts.push(SecurityContext::read(&single)?);
        }
        // A form left blank sends a context without an id: nothing is meant.
        security_contexts.retain(|context| !context.id.is_empty());
        Ok(PostedMessage {
            classification: Classification::read_optional(&node.member("Classification")?)?,
            is_alert: node.member("IsAlert")?.boolean()?,
            message_parts: node.member("MessageParts")?.list()?,
            security_contexts,
            subject: node.member("Subject")?.text_unless_empty()?,
            in_reply_to: node.member("InReplyTo")?.text_unless_empty()?,
            key: node.member("Key")?.text_unless_empty()?,
            text: node.member("Text")?.text()?,
        })
    }
}

impl TryFrom<PostedMessage> for NewMessage {
    type Error = Error;

    /// # Errors
    /// [`Error::Invalid`] if it has neither text nor parts, or both are empty.
    fn try_from(posted: PostedMessage) -> Result<NewMessage> {
        let parts: Vec<Part> = if posted.message_parts.is_empty() {
            vec![Part::Text(posted.text.unwrap_or_default())]
        } else {
            posted.message_parts.into_iter().map(Part::from).collect()
        };
        if visible_text(&parts).is_empty() {
            return Err(Error::invalid(
                "the message says nothing: `Text` and `MessageParts` are both missing or empty",
            ));
        }
        let mut message = NewMessage::parts(parts);
        message.content.alert = posted.is_alert;
        message.content.subject = posted.subject;
        message.key = posted.key.map(PostKey::new);
        if let Some(answered) = posted.in_reply_to {
            message = message.in_reply_to(MessageId::parse(&answered)?);
        }
        message.content.classification = posted.classification.map(Into::into);
        message.content.security_contexts = posted
            .security_contexts
            .into_iter()
            .map(Into::into)
            .collect();
        Ok(message)
    }
}
