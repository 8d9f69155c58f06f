//! A text that is longer than one message of its chat system.

use super::{heard, scripted, text};
use crate::script::{Script, accepted};
use crate::world::{Disk, OPS, SOON, World, chat, new_agent};
use std::future::ready;
use std::sync::{Arc, Mutex};
use switchboard::backend::{BackendError, BackendErrorKind, Limits, Loopback, reply};
use switchboard::{
    Builder, Cursor, Error, EventQuery, NewMessage, Outcome, Part, Posted, Split, Throttle,
    ThrottleKind,
};

/// A chat system of short lines.
fn lines(bytes: u32) -> Loopback {
    chat().limited(Limits::NONE.bytes(bytes).lines(1))
}

#[test]
fn a_longer_text_is_refused_unless_the_chat_system_the_view_or_the_message_says_split() {
    let world = World::on(lines(10), |builder| builder);
    let lene = world.person("lene");
    let echo = world.agent("echo", &[OPS]);
    let refused = |posted: switchboard::Result<_>, wanted: (&str, u64, u64)| match posted {
        Err(Error::TooLarge {
            what,
            length,
            limit,
        }) => assert_eq!((what, length, limit), wanted),
        other => panic!("{other:?}"),
    };
    let (bytes, lines) = ("the message text, in bytes,", "the message text, in lines,");
    refused(echo.post(OPS, text("one\ntwo")), (lines, 2, 1));
    refused(echo.post(OPS, text("one two three")), (bytes, 13, 10));
    let by_lines = echo.splitting(Split::Lines);
    refused(
        by_lines.post(OPS, text("one two three\n4")),
        (bytes, 15, 10),
    );
    assert!(
        heard(&lene).is_empty(),
        "nothing of a refused text goes out"
    );

    let first = by_lines.post(OPS, text("one\n\ntwo").alert()).unwrap();
    assert_eq!((&*first.message.text, first.repeated), ("one", false));
    echo.post(OPS, text("one two three").split(Split::Fit))
        .unwrap();
    refused(
        by_lines.post(OPS, text("a\nb").split(Split::Never)),
        (lines, 2, 1),
    );
    assert_eq!(heard(&lene), ["one", "two", "one two", "three"]);

    // The messages are events like others, with the markings of the whole.
    let query = EventQuery::messages();
    assert_eq!(world.seen(&echo, &query).len(), 4);
}

#[test]
fn the_text_is_counted_by_the_channels_own_limit_too() {
    let world = World::new();
    let lene = world.person("lene");
    let echo = world.agent("echo", &[OPS]);
    let long = "0123456789 ".repeat(100);
    let error = echo.post(OPS, text(&long));
    assert!(matches!(error, Err(Error::TooLarge { .. })), "{error:?}");
    echo.post(OPS, text(&long).split(Split::Fit)).unwrap();
    let heard = heard(&lene);
    assert_eq!(heard.join(" "), long.trim_end());
    assert!(heard.iter().all(|text| text.chars().count() <= 500));
    assert_eq!(heard.len(), 3);
    // No split changes the limit of the whole.
    let whole = "word ".repeat(14_000);
    let error = echo.post(OPS, text(&whole).split(Split::Fit));
    assert!(matches!(error, Err(Error::TooLarge { .. })), "{error:?}");
}

/// A chat system that says what it took and rejects a text that begins with a certain word.
#[derive(Clone, Default)]
struct Choosy {
    said: Arc<Mutex<Vec<String>>>,
    rejected: Arc<Mutex<&'static str>>,
}

impl Choosy {
    fn script(&self) -> Script {
        let this = self.clone();
        Script::new(move |message, _| {
            let rejected = *this.rejected.lock().unwrap();
            if !rejected.is_empty() && message.text.starts_with(rejected) {
                let error = BackendError::new(BackendErrorKind::Rejected, "not that");
                return reply(ready(Err(error)));
            }
            let word = message.text.trim_end_matches('.').to_owned();
            this.said.lock().unwrap().push(word);
            reply(ready(Ok(accepted())))
        })
    }

    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap())
    }
}

