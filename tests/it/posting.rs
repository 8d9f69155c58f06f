//! Posting (§messages/post): what is carried, what is refused, and that a repeat, a crash or a silence makes no double.
//!
//! Method: `echo` posts, `lene` hears; where a chat system has to misbehave, one is scripted for it.

use crate::script::{Script, accepted};
use crate::world::{
    Disk, LAB, OPS, SOON, World, begin, furnished, lines, new_agent, poll, seconds, wait,
};
use std::future::ready;
use std::sync::{Arc, Barrier, Mutex};
use std::task::Poll;
use std::thread;
use switchboard::backend::{BackendError, BackendErrorKind, HeardMessage, Loopback, Person, reply};
use switchboard::{
    AgentId, Collaboration, Credentials, DisplayMode, Error, Event, EventQuery, Message,
    NewMessage, Outcome, Part, SecurityContext, Throttle, ThrottleId, ThrottleKind,
};

fn text(text: &str) -> NewMessage {
    NewMessage::text(text)
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.text).collect()
}

fn heard(person: &Person) -> Vec<String> {
    person
        .unheard()
        .into_iter()
        .map(|heard: HeardMessage| heard.text)
        .collect()
}

fn events(world: &World, echo: &Collaboration) -> Vec<Event> {
    world.settle();
    echo.events(switchboard::Cursor::window(), &EventQuery::messages())
        .unwrap()
        .events
}

/// An agent `echo` on a scripted chat system.
fn scripted(script: Script) -> (World, Collaboration) {
    let world = World::with(|builder| builder.backend(script));
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    (world, echo)
}

fn rich() -> NewMessage {
    let mut message = NewMessage::parts(vec![
        Part::Text("see ".to_owned()),
        Part::Hyperlink {
            text: "here".to_owned(),
            url: "https://example.org/?a=1&b".to_owned(),
        },
        Part::ChannelLink {
            channel: LAB.to_owned(),
            name: " lab ".to_owned(),
        },
        Part::Hashtag("#now".to_owned()),
        Part::CodeBlock {
            code: "x < 1".to_owned(),
            language: Some("rust".to_owned()),
            display: DisplayMode::Block,
        },
        Part::CodeBlock {
            code: "y".to_owned(),
            language: None,
            display: DisplayMode::Inline,
        },
        Part::Emoji("🦀".to_owned()),
    ])
    .alert()
    .story("A story")
    .classification("CONFIDENTIAL//X");
    message.content.security_contexts = vec![
        SecurityContext {
            id: "1".to_owned(),
            display_text: Some("One".to_owned()),
        },
        SecurityContext {
            id: "2".to_owned(),
            display_text: None,
        },
    ];
    message
}

fn is_rich(message: &Message) {
    let sent = rich();
    assert_eq!(message.content.parts, sent.content.parts);
    assert_eq!(
        message.text, "see here lab #nowx < 1y🦀",
        "the visible text of the parts, in order"
    );
    assert_eq!(
        (message.content.alert, message.content.subject.as_deref()),
        (true, Some("A story"))
    );
    assert_eq!(
        (
            &message.content.classification,
            &message.content.security_contexts
        ),
        (
            &sent.content.classification,
            &sent.content.security_contexts
        )
    );
    assert_eq!(
        (message.sender.as_str(), message.channel.as_str()),
        ("loopback:echo", OPS)
    );
}

#[test]
fn everything_about_a_message_is_carried_through() {
    for chat in [
        Loopback::new(),
        Loopback::new().without_history(),
        Loopback::new().without_echo(),
    ] {
        let world = World::on(furnished(chat), |builder| builder);
        let (echo, lene) = (world.agent("echo", &[OPS]), world.person("lene"));
        is_rich(&echo.post(OPS, rich()).unwrap());
        is_rich(events(&world, &echo)[0].message().unwrap());
        is_rich(&echo.messages(OPS, 1, None).unwrap()[0]);
        let heard = lene.hears(OPS).unwrap();
        assert_eq!(
            (
                heard.content.parts,
                heard.content.alert,
                heard.content.subject
            ),
            (rich().content.parts, true, Some("A story".to_owned()))
        );
    }
}

