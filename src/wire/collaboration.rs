//! Channels, their state, and the markings that channels and messages carry (§channels/active,
//! §channels/state).

use super::code;
use super::dictionary::Dictionary;
use super::lenient::{Node, Read};
use crate::error::Result;
use crate::model::{self, PresenceState};
use serde::Serialize;

/// A classification marking, echoed as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Classification {
    /// The opaque list of markings.
    pub token: String,
}

/// A security context, echoed as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecurityContext {
    /// What people see.
    pub display_text: Option<String>,
    /// Its id.
    pub id: String,
}

/// A channel the agent is in (§channels/active).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Channel {
    /// Whether it takes uploads.
    pub can_accept_files: bool,
    /// Its highest classification.
    pub classification: Option<Classification>,
    /// A description.
    pub description: Option<String>,
    /// The name people know it by; never null.
    pub display_name: String,
    /// An e-mail address.
    pub email_address: Option<String>,
    /// Its id.
    pub id: String,
    /// Always false (§channels/active).
    pub is_read_only: bool,
    /// The longest message or subject, in characters: a number (§channels/active).
    pub max_message_length: u32,
    /// The longest story, in characters.
    pub max_story_length: u32,
    /// Always null (§channels/active).
    #[serde(serialize_with = "super::dictionary::optional_dictionary")]
    pub metadata: Option<Dictionary>,
    /// Its security contexts; null for none.
    pub security_contexts: Option<Vec<SecurityContext>>,
    /// The subject.
    pub subject: Option<String>,
}

/// The momentary state of a channel (§channels/state).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelState {
    /// The presence of a contact.
    #[serde(serialize_with = "code::serialize")]
    pub presence_state: PresenceState,
    /// The contact's own words about its presence.
    pub presence_text: Option<String>,
    /// The subject.
    pub subject: Option<String>,
}

/// What `POST …/Me` takes (§channels/typing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelAgentState {
    /// Whether the contact sees the agent typing.
    pub is_composing: bool,
}

pub(crate) fn contexts(contexts: &[model::SecurityContext]) -> Option<Vec<SecurityContext>> {
    let contexts: Vec<SecurityContext> = contexts
        .iter()
        .cloned()
        .map(SecurityContext::from)
        .collect();
    (!contexts.is_empty()).then_some(contexts)
}

impl From<model::Classification> for Classification {
    fn from(classification: model::Classification) -> Classification {
        Classification {
            token: classification.token,
        }
    }
}

impl From<Classification> for model::Classification {
    fn from(classification: Classification) -> model::Classification {
        model::Classification {
            token: classification.token,
        }
    }
}

impl From<model::SecurityContext> for SecurityContext {
    fn from(context: model::SecurityContext) -> SecurityContext {
        SecurityContext {
            display_text: context.display_text,
            id: context.id,
        }
    }
}

impl From<SecurityContext> for model::SecurityContext {
    fn from(context: SecurityContext) -> model::SecurityContext {
        model::SecurityContext {
            id: context.id,
            display_text: context.display_text,
        }
    }
}

impl From<&model::Channel> for Channel {
    fn from(channel: &model::Channel) -> Channel {
        let info = &channel.info;
        Channel {
            can_accept_files: info.can_accept_files,
            classification: info.classification.clone().map(Classification::from),
            description: info.description.clone(),
            display_name: info.display_name.clone(),
            email_address: info.email_address.clone(),
            id: channel.id.to_string(),
            is_read_only: false,
            max_message_length: info.max_message_length,
            max_story_length: info.max_story_length,
            metadata: None,
            security_contexts: contexts(&info.security_contexts),
            subject: info.subject.clone(),
        }
    }
}

impl From<&model::ChannelInfo> for ChannelState {
    fn from(info: &model::ChannelInfo) -> ChannelState {
        ChannelState {
            presence_state: info.presence,
            presence_text: info.presence_text.clone(),
            subject: info.subject.clone(),
        }
    }
}

impl Classification {
    /// `null`, and a classification without a token, mean none. `__type` is ignored: the clients
    /// send wrong ones.
    pub(crate) fn read_optional(node: &Node<'_>) -> Result<Option<Classification>> {
        if node.is_hole() {
            return Ok(None);
        }
        Ok(node
            .member("Token")?
            .text_unless_empty()?
            .map(|token| Classification { token }))
    }
}

impl Read for SecurityContext {
    fn read(node: &Node<'_>) -> Result<SecurityContext> {
        Ok(SecurityContext {
            display_text: node.member("DisplayText")?.text()?,
            id: node.member("Id")?.text()?.unwrap_or_default(),
        })
    }
}

impl Read for ChannelAgentState {
    fn read(node: &Node<'_>) -> Result<ChannelAgentState> {
        Ok(ChannelAgentState {
            is_composing: node.member("IsComposing")?.boolean()?,
        })
    }
}

impl Read for Channel {
    fn read(node: &Node<'_>) -> Result<Channel> {
        let length = |name| {
            Ok(node
                .member(name)?
                .integer(0..=u32::MAX.into())?
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(0))
        };
        let contexts: Vec<SecurityContext> = node.member("SecurityContexts")?.list()?;
        Ok(Channel {
            can_accept_files: node.member("CanAcceptFiles")?.boolean()?,
            classification: Classification::read_optional(&node.member("Classification")?)?,
            description: node.member("Description")?.text()?,
            display_name: node.member("DisplayName")?.text()?.unwrap_or_default(),
            email_address: node.member("EmailAddress")?.text()?,
            id: node.member("Id")?.required_text()?,
            is_read_only: node.member("IsReadOnly")?.boolean()?,
            max_message_length: length("MaxMessageLength")?,
            max_story_length: length("MaxStoryLength")?,
            metadata: None,
            security_contexts: (!contexts.is_empty()).then_some(contexts),
            subject: node.member("Subject")?.text()?,
        })
    }
}

impl Read for ChannelState {
    fn read(node: &Node<'_>) -> Result<ChannelState> {
        Ok(ChannelState {
            presence_state: node.member("PresenceState")?.code()?.unwrap_or_default(),
            presence_text: node.member("PresenceText")?.text()?,
            subject: node.member("Subject")?.text()?,
        })
    }
}
