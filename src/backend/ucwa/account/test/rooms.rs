//! A meeting: joined, spoken in, ended.

use super::*;

const ADDING: &str = "/messagingInvitations";
const MESSAGES: &str = "c3b7/messaging/messages";
/// The address of the message that `delivered` reports.
const SECOND: &str =
    "/ucwa/oauth/v1/applications/105/communication/conversations/c3b7/messaging/messages/2";

fn weekly() -> ChannelId {
    let name = "chat-room:sip:lenea@contoso.com;gruu;opaque=app:conf:focus:id:1XAW22CG";
    ChannelId::parse(name).expect("a channel")
}

/// The join was asked for, and the server has brought the agent in.
fn inside() -> (Play, Answer<Joined>) {
    let mut play = Play::new();
    let mut join = play.join(&weekly());
    let operation = play.operation("/onlineMeetingInvitations");
    play.answer("/onlineMeetingInvitations", 201, "", None);
    assert!(is_waiting(&mut join) && play.handed_over().is_empty());
    let package = document!("package/conferenced");
    play.package(&package.replace("\"77\"", &format!("\"{operation}\"")));
    assert_eq!(play.handed_over(), ["entered"]);
    assert!(is_waiting(&mut join), "messages are added first");
    (play, join)
}

/// The meeting is joined, and messages can be sent.
fn joined() -> Play {
    let (mut play, mut join) = inside();
    play.answer(ADDING, 201, "", None);
    play.package(&document!("package/connected").replace("Task Sample", "Weekly talk"));
    let info = come(&mut join).expect("joined").info;
    assert_eq!(info.display_name, "Weekly talk");
    assert!(play.asked.is_empty(), "{:?}", play.asked());
    play
}

#[test]
fn a_meeting_is_joined_and_spoken_in() {
    let mut play = joined();
    let mut post = play.post(&weekly(), "good morning");
    assert_eq!(play.body(MESSAGES), "good morning");
    play.answer(MESSAGES, 201, "", Some(SECOND));
    assert!(is_waiting(&mut post));
    play.package(document!("package/delivered"));
    assert_eq!(come(&mut post).expect("posted").id.as_str(), "105/c3b7/2");
    play.package(document!("package/message"));
    assert_eq!(play.handed_over(), ["sip:lenea@contoso.com: Hi Tosh"]);
}

#[test]
fn messages_are_added_up_to_three_times() {
    let (mut play, mut join) = inside();
    for _ in 0..2 {
        play.answer(ADDING, 409, r#"{"code":"Conflict"}"#, None);
        assert!(play.asked.is_empty(), "a pause first");
        play.pass(Duration::from_secs(3));
    }
    play.answer(ADDING, 409, r#"{"code":"Conflict"}"#, None);
    assert_eq!(refused(&mut join), BackendErrorKind::Rejected);
    assert_eq!(
        play.asked(),
        ["DELETE /communication/conversations/c3b7"],
        "the meeting is left"
    );
}

#[test]
fn a_meeting_that_ends_is_told_and_its_posts_are_answered() {
    let mut play = joined();
    let mut unreported = play.post(&weekly(), "one");
    play.answer(MESSAGES, 201, "", Some(SECOND));
    let mut sent = play.post(&weekly(), "two");
    let mut waiting = play.post(&weekly(), "three");
    play.package(document!("package/ejected"));
    let told = play.handed_over();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("inactive, may retry: false") && told[0].contains("Ejected"));
    assert_eq!(refused(&mut unreported), BackendErrorKind::OutcomeUnknown);
    assert_eq!(
        refused(&mut waiting),
        BackendErrorKind::Unreachable,
        "not sent"
    );
    play.answer(MESSAGES, 404, r#"{"code":"NotFound"}"#, None);
    assert_eq!(
        refused(&mut sent),
        BackendErrorKind::Unreachable,
        "not sent"
    );
    assert_eq!(
        refused(&mut play.post(&weekly(), "four")),
        BackendErrorKind::Unreachable
    );
}

#[test]
fn a_meeting_that_the_server_forgot_is_joined_again_by_the_engine() {
    let mut play = joined();
    play.give(Input::Forgotten);
    let told = play.handed_over();
    assert!(told[0].starts_with("inactive, may retry: true"), "{told:?}");
}

#[test]
fn a_join_waits_longer_in_the_lobby() {
    let mut play = Play::new();
    let mut join = play.join(&weekly());
    let operation = play.operation("/onlineMeetingInvitations");
    play.answer("/onlineMeetingInvitations", 201, "", None);
    let lobby = document!("package/conferenced")
        .replace("\"77\"", &format!("\"{operation}\""))
        .replace("\"Conferenced\"", "\"InLobby\"");
    play.package(&lobby);
    play.pass(Duration::from_secs(500));
    assert!(is_waiting(&mut join));
    play.pass(Duration::from_secs(50));
    assert_eq!(refused(&mut join), BackendErrorKind::Unreachable);
    // Where nothing happens at all, nobody waits that long.
    let mut play = Play::new();
    let mut join = play.join(&weekly());
    play.answer("/onlineMeetingInvitations", 201, "", None);
    play.pass(Duration::from_secs(46));
    assert_eq!(refused(&mut join), BackendErrorKind::Unreachable);
}

#[test]
fn a_meeting_that_the_agent_is_in_already_is_found() {
    let mut play = Play::new();
    let mut join = play.join(&weekly());
    let exists = r#"{"code":"Conflict","subcode":"AlreadyExists"}"#;
    play.answer("/onlineMeetingInvitations", 409, exists, None);
    let list = r#"{"_links":{"conversation":[{"href":"/c/other"},{"href":"/c/c3b7"}]}}"#;
    play.answer("/conversations", 200, list, None);
    play.answer("/c/other", 200, "{}", None);
    let conversation = r#"{"state":"Conferenced","_links":{
        "onlineMeeting":{"href":"/c/c3b7/onlineMeeting"},"messaging":{"href":"/c/c3b7/messaging"}}}"#;
    play.answer("/c/c3b7", 200, conversation, None);
    let meeting =
        r#"{"onlineMeetingUri":"sip:lenea@contoso.com;gruu;opaque=app:conf:focus:id:1XAW22CG"}"#;
    play.answer("/onlineMeeting", 200, meeting, None);
    let messaging =
        r#"{"state":"Connected","_links":{"sendMessage":{"href":"/c/c3b7/messaging/messages"}}}"#;
    play.answer("/messaging", 200, messaging, None);
    come(&mut join).expect("joined");
    assert_eq!(play.handed_over(), ["entered"]);
}

#[test]
fn a_join_that_nobody_waits_for_is_given_up() {
    let (mut play, join) = inside();
    play.give(Input::JoinGivenUp(weekly()));
    assert_eq!(play.asked().len(), 1, "somebody waits");
    drop(join);
    play.give(Input::JoinGivenUp(weekly()));
    assert!(
        play.asked()
            .contains(&"DELETE /communication/conversations/c3b7".to_owned())
    );
    // What comes for it later means nothing.
    play.answer(ADDING, 201, "", None);
    play.pass(Duration::from_secs(600));
    assert!(play.handed_over().is_empty());
}
