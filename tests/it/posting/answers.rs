//! What a post returns: the row, a refusal, or the unknown outcome.

use super::{events, heard, scripted, text};
use crate::script::{Script, accepted};
use crate::world::{OPS, World, begin, furnished, lines, poll, seconds};
use std::future::ready;
use switchboard::backend::{BackendError, BackendErrorKind, Loopback, reply};
use switchboard::{EventQuery, Message, Outcome, Part};

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.text).collect()
}

#[test]
fn a_hundred_posts_are_heard_in_their_order() {
    for chat in [Loopback::new(), Loopback::new().without_echo()] {
        let world = World::on(furnished(chat), |builder| builder);
        let (echo, lene) = (world.agent("echo", &[OPS]), world.person("lene"));
        let mark = world.mark(&echo);
        let posts: Vec<_> = (0..100)
            .map(|n| begin(echo.post_async(OPS, text(&format!("n{n}")))))
            .collect();
        for post in posts {
            post.join().unwrap().unwrap();
        }
        let all: Vec<String> = heard(&lene);
        assert_eq!(all, (0..100).map(|n| format!("n{n}")).collect::<Vec<_>>());
        let seen = world.since(&echo, &mark, &EventQuery::messages());
        assert_eq!(
            seen,
            (0..100).map(|n| format!("echo: n{n}")).collect::<Vec<_>>(),
            "each once, whether or not the room echoes"
        );
    }
}

#[test]
fn an_answer_is_the_row_and_its_origin_is_local_with_and_without_echo() {
    for chat in [
        Loopback::new(),
        Loopback::new().without_echo(),
        Loopback::new().with_echoing_contacts(),
    ] {
        let world = World::on(furnished(chat), |builder| builder);
        let lene = world.person("lene");
        let echo = world.agent("echo", &[OPS, "contact:lene"]);
        for channel in [OPS, "contact:lene"] {
            let posted = echo.post(channel, text("hello")).unwrap();
            let seen = events(&world, &echo);
            assert_eq!(seen.last().unwrap().message(), Some(&posted.message));
        }
        assert_eq!(world.seen(&echo, &EventQuery::messages().local()).len(), 2);
        assert_eq!(world.seen(&echo, &EventQuery::messages().remote()).len(), 0);
        assert_eq!(heard(&lene), ["hello", "hello"]);
    }
}

#[test]
fn the_parrot_answers_what_it_is_told() {
    let world = World::new();
    let echo = world.agent("echo", &["contact:parrot"]);
    echo.post("contact:parrot", text("pieces of eight"))
        .unwrap();
    assert_eq!(
        world.seen(&echo, &EventQuery::messages()),
        ["echo: pieces of eight", "parrot: pieces of eight"]
    );
}

#[test]
fn every_refusal_of_a_chat_system_is_an_error_of_its_own() {
    use BackendErrorKind::{
        ChannelGone, OutcomeUnknown, Protocol, Refused, Rejected, RetryAfter, Unreachable,
        Unsupported,
    };
    let codes = [
        (Unreachable, "unreachable", Outcome::NotDone),
        (Refused, "rejected", Outcome::NotDone),
        (Rejected, "rejected", Outcome::NotDone),
        (RetryAfter(seconds(7)), "busy", Outcome::NotDone),
        (Unsupported, "unsupported", Outcome::NotDone),
        (Protocol, "outcome_unknown", Outcome::Unknown),
        (OutcomeUnknown, "outcome_unknown", Outcome::Unknown),
        (ChannelGone, "channel_inactive", Outcome::NotDone),
    ];
    for (kind, code, outcome) in codes {
        let (world, echo) = scripted(Script::failing(BackendError::new(kind, "the reason")));
        let error = echo.post(OPS, text("x")).unwrap_err();
        assert_eq!((error.code(), error.outcome()), (code, outcome), "{kind:?}");
        assert_eq!(
            error.retry_after(),
            match kind {
                RetryAfter(pause) => Some(pause),
                Unreachable => Some(seconds(1)),
                _ => None,
            }
        );
        world.settle();
        let status = &world.status("echo").channels[0];
        let gone = kind == ChannelGone;
        assert_eq!(
            status.state == switchboard::JoinState::Idle,
            gone,
            "a channel that is gone becomes idle"
        );
        let off = world.seen(&echo, &EventQuery::channel_states()).len() == 2;
        assert_eq!(off, gone);
    }
}

#[test]
fn a_post_goes_on_without_its_listener() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    world.chat.delay(seconds(5));
    let mut post = echo.post_async(OPS, text("on my own"));
    assert!(poll(&mut post).is_pending());
    drop(post);
    world.pass(seconds(5));
    assert_eq!(lines(&events(&world, &echo)), ["echo: on my own"]);
}

#[test]
fn a_chat_system_that_echoes_nothing_makes_the_row_from_its_answer() {
    let (world, echo) = scripted(Script::new(|message, _| {
        let mut answer = accepted();
        answer.sender_alias = Some("Echo".to_owned());
        answer.parts = Some(vec![Part::Text(format!("{}!", message.text))]);
        reply(ready(Ok(answer)))
    }));
    let posted = echo.post(OPS, text("hello")).unwrap();
    assert_eq!(
        (posted.text.as_str(), posted.sender_alias.as_deref()),
        ("hello!", Some("Echo"))
    );
    assert_eq!(texts(&echo.messages(OPS, 1, None).unwrap()), ["hello!"]);
    assert_eq!(lines(&events(&world, &echo)), ["echo: hello!"]);
}
