//! Events, polls and refusals: rules 18 to 20.

use super::super::world::World;
use std::time::{Duration, Instant};

#[test]
fn rule_18_event_ids_are_small_rising_numbers_and_events_are_sorted() {
    let world = World::new(&[]);
    for text in ["one", "two", "three"] {
        world.post(text);
    }
    let answer = world
        .lene("GET", "/Collaboration/v1/Events?last-event=-1", "")
        .expect(200);
    let events = answer.json();
    let ids: Vec<i64> = events
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["EventId"].as_i64().expect("a number"))
        .collect();
    assert!(
        ids.len() >= 4
            && ids.is_sorted_by(|a, b| a < b)
            && ids.iter().all(|id| (1..=0x7fff_ffff).contains(id)),
        "{ids:?}"
    );
    let last = answer
        .header("switchboard-last-event")
        .and_then(|last| last.parse::<i64>().ok())
        .expect("how far it looked");
    assert!(last >= ids[ids.len() - 1]);
    // A poll from each event on returns the later ones again: some clients take only the first
    // event of an answer.
    let rest = world.events(&format!("last-event={}", ids[0]));
    assert_eq!(rest.len(), ids.len() - 1);
    assert!(world.events(&format!("last-event={last}")).is_empty());
}

#[test]
fn rule_19_an_idle_poll_returns_an_empty_list_in_time() {
    let world = World::new(&[]);
    let last = world
        .events("last-event=0")
        .last()
        .map(|event| event["EventId"].clone())
        .expect("an event");
    let began = Instant::now();
    let idle = world
        .lene(
            "GET",
            &format!("/Collaboration/v1/Events?last-event={last}"),
            "",
        )
        .expect(200);
    assert_eq!(idle.body, "[]");
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(20)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
    // A poll with events returns at once.
    let polled = std::thread::scope(|scope| {
        let poll =
            scope.spawn(|| world.events(&format!("last-event={last}&types=message&origin=local")));
        world.post("now");
        poll.join().expect("an answer")
    });
    assert!(
        polled.iter().any(|event| event["Content"] == "now"),
        "{polled:?}"
    );
}

#[test]
fn rule_20_401_offers_no_other_way_in_and_is_never_for_what_a_login_cannot_cure() {
    let world = World::new(&[]);
    // `expect` has looked: no WWW-Authenticate on any error.
    world
        .gateway
        .get("/Collaboration/v1/Channels", "")
        .expect(401);
    for (method, path) in [
        ("GET", "/Provisioning/v1/Agents"),
        ("GET", "/Collaboration/v1/Channels/chat-room:other"),
    ] {
        world.lene(method, path, "").expect(403);
    }
    world
        .root("GET", "/Collaboration/v1/Channels", "")
        .expect(400);
    world
        .gateway
        .get("/Authentication/v1/Tokens/expired", "")
        .expect(400);
}
