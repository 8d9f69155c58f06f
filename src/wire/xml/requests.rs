//! Requests as the vendor's workbooks build them (§xml/requests), byte by byte, and the ways in
//! which other clients differ: order, prefixes, namespaces, unknown elements, `i:nil`, white space.

use super::*;
use crate::model::{
    self, AgentId, DisplayMode, NewMessage, Part, Privacy, ProvisioningMode, SearchCriteria,
    ThrottleKind,
};
use crate::wire::*;
use chrono::Utc;

const ARRAYS: &str = "xmlns:a='http://schemas.microsoft.com/2003/10/Serialization/Arrays'";
const COLLABORATION: &str = "xmlns='http://schemas.fcg.im/foundation/v1/collaboration'";
const PROVISIONING: &str = "xmlns='http://schemas.fcg.im/foundation/v1/provisioning'";

fn post(text: &str) -> Result<NewMessage> {
    decode::<PostedMessage>(text.as_bytes()).and_then(NewMessage::try_from)
}

#[test]
fn a_login() {
    let text = br"<AuthenticationCredentials xmlns='http://schemas.fcg.im/foundation/v1/authentication'><AgentId>agent_1</AgentId><Password>Password1</Password><Username>domain\user</Username></AuthenticationCredentials>";
    let credentials =
        model::Credentials::from(decode::<AuthenticationCredentials>(text).expect("fine"));
    assert_eq!(
        credentials,
        model::Credentials::agent(r"domain\user", "Password1", "agent_1")
    );
    let without = "<Password>Password1</Password><Username>domain\\user</Username>";
    for agent in [
        "",
        "<AgentId/>",
        "<AgentId></AgentId>",
        "<AgentId xmlns:i='x' i:nil='true'/>",
    ] {
        let text =
            format!("<AuthenticationCredentials>{agent}{without}</AuthenticationCredentials>");
        let credentials = model::Credentials::from(
            decode::<AuthenticationCredentials>(text.as_bytes()).expect("fine"),
        );
        assert_eq!(
            credentials,
            model::Credentials::super_user(r"domain\user", "Password1"),
            "{agent}"
        );
    }
}

#[test]
fn a_message() {
    let text = format!(
        "<Message {COLLABORATION}><Id></Id><IsAlert>false</IsAlert><SenderId></SenderId><ChannelName></ChannelName><ChannelId></ChannelId><Subject></Subject><Text>hello</Text><Timestamp>0</Timestamp></Message>"
    );
    assert_eq!(post(&text), Ok(NewMessage::text("hello")));
}

#[test]
fn a_message_in_parts() {
    let instance = "xmlns:i='http://www.w3.org/2001/XMLSchema-instance'";
    let text = format!(
        "<Message {COLLABORATION}><Id></Id><IsAlert>false</IsAlert><ChannelName></ChannelName><ChannelId></ChannelId><MessageParts><BaseMessagePart {instance} i:type='PlainTextMessagePart'><Text>see </Text></BaseMessagePart><BaseMessagePart {instance} i:type='CodeBlockMessagePart'><CodeBlock>a &lt; b</CodeBlock></BaseMessagePart></MessageParts><SenderId></SenderId><Subject></Subject><Timestamp>0</Timestamp></Message>"
    );
    let code = Part::CodeBlock {
        code: "a < b".into(),
        language: None,
        display: DisplayMode::Inline,
    };
    assert_eq!(
        post(&text),
        Ok(NewMessage::parts(vec![Part::Text("see ".into()), code]))
    );
}

