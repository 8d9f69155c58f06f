//! Events that lack what they mean, come too late or come twice: nothing is lost, and no
//! conversation waits for another.

use super::*;

const A: &str = "/ucwa/oauth/v1/applications/105";

fn person(name: &str) -> ChannelId {
    ChannelId::parse(&format!("contact:sip:{name}@contoso.com")).expect("a channel")
}

/// Those people are joined, and nothing else is asked.
fn joined(names: &[&str]) -> Play {
    let mut play = Play::new();
    for name in names {
        let mut join = play.join(&person(name));
        play.answer("/search", 200, "{}", None);
        if play
            .asked()
            .iter()
            .any(|asked| asked.ends_with("/presence"))
        {
            play.answer("/presence", 200, "{}", None);
        }
        come(&mut join).expect("joined");
    }
    play.asked.clear();
    play.handed_over();
    play
}

/// A package with those events.
fn package(events: &[String]) -> String {
    format!(
        r#"{{"_links":{{"next":{{"href":"{A}/events?ack=9"}}}},"sender":[{}]}}"#,
        events.join(",")
    )
}

fn of_sender(rel: &str, href: &str, event: &str) -> String {
    format!(r#"{{"rel":"{rel}","href":"{href}","events":[{event}]}}"#)
}

/// Message `number` of a conversation, with or without its resource.
fn message(conversation: &str, number: u32, body: Option<&str>) -> String {
    let sender = format!("{A}/communication/conversations/{conversation}");
    let embedded = body.map_or(String::new(), |body| {
        format!(r#","_embedded":{{"message":{body}}}"#)
    });
    let href = format!("{sender}/messaging/messages/{number}");
    let event = format!(
        r#"{{"link":{{"rel":"message","href":"{href}"}},"type":"completed","status":"Success"{embedded}}}"#
    );
    of_sender("conversation", &sender, &event)
}

/// A message as the server describes it.
fn said(name: &str, href: &str) -> String {
    format!(
        r#"{{"direction":"Incoming","rel":"message","_links":{{"plainMessage":{{"href":"{href}"}},
            "participant":{{"href":"/participants/{name}@contoso.com"}}}}}}"#
    )
}

/// An invitation to a conversation; `from` may be empty.
fn invitation(conversation: &str, kind: &str, from: &str, text: &str) -> String {
    let from = if from.is_empty() {
        String::new()
    } else {
        format!(r#""_embedded":{{"from":{{"uri":"sip:{from}@contoso.com"}}}},"#)
    };
    let event = format!(
        r#"{{"link":{{"rel":"messagingInvitation","href":"{A}/invitations/{conversation}"}},"type":"{kind}","status":"Success",
            "_embedded":{{"messagingInvitation":{{"direction":"Incoming",{from}"_links":{{
            "accept":{{"href":"{A}/invitations/{conversation}/accept"}},"message":{{"href":"{text}"}},
            "conversation":{{"href":"{A}/communication/conversations/{conversation}"}}}}}}}}}}"#
    );
    of_sender("communication", &format!("{A}/communication"), &event)
}

/// Lene's conversation `a` and Olaf's `b` are known.
fn two_talks() -> Play {
    let mut play = joined(&["lene", "olaf"]);
    for (talk, name) in [("a", "lene"), ("b", "olaf")] {
        play.package(&package(&[invitation(talk, "started", name, "data:,x")]));
    }
    play.asked.clear();
    play
}

#[test]
fn a_message_that_is_fetched_holds_up_its_own_conversation_only() {
    let mut play = two_talks();
    let two = said("lene", "data:,two");
    play.package(&package(&[
        message("a", 1, None),
        message("a", 2, Some(&two)),
        message("b", 1, Some(&said("olaf", "data:,hello"))),
        message("a", 3, None),
    ]));
    assert_eq!(play.handed_over(), ["sip:olaf@contoso.com: hello"]);
    assert!(play.asked.iter().all(|call| call.persists), "made again");
    play.answer(
        "a/messaging/messages/3",
        200,
        &said("lene", "data:,three"),
        None,
    );
    assert!(play.handed_over().is_empty(), "the first one is on its way");
    play.answer(
        "a/messaging/messages/1",
        200,
        &said("lene", "data:,one"),
        None,
    );
    assert_eq!(
        play.handed_over(),
        ["one", "two", "three"].map(|text| format!("sip:lene@contoso.com: {text}"))
    );
}

