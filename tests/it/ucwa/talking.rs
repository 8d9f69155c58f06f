//! Agents and their contacts: conversations that either side begins, keeps, resumes and ends, and
//! the outcome of each post.

use super::simulator::drive::Invite;
use super::simulator::person::Manner;
use super::simulator::text::Text;
use super::world::{DOMAIN, Office, Way, World, contact, sip};
use std::time::Duration;
use switchboard::{Engine, Error, EventQuery, NewAgent, NewMessage, Part, Principal};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The steps of the article, and the way back, in real time.
fn walk(way: Way) {
    let world = World::open(way, &[]);
    world.person("echo", Manner::Echo(Duration::from_millis(20)));
    let engine = Engine::builder()
        .in_memory()
        .backend(world.backend())
        .open()
        .unwrap();
    let admin = engine.provisioning(&Principal::host("ada")).unwrap();
    let bot = NewAgent::new("bot0", format!("ucwa:bot0@{DOMAIN}"))
        .unwrap()
        .channel(contact("echo"))
        .unwrap();
    admin.put_agent(bot).unwrap();
    let bot = engine.agent("bot0").unwrap();
    bot.wait_active(Duration::from_secs(20)).unwrap();
    let mut reader = bot.reader("walk", EventQuery::messages()).unwrap();
    for text in ["hello", "and again"] {
        let posted = bot.post(contact("echo"), NewMessage::text(text)).unwrap();
        assert_eq!(posted.text, text);
    }
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let event = reader
            .next_timeout(Duration::from_secs(20))
            .unwrap()
            .expect("an echo comes back");
        seen.push(
            event
                .message()
                .map(|message| (message.sender.clone(), message.text.clone()))
                .unwrap(),
        );
    }
    let said = |who: &str, text: &str| seen.contains(&(who.to_owned(), text.to_owned()));
    for text in ["hello", "and again"] {
        assert!(
            said(&format!("ucwa:bot0@{DOMAIN}"), text) && said(&sip("echo"), text),
            "{seen:?}"
        );
    }
    admin.delete_agent("bot0").unwrap();
    engine.shutdown(Duration::from_secs(20)).unwrap();
    assert_eq!(
        world.simulator.count(&sip("bot0")),
        (0, 0, 0),
        "the application was deleted"
    );
}

#[test]
fn the_articles_walk_over_pipes() {
    walk(Way::Pipes);
}

#[test]
fn the_articles_walk_over_http() {
    walk(Way::Plain);
}

#[test]
fn the_articles_walk_over_tls_with_a_ca_file() {
    walk(Way::Tls);
}

#[test]
fn a_conversation_is_begun_by_the_first_post_and_kept() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    let first = bot.says("lene", "one").unwrap();
    let second = bot.says("lene", "two").unwrap();
    let heard = office.person("lene").heard();
    let texts: Vec<&str> = heard.iter().map(|heard| heard.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(heard[0].thread, heard[1].thread);
    assert_eq!(
        office.world.simulator.count(&sip("bot0")),
        (1, 1, 1),
        "one conversation, and a request that waits"
    );
    let (first, second) = (first.id.as_str().to_owned(), second.id.as_str().to_owned());
    assert!(
        first.ends_with("/i")
            && second.rsplit_once('/').map(|(begin, _)| begin)
                == first.rsplit_once('/').map(|(begin, _)| begin)
    );
}

#[test]
fn posts_made_while_it_rings_wait_and_keep_their_order() {
    let office = Office::open(&[]);
    office.person("lene").behave(Manner::Accept(5 * SECOND));
    let bot = office.bot(0, &["lene"]);
    let posts: Vec<_> = (0..5)
        .map(|n| {
            crate::world::begin(
                bot.view
                    .post_async(contact("lene"), NewMessage::text(n.to_string())),
            )
        })
        .collect();
    for _ in 0..100 {
        office.pass(SECOND / 10);
    }
    let ids: Vec<String> = posts
        .into_iter()
        .map(|post| post.join().unwrap().unwrap().id.to_string())
        .collect();
    let texts: Vec<String> = office
        .person("lene")
        .heard()
        .into_iter()
        .map(|heard| heard.text)
        .collect();
    assert_eq!(texts, ["0", "1", "2", "3", "4"]);
    assert_eq!(
        ids.iter().collect::<std::collections::HashSet<_>>().len(),
        5
    );
}

