//! Meetings as rooms: the ways in, what is said there, and every way out.

use super::simulator::person::Manner;
use super::world::{Bot, Office, sip};
use std::time::Duration;
use switchboard::{
    AgentState, Credentials, Cursor, Error, EventQuery, Message, NewAgent, NewMessage, NewUser,
    Part, Principal, ProvisioningMode,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn room(uri: &str) -> String {
    format!("chat-room:{uri}")
}

/// Puts the meeting's channel, and lets some time pass.
fn put(office: &Office, n: usize, uri: &str) {
    let admin = office.engine.provisioning(&Principal::host("ada")).unwrap();
    admin.put_channel(format!("bot{n}"), room(uri)).unwrap();
    office.pass(2 * SECOND);
}

/// How the meeting's channel stands, and why.
fn stands(office: &Office, n: usize, uri: &str) -> (AgentState, String) {
    let status = office
        .status(n)
        .channels
        .into_iter()
        .find(|channel| channel.id.as_str() == room(uri))
        .unwrap();
    (status.state, status.reason.unwrap_or_default())
}

#[track_caller]
fn is_active(office: &Office, n: usize, uri: &str) {
    assert_eq!(stands(office, n, uri), (AgentState::Active, String::new()));
}

/// An agent in a meeting that Lene holds.
fn in_meeting<'a>(office: &'a Office, subject: &str) -> (Bot<'a>, String) {
    let bot = office.bot(0, &[]);
    let uri = office.person("lene").holds_meeting(subject, "");
    put(office, 0, &uri);
    is_active(office, 0, &uri);
    // An agent that has had no event yet begins with the last seconds; this one has had its channel's.
    assert!(bot.heard().is_empty());
    (bot, uri)
}

fn post(
    office: &Office,
    bot: &Bot<'_>,
    uri: &str,
    message: NewMessage,
) -> switchboard::Result<Message> {
    let answer = crate::world::begin(bot.view.post_async(room(uri), message));
    office.engine.settle(Duration::from_secs(20)).unwrap();
    for _ in 0..400 {
        if answer.is_finished() {
            break;
        }
        office.pass(SECOND / 10);
    }
    answer.join().unwrap()
}

/// Says something in the meeting and sees that it comes, once.
#[track_caller]
fn hears(office: &Office, bot: &Bot<'_>, uri: &str, text: &str) {
    assert!(office.person("lene").says_in(uri, text));
    office.pass(3 * SECOND);
    assert_eq!(bot.heard(), [format!("lene@contoso.com: {text}")]);
}

fn texts(office: &Office, name: &str) -> Vec<String> {
    office
        .person(name)
        .heard()
        .into_iter()
        .map(|heard| heard.text)
        .collect()
}

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
fn a_message_says_who_said_it_even_where_links_have_no_names() {
    for titles in ["on", "off"] {
        let office = Office::open(&[("titles", titles)]);
        let (bot, uri) = in_meeting(&office, "Names");
        office.person("lene").says_in(&uri, "hello");
        office.pass(SECOND);
        let messages = bot.messages();
        let heard: Vec<_> = messages
            .iter()
            .map(|message| (message.sender.as_str(), message.sender_alias.as_deref()))
            .collect();
        let name = office.person("lene").address.uri().to_owned();
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].0, name);
        assert!(
            heard[0].1.is_some_and(|alias| !alias.is_empty()),
            "titles {titles}"
        );
    }
}

#[test]
fn links_and_code_go_out_as_html_where_it_is_taken() {
    for (html, text) in [
        ("on", "<a href=\"https://a.example/\">the page</a>"),
        ("off", "the page <https://a.example/>"),
    ] {
        let office = Office::open(&[("html", html)]);
        let (bot, uri) = in_meeting(&office, "Links");
        let page = Part::Hyperlink {
            text: "the page".into(),
            url: "https://a.example/".into(),
        };
        post(&office, &bot, &uri, NewMessage::parts(vec![page])).unwrap();
        assert_eq!(texts(&office, "lene"), [text]);
    }
}

#[test]
fn a_story_has_its_subject_in_its_first_line() {
    let office = Office::open(&[]);
    let (bot, uri) = in_meeting(&office, "Stories");
    let story = post(
        &office,
        &bot,
        &uri,
        NewMessage::text("once upon a time").story("A tale"),
    )
    .unwrap();
    assert_eq!(story.content.subject.as_deref(), Some("A tale"));
    assert_eq!(texts(&office, "lene"), ["A tale\nonce upon a time"]);
}

#[test]
fn posts_keep_their_order() {
    let office = Office::open(&[]);
    let (bot, uri) = in_meeting(&office, "Order");
    let posts: Vec<_> = (0..10)
        .map(|n| {
            crate::world::begin(
                bot.view
                    .post_async(room(&uri), NewMessage::text(n.to_string())),
            )
        })
        .collect();
    office.pass(10 * SECOND);
    for post in posts {
        post.join().unwrap().unwrap();
    }
    let mut sorted = texts(&office, "lene");
    sorted.sort();
    assert_eq!(
        (texts(&office, "lene").len(), texts(&office, "lene")),
        (10, sorted)
    );
}

