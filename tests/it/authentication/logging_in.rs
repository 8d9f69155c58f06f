//! Which logins succeed, and which passwords are allowed.

use super::{PASSWORD, is_unauthorized, lene, user, world};
use crate::world::{OPS, new_agent, seconds};
use switchboard::{Credentials, Error, NewUser};

#[test]
fn a_user_of_an_agent_gets_a_token_for_an_hour() {
    let world = world(|builder| builder);
    let token = world
        .engine
        .log_in(&Credentials::agent("contoso\\LENE", PASSWORD, "echo"))
        .unwrap();
    let details = world.engine.token_details(&token).unwrap();
    assert_eq!(details.agent.unwrap().as_str(), "echo");
    assert_eq!(details.username, "CONTOSO\\Lene", "as provisioned");
    assert_eq!(details.expires, world.clock_now() + seconds(3600));
    assert!(
        token.expose().len() >= 43,
        "256 bits: {}",
        token.expose().len()
    );
    assert!(
        token
            .expose()
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
        "URL-safe"
    );
    assert_eq!(
        world.engine.authenticate(&token).unwrap().label(),
        "agent:echo/lene"
    );
}

#[test]
fn who_is_not_listed_or_not_right_stays_out_and_learns_nothing() {
    let world = world(|builder| builder);
    world
        .admin()
        .put_user(user("bob", "bob", PASSWORD))
        .unwrap();
    world
        .admin()
        .put_user(NewUser::new("ada", "ada").unwrap())
        .unwrap();
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .user("ada")
            .unwrap(),
    );
    let tries = [
        ("nobody", PASSWORD, "echo"),
        ("CONTOSO\\lene", "wrong", "echo"),
        ("CONTOSO\\lene", PASSWORD, "nowhere"),
        ("CONTOSO\\lene", PASSWORD, "Echo"),
        ("CONTOSO\\lene", PASSWORD, "ec\0ho"),
        ("CONTOSO\\lene", "", "echo"),
        ("bob", PASSWORD, "echo"),
        ("ada", "", "echo"),
        ("ada", PASSWORD, "echo"),
    ];
    let mut messages = Vec::new();
    for (name, password, agent) in tries {
        let answer = world
            .engine
            .log_in(&Credentials::agent(name, password, agent));
        let Err(Error::Unauthorized(message)) = answer else {
            panic!("{name} {agent}: {answer:?}")
        };
        messages.push(message);
        world.pass(seconds(15 * 60)); // so that no answer is held back
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "one answer for all");
    assert_eq!(world.engine.stats().tokens, 0);
}

#[test]
fn an_empty_or_absent_agent_is_for_the_super_user_only() {
    let world = world(|builder| builder.super_user("root", "top secret"));
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::super_user("CONTOSO\\lene", PASSWORD)),
    );
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::agent("CONTOSO\\lene", PASSWORD, "")),
    );
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::super_user("root", "wrong")),
    );
    let token = world
        .engine
        .log_in(&Credentials::agent("Root", "top secret", ""))
        .unwrap();
    let details = world.engine.token_details(&token).unwrap();
    assert_eq!((details.agent, &*details.username), (None, "root"));
    let root = world.engine.authenticate(&token).unwrap();
    assert!(
        matches!(world.engine.collaboration(&root), Err(Error::Invalid(_))),
        "400, not 401"
    );
    assert!(world.engine.provisioning(&root).is_ok());
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::agent("root", "top secret", "echo")),
    );
}

#[test]
fn the_super_user_s_name_with_an_agent_is_an_ordinary_login() {
    let world = world(|builder| builder.super_user("CONTOSO\\lene", "top secret"));
    let token = world.engine.log_in(&lene()).unwrap();
    assert!(world.engine.token_details(&token).unwrap().agent.is_some());
    is_unauthorized(world.engine.log_in(&Credentials::agent(
        "CONTOSO\\lene",
        "top secret",
        "echo",
    )));
}

#[test]
fn of_several_users_of_one_name_any_that_the_agent_lists_may_log_in() {
    let world = world(|builder| builder);
    for (id, password) in [("lene-2", "second"), ("lene-3", "third")] {
        world
            .admin()
            .put_user(user(id, "contoso\\LENE", password))
            .unwrap();
    }
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .user("lene-2")
            .unwrap(),
    );
    let label = |password| {
        let token = world
            .engine
            .log_in(&Credentials::agent("CONTOSO\\lene", password, "echo"))?;
        world
            .engine
            .authenticate(&token)
            .map(|principal| principal.label())
    };
    assert_eq!(label(PASSWORD), Ok("agent:echo/lene".to_owned()));
    assert_eq!(label("second"), Ok("agent:echo/lene-2".to_owned()));
    is_unauthorized(label("third"));
}

#[test]
fn a_password_has_1_to_1024_bytes_and_no_other_demand() {
    let world = world(|builder| builder);
    assert!(NewUser::new("lene", "lene").unwrap().password("").is_err());
    assert!(
        NewUser::new("lene", "lene")
            .unwrap()
            .password("x".repeat(1025))
            .is_err()
    );
    assert!(matches!(
        world.admin().set_password("lene", ""),
        Err(Error::Invalid(_))
    ));
    for password in [" ", &"ä".repeat(512)] {
        world.admin().set_password("lene", password).unwrap();
        assert!(
            world
                .engine
                .log_in(&Credentials::agent("CONTOSO\\lene", password, "echo"))
                .is_ok()
        );
    }
    is_unauthorized(world.engine.log_in(&Credentials::agent(
        "CONTOSO\\lene",
        "x".repeat(100_000),
        "echo",
    )));
}
