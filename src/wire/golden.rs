//! The text of every document, as it must be; and that what is written is read back as it was.
//!
//! The texts are those that the vendor's walkthrough and sample programs show. A client's parser is
//! a stranger: when one of these changes, a program somewhere stops.

use super::*;
use crate::model::{
    self, AgentId, AgentState, ChannelId, ChannelInfo, DisplayMode, EventId, InstanceId,
    ManagementMode, MessageId, NewMessage, Part, PresenceState, ProvisioningMode, ThrottleKind,
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
fn channel() {
    let info = ChannelInfo {
        can_accept_files: true,
        ..ChannelInfo::named("TestChatRoom")
    };
    let mut channel = Channel::from(&model::Channel::new(
        ChannelId::parse(ROOM).expect("id"),
        info.into(),
    ));
    golden(
        &channel,
        concat!(
            r#"{"CanAcceptFiles":true,"Classification":null,"Description":null,"DisplayName":"TestChatRoom","#,
            r#""EmailAddress":null,"Id":"chat-room:f9a694eb-3cae-4235-bcb6-b8aeefb83284","IsReadOnly":false,"#,
            r#""MaxMessageLength":500,"MaxStoryLength":4000,"Metadata":null,"SecurityContexts":null,"Subject":null}"#
        ),
    );
    channel.classification = Some(Classification {
        token: "secret".into(),
    });
    channel.security_contexts = Some(vec![SecurityContext {
        display_text: None,
        id: "7".into(),
    }]);
    let text = String::from_utf8(json::encode(&channel)).expect("UTF-8");
    assert!(
        text.contains(r#""Classification":{"Token":"secret"}"#),
        "{text}"
    );
    assert!(
        text.contains(r#""SecurityContexts":[{"DisplayText":null,"Id":"7"}]"#),
        "{text}"
    );
    golden(&channel, &text);
    assert_eq!(json::encode(&Vec::<Channel>::new()), b"[]");
}

#[test]
fn channel_state() {
    let state = ChannelState {
        presence_state: PresenceState::AvailableIdle,
        presence_text: None,
        subject: Some("s".into()),
    };
    golden(
        &state,
        r#"{"PresenceState":150,"PresenceText":null,"Subject":"s"}"#,
    );
}

#[test]
fn composing() {
    golden(
        &ChannelAgentState { is_composing: true },
        r#"{"IsComposing":true}"#,
    );
    for (text, composing) in [
        (r#"{"IsComposing":"true"}"#, true),
        (r#"{"IsComposing":null}"#, false),
        ("{}", false),
    ] {
        assert_eq!(
            json::decode(text.as_bytes()),
            Ok(ChannelAgentState {
                is_composing: composing
            })
        );
    }
    for text in ["[]", "\"true\"", r#"{"IsComposing":"perhaps"}"#] {
        assert!(
            json::decode::<ChannelAgentState>(text.as_bytes()).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_message() {
    golden(
        &Message::from(&message()),
        concat!(
            r#"{"ChannelId":"chat-room:f9a694eb-3cae-4235-bcb6-b8aeefb83284","Classification":null,"Id":"m1","IsAlert":false,"#,
            r#""MessageParts":[{"__type":"PlainTextMessagePart:http://schemas.fcg.im/foundation/v1/collaboration","#,
            r#""Text":"hi \"you\"\n"}],"SecurityContexts":null,"SenderAlias":null,"SenderId":"sip:agent1@domain.com","#,
            r#""Subject":null,"Text":"hi \"you\"\n","Timestamp":1370990873148,"Token":"m1"}"#
        ),
    );
}

#[test]
fn every_part() {
    let code = |language: Option<&str>, display| Part::CodeBlock {
        code: "x".into(),
        language: language.map(Into::into),
        display,
    };
    for (part, name, members) in [
        (Part::Text("t".into()), "PlainText", r#""Text":"t""#),
        (
            Part::Hyperlink {
                text: "t".into(),
                url: "u".into(),
            },
            "Hyperlink",
            r#""Text":"t","Url":"u""#,
        ),
        (
            Part::ChannelLink {
                channel: "c".into(),
                name: "n".into(),
            },
            "ChannelLink",
            r#""ChannelId":"c","ChannelName":"n""#,
        ),
        (Part::Hashtag("#h".into()), "Hashtag", r##""Hashtag":"#h""##),
        (
            code(None, DisplayMode::Inline),
            "CodeBlock",
            r#""CodeBlock":"x","DisplayMode":0,"Language":null"#,
        ),
        (
            code(Some("js"), DisplayMode::Block),
            "CodeBlock",
            r#""CodeBlock":"x","DisplayMode":1,"Language":"js""#,
        ),
        (Part::Emoji("🦀".into()), "Emoji", r#""Text":"🦀""#),
    ] {
        let kind = format!("{name}MessagePart:http://schemas.fcg.im/foundation/v1/collaboration");
        golden(
            &MessagePart(part),
            &format!(r#"{{"__type":"{kind}",{members}}}"#),
        );
    }
}

#[test]
fn parts_as_old_clients_write_them() {
    let read = |name: &str, members: &str| {
        let text = format!(r#"{{"__type":"{name}:{COLLABORATION_NAMESPACE}"{members}}}"#);
        json::decode::<MessagePart>(text.as_bytes()).map(Part::from)
    };
    let link = Ok(Part::ChannelLink {
        channel: "contact:lene".into(),
        name: "Lene".into(),
    });
    assert_eq!(
        read(
            "UserLinkMessagePart",
            r#","DisplayName":"Lene","UserId":"contact:lene""#
        ),
        link
    );
    assert_eq!(
        read(
            "GroupLinkMessagePart",
            r#","GroupName":"Lene","GroupId":"contact:lene""#
        ),
        link
    );
    for (mode, display) in [
        ("", DisplayMode::Inline),
        (r#","DisplayMode":"Inline""#, DisplayMode::Inline),
        (r#","DisplayMode":"1""#, DisplayMode::Block),
        (r#","DisplayMode":"BLOCK""#, DisplayMode::Block),
    ] {
        let code = Part::CodeBlock {
            code: "x".into(),
            language: None,
            display,
        };
        assert_eq!(
            read(
                "CodeBlockMessagePart",
                &format!(r#","CodeBlock":"x"{mode}"#)
            ),
            Ok(code)
        );
    }
    assert_eq!(
        read("PlainTextMessagePart", ""),
        Ok(Part::Text(String::new()))
    );
}

#[test]
fn a_part_must_say_first_what_it_is() {
    let namespace = COLLABORATION_NAMESPACE;
    for (part, reason) in [
        (
            r#"{"Text":"t"}"#.to_owned(),
            "`MessageParts[1]` has no `__type`",
        ),
        ("{}".to_owned(), "has no `__type`"),
        (
            format!(r#"{{"Text":"t","__type":"PlainTextMessagePart:{namespace}"}}"#),
            "has its `__type` not first",
        ),
        (
            format!(r#"{{"__type":"VideoMessagePart:{namespace}","Text":"t"}}"#),
            "has the unknown `__type` `VideoMessagePart`",
        ),
        (
            r#"{"__type":"PlainTextMessagePart","Text":"t"}"#.to_owned(),
            "does not end in",
        ),
        (r#"{"__type":7,"Text":"t"}"#.to_owned(), "no string"),
        (
            r#""text""#.to_owned(),
            "`MessageParts[1]` is `text`, an object is expected",
        ),
        (
            format!(r#"{{"__type":"PlainTextMessagePart:{namespace}","Text":[]}}"#),
            "`MessageParts[1].Text` is a list",
        ),
        (
            format!(r#"{{"__type":"CodeBlockMessagePart:{namespace}","DisplayMode":"Sideways"}}"#),
            "`Sideways`, one of 0 Inline",
        ),
    ] {
        let text = format!(r#"{{"MessageParts":[null,{part}]}}"#);
        let error = json::decode::<PostedMessage>(text.as_bytes())
            .expect_err(reason)
            .to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_posted_message() {
    let post =
        |text: &str| json::decode::<PostedMessage>(text.as_bytes()).and_then(NewMessage::try_from);
    assert_eq!(post(r#"{"Text":"hello"}"#), Ok(NewMessage::text("hello")));
    let noisy = r#"{"Id":"","IsAlert":"false","SenderId":[],"ChannelName":"","ChannelId":7,"Subject":"","Text":"hello","Timestamp":"?",
        "Token":{},"Classification":null,"SecurityContexts":null,"MessageParts":[]}"#;
    assert_eq!(post(noisy), Ok(NewMessage::text("hello")));
    assert_eq!(
        post(r#"{"Text":5,"IsAlert":1,"Subject":"s"}"#),
        Ok(NewMessage::text("5").alert().story("s"))
    );
    let marked = r#"{"Text":"x","Classification":{"__type":"wrong","Token":"t"},
        "SecurityContexts":[{"__type":"SecurityContexts:http://schemas.fcg.im/foundation/v1/collaboration","Id":"i"},null,{"Id":""}]}"#;
    let marked = post(marked).expect("fine");
    assert_eq!(
        marked.content.classification.map(|c| c.token).as_deref(),
        Some("t")
    );
    assert_eq!(
        marked.content.security_contexts,
        [model::SecurityContext {
            id: "i".into(),
            display_text: None
        }]
    );
    for single in [
        r#""SecurityContext":{"Id":"i"}"#,
        r#""SecurityContexts":{"Id":"i"}"#,
    ] {
        let posted = post(&format!(r#"{{"Text":"x",{single}}}"#)).expect("fine");
        assert_eq!(posted.content.security_contexts.len(), 1, "{single}");
    }
    let parts = format!(
        r##"{{"Text":"lost","MessageParts":["",{{"__type":"HashtagMessagePart:{COLLABORATION_NAMESPACE}","Hashtag":"#x"}}]}}"##
    );
    assert_eq!(
        post(&parts),
        Ok(NewMessage::parts(vec![Part::Hashtag("#x".into())]))
    );
    for nothing in [
        "{}",
        r#"{"Text":""}"#,
        r#"{"Text":null,"MessageParts":[]}"#,
        r#"{"MessageParts":{}}"#,
    ] {
        let error = post(nothing).expect_err("says nothing").to_string();
        assert!(error.contains("says nothing"), "{error}");
    }
    for wrong in [
        "[]",
        "\"hello\"",
        "null",
        r#"{"Text":["x"]}"#,
        r#"{"Text":"x","IsAlert":"maybe"}"#,
        r#"{"Text":"x","MessageParts":5}"#,
    ] {
        assert!(post(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn events() {
    let head = |kind: &str| {
        format!(
            r#"{{"__type":"{kind}:http://schemas.fcg.im/foundation/v1/collaboration","EventId":1,"InstanceId":"i","Time":2"#
        )
    };
    golden(
        &event(model::EventBody::Message(message().into())),
        &format!(
            r#"{},"ChannelId":"{ROOM}","Classification":null,"Content":"hi \"you\"\n","MessageParts":[{{"__type":"PlainTextMessagePart:{COLLABORATION_NAMESPACE}","Text":"hi \"you\"\n"}}],"SecurityContexts":null,"Sender":"sip:agent1@domain.com","SenderAlias":null,"Subject":null,"Token":"m1"}}"#,
            head("MessageEvent")
        ),
    );
    golden(
        &event(model::EventBody::MetaData {
            key: "k".into(),
            value: None,
        }),
        &format!(r#"{},"Key":"k","Value":null}}"#, head("MetaDataEvent")),
    );
    golden(
        &event(model::EventBody::ChannelState {
            channel: ChannelId::parse(ROOM).expect("id"),
            active: true,
        }),
        &format!(
            r#"{},"Active":true,"ChannelId":"{ROOM}"}}"#,
            head("ChannelStateEvent")
        ),
    );
}

#[test]
fn a_gap_is_no_event_of_the_contract() {
    let time = DateTime::from_timestamp_millis(2).expect("a time");
    let gap = model::Event::new(
        1,
        EventId(1),
        InstanceId::parse("i").expect("id"),
        time,
        model::EventBody::Gap,
    );
    assert_eq!(Event::from_model(&gap), None);
}

fn agent(mode: ProvisioningMode) -> ProvisionedAgent {
    let room =
        model::ProvisionedChannel::new(ChannelId::parse(ROOM).expect("id"), AgentState::Active);
    ProvisionedAgent::from(model::ProvisionedAgent::new(
        AgentId::parse("agent1").expect("id"),
        model::Address::parse("sip:agent1@domain.com").expect("an address"),
        vec![room],
        vec![("key1".into(), "value1".into())],
        vec![model::UserId::parse("user1").expect("id")],
        mode,
        ManagementMode::None,
        AgentState::Active,
        3,
    ))
}

#[test]
fn provisioned_agent() {
    golden(
        &agent(ProvisioningMode::System),
        concat!(
            r#"{"CanProvision":true,"Channels":[{"Id":"chat-room:f9a694eb-3cae-4235-bcb6-b8aeefb83284","State":2}],"Id":"agent1","#,
            r#""ManagementMode":1,"MetaData":[{"Key":"key1","Value":"value1"}],"ProvisioningMode":2,"State":2,"#,
            r#""UserName":"sip:agent1@domain.com","Users":["user1"]}"#
        ),
    );
    assert!(agent(ProvisioningMode::Own).can_provision);
    assert!(!agent(ProvisioningMode::None).can_provision);
}

#[test]
fn an_agent_as_the_clients_put_it() {
    let id = AgentId::parse("agent1").expect("id");
    let put = |text: &str| {
        json::decode::<ProvisionedAgent>(text.as_bytes()).and_then(|agent| agent.into_new(&id))
    };
    let bare = put(r#"{"Id":"agent1","UserName":"sip:a"}"#).expect("fine");
    assert_eq!(bare, model::NewAgent::new("agent1", "sip:a").expect("fine"));
    for same in [
        r#"{"CanProvision":"false","Channels":[],"Id":"agent1","MetaData":{},"State":"0","UserName":"sip:a","Users":[""]}"#,
        r#"{"CanProvision":false,"Channels":[null,""],"Id":"agent1","MetaData":[null],"State":"gone","UserName":"sip:a","Users":null}"#,
        r#"{"Id":"agent1","UserName":"sip:a","ProvisioningMode":0,"ManagementMode":"0","Revision":9}"#,
    ] {
        assert_eq!(put(same).as_ref(), Ok(&bare), "{same}");
    }
    let full = put(&format!(
        r#"{{"Id":"agent1","UserName":"sip:a","CanProvision":"true","ProvisioningMode":"2","ManagementMode":"2",
        "Channels":[{{"State":"0","Id":"{ROOM}"}},null],"MetaData":[{{"Key":"k","Value":"v"}},null],"Users":["lene"]}}"#
    ));
    let expected = model::NewAgent::new("agent1", "sip:a")
        .and_then(|agent| agent.channel(ROOM))
        .and_then(|agent| agent.user("lene"));
    let mut expected = expected
        .expect("fine")
        .metadata("k", "v")
        .mode(ProvisioningMode::System)
        .management(ManagementMode::Groups);
    expected.can_provision = true;
    assert_eq!(full, Ok(expected));
    for (text, reason) in [
        (r#"{"UserName":"sip:a"}"#, "`Id` is missing"),
        (r#"{"Id":"agent1"}"#, "`UserName` is missing"),
        (
            r#"{"Id":"agent2","UserName":"sip:a"}"#,
            "`Id` is `agent2`, but the path names `agent1`",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","Channels":[{"Id":"room"}]}"#,
            "neither `chat-room:` nor `contact:`",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","Channels":"x"}"#,
            "`Channels` is `x`, a list is expected",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","ProvisioningMode":4}"#,
            "`ProvisioningMode` is 4, one of 0 Unspecified",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","CanProvision":"si"}"#,
            "`CanProvision` is `si`",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","Users":[{}]}"#,
            "`Users[0]` is an object",
        ),
        (
            r#"{"Id":"agent1","UserName":"sip:a","MetaData":[{"Key":"k"},{"Key":"k"}]}"#,
            "the key `k` is given twice",
        ),
        (r#"{"Id":"agent1","UserName":"domain\bot"}"#, "twice"),
        ("[]", "the body is a list, an object is expected"),
    ] {
        let error = put(text).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn provisioned_user() {
    let user = ProvisionedUser {
        password: None,
        user_id: "user1".into(),
        username: r"domain\u1".into(),
    };
    golden(&user, r#"{"UserId":"user1","Username":"domain\\u1"}"#);
    let secret = ProvisionedUser {
        password: Some("hunter2".into()),
        ..user.clone()
    };
    assert_eq!(json::encode(&secret), json::encode(&user));
    let id = model::UserId::parse("user1").expect("id");
    let put = |text: &str| {
        json::decode::<ProvisionedUser>(text.as_bytes()).and_then(|user| user.into_new(&id))
    };
    let expected = model::NewUser::new("user1", r"domain\u1").expect("fine");
    assert_eq!(
        put(r#"{"UserId":"user1","UserName":"domain\\u1","Password":null}"#).as_ref(),
        Ok(&expected)
    );
    let with_password = expected.password("hunter2").expect("fine");
    assert_eq!(
        put(r#"{"UserId":"user1","Username":"domain\\u1","Password":"hunter2"}"#),
        Ok(with_password)
    );
    for text in [
        r#"{"Username":"u"}"#,
        r#"{"UserId":"user1"}"#,
        r#"{"UserId":"user2","Username":"u"}"#,
        r#"{"UserId":"user1","Username":"u","Password":""}"#,
        r#"{"UserId":"user1","Username":"u","Password":["hunter2"]}"#,
    ] {
        let error = put(text).expect_err(text).to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn provisioned_throttle() {
    let kind = ThrottleKind::ConcurrentTransfers;
    let throttle = ProvisionedThrottle {
        agents: vec!["agent1".into()],
        id: "t".into(),
        threshold: 10,
        kind,
    };
    golden(
        &throttle,
        r#"{"Agents":["agent1"],"Id":"t","Threshold":10,"Type":2}"#,
    );
    let quoted = br#"{"Agents":["agent1","",null],"Id":"t","Threshold":"10","Type":"2"}"#;
    assert_eq!(json::decode(quoted), Ok(throttle));
    let id = model::ThrottleId::parse("t").expect("id");
    for (text, reason) in [
        (
            r#"{"Id":"t","Threshold":-1}"#,
            "`Threshold` is -1, a number from 0 to 2147483647",
        ),
        (
            r#"{"Id":"t","Threshold":2147483648}"#,
            "`Threshold` is 2147483648",
        ),
        (
            r#"{"Id":"t","Threshold":1.5}"#,
            "a whole number is expected",
        ),
        (
            r#"{"Id":"t","Type":3}"#,
            "`Type` is 3, one of 0 MessagesPerMinute",
        ),
        (r#"{"Id":"u"}"#, "the path names `t`"),
        (r#"{"Threshold":1}"#, "`Id` is missing"),
    ] {
        let read = json::decode::<ProvisionedThrottle>(text.as_bytes())
            .and_then(|throttle| throttle.into_throttle(&id));
        let error = read.expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
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