#[test]
fn a_part_must_say_what_it_is() {
    for (part, reason) in [
        (
            "<BaseMessagePart><Text>t</Text></BaseMessagePart>",
            "`MessageParts[0]` has no `__type`",
        ),
        (
            "<BaseMessagePart type='PlainTextMessagePart'><Text>t</Text></BaseMessagePart>",
            "has no `__type`",
        ),
        (
            "<BaseMessagePart i:type='VideoMessagePart'><Text>t</Text></BaseMessagePart>",
            "the unknown `__type` `VideoMessagePart`",
        ),
        (
            "<BaseMessagePart i:type=''><Text>t</Text></BaseMessagePart>",
            "the unknown `__type` ``",
        ),
        (
            "<BaseMessagePart>text</BaseMessagePart>",
            "`MessageParts[0]` is `text`, an object is expected",
        ),
    ] {
        let error = post(&format!(
            "<Message><MessageParts>{part}</MessageParts></Message>"
        ))
        .expect_err(reason)
        .to_string();
        assert!(error.contains(reason), "{error}");
    }
    // A prefix in the value, which no answer of ours has, is another serializer's way.
    let prefixed = "<Message><MessageParts><p xsi:type='c:PlainTextMessagePart'><c:Text>t</c:Text></p></MessageParts></Message>";
    assert_eq!(post(prefixed), Ok(NewMessage::text("t")));
}

#[test]
fn composing() {
    let text = format!(
        "<ChannelAgentState {COLLABORATION}><IsComposing>true</IsComposing></ChannelAgentState>"
    );
    assert_eq!(
        decode(text.as_bytes()),
        Ok(ChannelAgentState { is_composing: true })
    );
    for (value, composing) in [
        ("1", true),
        ("TRUE", true),
        (" true\n", true),
        ("0", false),
        ("false", false),
        ("", false),
    ] {
        let text = format!("<x><IsComposing>{value}</IsComposing></x>");
        assert_eq!(
            decode(text.as_bytes()),
            Ok(ChannelAgentState {
                is_composing: composing
            }),
            "{value}"
        );
    }
    assert_eq!(
        decode(b"<ChannelAgentState/>"),
        Ok(ChannelAgentState {
            is_composing: false
        })
    );
}

#[test]
fn a_search() {
    let text = format!(
        "<MessageSearchCriteria {COLLABORATION}><ChannelIds {ARRAYS}><a:string>chat-room:guid</a:string></ChannelIds><DaysBack>0</DaysBack><FromDate></FromDate><Limit>50</Limit><MatchAll>false</MatchAll><MatchCase>false</MatchCase><MatchExact>false</MatchExact><OnDate>null</OnDate><SearchTerm>test</SearchTerm><ToDate>null</ToDate></MessageSearchCriteria>"
    );
    let asked = decode::<MessageSearchCriteria>(text.as_bytes())
        .and_then(|criteria| criteria.into_criteria(Utc::now()));
    let mut expected = SearchCriteria::words("test");
    expected.limit = 50;
    expected.channels = vec![model::ChannelId::parse("chat-room:guid").expect("id")];
    assert_eq!(asked, Ok(expected));
}

#[test]
fn an_agent() {
    let text = format!(
        "<ProvisionedAgent {PROVISIONING}><CanProvision>true</CanProvision><Channels xmlns:a='http://schemas.fcg.im/foundation/v1/provisioning'><a:ProvisionedChannel><a:Id>chat-room:guid</a:Id><a:State>Idle</a:State></a:ProvisionedChannel></Channels><Id>agent_1</Id><MetaData {ARRAYS}><a:KeyValueOfstringstring><a:Key>key1</a:Key><a:Value>value1</a:Value></a:KeyValueOfstringstring></MetaData><State>Idle</State><UserName>sip:agent@company.com</UserName><Users {ARRAYS}><a:string>user_1</a:string></Users></ProvisionedAgent>"
    );
    let id = AgentId::parse("agent_1").expect("id");
    let asked = decode::<ProvisionedAgent>(text.as_bytes()).and_then(|agent| agent.into_new(&id));
    let expected = model::NewAgent::new("agent_1", "sip:agent@company.com")
        .and_then(|agent| agent.channel("chat-room:guid"))
        .and_then(|agent| agent.user("user_1"));
    let mut expected = expected.expect("fine").metadata("key1", "value1");
    expected.can_provision = true;
    assert_eq!(asked, Ok(expected));
}

