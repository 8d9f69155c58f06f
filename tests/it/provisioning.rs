//! Provisioning (§provisioning/at-once): each call changes what it says, at once, for nobody else, and is audited.
//!
//! Method: an administrator `ada` on an engine in memory, Loopback below; modes are tried through tokens of `lene`.

use crate::world::{Disk, LAB, OPS, SESAME, SOON, Sesame, World, lines, new_agent, seconds};
use switchboard::{
    AgentId, AgentState, Change, Credentials, Cursor, Error, EventQuery, NewAgent, NewMessage,
    NewUser, PresenceState, Provisioning, ProvisioningMode, Throttle, ThrottleId, ThrottleKind,
};

fn throttle(id: &str, kind: ThrottleKind, threshold: u32, agents: &[&str]) -> Throttle {
    let agents = agents
        .iter()
        .map(|agent| AgentId::parse(agent).unwrap())
        .collect();
    Throttle {
        id: ThrottleId::parse(id).unwrap(),
        kind,
        threshold,
        agents,
    }
}

fn pairs(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn channels_of(admin: &Provisioning, agent: &str) -> Vec<String> {
    admin
        .channels(agent)
        .unwrap()
        .into_iter()
        .map(|channel| channel.id.to_string())
        .collect()
}

/// The view of `lene`, a user of an agent `echo` with that mode.
fn as_agent(world: &World, mode: ProvisioningMode) -> Provisioning {
    world.put(new_agent("echo", &[OPS]).mode(mode));
    let lene = world.principal("lene", "echo");
    world.engine.provisioning(&lene).unwrap()
}

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
    assert_eq!(first.channels[0].state, AgentState::Active);
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
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
}

#[test]
fn every_list_comes_back_in_its_order_and_a_name_given_twice_counts_once() {
    let world = World::new();
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
        Err(Error::Conflict {
            expected: now + 7,
            found: now
        })
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
    assert!(matches!(absent, Err(Error::Conflict { expected: 0, .. })));
    assert_eq!(
        world.admin().put_agent(new_agent("bob", &[]).expecting(0)),
        Ok(Change::Applied)
    );
}

#[test]
fn a_channel_put_again_is_unchanged_while_active_and_joined_again_while_idle() {
    let world = World::new();
    world.agent("echo", &[]);
    assert_eq!(world.admin().put_channel("echo", OPS), Ok(Change::Applied));
    world
        .engine
        .agent("echo")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    assert_eq!(
        world.admin().put_channel("echo", OPS),
        Ok(Change::Unchanged)
    );

    world.chat.kick(OPS, "echo", "noise");
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), AgentState::Idle);
    assert_eq!(world.admin().put_channel("echo", OPS), Ok(Change::Applied));
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
}

#[test]
fn a_channel_put_again_is_unchanged_while_it_is_being_joined() {
    let world = World::new();
    world.agent("echo", &[]);
    world.chat.delay(seconds(5));
    world.admin().put_channel("echo", OPS).unwrap();
    world.settle();
    assert_eq!(world.channel_state("echo", OPS), AgentState::Activating);
    assert_eq!(
        world.admin().put_channel("echo", OPS),
        Ok(Change::Unchanged)
    );
    world.pass(seconds(5));
    assert_eq!(world.channel_state("echo", OPS), AgentState::Active);
}

#[test]
fn any_well_formed_channel_is_accepted_and_its_state_says_why_it_is_idle() {
    let world = World::new();
    world.agent("echo", &[]);
    assert_eq!(
        world
            .admin()
            .put_channel("echo", "chat-room:nowhere/at \"all\""),
        Ok(Change::Applied)
    );
    world.settle();
    let status = world.status("echo");
    assert_eq!(status.channels[0].state, AgentState::Idle);
    assert_eq!(status.channels[0].reason.as_deref(), Some("no such room"));
    for bad in ["ops", "room:ops", "", "chat-room:", "chat-room:a\nb"] {
        assert!(
            matches!(
                world.admin().put_channel("echo", bad),
                Err(Error::Invalid(_))
            ),
            "{bad:?}"
        );
    }
}

