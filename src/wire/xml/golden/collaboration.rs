//! The documents of the collaboration service.

use super::*;

#[test]
fn messages() {
    let message = message(vec![Part::Text("hi".into()), code_block()]);
    let root = root("collaboration");
    golden(&message, &format!("<Message {root}>{MESSAGE}</Message>"));
    golden(
        &vec![message],
        &format!("<ArrayOfMessage {root}><Message>{MESSAGE}</Message></ArrayOfMessage>"),
    );
    golden(&Vec::<Message>::new(), &format!("<ArrayOfMessage {root}/>"));
}

#[test]
fn markings() {
    let mut marked = message(Vec::new());
    marked.classification = Some(Classification { token: "t".into() });
    marked.security_contexts = Some(vec![SecurityContext {
        display_text: Some("d".into()),
        id: "i".into(),
    }]);
    let text = String::from_utf8(encode(&marked)).expect("UTF-8");
    for part in [
        "<Classification><Token>t</Token></Classification>",
        "<MessageParts/>",
        "<SecurityContexts><SecurityContext><DisplayText>d</DisplayText><Id>i</Id></SecurityContext></SecurityContexts>",
    ] {
        assert!(text.contains(part), "{text}");
    }
    golden(&marked, &text);
}

#[test]
fn every_part() {
    for (part, name, members) in [
        (Part::Text(String::new()), "PlainText", "<Text></Text>"),
        (
            Part::Hyperlink {
                text: "t".into(),
                url: "u&v".into(),
            },
            "Hyperlink",
            "<Text>t</Text><Url>u&amp;v</Url>",
        ),
        (
            Part::ChannelLink {
                channel: "c".into(),
                name: "n".into(),
            },
            "ChannelLink",
            "<ChannelId>c</ChannelId><ChannelName>n</ChannelName>",
        ),
        (
            Part::Hashtag("#h".into()),
            "Hashtag",
            "<Hashtag>#h</Hashtag>",
        ),
        (
            Part::CodeBlock {
                code: " x\n".into(),
                language: None,
                display: DisplayMode::Inline,
            },
            "CodeBlock",
            "<CodeBlock> x\n</CodeBlock><DisplayMode>Inline</DisplayMode><Language i:nil=\"true\"/>",
        ),
        (Part::Emoji("🦀".into()), "Emoji", "<Text>🦀</Text>"),
    ] {
        let root = root("collaboration");
        let text = format!(
            r#"<BaseMessagePart {root} i:type="{name}MessagePart">{members}</BaseMessagePart>"#
        );
        golden(&MessagePart(part), &text);
    }
}

#[test]
fn channels() {
    let channel = Channel {
        can_accept_files: true,
        classification: None,
        description: None,
        display_name: "Test".into(),
        email_address: None,
        id: "chat-room:1".into(),
        is_read_only: false,
        max_message_length: 500,
        max_story_length: 4000,
        metadata: None,
        security_contexts: None,
        subject: None,
    };
    let root = root("collaboration");
    let text = format!(
        concat!(
            r#"<ArrayOfChannel {root}><Channel><CanAcceptFiles>true</CanAcceptFiles><Classification i:nil="true"/>"#,
            r#"<Description i:nil="true"/><DisplayName>Test</DisplayName><EmailAddress i:nil="true"/><Id>chat-room:1</Id>"#,
            r#"<IsReadOnly>false</IsReadOnly><MaxMessageLength>500</MaxMessageLength><MaxStoryLength>4000</MaxStoryLength>"#,
            r#"<Metadata i:nil="true" xmlns:a="{arrays}"/><SecurityContexts i:nil="true"/><Subject i:nil="true"/>"#,
            r#"</Channel></ArrayOfChannel>"#
        ),
        root = root,
        arrays = ARRAYS
    );
    golden(&vec![channel], &text);
    let state = ChannelState {
        presence_state: PresenceState::Available,
        presence_text: None,
        subject: Some("s".into()),
    };
    golden(
        &state,
        &format!(
            r#"<ChannelState {root}><PresenceState>Available</PresenceState><PresenceText i:nil="true"/><Subject>s</Subject></ChannelState>"#
        ),
    );
    golden(
        &ChannelAgentState { is_composing: true },
        &format!("<ChannelAgentState {root}><IsComposing>true</IsComposing></ChannelAgentState>"),
    );
}

