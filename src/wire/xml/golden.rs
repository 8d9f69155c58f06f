//! Every shape of a document in XML (§xml/output), as text, both ways.
//!
//! The answers are what .NET's serializer was measured to write, the requests what the vendor's
//! workbooks send. The workbooks compare the letters of
//! prefixes and take the first child whatever it is, so every byte of an answer matters.

use super::*;
use crate::model::{
    self, AgentState, DisplayMode, ManagementMode, Part, PresenceState, Privacy, ProvisioningMode,
    ThrottleKind,
};
use crate::wire::*;
use std::fmt::Debug;

const TIME: i64 = 1_370_990_873_148;

/// The contract's namespaces in an answer's root.
fn root(service: &str) -> String {
    let instance = r#"xmlns:i="http://www.w3.org/2001/XMLSchema-instance""#;
    format!(r#"xmlns="http://schemas.fcg.im/foundation/v1/{service}" {instance}"#)
}

const ARRAYS: &str = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";

#[track_caller]
fn golden<T: Document + Read + PartialEq + Debug>(document: &T, text: &str) {
    assert_eq!(String::from_utf8(encode(document)).expect("UTF-8"), text);
    assert_eq!(decode::<T>(text.as_bytes()).as_ref(), Ok(document));
}

fn message(parts: Vec<Part>) -> Message {
    Message {
        channel_id: "c".into(),
        classification: None,
        id: "1".into(),
        is_alert: false,
        message_parts: parts.into_iter().map(MessagePart).collect(),
        security_contexts: None,
        sender_alias: None,
        sender_id: "s".into(),
        subject: None,
        text: "hi".into(),
        timestamp: TIME,
        token: "t1".into(),
    }
}

fn code_block() -> Part {
    Part::CodeBlock {
        code: "x".into(),
        language: Some("js".into()),
        display: DisplayMode::Block,
    }
}

/// What is inside of a `<Message>`.
const MESSAGE: &str = concat!(
    r#"<ChannelId>c</ChannelId><Classification i:nil="true"/><Id>1</Id><IsAlert>false</IsAlert><MessageParts>"#,
    r#"<BaseMessagePart i:type="PlainTextMessagePart"><Text>hi</Text></BaseMessagePart>"#,
    r#"<BaseMessagePart i:type="CodeBlockMessagePart"><CodeBlock>x</CodeBlock><DisplayMode>Block</DisplayMode>"#,
    r#"<Language>js</Language></BaseMessagePart></MessageParts><SecurityContexts i:nil="true"/>"#,
    r#"<SenderAlias i:nil="true"/><SenderId>s</SenderId><Subject i:nil="true"/><Text>hi</Text>"#,
    r#"<Timestamp>1370990873148</Timestamp><Token>t1</Token>"#
);

#[test]
fn strings() {
    let namespace = r#"xmlns="http://schemas.microsoft.com/2003/10/Serialization/""#;
    golden(
        &"TOKEN".to_owned(),
        &format!("<string {namespace}>TOKEN</string>"),
    );
    golden(&String::new(), &format!("<string {namespace}></string>"));
    golden(
        &" a\r\n<b>&".to_owned(),
        &format!("<string {namespace}> a&#xD;\n&lt;b&gt;&amp;</string>"),
    );
    assert_eq!(
        encode(&true),
        format!("<boolean {namespace}>true</boolean>").into_bytes()
    );
}

#[test]
fn string_lists_and_dictionaries_at_the_root_have_no_prefix() {
    let instance = r#"xmlns:i="http://www.w3.org/2001/XMLSchema-instance""#;
    let members = vec!["sip:a".to_owned(), "resource:CN=B".to_owned()];
    let text = format!(
        r#"<ArrayOfstring xmlns="{ARRAYS}" {instance}><string>sip:a</string><string>resource:CN=B</string></ArrayOfstring>"#
    );
    golden(&members, &text);
    golden(
        &Vec::<String>::new(),
        &format!(r#"<ArrayOfstring xmlns="{ARRAYS}" {instance}/>"#),
    );
    golden(
        &Dictionary(vec![("k1".into(), "v1".into())]),
        &format!(
            r#"<ArrayOfKeyValueOfstringstring xmlns="{ARRAYS}"><KeyValueOfstringstring><Key>k1</Key><Value>v1</Value></KeyValueOfstringstring></ArrayOfKeyValueOfstringstring>"#
        ),
    );
    golden(
        &Dictionary::default(),
        &format!(r#"<ArrayOfKeyValueOfstringstring xmlns="{ARRAYS}"/>"#),
    );
}

#[test]
fn token_details() {
    let details = TokenDetails {
        agent_id: String::new(),
        expires_timestamp: TIME,
        username: r"domain\user".into(),
    };
    golden(
        &details,
        &format!(
            r"<TokenDetails {}><AgentId></AgentId><ExpiresTimestamp>1370990873148</ExpiresTimestamp><Username>domain\user</Username></TokenDetails>",
            root("authentication")
        ),
    );
}

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

fn agent() -> ProvisionedAgent {
    ProvisionedAgent {
        can_provision: true,
        channels: vec![ProvisionedChannel {
            id: "chat-room:1".into(),
            state: AgentState::Active,
        }],
        id: "a".into(),
        management_mode: Some(ManagementMode::Groups),
        meta_data: Dictionary(vec![("k".into(), "v".into())]),
        provisioning_mode: Some(ProvisioningMode::System),
        state: AgentState::Active,
        user_name: "sip:a".into(),
        users: vec!["user1".into()],
    }
}

#[test]
fn agents() {
    let root = root("provisioning");
    let full = format!(
        concat!(
            r#"<CanProvision>true</CanProvision><Channels><ProvisionedChannel><Id>chat-room:1</Id><State>Active</State>"#,
            r#"</ProvisionedChannel></Channels><Id>a</Id><ManagementMode>Groups</ManagementMode><MetaData xmlns:a="{arrays}">"#,
            r#"<a:KeyValueOfstringstring><a:Key>k</a:Key><a:Value>v</a:Value></a:KeyValueOfstringstring></MetaData>"#,
            r#"<ProvisioningMode>System</ProvisioningMode><State>Active</State><UserName>sip:a</UserName>"#,
            r#"<Users xmlns:a="{arrays}"><a:string>user1</a:string></Users>"#
        ),
        arrays = ARRAYS
    );
    golden(
        &agent(),
        &format!("<ProvisionedAgent {root}>{full}</ProvisionedAgent>"),
    );
    golden(
        &vec![agent()],
        &format!(
            "<ArrayOfProvisionedAgent {root}><ProvisionedAgent>{full}</ProvisionedAgent></ArrayOfProvisionedAgent>"
        ),
    );
    let empty = ProvisionedAgent {
        channels: Vec::new(),
        meta_data: Dictionary::default(),
        users: Vec::new(),
        provisioning_mode: Some(ProvisioningMode::Own),
        management_mode: None,
        ..agent()
    };
    let text = String::from_utf8(encode(&empty)).expect("UTF-8");
    for part in [
        "<Channels/>",
        &format!(r#"<MetaData xmlns:a="{ARRAYS}"/>"#),
        &format!(r#"<Users xmlns:a="{ARRAYS}"/>"#),
        "<ProvisioningMode>Self</ProvisioningMode>",
        "<ManagementMode>Unspecified</ManagementMode>",
    ] {
        assert!(text.contains(part), "{text}");
    }
    golden(&empty, &text);
}

#[test]
fn users_and_throttles() {
    let root = root("provisioning");
    let user = ProvisionedUser {
        password: None,
        user_id: "user_1".into(),
        username: r"company\user".into(),
    };
    golden(
        &user,
        &format!(
            r"<ProvisionedUser {root}><UserId>user_1</UserId><Username>company\user</Username></ProvisionedUser>"
        ),
    );
    let kind = ThrottleKind::MessagesPerMinute;
    let throttle = ProvisionedThrottle {
        agents: vec!["agent_1".into()],
        id: "t".into(),
        threshold: 10,
        kind,
    };
    golden(
        &throttle,
        &format!(
            r#"<ProvisionedThrottle {root}><Agents xmlns:a="{ARRAYS}"><a:string>agent_1</a:string></Agents><Id>t</Id><Threshold>10</Threshold><Type>MessagesPerMinute</Type></ProvisionedThrottle>"#
        ),
    );
    let channel = ProvisionedChannel {
        id: "contact:a".into(),
        state: AgentState::Activating,
    };
    golden(
        &vec![channel],
        &format!(
            "<ArrayOfProvisionedChannel {root}><ProvisionedChannel><Id>contact:a</Id><State>Activating</State></ProvisionedChannel></ArrayOfProvisionedChannel>"
        ),
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

#[test]
fn management() {
    let root = root("management");
    golden(
        &vec![Category {
            id: "1".into(),
            name: "One".into(),
        }],
        &format!(
            "<ArrayOfCategory {root}><Category><Id>1</Id><Name>One</Name></Category></ArrayOfCategory>"
        ),
    );
    golden(
        &ManagedChannel {
            id: "chat-room:1".into(),
            name: "One".into(),
            privacy: Privacy::Secret,
        },
        &format!(
            "<ManagedChannel {root}><Id>chat-room:1</Id><Name>One</Name><Privacy>Secret</Privacy></ManagedChannel>"
        ),
    );
    golden(
        &NewManagedChannel {
            category_id: "1".into(),
            description: None,
            members: vec!["sip:a".into()],
            name: "One".into(),
            privacy: Privacy::Closed,
        },
        &format!(
            r#"<NewManagedChannel {root}><CategoryId>1</CategoryId><Description i:nil="true"/><Members xmlns:a="{ARRAYS}"><a:string>sip:a</a:string></Members><Name>One</Name><Privacy>Closed</Privacy></NewManagedChannel>"#
        ),
    );
}

#[test]
fn errors_are_of_no_namespace() {
    let body = ErrorBody::of(&crate::Error::invalid("`a<b` is no id"), "r-1");
    let text = "<Error><Code>invalid</Code><Message>`a&lt;b` is no id</Message><RequestId>r-1</RequestId></Error>";
    assert_eq!(String::from_utf8(encode(&body)).expect("UTF-8"), text);
}

#[test]
fn what_xml_cannot_carry_is_replaced() {
    let text = String::from_utf8(encode("a\u{0}b\u{1b}\u{ffff}\rc")).expect("UTF-8");
    assert!(
        text.ends_with(">a\u{fffd}b\u{fffd}\u{fffd}&#xD;c</string>"),
        "{text}"
    );
}

/// The model takes what the documents read, so that a request in XML does what the same one in JSON
/// does.
#[test]
fn an_agent_put_in_xml_is_the_agent_put_in_json() {
    let id = model::AgentId::parse("a").expect("id");
    let from_xml =
        decode::<ProvisionedAgent>(&encode(&agent())).and_then(|agent| agent.into_new(&id));
    let from_json = json::decode::<ProvisionedAgent>(&json::encode(&agent()))
        .and_then(|agent| agent.into_new(&id));
    assert!(from_xml.is_ok());
    assert_eq!(from_xml, from_json);
}
