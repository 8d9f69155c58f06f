//! Bad input: each gets its status and one sentence that says what was wrong; nothing panics, hangs
//! or writes half.

use super::client;
use super::world::{MESSAGES, NAMESPACE, ROOM, World};
use serde_json::json;

#[test]
fn unreadable_bodies() {
    let world = World::new(&[]);
    let deep = "[".repeat(200_000);
    for (body, reason) in [
        ("", "empty"),
        ("{", "EOF"),
        ("hello", "JSON"),
        ("[]", "an object is expected"),
        ("\"hello\"", "an object is expected"),
        ("null", "an object is expected"),
        (&deep, "recursion"),
        (r#"{"Text":"a","Text":"b"}"#, "given twice"),
        (r#"{"Text":"DOMAIN\user"}"#, "written twice"),
        (r#"{"Text":["x"]}"#, "`Text` is a list"),
        (
            r#"{"Text":"x","IsAlert":"perhaps"}"#,
            "`IsAlert` is `perhaps`",
        ),
        (r#"{"Text":""}"#, "says nothing"),
        (r#"{"MessageParts":[{"Text":"x"}]}"#, "no `__type`"),
        (
            r#"{"MessageParts":[{"Text":"x","__type":"PlainTextMessagePart:http://schemas.fcg.im/foundation/v1/collaboration"}]}"#,
            "not first",
        ),
        (
            r#"{"MessageParts":[{"__type":"PlainTextMessagePart","Text":"x"}]}"#,
            "`__type`",
        ),
        ("<Message><Text>x</Text></Message>", "JSON"),
    ] {
        let answer = world
            .lene("POST", MESSAGES, body)
            .expect_code(400, "invalid");
        let message = answer.json()["Message"]
            .as_str()
            .expect("a sentence")
            .to_owned();
        assert!(message.contains(reason), "{message}");
    }
    let request = client::request(
        "POST",
        MESSAGES,
        &[("Authorization", &format!("FCF {}", world.lene))],
        b"{\"Text\":\"\xff\"}",
    );
    client::send(world.gateway.address, &request).expect_code(400, "invalid");
    assert_eq!(
        world
            .lene("GET", &format!("{MESSAGES}?take=10"), "")
            .expect(200)
            .body,
        "[]",
        "something was posted"
    );
}

#[test]
fn wrong_documents_write_nothing() {
    let world = World::new(&[]);
    for body in [
        r#"{"Id":"new"}"#,
        r#"{"UserName":"sip:new"}"#,
        r#"{"Id":"other","UserName":"sip:new"}"#,
        r#"{"Id":"new","UserName":"sip:new","Channels":[{"Id":"chat-room:ops"},{"Id":"bad"}]}"#,
        r#"{"Id":"new","UserName":"sip:new","MetaData":[{"Key":"k","Value":"1"},{"Key":"k","Value":"2"}]}"#,
        r#"{"Id":"new","UserName":"sip:new","ProvisioningMode":9}"#,
        r#"{"Id":"new","UserName":"sip:new","ProvisioningMode":99999999999999999999}"#,
        r#"{"Id":"new","UserName":"sip:new","Users":[{}]}"#,
    ] {
        world
            .root("PUT", "/Provisioning/v1/Agents/new", body)
            .expect_code(400, "invalid");
        world
            .root("GET", "/Provisioning/v1/Agents/new", "")
            .expect(404);
    }
    for body in [
        r#"{"Id":"t","Threshold":-1,"Type":0}"#,
        r#"{"Id":"t","Threshold":99999999999,"Type":0}"#,
        r#"{"Id":"t","Threshold":1,"Type":3}"#,
        r#"{"Threshold":1,"Type":0}"#,
    ] {
        world
            .root("PUT", "/Provisioning/v1/Throttles/t", body)
            .expect_code(400, "invalid");
        world
            .root("GET", "/Provisioning/v1/Throttles/t", "")
            .expect(404);
    }
    for body in [
        r#"{"UserId":"u"}"#,
        r#"{"Username":"u"}"#,
        r#"{"UserId":"u","Username":"u","Password":""}"#,
    ] {
        world
            .root("PUT", "/Provisioning/v1/Users/u", body)
            .expect_code(400, "invalid");
        world
            .root("GET", "/Provisioning/v1/Users/u", "")
            .expect(404);
    }
    let twice = r#"[{"Key":"k","Value":"1"},{"Key":"k","Value":"1"}]"#;
    world
        .root("PUT", "/Provisioning/v1/Agents/helper/MetaData", twice)
        .expect_code(400, "invalid");
    world
        .root("PUT", "/Provisioning/v1/Agents/helper/MetaData/k", "{}")
        .expect_code(400, "invalid");
    assert_eq!(
        world
            .lene("GET", "/Collaboration/v1/MetaData", "")
            .expect(200)
            .body,
        "[]"
    );
}

#[test]
fn numbers_out_of_range() {
    let world = World::new(&[]);
    for query in [
        "",
        "take=0",
        "take=-1",
        "take=2147483648",
        "take=ten",
        "take=1.5",
        "take=",
        "take=1&take=2",
    ] {
        world
            .lene("GET", &format!("{MESSAGES}?{query}"), "")
            .expect_code(400, "invalid");
    }
    world
        .lene("GET", &format!("{MESSAGES}?take=2147483647"), "")
        .expect(200);
    for query in [
        "",
        "last-event=",
        "last-event=x",
        "last-event=99999999999999999999",
        "last-event=1e3",
    ] {
        world
            .lene("GET", &format!("/Collaboration/v1/Events?{query}"), "")
            .expect_code(400, "invalid");
    }
}

#[test]
fn bad_filters() {
    let world = World::new(&[]);
    let bomb = format!("({})", "a?".repeat(400)).repeat(8);
    for query in [
        "types=messages",
        "origin=here",
        "regex=(",
        "regex=%5B",
        &format!("regex={}", "a".repeat(1025)),
        &format!("regex={bomb}"),
        "regex=(((a%7B1000%7D)%7B1000%7D)%7B1000%7D)",
        "reader=%00",
    ] {
        world
            .lene(
                "GET",
                &format!("/Collaboration/v1/Events?last-event=0&{query}"),
                "",
            )
            .expect_code(400, "invalid");
    }
}

#[test]
fn a_regex_that_never_ends_ends_and_matches_nothing() {
    let world = World::new(&[]);
    world.post(&format!("{}b", "a".repeat(400)));
    let events = world.events("last-event=0&types=message&regex=(a%2B)%2B%5C1%24");
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn filters_that_name_nobody_match_nothing() {
    let world = World::new(&[]);
    world.post("hello");
    assert!(
        world
            .events("last-event=0&types=message&channels=nonsense,chat-room:none")
            .is_empty()
    );
    assert_eq!(
        world
            .events("last-event=0&types=message&channels=nonsense,chat-room:ops")
            .len(),
        1
    );
}

#[test]
fn bad_ids() {
    let world = World::new(&[]);
    let long = "x".repeat(1025);
    for id in ["%00", "%0A", "", &long, "%ff"] {
        // Two slashes with nothing between them are an empty id and a trailing slash.
        world
            .root("GET", &format!("/Provisioning/v1/Agents/{id}/"), "")
            .expect_code(400, "invalid");
        world
            .root("GET", &format!("/Provisioning/v1/Agents/{id}/Channels"), "")
            .expect_code(400, "invalid");
    }
    for id in ["ops", "chat-room:", "room:ops", "%20", "chat-room:%00"] {
        world
            .lene("GET", &format!("/Collaboration/v1/Channels/{id}"), "")
            .expect_code(400, "invalid");
    }
    let odd = "chat-room:50%25%20%22'%3C%F0%9F%A6%80%3E%2F..";
    world
        .lene("GET", &format!("/Collaboration/v1/Channels/{odd}"), "")
        .expect_code(403, "forbidden");
}

#[test]
fn a_token_cut_short() {
    let world = World::new(&[]);
    for length in [0, 1, world.lene.len() - 1] {
        world
            .gateway
            .get("/Collaboration/v1/Channels", &world.lene[..length])
            .expect_code(401, "unauthorized");
    }
    let wrong = r#"{"Username":"lene","Password":"wrong","AgentId":"helper"}"#;
    world
        .gateway
        .call("POST", "/Authentication/v1/Tokens", "", wrong)
        .expect_code(401, "unauthorized");
    for body in [
        "",
        "{",
        "[]",
        r#"{"Username":["lene"]}"#,
        r#"{"Username":"contoso\lene"}"#,
        r#"{"Username":"contoso\bot"}"#,
    ] {
        let answer = world
            .gateway
            .call("POST", "/Authentication/v1/Tokens", "", body)
            .expect_code(400, "invalid");
        if body.contains('\\') {
            assert!(answer.body.contains("twice"), "{answer:?}");
        }
    }
}

#[test]
fn every_part_is_read_and_old_ones_too() {
    let world = World::new(&[]);
    let part = |name: &str, members: &str| {
        format!(r#"{{"__type":"{name}MessagePart:{NAMESPACE}",{members}}}"#)
    };
    for (sent, kept) in [
        (
            part(
                "UserLink",
                r#""DisplayName":"Lene","UserId":"contact:lene""#,
            ),
            part(
                "ChannelLink",
                r#""ChannelId":"contact:lene","ChannelName":"Lene""#,
            ),
        ),
        (
            part("CodeBlock", r#""CodeBlock":"x","DisplayMode":"1""#),
            part(
                "CodeBlock",
                r#""CodeBlock":"x","DisplayMode":1,"Language":null"#,
            ),
        ),
        (
            part("Emoji", r#""Text":"🦀""#),
            part("Emoji", r#""Text":"🦀""#),
        ),
    ] {
        let answer = world
            .lene(
                "POST",
                MESSAGES,
                &format!(r#"{{"MessageParts":[null,{sent}]}}"#),
            )
            .expect(200);
        assert!(
            answer.body.contains(&format!(r#""MessageParts":[{kept}]"#)),
            "{answer:?}"
        );
    }
}

#[test]
fn uploads_have_a_cap_and_a_name() {
    let world = World::new(&[]);
    let upload = |name: &str, body: &str| {
        world.lene(
            "POST",
            &format!("/Collaboration/v1/Channels/{ROOM}/File/{name}"),
            body,
        )
    };
    upload("%00", "x").expect_code(400, "invalid");
    upload("large.bin", &"x".repeat(17 * 1024 * 1024)).expect_code(413, "too_large");
    upload("fits.bin", &"x".repeat(2 * 1024 * 1024)).expect(204);
    let posted = json!({ "Text": "still here" }).to_string();
    world.lene("POST", MESSAGES, &posted).expect(200);
}
