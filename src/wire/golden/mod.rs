//! The text of every document, as it must be; and that what is written is read back as it was.
//!
//! The texts are those that the vendor's walkthrough and sample programs show. A client's parser is
//! a stranger: when one of these changes, a program somewhere stops.

mod collaboration;
mod provisioning;

use super::*;
use crate::model::{
    self, AgentId, AgentState, ChannelId, ChannelInfo, Contacts, DisplayMode, EventId, InstanceId,
    JoinState, ManagementMode, MessageId, NewMessage, Part, PresenceState, ProvisioningMode,
    ThrottleKind,
};
use chrono::DateTime;
use serde::Serialize;
use std::fmt::Debug;

const ROOM: &str = "chat-room:f9a694eb-3cae-4235-bcb6-b8aeefb83284";
const TIME: i64 = 1_370_990_873_148;

#[track_caller]
fn golden<T: Serialize + Read + PartialEq + Debug>(document: &T, text: &str) {
    assert_eq!(
        String::from_utf8(json::encode(document)).expect("UTF-8"),
        text
    );
    assert_eq!(json::decode::<T>(text.as_bytes()).as_ref(), Ok(document));
}

fn message() -> model::Message {
    let time = DateTime::from_timestamp_millis(TIME).expect("a time");
    let (id, channel) = (
        MessageId::parse("m1").expect("id"),
        ChannelId::parse(ROOM).expect("id"),
    );
    model::Message::plain(id, channel, "sip:agent1@domain.com", "hi \"you\"\n", time)
}

fn event(body: model::EventBody) -> Event {
    let time = DateTime::from_timestamp_millis(2).expect("a time");
    let event = model::Event::new(
        9,
        EventId(1),
        InstanceId::parse("i").expect("id"),
        time,
        body,
    );
    Event::from_model(&event).expect("a kind of the contract")
}

fn agent(mode: ProvisioningMode) -> ProvisionedAgent {
    agent_with(mode, Contacts::Provisioned)
}

fn agent_with(mode: ProvisioningMode, contacts: Contacts) -> ProvisionedAgent {
    let room =
        model::ProvisionedChannel::new(ChannelId::parse(ROOM).expect("id"), JoinState::Active);
    ProvisionedAgent::from(model::ProvisionedAgent::new(
        AgentId::parse("agent1").expect("id"),
        model::Address::parse("sip:agent1@domain.com").expect("an address"),
        vec![room],
        vec![("key1".into(), "value1".into())],
        vec![model::UserId::parse("user1").expect("id")],
        mode,
        (ManagementMode::None, contacts),
        AgentState::Active,
        3,
    ))
}

#[test]
fn token_details() {
    let details = TokenDetails {
        agent_id: String::new(),
        expires_timestamp: TIME,
        username: r"domain\super".into(),
    };
    golden(
        &details,
        r#"{"AgentId":"","ExpiresTimestamp":1370990873148,"Username":"domain\\super"}"#,
    );
}

#[test]
fn credentials_without_an_agent_are_the_super_users() {
    for agent in [r#""AgentId":"","#, r#""AgentId":null,"#, ""] {
        let text =
            format!(r#"{{{agent}"Password":"Password1","Username":"domain\\super","New":[1]}}"#);
        let credentials: AuthenticationCredentials = json::decode(text.as_bytes()).expect("fine");
        assert!(!format!("{credentials:?}").contains("Password1"));
        let credentials = model::Credentials::from(credentials);
        assert_eq!(
            credentials,
            model::Credentials::super_user(r"domain\super", "Password1")
        );
    }
    let text = br#"{"AgentId":5,"Password":"p","Username":"u"}"#;
    let credentials =
        model::Credentials::from(json::decode::<AuthenticationCredentials>(text).expect("fine"));
    assert_eq!(credentials, model::Credentials::agent("u", "p", "5"));
    let error = json::decode::<AuthenticationCredentials>(br#"{"Username":"domain\bot1"}"#)
        .expect_err("a backspace");
    assert!(error.to_string().contains("twice"), "{error}");
}

#[test]
fn bare_strings_dictionaries_and_errors() {
    golden(&"tok-en_1".to_owned(), r#""tok-en_1""#);
    golden(
        &Dictionary(vec![("k".into(), "v".into())]),
        r#"[{"Key":"k","Value":"v"}]"#,
    );
    golden(&Dictionary::default(), "[]");
    let body = ErrorBody::of(&crate::Error::invalid("the channel id is empty"), "r-1");
    let text = r#"{"Code":"invalid","Message":"the channel id is empty","RequestId":"r-1"}"#;
    assert_eq!(String::from_utf8(json::encode(&body)).expect("UTF-8"), text);
}

/// Members after `__type` and, of events, after the shared ones, are in ordinal order: a rule for
/// all, by text.
#[test]
fn members_are_alphabetical() {
    let event = event(model::EventBody::Message(message().into()));
    let documents: Vec<(Vec<u8>, usize)> = vec![
        (json::encode(&agent(ProvisioningMode::None)), 0),
        (json::encode(&Message::from(&message())), 0),
        (json::encode(&event), 4),
    ];
    for (text, shared) in documents {
        let Ok(Tree::Map(members)) = json::parse(&text) else {
            panic!("no object")
        };
        let names: Vec<&String> = members.iter().map(|(name, _)| name).collect();
        assert!(names[shared..].is_sorted(), "{names:?}");
    }
}
