//! Throttles, users and ids.

use super::throttle;
use crate::world::World;
use switchboard::{Change, Error, NewAgent, NewUser, ThrottleKind};

#[test]
fn a_throttle_can_be_replaced_but_its_kind_cannot_change() {
    let world = World::new();
    let admin = world.admin();
    let slow = throttle("slow", ThrottleKind::MessagesPerMinute, 3, &["echo"]);
    assert_eq!(admin.put_throttle(slow.clone()), Ok(Change::Applied));
    assert_eq!(admin.put_throttle(slow.clone()), Ok(Change::Unchanged));
    let other = throttle("slow", ThrottleKind::ConcurrentTransfers, 3, &["echo"]);
    assert!(matches!(admin.put_throttle(other), Err(Error::Invalid(_))));
    assert_eq!(admin.throttle("slow"), Ok(slow));
    assert_eq!(admin.throttles().unwrap().len(), 1);
}

#[test]
fn a_user_can_be_put_renamed_and_deleted_and_its_password_never_comes_back() {
    let world = World::new();
    let admin = world.admin();
    assert_eq!(
        admin.put_user(NewUser::new("u1", "CONTOSO\\lene").unwrap()),
        Ok(Change::Applied)
    );
    assert!(!admin.user("u1").unwrap().has_password);
    admin
        .put_user(
            NewUser::new("u1", "CONTOSO\\lene")
                .unwrap()
                .password("hunter2")
                .unwrap(),
        )
        .unwrap();
    admin
        .put_user(NewUser::new("u1", "CONTOSO\\bob").unwrap())
        .unwrap();
    let user = admin.user("u1").unwrap();
    assert_eq!(
        (&*user.username, user.has_password),
        ("CONTOSO\\bob", true),
        "kept"
    );
    admin
        .put_user(NewUser::new("u2", "contoso\\BOB").unwrap())
        .unwrap();
    assert_eq!(admin.users().unwrap().len(), 2, "a name need not be unique");
    admin.delete_user("u1").unwrap();
    assert_eq!(admin.users().unwrap().len(), 1);
}

#[test]
fn ids_are_any_text_but_empty_overlong_or_with_control_characters() {
    let world = World::new();
    let long = "x".repeat(1024);
    for id in ["a/b", "50%", "it's \"quoted\"", " ", "🦀", &long] {
        world
            .admin()
            .put_agent(NewAgent::new(id, "loopback:x").unwrap().user(id).unwrap())
            .unwrap();
        assert_eq!(world.admin().agent(id).unwrap().id.as_str(), id);
        world.admin().delete_agent(id).unwrap();
    }
    for id in ["", "a\0b", "a\tb", &"x".repeat(1025)] {
        assert!(
            matches!(world.admin().agent(id), Err(Error::Invalid(_))),
            "{id:?}"
        );
        assert!(matches!(
            NewAgent::new(id, "loopback:x"),
            Err(Error::Invalid(_))
        ));
        assert!(matches!(world.admin().user(id), Err(Error::Invalid(_))));
        assert!(matches!(world.admin().throttle(id), Err(Error::Invalid(_))));
        assert!(matches!(NewAgent::new("echo", id), Err(Error::Invalid(_))));
    }
}
