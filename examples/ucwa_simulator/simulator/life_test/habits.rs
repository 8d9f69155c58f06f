//! What public clients do although no page says so, and the server takes it.

use super::super::address::Address;
use super::super::person::Manner;
use super::super::stage::{Stage, embedded, link};
use std::time::Duration;

#[test]
fn activity_is_reported_at_the_application_too() {
    let mut stage = Stage::new();
    let lene = stage.sign_on("lene");
    let path = lene.href("/reportMyActivity");
    let early = lene.tried(&mut stage, &path, "");
    assert_eq!(early, (409, "MakeMeAvailableRequired".to_owned()));
    let lene = stage.sign_on_available("lene");
    let path = lene.href("/reportMyActivity");
    let presence = lene.href("/me/presence");
    stage.pass(290.0);
    assert_eq!(lene.post(&mut stage, &path, "").status, 204);
    stage.pass(290.0);
    assert_eq!(lene.get(&mut stage, &presence)["availability"], "Online");
}

#[test]
fn an_echo_has_the_format_of_its_text() {
    let mut stage = Stage::new();
    let sara = Address::parse("sara@contoso.com").unwrap();
    stage.world.people.get_mut(&sara).unwrap().manner = Manner::Echo(Duration::ZERO);
    let mut lene = stage.sign_on_available("lene");
    let start = lene.href("/communication/messagingInvitations");
    lene.post(&mut stage, &start, r#"{"to":"sip:sara@contoso.com"}"#);
    stage.pass(1.0);
    let talk = link(
        &embedded(&lene.events(&mut stage), "messagingInvitation", "completed"),
        "conversation",
    );
    let html: &[(&str, &str)] = &[("content-type", "text/html")];
    lene.ask(
        &mut stage,
        "POST",
        &format!("{talk}/messaging/messages"),
        html,
        "<b>a</b>",
    );
    stage.pass(1.0);
    let echo = embedded(&lene.events(&mut stage), "message", "completed");
    assert_eq!(
        link(&echo, "htmlMessage"),
        "data:text/html;charset=utf-8,%3cb%3ea%3c%2fb%3e"
    );
}

#[test]
fn a_text_posted_to_a_message_is_sent_to_its_conversation() {
    let mut stage = Stage::new();
    let mut lene = stage.sign_on_available("lene");
    let start = lene.href("/communication/messagingInvitations");
    lene.post(&mut stage, &start, r#"{"to":"sip:sara@contoso.com"}"#);
    stage.pass(1.0);
    let talk = link(
        &embedded(&lene.events(&mut stage), "messagingInvitation", "completed"),
        "conversation",
    );
    let plain: &[(&str, &str)] = &[("content-type", "text/plain")];
    let first = lene.ask(
        &mut stage,
        "POST",
        &format!("{talk}/messaging/messages"),
        plain,
        "one",
    );
    assert_eq!(first.status, 201);
    stage.pass(1.0);
    let message = embedded(&lene.events(&mut stage), "message", "completed");
    let own = link(&message, "self");
    let reply = lene.ask(&mut stage, "POST", &own, plain, "two");
    assert_eq!(reply.status, 201);
    let location = &reply.headers[0].1;
    assert!(*location != own && location.starts_with(&format!("{talk}/messaging/messages/")));
    stage.pass(1.0);
    let sara = Address::parse("sara@contoso.com").unwrap();
    let heard: Vec<&str> = stage.world.people[&sara]
        .heard
        .iter()
        .map(|heard| heard.text.as_str())
        .collect();
    assert_eq!(heard, ["one", "two"]);
}
