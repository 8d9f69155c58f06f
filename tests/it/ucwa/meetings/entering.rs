//! The ways into a meeting: joined, invited, found, and after a wait in the lobby.

use super::super::simulator::person::Manner;
use super::super::world::{Office, sip};
use super::{MINUTE, SECOND, hears, in_meeting, is_active, post, put, room, stands, texts};
use switchboard::{
    Credentials, JoinState, NewAgent, NewMessage, NewUser, Principal, ProvisioningMode,
};

#[test]
fn a_meeting_is_joined_and_talked_in() {
    let office = Office::open(&[]);
    let (bot, uri) = in_meeting(&office, "Weekly talk");
    let channel = bot.view.channel(room(&uri)).unwrap();
    assert_eq!(
        (
            channel.info.display_name.as_str(),
            channel.info.subject.as_deref()
        ),
        ("Weekly talk", Some("Weekly talk"))
    );
    assert!(!channel.info.can_accept_files);
    hears(&office, &bot, &uri, "welcome");
    let first = post(&office, &bot, &uri, NewMessage::text("thank you")).unwrap();
    let second = post(&office, &bot, &uri, NewMessage::text("and hello")).unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(texts(&office, "lene"), ["thank you", "and hello"]);
    assert!(bot.heard().is_empty(), "nothing of ours comes back");
    let history = bot.view.messages(room(&uri), 10, None).unwrap();
    let seen: Vec<&str> = history
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(
        seen,
        ["welcome", "thank you", "and hello"],
        "the engine's own archive"
    );
}

#[test]
fn the_lobby_is_waited_in() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &[]);
    let uri = office
        .person("lene")
        .holds_meeting("Behind a door", "Locked");
    put(&office, 0, &uri);
    assert_eq!(stands(&office, 0, &uri).0, JoinState::Activating);
    office.pass(5 * MINUTE);
    assert_eq!(
        stands(&office, 0, &uri).0,
        JoinState::Activating,
        "nobody is rung again"
    );
    assert_eq!(office.world.simulator.count(&sip("bot0")).1, 1);
    assert!(office.person("lene").rules(&uri, &sip("bot0"), "admit"));
    office.pass(2 * SECOND);
    is_active(&office, 0, &uri);
    hears(&office, &bot, &uri, "come in");
}

#[test]
fn who_is_not_let_in_is_told_and_does_not_ask_again() {
    let office = Office::open(&[]);
    let _bot = office.bot(0, &[]);
    let uri = office.person("lene").holds_meeting("Closed", "Locked");
    put(&office, 0, &uri);
    assert!(office.person("lene").rules(&uri, &sip("bot0"), "reject"));
    office.pass(SECOND);
    let (state, reason) = stands(&office, 0, &uri);
    assert!(
        state == JoinState::Idle && reason.contains("not let in from the lobby"),
        "{reason}"
    );
    office.pass(10 * MINUTE);
    assert_eq!(stands(&office, 0, &uri).0, JoinState::Idle);
}

#[test]
fn a_lobby_that_nobody_minds_is_left_and_tried_again() {
    let office = Office::open(&[]);
    let _bot = office.bot(0, &[]);
    let uri = office.person("lene").holds_meeting("Forgotten", "Locked");
    put(&office, 0, &uri);
    office.pass(9 * MINUTE);
    office.pass(2 * MINUTE);
    assert_eq!(
        office.world.simulator.count(&sip("bot0")).1,
        1,
        "one at a time"
    );
    assert!(office.person("lene").rules(&uri, &sip("bot0"), "admit"));
    office.pass(2 * SECOND);
    is_active(&office, 0, &uri);
}

#[test]
fn what_is_no_meeting_says_so() {
    let office = Office::open(&[]);
    let _bot = office.bot(0, &[]);
    let nobodys = "sip:lene@contoso.com;gruu;opaque=app:conf:focus:id:NOWHERE1";
    put(&office, 0, nobodys);
    let (state, reason) = stands(&office, 0, nobodys);
    assert!(
        state == JoinState::Idle && reason.contains("there is no such meeting"),
        "{reason}"
    );
    put(&office, 0, "ops");
    let (state, reason) = stands(&office, 0, "ops");
    assert!(
        state == JoinState::Idle && reason.contains("not a meeting's address"),
        "{reason}"
    );
}

#[test]
fn an_invitation_into_a_meeting_that_the_agent_is_in_changes_nothing() {
    let office = Office::open(&[]);
    let (bot, uri) = in_meeting(&office, "Again");
    assert!(office.person("lene").invites(&uri, &sip("bot0")));
    office.pass(MINUTE);
    is_active(&office, 0, &uri);
    assert_eq!(office.world.simulator.count(&sip("bot0")).1, 1);
    hears(&office, &bot, &uri, "still here");
}

#[test]
fn an_invitation_is_the_way_in_where_the_channel_is_provisioned() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &[]);
    let uri = office
        .person("lene")
        .holds_meeting("By invitation", "Locked");
    assert!(office.person("lene").invites(&uri, &sip("bot0")));
    office.pass(SECOND);
    put(&office, 0, &uri);
    is_active(&office, 0, &uri);
    hears(&office, &bot, &uri, "there you are");
    post(&office, &bot, &uri, NewMessage::text("thank you")).unwrap();
}

#[test]
fn an_invitation_to_a_meeting_that_nobody_provisioned_is_declined() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    let uri = office.person("lene").holds_meeting("Unasked", "");
    assert!(office.person("lene").invites(&uri, &sip("bot0")));
    office.pass(5 * SECOND);
    assert_eq!(office.world.simulator.count(&sip("bot0")).1, 1, "it rings");
    office.pass(10 * SECOND);
    assert_eq!(office.world.simulator.count(&sip("bot0")).1, 0);
    assert!(bot.heard().is_empty());
}

#[test]
fn channels_are_found_people_and_own_meetings() {
    let office = Office::open(&[]);
    office.world.person("lena", Manner::Ignore);
    let admin = office.engine.provisioning(&Principal::host("ada")).unwrap();
    admin
        .put_user(
            NewUser::new("ada", "ada")
                .unwrap()
                .password("secret")
                .unwrap(),
        )
        .unwrap();
    let agent = NewAgent::new("bot0", "ucwa:bot0@contoso.com")
        .unwrap()
        .user("ada")
        .unwrap()
        .mode(ProvisioningMode::Own);
    admin.put_agent(agent).unwrap();
    office
        .engine
        .agent("bot0")
        .unwrap()
        .wait_active(SECOND * 20)
        .unwrap();
    let uri = office.person("bot0").holds_meeting("Lending club", "");
    let token = office
        .engine
        .log_in(&Credentials::agent("ada", "secret", "bot0"))
        .unwrap();
    let own = office
        .engine
        .provisioning(&office.engine.authenticate(&token).unwrap())
        .unwrap();
    let find = |query: &str| {
        let found = own.find_channels(query).unwrap();
        found
            .into_iter()
            .map(|(id, _)| id.to_string())
            .collect::<Vec<_>>()
    };
    let found = find("LEN");
    for id in [
        "contact:sip:lena@contoso.com",
        "contact:sip:lene@contoso.com",
        &room(&uri),
    ] {
        assert!(
            found.iter().any(|found| found == id),
            "{id} is not in {found:?}"
        );
    }
    assert_eq!(find("nobody at all"), Vec::<String>::new());
}
