//! One account under its spellings.

use super::{corp, domains, is_wrong, log_in, world};
use crate::world::{Disk, SOON, World, new_agent};
use switchboard::{Credentials, Domains, NewUser};

/// As the vendor's tools do it: a user without a password, listed on an agent.
#[test]
fn a_user_without_a_password_logs_in_under_every_spelling() {
    let corp = corp();
    let world = world(None, |builder| builder.authenticator(corp.clone()));
    for name in [
        r"CORP\bot1",
        "bot1@corp.test",
        "BOT1@CORP.TEST",
        r"corp.test\Bot1",
    ] {
        let token = log_in(&world, name, "open").unwrap();
        let details = world.engine.token_details(&token).unwrap();
        assert_eq!(details.username, r"CORP\Bot1", "as it was provisioned");
        assert_eq!(corp.asked(), [r"CORP\Bot1"], "for {name}");
    }
    for name in ["bot1", r"LAB\bot1", "bot1@lab.test", "bot2@corp.test"] {
        is_wrong(&log_in(&world, name, "open"));
        assert_eq!(corp.asked(), ["-"], "{name} is nobody here");
    }
    is_wrong(&log_in(&world, r"CORP\bot1", "shut"));
    is_wrong(&log_in(&world, r"CORP\bot1", ""));
    let put = world.admin().audit(0, 10).unwrap();
    let put = put.iter().find(|row| row.action == "put user").unwrap();
    assert!(
        put.after.as_deref().unwrap().contains("bot1@corp.test"),
        "{put:?}"
    );
}

#[test]
fn names_are_compared_by_the_domains_of_this_start() {
    let disk = Disk::new();
    let world = World::with(|builder| builder.database(disk.path()));
    for (id, name) in [("a", r"CORP\ann"), ("b", "ben")] {
        let user = NewUser::new(id, name).unwrap().password("secret").unwrap();
        world.admin().put_user(user).unwrap();
    }
    let agent = new_agent("echo", &[]).user("a").unwrap().user("b").unwrap();
    world.put(agent);
    let logs_in = |world: &World, name: &str| log_in(world, name, "secret").is_ok();
    assert!(logs_in(&world, r"corp\ANN") && logs_in(&world, "Ben"));
    assert!(!logs_in(&world, "ann@corp.test") && !logs_in(&world, "ben@corp.test"));
    let world = world.restart_with(&disk, |builder| {
        builder.domains(domains().default_domain("corp.test"))
    });
    for name in [
        r"CORP\ann",
        "ann@corp.test",
        "ann",
        "ben",
        "ben@corp.test",
        r"CORP\ben",
    ] {
        assert!(logs_in(&world, name), "{name}");
    }
    let world = world.restart_with(&disk, |builder| builder.domains(Domains::new()));
    assert!(logs_in(&world, r"corp\ann") && !logs_in(&world, "ann@corp.test"));
}

#[test]
fn the_super_user_may_be_an_account_of_the_directory() {
    let (corp, disk) = (corp(), Disk::new());
    let of_corp = |builder: switchboard::Builder| {
        let builder = builder.authenticator(corp.clone()).domains(domains());
        builder.super_user_of_directory(r"CORP\root")
    };
    corp.entry("root@corp.test", |root| root.password = "power");
    let world = world(Some(&disk), of_corp);
    let super_user = |name: &str, password: &str| Credentials::super_user(name, password);
    let log_in = |world: &World, name, password| world.engine.log_in(&super_user(name, password));
    let token = log_in(&world, "root@corp.test", "power").unwrap();
    assert_eq!(
        world.engine.token_details(&token).unwrap().username,
        r"CORP\root"
    );
    is_wrong(&log_in(&world, "root@corp.test", "open"));
    is_wrong(&log_in(&world, "bot1@corp.test", "open"));
    assert!(world.engine.set_super_password("other").is_err());

    // The token outlives a restart, and ends where somebody else becomes the super user.
    let world = world.restart_with(&disk, of_corp);
    assert!(world.engine.authenticate(&token).is_ok());
    let world = world.restart_with(&disk, |builder| {
        of_corp(builder).super_user(r"CORP\root", "local")
    });
    assert!(world.engine.authenticate(&token).is_err());
    let token = log_in(&world, r"CORP\root", "local").unwrap();
    let world = world.restart_with(&disk, of_corp);
    assert!(world.engine.authenticate(&token).is_err());
    world.engine.shutdown(SOON).unwrap();
}
