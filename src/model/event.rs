//! Events: what a reader gets, and what a host sees of all agents at once (§events/poll).

use super::{AgentId, AgentState, ChannelId, EventId, InstanceId, Message, MessageChange};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// One thing that happened to an agent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its number within `instance` (§events/ids).
    pub id: EventId,
    /// The run of ids it belongs to (§events/instance).
    pub instance: InstanceId,
    /// When it happened: the time of a message, otherwise the time at which it was recorded.
    pub time: DateTime<Utc>,
    /// What happened.
    pub body: EventBody,
    /// The newest change that a message includes, which shows its state when it is given out: a
    /// reader that reads changes too will still be given those up to this one.
    pub included: Option<EventId>,
    /// Its seq in the journal, which stays the same when a new instance begins.
    pub(crate) seq: i64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventBody {
    /// A message was said in a channel the agent is in.
    Message(Arc<Message>),
    /// An administrator changed the agent's metadata; `None` if the key was removed.
    MetaData {
        /// The key.
        key: String,
        /// Its new value.
        value: Option<String>,
    },
    /// The agent has joined the channel or left it.
    ChannelState {
        /// The channel.
        channel: ChannelId,
        /// Whether the agent is in it.
        active: bool,
    },
    /// A message was edited, retracted, reacted to, received or read: what
    /// [`MessageChange::kind`] says. Only for a query that asks
    /// ([`EventQuery::changes`](super::EventQuery::changes)).
    Change(Arc<MessageChange>),
    /// Retention dropped events of this agent before a named reader reached them. Never on the
    /// wire.
    Gap,
    /// An event of a type that this version does not know, with the name of the type. It comes only
    /// from JSON that a newer gateway wrote (feature `serde`); the engine never makes it.
    Other(String),
}

impl Event {
    pub(crate) fn new(
        seq: i64,
        id: EventId,
        instance: InstanceId,
        time: DateTime<Utc>,
        body: EventBody,
    ) -> Event {
        Event {
            id,
            instance,
            time,
            body,
            included: None,
            seq,
        }
    }

    /// The change of a message, if this is one.
    pub fn change(&self) -> Option<&MessageChange> {
        match &self.body {
            EventBody::Change(change) => Some(change),
            _ => None,
        }
    }

    /// The message, if this is one.
    pub fn message(&self) -> Option<&Message> {
        match &self.body {
            EventBody::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// The answer to one request for events.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EventBatch {
    /// Oldest first; at most 100, or 256 KiB.
    pub events: Vec<Event>,
    /// How far the journal was searched: the cursor for the next request.
    pub last: EventId,
    /// The run of ids `last` belongs to.
    pub instance: InstanceId,
    /// Whether retention had already dropped events of this agent above the cursor.
    pub gap: bool,
}

impl EventBatch {
    pub(crate) fn new(
        events: Vec<Event>,
        last: EventId,
        instance: InstanceId,
        gap: bool,
    ) -> EventBatch {
        EventBatch {
            events,
            last,
            instance,
            gap,
        }
    }
}

/// What a [subscription](crate::Subscription) sees: one item for each thing that happened, however
/// many agents it concerns.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Broadcast {
    /// A message was recorded; `agents` are those who may see it.
    Message {
        /// The message.
        message: Arc<Message>,
        /// Who may see it.
        agents: Vec<AgentId>,
    },
    /// A message was edited, retracted, reacted to, received or read; `agents` are those who may
    /// see it.
    Change {
        /// The change.
        change: Arc<MessageChange>,
        /// Who may see it.
        agents: Vec<AgentId>,
    },
    /// An agent's metadata changed.
    MetaData {
        /// The agent.
        agent: AgentId,
        /// The key.
        key: String,
        /// Its new value, `None` if removed.
        value: Option<String>,
    },
    /// An agent came into a channel or left it.
    ChannelState {
        /// The agent.
        agent: AgentId,
        /// The channel.
        channel: ChannelId,
        /// Whether it is in.
        active: bool,
    },
    /// An agent's connection changed state. Not journaled: a subscriber that lags may miss it.
    AgentState {
        /// The agent.
        agent: AgentId,
        /// Its state now.
        state: AgentState,
        /// Why.
        reason: Option<String>,
    },
    /// Somebody who is not provisioned wrote to an agent that has no open contacts
    /// ([`Contacts::Open`](super::Contacts::Open)); what they wrote is dropped. Said once an hour for
    /// a contact, and for 64 contacts of one domain at most. Not journaled.
    Stranger {
        /// The agent.
        agent: AgentId,
        /// The channel that would have to be provisioned.
        channel: ChannelId,
    },
    /// Somebody began or stopped typing to an agent. Not journaled.
    Composing {
        /// The agent.
        agent: AgentId,
        /// The contact.
        channel: ChannelId,
        /// Whether they are typing.
        composing: bool,
    },
    /// Something of a type that this version does not know, with the name of the type. It comes
    /// only from JSON that a newer gateway wrote (feature `serde`); the engine never makes it.
    Other(String),
}

impl Broadcast {
    /// The agents this concerns.
    pub fn agents(&self) -> &[AgentId] {
        match self {
            Broadcast::Message { agents, .. } | Broadcast::Change { agents, .. } => agents,
            Broadcast::MetaData { agent, .. }
            | Broadcast::ChannelState { agent, .. }
            | Broadcast::AgentState { agent, .. }
            | Broadcast::Stranger { agent, .. }
            | Broadcast::Composing { agent, .. } => std::slice::from_ref(agent),
            Broadcast::Other(_) => &[],
        }
    }
}
