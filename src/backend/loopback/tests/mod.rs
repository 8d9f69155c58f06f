//! The embedded chat system through a recording intake: what enters the engine, in which order, and
//! when.
//!
//! Lene and Ole are people, echo and news are agents.

mod asking;
mod people;
mod trouble;

use super::*;
use crate::backend::recorder::Recorder;
use crate::backend::{
    Backend, BackendError, BackendErrorKind, Inbound, Link, Outgoing, Posted, Received, Session,
    Upload,
};
use crate::error::Error;
use crate::model::{Address, AgentKey, LinkKey, OriginId, ResumePoint};
use crate::waiting::{park_until, pipe};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(5);

struct World {
    chat: Loopback,
    recorder: Arc<Recorder>,
    link: Arc<dyn Link>,
    runtime: tokio::runtime::Runtime,
}

fn world(chat: Loopback) -> World {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    let recorder = Recorder::by_hand();
    chat.room("chat-room:ops", "Operations");
    let link = dial(&chat, &recorder, &runtime).expect("dialed");
    World {
        chat,
        recorder,
        link,
        runtime,
    }
}

fn dial(
    chat: &Loopback,
    recorder: &Arc<Recorder>,
    runtime: &tokio::runtime::Runtime,
) -> Result<Arc<dyn Link>, BackendError> {
    let _entered = runtime.enter();
    let key = LinkKey::parse("loopback").expect("a key");
    wait(Arc::new(chat.clone()).dial(key, recorder.inbox()))
}

fn wait<T>(answer: impl Future<Output = Result<T, BackendError>>) -> Result<T, BackendError> {
    park_until(async { Ok(answer.await) }, Instant::now() + SOON).expect("an answer in time")
}

fn channel(id: &str) -> ChannelId {
    ChannelId::parse(id).expect("a channel id")
}

