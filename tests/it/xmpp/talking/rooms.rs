//! Rooms: found, refused, left by force, and nicknames that are taken.

use super::super::server::Kind;
use super::super::town::Words;
use super::super::town::{SOON, Town, Way};
use switchboard::{JoinState, NewMessage};

#[test]
fn rooms_and_people_are_found_by_name() {
    let Some(town) = Town::prosody("XMPP channel search") else {
        return;
    };
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        let (engine, alice) = (town.engine(), town.contact("alice"));
        engine.bot("helper", &town.bot(way, name), &[&town.ops(), &alice]);
        let admin = engine.admin();
        admin
            .put_user(
                switchboard::NewUser::new("ada", "ada")
                    .unwrap()
                    .password("secret")
                    .unwrap(),
            )
            .unwrap();
        let agent =
            switchboard::NewAgent::new("helper", format!("xmpp:{}", town.bot(way, name))).unwrap();
        let agent = agent
            .user("ada")
            .unwrap()
            .channel(town.ops())
            .unwrap()
            .channel(&*alice)
            .unwrap();
        admin
            .put_agent(agent.mode(switchboard::ProvisioningMode::Own))
            .unwrap();
        let token = engine
            .log_in(&switchboard::Credentials::agent("ada", "secret", "helper"))
            .unwrap();
        let own = engine
            .provisioning(&engine.authenticate(&token).unwrap())
            .unwrap();
        let found = own.find_channels("PERAT").expect("searched");
        assert!(
            found
                .iter()
                .any(|(id, name)| id.as_str() == town.ops() && name == "Operations"),
            "{found:?}"
        );
        let found = own.find_channels("Alice").expect("searched");
        assert!(
            found.iter().any(|(id, _)| id.as_str() == alice),
            "{found:?}"
        );
        assert!(
            own.find_channels("no such name")
                .expect("searched")
                .is_empty()
        );
    }
}

fn put_out(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP kicks over {kind:?}"), kind) else {
        return;
    };
    let engine = town.engine();
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        let address = town.bot(way, name);
        let rooms: Vec<String> = ["kick", "ban", "doom"]
            .map(|room| town.make_room(&format!("{room}-{name}"), room))
            .into();
        let channels: Vec<String> = rooms
            .iter()
            .map(|room| format!("chat-room:{room}"))
            .collect();
        engine.bot(
            name,
            &address,
            &channels.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        town.alice.kick(&rooms[0], &address, "too loud");
        town.alice
            .affiliate(&rooms[1], &address, "outcast", "far too loud");
        town.alice.destroy(&rooms[2], "we have moved");
        for (channel, word) in channels
            .iter()
            .zip(["too loud", "far too loud", "we have moved"])
        {
            let reason = engine.waits_for(name, channel, JoinState::Idle);
            assert!(reason.contains(word), "{channel}: {reason}");
        }
        // A kick is not retried; putting the channel tries again.
        assert!(engine.stands(name, &channels[0]).next_try.is_none());
        engine.admin().put_channel(name, &channels[0]).expect("put");
        engine.waits_for(name, &channels[0], JoinState::Active);
        engine.admin().put_channel(name, &channels[1]).expect("put");
        engine
            .agent(name)
            .expect("there")
            .wait_active(SOON)
            .expect("settled");
        assert_eq!(
            engine.stands(name, &channels[1]).state,
            JoinState::Idle,
            "a ban holds"
        );
    }
}

#[test]
fn a_kick_a_ban_and_a_room_destroyed_say_why() {
    put_out(Kind::Prosody);
}

#[test]
fn a_kick_a_ban_and_a_room_destroyed_say_why_over_ejabberd() {
    put_out(Kind::Ejabberd);
}

fn refusals(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP refusals over {kind:?}"), kind) else {
        return;
    };
    let engine = town.engine();
    let locked = town.make_room("locked", "Locked");
    town.alice.configure(
        &locked,
        &[("passwordprotectedroom", "1"), ("roomsecret", "sesame")],
    );
    let club = town.make_room("club", "Club");
    town.alice.configure(&club, &[("membersonly", "1")]);
    let channels = [
        format!("chat-room:{locked}"),
        format!("chat-room:{club}"),
        town.ops(),
    ];
    engine.put(
        "helper",
        &town.bot(Way::Component, "bot0"),
        &channels.each_ref().map(String::as_str),
    );
    engine
        .agent("helper")
        .expect("there")
        .wait_active(SOON)
        .expect("settled");
    let reason = |channel: &str| engine.waits_for("helper", channel, JoinState::Idle);
    assert!(
        reason(&channels[0]).to_lowercase().contains("password"),
        "{}",
        reason(&channels[0])
    );
    assert!(
        reason(&channels[1]).to_lowercase().contains("member"),
        "{}",
        reason(&channels[1])
    );
    assert_eq!(
        engine.stands("helper", &channels[2]).state,
        JoinState::Active
    );
    town.alice.affiliate(
        &club,
        &town.bot(Way::Component, "bot0"),
        "member",
        "welcome",
    );
    engine
        .admin()
        .put_channel("helper", &channels[1])
        .expect("put");
    engine.waits_for("helper", &channels[1], JoinState::Active);
}

#[test]
fn rooms_that_refuse_say_why() {
    refusals(Kind::Prosody);
}

#[test]
fn rooms_that_refuse_say_why_over_ejabberd() {
    refusals(Kind::Ejabberd);
}

fn nickname(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP nicknames over {kind:?}"), kind) else {
        return;
    };
    let engine = town.engine();
    // Alice's own account has that nickname; the agent of that name joins all the same.
    let bot = engine.bot("twin", &town.bot(Way::Component, "alice"), &[&town.ops()]);
    bot.post(town.ops(), NewMessage::text("I am the other one"))
        .expect("posted");
    assert_ne!(
        town.alice
            .hears(&town.room(), "I am the other one")
            .resource,
        "alice"
    );
}

#[test]
fn a_nickname_that_is_taken_is_no_obstacle() {
    nickname(Kind::Prosody);
}

#[test]
fn a_nickname_that_is_taken_is_no_obstacle_over_ejabberd() {
    nickname(Kind::Ejabberd);
}
