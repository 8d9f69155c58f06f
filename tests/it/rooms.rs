//! Rooms managed and searched, through the Rust API over loopback.
//!
//! Goal: privacy decides who finds and joins a room, members who lose their place are put out as by
//! a kick, and a search finds whole words in the agent's own channels only. Method: named agents in
//! one engine, a person who talks.

use std::time::Duration;
use switchboard::backend::Loopback;
use switchboard::{
    Credentials, Engine, Error, JoinState, ManagementMode, NewAgent, NewRoom, NewUser, Principal,
    Privacy, ProvisioningMode, Result, SearchCriteria,
};

const SOON: Duration = Duration::from_secs(5);

struct World {
    chat: Loopback,
    engine: Engine,
}

/// A gateway with the managing agent `warden` and the ordinary agent `clerk`; ada may act through
/// both.
fn world() -> Result<World> {
    let chat = Loopback::new();
    chat.room("chat-room:ops", "Operations");
    let engine = Engine::builder().in_memory().backend(chat.clone()).open()?;
    let admin = engine.provisioning(&Principal::host("test"))?;
    admin.put_user(NewUser::new("ada", "ada")?.password("secret")?)?;
    let warden = NewAgent::new("warden", "loopback:warden")?.user("ada")?;
    admin.put_agent(
        warden
            .management(ManagementMode::Groups)
            .mode(ProvisioningMode::System),
    )?;
    let clerk = NewAgent::new("clerk", "loopback:clerk")?
        .user("ada")?
        .channel("chat-room:ops")?;
    admin.put_agent(clerk.mode(ProvisioningMode::Own))?;
    for agent in ["warden", "clerk"] {
        engine.agent(agent)?.wait_active(SOON)?;
    }
    Ok(World { chat, engine })
}

impl World {
    fn as_agent(&self, agent: &str) -> Result<Principal> {
        let token = self
            .engine
            .log_in(&Credentials::agent("ada", "secret", agent))?;
        self.engine.authenticate(&token)
    }
}

fn room(name: &str, privacy: Privacy, members: &[&str]) -> NewRoom {
    let room = NewRoom::new("general", name)
        .description("made by the warden")
        .privacy(privacy);
    members
        .iter()
        .fold(room, |room, &member| room.member(member))
}

#[test]
fn only_an_agent_in_groups_mode_manages() -> Result<()> {
    let world = world()?;
    let clerk = world.as_agent("clerk")?;
    assert!(matches!(
        world.engine.management(&clerk),
        Err(Error::Forbidden(_))
    ));
    assert!(matches!(
        world.engine.management(&Principal::host("test")),
        Err(Error::Invalid(_))
    ));
    // The host itself needs neither a user nor that mode.
    let host = world.engine.management("clerk")?;
    assert_eq!(host.categories()?.len(), 1);
    let found = host.find_channels("OPERATIONS")?;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, "Operations");
    assert!(matches!(host.find_channels(""), Err(Error::Invalid(_))));
    assert!(matches!(
        world.engine.management("nobody"),
        Err(Error::NotFound(_))
    ));
    let manage = world.engine.management(&world.as_agent("warden")?)?;
    assert_eq!(manage.categories()?.len(), 1);
    assert_eq!(
        manage
            .rooms()?
            .iter()
            .map(|room| room.name.clone())
            .collect::<Vec<_>>(),
        ["Operations"]
    );
    Ok(())
}