#[test]
fn what_a_person_says_is_carried_through_and_read_back_from_the_file() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let echo = world.agent("echo", &[OPS]);
    let id = world.person("lene").say_message(OPS, rich()).unwrap();
    let live = events(&world, &echo)[0].message().unwrap().clone();
    assert_eq!(
        (&live.id, live.sender.as_str(), live.sender_alias.as_deref()),
        (&id, "loopback:lene", Some("lene"))
    );
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    assert_eq!(*events(&world, &echo)[0].message().unwrap(), live);
    assert_eq!(
        (live.content.parts, live.content.classification),
        (rich().content.parts, rich().content.classification)
    );
}

#[test]
fn a_text_comes_back_with_one_plain_part_and_an_empty_subject_is_none() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let message = echo.post(OPS, text("hello").story("")).unwrap();
    assert_eq!(
        (message.content.parts, message.content.subject),
        (vec![Part::Text("hello".to_owned())], None)
    );
    assert_eq!(message.time, world.clock_now());
}

#[test]
fn a_message_names_the_user_who_posted_it() {
    let world = World::with(|builder| builder.authenticator(crate::world::Sesame));
    world.agent("echo", &[OPS]);
    let lene = world
        .engine
        .collaboration(&world.principal("lene", "echo"))
        .unwrap();
    assert_eq!(
        lene.post(OPS, text("hello")).unwrap().posted_by.as_deref(),
        Some("lene")
    );
    let host = world.engine.agent("echo").unwrap();
    assert_eq!(
        events(&world, &host)[0]
            .message()
            .unwrap()
            .posted_by
            .as_deref(),
        Some("lene")
    );
    assert_eq!(host.post(OPS, text("hello")).unwrap().posted_by, None);
    assert!(
        world
            .engine
            .log_in(&Credentials::agent("lene", "x", "echo"))
            .is_err()
    );
}

#[test]
fn an_empty_message_is_invalid() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let link = Part::Hyperlink {
        text: String::new(),
        url: String::new(),
    };
    for message in [
        text(""),
        NewMessage::parts(vec![]),
        NewMessage::parts(vec![Part::Text(String::new()), link]),
    ] {
        assert!(matches!(echo.post(OPS, message), Err(Error::Invalid(_))));
    }
    assert!(matches!(
        echo.post("ops", text("x")),
        Err(Error::Invalid(_))
    ));
    assert!(world.person("lene").unheard().is_empty());
}

#[test]
fn lengths_are_counted_in_characters_of_the_visible_text() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let too_large = |message: NewMessage| match echo.post(OPS, message) {
        Err(Error::TooLarge {
            what,
            length,
            limit,
        }) => (what, length, limit),
        other => panic!("{other:?}"),
    };
    let crabs = |n: usize| "🦀".repeat(n);
    echo.post(OPS, text(&crabs(500))).unwrap();
    assert_eq!(too_large(text(&crabs(501))), ("the message text", 501, 500));
    let parts = vec![
        Part::Text(crabs(300)),
        Part::Hyperlink {
            text: crabs(201),
            url: "x".to_owned(),
        },
    ];
    assert_eq!(
        too_large(NewMessage::parts(parts)),
        ("the message text", 501, 500)
    );
    echo.post(OPS, text(&crabs(4000)).story(crabs(500)))
        .unwrap();
    assert_eq!(
        too_large(text(&crabs(4001)).story("s")),
        ("the story", 4001, 4000)
    );
    assert_eq!(
        too_large(text("x").story(crabs(501))),
        ("the subject", 501, 500)
    );
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
            assert_eq!(seen.last().unwrap().message(), Some(&posted));
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
fn a_repeat_with_the_same_key_answers_the_first_message() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let lene = world.person("lene");
    let (echo, bob) = (world.agent("echo", &[OPS, LAB]), world.agent("bob", &[OPS]));
    let first = echo.post(OPS, text("order 66").key("66")).unwrap();
    assert_eq!(
        echo.post(OPS, text("order 66 again").key("66")).unwrap(),
        first
    );
    for (view, channel) in [(&echo, LAB), (&bob, OPS)] {
        assert_ne!(
            view.post(channel, text("another").key("66")).unwrap().id,
            first.id,
            "keys are of agent and channel"
        );
    }
    assert_ne!(
        echo.post(OPS, text("other key").key("67")).unwrap().id,
        first.id
    );
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    assert_eq!(
        echo.post(OPS, text("order 66 after all").key("66"))
            .unwrap(),
        first
    );
    assert_eq!(
        heard(&lene),
        ["order 66", "another", "another", "other key"]
    );
}

