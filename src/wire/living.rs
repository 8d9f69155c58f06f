//! Messages that live (§messages/living): ours, beside the contract. A message as it is now, and the
//! event of a change, which only a client that asks for `message-change` is given.

use super::collaboration::{Classification, SecurityContext, contexts};
use super::part::MessagePart;
use crate::model::{self, ChangeKind};
use serde::Serialize;

/// A message as it is now: the contract's message, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LivingMessage {
    /// Where it was said.
    pub channel_id: String,
    /// Its classification.
    pub classification: Option<Classification>,
    /// When it was edited last, in milliseconds since 1970; null if it was not.
    pub edited: Option<i64>,
    /// Its id; never null.
    pub id: String,
    /// The id of the message that it answers.
    pub in_reply_to: Option<String>,
    /// Whether it asks for attention.
    pub is_alert: bool,
    /// The text in parts.
    pub message_parts: Vec<MessagePart>,
    /// Who reacts to it, and with what.
    pub reactions: Vec<MessageReaction>,
    /// Who took it back; null if nobody did.
    pub retracted: Option<MessageRetraction>,
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

/// How one person or agent reacts to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageReaction {
    /// Everything they react with.
    #[serde(serialize_with = "super::arrays::strings")]
    pub reactions: Vec<String>,
    /// Their display name.
    pub sender_alias: Option<String>,
    /// Their address.
    pub sender_id: String,
}

/// Who took a message back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageRetraction {
    /// Whether a moderator did it, and not its sender.
    pub by_moderator: bool,
    /// Why.
    pub reason: Option<String>,
    /// The address of whoever did it.
    pub sender_id: String,
    /// When, in milliseconds since 1970.
    pub timestamp: i64,
}

impl From<&model::Message> for LivingMessage {
    fn from(message: &model::Message) -> LivingMessage {
        let content = &message.content;
        let reaction = |one: &model::Reaction| MessageReaction {
            reactions: one.set.clone(),
            sender_alias: one.sender_alias.clone(),
            sender_id: one.sender.clone(),
        };
        let retraction = |one: &model::Retraction| MessageRetraction {
            by_moderator: one.by_moderator,
            reason: one.reason.clone(),
            sender_id: one.by.clone(),
            timestamp: one.time.timestamp_millis(),
        };
        LivingMessage {
            channel_id: message.channel.to_string(),
            classification: content.classification.clone().map(Classification::from),
            edited: message.edited.map(|edited| edited.timestamp_millis()),
            id: message.id.to_string(),
            in_reply_to: message.in_reply_to().map(ToString::to_string),
            is_alert: content.alert,
            message_parts: content.parts.iter().cloned().map(MessagePart).collect(),
            reactions: message.reactions.iter().map(reaction).collect(),
            retracted: message.retracted.as_ref().map(retraction),
            security_contexts: contexts(&content.security_contexts),
            sender_alias: message.sender_alias.clone(),
            sender_id: message.sender.clone(),
            subject: content.subject.clone(),
            text: message.text.clone(),
            timestamp: message.time.timestamp_millis(),
            token: message.id.to_string(),
        }
    }
}

/// The members of the event of a change. Which of them say something depends on `kind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageChangeEvent {
    /// Whether a moderator took the message back, and not its sender.
    pub by_moderator: bool,
    /// Where the message was said.
    pub channel_id: String,
    /// The visible text after an edit; else empty.
    pub content: String,
    /// `edited`, `retracted`, `reactions`, `delivered` or `read`.
    pub kind: String,
    /// The message that changed.
    pub message_id: String,
    /// The parts after an edit; else none.
    pub message_parts: Vec<MessagePart>,
    /// Everything that the sender reacts with now.
    pub reactions: Vec<String>,
    /// Why it was taken back.
    pub reason: Option<String>,
    /// The address of whoever changed it; never null.
    pub sender: String,
    /// Their display name.
    pub sender_alias: Option<String>,
    /// The subject after an edit.
    pub subject: Option<String>,
    /// The change's own id.
    pub token: String,
}

impl MessageChangeEvent {
    /// The document of a change; `None` for a kind that this version does not know.
    pub(super) fn from_model(change: &model::MessageChange) -> Option<MessageChangeEvent> {
        let (kind, mut reactions, mut reason, mut moderated) = (&change.kind, &[][..], None, false);
        let name = match kind {
            ChangeKind::Edited => "edited",
            ChangeKind::Retracted {
                by_moderator,
                reason: why,
            } => {
                (moderated, reason) = (*by_moderator, why.clone());
                "retracted"
            }
            ChangeKind::Reactions(set) => {
                reactions = set;
                "reactions"
            }
            ChangeKind::Receipt(receipt) => receipt.as_ref(),
            ChangeKind::Other(_) => return None,
        };
        Some(MessageChangeEvent {
            by_moderator: moderated,
            channel_id: change.channel.to_string(),
            content: change.text.clone(),
            kind: name.to_owned(),
            message_id: change.message.to_string(),
            message_parts: change
                .content
                .parts
                .iter()
                .cloned()
                .map(MessagePart)
                .collect(),
            reactions: reactions.to_vec(),
            reason,
            sender: change.sender.clone(),
            sender_alias: change.sender_alias.clone(),
            subject: change.content.subject.clone(),
            token: change.id.to_string(),
        })
    }
}
