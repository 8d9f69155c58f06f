//! A copy of an event that outlives the row of its message, as JSON.

use super::stored::{StoredContent, StoredKind};
use crate::error::Error;
use crate::model::{
    ChannelId, Event, EventBody, EventId, InstanceId, Message, MessageChange, MessageId, Seq,
};
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventCopy {
    /// Milliseconds since 1970.
    time: i64,
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    Message(Box<StoredMessage>),
    MetaData { key: String, value: Option<String> },
    State { channel: String, active: bool },
    Change(Box<StoredMessageChange>),
    Gap,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredMessage {
    id: String,
    channel: String,
    sender: String,
    alias: Option<String>,
    posted_by: Option<String>,
    /// Milliseconds since 1970.
    time: i64,
    #[serde(flatten)]
    content: StoredContent,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredMessageChange {
    id: String,
    channel: String,
    message: String,
    sender: String,
    alias: Option<String>,
    posted_by: Option<String>,
    kind: StoredKind,
    target: Option<Seq>,
    #[serde(flatten)]
    content: StoredContent,
}

impl EventCopy {
    pub(crate) fn of(event: &Event) -> EventCopy {
        let body = match &event.body {
            EventBody::Message(message) => Body::Message(Box::new(stored(message))),
            EventBody::MetaData { key, value } => Body::MetaData {
                key: key.clone(),
                value: value.clone(),
            },
            EventBody::ChannelState { channel, active } => Body::State {
                channel: channel.to_string(),
                active: *active,
            },
            EventBody::Change(change) => Body::Change(Box::new(stored_change(change))),
            // The engine never makes an event of another type.
            EventBody::Gap | EventBody::Other(_) => Body::Gap,
        };
        EventCopy {
            time: event.time.timestamp_millis(),
            body,
        }
    }

    /// The event, under that number of that instance.
    pub(crate) fn into_event(self, seq: Seq, id: EventId, instance: InstanceId) -> Event {
        let time = DateTime::from_timestamp_millis(self.time).unwrap_or_default();
        // What does not read as it was written is told as what it is: something is missing.
        let body = restored(self.body, self.time).unwrap_or(EventBody::Gap);
        Event::new(seq, id, instance, time, body)
    }

    /// Bytes that the copy holds, roughly.
    pub(crate) fn weight(&self) -> usize {
        128 + match &self.body {
            Body::Message(message) => message.content.weight(),
            Body::Change(change) => change.content.weight(),
            Body::MetaData { key, value } => key.len() + value.as_ref().map_or(0, String::len),
            Body::State { .. } | Body::Gap => 0,
        }
    }
}

fn stored(message: &Message) -> StoredMessage {
    StoredMessage {
        id: message.id.to_string(),
        channel: message.channel.to_string(),
        sender: message.sender.clone(),
        alias: message.sender_alias.clone(),
        posted_by: message.posted_by.clone(),
        time: message.time.timestamp_millis(),
        content: StoredContent::of(&message.content, &message.text),
    }
}

fn stored_change(change: &MessageChange) -> StoredMessageChange {
    StoredMessageChange {
        id: change.id.to_string(),
        channel: change.channel.to_string(),
        message: change.message.to_string(),
        sender: change.sender.clone(),
        alias: change.sender_alias.clone(),
        posted_by: change.posted_by.clone(),
        kind: StoredKind::of(&change.kind),
        target: change.target,
        content: StoredContent::of(&change.content, &change.text),
    }
}

fn restored_change(stored: StoredMessageChange, time: i64) -> Result<MessageChange, Error> {
    let (text, content) = stored.content.restored();
    Ok(MessageChange {
        id: MessageId::parse(&stored.id)?,
        channel: ChannelId::parse(&stored.channel)?,
        message: MessageId::parse(&stored.message)?,
        sender: stored.sender,
        sender_alias: stored.alias,
        text,
        content,
        time: DateTime::from_timestamp_millis(time).unwrap_or_default(),
        posted_by: stored.posted_by,
        target: stored.target,
        kind: stored.kind.restored(),
    })
}

fn restored(body: Body, at: i64) -> Result<EventBody, Error> {
    Ok(match body {
        Body::Message(stored) => {
            let (text, content) = stored.content.restored();
            EventBody::Message(Arc::new(Message {
                id: MessageId::parse(&stored.id)?,
                channel: ChannelId::parse(&stored.channel)?,
                sender: stored.sender,
                sender_alias: stored.alias,
                text,
                content,
                time: DateTime::from_timestamp_millis(stored.time).unwrap_or_default(),
                posted_by: stored.posted_by,
                edited: None,
                retracted: None,
                reactions: Vec::new(),
            }))
        }
        Body::Change(stored) => EventBody::Change(Arc::new(restored_change(*stored, at)?)),
        Body::MetaData { key, value } => EventBody::MetaData { key, value },
        Body::State { channel, active } => EventBody::ChannelState {
            channel: ChannelId::parse(&channel)?,
            active,
        },
        Body::Gap => EventBody::Gap,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChangeKind, Content, DisplayMode, Part, Receipt, SecurityContext};

    #[test]
    fn an_event_comes_back_as_it_was() {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).expect("a time");
        let code = Part::CodeBlock {
            code: "x".into(),
            language: Some("rust".into()),
            display: DisplayMode::Block,
        };
        let context = SecurityContext {
            id: "a".into(),
            display_text: None,
        };
        let content = Content::parts(vec![Part::Text("see ".into()), code])
            .alert()
            .automatic()
            .story("Pump 3")
            .classification("secret")
            .security_contexts(vec![context]);
        let channel = ChannelId::parse("chat-room:ops").expect("an id");
        let id = MessageId::parse("m1").expect("an id");
        let mut message = Message::new(id, channel.clone(), "lene", content, at);
        message.sender_alias = Some("Lene".into());
        message.posted_by = Some("ada".into());
        let change = |kind, content: Content| {
            let (id, of) = (MessageId::parse("c1"), MessageId::parse("m1"));
            let (id, of) = (id.expect("an id"), of.expect("an id"));
            let mut change = MessageChange::new(id, channel.clone(), of, "lene", kind, at);
            (change.text, change.content) = (content.visible_text(), content);
            change.target = Some(3);
            EventBody::Change(Arc::new(change))
        };
        let reactions = ChangeKind::Reactions(vec!["👍".into()]);
        for body in [
            change(ChangeKind::Edited, Content::text("new").alert()),
            change(reactions, Content::default()),
            change(ChangeKind::Receipt(Receipt::Read), Content::default()),
            EventBody::Message(Arc::new(message)),
            EventBody::MetaData {
                key: "k".into(),
                value: None,
            },
            EventBody::ChannelState {
                channel,
                active: true,
            },
            EventBody::Gap,
        ] {
            let instance = InstanceId::parse("i").expect("an id");
            let event = Event::new(7, EventId(7), instance.clone(), at, body);
            let text = serde_json::to_string(&EventCopy::of(&event)).expect("JSON");
            let copy: EventCopy = serde_json::from_str(&text).expect("the same");
            let again = copy.into_event(7, EventId(7), instance);
            assert_eq!((again.time, again.body), (event.time, event.body));
        }
    }
}