#[test]
fn events() {
    let event = |event_id, body| Event {
        event_id,
        instance_id: "i".into(),
        time: 2,
        body,
    };
    let said = Body::Message(MessageEvent {
        channel_id: "c".into(),
        classification: None,
        content: "x".into(),
        message_parts: vec![MessagePart(Part::Text("x".into()))],
        security_contexts: None,
        sender: "s".into(),
        sender_alias: None,
        subject: None,
        token: None,
    });
    let events = vec![
        event(1, said),
        event(
            2,
            Body::MetaData(MetaDataEvent {
                key: "k".into(),
                value: None,
            }),
        ),
        event(
            3,
            Body::ChannelState(ChannelStateEvent {
                active: true,
                channel_id: "c".into(),
            }),
        ),
    ];
    let root = root("collaboration");
    let text = format!(
        concat!(
            r#"<ArrayOfBaseSubscriptionEvent {root}>"#,
            r#"<BaseSubscriptionEvent i:type="MessageEvent"><EventId>1</EventId><InstanceId>i</InstanceId><Time>2</Time>"#,
            r#"<ChannelId>c</ChannelId><Classification i:nil="true"/><Content>x</Content><MessageParts>"#,
            r#"<BaseMessagePart i:type="PlainTextMessagePart"><Text>x</Text></BaseMessagePart></MessageParts>"#,
            r#"<SecurityContexts i:nil="true"/><Sender>s</Sender><SenderAlias i:nil="true"/><Subject i:nil="true"/>"#,
            r#"<Token i:nil="true"/></BaseSubscriptionEvent>"#,
            r#"<BaseSubscriptionEvent i:type="MetaDataEvent"><EventId>2</EventId><InstanceId>i</InstanceId><Time>2</Time>"#,
            r#"<Key>k</Key><Value i:nil="true"/></BaseSubscriptionEvent>"#,
            r#"<BaseSubscriptionEvent i:type="ChannelStateEvent"><EventId>3</EventId><InstanceId>i</InstanceId><Time>2</Time>"#,
            r#"<Active>true</Active><ChannelId>c</ChannelId></BaseSubscriptionEvent></ArrayOfBaseSubscriptionEvent>"#
        ),
        root = root
    );
    golden(&events, &text);
    golden(
        &Vec::<Event>::new(),
        &format!("<ArrayOfBaseSubscriptionEvent {root}/>"),
    );
}

#[test]
fn search() {
    let root = root("collaboration");
    let criteria = MessageSearchCriteria {
        channel_ids: vec!["chat-room:guid".into()],
        limit: 50,
        search_term: "test".into(),
        ..MessageSearchCriteria::default()
    };
    golden(
        &criteria,
        &format!(
            concat!(
                r#"<MessageSearchCriteria {root}><ChannelIds xmlns:a="{arrays}"><a:string>chat-room:guid</a:string></ChannelIds>"#,
                r#"<DaysBack>0</DaysBack><FromDate i:nil="true"/><Limit>50</Limit><MatchAll>false</MatchAll>"#,
                r#"<MatchCase>false</MatchCase><MatchExact>false</MatchExact><OnDate i:nil="true"/>"#,
                r#"<SearchTerm>test</SearchTerm><ToDate i:nil="true"/></MessageSearchCriteria>"#
            ),
            root = root,
            arrays = ARRAYS
        ),
    );
    let set = PostSearchResultSet {
        channel_id: "c".into(),
        count: 1,
        max_message_id: "1".into(),
        messages: vec![message(vec![Part::Text("hi".into()), code_block()])],
        min_message_id: "1".into(),
    };
    let inner = format!(
        "<ChannelId>c</ChannelId><Count>1</Count><MaxMessageId>1</MaxMessageId><Messages><Message>{MESSAGE}</Message></Messages><MinMessageId>1</MinMessageId>"
    );
    golden(
        &vec![set],
        &format!(
            "<ArrayOfPostSearchResultSet {root}><PostSearchResultSet>{inner}</PostSearchResultSet></ArrayOfPostSearchResultSet>"
        ),
    );
    golden(
        &Vec::<PostSearchResultSet>::new(),
        &format!("<ArrayOfPostSearchResultSet {root}/>"),
    );
}
