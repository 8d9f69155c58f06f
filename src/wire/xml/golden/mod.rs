//! Every shape of a document in XML (§xml/output), as text, both ways.
//!
//! The answers are what .NET's serializer was measured to write, the requests what the vendor's
//! workbooks send. The workbooks compare the letters of
//! prefixes and take the first child whatever it is, so every byte of an answer matters.

mod collaboration;
mod provisioning;

use super::*;
use crate::model::{
    self, AgentState, DisplayMode, JoinState, ManagementMode, Part, PresenceState, Privacy,
    ProvisioningMode, ThrottleKind,
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
