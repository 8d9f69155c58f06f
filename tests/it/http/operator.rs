//! The operator's resources over HTTP.

use super::world::{ROOM, World};
use serde_json::json;

#[test]
fn how_an_agent_stands_and_why() {
    let world = World::new(&["--loopback-control"]);
    world.events("last-event=0&reader=main&types=message");
    world
        .root(
            "PUT",
            "/Provisioning/v1/Agents/helper/Channels/chat-room:nowhere",
            "",
        )
        .expect(200);
    let agents = world.read("/Gateway/v1/Agents");
    let helper = &agents[0];
    assert_eq!(
        (&helper["Id"], &helper["State"]),
        (&"helper".into(), &"Active".into()),
        "{agents}"
    );
    assert!(
        helper["Since"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z')),
        "{agents}"
    );
    assert_eq!(helper["Readers"][0]["Name"], "main");
    assert!(helper["Readers"][0]["Lag"].is_u64());
    let one = world.read("/gateway/v1/agents/helper");
    let channel = |id: &str| {
        one["Channels"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["Id"] == id))
            .cloned()
    };
    assert_eq!(channel(ROOM).expect("there")["State"], "Active");
    assert!(
        channel("chat-room:nowhere").expect("there")["Reason"].is_string(),
        "{one}"
    );
    world.root_is_refused(&[
        ("GET", "/Gateway/v1/Agents/nobody", "", 404, "not_found"),
        ("GET", "/Gateway/v2/Agents", "", 404, "not_found"),
        ("PUT", "/Gateway/v1/Agents", "", 405, "method_not_allowed"),
    ]);
    // Refused are strangers, and agents without the right to provision.
    world
        .gateway
        .get("/Gateway/v1/Agents", "")
        .expect_code(401, "unauthorized");
    world.lene_is_refused(&[
        ("GET", "/Gateway/v1/Agents", "", 403, "forbidden"),
        ("GET", "/Gateway/v1/Agents/helper", "", 403, "forbidden"),
        ("GET", "/Gateway/v1/Agents/nobody", "", 403, "forbidden"),
        ("GET", "/Gateway/v1/Audit", "", 403, "forbidden"),
    ]);
    world.put_agent(
        "helper",
        json!({ "Users": ["lene"], "ProvisioningMode": 2 }),
    );
    world.lene("GET", "/Gateway/v1/Agents", "").expect(200);
}

#[test]
fn a_named_reader_is_listed_and_forgotten() {
    let world = World::new(&[]);
    world.events("last-event=0&reader=main&types=message");
    let readers = "/Gateway/v1/Agents/helper/Readers";
    let listed = world.read(readers);
    assert_eq!(
        (listed.as_array().map(Vec::len), &listed[0]["Name"]),
        (Some(1), &"main".into()),
        "{listed}"
    );
    let main = format!("{readers}/main");
    world
        .lene("DELETE", &main, "")
        .expect_code(403, "forbidden");
    world.root("DELETE", &main, "").expect(200);
    assert_eq!(world.read(readers), json!([]));
    world.root_is_refused(&[
        ("DELETE", &main, "", 404, "not_found"),
        (
            "GET",
            "/Gateway/v1/Agents/nobody/Readers",
            "",
            404,
            "not_found",
        ),
    ]);
}

#[test]
fn what_was_changed_by_whom() {
    let world = World::new(&[]);
    let all = world.read("/Gateway/v1/Audit");
    let all = all.as_array().expect("a list");
    assert!(
        all[0]["Who"]
            .as_str()
            .is_some_and(|who| who.starts_with("super:")),
        "{all:?}"
    );
    assert!(
        all.iter()
            .any(|entry| entry["Subject"] == "helper" && entry["After"].is_object()),
        "{all:?}"
    );
    assert!(!format!("{all:?}").contains("lenes secret"));
    let rest = world
        .root(
            "GET",
            &format!("/Gateway/v1/Audit?since={}&limit=1", all[0]["Number"]),
            "",
        )
        .expect(200)
        .json();
    assert_eq!(rest.as_array().map(Vec::len), Some(1));
    assert_eq!(rest[0]["Number"], all[1]["Number"]);
    world
        .root("GET", "/Gateway/v1/Audit?since=soon", "")
        .expect_code(400, "invalid");
}

#[test]
fn the_description_names_every_resource() {
    let world = World::new(&["--loopback-control"]);
    let description = world.gateway.get("/openapi.json", "").expect(200).json();
    assert_eq!(description["openapi"], "3.1.0");
    let paths = description["paths"].as_object().expect("paths");
    for resource in switchboard::wire::route::TABLE {
        let path = paths
            .get(resource.path)
            .unwrap_or_else(|| panic!("{} is not described", resource.path));
        for (method, _) in resource.methods {
            let operation = &path[method.to_lowercase()];
            assert!(
                operation["responses"].is_object(),
                "{method} {}",
                resource.path
            );
        }
    }
    assert!(paths.contains_key("/Gateway/v1/Agents"));
}
