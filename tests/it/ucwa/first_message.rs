//! The first message of a conversation, in the invitation or after it (§ucwa/first-message), with a
//! server that loses the text of every invitation without a word.

use super::simulator::person::Manner;
use super::world::{Bot, Office};
use std::time::Duration;
use switchboard::NewMessage;
use switchboard::backend::ucwa::FirstMessage;

/// Opens an office whose server loses the text of invitations.
fn lossy(way: Option<FirstMessage>) -> Office {
    Office::of(&[("invitation-text", "off")], |config| match way {
        Some(way) => config.first_message(way),
        None => config,
    })
}

fn heard(bot: &Bot<'_>, office: &Office) -> Vec<String> {
    let _ = bot.heard();
    let heard = office.person("lene").heard();
    heard.into_iter().map(|heard| heard.text).collect()
}

#[test]
fn an_alert_is_heard_where_the_text_of_an_invitation_is_lost() {
    let office = lossy(None);
    let bot = office.bot(0, &["lene"]);
    bot.says("lene", "in the invitation").unwrap();
    assert!(heard(&bot, &office).is_empty(), "the server loses it");
    let alert = bot.post("lene", NewMessage::text("fire").alert()).unwrap();
    assert!(!alert.id.as_str().ends_with("/i"), "{}", alert.id);
    bot.says("lene", "and the next").unwrap();
    assert_eq!(heard(&bot, &office), ["fire", "and the next"]);
    let shown = office.person("lene").heard();
    assert_eq!(shown[0].importance, "Urgent");
}

#[test]
fn the_setting_counts_for_every_message() {
    let office = lossy(Some(FirstMessage::AfterConnect));
    let bot = office.bot(0, &["lene"]);
    bot.says("lene", "plain").unwrap();
    let story = NewMessage::text("once upon a time").story("A tale");
    bot.post("lene", story).unwrap();
    assert_eq!(heard(&bot, &office), ["plain", "once upon a time"]);
    assert_eq!(office.person("lene").heard()[1].subject, "A tale");

    let office = lossy(Some(FirstMessage::Invitation));
    let bot = office.bot(0, &["lene"]);
    bot.post("lene", NewMessage::text("fire").alert()).unwrap();
    assert!(heard(&bot, &office).is_empty());
}

#[test]
fn who_does_not_accept_gets_nothing_and_the_caller_knows() {
    let office = lossy(None);
    let bot = office.bot(0, &["lene"]);
    let alert = || NewMessage::text("fire").alert();
    for manner in [
        Manner::Decline(Duration::ZERO),
        Manner::Busy,
        Manner::Ignore,
        Manner::Offline,
    ] {
        office.person("lene").behave(manner.clone());
        let refused = bot.post("lene", alert()).unwrap_err();
        assert_ne!(refused.code(), "outcome_unknown", "{manner:?}: {refused}");
    }
    office
        .person("lene")
        .behave(Manner::Accept(Duration::from_secs(20)));
    bot.post("lene", alert()).unwrap();
    assert_eq!(heard(&bot, &office), ["fire"]);
}

#[test]
fn posts_behind_it_wait_for_it() {
    let office = lossy(Some(FirstMessage::AfterConnect));
    office
        .person("lene")
        .behave(Manner::Accept(Duration::from_secs(5)));
    let bot = office.bot(0, &["lene"]);
    let posts: Vec<_> = ["one", "two", "three"]
        .map(|text| {
            crate::world::begin(
                bot.view
                    .post_async(super::world::contact("lene"), NewMessage::text(text)),
            )
        })
        .into();
    office.engine.settle(crate::world::SOON).unwrap();
    for _ in 0..100 {
        office.pass(Duration::from_millis(100));
    }
    for post in posts {
        post.join().unwrap().unwrap();
    }
    assert_eq!(heard(&bot, &office), ["one", "two", "three"]);
}
