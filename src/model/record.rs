//! One row of the journal, as the writer makes it and the hub and the readers share it.

use super::{AgentKey, ChannelId, Message, MessageChange, NetworkId, Reaction};
use std::sync::Arc;

/// The number of a row of the journal: it orders all rows and is never reused. It is internal; see
/// [`super::EventId`].
pub(crate) type Seq = i64;

/// A conversation's number in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConversationKey(pub(crate) i64);

/// Where messages are said: a room of a network (no `agent`), or one agent's conversation with a
/// contact.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) network: NetworkId,
    pub(crate) channel: ChannelId,
    pub(crate) agent: Option<AgentKey>,
}

/// A committed row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) seq: Seq,
    /// When the writer committed it: milliseconds since 1970, the engine's clock.
    pub(crate) committed: i64,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    Message {
        conversation: ConversationKey,
        /// Our agent that sent it, if one did: the event is local for this agent only.
        sender_agent: Option<AgentKey>,
        message: Arc<Message>,
        /// The seq of the newest change that `message` includes.
        revised: Option<Seq>,
    },
    /// A change of a message.
    Change {
        conversation: ConversationKey,
        /// Our agent that made it, if one did.
        sender_agent: Option<AgentKey>,
        change: Arc<MessageChange>,
    },
    MetaData {
        agent: AgentKey,
        key: String,
        value: Option<String>,
    },
    ChannelState {
        agent: AgentKey,
        channel: ChannelId,
        active: bool,
    },
}

impl Record {
    /// Bytes that a message takes in an answer, roughly; 0 for anything else.
    pub(crate) fn encoded_bytes(&self) -> usize {
        match &self.what {
            What::Message { message, .. } => message.encoded_bytes(),
            _ => 0,
        }
    }

    /// Bytes this row holds in memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        160 + match &self.what {
            What::Message { message, .. } => {
                240 + message.text.len()
                    + message.sender.len()
                    + message.sender_alias.as_ref().map_or(0, String::len)
                    + message.content.bytes()
                    + message.reactions.iter().map(Reaction::bytes).sum::<usize>()
            }
            What::Change { change, .. } => change.weight(),
            What::MetaData { key, value, .. } => key.len() + value.as_ref().map_or(0, String::len),
            What::ChannelState { .. } => 0,
        }
    }
}
