//! What a reader or a search asks for. A part that is left out accepts everything.

use super::document;
use super::time;
use crate::model::{
    ChannelId, Cursor, EventId, EventKinds, EventQuery, InstanceId, Message, SearchCriteria,
    SearchSet,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The types of event that a query can ask for, as `type` names them in an event.
#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Message,
    Metadata,
    ChannelState,
}

impl Serialize for EventKinds {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let EventKinds {
            messages,
            metadata,
            channel_states,
        } = *self;
        let wanted = [
            (messages, Kind::Message),
            (metadata, Kind::Metadata),
            (channel_states, Kind::ChannelState),
        ];
        let wanted = wanted.iter().filter(|(is_wanted, _)| *is_wanted);
        to.collect_seq(wanted.map(|(_, kind)| kind))
    }
}

impl<'de> Deserialize<'de> for EventKinds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<EventKinds, D::Error> {
        let wanted = Vec::<Kind>::deserialize(from)?;
        Ok(wanted
            .into_iter()
            .fold(EventKinds::NONE, |kinds, kind| match kind {
                Kind::Message => kinds.messages(),
                Kind::Metadata => kinds.metadata(),
                Kind::ChannelState => kinds.channel_states(),
            }))
    }
}

fn all() -> EventKinds {
    EventKinds::ALL
}

fn is_false(asked: &bool) -> bool {
    !asked
}

fn yes() -> bool {
    true
}

document!(EventQuery {
    #[serde(default = "all")]
    kinds: EventKinds,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    #[serde(default = "yes")]
    local: bool,
    #[serde(default = "yes")]
    remote: bool,
    #[serde(default = "yes")]
    automatic: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    changes: bool,
});

/// The beginning has no number that every reader of JSON can hold, so it is a member of its own.
#[derive(Serialize, Deserialize)]
struct Position {
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<InstanceId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    beginning: bool,
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let beginning = self.last == EventId::BEFORE_ALL;
        Position {
            last: (!beginning).then_some(self.last),
            instance: self.instance.clone(),
            beginning,
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Cursor, D::Error> {
        let read = Position::deserialize(from)?;
        let last = match read.beginning {
            true => EventId::BEFORE_ALL,
            false => read.last.unwrap_or(Cursor::window().last),
        };
        Ok(Cursor {
            last,
            instance: read.instance,
        })
    }
}

document!(SearchCriteria {
    #[serde(default)]
    term: String,
    #[serde(default)]
    match_case: bool,
    #[serde(default)]
    match_exact: bool,
    #[serde(default)]
    match_all: bool,
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    from: Option<DateTime<Utc>>,
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    #[serde(default)]
    limit: usize,
    #[serde(default)]
    channels: Vec<ChannelId>,
});

document!(SearchSet {
    channel: ChannelId,
    messages: Vec<Message>,
});
