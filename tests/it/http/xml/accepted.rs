//! Rule 4, and every resource once as the workbooks of the vendor ask for it.

use super::super::client;
use super::super::world::{MESSAGES, ROOM, World};
use super::{ARRAYS, INSTANCE, SERIALIZATION, XML, bad, call, good, lene};
use serde_json::json;

const COLLABORATION: &str = "http://schemas.fcg.im/foundation/v1/collaboration";

#[test]
fn rule_04_accept_then_content_type_then_json() {
    let world = World::new(&[]);
    let authorization = format!("FCF {}", world.lene);
    let gui = "application/json, text/javascript, */*; q=0.01";
    for (accept, content_type, expected) in [
        (None, None, "application/json; charset=utf-8"),
        (Some("*/*"), None, "application/json; charset=utf-8"),
        (Some("*/*"), Some(XML), XML),
        (None, Some(XML), XML),
        (None, Some("text/xml"), XML),
        (Some("text/xml"), Some("application/json"), XML),
        (Some(gui), Some(XML), "application/json; charset=utf-8"),
        (
            Some("application/json"),
            Some("text/xml"),
            "application/json; charset=utf-8",
        ),
        (Some("application/xml"), None, XML),
        (
            Some("application/json;q=0.2, application/xml;q=0.9"),
            None,
            XML,
        ),
    ] {
        for (target, status) in [
            ("/Collaboration/v1/Channels", 200),
            ("/Collaboration/v1/Channels/chat-room:other", 403),
        ] {
            let mut headers = vec![("Authorization", authorization.as_str())];
            headers.extend(accept.map(|accept| ("Accept", accept)));
            headers.extend(content_type.map(|content_type| ("Content-Type", content_type)));
            let answer = client::send(
                world.gateway.address,
                &client::request("GET", target, &headers, b""),
            );
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (status, Some(expected)),
                "{accept:?} {content_type:?}"
            );
            let begin = match (expected, status) {
                (XML, _) => "<",
                (_, 200) => "[",
                _ => "{",
            };
            assert!(answer.body.starts_with(begin), "{answer:?}");
        }
    }
    // The format of the body is independent of the answer's: XML in and JSON out, and the reverse.
    for (content_type, accept, body) in [
        (XML, "application/json", "<Message><Text>x</Text></Message>"),
        ("application/json", "text/xml", r#"{"Text":"x"}"#),
    ] {
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Accept", accept),
            ("Content-Type", content_type),
        ];
        let answer = client::send(
            world.gateway.address,
            &client::request("POST", MESSAGES, &headers, body.as_bytes()),
        );
        let answer = answer.expect(200);
        assert!(
            answer.body.starts_with(if accept == "text/xml" {
                "<Message "
            } else {
                "{"
            }),
            "{answer:?}"
        );
    }
}

#[test]
fn authentication() {
    let world = World::new(&[]);
    let body = "<AuthenticationCredentials xmlns='http://schemas.fcg.im/foundation/v1/authentication'><AgentId>helper</AgentId><Password>lenes secret</Password><Username>lene</Username></AuthenticationCredentials>";
    let answer = good(call(&world, "POST", "/Authentication/V1/Tokens", "", body));
    let token = answer
        .strip_prefix(&format!("<string xmlns=\"{SERIALIZATION}\">"))
        .and_then(|rest| rest.strip_suffix("</string>"));
    let token = token.expect("a bare string");
    let details = good(call(
        &world,
        "GET",
        &format!("/Authentication/V1/Tokens/{token}"),
        "",
        "",
    ));
    let begin = format!(
        r#"<TokenDetails xmlns="http://schemas.fcg.im/foundation/v1/authentication" {INSTANCE}><AgentId>helper</AgentId><ExpiresTimestamp>"#
    );
    assert!(
        details.starts_with(&begin)
            && details.ends_with("</ExpiresTimestamp><Username>lene</Username></TokenDetails>"),
        "{details}"
    );
    let wrong = body.replace("lenes secret", "wrong");
    assert!(
        !bad(
            &call(&world, "POST", "/Authentication/V1/Tokens", "", &wrong),
            401
        )
        .is_empty()
    );
    bad(
        &call(&world, "GET", "/Authentication/V1/Tokens/x", "", ""),
        400,
    );
    bad(
        &call(&world, "GET", "/Collaboration/V1/Channels", "", ""),
        401,
    );
}

