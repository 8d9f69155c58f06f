//! The statuses, and the order in which they are checked (§request/order).

use super::client;
use super::world::{MESSAGES, ROOM, World, refused};
use serde_json::json;

#[test]
fn without_a_valid_token_it_is_401_before_anything_else() {
    let world = World::new(&[]);
    for token in ["", "nonsense", &world.lene[..world.lene.len() - 1]] {
        // An unreadable body, a bad id, a missing right: none of these is checked yet.
        let messages = "/Collaboration/v1/Channels/nonsense/Messages";
        let requests = [
            ("GET", "/Collaboration/v1/Channels", ""),
            ("POST", messages, "{"),
            ("PUT", "/Provisioning/v1/Agents/%ff", ""),
        ];
        let refusals =
            requests.map(|(method, target, body)| (method, target, body, 401, "unauthorized"));
        refused(&world.gateway, token, &refusals);
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
    // Lene may not provision, but the request is checked before her right.
    let user = r#"{"UserId":"u","Username":"u"}"#;
    let messages = "/Collaboration/v1/Channels/chat-room:other/Messages";
    world.lene_is_refused(&[
        ("PUT", "/Provisioning/v1/Users/u", "{", 400, "invalid"),
        ("GET", "/Provisioning/v1/Agents//", "", 400, "invalid"),
        ("GET", "/Provisioning/v1/Agents/%00", "", 400, "invalid"),
        ("GET", "/Provisioning/v1/Agents/%ff", "", 400, "invalid"),
        ("PUT", "/Provisioning/v1/Users/u", user, 403, "forbidden"),
        (
            "GET",
            "/Provisioning/v1/Agents/nobody",
            "",
            403,
            "forbidden",
        ),
        ("POST", messages, "{", 400, "invalid"),
        ("POST", messages, r#"{"Text":"x"}"#, 403, "forbidden"),
    ]);
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
        let text = r#"{"Text":"x"}"#;
        world.lene_is_refused(&[
            ("GET", &base, "", status, code),
            ("GET", &format!("{base}/State"), "", status, code),
            ("GET", &format!("{base}/Messages?take=1"), "", status, code),
            ("POST", &format!("{base}/Messages"), text, status, code),
            (
                "POST",
                &format!("{base}/Me"),
                r#"{"IsComposing":true}"#,
                status,
                code,
            ),
            ("POST", &format!("{base}/File/a.txt"), "x", status, code),
        ]);
    }
}

#[test]
fn too_long_is_413_and_comes_before_429() {
    let world = World::new(&[]);
    let throttle = r#"{"Id":"none","Threshold":0,"Type":0,"Agents":["helper"]}"#;
    let text = |length: usize| json!({ "Text": "é".repeat(length) }).to_string();
    let story = |subject: usize, length: usize| {
        json!({ "Subject": "s".repeat(subject), "Text": "x".repeat(length) }).to_string()
    };
    world.lene("POST", MESSAGES, &text(500)).expect(200);
    world
        .root("PUT", "/Provisioning/v1/Throttles/none", throttle)
        .expect(200);
    for body in [text(501), story(501, 1), story(1, 4001)] {
        world
            .lene("POST", MESSAGES, &body)
            .expect_code(413, "too_large");
    }
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
    world.lene("POST", MESSAGES, &story(1, 4000)).expect(200);
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
    world.root_is_refused(&[
        ("GET", "/Collaboration/v1/Channels", "", 400, "invalid"),
        ("GET", "/Collaboration/v1/MetaData", "", 400, "invalid"),
        (
            "GET",
            "/Collaboration/v1/Events?last-event=0",
            "",
            400,
            "invalid",
        ),
        ("POST", MESSAGES, r#"{"Text":"x"}"#, 400, "invalid"),
        (
            "GET",
            "/Provisioning/v1/Channels?query=Op",
            "",
            400,
            "invalid",
        ),
    ]);
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
    // Only the engine can log a token out.
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
    let agents = |rest: &str| format!("/Provisioning/v1/Agents/{rest}");
    world.root_is_refused(&[
        ("GET", &agents("nobody"), "", 404, "not_found"),
        ("DELETE", &agents("nobody"), "", 404, "not_found"),
        (
            "PUT",
            &agents("nobody/Channels/chat-room:ops"),
            "",
            404,
            "not_found",
        ),
        (
            "DELETE",
            &agents("helper/Channels/chat-room:other"),
            "",
            404,
            "not_found",
        ),
        ("PUT", &agents("helper/Channels/other"), "", 400, "invalid"),
        ("GET", &agents("helper/MetaData/none"), "", 404, "not_found"),
        ("GET", "/Provisioning/v1/Users/nobody", "", 404, "not_found"),
        (
            "GET",
            "/Provisioning/v1/Throttles/none",
            "",
            404,
            "not_found",
        ),
        (
            "PUT",
            &agents("x"),
            r#"{"Id":"y","UserName":"sip:y"}"#,
            400,
            "invalid",
        ),
        ("GET", &agents("x"), "", 404, "not_found"),
    ]);
    let throttle = "/Provisioning/v1/Throttles/t";
    let body =
        |id: &str, kind: u8| format!(r#"{{"Id":"{id}","Threshold":1,"Type":{kind},"Agents":[]}}"#);
    world.root("PUT", throttle, &body("t", 0)).expect(200);
    world.root_is_refused(&[
        ("PUT", throttle, &body("t", 1), 400, "invalid"),
        ("PUT", throttle, &body("u", 0), 400, "invalid"),
    ]);
    // A 304 comes only while the channel is joined, and has no body.
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