#[test]
fn a_key_known_only_to_the_chat_system_is_found_there() {
    let (disk, before) = (Disk::new(), Disk::new());
    let world = World::stored(&disk);
    world.agent("echo", &[OPS]);
    let world = world.restart(&disk);
    std::fs::copy(disk.path(), before.path()).unwrap();
    let echo = world.engine.agent("echo").unwrap();
    let first = echo.post(OPS, text("order 66").key("66")).unwrap();
    // The file as it was before the post, as after a crash between the chat system's taking it and our commit.
    let world = world.restart(&before);
    let echo = world.engine.agent("echo").unwrap();
    assert_eq!(
        echo.post(OPS, text("order 66").key("66")).unwrap().id,
        first.id
    );
    assert_eq!(
        heard(&world.person("lene")),
        [""; 0],
        "she came later, and nothing was said since"
    );
}

#[test]
fn concurrent_repeats_are_one_message() {
    let world = World::new();
    let (echo, lene) = (world.agent("echo", &[OPS]), world.person("lene"));
    let start = Arc::new(Barrier::new(8));
    let posts: Vec<_> = (0..8)
        .map(|_| {
            let (echo, start) = (echo.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                echo.post(OPS, NewMessage::text("once").key("k"))
                    .unwrap()
                    .id
            })
        })
        .collect();
    let mut ids: Vec<_> = posts.into_iter().map(|post| post.join().unwrap()).collect();
    ids.dedup();
    assert_eq!((ids.len(), heard(&lene)), (1, vec!["once".to_owned()]));
}

#[test]
fn a_repeat_that_waited_for_one_that_failed_fails_alike() {
    let release = Arc::new(Mutex::new(None));
    let (world, echo) = scripted(Script::new({
        let release = release.clone();
        move |_, inbox| {
            *release.lock().unwrap() = Some(());
            reply(async move {
                inbox.sleep(seconds(5)).await;
                Err(BackendError::new(BackendErrorKind::Rejected, "no"))
            })
        }
    }));
    let posts: Vec<_> = (0..2)
        .map(|_| begin(echo.post_async(OPS, text("x").key("k"))))
        .collect();
    world.until(|stats| stats.posts_in_flight == 1 && release.lock().unwrap().is_some());
    world.pass(seconds(5));
    for post in posts {
        assert_eq!(post.join().unwrap(), Err(Error::Rejected("no".to_owned())));
    }
}

#[test]
fn a_repeat_that_waited_for_one_that_was_refused_is_refused_alike() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let never = Throttle {
        id: ThrottleId::parse("never").unwrap(),
        kind: ThrottleKind::MessagesPerMinute,
        threshold: 0,
        agents: vec![AgentId::parse("echo").unwrap()],
    };
    world.admin().put_throttle(never).unwrap();
    let mut posts = [0, 1].map(|_| echo.post_async(OPS, text("x").key("k")));
    let begun = posts.each_mut().map(poll); // both are under way, unless the first was very quick
    for (begun, post) in begun.into_iter().zip(posts) {
        let answer = if let Poll::Ready(answer) = begun {
            answer
        } else {
            wait(post)
        };
        assert!(matches!(answer, Err(Error::Throttled { .. })), "{answer:?}");
    }
}

#[test]
fn two_answers_to_one_event_go_out_and_its_redelivery_repeats_neither() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let lene = world.person("lene");
    let answer = |world: &World| {
        let echo = world.engine.agent("echo").unwrap();
        echo.wait_active(SOON).unwrap();
        let mut reader = echo
            .reader("main", EventQuery::messages().remote())
            .unwrap();
        let event = reader.next().unwrap().unwrap();
        let ids = ["well", "well"]
            .map(|answer| echo.post(OPS, text(answer).answering(&event)).unwrap().id);
        assert_ne!(ids[0], ids[1]);
        ids
    };
    world.agent("echo", &[OPS]);
    lene.say(OPS, "hello").unwrap();
    world.settle();
    let first = answer(&world);
    let world = world.restart(&disk);
    assert_eq!(
        answer(&world),
        first,
        "the event was not acknowledged, so it came again"
    );
    assert_eq!(heard(&lene), ["well", "well"]);
}

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
            status.state == switchboard::AgentState::Idle,
            gone,
            "a channel that is gone becomes idle"
        );
        let off = world.seen(&echo, &EventQuery::channel_states()).len() == 2;
        assert_eq!(off, gone);
    }
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
    // Signed in after 26 s and joined after 32, it is handed over; the answer would come after 38.
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
