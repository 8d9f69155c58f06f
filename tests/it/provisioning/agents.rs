//! Agents: put, replaced, deleted, and their lists.

use super::{channels_of, pairs, throttle};
use crate::world::{Disk, LAB, OPS, SESAME, SOON, Sesame, World, lines, new_agent, seconds};
use switchboard::{
    AgentId, AgentState, Change, Credentials, Cursor, Error, EventQuery, JoinState, NewMessage,
    NewUser, PresenceState, ProvisioningMode, ThrottleKind,
};

#[test]
fn a_put_agent_is_there_logged_on_and_the_same_put_again_changes_nothing() {
    let world = World::new();
    let echo = || {
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .metadata("colour", "red")
    };
    assert_eq!(world.admin().put_agent(echo()), Ok(Change::Applied));
    world
        .engine
        .agent("echo")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    let first = world.admin().agent("echo").unwrap();
    assert_eq!(
        (first.address.as_str(), first.state, first.mode),
        ("loopback:echo", AgentState::Active, ProvisioningMode::None)
    );
    assert_eq!(first.channels[0].state, JoinState::Active);
    assert_eq!(first.metadata, pairs(&[("colour", "red")]));
    assert_eq!(first.users[0].as_str(), "lene");

    assert_eq!(world.admin().put_agent(echo()), Ok(Change::Unchanged));
    assert_eq!(
        world.admin().agent("echo").unwrap(),
        first,
        "not even the revision"
    );
    assert_eq!(world.admin().audit(0, 10).unwrap().len(), 1);
}

#[test]
fn a_put_replaces_so_that_lists_left_out_become_empty() {
    let world = World::new();
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .metadata("colour", "red"),
    );
    assert_eq!(
        world.admin().put_agent(new_agent("echo", &[])),
        Ok(Change::Applied)
    );
    let after = world.admin().agent("echo").unwrap();
    assert!(after.channels.is_empty() && after.users.is_empty() && after.metadata.is_empty());
    assert_eq!(world.admin().agents().unwrap().len(), 1);
}

#[test]
fn a_replaced_agent_stays_joined_where_nothing_changed() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    world.put(new_agent("echo", &[LAB, OPS]));
    assert_eq!(
        world.seen(&echo, &EventQuery::channel_states()),
        ["chat-room:ops on", "chat-room:lab on"]
    );
    assert_eq!(world.channel_state("echo", OPS), JoinState::Active);
}

#[test]
fn every_list_comes_back_in_its_order_and_a_name_given_twice_counts_once() {
    let world = World::new();
    // They exist: a channel that had refused the agent by then would be tried again by the same
    // put, which is a change.
    world.chat.room("chat-room:z", "Last");
    world.chat.room("chat-room:a", "First");
    let rooms = ["chat-room:z", "chat-room:a", "contact:m", "chat-room:z"];
    let mut echo = new_agent("echo", &rooms);
    for user in ["zoe", "ada", "zoe", "mo"] {
        echo = echo.user(user).unwrap();
    }
    let echo = echo.metadata("z", "1").metadata("", "2").metadata("a", "3");
    world.admin().put_agent(echo.clone()).unwrap();
    let there = world.admin().agent("echo").unwrap();
    assert_eq!(
        channels_of(&world.admin(), "echo"),
        ["chat-room:z", "chat-room:a", "contact:m"]
    );
    assert_eq!(
        there
            .users
            .iter()
            .map(|user| user.as_str())
            .collect::<Vec<_>>(),
        ["zoe", "ada", "mo"]
    );
    assert_eq!(there.metadata, pairs(&[("z", "1"), ("", "2"), ("a", "3")]));
    assert_eq!(
        world.admin().put_agent(echo),
        Ok(Change::Unchanged),
        "named twice again"
    );

    world
        .admin()
        .put_throttle(throttle(
            "slow",
            ThrottleKind::MessagesPerMinute,
            3,
            &["zoe", "ada", "zoe"],
        ))
        .unwrap();
    let slow = world.admin().throttle("slow").unwrap();
    assert_eq!(
        slow.agents.iter().map(AgentId::as_str).collect::<Vec<_>>(),
        ["zoe", "ada"]
    );
}

#[test]
fn can_provision_decides_the_mode_only_where_none_is_given() {
    use ProvisioningMode::{None as Nothing, Own, System};
    let world = World::new();
    let put = |mode: Option<ProvisioningMode>, can_provision: bool| {
        let mut echo = new_agent("echo", &[]);
        (echo.mode, echo.can_provision) = (mode, can_provision);
        world.admin().put_agent(echo).unwrap();
        world.admin().agent("echo").unwrap().mode
    };
    assert_eq!(put(None, false), Nothing);
    assert_eq!(put(None, true), System);
    assert_eq!(put(Some(Own), false), Own);
    assert_eq!(put(None, true), Own, "an agent that is Self stays as it is");
    assert_eq!(put(None, false), Nothing, "false or absent makes it None");
    assert_eq!(put(Some(Nothing), true), Nothing, "a mode given wins");
}

#[test]
fn users_and_agents_may_be_named_before_they_exist_and_after_they_are_gone() {
    let world = World::new();
    world
        .admin()
        .put_throttle(throttle(
            "slow",
            ThrottleKind::MessagesPerMinute,
            3,
            &["echo"],
        ))
        .unwrap();
    world.put(new_agent("echo", &[]).user("lene").unwrap());
    world
        .admin()
        .put_user(NewUser::new("lene", "lene").unwrap())
        .unwrap();
    world.admin().delete_user("lene").unwrap();
    assert_eq!(
        world.admin().agent("echo").unwrap().users[0].as_str(),
        "lene"
    );
    world.admin().delete_agent("echo").unwrap();
    assert_eq!(
        world.admin().throttle("slow").unwrap().agents[0].as_str(),
        "echo"
    );
}