#[test]
fn a_message_that_cannot_be_fetched_lets_the_next_ones_pass() {
    let mut play = two_talks();
    let two = said("lene", "data:,two");
    play.package(&package(&[
        message("a", 1, None),
        message("a", 2, Some(&two)),
    ]));
    play.lose("a/messaging/messages/1");
    assert_eq!(play.handed_over(), ["sip:lene@contoso.com: two"]);
}

#[test]
fn events_that_wait_are_bounded() {
    let mut play = two_talks();
    for number in 0..1000 {
        play.package(&package(&[message("a", number, None)]));
    }
    assert!(play.asked.len() < 300, "{}", play.asked.len());
}

#[test]
fn a_message_in_an_unknown_conversation_keeps_the_order() {
    let mut play = joined(&["lene"]);
    play.package(&package(&[
        message("a", 1, Some(&said("lene", "data:,one"))),
        message("a", 2, Some(&said("lene", "data:,two"))),
    ]));
    assert_eq!(play.asked(), ["GET /communication/conversations/a"]);
    play.answer("/conversations/a", 404, "", None);
    assert_eq!(
        play.handed_over(),
        ["one", "two"].map(|text| format!("sip:lene@contoso.com: {text}"))
    );
}

#[test]
fn a_message_before_its_invitation_is_heard_once_and_the_invitation_is_accepted() {
    let mut play = joined(&["lene"]);
    let hello = said("lene", "data:,hello");
    play.package(&package(&[message("a", 1, Some(&hello))]));
    play.answer("/conversations/a", 404, "", None);
    assert_eq!(play.handed_over(), ["sip:lene@contoso.com: hello"]);
    for kind in ["started", "completed"] {
        play.package(&package(&[invitation("a", kind, "lene", "data:,hello")]));
    }
    assert_eq!(play.asked(), ["POST /invitations/a/accept"]);
    play.pass(Duration::from_secs(20));
    assert!(play.handed_over().is_empty(), "it was heard before");
}

#[test]
fn an_invitation_that_does_not_say_whose_it_is_is_accepted_and_its_text_heard() {
    let mut play = joined(&["lene"]);
    play.package(&package(&[invitation("a", "started", "", "data:,hello")]));
    assert_eq!(play.asked(), ["POST /invitations/a/accept"]);
    let sender = format!("{A}/communication/conversations/a");
    let event =
        r#"{"link":{"rel":"participant","href":"/participants/lene@contoso.com"},"type":"added"}"#;
    play.package(&package(&[of_sender("conversation", &sender, event)]));
    play.pass(Duration::from_secs(9));
    assert_eq!(play.handed_over(), ["sip:lene@contoso.com: hello"]);
}

#[test]
fn a_text_that_is_repeated_as_html_is_heard_once() {
    let mut play = joined(&["lene"]);
    for kind in ["started", "completed"] {
        let text = "data:text/plain,see+http://x.test/+now";
        play.package(&package(&[invitation("a", kind, "lene", text)]));
    }
    play.pass(Duration::from_secs(9));
    assert_eq!(play.handed_over().len(), 1);
    let html = "data:text/html,%3cp%3esee++%3cb%3ehttp://x.test/%3c/b%3e%26nbsp;now%3c/p%3e";
    play.package(&package(&[message("a", 1, Some(&said("lene", html)))]));
    assert!(play.handed_over().is_empty(), "the same words");
    play.package(&package(&[message("a", 2, Some(&said("lene", html)))]));
    assert_eq!(play.handed_over().len(), 1, "said once more");
}
