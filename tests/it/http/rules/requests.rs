//! How a request is read: rules 1 to 8.

use super::super::client;
use super::super::world::{MESSAGES, ROOM, World};
use serde_json::json;

#[test]
fn rule_01_literals_ignore_case_variables_keep_it_and_a_trailing_slash_is_nothing() {
    let world = World::new(&[]);
    for path in [
        "/Collaboration/V1/Metadata",
        "/collaboration/v1/METADATA/",
        "/COLLABORATION/v1/MetaData",
    ] {
        assert_eq!(world.lene("GET", path, "").expect(200).body, "[]");
    }
    world
        .root("GET", "/provisioning/V1/agents/helper/", "")
        .expect(200);
    world
        .root("GET", "/Provisioning/v1/Agents/HELPER", "")
        .expect(404);
    let body = r#"{"Username":"lene","Password":"lenes secret","AgentId":"helper"}"#;
    world
        .gateway
        .call("POST", "/Authentication/V1/tokens/", "", body)
        .expect(200);
}

#[test]
fn rule_02_paths_are_split_before_they_are_decoded_and_plus_is_a_plus() {
    let world = World::new(&[]);
    for id in ["chat-room:ops", "chat-room%3aops", "chat-room%3Aops"] {
        let channel = world
            .lene("GET", &format!("/Collaboration/v1/Channels/{id}"), "")
            .expect(200)
            .json();
        assert_eq!(channel["Id"], ROOM);
    }
    world
        .root(
            "PUT",
            "/Provisioning/v1/Agents/helper/Channels/chat-room%3Aa%2Fb",
            "",
        )
        .expect(200);
    world.joined(&world.lene, "chat-room:a/b");
    let channel = world
        .lene("GET", "/Collaboration/v1/Channels/chat-room:a%2fb/", "")
        .expect(200)
        .json();
    assert_eq!(
        (&channel["Id"], &channel["DisplayName"]),
        (&json!("chat-room:a/b"), &json!("A slash"))
    );
    for (segment, key) in [
        ("a+b", "a+b"),
        ("a%20b", "a b"),
        ("100%25", "100%"),
        ("%F0%9F%A6%80%22'", "🦀\"'"),
    ] {
        let path = format!("/Provisioning/v1/Agents/helper/MetaData/{segment}");
        world.root("PUT", &path, "\"v\"").expect(200);
        let all = world
            .root("GET", "/Provisioning/v1/Agents/helper/MetaData", "")
            .expect(200)
            .json();
        assert!(
            all.as_array()
                .expect("a list")
                .contains(&json!({ "Key": key, "Value": "v" })),
            "{all}"
        );
        world.root("DELETE", &path, "\"\"").expect(200);
    }
}

#[test]
fn rule_03_unknown_query_parameters_of_any_shape_are_ignored() {
    let world = World::new(&[]);
    // Bare quotes are not among them: hyper takes no `"` in a query, and no client sends one
    // unescaped.
    for noise in [
        "%22%22&_=1795337346368",
        "dt14112026",
        "dt=1&dt14112026&=&&%ff",
        "&",
    ] {
        world
            .lene("GET", &format!("/Collaboration/v1/Channels?{noise}"), "")
            .expect(200);
        world
            .lene("GET", &format!("{MESSAGES}?take=1&{noise}"), "")
            .expect(200);
        assert!(!world.events(&format!("{noise}&last-event=0")).is_empty());
    }
}

#[test]
fn rule_05_the_scheme_is_fcf_in_any_case() {
    let world = World::new(&[]);
    for scheme in ["FCF", "fcf", "Fcf"] {
        let header = format!("{scheme} {}", world.lene);
        let request = client::request(
            "GET",
            "/Collaboration/v1/Channels",
            &[("authorization", &header)],
            b"",
        );
        client::send(world.gateway.address, &request).expect(200);
    }
}

#[test]
fn rule_06_a_token_is_a_bare_json_string() {
    let world = World::new(&[]);
    let body = r#"{"Username":"lene","Password":"lenes secret","AgentId":"helper"}"#;
    let answer = world
        .gateway
        .call("POST", "/Authentication/v1/Tokens", "", body)
        .expect(200);
    assert!(
        answer.body.starts_with('"') && answer.body.ends_with('"'),
        "{answer:?}"
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[test]
fn rule_07_tokens_are_safe_in_urls_and_headers() {
    let world = World::new(&[]);
    assert!(
        world
            .lene
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
        "not safe"
    );
    let details = world
        .gateway
        .get(&format!("/Authentication/v1/Tokens/{}", world.lene), "")
        .expect(200)
        .json();
    assert_eq!(
        (&details["AgentId"], &details["Username"]),
        (&json!("helper"), &json!("lene"))
    );
    assert!(details["ExpiresTimestamp"].is_i64());
    world
        .gateway
        .get("/Authentication/v1/Tokens/nonsense", &world.lene)
        .expect_code(400, "invalid");
    world
        .gateway
        .get(
            &format!("/Authentication/v1/Tokens/{}", &world.lene[1..]),
            "",
        )
        .expect_code(400, "invalid");
}

#[test]
fn rule_08_no_agent_in_three_ways_is_the_super_user() {
    let world = World::new(&[]);
    for agent in [r#""AgentId":"","#, r#""AgentId":null,"#, ""] {
        let body = format!(r#"{{{agent}"Username":"contoso\\SUPER","Password":"correct horse"}}"#);
        let token = world
            .gateway
            .call("POST", "/Authentication/v1/Tokens", "", &body)
            .expect(200)
            .json();
        let target = format!(
            "/Authentication/v1/Tokens/{}",
            token.as_str().expect("text")
        );
        assert_eq!(
            world.gateway.get(&target, "").expect(200).json()["AgentId"],
            ""
        );
        // For anybody else this is a wrong login.
        let body = format!(r#"{{{agent}"Username":"lene","Password":"lenes secret"}}"#);
        world
            .gateway
            .call("POST", "/Authentication/v1/Tokens", "", &body)
            .expect_code(401, "unauthorized");
    }
}
