//! Agents that are put out of a channel, and what lets them in again.

use super::{put_again, states};
use crate::world::{Disk, LAB, OPS, SOON, World, begin, new_agent, seconds};
use std::time::Duration;
use switchboard::{AgentState, Change, Error, JoinState, NewMessage};

#[test]
fn a_kicked_agent_stays_out_until_the_channel_or_the_agent_is_put() {
    a_kick_ends(|world| {
        world.admin().put_channel("echo", OPS).unwrap();
        world.settle();
    });
    a_kick_ends(put_again);
}

fn a_kick_ends(put: impl Fn(&World)) {
    let world = World::new();
    let echo = world.agent("echo", &[OPS, LAB]);
    let mark = world.mark(&echo);
    world.chat.kick(OPS, "echo", "too noisy");
    world.settle();
    let status = world.status("echo");
    assert_eq!(
        (status.state, status.channels[0].state),
        (AgentState::Active, JoinState::Idle)
    );
    assert_eq!(status.channels[0].reason.as_deref(), Some("too noisy"));
    world.pass(seconds(3600));
    world.chat.cut("echo");
    world.pass(seconds(60));
    assert_eq!(
        world.channel_state("echo", OPS),
        JoinState::Idle,
        "neither time, nor a reconnect"
    );
    assert_eq!(world.since(&echo, &mark, &states()), ["chat-room:ops off"]);
    assert!(
        matches!(echo.post(OPS, NewMessage::text("x")), Err(Error::ChannelInactive { reason, .. }) if reason == "too noisy")
    );
    put(&world);
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
    assert_eq!(
        world.since(&echo, &mark, &states()),
        ["chat-room:ops off", "chat-room:ops on"]
    );
}

#[test]
fn a_new_user_name_tries_a_kick_again() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    world.chat.kick(OPS, "echo", "too noisy");
    world.settle();
    let mut moved = new_agent("echo", &[OPS]);
    moved.address = switchboard::Address::parse("loopback:softer").unwrap();
    world.put(moved);
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}

#[test]
fn an_engine_restart_tries_a_kick_again() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    world.chat.kick(OPS, "echo", "too noisy");
    world.settle();
    let world = world.restart(&disk);
    world
        .engine
        .agent("echo")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}

#[test]
fn a_refused_join_waits_for_a_put_and_raises_no_event() {
    let world = World::new();
    world.chat.refuse_channel(OPS, "members only");
    let echo = world.agent("echo", &[OPS]);
    let mark = world.mark(&echo);
    assert_eq!(
        world.status("echo").channels[0].reason.as_deref(),
        Some("members only")
    );
    world.chat.accept_channel(OPS);
    world.pass(seconds(3600));
    assert_eq!(world.channel_state("echo", OPS), JoinState::Idle);
    assert_eq!(world.since(&echo, &mark, &states()), [""; 0]);
    world.admin().put_channel("echo", OPS).unwrap();
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}

#[test]
fn a_refused_channel_is_told_apart_and_a_put_of_the_agent_tries_it_again() {
    let world = World::new();
    world.chat.refuse_channel(OPS, "members only");
    let echo = world.agent("echo", &[OPS, LAB]);
    assert_eq!(echo.wait_joined(LAB, SOON), Ok(()));
    let refused = Err(Error::ChannelInactive {
        channel: OPS.into(),
        reason: "members only".into(),
    });
    assert_eq!(echo.wait_joined(OPS, SOON), refused);
    let other = echo.wait_joined("chat-room:other", SOON);
    assert!(matches!(other, Err(Error::Forbidden(_))), "{other:?}");

    let again = || world.admin().put_agent(new_agent("echo", &[OPS, LAB]));
    assert_eq!(again(), Ok(Change::Applied), "it is tried once more");
    world.settle();
    assert_eq!(echo.wait_joined(OPS, SOON), refused);
    let mark = world.mark(&echo);
    world.chat.accept_channel(OPS);
    assert_eq!(again(), Ok(Change::Applied));
    assert_eq!(echo.wait_joined(OPS, SOON), Ok(()));
    assert_eq!(
        again(),
        Ok(Change::Unchanged),
        "nothing is refused any more"
    );
    let joined = world.since(&echo, &mark, &states());
    assert_eq!(
        joined.len(),
        1,
        "the other channel stayed joined: {joined:?}"
    );
}

#[test]
fn a_wait_for_a_channel_ends_with_the_time_the_agent_or_the_engine() {
    let world = World::new();
    world.chat.go_down("maintenance");
    world.admin().put_agent(new_agent("echo", &[OPS])).unwrap();
    let echo = world.engine.agent("echo").unwrap();
    let late = echo.wait_joined(OPS, Duration::from_millis(20));
    assert!(
        matches!(&late, Err(Error::TimedOut(text)) if text.contains("maintenance")),
        "{late:?}"
    );
    let waiting = begin(echo.wait_joined_async(OPS));
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(waiting.join().unwrap(), Err(Error::Closed));
}

#[test]
fn a_host_may_have_refused_channels_tried_again_from_time_to_time() {
    let world = World::with(|builder| builder.retry_refused(seconds(600)));
    world.chat.refuse_channel(OPS, "banned");
    let echo = world.agent("echo", &[OPS]);
    let mark = world.mark(&echo);
    world.pass(seconds(601));
    assert_eq!(world.channel_state("echo", OPS), JoinState::Idle);
    let reason = world.status("echo").channels[0].reason.clone();
    assert_eq!(
        reason.as_deref(),
        Some("banned"),
        "it was tried, and refused"
    );
    assert_eq!(world.since(&echo, &mark, &states()), [""; 0]);
    world.chat.accept_channel(OPS);
    assert_eq!(world.channel_state("echo", OPS), JoinState::Idle);
    world.pass(seconds(600));
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}