#[test]
fn two_agents_in_a_meeting_hear_each_other_once() {
    let office = Office::open(&[]);
    let (zero, uri) = in_meeting(&office, "Two");
    let one = office.bot(1, &[]);
    put(&office, 1, &uri);
    is_active(&office, 1, &uri);
    assert!(one.heard().is_empty());
    post(&office, &zero, &uri, NewMessage::text("from zero")).unwrap();
    post(&office, &one, &uri, NewMessage::text("from one")).unwrap();
    office.person("lene").says_in(&uri, "from lene");
    office.pass(SECOND);
    assert_eq!(
        zero.heard(),
        ["bot1@contoso.com: from one", "lene@contoso.com: from lene"]
    );
    assert_eq!(
        one.heard(),
        ["bot0@contoso.com: from zero", "lene@contoso.com: from lene"]
    );
}

#[test]
fn who_is_ejected_stays_out_until_the_channel_is_put_again() {
    for order in ["invitation-first", "messaging-first", "conversation-first"] {
        let office = Office::open(&[("eject-order", order)]);
        let (bot, uri) = in_meeting(&office, "Strict");
        assert!(office.person("lene").rules(&uri, &sip("bot0"), "eject"));
        office.pass(SECOND);
        let (state, reason) = stands(&office, 0, &uri);
        assert!(
            state == AgentState::Idle && reason.contains("somebody removed the agent"),
            "{order}: {reason}"
        );
        let refused = post(&office, &bot, &uri, NewMessage::text("let me in"));
        assert!(refused.is_err());
        office.pass(10 * MINUTE);
        assert_eq!(
            stands(&office, 0, &uri).0,
            AgentState::Idle,
            "a kick is not undone (§channels/retry)"
        );
        assert_eq!(office.world.simulator.count(&sip("bot0")).1, 0);
        put(&office, 0, &uri);
        is_active(&office, 0, &uri);
        hears(&office, &bot, &uri, "once more, then");
    }
}

#[test]
fn a_meeting_that_is_over_is_told_of() {
    let office = Office::open(&[]);
    let (bot, uri) = in_meeting(&office, "Short");
    let mark = bot
        .view
        .events(Cursor::window(), &EventQuery::all())
        .unwrap();
    assert!(office.person("lene").ends(&uri));
    office.pass(SECOND);
    let (state, reason) = stands(&office, 0, &uri);
    assert!(
        state == AgentState::Idle && reason.contains("the meeting is over"),
        "{reason}"
    );
    let events = bot
        .view
        .events(Cursor::after(mark.last, &mark.instance), &EventQuery::all())
        .unwrap()
        .events;
    assert_eq!(events.len(), 1, "one channel-state event: {events:?}");
}

#[test]
fn the_lobby_is_waited_in() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &[]);
    let uri = office
        .person("lene")
        .holds_meeting("Behind a door", "Locked");
    put(&office, 0, &uri);
    assert_eq!(stands(&office, 0, &uri).0, AgentState::Activating);
    office.pass(5 * MINUTE);
    assert_eq!(
        stands(&office, 0, &uri).0,
        AgentState::Activating,
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
        state == AgentState::Idle && reason.contains("not let in from the lobby"),
        "{reason}"
    );
    office.pass(10 * MINUTE);
    assert_eq!(stands(&office, 0, &uri).0, AgentState::Idle);
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
        state == AgentState::Idle && reason.contains("there is no such meeting"),
        "{reason}"
    );
    put(&office, 0, "ops");
    let (state, reason) = stands(&office, 0, "ops");
    assert!(
        state == AgentState::Idle && reason.contains("no meeting's address"),
        "{reason}"
    );
}

#[test]
fn a_meeting_is_rejoined_when_the_application_was_lost() {
    for fault in ["lose-application", "expire-application", "resume"] {
        let office = Office::open(&[]);
        let (bot, uri) = in_meeting(&office, "Lasting");
        office.person("bot0").suffers(fault, 1).unwrap();
        // `resume` comes with the next package, and the request that waits ends after three minutes.
        office.pass(4 * MINUTE);
        is_active(&office, 0, &uri);
        assert_eq!(office.world.simulator.count(&sip("bot0")).1, 1, "{fault}");
        hears(&office, &bot, &uri, "still there?");
        post(&office, &bot, &uri, NewMessage::text("yes")).unwrap();
    }
}

