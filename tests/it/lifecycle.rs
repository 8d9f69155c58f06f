//! Agents and their channels (§agents/sign-in, §channels/retry): how they come up, fail, come back, and what of it becomes an event.
//!
//! Method: the chat system is made to refuse, cut, kick and go down; the clock is moved by hand over every pause.

use crate::world::{Disk, LAB, OPS, SOON, World, furnished, new_agent, open, seconds};
use switchboard::backend::Loopback;
use switchboard::testing::ManualClock;
use switchboard::{AgentState, Engine, Error, EventQuery, NewMessage, PresenceState};

fn states() -> EventQuery {
    EventQuery::channel_states()
}

fn messages() -> EventQuery {
    EventQuery::messages()
}

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
        AgentState::Idle,
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
    assert_eq!(status.channels[0].state, AgentState::Activating);
    world.pass(seconds(5));
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
}

#[test]
fn a_refused_login_is_idle_with_its_reason_and_tried_again_every_minute() {
    let world = World::new();
    let noon = world.clock_now();
    world.chat.refuse("echo", "bad credentials");
    put_echo(&world);
    let status = world.status("echo");
    assert_eq!((status.state, status.attempt), (AgentState::Idle, 1));
    assert_eq!(status.reason.as_deref(), Some("bad credentials"));
    assert_eq!(status.next_try, Some(noon + seconds(60)));
    world.pass(seconds(60));
    let status = world.status("echo");
    assert_eq!(
        (status.attempt, status.next_try),
        (2, Some(noon + seconds(120)))
    );
    world.pass(seconds(3600));
    assert_eq!(world.status("echo").attempt, 62, "for ever");
    world.chat.accept("echo");
    world.pass(seconds(59));
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
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
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
        // A pause of nothing is possible, and then the next dial has failed already.
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
fn an_agent_that_was_cut_says_so_and_comes_back_into_its_channels() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    assert!(world.chat.cut("echo"));
    world.settle();
    let status = world.status("echo");
    assert_eq!(status.reason.as_deref(), Some("the connection was cut"));
    assert!(
        matches!(status.state, AgentState::Idle | AgentState::Active),
        "a pause of up to a second"
    );
    world.pass(seconds(1));
    assert_eq!(world.status("echo").state, AgentState::Active);
    echo.immediate()
        .post(OPS, NewMessage::text("back"))
        .unwrap();
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
    assert_eq!(world.channel_state("echo", LAB), AgentState::Active);
}

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
        (AgentState::Active, AgentState::Idle)
    );
    assert_eq!(status.channels[0].reason.as_deref(), Some("too noisy"));
    world.pass(seconds(3600));
    world.chat.cut("echo");
    world.pass(seconds(60));
    put_again(&world);
    assert_eq!(
        world.channel_state("echo", OPS),
        AgentState::Idle,
        "neither time, nor a reconnect, nor the same agent again"
    );
    assert_eq!(world.since(&echo, &mark, &states()), ["chat-room:ops off"]);
    assert!(
        matches!(echo.post(OPS, NewMessage::text("x")), Err(Error::ChannelInactive { reason, .. }) if reason == "too noisy")
    );
    world.admin().put_channel("echo", OPS).unwrap();
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
    assert_eq!(
        world.since(&echo, &mark, &states()),
        ["chat-room:ops off", "chat-room:ops on"]
    );
}

fn put_again(world: &World) {
    world
        .admin()
        .put_agent(new_agent("echo", &[OPS, LAB]))
        .unwrap();
    world.settle();
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
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
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
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
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
    assert_eq!(world.channel_state("echo", OPS), AgentState::Idle);
    assert_eq!(world.since(&echo, &mark, &states()), [""; 0]);
    world.admin().put_channel("echo", OPS).unwrap();
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
}

#[test]
fn what_was_said_while_the_chat_system_was_away_comes_once_and_in_order() {
    let world = World::new();
    let (echo, bob) = (world.agent("echo", &[OPS, LAB]), world.agent("bob", &[OPS]));
    let (mark, bobs) = (world.mark(&echo), world.mark(&bob));
    let lene = world.person("lene");
    lene.say(OPS, "one").unwrap();
    world.chat.go_down("maintenance");
    for text in ["two", "three"] {
        lene.say(OPS, text).unwrap();
    }
    lene.say(LAB, "elsewhere").unwrap();
    world.chat.come_up();
    world.pass(seconds(60));
    lene.say(OPS, "four").unwrap();
    let ops = |lines: Vec<String>| {
        lines
            .into_iter()
            .filter(|line| !line.contains("elsewhere"))
            .collect::<Vec<_>>()
    };
    let all = world.since(&echo, &mark, &messages());
    assert_eq!(all.len(), 5, "{all:?}");
    assert_eq!(
        ops(all),
        ["lene: one", "lene: two", "lene: three", "lene: four"]
    );
    assert_eq!(
        world.since(&bob, &bobs, &messages()),
        ["lene: one", "lene: two", "lene: three", "lene: four"]
    );
}

#[test]
fn what_was_said_while_the_only_agent_of_a_room_was_cut_comes_too() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let mark = world.mark(&echo);
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    world.person("lene").say(OPS, "did you hear that?").unwrap();
    world.chat.accept("echo");
    world.pass(seconds(120));
    assert_eq!(world.status("echo").state, AgentState::Active);
    assert_eq!(
        world.since(&echo, &mark, &messages()),
        ["lene: did you hear that?"]
    );
}

