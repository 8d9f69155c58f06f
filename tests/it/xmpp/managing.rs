//! Rooms that an agent creates and manages, as people then find them.

use super::server::Kind;
use super::town::{SOON, Town, Way, Words, ear, hears};
use std::time::Instant;
use switchboard::{Credentials, ManagementMode, NewAgent, NewRoom, NewUser, Privacy};

fn ruled(kind: Kind, way: Way) {
    let Some(town) = Town::open(&format!("XMPP management, {way:?} over {kind:?}"), kind) else {
        return;
    };
    let (engine, bob) = (town.engine(), town.with_person("bob"));
    let admin = engine.admin();
    admin
        .put_user(
            NewUser::new("ada", "ada")
                .unwrap()
                .password("secret")
                .unwrap(),
        )
        .unwrap();
    let address = town.bot(way, "bot2");
    let warden = NewAgent::new("warden", format!("xmpp:{address}"))
        .unwrap()
        .user("ada")
        .unwrap();
    admin
        .put_agent(warden.management(ManagementMode::Groups))
        .unwrap();
    engine.agent("warden").unwrap().wait_active(SOON).unwrap();
    let token = engine
        .log_in(&Credentials::agent("ada", "secret", "warden"))
        .unwrap();
    let manage = engine
        .management(&engine.authenticate(&token).unwrap())
        .unwrap();

    let category = manage
        .categories()
        .expect("listed")
        .first()
        .map(|one| one.id.clone())
        .expect("one at least");
    let made = manage
        .create_room(
            NewRoom::new(category, "War room")
                .description("made by the warden")
                .member(format!("xmpp:{}", town.address_of("alice")))
                .privacy(Privacy::Closed),
        )
        .expect("created");
    let room = made
        .id
        .as_str()
        .strip_prefix("chat-room:")
        .expect("a room")
        .to_owned();
    town.alice.join(&room);
    assert!(bob.try_join(&room).is_err(), "bob is no member");
    manage
        .put_members(&made.id, vec![format!("xmpp:{}", town.address_of("bob"))])
        .expect("changed");
    bob.join(&room);
    assert_eq!(
        manage.members(&made.id).expect("listed"),
        [format!("xmpp:{}", town.address_of("bob"))]
    );
    let deadline = Instant::now() + SOON;
    while town.alice.occupants(&room).contains(&"alice".to_owned()) {
        assert!(Instant::now() < deadline, "alice is still in it");
    }
    assert!(
        town.alice.try_join(&room).is_err(),
        "alice is a member no longer"
    );

    let helper = engine.bot("helper", &town.bot(way, "bot3"), &[&town.ops()]);
    let mut ear = ear(&helper);
    town.alice.say(&town.room(), "elsewhere all goes on");
    hears(&mut ear, "elsewhere all goes on");

    assert!(
        manage
            .rooms()
            .expect("listed")
            .iter()
            .any(|one| one.id == made.id && one.name == "War room")
    );
    manage.delete_room(&made.id).expect("gone");
    assert!(manage.room(&made.id).is_err());
}

#[test]
fn an_agent_makes_a_room_rules_it_and_takes_it_away() {
    ruled(Kind::Prosody, Way::Component);
}

#[test]
fn an_agent_makes_a_room_rules_it_and_takes_it_away_over_ejabberd() {
    ruled(Kind::Ejabberd, Way::Component);
}

#[test]
fn an_account_makes_a_room_rules_it_and_takes_it_away() {
    ruled(Kind::Prosody, Way::Account);
}
