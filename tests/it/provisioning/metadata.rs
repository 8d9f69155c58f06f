//! Metadata: any strings, in the order in which they were put.

use super::pairs;
use crate::world::{OPS, World, new_agent};
use switchboard::{AgentState, Change, Cursor, Error, EventQuery};

#[test]
fn a_metadata_key_given_twice_is_invalid_and_changes_nothing() {
    let world = World::new();
    let twice = new_agent("echo", &[])
        .metadata("colour", "red")
        .metadata("colour", "blue");
    assert!(matches!(
        world.admin().put_agent(twice),
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        world.admin().agent("echo"),
        Err(Error::NotFound(_))
    ));
    world.agent("echo", &[]);
    let twice = pairs(&[("a", "1"), ("b", "2"), ("a", "3")]);
    assert!(matches!(
        world.admin().put_metadata("echo", twice),
        Err(Error::Invalid(_))
    ));
    assert_eq!(world.admin().metadata("echo"), Ok(vec![]));
}

#[test]
fn metadata_is_any_strings_in_the_order_they_were_put() {
    let world = World::new();
    world.agent("echo", &[]);
    let admin = world.admin();
    let odd = pairs(&[("b/%\"'", "\u{1}\0"), ("", "empty key"), ("a", "")]);
    assert_eq!(admin.put_metadata("echo", odd.clone()), Ok(Change::Applied));
    assert_eq!(admin.metadata("echo"), Ok(odd.clone()));
    assert_eq!(admin.put_metadata("echo", odd), Ok(Change::Unchanged));
    assert_eq!(
        admin.put_metadata_value("echo", "", "still"),
        Ok(Change::Applied)
    );
    assert_eq!(
        admin.put_metadata_value("echo", "", "still"),
        Ok(Change::Unchanged)
    );
    assert_eq!(admin.metadata_value("echo", ""), Ok("still".to_owned()));
    admin.delete_metadata_value("echo", "b/%\"'").unwrap();
    assert_eq!(
        admin.metadata("echo"),
        Ok(pairs(&[("", "still"), ("a", "")]))
    );
    assert!(matches!(
        admin.metadata_value("echo", "b/%\"'"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_metadata_value("echo", "b/%\"'"),
        Err(Error::NotFound(_))
    ));
    assert_eq!(
        world.engine.agent("echo").unwrap().metadata(),
        Ok(pairs(&[("", "still"), ("a", "")]))
    );
}

#[test]
fn metadata_can_be_read_whatever_the_agent_s_state() {
    let world = World::new();
    world.chat.go_down("maintenance");
    world
        .admin()
        .put_agent(new_agent("echo", &[OPS]).metadata("colour", "red"))
        .unwrap();
    world.settle();
    let echo = world.engine.agent("echo").unwrap();
    assert_eq!(world.status("echo").state, AgentState::Idle);
    assert_eq!(echo.metadata(), Ok(pairs(&[("colour", "red")])));
    assert!(echo.events(Cursor::window(), &EventQuery::all()).is_ok());
    assert!(matches!(echo.channels(), Err(Error::AgentInactive { .. })));
}
