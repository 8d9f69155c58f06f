//! A contact: joined, written to, heard.

use super::*;
use crate::backend::ucwa::protocol::data_uri;

pub(super) const LENE: &str = r#"{"_embedded":{"contact":[{"uri":"sip:lenea@contoso.com","name":"Lene Aaling","_links":{
    "contactPresence":{"href":"/ucwa/oauth/v1/applications/105/people/lenea@contoso.com/presence"}}}]}}"#;
const CONVERSATION: &str = "/ucwa/oauth/v1/applications/105/communication/conversations/c3b7";
pub(super) const MESSAGES: &str = "c3b7/messaging/messages";

pub(super) fn lene() -> ChannelId {
    ChannelId::parse("contact:sip:lenea@contoso.com").expect("a channel")
}

/// Lene's channel is joined, and nothing else is asked.
pub(super) fn joined() -> Play {
    let mut play = Play::new();
    let mut join = play.join(&lene());
    play.answer("/search", 200, LENE, None);
    play.answer(
        "/presence",
        200,
        document!("document/contact_presence"),
        None,
    );
    play.answer(
        "/presenceSubscriptions",
        201,
        document!("document/presence_subscription"),
        None,
    );
    come(&mut join).expect("joined");
    assert_eq!(play.handed_over(), ["entered"]);
    assert!(play.asked.is_empty(), "{:?}", play.asked());
    play
}

/// Lene's channel is joined, and she has accepted a conversation that began with `hello`.
fn talking() -> Play {
    let mut play = joined();
    let mut hello = play.post(&lene(), "hello");
    let operation = play.operation("/messagingInvitations");
    play.answer("/messagingInvitations", 201, "", None);
    for package in [document!("package/invited"), document!("package/connected")] {
        play.package(&package.replace("5028e824-2268-4b14-9e59-1abad65ff393", &operation));
    }
    assert_eq!(come(&mut hello).expect("posted").id.as_str(), "105/c3b7/i");
    play
}

/// The address of message `number`.
pub(super) fn message(number: u32) -> String {
    format!("{CONVERSATION}/messaging/messages/{number}")
}

#[test]
fn what_a_contact_said_before_it_was_joined_comes_after_the_join() {
    let mut play = Play::new();
    let mut join = play.join(&lene());
    play.package(document!("package/incoming"));
    play.package(document!("package/message"));
    assert!(play.handed_over().is_empty());
    assert_eq!(play.asked(), ["GET /people/search"], "it rings");
    play.answer("/search", 200, LENE, None);
    assert_eq!(
        play.handed_over(),
        ["entered", "sip:lenea@contoso.com: Hi Tosh"]
    );
    assert_eq!(
        play.asked(),
        [
            "POST /communication/messagingInvitations/6408/accept",
            "POST /people/presenceSubscriptions",
            "GET /people/lenea@contoso.com/presence"
        ]
    );
    assert!(is_waiting(&mut join), "until the presence is known");
    play.answer(
        "/presence",
        200,
        document!("document/contact_presence"),
        None,
    );
    let info = come(&mut join).expect("joined").info;
    assert_eq!(info.display_name, "Lene Aaling");
    assert_eq!(info.presence_text.as_deref(), Some("Off work"));
}

