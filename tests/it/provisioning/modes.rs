//! Modes: what an agent may provision itself.

use super::{as_agent, channels_of, pairs, throttle};
use crate::world::{LAB, OPS, Sesame, World, new_agent};
use switchboard::{Change, Error, NewUser, ProvisioningMode, ThrottleKind};

#[test]
fn a_self_agent_has_its_own_channels_and_metadata_and_nothing_else() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    world.agent("bob", &[OPS]);
    let own = as_agent(&world, ProvisioningMode::Own);
    assert_eq!(own.put_channel("echo", LAB), Ok(Change::Applied));
    assert_eq!(channels_of(&own, "echo"), [OPS, LAB]);
    own.delete_channel("echo", LAB).unwrap();
    own.put_metadata_value("echo", "colour", "red").unwrap();
    assert_eq!(own.metadata("echo"), Ok(pairs(&[("colour", "red")])));
    own.delete_metadata_value("echo", "colour").unwrap();
    world.settle();
    assert_eq!(own.find_channels("oper").unwrap()[0].1, "Operations");

    let forbidden = |what: &str, answer: Result<(), Error>| {
        assert!(
            matches!(answer, Err(Error::Forbidden(_))),
            "{what}: {answer:?}"
        )
    };
    forbidden("agents", own.agents().map(drop));
    for id in ["echo", "bob", "nobody"] {
        forbidden(id, own.agent(id).map(drop));
        forbidden(id, own.put_agent(new_agent(id, &[])).map(drop));
        forbidden(id, own.delete_agent(id));
        forbidden(id, own.delete_reader(id, "main"));
        forbidden(id, own.user(id).map(drop));
        forbidden(id, own.put_user(NewUser::new(id, id).unwrap()).map(drop));
        forbidden(id, own.set_password(id, "x"));
        forbidden(id, own.delete_user(id));
        forbidden(id, own.throttle(id).map(drop));
        forbidden(
            id,
            own.put_throttle(throttle(id, ThrottleKind::MessagesPerMinute, 1, &[]))
                .map(drop),
        );
        forbidden(id, own.delete_throttle(id));
    }
    for id in ["bob", "nobody"] {
        forbidden(id, own.channels(id).map(drop));
        forbidden(id, own.put_channel(id, OPS).map(drop));
        forbidden(id, own.delete_channel(id, OPS));
        forbidden(id, own.metadata(id).map(drop));
        forbidden(id, own.put_metadata(id, vec![]).map(drop));
        forbidden(id, own.metadata_value(id, "a").map(drop));
        forbidden(id, own.put_metadata_value(id, "a", "b").map(drop));
        forbidden(id, own.delete_metadata_value(id, "a"));
    }
    forbidden("users", own.users().map(drop));
    forbidden("throttles", own.throttles().map(drop));
    forbidden("readers", own.readers().map(drop));
    forbidden("audit", own.audit(0, 1).map(drop));
}

#[test]
fn a_system_agent_may_do_everything_and_one_without_a_mode_nothing() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    let system = as_agent(&world, ProvisioningMode::System);
    assert_eq!(
        system.put_agent(new_agent("bob", &[OPS])),
        Ok(Change::Applied)
    );
    assert_eq!(
        system.audit(0, 100).unwrap().last().unwrap().who,
        "agent:echo/lene"
    );
    world.agent("mute", &[]);
    let lene = world.principal("lene", "mute");
    assert!(matches!(
        world.engine.provisioning(&lene),
        Err(Error::Forbidden(_))
    ));
}

#[test]
fn a_view_in_hand_loses_its_right_when_the_mode_goes() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    let system = as_agent(&world, ProvisioningMode::System);
    world
        .admin()
        .put_agent(
            new_agent("echo", &[OPS])
                .user("lene")
                .unwrap()
                .mode(ProvisioningMode::Own),
        )
        .unwrap();
    assert!(matches!(system.agents(), Err(Error::Forbidden(_))));
    assert_eq!(
        system.put_metadata_value("echo", "a", "b"),
        Ok(Change::Applied)
    );
}