#[test]
fn users_throttles_and_metadata() {
    let user = format!(
        r"<ProvisionedUser {PROVISIONING}><UserId>user_1</UserId><Username>company\user</Username></ProvisionedUser>"
    );
    let user: ProvisionedUser = decode(user.as_bytes()).expect("fine");
    assert_eq!(
        (user.user_id.as_str(), user.username.as_str(), user.password),
        ("user_1", r"company\user", None)
    );
    for kind in ["MessagesPerMinute", "messagesperminute", "0"] {
        let throttle = format!(
            "<ProvisionedThrottle {PROVISIONING}><Agents {ARRAYS}><a:string>agent_1</a:string></Agents><Id>t</Id><Threshold>10</Threshold><Type>{kind}</Type></ProvisionedThrottle>"
        );
        let throttle: ProvisionedThrottle = decode(throttle.as_bytes()).expect("fine");
        assert_eq!(
            (throttle.agents, throttle.threshold),
            (vec!["agent_1".to_owned()], 10)
        );
        assert_eq!(throttle.kind, ThrottleKind::MessagesPerMinute);
    }
    let value = b"<string xmlns='http://schemas.microsoft.com/2003/10/Serialization/'>v</string>";
    assert_eq!(decode(value), Ok("v".to_owned()));
    let metadata = br#"<ArrayOfKeyValueOfstringstring xmlns="http://schemas.microsoft.com/2003/10/Serialization/Arrays"><KeyValueOfstringstring><Key>k1</Key><Value>v1</Value></KeyValueOfstringstring></ArrayOfKeyValueOfstringstring>"#;
    assert_eq!(
        decode(metadata),
        Ok(Dictionary(vec![("k1".into(), "v1".into())]))
    );
    let twice = "<d><e><Key>k</Key><Value>1</Value></e><e><Value>2</Value><Key>k</Key></e></d>";
    assert!(
        decode::<Dictionary>(twice.as_bytes())
            .expect_err("twice")
            .to_string()
            .contains("the key `k` is given twice")
    );
    let room = "<c><Privacy>Secret</Privacy><CategoryId>1</CategoryId><Name>N</Name><Members><x>sip:a</x></Members></c>";
    let room: NewManagedChannel = decode(room.as_bytes()).expect("fine");
    assert_eq!(
        (room.privacy, room.members),
        (Privacy::Secret, vec!["sip:a".to_owned()])
    );
}

#[test]
fn what_differs_without_meaning_anything_is_taken() {
    let laid_out = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<!-- by hand -->\n<?pi?>
        <p:ProvisionedAgent xmlns:p='http://schemas.datacontract.org/2004/07/Formicary.Fcf'>
            <Extra><Deep a='1'>x</Deep></Extra> stray
            <Users>
                <string>lene</string> <string/> <string xmlns:i='x' i:nil='1'/>
            </Users>
            <q:UserName><![CDATA[sip:]]>a<!-- no -->&#98;&#x63;</q:UserName>
            <Channels>
            </Channels>
            <MetaData/>
            <ProvisioningMode> 2 </ProvisioningMode>
            <p:Id>agent</p:Id>
        </p:ProvisionedAgent>\n<!-- end -->";
    let agent: ProvisionedAgent = decode(laid_out.as_bytes()).expect("fine");
    assert_eq!(
        (agent.id.as_str(), agent.user_name.as_str()),
        ("agent", "sip:abc")
    );
    assert_eq!(
        (agent.users, agent.channels.len()),
        (vec!["lene".to_owned()], 0)
    );
    assert_eq!(agent.provisioning_mode, Some(ProvisioningMode::System));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (text, reason) in [
        (
            "<Message><Text>a</Text><Text>b</Text></Message>",
            "the member `Text` is given twice",
        ),
        (
            "<Message><Text><b>a</b></Text></Message>",
            "`Text` is an element with others in it, a string is expected",
        ),
        (
            "<Message><IsAlert>perhaps</IsAlert><Text>a</Text></Message>",
            "`IsAlert` is `perhaps`",
        ),
        (
            "<Message>hello</Message>",
            "the body is `hello`, an object is expected",
        ),
        ("<Message/>", "says nothing"),
        (
            "<Message><Text xmlns:i='x' i:nil='true'>a</Text></Message>",
            "says nothing",
        ),
        (
            "<Message xmlns:i='x' i:nil='true'/>",
            "the body is null, an object is expected",
        ),
    ] {
        let error = post(text).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}
