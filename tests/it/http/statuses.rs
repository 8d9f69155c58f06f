//! The statuses, and the order in which they are checked (§request/order).

use super::client;
use super::world::{MESSAGES, ROOM, World};
use serde_json::json;

#[test]
fn without_a_valid_token_it_is_401_before_anything_else() {
    let world = World::new(&[]);
    for token in ["", "nonsense", &world.lene[..world.lene.len() - 1]] {
        world
            .gateway
            .get("/Collaboration/v1/Channels", token)
            .expect_code(401, "unauthorized");
        // Unreadable, a bad id, not allowed: none of that is looked at yet.
        world
            .gateway
            .call(
                "POST",
                "/Collaboration/v1/Channels/nonsense/Messages",
                token,
                "{",
            )
            .expect_code(401, "unauthorized");
        world
            .gateway
            .call("PUT", "/Provisioning/v1/Agents/%ff", token, "")
            .expect_code(401, "unauthorized");
    }
    for scheme in ["Basic", "Bearer", "FCFX"] {
        let header = format!("{scheme} {}", world.lene);
        let request = client::request(
            "GET",
            "/Collaboration/v1/Channels",
            &[("Authorization", &header)],
            b"",
        );
        client::send(world.gateway.address, &request).expect_code(401, "unauthorized");
    }
}

#[test]
fn what_cannot_be_read_is_400_before_403() {
    let world = World::new(&[]);
    // Lene may not provision; yet first the request must be one.
    world
        .lene("PUT", "/Provisioning/v1/Users/u", "{")
        .expect_code(400, "invalid");
    world
        .lene("GET", "/Provisioning/v1/Agents//", "")
        .expect_code(400, "invalid");
    world
        .lene("GET", "/Provisioning/v1/Agents/%00", "")
        .expect_code(400, "invalid");
    world
        .lene("GET", "/Provisioning/v1/Agents/%ff", "")
        .expect_code(400, "invalid");
    world
        .lene(
            "PUT",
            "/Provisioning/v1/Users/u",
            r#"{"UserId":"u","Username":"u"}"#,
        )
        .expect_code(403, "forbidden");
    world
        .lene("GET", "/Provisioning/v1/Agents/nobody", "")
        .expect_code(403, "forbidden");
    world
        .lene(
            "POST",
            "/Collaboration/v1/Channels/chat-room:other/Messages",
            "{",
        )
        .expect_code(400, "invalid");
    world
        .lene(
            "POST",
            "/Collaboration/v1/Channels/chat-room:other/Messages",
            r#"{"Text":"x"}"#,
        )
        .expect_code(403, "forbidden");
}

