//! `--loopback-control`: the chat system's people and faults over HTTP.

use super::world::{ROOM, World};
use serde_json::json;

#[test]
fn it_is_off_unless_asked_for_and_the_super_users_alone() {
    let plain = World::new(&[]);
    plain
        .root("POST", "/Loopback/v1/Cut", r#"{"Name":"helper"}"#)
        .expect_code(404, "not_found");
    let world = World::new(&["--loopback-control"]);
    world
        .gateway
        .call("POST", "/Loopback/v1/Cut", "", r#"{"Name":"helper"}"#)
        .expect_code(401, "unauthorized");
    world
        .lene("POST", "/Loopback/v1/Cut", r#"{"Name":"helper"}"#)
        .expect_code(403, "forbidden");
}

#[test]
fn a_person_says_and_hears() {
    let world = World::new(&["--loopback-control"]);
    let order = |method: &str, target: &str, body: &str| {
        world.root(method, &format!("/Loopback/v1/{target}"), body)
    };
    order(
        "PUT",
        "Persons/ada",
        r#"{"Presence":200,"Text":"in a meeting"}"#,
    )
    .expect(200);
    let hear = |wait: u32| {
        order(
            "POST",
            "Persons/ada/Hear",
            &json!({ "Channel": ROOM, "Wait": wait }).to_string(),
        )
        .expect(200)
        .json()
    };
    assert_eq!(hear(0), json!([]));
    let posted = world.post("hello Ada");
    let heard = hear(5);
    assert_eq!(
        (&heard[0]["Text"], &heard[0]["Id"]),
        (&"hello Ada".into(), &posted["Id"])
    );
    assert_eq!(hear(0), json!([]));
    world.post("are you there?");
    assert_eq!(
        order("GET", "Persons/ada/Unheard", "").expect(200).json()[0]["Text"],
        "are you there?"
    );
    let said = order(
        "POST",
        "Persons/ada/Say",
        &json!({ "Channel": ROOM, "Text": "here" }).to_string(),
    )
    .expect(200)
    .json();
    let events = world.events("last-event=0&types=message&origin=remote");
    assert_eq!(
        (&events[0]["Content"], &events[0]["Token"]),
        (&"here".into(), &said["Id"])
    );
    order("PUT", "Rooms/new", r#"{"DisplayName":"New room"}"#).expect(200);
    world
        .root(
            "PUT",
            "/Provisioning/v1/Agents/helper/Channels/chat-room:new",
            "",
        )
        .expect(200);
    world.joined(&world.lene, "chat-room:new");
    for (target, body, status) in [
        (
            "Persons/ada/Say",
            r#"{"Channel":"chat-room:none","Text":"x"}"#,
            404,
        ),
        ("Persons/ada/Say", r#"{"Channel":"none","Text":"x"}"#, 400),
        ("Persons/ada/Say", r#"{"Channel":"chat-room:ops"}"#, 400),
        (
            "Persons/ada/Hear",
            r#"{"Channel":"chat-room:ops","Wait":61}"#,
            400,
        ),
        ("Cut", r#"{"Name":"nobody"}"#, 404),
        ("Refuse", "{}", 400),
    ] {
        order("POST", target, body).expect(status);
    }
}

#[test]
fn faults_to_order() {
    let world = World::new(&["--loopback-control", "--flap-delay", "0"]);
    let order =
        |target: &str, body: &str| world.root("POST", &format!("/Loopback/v1/{target}"), body);
    order(
        "Kick",
        &json!({ "Name": "helper", "Channel": ROOM, "Reason": "enough" }).to_string(),
    )
    .expect(200);
    // Two joins came before the message; each poll waits for the next event, and a poll in vain is
    // empty.
    let mut last = 0;
    loop {
        let events = world.events(&format!("last-event={last}&types=channel-state"));
        let newest = events.last().expect("the kick is an event");
        if newest["Active"] == false {
            break;
        }
        last = newest["EventId"].as_i64().expect("a number");
    }
    order("Refuse", r#"{"Name":"helper","Reason":"go away"}"#).expect(200);
    order("Cut", r#"{"Name":"helper"}"#).expect(200);
    world
        .lene("GET", "/Collaboration/v1/Channels", "")
        .expect(503);
    order("Refuse", r#"{"Name":"helper"}"#).expect(200);
    order("Delay", r#"{"Seconds":0}"#).expect(200);
}
