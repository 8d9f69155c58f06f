//! Posts that come back: the engine's book of them is the only one, so it knows what became of
//! each.
//!
//! Method: a chat system made for this (`script`) whose rooms send posts back when the test says
//! so, and a clock that is moved by hand. Most posts bear a key, because a repeat shows whether the
//! first is still in the book.

use crate::script::{Script, accepted};
use crate::world::{OPS, SOON, World, begin, new_agent, seconds};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use switchboard::backend::{
    BackendError, BackendErrorKind, ChannelId, Found, Inbound, Inbox, MessageId, Outgoing, Posted,
    Received, SeenBy, reply,
};
use switchboard::{
    AgentState, Collaboration, Error, EventQuery, JoinState, Message, NewMessage, Part,
};

fn keyed(text: &str) -> NewMessage {
    NewMessage::text(text).key("k")
}

/// An agent `echo` on a scripted chat system.
fn scripted(script: Script) -> (World, Collaboration) {
    let world = World::with(|builder| builder.backend(script));
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    (world, echo)
}

/// What was sent, with the inbox that it comes back through.
#[derive(Clone, Default)]
struct Outbox(Arc<Mutex<Vec<(Outgoing, Inbox)>>>);

impl Outbox {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn at(&self, nth: usize) -> (Outgoing, Inbox) {
        self.0.lock().unwrap()[nth].clone()
    }

    /// Waits until `count` posts were sent.
    fn holds(&self, count: usize) {
        let limit = Instant::now() + SOON;
        while self.len() < count {
            assert!(Instant::now() < limit, "{} of {count} sent", self.len());
            std::thread::yield_now();
        }
    }

    /// The room sends the post back, with no more than its text.
    fn echo(&self, nth: usize) {
        let (message, inbox) = self.at(nth);
        offer(&inbox, echo_of(&message));
    }

    fn refuse(&self, nth: usize, kind: BackendErrorKind) {
        let (message, inbox) = self.at(nth);
        offer(&inbox, refusal_of(&message, kind));
    }
}

fn offer(inbox: &Inbox, item: Inbound) {
    assert!(inbox.offer(item).is_ok(), "there is room");
}

fn echo_of(message: &Outgoing) -> Inbound {
    let id = MessageId::parse(&format!("of-{}", message.origin)).unwrap();
    let received = Received::text(id, "script:echo", message.text.as_str())
        .with_origin(Some(message.origin.clone()));
    Inbound::message(SeenBy::Room, ChannelId::parse(OPS).unwrap(), received)
}

fn refusal_of(message: &Outgoing, kind: BackendErrorKind) -> Inbound {
    Inbound::PostRefused {
        origin: message.origin.clone(),
        error: BackendError::new(kind, "no"),
    }
}

/// A chat system that only records what it is sent.
fn holding() -> (World, Collaboration, Outbox) {
    let outbox = Outbox::default();
    let noted = outbox.clone();
    let (world, echo) = scripted(Script::echoing(move |message, inbox| {
        noted.0.lock().unwrap().push((message, inbox));
        reply(std::future::ready(Ok(Posted::Sent)))
    }));
    (world, echo, outbox)
}

type Posting = std::thread::JoinHandle<switchboard::Result<Message>>;

fn post(echo: &Collaboration, message: NewMessage) -> Posting {
    let posted = echo.post_async(OPS, message);
    begin(Box::pin(async move { Ok(posted.await?.message) }))
}

fn outcome(posting: Posting) -> switchboard::Result<Message> {
    let limit = Instant::now() + SOON;
    while !posting.is_finished() {
        assert!(Instant::now() < limit, "its caller still waits");
        std::thread::yield_now();
    }
    posting.join().unwrap()
}

fn is_unknown(answer: switchboard::Result<Message>) -> bool {
    matches!(answer, Err(Error::OutcomeUnknown(_)))
}

#[test]
fn a_post_that_comes_back_is_the_row_with_the_content_that_was_sent() {
    let (world, echo, outbox) = holding();
    let mark = world.mark(&echo);
    let mut message = NewMessage::parts(vec![
        Part::Text("see ".to_owned()),
        Part::Hyperlink {
            text: "here".to_owned(),
            url: "https://example.org/".to_owned(),
        },
    ]);
    message.content = message.content.alert().story("A story");
    let posting = post(&echo, message.clone());
    outbox.holds(1);
    assert!(!posting.is_finished(), "nothing came back yet");
    outbox.echo(0);
    outbox.echo(0);
    let row = outcome(posting).unwrap();
    assert_eq!(row.content, message.content);
    assert_eq!(
        world.since(&echo, &mark, &EventQuery::all()).len(),
        1,
        "one row of two copies"
    );
    assert_eq!(world.engine.stats().posts_in_flight, 0);
}

