//! The exact text of each kind of event, and the examples of the guide.

use crate::model::{
    AgentId, AgentState, Broadcast, ChangeKind, ChannelId, Content, Event, EventBody, EventId,
    EventKinds, EventQuery, InstanceId, Message, MessageChange, MessageId, NewAgent, NewMessage,
    NewRoom, Privacy, Throttle, ThrottleKind,
};
use chrono::DateTime;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;

const GUIDE: &str = include_str!("../../guide/event_json.md");

/// What follows `"type":` in the table below, after the members that every event has.
const HEAD: &str = r#"{"id":7,"instance":"i","seq":9,"time":"1970-01-01T00:00:00.042Z","type":"#;

fn event(body: EventBody) -> Event {
    let instance = InstanceId::parse("i").expect("an id");
    let time = DateTime::from_timestamp_millis(42).expect("a time");
    Event::new(9, EventId(7), instance, time, body)
}

fn message(content: Content) -> Arc<Message> {
    let id = MessageId::parse("m").expect("an id");
    let time = DateTime::from_timestamp_millis(1_000).expect("a time");
    Arc::new(Message::new(id, ops(), "x:lene", content, time))
}

fn change(kind: ChangeKind) -> Arc<MessageChange> {
    let id = |text| MessageId::parse(text).expect("an id");
    let time = DateTime::from_timestamp_millis(1_000).expect("a time");
    let mut change = MessageChange::new(id("c"), ops(), id("m"), "x:lene", kind, time);
    if change.kind == ChangeKind::Edited {
        (change.text, change.content) = ("ho".into(), Content::text("ho"));
    }
    Arc::new(change)
}

const CHANGE: &str = r#""message_change","change":{"id":"c","channel":"chat-room:ops","message":"m","sender":"x:lene","time":"1970-01-01T00:00:01.000Z","kind":"#;

fn ops() -> ChannelId {
    ChannelId::parse("chat-room:ops").expect("an id")
}

fn echo() -> AgentId {
    AgentId::parse("echo").expect("an id")
}

/// Checks that `value` is written as `text` and read from it.
fn is_written<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).expect("written"), text);
    assert_eq!(&serde_json::from_str::<T>(text).expect(text), value);
}

