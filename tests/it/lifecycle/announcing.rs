//! Which losses of a link become events, and how agents appear in lists.

use super::{messages, put_again, states};
use crate::world::{LAB, OPS, SOON, World, seconds};
use switchboard::{AgentState, EventQuery, NewMessage, PresenceState};

#[test]
fn a_link_lost_for_less_than_ten_seconds_is_no_event() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS, LAB]);
    let mark = world.mark(&echo);
    world.chat.go_down("a hiccup");
    world.pass(seconds(9));
    world.chat.come_up();
    put_again(&world);
    assert_eq!(world.status("echo").state, AgentState::Active);
    world.pass(seconds(60));
    assert_eq!(world.since(&echo, &mark, &states()), [""; 0]);
}

#[test]
fn a_link_lost_for_ten_seconds_is_one_event_a_channel_and_one_when_it_is_back() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS, LAB]);
    let mark = world.mark(&echo);
    world.chat.go_down("an outage");
    world.pass(seconds(10));
    let mut off = world.since(&echo, &mark, &states());
    off.sort();
    assert_eq!(off, ["chat-room:lab off", "chat-room:ops off"]);
    world.pass(seconds(3600));
    assert_eq!(world.since(&echo, &mark, &states()).len(), 2, "once");
    world.chat.come_up();
    world.pass(seconds(60));
    let mut on = world.since(&echo, &mark, &states()).split_off(2);
    on.sort();
    assert_eq!(on, ["chat-room:lab on", "chat-room:ops on"]);
}

#[test]
fn a_cut_that_lasts_is_announced_too_and_the_delay_is_configured() {
    let world = World::with(|builder| builder.flap_delay(seconds(30)));
    let echo = world.agent("echo", &[OPS]);
    let mark = world.mark(&echo);
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.pass(seconds(29));
    assert_eq!(world.since(&echo, &mark, &states()), [""; 0]);
    world.pass(seconds(1));
    assert_eq!(world.since(&echo, &mark, &states()), ["chat-room:ops off"]);
}

#[test]
fn subject_and_presence_are_shown_at_once_and_are_never_events() {
    let world = World::new();
    let lene = world.person("lene");
    let echo = world.agent("echo", &[OPS, "contact:lene"]);
    let mark = world.mark(&echo);
    world.chat.subject(OPS, Some("outage"));
    lene.presence(PresenceState::BeRightBack, Some("coffee"));
    world.settle();
    assert_eq!(
        echo.channel(OPS).unwrap().info.subject.as_deref(),
        Some("outage")
    );
    assert_eq!(
        echo.channel(OPS).unwrap().info.presence,
        PresenceState::Unknown,
        "a room's is 0"
    );
    let state = echo.channel("contact:lene").unwrap().info;
    assert_eq!(
        (state.presence, state.presence_text.as_deref()),
        (PresenceState::BeRightBack, Some("coffee"))
    );
    for presence in PresenceState::ALL {
        lene.presence(presence, None);
        world.settle();
        assert_eq!(
            echo.channel("contact:lene").unwrap().info.presence,
            presence
        );
    }
    assert_eq!(world.since(&echo, &mark, &EventQuery::all()), [""; 0]);
}

#[test]
fn an_agent_is_seen_as_available_while_it_is_active_and_as_offline_after() {
    let world = World::new();
    let lene = world.person("lene");
    let sees = || lene.sees_presence("contact:echo");
    assert_ne!(sees(), PresenceState::Available);
    world.agent("echo", &[OPS]);
    assert_eq!(sees(), PresenceState::Available);
    world.admin().delete_agent("echo").unwrap();
    world.settle();
    assert_eq!(sees(), PresenceState::Offline);
    world.pass(seconds(1)); // at most 50 dials begin in a second
    world.agent("echo", &[]);
    assert_eq!(sees(), PresenceState::Available);
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(sees(), PresenceState::Offline);
}

#[test]
fn agents_see_each_other_in_a_room_each_as_somebody_else() {
    let world = World::new();
    let (echo, bob) = (world.agent("echo", &[OPS]), world.agent("bob", &[OPS]));
    bob.post(OPS, NewMessage::text("hi")).unwrap();
    assert_eq!(world.seen(&echo, &messages().remote()), ["bob: hi"]);
    assert_eq!(world.seen(&echo, &messages().local()), [""; 0]);
    assert_eq!(world.seen(&bob, &messages().local()), ["bob: hi"]);
    assert_eq!(world.seen(&bob, &messages().remote()), [""; 0]);
}
