//! The audit: every administrative change leaves a row that says who, when, what, before and after,
//! and no secret.
//!
//! Method: the administrator `ada` makes one change of each kind, and what is refused, and reads
//! what is written of it.

use crate::world::{LAB, OPS, World, new_agent, seconds};
use switchboard::{Credentials, EventQuery, NewUser, Principal, Throttle, ThrottleKind};

#[test]
fn the_audit_says_who_when_what_before_and_after() {
    let world = World::new();
    let noon = world.clock_now();
    world.agent("echo", &[OPS]);
    world.pass(seconds(60));
    world.put(new_agent("echo", &[OPS, LAB]));
    world.admin().delete_agent("echo").unwrap();
    let audit = world.admin().audit(0, 10).unwrap();
    let short: Vec<_> = audit
        .iter()
        .map(|entry| (&*entry.who, &*entry.action, &*entry.subject))
        .collect();
    assert_eq!(
        short,
        [
            ("host:ada", "put agent", "echo"),
            ("host:ada", "put agent", "echo"),
            ("host:ada", "delete agent", "echo")
        ]
    );
    assert_eq!(audit[0].time, noon);
    assert_eq!(audit[1].time, noon + seconds(60));
    assert_eq!(audit[0].before, None);
    assert!(audit[0].after.as_ref().unwrap().contains(OPS));
    assert_eq!(audit[1].before, audit[0].after);
    assert!(audit[1].after.as_ref().unwrap().contains(LAB));
    assert_eq!(
        (&audit[2].before, &audit[2].after),
        (&audit[1].after, &None)
    );

    let later = world.admin().audit(audit[0].number, 1).unwrap();
    assert_eq!(
        later,
        [audit[1].clone()],
        "since is exclusive, limit a limit"
    );
}

#[test]
fn every_kind_of_change_is_audited_and_no_secret_with_it() {
    let world = World::new();
    world.agent("echo", &[]);
    let admin = world.admin();
    admin.put_channel("echo", OPS).unwrap();
    admin.delete_channel("echo", OPS).unwrap();
    admin
        .put_metadata("echo", vec![("a".to_owned(), "b".to_owned())])
        .unwrap();
    admin.put_metadata_value("echo", "a", "c").unwrap();
    admin.delete_metadata_value("echo", "a").unwrap();
    admin
        .put_user(
            NewUser::new("lene", "lene")
                .unwrap()
                .password("hunter2")
                .unwrap(),
        )
        .unwrap();
    admin.set_password("lene", "hunter3").unwrap();
    admin.delete_user("lene").unwrap();
    admin.put_throttle(slow()).unwrap();
    admin.delete_throttle("slow").unwrap();
    drop(
        world
            .engine
            .agent("echo")
            .unwrap()
            .reader("main", EventQuery::all())
            .unwrap(),
    );
    admin.delete_reader("echo", "main").unwrap();
    let audit = admin.audit(0, 100).unwrap();
    assert_eq!(audit.len(), 12, "{audit:#?}");
    let text = format!("{audit:?}");
    assert!(
        !text.contains("hunter") && !text.contains("argon2"),
        "{text}"
    );
    assert!(audit.windows(2).all(|two| two[0].number < two[1].number));
}

#[test]
fn a_refused_change_leaves_neither_audit_nor_trace() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    let before = world.admin().audit(0, 100).unwrap();
    let _ = world.admin().delete_channel("echo", LAB);
    let _ = world
        .admin()
        .put_agent(new_agent("echo", &[]).expecting(999));
    let _ = world.admin().put_metadata_value("nobody", "a", "b");
    assert_eq!(world.admin().audit(0, 100).unwrap(), before);
}

#[test]
fn old_audit_rows_go_when_their_time_is_over() {
    let world = World::with(|builder| builder.keep_audit(Some(seconds(3600))));
    world.agent("echo", &[]);
    world.pass(seconds(1800));
    world.admin().put_metadata_value("echo", "a", "b").unwrap();
    world.pass(seconds(1900));
    let actions: Vec<_> = world
        .admin()
        .audit(0, 10)
        .unwrap()
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    assert_eq!(actions.len(), 1, "{actions:?}");
    assert_ne!(actions[0], "put agent");
}

#[test]
fn the_super_user_is_named_in_the_audit() {
    let world = World::with(|builder| builder.super_user("root", "top secret"));
    let token = world
        .engine
        .log_in(&Credentials::super_user("ROOT", "top secret"))
        .unwrap();
    let root = world
        .engine
        .provisioning(&world.engine.authenticate(&token).unwrap())
        .unwrap();
    root.put_agent(new_agent("echo", &[])).unwrap();
    assert_eq!(root.audit(0, 9).unwrap()[0].who, "super:root");
    assert_eq!(Principal::host("ada").label(), "host:ada");
}

fn slow() -> Throttle {
    let slow = Throttle::new("slow", ThrottleKind::MessagesPerMinute, 3)
        .and_then(|throttle| throttle.agent("echo"));
    slow.unwrap()
}

#[test]
fn a_user_whom_nothing_can_check_is_named_once_an_hour() {
    let world = World::new();
    let user = NewUser::new("lene", "lene").unwrap();
    world.admin().put_user(user).unwrap();
    world.put(new_agent("echo", &[]).user("lene").unwrap());
    let begun = world.admin().audit(0, 100).unwrap().len();
    let named = || {
        let login = Credentials::agent("lene", "any", "echo");
        assert!(world.engine.log_in(&login).is_err());
        world.settle();
        world.admin().audit(0, 100).unwrap().split_off(begun)
    };
    let first = named();
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(
        (&*first[0].who, &*first[0].action, &*first[0].subject),
        ("engine", "refuse login", "lene")
    );
    let why = first[0].after.as_deref().unwrap();
    assert!(why.contains("no password, and no directory"), "{why}");
    assert_eq!(named(), first, "not twice in an hour");
    world.pass(seconds(3600));
    assert_eq!(named().len(), 2);
}