fn outgoing(text: &str) -> Outgoing {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let origin = OriginId::parse(&format!("origin-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
        .expect("an id");
    Outgoing::text(origin, text)
}

impl World {
    fn sign_in(&self, agent: i64, address: &str) -> Result<Arc<dyn Session>, BackendError> {
        let _entered = self.runtime.enter();
        wait(self.link.clone().sign_in(
            AgentKey(agent),
            Address::parse(address).expect("an address"),
        ))
    }

    /// Signs `echo` in and lets it join the room.
    fn echo(&self) -> Arc<dyn Session> {
        let echo = self.sign_in(1, "loopback:echo").expect("signed in");
        self.join(&echo, "chat-room:ops", None).expect("joined");
        echo
    }

    fn join(
        &self,
        session: &Arc<dyn Session>,
        id: &str,
        resume: Option<ResumePoint>,
    ) -> Result<crate::backend::Joined, BackendError> {
        let _entered = self.runtime.enter();
        wait(session.clone().join(channel(id), resume))
    }

    fn post(
        &self,
        session: &Arc<dyn Session>,
        id: &str,
        text: &str,
    ) -> Result<Posted, BackendError> {
        let _entered = self.runtime.enter();
        wait(session.clone().post(channel(id), outgoing(text)))
    }

    fn upload(
        &self,
        session: &Arc<dyn Session>,
        bytes: &[u8],
        whole: bool,
    ) -> Result<Posted, BackendError> {
        let (mut writer, body) = pipe();
        let origin = outgoing("").origin;
        let upload = Upload::new(origin, "a file.txt", body);
        let (session, handle) = (session.clone(), self.runtime.handle().clone());
        let uploading = thread::spawn(move || {
            let _entered = handle.enter();
            wait(session.upload(channel("chat-room:ops"), upload))
        });
        let written = park_until(
            async { Ok(writer.write(bytes).await) },
            Instant::now() + SOON,
        )
        .expect("in time");
        if whole && written.is_ok() {
            writer.finish();
        } else {
            drop(writer);
        }
        uploading.join().expect("uploaded")
    }

    fn messages(&self) -> Vec<Received> {
        messages(&self.recorder.items())
    }

    fn texts(&self) -> Vec<String> {
        self.messages()
            .iter()
            .map(|message| message.content.visible_text())
            .collect()
    }

    fn sees_changes<T>(&self, shows: impl Fn(&[StateChange]) -> Option<T>) -> T {
        self.recorder
            .wait_for(SOON, |_, changes| shows(changes))
            .expect("the change came")
    }
}

fn messages(items: &[Inbound]) -> Vec<Received> {
    let message = |item: &Inbound| match item {
        Inbound::Message { message, .. } => Some((**message).clone()),
        _ => None,
    };
    items.iter().filter_map(message).collect()
}

#[test]
fn a_post_comes_back_as_the_room_saw_it() {
    let world = world(Loopback::new());
    let lene = world.chat.person("contact:lene");
    let echo = world.echo();
    let posted = world.post(&echo, "chat-room:ops", "hello").expect("sent");
    assert_eq!(posted, Posted::Sent);
    let echoed = world.messages().remove(0);
    assert_eq!(
        (echoed.origin.is_some(), &*echoed.sender),
        (true, "loopback:echo")
    );
    assert_eq!(
        lene.hears("chat-room:ops")
            .map(|heard| (heard.text, heard.id)),
        Ok(("hello".into(), echoed.id))
    );
    assert!(lene.unheard().is_empty());
}

#[test]
fn without_echo_the_answer_is_all_there_is() {
    let world = world(Loopback::new().without_echo());
    let echo = world.echo();
    let posted = world.post(&echo, "chat-room:ops", "hello").expect("sent");
    assert!(matches!(posted, Posted::Accepted(_)), "{posted:?}");
    assert!(world.messages().is_empty());
}

#[test]
fn ids_enter_the_inbox_in_order_whoever_speaks_on_how_many_threads() {
    let world = world(Loopback::new());
    let echo = world.echo();
    thread::scope(|scope| {
        for n in 0..4 {
            let (chat, world, echo) = (&world.chat, &world, &echo);
            scope.spawn(move || {
                let person = chat.person(format!("contact:person {n}"));
                (0..200).for_each(|m| {
                    drop(
                        person
                            .say("chat-room:ops", format!("{n} says {m}"))
                            .expect("said"),
                    )
                });
            });
            scope.spawn(move || {
                (0..200).for_each(|m| {
                    drop(world.post(echo, "chat-room:ops", &format!("{n} posts {m}")))
                })
            });
        }
    });
    assert!(
        world
            .recorder
            .wait_for(SOON, |items, _| (items.len() == 1600).then_some(()))
            .is_some()
    );
    let ids: Vec<_> = world
        .messages()
        .into_iter()
        .map(|message| message.id)
        .collect();
    assert!(ids.is_sorted(), "out of order");
    assert!(world.recorder.is_idle());
}

#[test]
fn a_full_engine_holds_everybody_back_and_loses_nothing() {
    let world = world(Loopback::new());
    let _echo = world.echo();
    world.recorder.has_room_for(Some(3));
    let chat = world.chat.clone();
    let talking = thread::spawn(move || {
        let lene = chat.person("contact:lene");
        (0..10).for_each(|n| drop(lene.say("chat-room:ops", n.to_string()).expect("said")));
    });
    world
        .recorder
        .wait_for(SOON, |items, _| (items.len() == 3).then_some(()))
        .expect("three");
    while world.recorder.is_idle() {
        thread::yield_now();
    }
    assert!(!talking.is_finished(), "the fourth must wait");
    world.recorder.has_room_for(None);
    talking.join().expect("said all");
    assert_eq!(
        world.texts(),
        (0..10).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn order_holds_while_the_engine_is_full_now_and_then() {
    let world = world(Loopback::new());
    let echo = world.echo();
    world.recorder.has_room_for(Some(0));
    thread::scope(|scope| {
        for n in 0..8 {
            let (chat, world, echo) = (&world.chat, &world, &echo);
            let person = chat.person(format!("contact:person {n}"));
            scope.spawn(move || {
                for m in 0..100 {
                    person.say("chat-room:ops", m.to_string()).expect("said");
                    world
                        .post(echo, "chat-room:ops", "posted")
                        .expect("accepted");
                }
            });
        }
        for round in 0.. {
            world.recorder.has_room_for(Some(round % 7));
            thread::yield_now();
            if world
                .recorder
                .wait_for(Duration::ZERO, |items, _| {
                    (items.len() == 1600).then_some(())
                })
                .is_some()
            {
                break;
            }
        }
        world.recorder.has_room_for(None);
    });
    assert!(
        world
            .messages()
            .iter()
            .map(|message| &message.id)
            .is_sorted(),
        "out of order"
    );
    // The task returns the line when it is empty, and the token with it.
    let deadline = Instant::now() + SOON;
    while !world.recorder.is_idle() && Instant::now() < deadline {
        thread::yield_now();
    }
    assert!(world.recorder.is_idle());
}

#[test]
fn what_was_missed_is_caught_up_once_in_order_and_before_the_join_answers() {
    let mut world = world(Loopback::new());
    let lene = world.chat.person("contact:lene");
    let echo = world.echo();
    world.join(&echo, "contact:Lene", None).expect("subscribed");
    lene.say("chat-room:ops", "before").expect("said");
    lene.say("contact:echo", "to you").expect("said");
    let resume = |items: &[Inbound]| match items.last() {
        Some(Inbound::Message { resume, .. }) => resume.clone(),
        _ => None,
    };
    let resume = resume(&world.recorder.items());
    assert!(world.chat.cut("echo"));
    assert!(!world.chat.cut("echo"), "it is not there twice");
    for n in 0..100 {
        lene.say("chat-room:ops", format!("meanwhile {n}"))
            .expect("said");
    }
    lene.say("contact:echo", "still to you").expect("said");
    world.recorder = Recorder::by_hand();
    world.link = dial(&world.chat, &world.recorder, &world.runtime).expect("dialed");
    let echo = world.sign_in(1, "loopback:echo").expect("signed in");
    world
        .join(&echo, "chat-room:ops", resume.clone())
        .expect("joined");
    assert_eq!(
        world.texts(),
        (0..100)
            .map(|n| format!("meanwhile {n}"))
            .collect::<Vec<_>>()
    );
    world
        .join(&echo, "contact:Lene", resume)
        .expect("subscribed");
    assert_eq!(
        world.texts().last().map(String::as_str),
        Some("still to you")
    );
    assert_eq!(world.texts().len(), 101);
}

#[test]
fn a_place_in_another_world_catches_nothing_up() {
    let world = world(Loopback::new());
    let lene = world.chat.person("contact:lene");
    lene.say("chat-room:ops", "old").expect("said");
    let echo = world.sign_in(1, "loopback:echo").expect("signed in");
    world
        .join(
            &echo,
            "chat-room:ops",
            ResumePoint::parse("00-0000000000000000").ok(),
        )
        .expect("joined");
    assert!(world.messages().is_empty());
}