#[test]
fn an_invitation_of_nobody_who_is_joined_is_declined() {
    let mut play = Play::new();
    play.package(document!("package/incoming"));
    play.pass(Duration::from_secs(9));
    assert!(play.asked.is_empty(), "it rings");
    play.pass(Duration::from_secs(2));
    assert_eq!(play.body("6408/decline"), r#"{"reason":"Local"}"#);
}

#[test]
fn posts_leave_one_after_the_other_and_are_answered_when_they_are_reported() {
    let mut play = talking();
    let mut first = play.post(&lene(), "one");
    let mut second = play.post(&lene(), "two");
    assert_eq!(play.body(MESSAGES), "one", "the second one waits");
    play.answer(MESSAGES, 201, "", Some(&message(2)));
    assert_eq!(
        play.body(MESSAGES),
        "two",
        "it does not wait for the report"
    );
    assert!(is_waiting(&mut first));
    play.package(document!("package/delivered"));
    assert_eq!(come(&mut first).expect("posted").id.as_str(), "105/c3b7/2");
    // The report may overtake the answer.
    play.package(document!("package/undelivered"));
    play.answer(MESSAGES, 201, "", Some(&message(3)));
    assert_eq!(refused(&mut second), BackendErrorKind::Rejected);
}

#[test]
fn a_refused_post_is_answered_and_the_next_one_leaves() {
    let mut play = talking();
    let mut first = play.post(&lene(), "one");
    let mut second = play.post(&lene(), "two");
    let body = r#"{"code":"Forbidden","subcode":"NotAllowed"}"#;
    play.answer(MESSAGES, 403, body, None);
    assert_eq!(refused(&mut first), BackendErrorKind::Rejected);
    // Somebody in between has cut the connection: nobody knows, and a report may still tell.
    play.lose(MESSAGES);
    assert!(is_waiting(&mut second));
}

#[test]
fn a_post_into_a_conversation_that_has_ended_begins_a_new_one() {
    let mut play = talking();
    let mut post = play.post(&lene(), "still there?");
    play.answer(MESSAGES, 404, r#"{"code":"NotFound"}"#, None);
    assert_eq!(play.asked(), ["POST /communication/messagingInvitations"]);
    let body: serde_json::Value =
        serde_json::from_str(&play.body("/messagingInvitations")).expect("a body of JSON");
    let href = body["_links"]["message"]["href"].as_str().expect("a text");
    let text = data_uri::decode(href).map(|(_, text)| text);
    assert_eq!(text.as_deref(), Some("still there?"));
    play.answer("/messagingInvitations", 201, "", None);
    assert!(is_waiting(&mut post), "it rings");
    play.pass(Duration::from_secs(35));
    assert_eq!(refused(&mut post), BackendErrorKind::OutcomeUnknown);
}

#[test]
fn a_post_waits_for_a_conversation_that_the_contact_has_begun() {
    let mut play = joined();
    play.package(document!("package/incoming"));
    play.answer("6408/accept", 204, "", None);
    let mut post = play.post(&lene(), "one moment");
    assert!(play.asked.is_empty(), "no second conversation");
    play.package(document!("package/connected"));
    assert_eq!(play.body(MESSAGES), "one moment");
    // If it is never connected, a new one begins after some seconds.
    let mut play = joined();
    play.package(document!("package/incoming"));
    play.answer("6408/accept", 204, "", None);
    let mut late = play.post(&lene(), "hello?");
    play.pass(Duration::from_secs(6));
    assert_eq!(play.asked(), ["POST /communication/messagingInvitations"]);
    assert!(is_waiting(&mut post) && is_waiting(&mut late));
}

#[test]
fn a_lost_event_channel_answers_everything_that_waits() {
    let mut play = talking();
    let mut unreported = play.post(&lene(), "one");
    play.answer(MESSAGES, 201, "", Some(&message(2)));
    let mut sent = play.post(&lene(), "two");
    let mut waiting = play.post(&lene(), "three");
    let mut join = play.join(&ChannelId::parse("contact:sip:olaf@contoso.com").expect("a channel"));
    play.give(Input::Over(BackendError::unreachable(
        "the channel is lost",
    )));
    assert_eq!(refused(&mut unreported), BackendErrorKind::OutcomeUnknown);
    assert_eq!(
        refused(&mut waiting),
        BackendErrorKind::Unreachable,
        "not sent"
    );
    assert!(is_waiting(&mut sent), "its response is on the way");
    play.answer(MESSAGES, 201, "", Some(&message(3)));
    assert_eq!(refused(&mut sent), BackendErrorKind::OutcomeUnknown);
    play.answer("/search", 200, "{}", None);
    assert_eq!(refused(&mut join), BackendErrorKind::Unreachable);
    assert_eq!(
        refused(&mut play.post(&lene(), "four")),
        BackendErrorKind::Unreachable
    );
    assert!(play.asked.is_empty() && play.handed_over().is_empty());
}

#[test]
fn a_server_that_forgot_the_conversations_is_written_to_anew() {
    let mut play = talking();
    let mut unreported = play.post(&lene(), "one");
    play.answer(MESSAGES, 201, "", Some(&message(2)));
    play.give(Input::Forgotten);
    assert_eq!(refused(&mut unreported), BackendErrorKind::OutcomeUnknown);
    let _two = play.post(&lene(), "two");
    assert_eq!(play.asked(), ["POST /communication/messagingInvitations"]);
}

#[test]
fn a_channel_that_is_left_ends_its_conversations() {
    let mut play = talking();
    let mut sent = play.post(&lene(), "one");
    let mut waiting = play.post(&lene(), "two");
    let (done, mut left) = oneshot::channel();
    play.give(Input::Leave(lene(), done));
    come(&mut left).expect("left");
    assert_eq!(refused(&mut waiting), BackendErrorKind::ChannelGone);
    assert!(
        play.asked()
            .contains(&"POST /communication/conversations/c3b7/messaging/terminate".to_owned())
    );
    play.answer(MESSAGES, 201, "", Some(&message(2)));
    assert!(is_waiting(&mut sent), "the server has it");
    play.package(document!("package/delivered"));
    come(&mut sent).expect("posted");
}
