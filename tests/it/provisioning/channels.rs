//! Channels: put again, joined, deleted, found.

use super::as_agent;
use crate::world::{LAB, OPS, SOON, Sesame, World, seconds};
use switchboard::{Change, Error, EventQuery, JoinState, NewMessage, ProvisioningMode};

#[test]
fn a_channel_put_again_is_unchanged_while_active_and_joined_again_while_idle() {
    let world = World::new();
    world.agent("echo", &[]);
    assert_eq!(world.admin().put_channel("echo", OPS), Ok(Change::Applied));
    world
        .engine
        .agent("echo")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    assert_eq!(
        world.admin().put_channel("echo", OPS),
        Ok(Change::Unchanged)
    );

    world.chat.kick(OPS, "echo", "noise");
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), JoinState::Idle);
    assert_eq!(world.admin().put_channel("echo", OPS), Ok(Change::Applied));
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}

#[test]
fn a_channel_put_again_is_unchanged_while_it_is_being_joined() {
    let world = World::new();
    world.agent("echo", &[]);
    world.chat.delay(seconds(5));
    world.admin().put_channel("echo", OPS).unwrap();
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), JoinState::Activating);
    assert_eq!(
        world.admin().put_channel("echo", OPS),
        Ok(Change::Unchanged)
    );
    world.pass(seconds(5));
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}

#[test]
fn any_well_formed_channel_is_accepted_and_its_state_says_why_it_is_idle() {
    let world = World::new();
    world.agent("echo", &[]);
    assert_eq!(
        world
            .admin()
            .put_channel("echo", "chat-room:nowhere/at \"all\""),
        Ok(Change::Applied)
    );
    world.settle();
    let status = world.status("echo");
    assert_eq!(status.channels[0].state, JoinState::Idle);
    assert_eq!(status.channels[0].reason.as_deref(), Some("no such room"));
    for bad in ["ops", "room:ops", "", "chat-room:", "chat-room:a\nb"] {
        assert!(
            matches!(
                world.admin().put_channel("echo", bad),
                Err(Error::Invalid(_))
            ),
            "{bad:?}"
        );
    }
}

#[test]
fn an_unknown_agent_and_a_channel_it_lacks_are_not_found() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    let admin = world.admin();
    assert!(matches!(
        admin.put_channel("nobody", OPS),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_channel("nobody", OPS),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_channel("echo", LAB),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(admin.channels("nobody"), Err(Error::NotFound(_))));
    assert!(matches!(admin.agent("nobody"), Err(Error::NotFound(_))));
    assert!(matches!(
        admin.delete_agent("nobody"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(admin.metadata("nobody"), Err(Error::NotFound(_))));
    assert!(matches!(
        admin.put_metadata_value("nobody", "a", "b"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(admin.user("nobody"), Err(Error::NotFound(_))));
    assert!(matches!(
        admin.set_password("nobody", "x"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_user("nobody"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(admin.throttle("nothing"), Err(Error::NotFound(_))));
    assert!(matches!(
        admin.delete_throttle("nothing"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_reader("echo", "nothing"),
        Err(Error::NotFound(_))
    ));
}

#[test]
fn a_deleted_channel_is_left_and_its_people_no_longer_heard() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS, LAB]);
    world.admin().delete_channel("echo", OPS).unwrap();
    world.settle();
    world.person("lene").say(OPS, "anybody?").unwrap();
    world.person("lene").say(LAB, "here?").unwrap();
    assert_eq!(world.seen(&echo, &EventQuery::messages()), ["lene: here?"]);
    assert!(matches!(
        echo.post(OPS, NewMessage::text("x")),
        Err(Error::Forbidden(_))
    ));
}

#[test]
fn channel_search_asks_the_agent_s_own_chat_system() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    world.person("Operetta Fan");
    let own = as_agent(&world, ProvisioningMode::Own);
    let found = own.find_channels("OPER").unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|(id, name)| (id.as_str(), &**name))
        .collect();
    assert_eq!(
        found,
        [
            (OPS, "Operations"),
            ("contact:Operetta Fan", "Operetta Fan")
        ]
    );
    assert!(matches!(own.find_channels(""), Err(Error::Invalid(_))));
    assert!(
        matches!(world.admin().find_channels("oper"), Err(Error::Invalid(_))),
        "no agent, no chat system"
    );
    world.chat.go_down("maintenance");
    world.settle();
    assert!(matches!(
        own.find_channels("oper"),
        Err(Error::AgentInactive { .. })
    ));
}
