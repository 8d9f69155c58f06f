//! Events: the one form for whatever leaves the gateway (`guide::event_json`).
//!
//! An event is one flat object whose `type` says which members it has. A member that its type does
//! not have is left out, and a `type` that this version does not know is read as `Other`, so that a
//! reader can pass over it and still move its cursor.

use super::document;
use super::time;
use crate::model::{
    AgentId, AgentState, Broadcast, ChannelId, Event, EventBatch, EventBody, EventId, InstanceId,
    Message, MessageChange,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

document!(EventBatch {
    events: Vec<Event>,
    last: EventId,
    instance: InstanceId,
    gap: bool,
});

/// The members of all types of event.
#[derive(Serialize, Default)]
struct Written<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agents: Option<&'a [AgentId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a AgentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    included: Option<&'a EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'a MessageChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a ChannelId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    composing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<AgentState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Deserialize)]
struct Read {
    r#type: String,
    agents: Option<Vec<AgentId>>,
    agent: Option<AgentId>,
    message: Option<Message>,
    included: Option<EventId>,
    change: Option<MessageChange>,
    key: Option<String>,
    value: Option<String>,
    channel: Option<ChannelId>,
    active: Option<bool>,
    composing: Option<bool>,
    state: Option<String>,
    reason: Option<String>,
}

/// A member that the type of the event has.
fn needed<T, E: serde::de::Error>(member: Option<T>, name: &'static str) -> Result<T, E> {
    member.ok_or_else(|| E::missing_field(name))
}

const MESSAGE: &str = "message";
const MESSAGE_CHANGE: &str = "message_change";
const METADATA: &str = "metadata";
const CHANNEL_STATE: &str = "channel_state";
const GAP: &str = "gap";
const AGENT_STATE: &str = "agent_state";
const COMPOSING: &str = "composing";
const STRANGER: &str = "stranger";

impl<'a> Written<'a> {
    fn of_event(body: &'a EventBody) -> Written<'a> {
        let written = |r#type| Written {
            r#type,
            ..Written::default()
        };
        match body {
            EventBody::Message(message) => Written {
                message: Some(message),
                ..written(MESSAGE)
            },
            EventBody::Change(change) => Written {
                change: Some(change),
                ..written(MESSAGE_CHANGE)
            },
            EventBody::MetaData { key, value } => Written {
                key: Some(key),
                value: value.as_deref(),
                ..written(METADATA)
            },
            EventBody::ChannelState { channel, active } => Written {
                channel: Some(channel),
                active: Some(*active),
                ..written(CHANNEL_STATE)
            },
            EventBody::Gap => written(GAP),
            EventBody::Other(name) => written(name),
        }
    }

    fn of_broadcast(broadcast: &'a Broadcast) -> Written<'a> {
        let written = |r#type, agent| Written {
            r#type,
            agent,
            ..Written::default()
        };
        match broadcast {
            Broadcast::Message { message, agents } => Written {
                agents: Some(agents),
                message: Some(message),
                ..written(MESSAGE, None)
            },
            Broadcast::Change { change, agents } => Written {
                agents: Some(agents),
                change: Some(change),
                ..written(MESSAGE_CHANGE, None)
            },
            Broadcast::MetaData { agent, key, value } => Written {
                key: Some(key),
                value: value.as_deref(),
                ..written(METADATA, Some(agent))
            },
            Broadcast::ChannelState {
                agent,
                channel,
                active,
            } => Written {
                channel: Some(channel),
                active: Some(*active),
                ..written(CHANNEL_STATE, Some(agent))
            },
            Broadcast::AgentState {
                agent,
                state,
                reason,
            } => Written {
                state: Some(*state),
                reason: reason.as_deref(),
                ..written(AGENT_STATE, Some(agent))
            },
            Broadcast::Composing {
                agent,
                channel,
                composing,
            } => Written {
                channel: Some(channel),
                composing: Some(*composing),
                ..written(COMPOSING, Some(agent))
            },
            Broadcast::Stranger { agent, channel } => Written {
                channel: Some(channel),
                ..written(STRANGER, Some(agent))
            },
            Broadcast::Other(name) => written(name, None),
        }
    }
}

impl Read {
    fn event<E: serde::de::Error>(self) -> Result<EventBody, E> {
        Ok(match self.r#type.as_str() {
            MESSAGE => EventBody::Message(Arc::new(needed(self.message, "message")?)),
            MESSAGE_CHANGE => EventBody::Change(Arc::new(needed(self.change, "change")?)),
            METADATA => EventBody::MetaData {
                key: needed(self.key, "key")?,
                value: self.value,
            },
            CHANNEL_STATE => EventBody::ChannelState {
                channel: needed(self.channel, "channel")?,
                active: needed(self.active, "active")?,
            },
            GAP => EventBody::Gap,
            _ => EventBody::Other(self.r#type),
        })
    }

    fn broadcast<E: serde::de::Error>(self) -> Result<Broadcast, E> {
        let agent = needed(self.agent, "agent");
        Ok(match self.r#type.as_str() {
            MESSAGE => Broadcast::Message {
                message: Arc::new(needed(self.message, "message")?),
                agents: needed(self.agents, "agents")?,
            },
            MESSAGE_CHANGE => Broadcast::Change {
                change: Arc::new(needed(self.change, "change")?),
                agents: needed(self.agents, "agents")?,
            },
            METADATA => Broadcast::MetaData {
                agent: agent?,
                key: needed(self.key, "key")?,
                value: self.value,
            },
            CHANNEL_STATE => Broadcast::ChannelState {
                agent: agent?,
                channel: needed(self.channel, "channel")?,
                active: needed(self.active, "active")?,
            },
            AGENT_STATE => Broadcast::AgentState {
                agent: agent?,
                // An unknown state is read as the one that claims least.
                state: needed(self.state, "state")?.parse().unwrap_or_default(),
                reason: self.reason,
            },
            COMPOSING => Broadcast::Composing {
                agent: agent?,
                channel: needed(self.channel, "channel")?,
                composing: needed(self.composing, "composing")?,
            },
            STRANGER => Broadcast::Stranger {
                agent: agent?,
                channel: needed(self.channel, "channel")?,
            },
            _ => Broadcast::Other(self.r#type),
        })
    }
}

impl Serialize for EventBody {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written::of_event(self).serialize(to)
    }
}

impl<'de> Deserialize<'de> for EventBody {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<EventBody, D::Error> {
        Read::deserialize(from)?.event()
    }
}

impl Serialize for Broadcast {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written::of_broadcast(self).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Broadcast {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Broadcast, D::Error> {
        Read::deserialize(from)?.broadcast()
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Head<'a> {
            id: &'a EventId,
            instance: &'a InstanceId,
            seq: i64,
            #[serde(with = "time")]
            time: &'a DateTime<Utc>,
            #[serde(flatten)]
            body: Written<'a>,
        }
        let mut body = Written::of_event(&self.body);
        body.included = self.included.as_ref();
        Head {
            id: &self.id,
            instance: &self.instance,
            seq: self.seq,
            time: &self.time,
            body,
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Event, D::Error> {
        #[derive(Deserialize)]
        struct Head {
            id: EventId,
            instance: InstanceId,
            seq: i64,
            #[serde(with = "time")]
            time: DateTime<Utc>,
            #[serde(flatten)]
            body: Read,
        }
        let head = Head::deserialize(from)?;
        let included = head.body.included;
        let body = head.body.event()?;
        let mut event = Event::new(head.seq, head.id, head.instance, head.time, body);
        event.included = included;
        Ok(event)
    }
}