#[test]
fn what_was_said_while_one_of_two_agents_was_cut_is_an_event_for_both() {
    let world = World::new();
    let (echo, bob) = (world.agent("echo", &[OPS]), world.agent("bob", &[OPS]));
    let (mark, bobs) = (world.mark(&echo), world.mark(&bob));
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    world.person("lene").say(OPS, "did you hear that?").unwrap();
    world.chat.accept("echo");
    world.pass(seconds(120));
    assert_eq!(
        world.since(&echo, &mark, &messages()),
        ["lene: did you hear that?"]
    );
    assert_eq!(
        world.since(&bob, &bobs, &messages()),
        ["lene: did you hear that?"]
    );
}

#[test]
fn what_a_contact_said_to_an_agent_that_was_away_comes_too() {
    let world = World::new();
    let lene = world.person("lene");
    let echo = world.agent("echo", &["contact:lene"]);
    let mark = world.mark(&echo);
    world.chat.go_down("maintenance");
    lene.say("contact:echo", "psst").unwrap();
    world.chat.come_up();
    world.pass(seconds(60));
    assert_eq!(world.since(&echo, &mark, &messages()), ["lene: psst"]);
}

#[test]
fn what_was_said_while_the_engine_was_stopped_comes_after_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let mark = world.mark(&world.agent("echo", &[OPS]));
    let lene = world.person("lene");
    lene.say(OPS, "one").unwrap();
    world.engine.shutdown(SOON).unwrap();
    lene.say(OPS, "two").unwrap();
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    echo.wait_active(SOON).unwrap();
    lene.say(OPS, "three").unwrap();
    assert_eq!(
        world.since(&echo, &mark, &messages()),
        ["lene: one", "lene: two", "lene: three"]
    );
    assert_eq!(
        world.since(&echo, &mark, &states()),
        [""; 0],
        "a restart is no change of state"
    );
}

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
fn an_address_of_another_scheme_goes_to_the_default_backend() {
    let world = World::new();
    let mut echo = new_agent("echo", &[OPS]);
    echo.address = switchboard::Address::parse("sip:echo@contoso.com").unwrap();
    world.put(echo);
    assert_eq!(world.status("echo").state, AgentState::Active);
    assert_eq!(
        world
            .person("lene")
            .sees_presence("contact:echo@contoso.com"),
        PresenceState::Available
    );
}

#[test]
fn an_agent_that_no_backend_takes_is_idle_with_that_reason() {
    let engine = Engine::builder().open().unwrap();
    let admin = engine
        .provisioning(&switchboard::Principal::host("ada"))
        .unwrap();
    admin.put_agent(new_agent("echo", &[OPS])).unwrap();
    engine.settle(SOON).unwrap();
    let status = engine.agent_status("echo").unwrap();
    assert_eq!(status.state, AgentState::Idle);
    assert_eq!(
        status.reason.as_deref(),
        Some("no chat system is configured")
    );
    admin.put_agent(new_agent("echo", &[LAB])).unwrap();
    assert!(
        engine.agent_status("echo").unwrap().reason.is_some(),
        "a put does not make it forget why"
    );
    assert!(engine.readiness().ready);
}

#[test]
fn two_backends_of_one_scheme_and_an_unknown_default_are_refused() {
    let twice = Engine::builder()
        .backend(Loopback::new())
        .backend(Loopback::new())
        .open();
    assert!(matches!(twice, Err(Error::Invalid(text)) if text.contains("loopback")));
    let unknown = Engine::builder()
        .backend(Loopback::new())
        .default_backend("xmpp")
        .open();
    assert!(matches!(unknown, Err(Error::Invalid(text)) if text.contains("xmpp")));
}

#[test]
fn a_channel_of_a_kind_the_chat_system_lacks_is_idle_with_that_reason() {
    for (chat, there, lacking, reason) in [
        (
            Loopback::new().rooms_only(),
            OPS,
            "contact:lene",
            "this chat system has no contacts",
        ),
        (
            Loopback::new().contacts_only(),
            "contact:lene",
            OPS,
            "this chat system has no rooms",
        ),
    ] {
        let world = World::on(furnished(chat), |builder| builder);
        world.agent("echo", &[there, lacking]);
        let status = world.status("echo");
        assert_eq!(status.channels[0].state, AgentState::Active, "{there}");
        assert_eq!(
            (
                status.channels[1].state,
                status.channels[1].reason.as_deref()
            ),
            (AgentState::Idle, Some(reason))
        );
    }
}

#[test]
fn a_new_address_moves_the_agent() {
    let world = World::new();
    let lene = world.person("lene");
    let echo = world.agent("echo", &[OPS]);
    let mut moved = new_agent("echo", &[OPS]);
    moved.address = switchboard::Address::parse("loopback:parrot-2").unwrap();
    world.put(moved);
    assert_eq!(lene.sees_presence("contact:echo"), PresenceState::Offline);
    assert_eq!(
        lene.sees_presence("contact:parrot-2"),
        PresenceState::Available
    );
    echo.post(OPS, NewMessage::text("hello")).unwrap();
    assert_eq!(lene.hears(OPS).unwrap().sender, "loopback:parrot-2");
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
    assert!(error.retry_after().unwrap() <= seconds(60));
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