#[test]
fn a_post_that_comes_back_before_its_call_returns_is_a_row_too() {
    let (world, echo) = scripted(Script::echoing(|message, inbox| {
        offer(&inbox, echo_of(&message));
        reply(std::future::ready(Ok(Posted::Sent)))
    }));
    let mark = world.mark(&echo);
    for n in 0..100 {
        echo.post(OPS, NewMessage::text(n.to_string())).unwrap();
    }
    assert_eq!(world.since(&echo, &mark, &EventQuery::all()).len(), 100);
}

#[test]
fn a_refusal_ends_the_post_and_its_key_may_be_sent_again() {
    let (_world, echo, outbox) = holding();
    for (nth, (kind, code)) in [
        (BackendErrorKind::Rejected, "rejected"),
        (BackendErrorKind::Unreachable, "unreachable"),
    ]
    .into_iter()
    .enumerate()
    {
        let posting = post(&echo, keyed("please"));
        outbox.holds(nth + 1);
        outbox.refuse(nth, kind);
        assert_eq!(outcome(posting).unwrap_err().code(), code);
    }
    let posting = post(&echo, keyed("please"));
    outbox.holds(3);
    outbox.echo(2);
    assert_eq!(outcome(posting).unwrap().text, "please");
}

#[test]
fn a_refusal_of_a_post_that_came_back_means_nothing() {
    let (world, echo, outbox) = holding();
    let posting = post(&echo, keyed("there"));
    outbox.holds(1);
    outbox.echo(0);
    outbox.refuse(0, BackendErrorKind::ChannelGone);
    let row = outcome(posting).unwrap();
    assert_eq!(echo.post(OPS, keyed("there")).unwrap().message, row);
    assert_eq!(
        world.channel_state("echo", OPS),
        switchboard::JoinState::Active
    );
}

#[test]
fn a_refusal_says_that_the_channel_is_gone() {
    let (world, echo, outbox) = holding();
    let posting = post(&echo, keyed("anybody?"));
    outbox.holds(1);
    outbox.refuse(0, BackendErrorKind::ChannelGone);
    assert_eq!(outcome(posting).unwrap_err().code(), "channel_inactive");
    assert_eq!(
        world.channel_state("echo", OPS),
        switchboard::JoinState::Idle
    );
}

#[test]
fn a_refusal_counts_before_the_answer_of_what_does_not_come_back() {
    let said = Arc::new(AtomicU32::new(0));
    let counted = said.clone();
    let (world, echo) = scripted(Script::new(move |message, inbox| {
        counted.fetch_add(1, Ordering::Relaxed);
        offer(&inbox, refusal_of(&message, BackendErrorKind::Rejected));
        reply(async { Ok(accepted()) })
    }));
    let mark = world.mark(&echo);
    assert_eq!(
        echo.post(OPS, keyed("bounced")).unwrap_err().code(),
        "rejected"
    );
    world.settle();
    assert!(
        world.since(&echo, &mark, &EventQuery::all()).is_empty(),
        "no row"
    );
    assert_eq!(said.load(Ordering::Relaxed), 1);
}

#[test]
fn the_end_of_the_link_ends_what_did_not_come_back() {
    let (world, echo, outbox) = holding();
    let posting = post(&echo, keyed("on my way"));
    outbox.holds(1);
    outbox
        .at(0)
        .1
        .lost(BackendError::unreachable("somebody pulled the plug"));
    // No time passes: the end of the link is enough to decide.
    assert!(is_unknown(outcome(posting)));
    let again = post(&echo, keyed("on my way"));
    let limit = Instant::now() + SOON;
    while outbox.len() < 2 {
        assert!(Instant::now() < limit, "it is not sent again");
        // Only until the link is back: the thread that posts may be slower than a clock moved on
        // and on, and the post has 35 s.
        if world.channel_state("echo", OPS) != JoinState::Active {
            world.pass(seconds(1));
        }
        std::thread::yield_now();
    }
    outbox.echo(1);
    assert_eq!(outcome(again).unwrap().text, "on my way");
}

