//! Passwords and rights that change while a login is checked, or cannot be stored.

use super::{PASSWORD, beside, is_unauthorized, log_in, names, user, world};
use crate::world::{Disk, OPS, begin, new_agent, seconds, wait};
use switchboard::{
    Credentials, Error, NewMessage, NewUser, ProvisioningMode, Throttle, ThrottleKind,
};

#[test]
fn any_change_of_the_user_has_the_next_login_hashed_again() {
    let world = world(None, &names("lene", 1));
    let work = |password: &str| {
        let before = world.engine.stats().password_work;
        let answer = wait(log_in(&world.engine, "lene0", password));
        (answer.is_ok(), world.engine.stats().password_work - before)
    };
    assert_eq!(work(PASSWORD), (true, 1));
    assert_eq!(work(PASSWORD), (true, 0));
    assert_eq!(work("wrong"), (false, 1), "guessing became no cheaper");
    assert_eq!(work(PASSWORD), (true, 0));
    world
        .admin()
        .put_user(NewUser::new("lene0", "LENE0").unwrap())
        .unwrap();
    assert_eq!(work(PASSWORD), (true, 1), "another name");
    world.admin().set_password("lene0", "staple").unwrap();
    assert_eq!(work(PASSWORD), (false, 1), "another password");
    assert_eq!(work("staple"), (true, 1));
    world.admin().delete_user("lene0").unwrap();
    assert_eq!(work("staple"), (false, 1), "gone");
    world
        .admin()
        .put_user(
            NewUser::new("lene0", "lene0")
                .unwrap()
                .password("staple")
                .unwrap(),
        )
        .unwrap();
    assert_eq!(work("staple"), (true, 1), "a namesake proves itself");
    world.put(new_agent("echo", &[OPS]));
    assert_eq!(work("staple"), (false, 1), "no longer listed");

    let root = |password| {
        world
            .engine
            .log_in(&Credentials::super_user("root", password))
            .is_ok()
    };
    assert!(root(PASSWORD));
    world.engine.set_super_password("another").unwrap();
    assert!(!root(PASSWORD) && root("another"));
}

#[test]
fn a_super_password_that_could_not_be_stored_is_not_the_password() {
    let disk = Disk::new();
    let world = world(Some(&disk), &[]);
    let root = |password| {
        world
            .engine
            .log_in(&Credentials::super_user("root", password))
    };
    let old = root(PASSWORD).unwrap();
    beside(
        &disk,
        "CREATE TRIGGER full BEFORE DELETE ON setting BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    assert!(matches!(
        world.engine.set_super_password("another"),
        Err(Error::Storage { .. })
    ));
    assert!(
        world.engine.authenticate(&old).is_ok() && root(PASSWORD).is_ok(),
        "nothing changed"
    );
    is_unauthorized(root("another"));
    beside(&disk, "DROP TRIGGER full");
    world.engine.set_super_password("another").unwrap();
    is_unauthorized(world.engine.authenticate(&old));
    is_unauthorized(root(PASSWORD));
    assert!(root("another").is_ok());
}