#[test]
fn what_the_server_kept_while_the_link_was_down_comes_with_the_next() {
    let office = Office::open(&[("fetch", "600"), ("silence", "0")]);
    let (bot, uri) = in_meeting(&office, "Flaky");
    hears(&office, &bot, &uri, "before");
    let began = office.status(0).since;
    // The link is given up, the application stays in the meeting; the next link finds both again.
    office.person("bot0").suffers("unavailable", 12).unwrap();
    office.person("bot0").suffers("drop-channel", 1).unwrap();
    office.pass(SECOND);
    office.person("lene").says_in(&uri, "meanwhile");
    office.pass(2 * MINUTE);
    assert_ne!(office.status(0).since, began, "it is another link");
    is_active(&office, 0, &uri);
    assert_eq!(
        bot.heard(),
        ["lene@contoso.com: meanwhile"],
        "in the meeting, and once"
    );
    hears(&office, &bot, &uri, "after");
    post(&office, &bot, &uri, NewMessage::text("here again")).unwrap();
    assert_eq!(office.world.simulator.count(&sip("bot0")), (1, 1, 1));
}

#[test]
fn a_meeting_in_which_nobody_spoke_meanwhile_is_found_again_too() {
    let office = Office::open(&[("fetch", "600"), ("silence", "0")]);
    let (bot, uri) = in_meeting(&office, "Quiet");
    let began = office.status(0).since;
    office.person("bot0").suffers("unavailable", 12).unwrap();
    office.person("bot0").suffers("drop-channel", 1).unwrap();
    office.pass(2 * MINUTE);
    assert_ne!(office.status(0).since, began, "it is another link");
    is_active(&office, 0, &uri);
    assert_eq!(
        office.world.simulator.count(&sip("bot0")),
        (1, 1, 1),
        "and the same conversation"
    );
    post(&office, &bot, &uri, NewMessage::text("anybody?")).unwrap();
    hears(&office, &bot, &uri, "I am");
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
fn a_post_under_way_when_the_agent_is_ejected_is_answered() {
    let office = Office::open(&[("signalling", "5")]);
    let bot = office.bot(0, &[]);
    let uri = office.person("lene").holds_meeting("Quick", "");
    put(&office, 0, &uri);
    office.pass(MINUTE);
    is_active(&office, 0, &uri);
    let under_way = crate::world::begin(bot.view.post_async(room(&uri), NewMessage::text("wait")));
    office.engine.settle(Duration::from_secs(20)).unwrap();
    assert!(office.person("lene").rules(&uri, &sip("bot0"), "eject"));
    office.pass(MINUTE);
    let answer = under_way.join().unwrap();
    let said = texts(&office, "lene").contains(&"wait".to_owned());
    match answer {
        Ok(_) => assert!(said),
        Err(Error::OutcomeUnknown(_)) => {}
        Err(error) => assert!(!said, "{error}"),
    }
}

#[test]
fn answers_that_are_late_or_lost_do_not_matter() {
    for fault in ["reorder", "lose-answer"] {
        for count in 1..=2 {
            let office = Office::open(&[]);
            let bot = office.bot(0, &[]);
            let uri = office.person("lene").holds_meeting("Odd", "");
            office.person("bot0").suffers(fault, count).unwrap();
            put(&office, 0, &uri);
            office.pass(2 * MINUTE);
            is_active(&office, 0, &uri);
            hears(&office, &bot, &uri, fault);
        }
    }
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
fn leaving_ends_the_conversation() {
    let office = Office::open(&[]);
    let (_bot, uri) = in_meeting(&office, "Left");
    let admin = office.engine.provisioning(&Principal::host("ada")).unwrap();
    admin.delete_channel("bot0", room(&uri)).unwrap();
    office.pass(SECOND);
    assert_eq!(office.world.simulator.count(&sip("bot0")), (1, 0, 1));
    put(&office, 0, &uri);
    is_active(&office, 0, &uri);
    admin.delete_agent("bot0").unwrap();
    office.pass(6 * SECOND);
    assert_eq!(office.world.simulator.count(&sip("bot0")), (0, 0, 0));
}

#[test]
fn a_post_to_a_meeting_says_what_is_wrong() {
    let office = Office::open(&[("max-message", "100")]);
    let (bot, uri) = in_meeting(&office, "Small");
    let refused = post(&office, &bot, &uri, NewMessage::text("x".repeat(200)));
    assert!(
        matches!(&refused, Err(Error::Rejected(reason)) if reason.contains("that long")),
        "{refused:?}"
    );
    office.person("bot0").suffers("unavailable", 1).unwrap();
    let refused = post(&office, &bot, &uri, NewMessage::text("later"));
    assert!(
        matches!(refused, Err(Error::Unreachable(_) | Error::Busy { .. })),
        "{refused:?}"
    );
    office.person("bot0").suffers("bad-gateway", 1).unwrap();
    let unclear = post(&office, &bot, &uri, NewMessage::text("perhaps"));
    assert!(
        matches!(unclear, Err(Error::OutcomeUnknown(_))),
        "{unclear:?}"
    );
    post(&office, &bot, &uri, NewMessage::text("fine")).unwrap();
    assert_eq!(texts(&office, "lene"), ["fine"]);
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