#[test]
fn each_kind_of_event_has_this_text() {
    let said = r#"{"id":"m","channel":"chat-room:ops","sender":"x:lene","time":"1970-01-01T00:00:01.000Z","text":"hi","alert":false}"#;
    let table = [
        (
            EventBody::Message(message(Content::text("hi"))),
            format!(r#""message","message":{said}}}"#),
        ),
        (
            EventBody::Change(change(ChangeKind::Edited)),
            format!(r#"{CHANGE}"edited","text":"ho","alert":false}}}}"#),
        ),
        (
            EventBody::Change(change(ChangeKind::Retracted {
                by_moderator: true,
                reason: Some("spam".into()),
            })),
            format!(r#"{CHANGE}"retracted","by_moderator":true,"reason":"spam"}}}}"#),
        ),
        (
            EventBody::Change(change(ChangeKind::Reactions(vec!["+1".into()]))),
            format!(r#"{CHANGE}"reactions","reactions":["+1"]}}}}"#),
        ),
        (
            EventBody::MetaData {
                key: "k".into(),
                value: Some("v".into()),
            },
            r#""metadata","key":"k","value":"v"}"#.into(),
        ),
        (
            EventBody::MetaData {
                key: "k".into(),
                value: None,
            },
            r#""metadata","key":"k"}"#.into(),
        ),
        (
            EventBody::ChannelState {
                channel: ops(),
                active: false,
            },
            r#""channel_state","channel":"chat-room:ops","active":false}"#.into(),
        ),
        (EventBody::Gap, r#""gap"}"#.into()),
        (EventBody::Other("quake".into()), r#""quake"}"#.into()),
    ];
    for (body, rest) in table {
        is_written(&body, &format!(r#"{{"type":{rest}"#));
        is_written(&event(body), &format!("{HEAD}{rest}"));
    }
}

#[test]
fn each_kind_of_broadcast_has_this_text() {
    let said = r#"{"id":"m","channel":"chat-room:ops","sender":"x:lene","time":"1970-01-01T00:00:01.000Z","text":"hi","alert":false}"#;
    for (broadcast, text) in [
        (
            Broadcast::Message {
                message: message(Content::text("hi")),
                agents: vec![echo()],
            },
            format!(r#"{{"type":"message","agents":["echo"],"message":{said}}}"#),
        ),
        (
            Broadcast::MetaData {
                agent: echo(),
                key: "k".into(),
                value: None,
            },
            r#"{"type":"metadata","agent":"echo","key":"k"}"#.into(),
        ),
        (
            Broadcast::ChannelState {
                agent: echo(),
                channel: ops(),
                active: true,
            },
            r#"{"type":"channel_state","agent":"echo","channel":"chat-room:ops","active":true}"#
                .into(),
        ),
        (
            Broadcast::AgentState {
                agent: echo(),
                state: AgentState::Activating,
                reason: Some("dialing".into()),
            },
            r#"{"type":"agent_state","agent":"echo","state":"activating","reason":"dialing"}"#
                .into(),
        ),
        (
            Broadcast::Composing {
                agent: echo(),
                channel: ops(),
                composing: true,
            },
            r#"{"type":"composing","agent":"echo","channel":"chat-room:ops","composing":true}"#
                .into(),
        ),
        (
            Broadcast::Stranger {
                agent: echo(),
                channel: ops(),
            },
            r#"{"type":"stranger","agent":"echo","channel":"chat-room:ops"}"#.into(),
        ),
        (
            Broadcast::Other("quake".into()),
            r#"{"type":"quake"}"#.into(),
        ),
    ] {
        is_written(&broadcast, &text);
    }
}

#[test]
fn the_examples_of_the_guide_are_events_as_they_are_written() {
    let blocks = GUIDE.split("```json\n").skip(1);
    let examples: Vec<&str> = blocks
        .filter_map(|block| block.split_once("\n```").map(|(example, _)| example))
        .collect();
    assert!(examples.len() >= 6, "{} examples", examples.len());
    for example in examples {
        let event: Event = serde_json::from_str(example).expect(example);
        assert_eq!(serde_json::to_string(&event).expect("written"), example);
    }
}

#[test]
fn what_a_host_asks_for_has_this_text() {
    is_written(
        &NewMessage::text("hi").alert().key("order 17"),
        r#"{"text":"hi","alert":true,"key":"order 17"}"#,
    );
    is_written(
        &NewMessage::text("hi").answering_nth(&event(EventBody::Gap), 2),
        r#"{"text":"hi","alert":false,"answering":"9:2"}"#,
    );
    is_written(
        &EventQuery::all().kinds(EventKinds::NONE.messages().channel_states()),
        r#"{"kinds":["message","channel_state"],"channels":[],"local":true,"remote":true,"automatic":true}"#,
    );
    is_written(
        &NewRoom::new("general", "War room").privacy(Privacy::Closed),
        r#"{"category":"general","name":"War room","members":[],"privacy":"closed"}"#,
    );
    let throttle = Throttle::new("calm", ThrottleKind::MessagesPerMinute, 3).expect("an id");
    is_written(
        &throttle,
        r#"{"id":"calm","kind":"messages_per_minute","threshold":3,"agents":[]}"#,
    );
    let agent = NewAgent::new("echo", "x:echo").expect("an id");
    is_written(
        &agent.metadata("b", "1").metadata("a", "2"),
        r#"{"id":"echo","address":"x:echo","channels":[],"users":[],"metadata":{"b":"1","a":"2"},"can_provision":false}"#,
    );
}