#[test]
fn a_conversation_that_the_far_end_closed_for_silence_goes_on_in_its_thread() {
    let office = Office::open(&[("far-idle", "900")]);
    let bot = office.bot(0, &["lene"]);
    bot.says("lene", "before lunch").unwrap();
    office.pass(16 * MINUTE);
    assert_eq!(
        office.world.simulator.count(&sip("bot0")).1,
        0,
        "Lene's client has closed it"
    );
    bot.says("lene", "after lunch").unwrap();
    let heard = office.person("lene").heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0].thread, heard[1].thread);
}

#[test]
fn an_alert_is_urgent_and_a_story_has_its_subject() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    bot.says("lene", "calm").unwrap();
    bot.post("lene", NewMessage::text("fire").alert()).unwrap();
    bot.post("lene", NewMessage::text("once upon a time").story("A tale"))
        .unwrap();
    bot.says("lene", "calm again").unwrap();
    office.pass(SECOND);
    let heard = office.person("lene").heard();
    let shown: Vec<(&str, &str, &str)> = heard
        .iter()
        .map(|heard| {
            (
                heard.text.as_str(),
                heard.importance.as_str(),
                heard.subject.as_str(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("calm", "Normal", ""),
            ("fire", "Urgent", ""),
            ("once upon a time", "Normal", "A tale"),
            ("calm again", "Normal", "A tale")
        ]
    );
    assert_eq!(
        office.world.simulator.count(&sip("bot0")).1,
        1,
        "those before were ended"
    );
}

#[test]
fn links_and_code_go_as_html_where_it_was_negotiated_and_as_text_elsewhere() {
    let message = || {
        let link = Part::Hyperlink {
            text: "the page".into(),
            url: "https://a.example/".into(),
        };
        NewMessage::parts(vec![Part::Text("see ".into()), link])
    };
    for (html, takes) in [("on", true), ("off", false)] {
        let office = Office::open(&[("html", html)]);
        let bot = office.bot(0, &["lene"]);
        bot.says("lene", "hello").unwrap();
        bot.post("lene", message()).unwrap();
        bot.says("lene", "1 < 2").unwrap();
        let heard = office.person("lene").heard();
        assert_eq!((heard[1].html, heard[2].html), (takes, false), "{heard:?}");
        assert!(
            heard[1].text.contains("https://a.example/") && heard[2].text == "1 < 2",
            "{heard:?}"
        );
    }
}

#[test]
fn a_post_that_came_to_nothing_says_why() {
    let reasons = [
        ("Declined", "the contact declined"),
        ("Busy", "the contact is busy"),
        ("DoNotDisturb", "the contact does not want to be disturbed"),
        ("Unreachable", "the contact is not signed in"),
        (
            "NotAllowed",
            "the server does not allow messages to this contact",
        ),
        (
            "FederationRequired",
            "the contact is of another organization",
        ),
    ];
    let office = Office::open(&[]);
    office.person("lene").behave(Manner::Ignore);
    let bot = office.bot(0, &["lene"]);
    for (subcode, sentence) in reasons {
        let post = crate::world::begin(
            bot.view
                .post_async(contact("lene"), NewMessage::text("hello")),
        );
        office.pass(SECOND);
        assert!(office.person("lene").refuses(subcode), "it rings");
        office.pass(SECOND);
        match post.join().unwrap() {
            Err(Error::Rejected(reason)) => {
                assert!(reason.contains(sentence), "{subcode}: {reason}")
            }
            other => panic!("{subcode}: {other:?}"),
        }
    }
    assert!(office.person("lene").heard().is_empty());
    office.person("lene").behave(Manner::Accept(SECOND));
    bot.says("lene", "at last").unwrap();
}

#[test]
fn an_invitation_that_nobody_answers_is_rejected_after_half_a_minute() {
    let office = Office::open(&[]);
    office.person("lene").behave(Manner::Ignore);
    let bot = office.bot(0, &["lene"]);
    match bot.says("lene", "anybody?") {
        Err(Error::Rejected(reason)) => {
            assert!(reason.contains("the contact did not answer"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_of_that_name_is_rejected_at_once_or_later() {
    for now in ["on", "off"] {
        let office = Office::open(&[("unknown-destination-now", now)]);
        let bot = office.bot(0, &["nobody.there"]);
        match bot.says("nobody.there", "hello") {
            Err(Error::Rejected(reason)) => {
                assert!(reason.contains("there is no such contact"), "{reason}")
            }
            other => panic!("{now}: {other:?}"),
        }
    }
}

#[test]
fn a_contact_who_is_not_signed_in_is_said_to_be_so() {
    let office = Office::open(&[]);
    office.person("lene").behave(Manner::Offline);
    let bot = office.bot(0, &["lene"]);
    let error = bot.says("lene", "hello").unwrap_err();
    assert!(
        matches!(error, Error::Unreachable(_) | Error::Rejected(_)),
        "{error:?}"
    );
}

#[test]
fn a_conversation_that_died_unseen_is_begun_anew_for_the_post() {
    for status in ["404", "409"] {
        let office = Office::open(&[("dead-conversation", status)]);
        let bot = office.bot(0, &["lene"]);
        bot.says("lene", "one").unwrap();
        // Lene ends the conversation, and the package that says so is lost. The post then finds no
        // conversation.
        office.person("bot0").suffers("lose-package", 1).unwrap();
        assert!(office.person("lene").leaves(&sip("bot0")));
        bot.says("lene", "two").unwrap();
        let texts: Vec<String> = office
            .person("lene")
            .heard()
            .into_iter()
            .map(|heard| heard.text)
            .collect();
        assert_eq!(texts, ["one", "two"], "{status}");
    }
}

#[test]
fn what_a_contact_says_is_heard_once() {
    for (switch, value) in [
        ("message-type", "completed"),
        ("message-type", "started"),
        ("auto-accept", "on"),
        ("from-link", "off"),
        ("titles", "off"),
        ("shape", "lync2013"),
        ("first-message-report", "on"),
    ] {
        let office = Office::open(&[(switch, value)]);
        let bot = office.bot(0, &["lene"]);
        let lene = office.person("lene");
        lene.say(&sip("bot0"), "Grüße & <b>+1</b>");
        office.pass(20 * SECOND);
        lene.say(&sip("bot0"), "more");
        office.pass(2 * SECOND);
        let expected = [
            "lene@contoso.com: Grüße & <b>+1</b>",
            "lene@contoso.com: more",
        ];
        assert_eq!(bot.heard(), expected, "{switch}={value}");
        bot.says("lene", "and back").unwrap();
        assert_eq!(lene.heard().len(), 1, "{switch}={value}");
        assert_eq!(
            office.world.simulator.count(&sip("bot0")).1,
            1,
            "in the same conversation: {switch}={value}"
        );
    }
}

#[test]
fn html_of_a_contact_becomes_parts_and_its_alert_and_subject_are_told() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    let text = "<span style=\"font-size:10pt\">see <a href=\"https://a.example/\">this</a></span>";
    let invite = Invite {
        subject: "Plans".into(),
        importance: "Urgent".into(),
        thread: None,
    };
    office.person("lene").say_as(
        &sip("bot0"),
        Text {
            text: text.into(),
            html: true,
        },
        &invite,
    );
    office.pass(SECOND);
    office.person("lene").say(&sip("bot0"), "later");
    office.pass(SECOND);
    let messages = bot.messages();
    assert_eq!(
        messages[0].content.parts[1],
        Part::Hyperlink {
            text: "this".into(),
            url: "https://a.example/".into()
        }
    );
    assert_eq!(
        (
            messages[0].content.subject.as_deref(),
            messages[0].content.alert
        ),
        (Some("Plans"), true)
    );
    assert_eq!(
        (
            messages[1].content.subject.as_deref(),
            messages[1].content.alert
        ),
        (None, false)
    );
    assert_eq!(messages[0].sender_alias.as_deref(), Some("Lene"));
}

#[test]
fn strangers_are_declined_and_a_contact_joined_meanwhile_is_accepted() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    office.world.person("mallory", Manner::Ignore);
    office.world.person("olaf", Manner::Ignore);
    let mallory = office.person("mallory");
    mallory.say(&sip("bot0"), "psst");
    office.person("olaf").say(&sip("bot0"), "I am new");
    office.pass(5 * SECOND);
    office.put(0, &["lene", "olaf"]);
    office.pass(10 * SECOND);
    assert_eq!(bot.heard(), ["olaf@contoso.com: I am new"]);
    assert!(!crate::world::wait(mallory.learns()).delivered);
}

#[test]
fn leaving_a_channel_ends_its_conversations() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    bot.says("lene", "hello").unwrap();
    office.put(0, &[]);
    office.pass(SECOND);
    assert_eq!(office.world.simulator.count(&sip("bot0")), (1, 0, 1));
}

#[test]
fn typing_is_shown_both_ways() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    bot.says("lene", "hello").unwrap();
    let mut all = office.engine.subscribe();
    assert!(office.person("lene").types(&sip("bot0"), true));
    office.pass(SECOND);
    assert!(office.person("lene").types(&sip("bot0"), false));
    office.pass(SECOND);
    let mut seen = Vec::new();
    while let Some(item) = all.try_next() {
        if let switchboard::Broadcast::Composing {
            channel, composing, ..
        } = &*item
        {
            seen.push((channel.to_string(), *composing));
        }
    }
    assert_eq!(seen, [(contact("lene"), true), (contact("lene"), false)]);
}

#[test]
fn presence_and_note_of_a_contact_are_seen() {
    for (switch, value) in [
        ("embed-subscription", "on"),
        ("embed-subscription", "off"),
        ("shape", "lync2013"),
    ] {
        let office = Office::open(&[(switch, value)]);
        office.person("lene").shows("Busy", "");
        let bot = office.bot(0, &["lene"]);
        let seen = || bot.view.channel(contact("lene")).unwrap().info.presence;
        assert_eq!(seen(), switchboard::PresenceState::Busy, "{switch}={value}");
        office.person("lene").shows("Away", "");
        office.person("lene").notes("back at noon");
        office.pass(10 * SECOND);
        assert_eq!(seen(), switchboard::PresenceState::Away);
        assert_eq!(
            bot.view
                .channel(contact("lene"))
                .unwrap()
                .info
                .presence_text
                .as_deref(),
            Some("back at noon")
        );
        // Subscriptions last half an hour.
        office.pass(95 * MINUTE);
        office.person("lene").shows("DoNotDisturb", "");
        office.pass(10 * SECOND);
        assert_eq!(
            seen(),
            switchboard::PresenceState::DoNotDisturb,
            "{switch}={value}"
        );
    }
}

#[test]
fn agents_talk_to_each_other_and_what_was_not_fetched_in_time_is_rejected() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["bot1"]);
    let other = office.bot(1, &["bot0"]);
    bot.says("bot1", "one").unwrap();
    office.pass(SECOND);
    assert_eq!(other.heard(), ["bot0@contoso.com: one"]);
    office.person("bot1").suffers("swallow-pget", 1).unwrap();
    bot.says("bot1", "two").unwrap();
    match bot.says("bot1", "three") {
        Err(Error::Rejected(reason)) => assert!(reason.contains("not delivered"), "{reason}"),
        other => panic!("{other:?}"),
    }
}