#[test]
fn a_link_that_ends_before_the_call_returns_ends_the_post() {
    let (_world, echo) = scripted(Script::echoing(|_, inbox| {
        inbox.lost(BackendError::unreachable("gone"));
        reply(async move {
            inbox.sleep(seconds(0)).await;
            // The engine closes the inbox once it has dealt with the loss.
            while inbox.flush().await.is_ok() {
                tokio::task::yield_now().await;
            }
            Ok(Posted::Sent)
        })
    }));
    assert!(is_unknown(outcome(post(&echo, keyed("too late")))));
}

/// A keyed post first asks whether it was posted before; meanwhile its link ends. Nothing ends the
/// post afterwards, so its caller waited for the whole deadline, though nothing could come back.
#[test]
fn a_post_that_is_handed_to_a_link_that_has_ended_is_decided_at_once() {
    let (ended, end) = std::sync::mpsc::sync_channel(1);
    let end = Arc::new(Mutex::new(end));
    let script = Script::echoing(|_, _| reply(std::future::ready(Ok(Posted::Sent))));
    let (world, echo) = scripted(script.looking_up(move |inbox| {
        inbox.lost(BackendError::unreachable("gone"));
        let end = end.clone();
        reply(async move {
            while end.lock().unwrap().try_recv().is_err() {
                tokio::task::yield_now().await;
            }
            Ok(Found::Absent)
        })
    }));
    let posting = post(&echo, keyed("too late"));
    let limit = Instant::now() + SOON;
    while world.status("echo").state == AgentState::Active {
        assert!(Instant::now() < limit, "the link is lost");
        std::thread::yield_now();
    }
    ended.send(()).unwrap();
    // No time passes.
    assert!(is_unknown(outcome(posting)));
}

#[test]
fn a_late_echo_is_the_row_and_a_repeat_joins_until_it_comes() {
    let (world, echo, outbox) = holding();
    let mark = world.mark(&echo);
    let first = post(&echo, keyed("slow"));
    outbox.holds(1);
    world.pass(seconds(35));
    assert!(is_unknown(outcome(first)));
    assert_eq!(
        world.engine.stats().posts_in_flight,
        0,
        "nobody waits for it"
    );
    let second = post(&echo, keyed("slow"));
    world.until(|stats| stats.posts_in_flight == 1);
    world.pass(seconds(35));
    assert!(is_unknown(outcome(second)), "a deadline of its own");
    let third = post(&echo, keyed("slow"));
    world.until(|stats| stats.posts_in_flight == 1);
    outbox.echo(0);
    assert_eq!(outcome(third).unwrap().text, "slow");
    assert_eq!(outbox.len(), 1, "it was sent once");
    assert_eq!(
        world.since(&echo, &mark, &EventQuery::all()),
        ["echo: slow"]
    );
}

#[test]
fn what_never_comes_back_is_forgotten_after_ten_minutes() {
    let (world, echo, outbox) = holding();
    let first = post(&echo, keyed("lost"));
    outbox.holds(1);
    world.pass(seconds(35));
    assert!(is_unknown(outcome(first)));
    world.pass(seconds(599));
    let second = post(&echo, keyed("lost"));
    world.until(|stats| stats.posts_in_flight == 1);
    world.pass(seconds(1));
    assert!(is_unknown(outcome(second)), "it is given up with the first");
    assert_eq!(outbox.len(), 1);
    let third = post(&echo, keyed("lost"));
    outbox.holds(2);
    outbox.echo(1);
    assert_eq!(outcome(third).unwrap().text, "lost");
}

#[test]
fn posts_that_do_not_come_back_keep_no_place_after_their_deadline() {
    let (world, echo, outbox) = holding();
    for round in 0..3 {
        let posts: Vec<Posting> = (0..64)
            .map(|n| post(&echo, NewMessage::text(format!("{round} {n}"))))
            .collect();
        outbox.holds((round + 1) * 64);
        world.until(|stats| stats.posts_in_flight == 64);
        assert!(
            matches!(
                echo.post(OPS, NewMessage::text("one too many")),
                Err(Error::Busy { .. })
            ),
            "round {round}"
        );
        world.pass(seconds(35));
        assert!(posts.into_iter().all(|post| is_unknown(outcome(post))));
    }
    // A post that comes back late frees its place in the book.
    (0..192).for_each(|nth| outbox.echo(nth));
    world.settle();
    world.admin().delete_agent("echo").unwrap();
    world.engine.shutdown(SOON).unwrap();
}
