//! Messages that live over HTTP, and that clients of the contract see nothing new.

use super::client::Answer;
use super::world::{MESSAGES, NAMESPACE, ROOM, World};
use serde_json::{Value, json};

const REACTIONS: &str = "/Collaboration/v1/Channels/chat-room:ops/Reactions";

fn events(world: &World, types: &str) -> Vec<Value> {
    let target = format!("/Collaboration/v1/Events?last-event=0{types}");
    let events = world.lene("GET", &target, "").expect(200).json();
    events.as_array().expect("a list").clone()
}

fn changes(world: &World) -> Vec<String> {
    let events = events(world, "&types=message-change");
    let one = |event: &Value| {
        assert_eq!(event["__type"], format!("MessageChangeEvent:{NAMESPACE}"));
        let said = event["Content"].as_str().expect("a text");
        let set: Vec<&str> = event["Reactions"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let reason = event["Reason"].as_str().unwrap_or_default();
        format!(
            "{} {said}{}{reason}",
            event["Kind"].as_str().expect("a kind"),
            set.concat()
        )
    };
    events.iter().map(one).collect()
}

#[test]
fn an_alert_is_edited_acknowledged_and_taken_back_by_its_key_or_its_id() {
    for flags in [&[][..], &["--events", "buffered"]] {
        let world = World::new(flags);
        let alert = r#"{"Text":"Pump 3: firing","IsAlert":true,"Key":"alert 17/a"}"#;
        let posted = world.lene("POST", MESSAGES, alert).expect(200).json();
        let id = posted["Id"].as_str().expect("an id");
        let again = world.lene("POST", MESSAGES, alert).expect(200).json();
        assert_eq!(again["Id"], id, "`Key` is an Idempotency-Key");
        let by_key = format!("{MESSAGES}?key=alert%2017%2Fa");
        let by_id = format!("{MESSAGES}/{id}");
        let edited = world.lene("PUT", &by_key, r#"{"Text":"Pump 3: resolved"}"#);
        let edited = edited.expect(200).json();
        assert_eq!(
            (&edited["Id"], &edited["Text"]),
            (&json!(id), &json!("Pump 3: resolved"))
        );
        assert!(edited["Edited"].is_i64(), "{edited}");
        assert_eq!(world.lene("GET", &by_key, "").expect(200).json(), edited);
        assert_eq!(world.lene("GET", &by_id, "").expect(200).json(), edited);
        let answer = json!({ "Text": "who?", "InReplyTo": id }).to_string();
        let answer = world.lene("POST", MESSAGES, &answer).expect(200).json();
        let target = format!("{MESSAGES}/{}", answer["Id"].as_str().expect("an id"));
        let answer = world.lene("GET", &target, "").expect(200).json();
        assert_eq!(answer["InReplyTo"], id);
        let set = r#"["👍","👍","🎉"]"#;
        let reacted = world
            .lene("PUT", &format!("{by_id}/Reactions"), set)
            .expect(200)
            .json();
        assert_eq!(reacted["Reactions"][0]["Reactions"], json!(["👍", "🎉"]));
        assert_eq!(reacted["Reactions"][0]["SenderId"], "loopback:helper");
        let key = format!("{REACTIONS}?key=alert%2017%2Fa");
        let reacted = world.lene("PUT", &key, "[]").expect(200).json();
        assert_eq!(reacted["Reactions"], json!([]));
        let told = ["edited Pump 3: resolved", "reactions 👍🎉", "reactions "];
        assert_eq!(changes(&world), told);
        let target = format!("{by_key}&reason=posted%20twice");
        let gone = world.lene("DELETE", &target, "").expect(200).json();
        assert_eq!(
            (&gone["Text"], &gone["Retracted"]["Reason"]),
            (&json!(""), &json!("posted twice"))
        );
        assert_eq!(world.lene("DELETE", &by_id, "").expect(200).json(), gone);
        // What was taken back is told nobody any more.
        let told = ["edited ", told[1], told[2], "retracted posted twice"];
        assert_eq!(changes(&world), told, "{flags:?}");
        world.lene("PUT", &by_id, r#"{"Text":"x"}"#).expect(409);
    }
}

/// Whatever a client of the contract asks, it is told of three kinds of events only.
#[test]
fn no_client_is_given_a_kind_of_event_that_it_did_not_ask_for() {
    let world = World::new(&[]);
    let posted = world
        .lene("POST", MESSAGES, r#"{"Text":"one"}"#)
        .expect(200)
        .json();
    let target = format!("{MESSAGES}/{}", posted["Id"].as_str().expect("an id"));
    world.lene("PUT", &target, r#"{"Text":"two"}"#).expect(200);
    for types in [
        "",
        "&types=",
        "&types=message",
        "&types=message,meta-data,channel-state",
    ] {
        for event in events(&world, types) {
            let kind = event["__type"].as_str().expect("a kind");
            assert!(!kind.starts_with("MessageChange"), "{types}: {event}");
        }
    }
    // History is the contract's document, with what the message says now.
    let history = world
        .lene("GET", &format!("{MESSAGES}?take=1"), "")
        .expect(200)
        .json();
    assert_eq!(history[0]["Text"], "two");
    assert!(history[0].get("Edited").is_none(), "{history}");
    let both = events(&world, "&types=message-change,message");
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn what_cannot_be_changed_is_said_with_its_status() {
    let world = World::new(&["--loopback-control"]);
    let person = "/Loopback/v1/Persons/bob";
    world.root("PUT", person, "{}").expect(200);
    let say = json!({ "Channel": ROOM, "Text": "his" }).to_string();
    let said = world
        .root("POST", &format!("{person}/Say"), &say)
        .expect(200)
        .json();
    let his = format!("{MESSAGES}/{}", said["Id"].as_str().expect("an id"));
    // A poll waits for it.
    let is_there = |_| !events(&world, "&types=message").is_empty();
    assert!((0..60).any(is_there), "it comes");
    let edit = r#"{"Text":"x"}"#;
    world.lene("PUT", &his, edit).expect(403);
    let none = format!("{MESSAGES}/no%2Fsuch");
    let refused = |answer: Answer, text: &str| {
        let told = answer.json();
        let message = told["Message"].as_str().expect("a message");
        assert!(message.contains(text), "{message}");
    };
    refused(world.lene("GET", &none, "").expect(404), "no/such");
    refused(world.lene("PUT", &none, edit).expect(404), "no/such");
    // As the contract has it.
    world.lene("PUT", MESSAGES, edit).expect(405);
    world.lene("DELETE", MESSAGES, "").expect(405);
    let no_key = "`key` is missing";
    refused(world.lene("PUT", REACTIONS, "[]").expect(400), no_key);
    let empty = format!("{MESSAGES}?key=");
    refused(world.lene("DELETE", &empty, "").expect(400), no_key);
    refused(
        world
            .lene("PUT", &format!("{none}?key=k"), edit)
            .expect(400),
        "not both",
    );
    refused(
        world
            .lene("GET", &format!("{MESSAGES}?key=none"), "")
            .expect(404),
        "key",
    );
    refused(world.lene("PUT", &his, "{}").expect(400), "says nothing");
    let reactions = format!("{his}/Reactions");
    let long = json!(["x".repeat(65)]).to_string();
    refused(world.lene("PUT", &reactions, &long).expect(400), "65 bytes");
    world.lene("PUT", &reactions, r#"{"a":1}"#).expect(400);
    let both = r#"{"Text":"x","Key":"a"}"#;
    let headers = [("Idempotency-Key", "b")];
    let answer = world
        .gateway
        .call_with("POST", MESSAGES, &world.lene, &headers, both);
    refused(answer.expect(400), "not both");
    world.lene("POST", &his, edit).expect(405);
    // The super user acts through no agent.
    world.root("GET", &his, "").expect(400);
}

#[test]
fn xml_has_the_same_documents() {
    let world = World::new(&[]);
    let posted = world
        .lene("POST", MESSAGES, r#"{"Text":"one"}"#)
        .expect(200)
        .json();
    let target = format!("{MESSAGES}/{}", posted["Id"].as_str().expect("an id"));
    let xml = [
        ("Accept", "application/xml"),
        ("Content-Type", "application/xml"),
    ];
    let set = "<ArrayOfstring xmlns='http://schemas.microsoft.com/2003/10/Serialization/Arrays'><string>👍</string></ArrayOfstring>";
    let reacted = world.gateway.call_with(
        "PUT",
        &format!("{target}/Reactions"),
        &world.lene,
        &xml,
        set,
    );
    let body = reacted.expect(200).body;
    assert!(body.contains("<Edited i:nil=\"true\"/>"), "{body}");
    assert!(body.contains("👍</a:string>"), "{body}");
    let events = "/Collaboration/v1/Events?last-event=0&types=message-change";
    let events = world
        .gateway
        .call_with("GET", events, &world.lene, &xml[..1], "");
    let body = events.expect(200).body;
    assert!(body.contains("i:type=\"MessageChangeEvent\""), "{body}");
}