#[test]
fn collaboration() {
    let world = World::new(&[]);
    let document = format!(r#"xmlns="{COLLABORATION}" {INSTANCE}"#);
    let channels = lene(
        &world,
        "GET",
        "/Collaboration/V1/Channels?dt=14112026101112",
        "",
    );
    assert!(
        channels.starts_with(&format!(
            "<ArrayOfChannel {document}><Channel><CanAcceptFiles>true</CanAcceptFiles>"
        )),
        "{channels}"
    );
    let nil = format!(
        r#"<Metadata i:nil="true" xmlns:a="{ARRAYS}"/><SecurityContexts i:nil="true"/><Subject i:nil="true"/></Channel>"#
    );
    assert!(channels.contains(&nil), "{channels}");
    let channel = lene(
        &world,
        "GET",
        &format!("/Collaboration/V1/Channels/{ROOM}"),
        "",
    );
    assert!(
        channel.starts_with(&format!("<Channel {document}>"))
            && channel.contains("<Id>chat-room:ops</Id>"),
        "{channel}"
    );
    let state = lene(
        &world,
        "GET",
        &format!("/Collaboration/V1/Channels/{ROOM}/State"),
        "",
    );
    assert_eq!(
        state,
        format!(
            r#"<ChannelState {document}><PresenceState>Unknown</PresenceState><PresenceText i:nil="true"/><Subject i:nil="true"/></ChannelState>"#
        )
    );
    let composing = format!(
        "<ChannelAgentState xmlns='{COLLABORATION}'><IsComposing>true</IsComposing></ChannelAgentState>"
    );
    assert_eq!(
        lene(
            &world,
            "POST",
            &format!("/Collaboration/V1/Channels/{ROOM}/Me"),
            &composing
        ),
        ""
    );
    assert_eq!(
        lene(&world, "GET", "/Collaboration/V1/Metadata", ""),
        format!(r#"<ArrayOfKeyValueOfstringstring xmlns="{ARRAYS}"/>"#)
    );
    let upload = call(
        &world,
        "POST",
        &format!("/Collaboration/V1/Channels/{ROOM}/File/a.txt"),
        &world.lene,
        "<not read>",
    );
    assert_eq!(upload.expect(204).body, "");
}

#[test]
fn messages_and_events() {
    let world = World::new(&[]);
    let document = format!(r#"xmlns="{COLLABORATION}" {INSTANCE}"#);
    let none = lene(&world, "GET", &format!("{MESSAGES}?take=5"), "");
    assert_eq!(none, format!("<ArrayOfMessage {document}/>"));
    let text = format!(
        "<Message xmlns='{COLLABORATION}'><Id></Id><IsAlert>false</IsAlert><SenderId></SenderId><ChannelName></ChannelName><ChannelId></ChannelId><Subject></Subject><Text>a &lt; b\r\n&#13;</Text><Timestamp>0</Timestamp></Message>"
    );
    let posted = lene(&world, "POST", MESSAGES, &text);
    assert!(
        posted.starts_with(&format!(
            "<Message {document}><ChannelId>chat-room:ops</ChannelId>"
        )),
        "{posted}"
    );
    let said = "a &lt; b\n&#xD;";
    let parts = format!(
        r#"<MessageParts><BaseMessagePart i:type="PlainTextMessagePart"><Text>{said}</Text></BaseMessagePart></MessageParts>"#
    );
    assert!(
        posted.contains(&parts)
            && posted.contains(&format!(
                "</SenderId><Subject i:nil=\"true\"/><Text>{said}</Text>"
            )),
        "{posted}"
    );
    // What was said in XML is the same in JSON.
    assert_eq!(
        world
            .lene("GET", &format!("{MESSAGES}?take=1"), "")
            .expect(200)
            .json()[0]["Text"],
        "a < b\n\r"
    );
    let in_parts = "<Message><MessageParts><BaseMessagePart xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:type='CodeBlockMessagePart'><CodeBlock>let x;</CodeBlock></BaseMessagePart></MessageParts></Message>";
    let code = lene(&world, "POST", MESSAGES, in_parts);
    assert!(code.contains(r#"i:type="CodeBlockMessagePart"><CodeBlock>let x;</CodeBlock><DisplayMode>Inline</DisplayMode><Language i:nil="true"/>"#), "{code}");
    let all = lene(&world, "GET", &format!("{MESSAGES}?take=5"), "");
    assert!(
        all.starts_with(&format!("<ArrayOfMessage {document}><Message><ChannelId>"))
            && all.contains(&parts),
        "{all}"
    );

    let events = lene(
        &world,
        "GET",
        "/Collaboration/V1/Events?last-event=0&types=message,channel-state&dt14112026",
        "",
    );
    assert!(
        events.starts_with(&format!(
            r#"<ArrayOfBaseSubscriptionEvent {document}><BaseSubscriptionEvent i:type="ChannelStateEvent"><EventId>"#
        )),
        "{events}"
    );
    assert!(
        events.contains(r#"<BaseSubscriptionEvent i:type="MessageEvent"><EventId>"#),
        "{events}"
    );
    assert!(
        events.contains(&format!(
            "<Content>{said}</Content>{parts}<SecurityContexts i:nil=\"true\"/><Sender>"
        )),
        "{events}"
    );
    let last = world
        .events("last-event=0")
        .last()
        .map(|event| event["EventId"].clone())
        .expect("an event");
    let idle = lene(
        &world,
        "GET",
        &format!("/Collaboration/V1/Events?last-event={last}"),
        "",
    );
    assert_eq!(idle, format!("<ArrayOfBaseSubscriptionEvent {document}/>"));
    let gone = call(
        &world,
        "GET",
        "/Collaboration/V1/Events?last-event=0&instance=other",
        &world.lene,
        "",
    );
    bad(&gone, 410);
}

#[test]
fn search() {
    let world = World::new(&[]);
    for text in ["a test", "another", "test again"] {
        world.post(text);
    }
    let ask = |members: &str| {
        format!("<MessageSearchCriteria xmlns='{COLLABORATION}'>{members}</MessageSearchCriteria>")
    };
    let usual = format!(
        "<ChannelIds xmlns:a='{ARRAYS}'><a:string>{ROOM}</a:string></ChannelIds><DaysBack>0</DaysBack><FromDate></FromDate><Limit>50</Limit><MatchAll>false</MatchAll><MatchCase>false</MatchCase><MatchExact>false</MatchExact><OnDate>null</OnDate><SearchTerm>test</SearchTerm><ToDate>null</ToDate>"
    );
    let target = "/Collaboration/V1/Channels/Search";
    let found = lene(&world, "POST", target, &ask(&usual));
    let begin = format!(
        r#"<ArrayOfPostSearchResultSet xmlns="{COLLABORATION}" {INSTANCE}><PostSearchResultSet><ChannelId>{ROOM}</ChannelId><Count>2</Count><MaxMessageId>"#
    );
    assert!(
        found.starts_with(&begin)
            && found.contains("</MaxMessageId><Messages><Message><ChannelId>"),
        "{found}"
    );
    assert!(
        found.contains("</Message></Messages><MinMessageId>"),
        "{found}"
    );
    let nothing = format!(r#"<ArrayOfPostSearchResultSet xmlns="{COLLABORATION}" {INSTANCE}/>"#);
    assert_eq!(
        lene(
            &world,
            "POST",
            target,
            &ask("<SearchTerm>absent</SearchTerm>")
        ),
        nothing
    );
    assert_eq!(
        lene(&world, "POST", target, &ask("<OnDate>05/15/2012</OnDate>")),
        nothing
    );
    assert!(
        lene(&world, "POST", target, &ask("<DaysBack>1</DaysBack>")).contains("<Count>3</Count>")
    );
    // The vendor lists it as GET; one with a body is answered too.
    assert!(lene(&world, "GET", target, &ask(&usual)).starts_with(&begin));
    let wrong = call(
        &world,
        "POST",
        target,
        &world.lene,
        &ask("<OnDate>mm/dd/yyyy</OnDate>"),
    );
    assert!(bad(&wrong, 400).contains("`OnDate` is `mm/dd/yyyy`"));
    let foreign = "<ChannelIds><x>chat-room:other</x></ChannelIds>";
    bad(
        &call(&world, "POST", target, &world.lene, &ask(foreign)),
        403,
    );
    bad(
        &call(&world, "POST", target, &world.root, &ask(&usual)),
        400,
    );

    // The same in JSON, with the quotes that some clients put around every value.
    let answer = world.lene(
        "POST",
        "/Collaboration/v1/Channels/Search",
        r#"{"ChannelIds":[""],"DaysBack":"0","Limit":"1","SearchTerm":"TEST"}"#,
    );
    let sets = answer.expect(200).json();
    assert_eq!(
        (sets[0]["Count"].as_u64(), &sets[0]["Messages"][0]["Text"]),
        (Some(1), &json!("test again"))
    );
    assert_eq!(sets[0]["MaxMessageId"], sets[0]["MinMessageId"]);
    world
        .lene("GET", "/Collaboration/v1/Channels/Search", "")
        .expect_code(400, "invalid");
}
