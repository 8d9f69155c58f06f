//! An alert: its text follows once the conversation is connected, and it is sent when that was
//! reported, or not at all.

use super::contacts::{MESSAGES, joined, lene, message};
use super::*;

const INVITATIONS: &str = "/messagingInvitations";
const OPERATION: &str = "5028e824-2268-4b14-9e59-1abad65ff393";

fn alert(play: &mut Play, text: &str) -> Answer<Accepted> {
    let (done, answer): (Done<Accepted>, _) = oneshot::channel();
    let mut message = Outgoing::text(OriginId::parse("o1").expect("an origin"), text);
    message.content.alert = true;
    play.give(Input::Post(lene(), message, done));
    answer
}

/// The bot alerts Lene, and the server says what became of the invitation as in those packages.
fn rung(packages: &[&str], is_lost: bool) -> (Play, Answer<Accepted>) {
    let mut play = joined();
    let answer = alert(&mut play, "fire");
    let body: serde_json::Value =
        serde_json::from_str(&play.body(INVITATIONS)).expect("a body of JSON");
    assert_eq!(
        (&body["importance"], body.get("_links")),
        (&"Urgent".into(), None)
    );
    let operation = play.operation(INVITATIONS);
    if is_lost {
        play.lose(INVITATIONS);
    } else {
        play.answer(INVITATIONS, 201, "", None);
    }
    for package in packages {
        play.package(&package.replace(OPERATION, &operation));
    }
    (play, answer)
}

const ACCEPTED: [&str; 2] = [document!("package/invited"), document!("package/connected")];

#[test]
fn an_alert_is_sent_after_the_contact_has_accepted_and_posted_when_that_is_reported() {
    for is_lost in [false, true] {
        let (mut play, mut answer) = rung(&ACCEPTED, is_lost);
        assert_eq!(play.body(MESSAGES), "fire");
        let mut next = play.post(&lene(), "and smoke");
        play.answer(MESSAGES, 201, "", Some(&message(2)));
        assert!(is_waiting(&mut answer), "accepted is not delivered");
        assert_eq!(play.body(MESSAGES), "and smoke", "behind it, and once");
        play.package(document!("package/delivered"));
        assert_eq!(come(&mut answer).expect("posted").id.as_str(), "105/c3b7/2");
        assert!(is_waiting(&mut next));
        play.pass(Duration::from_secs(60));
        assert!(is_waiting(&mut next) && play.asked.len() == 1, "not again");
    }
}

#[test]
fn an_alert_whose_response_was_lost_waits_for_its_report_and_is_not_sent_again() {
    let (mut play, mut answer) = rung(&ACCEPTED, false);
    let operation = play.asked[play.only(MESSAGES)].request.url.path.clone();
    let operation = operation
        .split_once("OperationContext=")
        .expect("an operation")
        .1;
    play.lose(MESSAGES);
    assert!(is_waiting(&mut answer) && play.asked.is_empty());
    let report = document!("package/delivered").replace("\"42\"", &format!("\"{operation}\""));
    play.package(&report);
    come(&mut answer).expect("posted");
}

#[test]
fn an_alert_that_was_not_delivered_fails() {
    let (mut play, mut answer) = rung(&ACCEPTED, false);
    play.answer(MESSAGES, 201, "", Some(&message(3)));
    play.package(document!("package/undelivered"));
    assert_eq!(refused(&mut answer), BackendErrorKind::Rejected);
}

#[test]
fn the_link_to_send_may_come_after_the_conversation_is_connected() {
    let silent = ACCEPTED[1].replace("sendMessage", "sendNothing");
    let (mut play, _answer) = rung(&[ACCEPTED[0], &silent], false);
    play.package(ACCEPTED[1]);
    assert_eq!(play.body(MESSAGES), "fire");
}

#[test]
fn an_invitation_without_text_that_the_server_answers_unclearly_is_no_unknown_outcome() {
    let mut play = joined();
    let mut answer = alert(&mut play, "fire");
    play.answer(INVITATIONS, 500, "", None);
    assert_ne!(refused(&mut answer), BackendErrorKind::OutcomeUnknown);
}

#[test]
fn a_link_that_is_lost_before_the_response_to_it_is_no_unknown_outcome() {
    let mut play = joined();
    let mut answer = alert(&mut play, "fire");
    play.give(Input::Over(BackendError::unreachable(
        "the channel is lost",
    )));
    play.answer(INVITATIONS, 201, "", None);
    assert_ne!(refused(&mut answer), BackendErrorKind::OutcomeUnknown);
}

#[test]
fn a_server_that_forgot_the_conversation_is_no_unknown_outcome() {
    let silent = ACCEPTED[1].replace("sendMessage", "sendNothing");
    let (mut play, mut answer) = rung(&[ACCEPTED[0], &silent], false);
    play.give(Input::Forgotten);
    assert_eq!(refused(&mut answer), BackendErrorKind::Unreachable);
}

#[test]
fn a_conversation_that_ends_before_it_is_no_unknown_outcome_and_is_not_begun_again() {
    let (mut play, mut answer) = rung(&ACCEPTED, false);

    play.answer(MESSAGES, 404, r#"{"code":"NotFound"}"#, None);
    assert_eq!(refused(&mut answer), BackendErrorKind::Unreachable);
    let asked = play.asked();
    assert!(
        !asked.iter().any(|asked| asked.contains("Invitations")),
        "{asked:?}"
    );
}

#[test]
fn an_invitation_that_rings_too_long_is_no_unknown_outcome() {
    let mut play = joined();
    let mut answer = alert(&mut play, "fire");
    play.answer(INVITATIONS, 201, "", None);
    play.pass(Duration::from_secs(35));
    assert_eq!(refused(&mut answer), BackendErrorKind::Rejected);
    let mut play = joined();
    let mut answer = alert(&mut play, "fire");
    play.answer(INVITATIONS, 201, "", None);
    play.give(Input::Over(BackendError::unreachable("the link is lost")));
    assert_eq!(refused(&mut answer), BackendErrorKind::Unreachable);
}

#[test]
fn a_caller_that_has_given_up_gets_nothing_sent_behind_its_back() {
    let mut play = joined();
    drop(alert(&mut play, "fire"));
    let operation = play.operation(INVITATIONS);
    play.answer(INVITATIONS, 201, "", None);
    for package in ACCEPTED {
        play.package(&package.replace(OPERATION, &operation));
    }
    let asked = play.asked();
    assert!(
        !asked.iter().any(|asked| asked.ends_with("/messages")),
        "{asked:?}"
    );
}
