//! How agents become active, and what can fail on the way.

use crate::world::{LAB, OPS, SOON, World, new_agent, open, seconds};
use switchboard::testing::ManualClock;
use switchboard::{AgentState, Error, JoinState, NewMessage, PresenceState};

/// Puts `echo` into `ops` without waiting for it.
fn put_echo(world: &World) {
    world.admin().put_agent(new_agent("echo", &[OPS])).unwrap();
    world.settle();
}

#[test]
fn an_agent_goes_from_activating_to_active_and_then_its_channels_do() {
    let world = World::new();
    let noon = world.clock_now();
    world.chat.delay(seconds(5));
    put_echo(&world);
    let status = world.status("echo");
    assert_eq!((status.state, status.since), (AgentState::Activating, noon));
    assert_eq!(
        status.channels[0].state,
        JoinState::Idle,
        "a channel of an agent that is not active is idle"
    );
    world.pass(seconds(5));
    let status = world.status("echo");
    assert_eq!(
        (status.state, status.since),
        (AgentState::Active, noon + seconds(5))
    );
    assert_eq!(
        (status.attempt, status.reason, status.next_try),
        (0, None, None)
    );
    assert_eq!(status.channels[0].state, JoinState::Activating);
    world.pass(seconds(5));
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}

#[test]
fn lost_connections_do_not_count_as_refused_logins() {
    let world = World::new();
    world.chat.go_down("maintenance");
    put_echo(&world);
    world.pass(seconds(600));
    assert!(world.status("echo").attempt >= 9);
    world.chat.refuse("echo", "bad credentials");
    world.chat.come_up();
    let (mut passed, limit) = (0, 60);
    while world.status("echo").reason.as_deref() != Some("bad credentials") {
        assert!(passed < limit, "it is dialed within a minute");
        world.pass(seconds(1));
        passed += 1;
    }
    let wait = world.status("echo").next_try.unwrap() - world.clock_now();
    assert!(wait.num_seconds() <= 5 * 60, "{wait}");
}

#[test]
fn a_refused_login_is_idle_with_its_reason_and_tried_again_after_5_15_and_30_minutes() {
    let world = World::new();
    world.chat.refuse("echo", "bad credentials");
    put_echo(&world);
    for (attempt, minutes) in [(1, 5), (2, 15), (3, 30), (4, 30), (5, 30)] {
        let (now, pause) = (world.clock_now(), seconds(minutes * 60));
        let status = world.status("echo");
        assert_eq!((status.state, status.attempt), (AgentState::Idle, attempt));
        assert_eq!(status.reason.as_deref(), Some("bad credentials"));
        assert_eq!(status.next_try, Some(now + pause));
        world.pass(pause - seconds(1));
        assert_eq!(world.status("echo").attempt, attempt, "not tried yet");
        world.pass(seconds(1));
    }
    world.chat.accept("echo");
    world.pass(seconds(30 * 60 - 1));
    assert_eq!(world.status("echo").state, AgentState::Idle);
    world.pass(seconds(1));
    assert_eq!(world.status("echo").state, AgentState::Active);
}

#[test]
fn an_unreachable_chat_system_is_tried_again_with_back_off_up_to_a_minute() {
    let world = World::new();
    world.chat.go_down("maintenance");
    put_echo(&world);
    let status = world.status("echo");
    assert_eq!((status.state, status.attempt), (AgentState::Idle, 1));
    assert_eq!(status.reason.as_deref(), Some("maintenance"));
    assert!(status.next_try.unwrap() <= world.clock_now() + seconds(1));
    world.pass(seconds(600));
    let status = world.status("echo");
    assert!(status.attempt >= 9, "{status:?}");
    assert!(status.next_try.unwrap() <= world.clock_now() + seconds(60));
    world.chat.come_up();
    world.pass(seconds(60));
    assert_eq!(
        (world.status("echo").state, world.status("echo").attempt),
        (AgentState::Active, 0)
    );
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}