#[test]
fn an_unprovisioned_channel_is_403_and_one_that_could_not_be_joined_404() {
    let world = World::new(&[]);
    let (nowhere, other) = ("chat-room:nowhere", "chat-room:other");
    world
        .root(
            "PUT",
            &format!("/Provisioning/v1/Agents/helper/Channels/{nowhere}"),
            "",
        )
        .expect(200);
    for (channel, status, code) in [
        (nowhere, 404, "channel_inactive"),
        (other, 403, "forbidden"),
    ] {
        let base = format!("/Collaboration/v1/Channels/{channel}");
        world.lene("GET", &base, "").expect_code(status, code);
        world
            .lene("GET", &format!("{base}/State"), "")
            .expect_code(status, code);
        world
            .lene("GET", &format!("{base}/Messages?take=1"), "")
            .expect_code(status, code);
        world
            .lene("POST", &format!("{base}/Messages"), r#"{"Text":"x"}"#)
            .expect_code(status, code);
        world
            .lene("POST", &format!("{base}/Me"), r#"{"IsComposing":true}"#)
            .expect_code(status, code);
        world
            .lene("POST", &format!("{base}/File/a.txt"), "x")
            .expect_code(status, code);
    }
}

#[test]
fn too_long_is_413_and_comes_before_429() {
    let world = World::new(&[]);
    let throttle = r#"{"Id":"none","Threshold":0,"Type":0,"Agents":["helper"]}"#;
    let text = |length: usize| json!({ "Text": "é".repeat(length) }).to_string();
    world.lene("POST", MESSAGES, &text(500)).expect(200);
    world
        .root("PUT", "/Provisioning/v1/Throttles/none", throttle)
        .expect(200);
    world
        .lene("POST", MESSAGES, &text(501))
        .expect_code(413, "too_large");
    world
        .lene(
            "POST",
            MESSAGES,
            &json!({ "Subject": "s".repeat(501), "Text": "x" }).to_string(),
        )
        .expect_code(413, "too_large");
    world
        .lene(
            "POST",
            MESSAGES,
            &json!({ "Subject": "s", "Text": "x".repeat(4001) }).to_string(),
        )
        .expect_code(413, "too_large");
    let refused = world
        .lene("POST", MESSAGES, &text(1))
        .expect_code(429, "throttled");
    assert!(
        refused
            .header("retry-after")
            .and_then(|seconds| seconds.parse().ok())
            .is_some_and(|seconds: u64| seconds >= 1)
    );
    world
        .root("DELETE", "/Provisioning/v1/Throttles/none", "")
        .expect(200);
    world
        .lene(
            "POST",
            MESSAGES,
            &json!({ "Subject": "s", "Text": "x".repeat(4000) }).to_string(),
        )
        .expect(200);
}

#[test]
fn a_document_over_one_mebibyte_is_413_and_the_answer_is_heard() {
    let world = World::new(&[]);
    let body = json!({ "Text": "x".repeat(2 * 1024 * 1024) }).to_string();
    world
        .lene("POST", MESSAGES, &body)
        .expect_code(413, "too_large");
    // One that only says it is large, and waits to be asked for it, is told without being asked.
    let authorization = format!("FCF {}", world.lene);
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Expect", "100-continue"),
        ("Content-Length", "99999999"),
    ];
    let head = client::request("DELETE", MESSAGES, &headers, b"");
    let head = String::from_utf8(head)
        .expect("UTF-8")
        .replacen("DELETE", "POST", 1);
    client::send(world.gateway.address, head.as_bytes()).expect_code(413, "too_large");
}

#[test]
fn a_super_user_token_on_collaboration_is_400() {
    let world = World::new(&[]);
    for target in [
        "/Collaboration/v1/Channels",
        "/Collaboration/v1/MetaData",
        "/Collaboration/v1/Events?last-event=0",
    ] {
        world.root("GET", target, "").expect_code(400, "invalid");
    }
    world
        .root("POST", MESSAGES, r#"{"Text":"x"}"#)
        .expect_code(400, "invalid");
    world
        .root("GET", "/Provisioning/v1/Channels?query=Op", "")
        .expect_code(400, "invalid");
}

#[test]
fn another_version_path_or_method_is_told_apart() {
    let world = World::new(&[]);
    for target in [
        "/Collaboration/v2/Channels",
        "/Collaboration/Channels",
        "/nothing",
        "/",
        "/Provisioning/v1/Agents/a/b",
    ] {
        world.lene("GET", target, "").expect_code(404, "not_found");
    }
    let refused = world
        .lene("PUT", MESSAGES, "{}")
        .expect_code(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    // Log-out is the engine's alone.
    world
        .root(
            "DELETE",
            &format!("/Authentication/v1/Tokens/{}", world.lene),
            "",
        )
        .expect_code(405, "method_not_allowed");
    world
        .lene("GET", "/Collaboration/v1/Channels", "")
        .expect(200);
    assert_eq!(refused.reason, "Method Not Allowed");
    let options = world
        .gateway
        .call("OPTIONS", "/Collaboration/v1/Channels", "", "")
        .expect(204);
    assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
    world.gateway.call("OPTIONS", "*", "", "").expect(204);
    let head = world
        .lene("HEAD", "/Collaboration/v1/Channels", "")
        .expect(200);
    assert_eq!(head.body, "");
}

#[test]
fn provisioning_statuses() {
    let world = World::new(&[]);
    world
        .root("GET", "/Provisioning/v1/Agents/nobody", "")
        .expect_code(404, "not_found");
    world
        .root("DELETE", "/Provisioning/v1/Agents/nobody", "")
        .expect_code(404, "not_found");
    world
        .root(
            "PUT",
            "/Provisioning/v1/Agents/nobody/Channels/chat-room:ops",
            "",
        )
        .expect_code(404, "not_found");
    world
        .root(
            "DELETE",
            "/Provisioning/v1/Agents/helper/Channels/chat-room:other",
            "",
        )
        .expect_code(404, "not_found");
    world
        .root("PUT", "/Provisioning/v1/Agents/helper/Channels/other", "")
        .expect_code(400, "invalid");
    world
        .root("GET", "/Provisioning/v1/Agents/helper/MetaData/none", "")
        .expect_code(404, "not_found");
    world
        .root("GET", "/Provisioning/v1/Users/nobody", "")
        .expect_code(404, "not_found");
    world
        .root("GET", "/Provisioning/v1/Throttles/none", "")
        .expect_code(404, "not_found");
    let put = |body: &str| world.root("PUT", "/Provisioning/v1/Throttles/t", body);
    put(r#"{"Id":"t","Threshold":1,"Type":0,"Agents":[]}"#).expect(200);
    put(r#"{"Id":"t","Threshold":1,"Type":1,"Agents":[]}"#).expect_code(400, "invalid");
    put(r#"{"Id":"u","Threshold":1,"Type":0,"Agents":[]}"#).expect_code(400, "invalid");
    world
        .root(
            "PUT",
            "/Provisioning/v1/Agents/x",
            r#"{"Id":"y","UserName":"sip:y"}"#,
        )
        .expect_code(400, "invalid");
    world
        .root("GET", "/Provisioning/v1/Agents/x", "")
        .expect_code(404, "not_found");
    // 304 only while it is joined; nothing is in it.
    let again = world
        .root(
            "PUT",
            &format!("/Provisioning/v1/Agents/helper/Channels/{ROOM}"),
            "",
        )
        .expect(304);
    assert_eq!(again.body, "");
}

#[test]
fn events_of_another_instance_are_410() {
    let world = World::new(&[]);
    let event = &world.events("last-event=0")[0];
    let (instance, id) = (
        event["InstanceId"].as_str().expect("text"),
        event["EventId"].as_i64().expect("a number"),
    );
    let ask = |query: String| world.lene("GET", &format!("/Collaboration/v1/Events?{query}"), "");
    ask(format!("last-event={}&instance={instance}", id - 1)).expect(200);
    ask("last-event=0&instance=another".to_owned()).expect_code(410, "instance_gone");
    ask(format!("last-event=2000000000&instance={instance}")).expect_code(410, "instance_gone");
    // Without an instance, a number above the newest counts as 0.
    assert!(!world.events("last-event=2000000000").is_empty());
}
