//! Logins by a ticket (§tokens/kerberos).

use super::{corp, domains, is_wrong, world};
use crate::world::World;
use switchboard::{AgentId, Error, Result, Token};

fn bring(world: &World, ticket: &str, agent: Option<&str>) -> Result<Token> {
    let (token, reply) = world.engine.log_in_by_ticket(ticket, agent)?;
    assert_eq!(reply.as_deref(), Some("cmVwbHk="));
    Ok(token)
}

#[test]
fn whoever_the_ticket_is_of_gets_a_token_where_they_may() {
    let corp = corp();
    corp.change(|state| state.takes_tickets = true);
    corp.entry("ann@corp.test", |ann| {
        ann.agents = vec![AgentId::parse("echo").unwrap()];
    });
    corp.entry("root@corp.test", |_| {});
    let world = world(None, |builder| {
        let builder = builder.authenticator(corp.clone()).domains(domains());
        builder.super_user_of_directory(r"CORP\root")
    });
    assert!(world.engine.negotiates());
    let token = bring(&world, "ticket of bot1@CORP.TEST", Some("echo")).unwrap();
    assert_eq!(
        world.engine.token_details(&token).unwrap().username,
        r"CORP\Bot1"
    );
    assert!(
        bring(&world, "ticket of ann@CORP.TEST", Some("echo")).is_ok(),
        "a member"
    );
    assert!(bring(&world, "ticket of root@CORP.TEST", None).is_ok());
    is_wrong(&bring(&world, "ticket of bot1@CORP.TEST", None));
    is_wrong(&bring(&world, "ticket of bot1@LAB.TEST", Some("echo")));
    is_wrong(&bring(&world, "ticket of bot1@CORP.TEST", Some("nowhere")));
    is_wrong(&bring(&world, "rubbish", Some("echo")));
    // A ticket outlives its account by hours.
    for (name, agent) in [
        ("bot1", Some("echo")),
        ("ann", Some("echo")),
        ("root", None),
    ] {
        let account = format!("{name}@corp.test");
        let bring = || bring(&world, &format!("ticket of {account}"), agent);
        corp.entry(&account, |entry| entry.is_disabled = true);
        is_wrong(&bring());
        corp.entry(&account, |entry| entry.is_disabled = false);
        assert!(bring().is_ok(), "{name}");
    }
    corp.set_down(true);
    super::is_away(&bring(&world, "ticket of bot1@CORP.TEST", Some("echo")));
}

#[test]
fn where_nobody_takes_tickets_they_are_refused() {
    let world = world(None, |builder| builder.authenticator(corp()));
    assert!(!world.engine.negotiates());
    is_wrong(&bring(&world, "ticket of bot1@CORP.TEST", Some("echo")));
    let long = "x".repeat(200_000);
    let refused = world.engine.log_in_by_ticket(long, None);
    assert!(
        matches!(refused, Err(Error::Unauthorized(_))),
        "{refused:?}"
    );
}