#[test]
fn a_link_that_dies_after_each_sign_in_is_not_dialed_in_a_tight_loop() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    world.pass(seconds(60));
    for attempt in 1..=6 {
        world.chat.go_down("out again");
        world.settle();
        world.chat.go_down("and again");
        // A pause can have length zero; then the next dial has failed already.
        assert!(
            world.status("echo").attempt >= attempt,
            "loss {attempt}: {:?}",
            world.status("echo")
        );
        world.chat.come_up();
        world.pass(seconds(59));
        world.admin().put_channel("echo", LAB).unwrap();
        world.settle();
        assert_eq!(world.status("echo").state, AgentState::Active);
    }
    world.pass(seconds(60));
    world.chat.go_down("once");
    world.settle();
    assert!(
        world.status("echo").attempt <= 2,
        "a link that stood for a minute begins anew: {:?}",
        world.status("echo")
    );
}

#[test]
fn an_administrators_change_is_tried_at_once() {
    let world = World::new();
    world.chat.refuse("echo", "bad credentials");
    put_echo(&world);
    world.chat.accept("echo");
    put_echo(&world);
    assert_eq!(
        world.status("echo").state,
        AgentState::Active,
        "and no time has passed"
    );

    world.chat.go_down("maintenance");
    world.pass(seconds(600));
    world.chat.come_up();
    world.admin().put_channel("echo", LAB).unwrap();
    world.settle();
    assert_eq!(world.channel_state("echo", LAB), JoinState::Active);
}

#[test]
fn a_panic_in_a_backend_is_an_unknown_outcome_and_reaches_nobody() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    world.chat.panic_on("boom");
    let answer = echo.post(OPS, NewMessage::text("boom"));
    assert!(
        matches!(answer, Err(Error::OutcomeUnknown(_))),
        "{answer:?}"
    );
    echo.post(OPS, NewMessage::text("still here")).unwrap();
    assert_eq!(
        world.person("lene").sees_presence("contact:echo"),
        PresenceState::Available
    );
}

#[test]
fn calls_say_which_of_agent_and_channel_is_not_there() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]).immediate();
    let post = |channel| echo.post(channel, NewMessage::text("x")).map(drop);
    assert!(matches!(post(LAB), Err(Error::Forbidden(_))));
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    assert!(
        matches!(post(LAB), Err(Error::Forbidden(_))),
        "403 before 503"
    );
    assert!(
        matches!(echo.post(LAB, NewMessage::text("")), Err(Error::Invalid(_))),
        "400 before 403"
    );
    let Err(error) = post(OPS) else {
        panic!("it was cut")
    };
    assert!(matches!(error, Error::AgentInactive { .. }), "{error:?}");
    // The first pause is random and may be none: then the login was refused already.
    let is_refused = error.to_string().contains("not now");
    let most = if is_refused { 300 } else { 60 };
    assert!(error.retry_after().unwrap() <= seconds(most));
    assert!(matches!(
        echo.channel(OPS),
        Err(Error::AgentInactive { .. })
    ));
    assert!(matches!(
        echo.messages(OPS, 1, None),
        Err(Error::AgentInactive { .. })
    ));
    assert!(matches!(
        echo.set_composing(OPS, true),
        Err(Error::AgentInactive { .. })
    ));
}

#[test]
fn readiness_waits_until_every_link_was_tried() {
    let (chat, clock) = (crate::world::chat(), ManualClock::new());
    let engine = open(&chat, &clock, |builder| builder);
    assert!(engine.readiness().ready);
    chat.go_down("maintenance");
    let admin = engine
        .provisioning(&switchboard::Principal::host("ada"))
        .unwrap();
    admin.put_agent(new_agent("echo", &[OPS])).unwrap();
    engine.settle(SOON).unwrap();
    assert!(engine.readiness().ready, "tried is enough");
    engine.shutdown(SOON).unwrap();
    assert!(!engine.readiness().ready && engine.readiness().reason.contains("stopping"));
}
