//! A text that follows its invitation.

use super::contacts::{MESSAGES, joined, lene, message};
use super::*;
use crate::model::Content;

/// Lene is rung for an alert; returns who waits for it.
fn rung(play: &mut Play) -> Answer<Accepted> {
    let (done, answer) = oneshot::channel();
    let mut content = Content::text("fire");
    content.alert = true;
    let message = Outgoing::new(OriginId::parse("o1").expect("an origin"), content);
    play.give(Input::Post(lene(), message, done));
    let body = play.body("/messagingInvitations");
    assert!(
        !body.contains("_links") && body.contains("Urgent"),
        "{body}"
    );
    answer
}

/// The invitation of that operation is told of, and then accepted.
fn accepted(play: &mut Play) {
    let operation = play.operation("/messagingInvitations");
    play.answer("/messagingInvitations", 201, "", None);
    for package in [document!("package/invited"), document!("package/connected")] {
        play.package(&package.replace("5028e824-2268-4b14-9e59-1abad65ff393", &operation));
    }
}

#[test]
fn it_is_answered_when_its_delivery_is_reported() {
    let mut play = joined();
    let mut alert = rung(&mut play);
    accepted(&mut play);
    assert!(is_waiting(&mut alert), "it was not sent yet");
    assert_eq!(play.body(MESSAGES), "fire");
    play.answer(MESSAGES, 201, "", Some(&message(2)));
    assert!(is_waiting(&mut alert), "it was not delivered yet");
    play.package(document!("package/delivered"));
    assert_eq!(come(&mut alert).expect("posted").id.as_str(), "105/c3b7/2");
}

#[test]
fn a_conversation_that_ends_before_it_is_no_unknown_outcome_and_is_not_begun_again() {
    let mut play = joined();
    let mut alert = rung(&mut play);
    accepted(&mut play);
    play.answer(MESSAGES, 404, r#"{"code":"NotFound"}"#, None);
    assert_eq!(refused(&mut alert), BackendErrorKind::Unreachable);
    let asked = play.asked();
    assert!(
        !asked.iter().any(|asked| asked.contains("Invitations")),
        "{asked:?}"
    );
}

#[test]
fn an_invitation_that_rings_too_long_is_no_unknown_outcome() {
    let mut play = joined();
    let mut alert = rung(&mut play);
    play.answer("/messagingInvitations", 201, "", None);
    play.pass(Duration::from_secs(35));
    assert_eq!(refused(&mut alert), BackendErrorKind::Rejected);
    let mut play = joined();
    let mut alert = rung(&mut play);
    play.answer("/messagingInvitations", 201, "", None);
    play.give(Input::Over(BackendError::unreachable("the link is lost")));
    assert_eq!(refused(&mut alert), BackendErrorKind::Unreachable);
}

#[test]
fn a_caller_that_has_given_up_gets_nothing_sent_behind_its_back() {
    let mut play = joined();
    drop(rung(&mut play));
    accepted(&mut play);
    let asked = play.asked();
    assert!(
        !asked.iter().any(|asked| asked.ends_with("/messages")),
        "{asked:?}"
    );
}
