//! How long a post waits, and how many wait.

use super::{heard, scripted, text};
use crate::script::Script;
use crate::world::{OPS, World, begin, new_agent, seconds};
use switchboard::{Error, Outcome};

#[test]
fn a_chat_system_that_never_answers_is_an_unknown_outcome_after_35_seconds() {
    let (world, echo) = scripted(Script::silent());
    let post = begin(echo.post_async(OPS, text("hello?")));
    world.until(|stats| stats.posts_in_flight == 1);
    world.pass(seconds(34));
    assert!(!post.is_finished());
    world.pass(seconds(1));
    let error = post.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(
        (error.outcome(), error.retry_after()),
        (Outcome::Unknown, None)
    );
    assert_eq!(world.engine.stats().posts_in_flight, 0);
}

#[test]
fn above_64_posts_in_its_hands_an_agent_is_busy() {
    let (world, echo) = scripted(Script::silent());
    let posts: Vec<_> = (0..64)
        .map(|n| begin(echo.post_async(OPS, text(&n.to_string()))))
        .collect();
    world.until(|stats| stats.posts_in_flight == 64);
    assert!(matches!(
        echo.post(OPS, text("one too many")),
        Err(Error::Busy { .. })
    ));
    world.pass(seconds(35));
    posts
        .into_iter()
        .for_each(|post| assert!(post.join().unwrap().is_err()));
}

#[test]
fn a_post_waits_for_a_reconnecting_channel_and_an_immediate_one_does_not() {
    let world = World::new();
    let (echo, lene) = (world.agent("echo", &[OPS]), world.person("lene"));
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    let error = echo.immediate().post(OPS, text("now!")).unwrap_err();
    assert!(matches!(error, Error::AgentInactive { .. }), "{error:?}");
    let post = begin(echo.post_async(OPS, text("patience")));
    world.chat.accept("echo");
    world.admin().put_agent(new_agent("echo", &[OPS])).unwrap();
    post.join().unwrap().unwrap();
    assert_eq!(heard(&lene), ["patience"]);
}

#[test]
fn a_post_that_waited_in_vain_says_why_after_35_seconds() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    let post = begin(echo.post_async(OPS, text("patience")));
    world.pass(seconds(34));
    assert!(!post.is_finished());
    world.pass(seconds(1));
    let error = post.join().unwrap().unwrap_err();
    assert!(
        matches!(&error, Error::AgentInactive { reason, .. } if reason == "not now"),
        "{error:?}"
    );
    assert_eq!(error.outcome(), Outcome::NotDone);
}

#[test]
fn the_wait_for_a_channel_counts_towards_the_35_seconds() {
    let world = World::with(|builder| builder.backend(Script::silent()));
    let echo = world.agent("echo", &[OPS]);
    world.pass(seconds(1)); // at most 50 dials begin in a second
    let mut void = new_agent("void", &[OPS]);
    void.address = switchboard::Address::parse("script:void").unwrap();
    let void = world.put(void);
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    let patient = begin(echo.post_async(OPS, text("patience")));
    world.pass(seconds(20));
    let later = begin(void.post_async(OPS, text("into the void")));
    world.until(|stats| stats.posts_in_flight == 1);
    // The agent is signed in after 26 s and joined after 32 s; then the post is handed over, and
    // the answer would come after 38 s.
    world.chat.delay(seconds(6));
    world.chat.accept("echo");
    world.admin().put_agent(new_agent("echo", &[OPS])).unwrap();
    world.pass(seconds(12));
    world.until(|stats| stats.posts_in_flight == 2);
    world.pass(seconds(2));
    assert!(!patient.is_finished());
    world.pass(seconds(1));
    world.until(|stats| stats.posts_in_flight == 1);
    assert!(matches!(
        patient.join().unwrap(),
        Err(Error::OutcomeUnknown(_))
    ));
    world.pass(seconds(19));
    assert!(!later.is_finished());
    world.pass(seconds(1));
    assert!(matches!(
        later.join().unwrap(),
        Err(Error::OutcomeUnknown(_))
    ));
}

#[test]
fn a_view_may_give_its_calls_less_time() {
    let world = World::with(|builder| builder.backend(Script::silent().deaf()));
    let mut echo = new_agent("echo", &[OPS, "contact:lene"]);
    echo.address = switchboard::Address::parse("script:echo").unwrap();
    let brief = world.put(echo).within(seconds(3));
    let post = begin(brief.post_async(OPS, text("hello?")));
    world.until(|stats| stats.posts_in_flight == 1);
    let past = begin(brief.messages_async(OPS, 10, None));
    let typing = begin(brief.set_composing_async("contact:lene", true));
    world.pass(seconds(2));
    assert!(!post.is_finished() && !past.is_finished() && !typing.is_finished());
    world.pass(seconds(1));
    let late = post.join().unwrap();
    assert!(matches!(late, Err(Error::OutcomeUnknown(_))), "{late:?}");
    let late = past.join().unwrap();
    assert!(matches!(late, Err(Error::TimedOut(_))), "{late:?}");
    let late = typing.join().unwrap();
    assert!(matches!(late, Err(Error::TimedOut(_))), "{late:?}");

    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    let post = begin(echo.within(seconds(3)).post_async(OPS, text("patience")));
    world.pass(seconds(3));
    let late = post.join().unwrap();
    assert!(matches!(late, Err(Error::AgentInactive { .. })), "{late:?}");
}