/// Those words, each in a line of which a message holds only one.
fn long(words: &str) -> NewMessage {
    let lines: Vec<String> = words
        .split(' ')
        .map(|word| format!("{word:.<300}"))
        .collect();
    text(&lines.join("\n")).split(Split::Lines)
}

fn word(posted: &Posted) -> &str {
    posted.text.trim_end_matches('.')
}

#[test]
fn a_repeat_sends_only_what_is_missing_also_after_a_restart() {
    let (disk, chat) = (Disk::new(), Choosy::default());
    let build = |builder: Builder| builder.backend(chat.script());
    let world = World::with(|builder| build(builder.database(disk.path())));
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    let order = || long("one two three four").key("order");
    *chat.rejected.lock().unwrap() = "three";
    let broken = echo.post(OPS, order()).unwrap_err();
    assert_eq!(broken.outcome(), Outcome::Unknown);
    let reason = broken.to_string();
    assert!(reason.contains("2 of 4 messages are posted"), "{reason}");
    assert_eq!(chat.said(), ["one", "two"]);

    *chat.rejected.lock().unwrap() = "";
    let world = world.restart_with(&disk, build);
    let echo = world.engine.agent("echo").unwrap();
    echo.wait_active(SOON).unwrap();
    let other = echo.post(OPS, long("one two three five").key("order"));
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
    let completed = echo.post(OPS, order()).unwrap();
    assert_eq!((word(&completed), completed.repeated), ("one", false));
    let again = echo.post(OPS, order()).unwrap();
    assert_eq!((word(&again), again.repeated), ("one", true));
    assert_eq!(chat.said(), ["three", "four"]);
    let found = echo.find_by_key(OPS, "order").unwrap();
    assert_eq!(found, Some(again.message));
}

#[test]
fn an_answer_is_completed_with_its_own_words_only() {
    let chat = Choosy::default();
    let (_world, echo) = scripted(chat.script());
    let event = echo.events(Cursor::window(), &EventQuery::all()).unwrap();
    let event = event.events.first().expect("it joined").clone();
    let answer = |words: &str| echo.post(OPS, long(words).answering(&event));
    *chat.rejected.lock().unwrap() = "two";
    answer("one two").unwrap_err();
    *chat.rejected.lock().unwrap() = "";
    assert!(answer("another answer").unwrap().repeated);
    assert!(!answer("one two").unwrap().repeated);
    assert!(answer("one two").unwrap().repeated);
    assert_eq!(chat.said(), ["one", "two"]);
}

#[test]
fn a_throttle_counts_the_whole_once() {
    let world = World::on(lines(20).splitting(Split::Fit), |builder| builder);
    let lene = world.person("lene");
    let echo = world.agent("echo", &[OPS]);
    let slow = Throttle::new("slow", ThrottleKind::MessagesPerMinute, 1);
    let slow = slow.and_then(|throttle| throttle.agent("echo")).unwrap();
    world.admin().put_throttle(slow).unwrap();
    echo.post(OPS, text("one\ntwo\nthree")).unwrap();
    let next = echo.post(OPS, text("four"));
    assert!(matches!(next, Err(Error::Throttled { .. })), "{next:?}");
    assert_eq!(heard(&lene), ["one", "two", "three"]);
}

#[test]
fn a_link_that_is_cut_is_a_link_in_both_pieces() {
    let world = World::on(lines(12).splitting(Split::Fit), |builder| builder);
    let echo = world.agent("echo", &[OPS]);
    let link = |text: &str| Part::Hyperlink {
        text: text.into(),
        url: "https://example.org".into(),
    };
    let parts = vec![Part::Text("read ".into()), link("the manual")];
    let first = echo.post(OPS, NewMessage::parts(parts)).unwrap();
    assert_eq!(
        first.content.parts,
        [Part::Text("read ".into()), link("the")]
    );
    let events = super::events(&world, &echo);
    let second = events[1].message().unwrap();
    assert_eq!(second.content.parts, [link("manual")]);
}
