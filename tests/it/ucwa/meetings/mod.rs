//! Meetings as rooms: the ways in, the messages, and every way out.

mod entering;
mod leaving;
mod talking;

use super::world::{Bot, Office};
use std::time::Duration;
use switchboard::{JoinState, Message, NewMessage, Principal};

const SECOND: Duration = Duration::from_secs(1);

const MINUTE: Duration = Duration::from_secs(60);

fn room(uri: &str) -> String {
    format!("chat-room:{uri}")
}

/// Puts the meeting's channel and lets some time pass.
fn put(office: &Office, n: usize, uri: &str) {
    let admin = office.engine.provisioning(&Principal::host("ada")).unwrap();
    admin.put_channel(format!("bot{n}"), room(uri)).unwrap();
    office.pass(2 * SECOND);
}

/// Returns the state of the meeting's channel and the reason for it.
fn stands(office: &Office, n: usize, uri: &str) -> (JoinState, String) {
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
    assert_eq!(stands(office, n, uri), (JoinState::Active, String::new()));
}

/// Returns an agent in a meeting that Lene holds.
fn in_meeting<'a>(office: &'a Office, subject: &str) -> (Bot<'a>, String) {
    let bot = office.bot(0, &[]);
    let uri = office.person("lene").holds_meeting(subject, "");
    put(office, 0, &uri);
    is_active(office, 0, &uri);
    // An agent without events begins with the last seconds; this agent has the events of its
    // channel.
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
    Ok(answer.join().unwrap()?.message)
}

/// Says something in the meeting and checks that it comes once.
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
