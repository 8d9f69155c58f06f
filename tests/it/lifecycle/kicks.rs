//! Agents that are put out of a channel, and what lets them in again.

use super::{put_again, states};
use crate::world::{Disk, LAB, OPS, SOON, World, new_agent, seconds};
use switchboard::{AgentState, Error, JoinState, NewMessage};

#[test]
fn a_kicked_agent_stays_out_until_the_channel_is_put() {
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
    put_again(&world);
    assert_eq!(
        world.channel_state("echo", OPS),
        JoinState::Idle,
        "neither time, nor a reconnect, nor the same agent again"
    );
    assert_eq!(world.since(&echo, &mark, &states()), ["chat-room:ops off"]);
    assert!(
        matches!(echo.post(OPS, NewMessage::text("x")), Err(Error::ChannelInactive { reason, .. }) if reason == "too noisy")
    );
    world.admin().put_channel("echo", OPS).unwrap();
    world.settle();
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