#[test]
fn privacy_decides_who_finds_and_who_joins() -> Result<()> {
    let world = world()?;
    let manage = world.engine.management(&world.as_agent("warden")?)?;
    let admin = world.engine.provisioning(&Principal::host("test"))?;
    let clerk = world.engine.provisioning(&world.as_agent("clerk")?)?;
    let expected = [
        (Privacy::Open, true, true),
        (Privacy::Closed, true, false),
        (Privacy::Secret, false, false),
    ];
    for (privacy, finds, joins) in expected {
        let made = manage.create_room(room(&format!("Vault {privacy:?}"), privacy, &[]))?;
        assert_eq!(
            !clerk
                .find_channels(&format!("vault {privacy:?}"))?
                .is_empty(),
            finds,
            "{privacy:?} found"
        );
        admin.put_channel("clerk", &made.id)?;
        world.engine.agent("clerk")?.wait_active(SOON)?;
        let state = admin
            .channels("clerk")?
            .into_iter()
            .find(|channel| channel.id == made.id)
            .unwrap()
            .state;
        assert_eq!(state == JoinState::Active, joins, "{privacy:?} joined");
    }
    let made = manage.create_room(room(
        "Club",
        Privacy::Secret,
        &["LOOPBACK:Clerk", "resource:CN=Staff"],
    ))?;
    assert_eq!(
        clerk.find_channels("club")?,
        [(made.id.clone(), "Club".to_owned())]
    );
    assert_eq!(
        manage.members(&made.id)?,
        ["LOOPBACK:Clerk", "resource:CN=Staff"],
        "kept as given"
    );
    Ok(())
}

#[test]
fn who_loses_membership_is_put_out_and_a_deleted_room_is_gone() -> Result<()> {
    let world = world()?;
    let manage = world.engine.management(&world.as_agent("warden")?)?;
    let admin = world.engine.provisioning(&Principal::host("test"))?;
    let club = manage.create_room(room("Club", Privacy::Closed, &["loopback:clerk"]))?;
    admin.put_channel("clerk", &club.id)?;
    let clerk = world.engine.agent("clerk")?;
    clerk.wait_active(SOON)?;
    assert_eq!(
        clerk.channel(&club.id)?.info.description.as_deref(),
        Some("made by the warden")
    );

    manage.put_members(&club.id, vec!["loopback:other".into()])?;
    world.engine.settle(SOON)?;
    let Err(Error::ChannelInactive { reason, .. }) = clerk.channel(&club.id) else {
        panic!("still in")
    };
    assert!(reason.contains("member"), "{reason}");

    manage.delete_room(&club.id)?;
    assert!(matches!(manage.room(&club.id), Err(Error::NotFound(_))));
    assert!(matches!(
        manage.delete_room("chat-room:nowhere"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        manage.create_room(NewRoom::new("x", "R")),
        Err(Error::Rejected(_))
    ));
    Ok(())
}

#[test]
fn a_search_finds_whole_words_in_the_agents_own_channels() -> Result<()> {
    let world = world()?;
    world.chat.room("chat-room:other", "Other");
    let lene = world.chat.person("contact:lene");
    lene.say("chat-room:ops", "the Café server is down")?;
    lene.say("chat-room:ops", "servers are fine")?;
    lene.say("chat-room:other", "server talk elsewhere")?;
    world.engine.settle(SOON)?;
    let clerk = world.engine.agent("clerk")?;
    let texts = |criteria: &SearchCriteria| -> Result<Vec<String>> {
        Ok(clerk
            .search(criteria)?
            .into_iter()
            .flat_map(|set| set.messages)
            .map(|message| message.text)
            .collect())
    };
    assert_eq!(
        texts(&SearchCriteria::words("cafe"))?,
        ["the Café server is down"]
    );
    assert_eq!(
        texts(&SearchCriteria::words("server"))?,
        ["the Café server is down"]
    );
    assert_eq!(texts(&SearchCriteria::words(" "))?.len(), 2);
    let mut newest = SearchCriteria::words("");
    newest.limit = 1;
    assert_eq!(texts(&newest)?, ["servers are fine"]);
    let mut elsewhere = SearchCriteria::words("server");
    elsewhere
        .channels
        .push(switchboard::ChannelId::parse("chat-room:other")?);
    assert!(matches!(clerk.search(&elsewhere), Err(Error::Forbidden(_))));
    Ok(())
}