#[test]
fn an_unknown_agent_and_a_channel_it_lacks_are_not_found() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    let admin = world.admin();
    assert!(matches!(
        admin.put_channel("nobody", OPS),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_channel("nobody", OPS),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_channel("echo", LAB),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(admin.channels("nobody"), Err(Error::NotFound(_))));
    assert!(matches!(admin.agent("nobody"), Err(Error::NotFound(_))));
    assert!(matches!(
        admin.delete_agent("nobody"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(admin.metadata("nobody"), Err(Error::NotFound(_))));
    assert!(matches!(
        admin.put_metadata_value("nobody", "a", "b"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(admin.user("nobody"), Err(Error::NotFound(_))));
    assert!(matches!(
        admin.set_password("nobody", "x"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_user("nobody"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(admin.throttle("nothing"), Err(Error::NotFound(_))));
    assert!(matches!(
        admin.delete_throttle("nothing"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        admin.delete_reader("echo", "nothing"),
        Err(Error::NotFound(_))
    ));
}

#[test]
fn a_deleted_channel_is_left_and_its_people_no_longer_heard() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS, LAB]);
    world.admin().delete_channel("echo", OPS).unwrap();
    world.settle();
    world.person("lene").say(OPS, "anybody?").unwrap();
    world.person("lene").say(LAB, "here?").unwrap();
    assert_eq!(world.seen(&echo, &EventQuery::messages()), ["lene: here?"]);
    assert!(matches!(
        echo.post(OPS, NewMessage::text("x")),
        Err(Error::Forbidden(_))
    ));
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

#[test]
fn a_self_agent_has_its_own_channels_and_metadata_and_nothing_else() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    world.agent("bob", &[OPS]);
    let own = as_agent(&world, ProvisioningMode::Own);
    assert_eq!(own.put_channel("echo", LAB), Ok(Change::Applied));
    assert_eq!(channels_of(&own, "echo"), [OPS, LAB]);
    own.delete_channel("echo", LAB).unwrap();
    own.put_metadata_value("echo", "colour", "red").unwrap();
    assert_eq!(own.metadata("echo"), Ok(pairs(&[("colour", "red")])));
    own.delete_metadata_value("echo", "colour").unwrap();
    world.settle();
    assert_eq!(own.find_channels("oper").unwrap()[0].1, "Operations");

    let forbidden = |what: &str, answer: Result<(), Error>| {
        assert!(
            matches!(answer, Err(Error::Forbidden(_))),
            "{what}: {answer:?}"
        )
    };
    forbidden("agents", own.agents().map(drop));
    for id in ["echo", "bob", "nobody"] {
        forbidden(id, own.agent(id).map(drop));
        forbidden(id, own.put_agent(new_agent(id, &[])).map(drop));
        forbidden(id, own.delete_agent(id));
        forbidden(id, own.delete_reader(id, "main"));
        forbidden(id, own.user(id).map(drop));
        forbidden(id, own.put_user(NewUser::new(id, id).unwrap()).map(drop));
        forbidden(id, own.set_password(id, "x"));
        forbidden(id, own.delete_user(id));
        forbidden(id, own.throttle(id).map(drop));
        forbidden(
            id,
            own.put_throttle(throttle(id, ThrottleKind::MessagesPerMinute, 1, &[]))
                .map(drop),
        );
        forbidden(id, own.delete_throttle(id));
    }
    for id in ["bob", "nobody"] {
        forbidden(id, own.channels(id).map(drop));
        forbidden(id, own.put_channel(id, OPS).map(drop));
        forbidden(id, own.delete_channel(id, OPS));
        forbidden(id, own.metadata(id).map(drop));
        forbidden(id, own.put_metadata(id, vec![]).map(drop));
        forbidden(id, own.metadata_value(id, "a").map(drop));
        forbidden(id, own.put_metadata_value(id, "a", "b").map(drop));
        forbidden(id, own.delete_metadata_value(id, "a"));
    }
    forbidden("users", own.users().map(drop));
    forbidden("throttles", own.throttles().map(drop));
    forbidden("readers", own.readers().map(drop));
    forbidden("audit", own.audit(0, 1).map(drop));
}

#[test]
fn a_system_agent_may_do_everything_and_one_without_a_mode_nothing() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    let system = as_agent(&world, ProvisioningMode::System);
    assert_eq!(
        system.put_agent(new_agent("bob", &[OPS])),
        Ok(Change::Applied)
    );
    assert_eq!(
        system.audit(0, 100).unwrap().last().unwrap().who,
        "agent:echo/lene"
    );
    world.agent("mute", &[]);
    let lene = world.principal("lene", "mute");
    assert!(matches!(
        world.engine.provisioning(&lene),
        Err(Error::Forbidden(_))
    ));
}

#[test]
fn a_view_in_hand_loses_its_right_when_the_mode_goes() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    let system = as_agent(&world, ProvisioningMode::System);
    world
        .admin()
        .put_agent(
            new_agent("echo", &[OPS])
                .user("lene")
                .unwrap()
                .mode(ProvisioningMode::Own),
        )
        .unwrap();
    assert!(matches!(system.agents(), Err(Error::Forbidden(_))));
    assert_eq!(
        system.put_metadata_value("echo", "a", "b"),
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
fn channel_search_asks_the_agent_s_own_chat_system() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    world.person("Operetta Fan");
    let own = as_agent(&world, ProvisioningMode::Own);
    let found = own.find_channels("OPER").unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|(id, name)| (id.as_str(), &**name))
        .collect();
    assert_eq!(
        found,
        [
            (OPS, "Operations"),
            ("contact:Operetta Fan", "Operetta Fan")
        ]
    );
    assert!(matches!(own.find_channels(""), Err(Error::Invalid(_))));
    assert!(
        matches!(world.admin().find_channels("oper"), Err(Error::Invalid(_))),
        "no agent, no chat system"
    );
    world.chat.go_down("maintenance");
    world.settle();
    assert!(matches!(
        own.find_channels("oper"),
        Err(Error::AgentInactive { .. })
    ));
}

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
