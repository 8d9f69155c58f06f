//! The management service over HTTP (§management/calls), in both formats.

use super::client;
use super::gateway::Gateway;
use super::world::World;
use serde_json::{Value, json};

const CHANNELS: &str = "/Management/v1/Channels";

/// Lene's token for `keeper`, an agent that may manage.
fn keeper(world: &World) -> String {
    world.put_agent("keeper", json!({ "Users": ["lene"], "ManagementMode": "2", "Channels": [{ "Id": "chat-room:ops" }] }));
    let token = world.gateway.log_in("lene", "lenes secret", "keeper");
    world.joined(&token, "chat-room:ops");
    token
}

fn in_xml(gateway: &Gateway, method: &str, target: &str, token: &str, body: &str) -> String {
    let authorization = format!("FCF {token}");
    let headers = [
        ("Content-Type", "text/xml"),
        ("Authorization", authorization.as_str()),
    ];
    let answer = client::send(
        gateway.address,
        &client::request(method, target, &headers, body.as_bytes()),
    )
    .expect(200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/xml; charset=utf-8")
    );
    answer.body
}

#[test]
fn a_room_lives_and_ends_in_json() {
    let world = World::new(&[]);
    let keeper = keeper(&world);
    let call =
        |method: &str, target: &str, body: &str| world.gateway.call(method, target, &keeper, body);
    assert_eq!(
        call("GET", "/Management/v1/Test", "").expect(200).body,
        "true"
    );
    let categories = call("GET", "/management/V1/CATEGORIES/", "")
        .expect(200)
        .json();
    let category = categories[0]["Id"]
        .as_str()
        .expect("one by default")
        .to_owned();
    assert!(categories[0]["Name"].is_string());
    let new = json!({ "CategoryId": category, "Description": "", "Members": ["loopback:keeper", null], "Name": "Vault", "Privacy": "2" });
    let id = call("POST", CHANNELS, &new.to_string()).expect(200).json();
    let id = id.as_str().expect("a bare string");
    assert_eq!(
        call("GET", &format!("{CHANNELS}/{id}"), "")
            .expect(200)
            .json(),
        json!({ "Id": id, "Name": "Vault", "Privacy": 2 })
    );
    let all = call("GET", CHANNELS, "").expect(200).json();
    assert!(
        all.as_array()
            .is_some_and(|all| all.iter().any(|room: &Value| room["Id"] == id)),
        "{all}"
    );
    let members = format!("{CHANNELS}/{id}/Members");
    assert_eq!(
        call("GET", &members, "").expect(200).body,
        r#"["loopback:keeper"]"#
    );
    assert_eq!(
        call(
            "PUT",
            &members,
            r#"["loopback:keeper","resource:CN=Group,DC=x"]"#
        )
        .expect(200)
        .body,
        ""
    );
    assert_eq!(
        call("GET", &members, "").expect(200).json()[1],
        "resource:CN=Group,DC=x"
    );
    assert_eq!(
        call("DELETE", &format!("{CHANNELS}/{id}"), "")
            .expect(200)
            .body,
        ""
    );
    call("GET", &format!("{CHANNELS}/{id}"), "").expect_code(404, "not_found");
}

#[test]
fn a_room_lives_in_xml() {
    let world = World::new(&[]);
    let keeper = keeper(&world);
    let call = |method: &str, target: &str, body: &str| {
        in_xml(&world.gateway, method, target, &keeper, body)
    };
    let document = r#"xmlns="http://schemas.fcg.im/foundation/v1/management" xmlns:i="http://www.w3.org/2001/XMLSchema-instance""#;
    let categories = call("GET", "/Management/v1/Categories", "");
    assert!(
        categories.starts_with(&format!("<ArrayOfCategory {document}><Category><Id>")),
        "{categories}"
    );
    let category = categories
        .split("<Id>")
        .nth(1)
        .and_then(|rest| rest.split("</Id>").next())
        .expect("an id");
    let new = format!(
        "<NewManagedChannel><Privacy>Closed</Privacy><Name>Vault</Name><CategoryId>{category}</CategoryId><Members><a:string>loopback:keeper</a:string></Members></NewManagedChannel>"
    );
    let id = call("POST", CHANNELS, &new);
    let id = id
        .strip_suffix("</string>")
        .and_then(|id| id.rsplit_once('>'))
        .expect("a bare string")
        .1;
    assert_eq!(
        call("GET", &format!("{CHANNELS}/{id}"), ""),
        format!(
            "<ManagedChannel {document}><Id>{id}</Id><Name>Vault</Name><Privacy>Closed</Privacy></ManagedChannel>"
        )
    );
    assert!(call("GET", CHANNELS, "").starts_with(&format!(
        "<ArrayOfManagedChannel {document}><ManagedChannel>"
    )));
    let list = r#"<ArrayOfstring xmlns="http://schemas.microsoft.com/2003/10/Serialization/Arrays" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><string>sip:a</string></ArrayOfstring>"#;
    assert_eq!(call("PUT", &format!("{CHANNELS}/{id}/Members"), list), "");
    assert_eq!(call("GET", &format!("{CHANNELS}/{id}/Members"), ""), list);
    assert_eq!(call("DELETE", &format!("{CHANNELS}/{id}"), ""), "");
}

#[test]
fn who_may_not_manage() {
    let world = World::new(&[]);
    let keeper = keeper(&world);
    for target in ["/Management/v1/Test", "/Management/v1/Categories", CHANNELS] {
        world
            .gateway
            .get(target, "")
            .expect_code(401, "unauthorized");
        world.lene("GET", target, "").expect_code(403, "forbidden");
        world.root("GET", target, "").expect_code(400, "invalid");
    }
    for body in [
        "{",
        "[]",
        r#"{"Name":"x"}"#,
        r#"{"CategoryId":"1","Name":""}"#,
        r#"{"CategoryId":"1","Name":"x","Privacy":3}"#,
    ] {
        world
            .gateway
            .call("POST", CHANNELS, &keeper, body)
            .expect_code(400, "invalid");
    }
    world
        .gateway
        .get(&format!("{CHANNELS}/nonsense"), &keeper)
        .expect_code(400, "invalid");
    world
        .gateway
        .get(&format!("{CHANNELS}/chat-room:none"), &keeper)
        .expect_code(404, "not_found");
}
