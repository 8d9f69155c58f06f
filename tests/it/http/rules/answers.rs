//! How an answer looks: rules 9 to 17.

use super::super::world::{MESSAGES, NAMESPACE, ROOM, World};
use serde_json::{Value, json};

#[test]
fn rule_09_success_is_200_and_204_for_uploads_alone() {
    let world = World::new(&[]);
    world.lene("POST", MESSAGES, r#"{"Text":"x"}"#).expect(200);
    world
        .lene(
            "POST",
            &format!("/Collaboration/v1/Channels/{ROOM}/Me"),
            r#"{"IsComposing":"true"}"#,
        )
        .expect(200);
    world
        .root(
            "PUT",
            "/Provisioning/v1/Users/new",
            r#"{"UserId":"new","Username":"new"}"#,
        )
        .expect(200);
    world
        .root("DELETE", "/Provisioning/v1/Users/new", "\"\"")
        .expect(200);
    let upload = world.lene(
        "POST",
        &format!("/Collaboration/v1/Channels/{ROOM}/File/notes%2Fa%20b.txt"),
        "twelve bytes",
    );
    assert_eq!(upload.expect(204).body, "");
    let newest = world
        .lene("GET", &format!("{MESSAGES}?take=1"), "")
        .expect(200)
        .json();
    assert!(
        newest[0]["MessageParts"]
            .as_array()
            .is_some_and(|parts| !parts.is_empty()),
        "{newest}"
    );
}

#[test]
fn rule_10_void_operations_answer_an_empty_body() {
    let world = World::new(&[]);
    for (method, path, body) in [
        (
            "PUT",
            "/Provisioning/v1/Users/new",
            r#"{"UserId":"new","Username":"new"}"#,
        ),
        (
            "PUT",
            "/Provisioning/v1/Agents/helper/MetaData",
            r#"[{"Key":"k","Value":"v"}]"#,
        ),
        ("PUT", "/Provisioning/v1/Agents/helper/MetaData/k", "\"w\""),
        ("DELETE", "/Provisioning/v1/Agents/helper/MetaData/k", ""),
        (
            "PUT",
            "/Provisioning/v1/Throttles/t",
            r#"{"Id":"t","Threshold":"10","Type":"0","Agents":[]}"#,
        ),
        ("DELETE", "/Provisioning/v1/Throttles/t", ""),
        ("DELETE", "/Provisioning/v1/Users/new", ""),
    ] {
        let answer = world.root(method, path, body).expect(200);
        assert_eq!(
            (answer.body.as_str(), answer.header("content-length")),
            ("", Some("0")),
            "{method} {path}"
        );
    }
}

#[test]
fn rule_11_a_post_answers_the_message() {
    let world = World::new(&[]);
    let message = world.post("hello");
    assert_eq!(
        (&message["ChannelId"], &message["Text"]),
        (&json!(ROOM), &json!("hello"))
    );
    let newest = world
        .lene("GET", &format!("{MESSAGES}?take=1&before="), "")
        .expect(200)
        .json();
    assert_eq!(newest, json!([message]));
    // `before` is exclusive, and oldest comes first.
    let second = world.post("again");
    let both = world
        .lene("GET", &format!("{MESSAGES}?take=2"), "")
        .expect(200)
        .json();
    assert_eq!(both, json!([message, second]));
    let token = second["Token"].as_str().expect("text");
    let older = world
        .lene("GET", &format!("{MESSAGES}?take=1&before={token}"), "")
        .expect(200)
        .json();
    assert_eq!(older, json!([message]));
    let none = world
        .lene("GET", &format!("{MESSAGES}?take=1&before=never-issued"), "")
        .expect(200)
        .json();
    assert_eq!(none, json!([]));
}

#[test]
fn rule_12_enumerations_are_numbers() {
    let world = World::new(&[]);
    let agent = world
        .root("GET", "/Provisioning/v1/Agents/helper", "")
        .expect(200)
        .json();
    for name in ["State", "ProvisioningMode", "ManagementMode"] {
        assert!(agent[name].is_u64(), "{agent}");
    }
    assert_eq!(agent["Channels"][0], json!({ "Id": ROOM, "State": 2 }));
    let state = world
        .lene(
            "GET",
            &format!("/Collaboration/v1/Channels/{ROOM}/State"),
            "",
        )
        .expect(200);
    assert_eq!(
        state.body,
        r#"{"PresenceState":0,"PresenceText":null,"Subject":null}"#
    );
}

#[test]
fn rule_13_dictionaries_are_lists_of_keys_and_values_and_a_plain_object_will_do() {
    let world = World::new(&[]);
    let metadata = "/Provisioning/v1/Agents/helper/MetaData";
    for (sent, kept) in [
        (
            r#"[{"Key":"k","Value":"v"}]"#,
            r#"[{"Key":"k","Value":"v"}]"#,
        ),
        (r#"{"k":"w"}"#, r#"[{"Key":"k","Value":"w"}]"#),
        ("{}", "[]"),
        ("[]", "[]"),
    ] {
        world.root("PUT", metadata, sent).expect(200);
        assert_eq!(world.root("GET", metadata, "").expect(200).body, kept);
        assert_eq!(
            world
                .lene("GET", "/Collaboration/v1/MetaData", "")
                .expect(200)
                .body,
            kept
        );
    }
    world
        .put_agent("finder", json!({ "Users": ["lene"], "MetaData": {}, "ProvisioningMode": "3", "Channels": [{ "Id": ROOM }] }));
    let finder = world.gateway.log_in("lene", "lenes secret", "finder");
    world.joined(&finder, ROOM);
    let found = world
        .gateway
        .get("/Provisioning/v1/Channels?query=operat", &finder)
        .expect(200);
    assert_eq!(
        found.body,
        r#"[{"Key":"chat-room:ops","Value":"Operations"}]"#
    );
}

#[test]
fn rule_14_quoted_numbers_and_truth_values_are_taken() {
    let world = World::new(&[]);
    let agent = r#"{"CanProvision":"true","Channels":[{"State":"0","Id":"chat-room:ops"}],"Id":"q","ManagementMode":"2",
        "MetaData":[],"ProvisioningMode":"2","State":"0","UserName":"loopback:q","Users":[]}"#;
    world
        .root("PUT", "/Provisioning/v1/Agents/q", agent)
        .expect(200);
    let put = world
        .root("GET", "/Provisioning/v1/Agents/q", "")
        .expect(200)
        .json();
    assert_eq!(
        (
            &put["CanProvision"],
            &put["ProvisioningMode"],
            &put["ManagementMode"]
        ),
        (&json!(true), &json!(2), &json!(2))
    );
    let throttle = r#"{"Agents":["q"],"Id":"t","Threshold":"10","Type":"0"}"#;
    world
        .root("PUT", "/Provisioning/v1/Throttles/t", throttle)
        .expect(200);
    let kept = world
        .root("GET", "/Provisioning/v1/Throttles/t", "")
        .expect(200);
    assert_eq!(
        kept.body,
        r#"{"Agents":["q"],"Id":"t","Threshold":10,"Type":0}"#
    );
    world
        .lene("POST", MESSAGES, r#"{"IsAlert":"false","Text":"x"}"#)
        .expect(200);
    world
        .lene(
            "POST",
            "/Collaboration/v1/Channels/contact:parrot/Me",
            r#"{"IsComposing":"true"}"#,
        )
        .expect(200);
}

#[test]
fn rule_15_holes_in_lists_are_skipped() {
    let world = World::new(&[]);
    let agent = r#"{"Id":"holes","UserName":"loopback:holes","Channels":[null,{"Id":"chat-room:ops"},""],
        "MetaData":[{"Key":"a","Value":"1"},null,{"Key":"b","Value":"2"}],"Users":[""]}"#;
    world
        .root("PUT", "/Provisioning/v1/Agents/holes", agent)
        .expect(200);
    let put = world
        .root("GET", "/Provisioning/v1/Agents/holes", "")
        .expect(200)
        .json();
    assert_eq!(
        (put["Channels"].as_array().map(Vec::len), &put["Users"]),
        (Some(1), &json!([]))
    );
    assert_eq!(
        put["MetaData"],
        json!([{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }])
    );
}

#[test]
fn rule_16_type_is_the_first_member_of_every_part_and_event() {
    let world = World::new(&[]);
    world.post("hello");
    world
        .root("PUT", "/Provisioning/v1/Agents/helper/MetaData/k", "\"v\"")
        .expect(200);
    let text = world
        .lene("GET", "/Collaboration/v1/Events?last-event=0", "")
        .expect(200)
        .body;
    for kind in ["MessageEvent", "MetaDataEvent", "ChannelStateEvent"] {
        assert!(
            text.contains(&format!(r#"{{"__type":"{kind}:{NAMESPACE}","EventId":"#)),
            "{text}"
        );
    }
    assert!(
        text.contains(&format!(
            r#""MessageParts":[{{"__type":"PlainTextMessagePart:{NAMESPACE}","Text":"hello"}}]"#
        )),
        "{text}"
    );
}

#[test]
fn rule_17_what_clients_dereference_is_never_null() {
    let world = World::new(&[]);
    let parts = json!({ "MessageParts": [
        { "__type": format!("HashtagMessagePart:{NAMESPACE}"), "Hashtag": "#now" },
        { "__type": format!("PlainTextMessagePart:{NAMESPACE}"), "Text": " look at " },
        { "__type": format!("HyperlinkMessagePart:{NAMESPACE}"), "Text": "this", "Url": "https://example.org" },
        { "__type": format!("CodeBlockMessagePart:{NAMESPACE}"), "CodeBlock": "let x;", "DisplayMode": "Block" },
        { "__type": format!("EmojiMessagePart:{NAMESPACE}"), "Text": "🦀" },
    ]});
    let text = parts.to_string();
    let message = world
        .lene("POST", MESSAGES, &type_first(&text))
        .expect(200)
        .json();
    assert_eq!(message["Text"], "#now look at thislet x;🦀");
    for name in ["Id", "SenderId", "Text", "Token"] {
        assert!(message[name].is_string(), "{message}");
    }
    assert!(message["Timestamp"].is_i64());
    let events = world.events("last-event=0&types=message");
    let event = &events[0];
    assert_eq!(
        (&event["Content"], &event["ChannelId"], &event["Token"]),
        (&message["Text"], &json!(ROOM), &message["Id"])
    );
    assert!(event["Sender"].is_string() && event["Time"].is_i64());
    assert_eq!(event["MessageParts"], message["MessageParts"]);
}

/// Moves every `__type` to the front of its object.
fn type_first(text: &str) -> String {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let parts = value["MessageParts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| {
            let members = part.as_object().expect("an object").iter();
            let (first, rest): (Vec<_>, Vec<_>) = members.partition(|(name, _)| *name == "__type");
            let members: Vec<String> = first
                .iter()
                .chain(&rest)
                .map(|(name, value)| format!("{name:?}:{value}"))
                .collect();
            format!("{{{}}}", members.join(","))
        });
    format!(
        r#"{{"MessageParts":[{}]}}"#,
        parts.collect::<Vec<_>>().join(",")
    )
}
