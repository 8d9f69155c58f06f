//! Which chat system an address goes to.

use crate::world::{LAB, OPS, SOON, World, furnished, new_agent};
use switchboard::backend::Loopback;
use switchboard::{AgentState, Engine, Error, JoinState, NewMessage, PresenceState};

#[test]
fn an_address_of_another_scheme_goes_to_the_default_backend() {
    let world = World::new();
    let mut echo = new_agent("echo", &[OPS]);
    echo.address = switchboard::Address::parse("sip:echo@contoso.com").unwrap();
    world.put(echo);
    let status = world.status("echo");
    assert_eq!(status.state, AgentState::Active);
    let warning = status.warning.unwrap();
    assert!(
        warning.contains("`sip:echo@contoso.com`") && warning.contains("loopback"),
        "{warning}"
    );
    for named in ["loopback:bob", "bob"] {
        let mut bob = new_agent("bob", &[OPS]);
        bob.address = switchboard::Address::parse(named).unwrap();
        world.put(bob);
        assert_eq!(world.status("bob").warning, None, "{named}");
    }
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
        assert_eq!(status.channels[0].state, JoinState::Active, "{there}");
        assert_eq!(
            (
                status.channels[1].state,
                status.channels[1].reason.as_deref()
            ),
            (JoinState::Idle, Some(reason))
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
