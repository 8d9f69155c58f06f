//! The embedded chat system through a recording intake: what enters the engine, in which order, and when.
//!
//! Lene and Ole are people, echo and news are agents.

mod asking;

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

    /// `echo`, in the room.
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
    // The line goes back from the task when it is empty, and with it the token.
    let deadline = Instant::now() + SOON;
    while !world.recorder.is_idle() && Instant::now() < deadline {
        thread::yield_now();
    }
    assert!(world.recorder.is_idle());
}

#[test]
fn a_closed_inbox_is_a_lost_connection_and_nobody_waits_for_it() {
    let world = world(Loopback::new());
    let _echo = world.echo();
    world.recorder.close();
    let lene = world.chat.person("contact:lene");
    lene.say("chat-room:ops", "anybody?")
        .expect("people still talk");
    assert_eq!(lene.sees_presence("contact:echo"), PresenceState::Offline);
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

#[test]
fn a_cut_signs_out_one_agent_only() {
    let world = world(Loopback::new());
    let (_echo, news) = (
        world.echo(),
        world.sign_in(2, "sip:News@contoso.com").expect("signed in"),
    );
    assert!(world.chat.cut("echo"));
    let items = world.recorder.items();
    assert!(
        matches!(&items[..], [Inbound::SignedOut { agent: AgentKey(1), error }] if error.is_passing()),
        "{items:?}"
    );
    assert!(world.join(&news, "chat-room:ops", None).is_ok());
    assert_eq!(
        world
            .chat
            .person("contact:lene")
            .sees_presence("contact:news@CONTOSO.com"),
        PresenceState::Available
    );
}

#[test]
fn a_kick_is_for_good_and_ends_posting() {
    let world = world(Loopback::new());
    let echo = world.echo();
    assert!(world.chat.kick("chat-room:ops", "echo", "too loud"));
    let items = world.recorder.items();
    assert!(
        matches!(&items[..], [Inbound::Inactive { may_retry: false, reason, .. }] if reason == "too loud"),
        "{items:?}"
    );
    let refused = world
        .post(&echo, "chat-room:ops", "but")
        .expect_err("it is out");
    assert_eq!(refused.kind, BackendErrorKind::ChannelGone);
    world
        .chat
        .person("contact:lene")
        .say("chat-room:ops", "quiet now")
        .expect("said");
    assert!(world.messages().is_empty());
}

#[test]
fn refusals_hold_until_they_are_lifted() {
    let world = world(Loopback::new());
    world.chat.refuse("echo", "no badge");
    assert_eq!(
        world.sign_in(1, "loopback:Echo").err(),
        Some(BackendError::refused("no badge"))
    );
    world.chat.accept("echo");
    let echo = world.sign_in(1, "loopback:Echo").expect("signed in");
    world.chat.refuse_channel("chat-room:ops", "members only");
    assert_eq!(
        world.join(&echo, "chat-room:ops", None).err(),
        Some(BackendError::refused("members only"))
    );
    assert_eq!(
        world.join(&echo, "chat-room:nowhere", None).err(),
        Some(BackendError::refused("no such room"))
    );
    world.chat.accept_channel("chat-room:ops");
    assert!(world.join(&echo, "chat-room:ops", None).is_ok());
}

#[test]
fn a_delayed_post_is_said_when_its_delay_has_passed_and_in_order() {
    let world = world(Loopback::new());
    let echo = world.echo();
    world.chat.delay(Duration::from_secs(3));
    let _entered = world.runtime.enter();
    let posts: Vec<_> = ["one", "two", "three"]
        .map(|text| echo.clone().post(channel("chat-room:ops"), outgoing(text)))
        .into();
    let posts: Vec<_> = posts
        .into_iter()
        .rev()
        .map(|post| world.runtime.spawn(post))
        .collect();
    assert!(world.texts().is_empty());
    // A task may not have begun to wait yet: time is moved until all have.
    while !posts.iter().all(tokio::task::JoinHandle::is_finished) {
        world.recorder.advance(Duration::from_secs(3));
        thread::yield_now();
    }
    for post in posts {
        wait(async { post.await.expect("no panic") }).expect("accepted");
    }
    assert_eq!(world.texts(), ["one", "two", "three"]);
}

#[test]
fn down_is_lost_and_not_to_be_dialed() {
    let world = world(Loopback::new());
    let _echo = world.echo();
    world.chat.go_down("power cut");
    assert_eq!(
        world.recorder.lost(),
        Some(BackendError::unreachable("power cut"))
    );
    let recorder = Recorder::by_hand();
    assert!(dial(&world.chat, &recorder, &world.runtime).is_err());
    world.chat.come_up();
    assert!(dial(&world.chat, &recorder, &world.runtime).is_ok());
}

#[test]
fn dropping_the_link_hangs_up() {
    let world = world(Loopback::new());
    let lene = world.chat.person("contact:lene");
    let echo = world.echo();
    let World { link, .. } = world;
    assert_eq!(lene.sees_presence("contact:echo"), PresenceState::Available);
    drop(link);
    assert_eq!(lene.sees_presence("contact:echo"), PresenceState::Offline);
    drop(echo);
}

#[test]
fn agents_talk_to_each_other_as_contacts() {
    let world = world(Loopback::new());
    let (echo, news) = (
        world.echo(),
        world.sign_in(2, "sip:news").expect("signed in"),
    );
    world.join(&news, "contact:ECHO", None).expect("subscribed");
    world.post(&echo, "contact:news", "psst").expect("accepted");
    let items = world.recorder.items();
    let [
        Inbound::Message {
            seen_by,
            channel,
            message,
            ..
        },
    ] = &items[..]
    else {
        panic!("{items:?}")
    };
    assert_eq!(
        (*seen_by, channel.as_str()),
        (SeenBy::Agent(AgentKey(2)), "contact:ECHO")
    );
    assert_eq!(
        (&*message.sender, message.sender_alias.as_deref()),
        ("loopback:echo", None)
    );
}

#[test]
fn presence_is_pushed_to_those_who_watch_whichever_comes_first() {
    let world = world(Loopback::new());
    let echo = world.echo();
    let joined = world.join(&echo, "contact:lene", None).expect("subscribed");
    assert_eq!(joined.info.presence, PresenceState::Unknown);
    let lene = world.chat.person("contact:lene");
    lene.presence(PresenceState::BeRightBack, Some("coffee"));
    let seen: Vec<_> = world.sees_changes(|changes| {
        let seen = |change: &StateChange| match change {
            StateChange::Presence { presence, text, .. } => Some((*presence, text.clone())),
            _ => None,
        };
        Some(changes.iter().filter_map(seen).collect())
    });
    assert_eq!(
        seen,
        [
            (PresenceState::Available, None),
            (PresenceState::BeRightBack, Some("coffee".into()))
        ]
    );
    let joined = world.join(&echo, "contact:lene", None).expect("subscribed");
    assert_eq!(
        (joined.info.presence, joined.info.presence_text.as_deref()),
        (PresenceState::BeRightBack, Some("coffee"))
    );
}

#[test]
fn typing_is_seen_and_ends_by_itself() {
    let world = world(Loopback::new());
    let lene = world.chat.person("contact:lene");
    let echo = world.echo();
    world.join(&echo, "contact:lene", None).expect("subscribed");
    let entered = world.runtime.enter();
    wait(echo.clone().set_composing(channel("contact:lene"), true)).expect("shown");
    drop(entered);
    assert!(lene.sees_typing("contact:echo"));
    // The timer's task may not have begun to wait yet: time is moved until it has.
    let ended = (0..1000).any(|_| {
        world.recorder.advance(Duration::from_secs(30));
        thread::sleep(Duration::from_millis(1));
        !lene.sees_typing("contact:echo")
    });
    assert!(ended);
    assert!(lene.types("contact:echo", true));
    world.sees_changes(|changes| {
        changes
            .iter()
            .any(|change| {
                matches!(
                    change,
                    StateChange::Composing {
                        composing: true,
                        ..
                    }
                )
            })
            .then_some(())
    });
}

#[test]
fn the_parrot_says_it_again() {
    let world = world(Loopback::new());
    let echo = world.echo();
    world
        .join(&echo, "contact:parrot", None)
        .expect("subscribed");
    world
        .post(&echo, "contact:parrot", "pieces of eight")
        .expect("accepted");
    let said = world.recorder.wait_for(SOON, |items, _| {
        let said: Vec<_> = messages(items)
            .into_iter()
            .map(|said| (said.content.visible_text(), said.sender.clone()))
            .collect();
        (said.len() == 2).then_some(said)
    });
    let words = |sender: &str| ("pieces of eight".to_owned(), sender.to_owned());
    assert_eq!(
        said,
        Some(vec![words("loopback:echo"), words("loopback:parrot")]),
        "its words follow those it repeats"
    );
    let lene = world.chat.person("contact:lene");
    lene.say("contact:parrot", "hello?").expect("said");
    assert_eq!(
        lene.hears("contact:parrot").map(|heard| heard.text),
        Ok("hello?".into())
    );
}

#[test]
fn what_was_heard_instead_is_said() {
    let world = world(Loopback::new());
    let (lene, ole) = (
        world.chat.person("contact:lene"),
        world.chat.person("contact:ole"),
    );
    world.chat.room("chat-room:tea", "Tea");
    ole.say("chat-room:tea", "milk?").expect("said");
    let Err(Error::TimedOut(reason)) = lene.hears("chat-room:ops") else {
        panic!("heard something")
    };
    assert!(
        reason.contains("`milk?` from `loopback:ole` in `chat-room:tea`"),
        "{reason}"
    );
    assert!(matches!(
        lene.hears("chat-room:nowhere"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        lene.say("contact:nobody", "hm"),
        Err(Error::NotFound(_))
    ));
}

#[test]
#[should_panic(expected = "told to panic")]
fn panics_when_told_to() {
    let world = world(Loopback::new());
    let echo = world.echo();
    world.chat.panic_on("boom");
    let _ = world.post(&echo, "chat-room:ops", "boom");
}

#[test]
#[should_panic(expected = "begins with neither")]
fn a_literal_that_names_no_channel_is_a_mistake_in_the_program() {
    Loopback::new().person("lene");
}