#[test]
fn a_put_that_expects_another_revision_is_a_conflict() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    let now = world.admin().agent("echo").unwrap().revision;
    let stale = world
        .admin()
        .put_agent(new_agent("echo", &[LAB]).expecting(now + 7));
    assert_eq!(
        stale,
        Err(Error::Conflict(format!(
            "expected revision {}, found {now}",
            now + 7
        )))
    );
    assert_eq!(channels_of(&world.admin(), "echo"), [OPS]);
    assert_eq!(
        world
            .admin()
            .put_agent(new_agent("echo", &[LAB]).expecting(now)),
        Ok(Change::Applied)
    );
    assert!(world.admin().agent("echo").unwrap().revision > now);
    let absent = world.admin().put_agent(new_agent("echo", &[]).expecting(0));
    let unchanged = "expected revision 0, found ";
    assert!(matches!(absent, Err(Error::Conflict(text)) if text.starts_with(unchanged)));
    assert_eq!(
        world.admin().put_agent(new_agent("bob", &[]).expecting(0)),
        Ok(Change::Applied)
    );
}

#[test]
fn a_deleted_agent_takes_its_tokens_readers_waits_and_presence_with_it() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    world.agent("echo", &[OPS]);
    let token = world.token("lene", "echo");
    let view = world
        .engine
        .collaboration(&world.engine.authenticate(&token).unwrap())
        .unwrap();
    let mut reader = view.reader("main", EventQuery::all()).unwrap();
    while reader.next_timeout(seconds(0)).unwrap().is_some() {}
    let poll = std::thread::spawn({
        let view = view.clone();
        move || {
            let from = view.events(Cursor::window(), &EventQuery::all()).unwrap();
            view.wait_events(
                Cursor::after(from.last, &from.instance),
                &EventQuery::all(),
                seconds(600),
            )
        }
    });
    world.until(|stats| stats.waiters == 1);
    world.admin().delete_agent("echo").unwrap();

    assert_eq!(
        lines(&poll.join().unwrap().unwrap().events),
        [""; 0],
        "the wait ended, empty"
    );
    assert!(matches!(
        world.engine.authenticate(&token),
        Err(Error::Unauthorized(_))
    ));
    assert!(matches!(view.channels(), Err(Error::Unauthorized(_))));
    assert!(reader.next().is_err());
    assert_eq!(world.admin().readers(), Ok(vec![]));
    assert!(matches!(
        world.engine.agent("echo"),
        Err(Error::NotFound(_))
    ));
    world.settle();
    assert_eq!(
        world.person("bob").sees_presence("contact:echo"),
        PresenceState::Offline
    );
    assert!(matches!(
        world
            .engine
            .log_in(&Credentials::agent("lene", SESAME, "echo")),
        Err(Error::Unauthorized(_))
    ));
}

#[test]
fn a_deleted_agent_s_messages_stay_and_its_namesake_sees_none_of_its_past() {
    let world = World::on(
        crate::world::furnished(switchboard::backend::Loopback::new().without_history()),
        |builder| builder,
    );
    let bob = world.agent("bob", &[OPS]);
    let echo = world.agent("echo", &[OPS]);
    echo.post(OPS, NewMessage::text("I was here")).unwrap();
    drop(echo.reader("main", EventQuery::all()).unwrap());
    world.admin().delete_agent("echo").unwrap();
    world.settle();
    assert_eq!(bob.messages(OPS, 10, None).unwrap()[0].text, "I was here");

    let echo = world.agent("echo", &[OPS]);
    assert_eq!(world.seen(&echo, &EventQuery::all()), ["chat-room:ops on"]);
    assert_eq!(world.admin().readers(), Ok(vec![]));
}

#[test]
fn what_happens_to_one_agent_touches_no_other() {
    let world = World::new();
    let bob = world.agent("bob", &[OPS]);
    let before = (world.status("bob"), world.admin().agent("bob").unwrap());
    world.agent("echo", &[OPS, LAB]);
    world.put(new_agent("echo", &[LAB]));
    world.admin().put_metadata_value("echo", "a", "b").unwrap();
    world.admin().delete_agent("echo").unwrap();
    world.settle();
    assert_eq!(
        (world.status("bob"), world.admin().agent("bob").unwrap()),
        before
    );
    assert_eq!(world.seen(&bob, &EventQuery::all()), ["chat-room:ops on"]);
}

#[test]
fn what_was_provisioned_is_there_after_a_restart_and_logged_on() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .metadata("a", "b")
            .mode(ProvisioningMode::Own),
    );
    world
        .admin()
        .put_user(NewUser::new("lene", "lene").unwrap())
        .unwrap();
    world
        .admin()
        .put_throttle(throttle(
            "slow",
            ThrottleKind::MessagesPerMinute,
            3,
            &["echo"],
        ))
        .unwrap();
    let before = (
        world.admin().agent("echo"),
        world.admin().users(),
        world.admin().throttles(),
        world.admin().audit(0, 9),
    );
    let world = world.restart(&disk);
    world
        .engine
        .agent("echo")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    world.settle();
    let after = (
        world.admin().agent("echo"),
        world.admin().users(),
        world.admin().throttles(),
        world.admin().audit(0, 9),
    );
    assert_eq!(after, before);
}