#[test]
fn a_change_that_could_not_be_stored_changes_nothing_in_memory() {
    let disk = Disk::new();
    let world = world(Some(&disk), &names("lene", 1));
    let token = wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    let agent = world.engine.agent("echo").unwrap();
    beside(
        &disk,
        "CREATE TRIGGER full BEFORE UPDATE ON setting BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    let slow = |threshold| {
        let slow = Throttle::new("slow", ThrottleKind::MessagesPerMinute, threshold)
            .and_then(|throttle| throttle.agent("echo"));
        slow.unwrap()
    };
    assert!(world.admin().set_password("lene0", "staple").is_err());
    assert!(
        world
            .admin()
            .put_user(NewUser::new("lene0", "other").unwrap())
            .is_err()
    );
    assert!(world.admin().delete_user("lene0").is_err());
    assert!(world.admin().delete_agent("echo").is_err());
    assert!(world.admin().put_agent(new_agent("echo", &[])).is_err());
    assert!(world.admin().put_throttle(slow(0)).is_err());
    world.settle();
    assert!(world.engine.authenticate(&token).is_ok(), "its token lives");
    assert!(wait(log_in(&world.engine, "lene0", PASSWORD)).is_ok());
    beside(&disk, "DROP TRIGGER full");
    agent
        .post(OPS, NewMessage::text("no throttle is in force"))
        .unwrap();

    // The reverse case: what was in force stays in force.
    world.admin().put_throttle(slow(0)).unwrap();
    beside(
        &disk,
        "CREATE TRIGGER full BEFORE UPDATE ON setting BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    assert!(world.admin().delete_throttle("slow").is_err());
    assert!(matches!(
        agent.post(OPS, NewMessage::text("refused")),
        Err(Error::Throttled { .. })
    ));
}

#[test]
fn where_the_store_fails_nobody_gets_in() {
    let disk = Disk::new();
    let world = world(Some(&disk), &names("lene", 1));
    wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    let broken = [
        (
            "PRAGMA legacy_alter_table = ON; ALTER TABLE user RENAME TO gone",
            "ALTER TABLE gone RENAME TO user",
        ),
        (
            "PRAGMA legacy_alter_table = ON; ALTER TABLE agent_user RENAME TO gone",
            "ALTER TABLE gone RENAME TO agent_user",
        ),
        (
            "CREATE TRIGGER full BEFORE INSERT ON token BEGIN SELECT RAISE(ABORT, 'full'); END",
            "DROP TRIGGER full",
        ),
    ];
    for (harm, mend) in broken {
        let before = world.engine.stats().tokens;
        beside(&disk, harm);
        let answer = wait(log_in(&world.engine, "lene0", PASSWORD));
        assert!(
            matches!(
                answer,
                Err(Error::Storage { .. } | Error::Busy { .. } | Error::Corrupt { .. })
            ),
            "{harm}: {answer:?}"
        );
        assert_eq!(world.engine.stats().tokens, before, "{harm}");
        beside(&disk, &format!("PRAGMA legacy_alter_table = ON; {mend}"));
        wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    }
}

#[test]
fn a_right_revoked_between_check_and_commit_is_none() {
    let world = world(None, &names("lene", 1));
    let mode = |mode| new_agent("echo", &[OPS]).user("lene0").unwrap().mode(mode);
    world.put(mode(ProvisioningMode::System));
    let token = wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    let lene = world
        .engine
        .provisioning(&world.engine.authenticate(&token).unwrap())
        .unwrap();
    // The hashes before hers take a second; by then her right is gone.
    let ahead: Vec<_> = (0..20)
        .map(|n| begin(world.admin().put_user_async(user(&format!("ahead {n}")))))
        .collect();
    let change = begin(lene.put_user_async(user("accomplice")));
    world
        .admin()
        .put_agent(mode(ProvisioningMode::None))
        .unwrap();
    let answer = change.join().unwrap();
    assert!(
        matches!(answer, Err(Error::Forbidden(_) | Error::Unauthorized(_))),
        "{answer:?}"
    );
    assert!(world.admin().user("accomplice").is_err());
    ahead
        .into_iter()
        .for_each(|change| assert!(change.join().unwrap().is_ok()));
}

#[test]
fn a_password_changed_while_it_is_checked_gives_no_token_that_lives() {
    let world = world(None, &names("lene", 1));
    for n in 0..8 {
        let (old, new) = (
            if n == 0 {
                PASSWORD.to_owned()
            } else {
                n.to_string()
            },
            (n + 1).to_string(),
        );
        let logins: Vec<_> = (0..6)
            .map(|_| begin(log_in(&world.engine, "lene0", &old)))
            .collect();
        world.admin().set_password("lene0", &*new).unwrap();
        for login in logins {
            if let Ok(token) = login.join().unwrap() {
                is_unauthorized(world.engine.authenticate(&token));
            }
            world.pass(seconds(15 * 60));
        }
    }
    assert_eq!(world.engine.stats().tokens, 0);
}
