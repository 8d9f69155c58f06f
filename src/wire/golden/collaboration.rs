//! The documents of the collaboration service.

use super::*;

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
