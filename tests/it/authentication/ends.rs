//! Everything that ends a token.

use super::{PASSWORD, ends, furnish, is_good, is_unauthorized, lene, user, view, world};
use crate::world::{Disk, LAB, OPS, World, new_agent};
use switchboard::{Credentials, EventQuery, NewMessage, NewUser, Token};

#[test]
fn a_deleted_user_is_out_at_once() {
    let world = world(|builder| builder);
    let token = world.engine.log_in(&lene()).unwrap();
    ends(&world, &token, || {
        world.admin().delete_user("lene").unwrap()
    });
    is_unauthorized(world.engine.log_in(&lene()));
}

#[test]
fn an_unlisted_user_is_out_at_once_and_others_of_the_agent_stay() {
    let world = world(|builder| builder);
    world
        .admin()
        .put_user(user("bob", "bob", PASSWORD))
        .unwrap();
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .user("bob")
            .unwrap(),
    );
    let (token, bob) = (
        world.engine.log_in(&lene()).unwrap(),
        world
            .engine
            .log_in(&Credentials::agent("bob", PASSWORD, "echo"))
            .unwrap(),
    );
    ends(&world, &token, || {
        drop(world.put(new_agent("echo", &[OPS]).user("bob").unwrap()))
    });
    assert!(is_good(&world, &bob));
    is_unauthorized(world.engine.log_in(&lene()));
}

#[test]
fn a_changed_password_ends_the_user_s_tokens_and_the_same_one_does_not() {
    let world = world(|builder| builder);
    let token = world.engine.log_in(&lene()).unwrap();
    world
        .admin()
        .put_user(user("lene", "CONTOSO\\Lene", PASSWORD))
        .unwrap();
    world
        .admin()
        .put_user(NewUser::new("lene", "CONTOSO\\Lene").unwrap())
        .unwrap();
    assert!(
        is_good(&world, &token),
        "provisioning at every start ends nothing"
    );
    ends(&world, &token, || {
        drop(
            world
                .admin()
                .put_user(user("lene", "CONTOSO\\Lene", "battery")),
        )
    });
    is_unauthorized(world.engine.log_in(&lene()));
    let token = world
        .engine
        .log_in(&Credentials::agent("CONTOSO\\lene", "battery", "echo"))
        .unwrap();
    ends(&world, &token, || {
        world.admin().set_password("lene", "staple").unwrap()
    });
    assert!(
        world
            .engine
            .log_in(&Credentials::agent("CONTOSO\\lene", "staple", "echo"))
            .is_ok()
    );
}

#[test]
fn a_deleted_agent_ends_its_tokens_and_no_others() {
    let world = world(|builder| builder);
    world.put(new_agent("quiet", &[LAB]).user("lene").unwrap());
    let token = world.engine.log_in(&lene()).unwrap();
    let other = world
        .engine
        .log_in(&Credentials::agent("CONTOSO\\lene", PASSWORD, "quiet"))
        .unwrap();
    ends(&world, &token, || {
        world.admin().delete_agent("echo").unwrap()
    });
    furnish(&world);
    assert!(!is_good(&world, &token), "not even for a namesake");
    assert!(is_good(&world, &other));
}

#[test]
fn a_log_out_ends_that_token_and_doing_it_twice_is_fine() {
    let world = world(|builder| builder);
    let (token, other) = (
        world.engine.log_in(&lene()).unwrap(),
        world.engine.log_in(&lene()).unwrap(),
    );
    ends(&world, &token, || world.engine.log_out(&token).unwrap());
    world.engine.log_out(&token).unwrap();
    world
        .engine
        .log_out(&Token::new("no token at all"))
        .unwrap();
    assert!(is_good(&world, &other));
}

#[test]
fn what_ends_stays_ended_after_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    furnish(&world);
    let (out, kept) = (
        world.engine.log_in(&lene()).unwrap(),
        world.engine.log_in(&lene()).unwrap(),
    );
    world.engine.log_out(&out).unwrap();
    let world = world.restart(&disk);
    assert!(!is_good(&world, &out) && is_good(&world, &kept));
    world.admin().set_password("lene", "other").unwrap();
    let world = world.restart(&disk);
    assert!(!is_good(&world, &kept));
}

#[test]
fn a_view_a_post_and_a_reader_of_an_ended_token_are_refused() {
    let world = world(|builder| builder);
    let token = world.engine.log_in(&lene()).unwrap();
    let view = view(&world, &token);
    let mut reader = view.reader("main", EventQuery::messages()).unwrap();
    world.engine.log_out(&token).unwrap();
    is_unauthorized(view.post(OPS, NewMessage::text("x")));
    is_unauthorized(view.metadata());
    is_unauthorized(reader.next());
    is_unauthorized(view.reader("other", EventQuery::all()).map(drop));
    assert!(world.person("bob").unheard().is_empty());
}

#[test]
fn another_super_password_name_or_none_ends_the_super_user_s_tokens_over_a_restart() {
    let disk = Disk::new();
    let mut world =
        World::with(|builder| builder.database(disk.path()).super_user("root", "pw-eins"));
    let log_in = |world: &World, name: &str, password: &str| {
        world
            .engine
            .log_in(&Credentials::super_user(name, password))
            .unwrap()
    };
    let first = log_in(&world, "root", "pw-eins");
    world = world.restart_with(&disk, |builder| builder.super_user("ROOT", "pw-eins"));
    assert!(
        world.engine.authenticate(&first).is_ok(),
        "the same one, spelled otherwise"
    );

    world = world.restart_with(&disk, |builder| builder.super_user("root", "pw-zwei"));
    is_unauthorized(world.engine.authenticate(&first));
    let second = log_in(&world, "root", "pw-zwei");
    world = world.restart_with(&disk, |builder| builder.super_user("toor", "pw-zwei"));
    is_unauthorized(world.engine.authenticate(&second));

    let third = log_in(&world, "toor", "pw-zwei");
    world = world.restart_with(&disk, |builder| builder);
    is_unauthorized(world.engine.authenticate(&third));
    world = world.restart_with(&disk, |builder| builder.super_user("toor", "pw-zwei"));
    is_unauthorized(world.engine.authenticate(&third));

    // The next start compares with what was changed while this engine ran.
    world.engine.set_super_password("pw-drei").unwrap();
    let fourth = log_in(&world, "toor", "pw-drei");
    world = world.restart_with(&disk, |builder| builder.super_user("toor", "pw-drei"));
    assert!(world.engine.authenticate(&fourth).is_ok());
    for file in std::fs::read_dir(disk.directory()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            bytes.windows(3).all(|part| part != b"pw-"),
            "a password in clear"
        );
    }
}
