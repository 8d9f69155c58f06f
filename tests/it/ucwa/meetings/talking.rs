//! Messages in a meeting, both ways.

use super::super::world::{Office, sip};
use super::{MINUTE, SECOND, hears, in_meeting, is_active, post, put, room, texts};
use std::time::Duration;
use switchboard::{Error, NewMessage, Part};

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
