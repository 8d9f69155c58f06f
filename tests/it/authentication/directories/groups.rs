//! Groups of a directory that may use an agent without being listed.

use super::{Company, corp, is_away, is_wrong, log_in, minutes, world};
use crate::world::{OPS, World, new_agent};
use switchboard::{AgentId, Credentials, NewMessage, NewUser, Token};

fn id(agent: &str) -> AgentId {
    AgentId::parse(agent).unwrap()
}

/// `ann` may use `echo`, `ben` may use `other`.
fn admitting() -> (Company, World) {
    let corp = corp();
    for (account, agent) in [("ann@corp.test", "echo"), ("ben@corp.test", "other")] {
        corp.entry(account, |entry| {
            (entry.password, entry.agents) = ("open", vec![id(agent)]);
        });
    }
    let world = world(None, |builder| builder.authenticator(corp.clone()));
    world.put(new_agent("other", &[]));
    world.put(new_agent("closed", &[]));
    (corp, world)
}

fn log_in_to(world: &World, name: &str, agent: &str) -> switchboard::Result<Token> {
    world
        .engine
        .log_in(&Credentials::agent(name, "open", agent))
}

#[test]
fn a_member_uses_the_agents_of_its_groups_and_no_other() {
    let (corp, world) = admitting();
    let token = log_in(&world, r"CORP\Ann", "open").unwrap();
    let principal = world.engine.authenticate(&token).unwrap();
    let view = world.engine.collaboration(&principal).unwrap();
    view.post(OPS, NewMessage::text("hello")).unwrap();
    let details = world.engine.token_details(&token).unwrap();
    assert_eq!(details.username, "ann@corp.test");
    is_wrong(&log_in(&world, r"CORP\ann", "shut"));
    is_wrong(&log_in_to(&world, r"CORP\ann", "other"));
    assert!(log_in_to(&world, "ben@corp.test", "other").is_ok());
    corp.asked();
    // Where no group admits anybody, strangers are not asked for by their names.
    is_wrong(&log_in_to(&world, r"CORP\ann", "closed"));
    is_wrong(&log_in_to(&world, r"CORP\ann", "nowhere"));
    assert_eq!(corp.asked(), ["-", "-"]);
}

#[test]
fn who_leaves_the_group_is_out_at_the_next_look() {
    let (corp, world) = admitting();
    let token = log_in(&world, r"CORP\ann", "open").unwrap();
    // A put of the agent names users, not members.
    world.put(new_agent("echo", &[OPS]).metadata("colour", "red"));
    world.pass(minutes(11));
    world.settle();
    assert!(world.engine.authenticate(&token).is_ok());
    corp.entry("ann@corp.test", |ann| ann.agents = vec![id("other")]);
    world.pass(minutes(10));
    world.settle();
    assert!(world.engine.authenticate(&token).is_err());
    // Ben still admits nobody to `echo`, so nobody is asked for by name there.
    is_wrong(&log_in(&world, r"CORP\ann", "open"));
    assert!(log_in_to(&world, r"CORP\ann", "other").is_ok());
}

#[test]
fn a_remembered_member_is_admitted_only_where_it_was() {
    let (corp, world) = admitting();
    assert!(log_in(&world, r"CORP\ann", "open").is_ok());
    corp.set_down(true);
    assert!(log_in(&world, r"CORP\ann", "open").is_ok());
    is_away(&log_in_to(&world, r"CORP\ann", "other"));
}

/// A user with a password here may be called as a member is: each keeps its own tokens.
#[test]
fn a_member_and_a_user_of_the_same_id_are_looked_at_apart() {
    let (corp, world) = admitting();
    let user = NewUser::new("ann@corp.test", "lene").unwrap();
    world
        .admin()
        .put_user(user.password("local").unwrap())
        .unwrap();
    world.put(new_agent("own", &[]).user("ann@corp.test").unwrap());
    let member = log_in(&world, r"CORP\ann", "open").unwrap();
    let user = Credentials::agent("lene", "local", "own");
    let user = world.engine.log_in(&user).unwrap();
    let are_good = || [&member, &user].map(|token| world.engine.authenticate(token).is_ok());
    world.pass(minutes(11));
    world.settle();
    assert_eq!(are_good(), [true, true]);
    corp.entry("ann@corp.test", |ann| ann.is_disabled = true);
    world.pass(minutes(10));
    world.settle();
    assert_eq!(are_good(), [false, true]);
}
