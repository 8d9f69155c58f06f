//! One key, two messages; what came before its conversation; calls into a chat system that never answers.
//!
//! Method: chat systems made for one test (`script`, and a scripted server for XMPP), with a clock that is moved by hand;
//! Prosody where a figure is wanted.

use crate::script::{Script, accepted, joined};
use crate::world::{LAB, OPS, SOON, World, begin, furnished, lines, new_agent, seconds};
use crate::xmpp::scripted::{Says, attribute, component, serve};
use crate::xmpp::town::{Town, Way, Words};
use std::collections::HashMap;
use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use switchboard::backend::xmpp::{Component, Secret, Xmpp, XmppConfig};
use switchboard::backend::{
    AgentKey, BackendError, BackendErrorKind, ChannelId, Inbound, Inbox, Loopback, MessageId,
    Received, SeenBy, reply,
};
use switchboard::testing::ManualClock;
use switchboard::{
    AgentState, Collaboration, Cursor, Engine, Error, EventQuery, ManagementMode, NewMessage,
    ProvisioningMode,
};

fn keyed(text: &str) -> NewMessage {
    NewMessage::text(text).key("k")
}

/// An agent `echo` on a scripted chat system.
fn scripted(script: Script, channels: &[&str]) -> (World, Collaboration) {
    let world = World::with(|builder| builder.backend(script));
    let mut agent = new_agent("echo", channels);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    (world, echo)
}

fn is_unknown<T>(answer: Result<T, Error>) -> bool {
    matches!(answer, Err(Error::OutcomeUnknown(_)))
}

/// Lets that many seconds pass, one by one, until it is done.
fn passes(world: &World, most: u32, is_done: impl Fn() -> bool) {
    for _ in 0..most {
        if is_done() {
            return;
        }
        world.pass(seconds(1));
        std::thread::yield_now();
    }
    let limit = Instant::now() + SOON;
    while !is_done() {
        assert!(Instant::now() < limit, "not done after {most} s");
        std::thread::yield_now();
    }
}

/// Repeats a keyed post, as a client does, until its outcome is known. Several times if need be: the chat system's delay
/// begins a moment after it was handed the post, and time may pass in that moment.
fn repeated(
    world: &World,
    echo: &Collaboration,
    text: &str,
) -> Result<switchboard::Message, Error> {
    for _ in 0..5 {
        let again = begin(echo.post_async(OPS, keyed(text)));
        passes(world, 40, || again.is_finished());
        match again.join().unwrap() {
            Err(Error::OutcomeUnknown(_)) => {}
            known => return known,
        }
    }
    panic!("five repeats, and nobody knows");
}

/// What the agent has been shown within the window.
fn shown(world: &World, echo: &Collaboration) -> Vec<String> {
    world.settle();
    lines(
        &echo
            .events(Cursor::window(), &EventQuery::all())
            .unwrap()
            .events,
    )
}

// ------------------------------------------------------------------------------------ 7: one key is one message

#[test]
fn a_repeat_after_an_unknown_outcome_joins_the_post_that_is_still_pending() {
    for outcome in [Ok(()), Err(BackendErrorKind::Rejected)] {
        let said = Arc::new(AtomicU32::new(0));
        let counted = said.clone();
        let (world, echo) = scripted(
            Script::new(move |_, inbox| {
                counted.fetch_add(1, Ordering::Relaxed);
                reply(async move {
                    inbox.sleep(seconds(100)).await;
                    outcome
                        .map(|()| accepted())
                        .map_err(|kind| BackendError::new(kind, "no"))
                })
            }),
            &[OPS],
        );
        // More than the window may pass until a thread is seen to have ended: so from here, not from the window.
        let mark = world.mark(&echo);
        let first = begin(echo.post_async(OPS, keyed("order 66")));
        world.until(|_| said.load(Ordering::Relaxed) == 1);
        world.pass(seconds(35));
        assert!(is_unknown(first.join().unwrap()));
        assert_eq!(
            world.engine.stats().posts_in_flight,
            0,
            "nobody waits for it"
        );
        // A repeat has a deadline of its own, and the next one too.
        let second = begin(echo.post_async(OPS, keyed("order 66")));
        world.until(|stats| stats.posts_in_flight == 1);
        world.pass(seconds(34));
        assert!(!second.is_finished());
        world.pass(seconds(1));
        assert!(is_unknown(second.join().unwrap()));
        let third = repeated(&world, &echo, "order 66");
        assert_eq!(said.load(Ordering::Relaxed), 1, "it was sent once");
        match outcome {
            Ok(()) => {
                let row = third.unwrap();
                assert_eq!(echo.post(OPS, keyed("order 66")).unwrap(), row);
                assert_eq!(
                    world.since(&echo, &mark, &EventQuery::all()),
                    ["echo: order 66"],
                    "one row"
                );
            }
            Err(_) => assert_eq!(third, Err(Error::Rejected("no".into()))),
        }
    }
}

#[test]
fn a_slow_room_hears_a_repeated_key_once() {
    for chat in [Loopback::new(), Loopback::new().without_echo()] {
        let world = World::on(furnished(chat), |builder| builder);
        let (echo, lene) = (world.agent("echo", &[OPS]), world.person("lene"));
        let mark = world.mark(&echo);
        world.chat.delay(seconds(50));
        let first = begin(echo.post_async(OPS, keyed("once")));
        world.until(|_| world.chat.delayed() == 1);
        passes(&world, 40, || first.is_finished());
        assert!(is_unknown(first.join().unwrap()));
        repeated(&world, &echo, "once").unwrap();
        let heard: Vec<String> = lene.unheard().into_iter().map(|heard| heard.text).collect();
        assert_eq!(heard, ["once"]);
        assert_eq!(
            world.since(&echo, &mark, &EventQuery::all()),
            ["echo: once"]
        );
    }
}

// ------------------------------------------------------------- 13: nothing waits for a backend without a deadline

#[test]
fn posts_that_are_never_answered_keep_no_place_after_their_deadline() {
    let (world, echo) = scripted(Script::silent(), &[OPS]);
    for round in 0..3 {
        let posts: Vec<_> = (0..64)
            .map(|n| begin(echo.post_async(OPS, NewMessage::text(format!("{round} {n}")))))
            .collect();
        world.until(|stats| stats.posts_in_flight == 64);
        assert!(
            matches!(
                echo.post(OPS, NewMessage::text("one too many")),
                Err(Error::Busy { .. })
            ),
            "round {round}"
        );
        world.pass(seconds(35));
        assert!(
            posts
                .into_iter()
                .all(|post| is_unknown(post.join().unwrap()))
        );
    }
}

#[test]
fn what_is_never_answered_keeps_neither_posts_nor_joins_nor_the_end() {
    let stuck = "chat-room:stuck";
    let script = Script::new(|outgoing, _| match &*outgoing.text {
        "stuck" => reply(std::future::pending()),
        _ => reply(ready(Ok(accepted()))),
    });
    let script = script.entering(move |_, channel, _| match channel.as_str() == stuck {
        true => reply(std::future::pending()),
        false => reply(ready(Ok(joined(&channel)))),
    });
    let (world, echo) = scripted(script, &[OPS]);
    let posts: Vec<_> = (0..8)
        .map(|_| begin(echo.post_async(OPS, NewMessage::text("stuck"))))
        .collect();
    world.until(|stats| stats.posts_in_flight == 8);
    world.pass(seconds(35));
    assert!(
        posts
            .into_iter()
            .all(|post| is_unknown(post.join().unwrap()))
    );
    world.admin().put_channel("echo", stuck).unwrap();
    let began = Instant::now();
    echo.post(OPS, NewMessage::text("beside them")).unwrap();
    world.admin().put_channel("echo", LAB).unwrap();
    while world.channel_state("echo", LAB) != AgentState::Active {
        assert!(began.elapsed() < SOON, "it does not join");
        std::thread::yield_now();
    }
    assert_ne!(world.channel_state("echo", stuck), AgentState::Active);
    let beside = began.elapsed();
    let began = Instant::now();
    world.admin().delete_agent("echo").unwrap();
    world.engine.shutdown(SOON).unwrap();
    println!(
        "beside eight posts and a join without an answer: a post and a join {beside:?}, the end {:?}",
        began.elapsed()
    );
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[test]
fn uploads_that_are_never_answered_make_no_post_busy_and_end() {
    let taken = Arc::new(AtomicU32::new(0));
    let counted = taken.clone();
    let script = Script::new(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        reply(std::future::ready(Ok(accepted())))
    });
    let (world, echo) = scripted(script.deaf(), &[OPS]);
    let mut uploads: Vec<_> = (0..66)
        .map(|n| {
            crate::world::wait(echo.begin_upload_async(OPS, &format!("{n}.bin"), Some(10))).unwrap()
        })
        .collect();
    for upload in &mut uploads {
        crate::world::wait(upload.write_async(b"0123456789")).unwrap();
    }
    let begun = Instant::now();
    (0..100).for_each(|n| drop(echo.post(OPS, NewMessage::text(n.to_string())).unwrap()));
    println!(
        "66 uploads that nobody answers: {} of 100 posts, {:?}",
        taken.load(Ordering::Relaxed),
        begun.elapsed()
    );
    // Half of them are ended by their callers, half are left lying.
    let left = uploads.split_off(33);
    let finishing: Vec<_> = uploads
        .into_iter()
        .map(|upload| begin(Box::pin(upload.finish_async())))
        .collect();
    for _ in 0..8 {
        world.pass(seconds(35));
        if finishing.iter().all(std::thread::JoinHandle::is_finished) {
            break;
        }
    }
    assert!(
        finishing
            .into_iter()
            .all(|thread| is_unknown(thread.join().unwrap()))
    );
    world.pass(seconds(140));
    for mut upload in left {
        let error = crate::world::wait(upload.write_async(b"x")).unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    }
}

#[test]
fn every_question_to_a_deaf_chat_system_is_answered_within_its_deadline() {
    let world = World::with(|builder| {
        builder
            .backend(Script::silent().deaf())
            .authenticator(crate::world::Sesame)
    });
    let mut agent = new_agent("echo", &[OPS, "contact:lene"])
        .management(ManagementMode::Groups)
        .mode(ProvisioningMode::Own);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    let user = world.principal("lene", "echo");
    let (clerk, manage) = (
        world.engine.provisioning(&user).unwrap(),
        world.engine.management(&user).unwrap(),
    );
    let mut asked: Vec<std::thread::JoinHandle<Error>> = Vec::new();
    fn ask<T: Send + 'static>(
        waiting: switchboard::AsyncResult<T>,
    ) -> std::thread::JoinHandle<Error> {
        let begun = begin(waiting);
        std::thread::spawn(move || begun.join().unwrap().err().expect("nobody answers"))
    }
    asked.push(ask(echo.messages_async(OPS, 5, None)));
    asked.push(ask(echo.set_composing_async("contact:lene", true)));
    asked.push(ask(clerk.find_channels_async("x")));
    asked.push(ask(manage.rooms_async()));
    asked.push(ask(echo.post_async(OPS, keyed("was it?"))));
    asked.push(ask(manage.delete_room_async(OPS)));
    let limit = Instant::now() + SOON;
    while asked.iter().any(|thread| !thread.is_finished()) {
        assert!(Instant::now() < limit, "a question hangs");
        world.pass(seconds(10));
    }
    let codes: Vec<&str> = asked
        .into_iter()
        .map(|thread| thread.join().unwrap().code())
        .collect();
    assert_eq!(codes[..4], ["unreachable"; 4]);
    assert_eq!(codes[4..], ["outcome_unknown"; 2], "{codes:?}");
}

/// What a rooms' and files' service says beside [`component`].
fn with_files(put: String) -> impl Fn(u32, &str) -> Says + Clone + Send + 'static {
    move |_, element| {
        let (id, from, to) = (
            attribute(element, "id"),
            attribute(element, "from"),
            attribute(element, "to"),
        );
        let result = |inner: String| {
            Says::This(format!(
                "<iq type='result' id='{id}' from='{to}' to='{from}'>{inner}</iq>"
            ))
        };
        let disco = "http://jabber.org/protocol/disco";
        match () {
            () if element.contains("disco#items") && to == "im.test" => result(format!(
                "<query xmlns='{disco}#items'><item jid='upload.im.test'/></query>"
            )),
            () if element.contains("disco#info") && to == "upload.im.test" => result(format!(
                "<query xmlns='{disco}#info'><feature var='urn:xmpp:http:upload:0'/></query>"
            )),
            () if element.contains("urn:xmpp:http:upload:0") => result(format!(
                "<slot xmlns='urn:xmpp:http:upload:0'><put url='{put}'><header name='Authorization'>Basic x</header></put>\
                 <get url='https://upload.im.test/a'/></slot>"
            )),
            () => component(element),
        }
    }
}

fn over_component(port: u16, clock: Option<&ManualClock>) -> Engine {
    let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
    let backend = Xmpp::new(XmppConfig::new("im.test").component(component)).expect("right");
    let builder = Engine::builder().in_memory().backend(backend);
    let builder = if let Some(clock) = clock {
        builder.clock(clock.clone())
    } else {
        builder
    };
    builder.open().expect("opens")
}

const BOT: &str = "bot@agents.im.test";
const ROOM: &str = "chat-room:ops@rooms.im.test";

#[test]
fn a_file_goes_to_the_servers_own_hosts_only() {
    for put in [
        "https://evil.example/a",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/a",
        "https://im.test.evil.example/a",
    ] {
        let engine = over_component(serve(with_files(put.into())), None);
        let bot = engine.bot("helper", BOT, &[ROOM]);
        let error = bot.upload(ROOM, "a.bin", Some(1), &b"x"[..]).unwrap_err();
        assert!(
            matches!(&error, Error::Rejected(reason) if reason.contains("allowed")),
            "{put}: {error:?}"
        );
    }
    // Its own host, but in the clear and not here: an address of documentation, which nothing answers for.
    let backend = |port| {
        let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
        Xmpp::new(
            XmppConfig::new("im.test")
                .component(component)
                .file_host("storage.example.net"),
        )
        .expect("right")
    };
    let target = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = target.local_addr().unwrap().port();
    let server = serve(with_files(format!(
        "https://storage.example.net.evil.example:{port}/a"
    )));
    let engine = Engine::builder()
        .in_memory()
        .backend(backend(server))
        .open()
        .expect("opens");
    let bot = engine.bot("helper", BOT, &[ROOM]);
    assert!(matches!(
        bot.upload(ROOM, "a.bin", Some(1), &b"x"[..]),
        Err(Error::Rejected(_))
    ));
}

#[test]
fn files_put_to_a_server_that_never_answers_end_and_posts_go_on() {
    // It takes connections and says nothing, for as long as the test lasts.
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("http://127.0.0.1:{}/a", hole.local_addr().unwrap().port());
    let files = with_files(place);
    let answers = move |number: u32, element: &str| match element {
        // The room sends back what is posted.
        element if element.starts_with("<message") => {
            let (from, to) = (attribute(element, "from"), attribute(element, "to"));
            let inner = &element[element.find('>').unwrap_or(0) + 1..];
            Says::This(format!(
                "<message type='groupchat' from='{to}/bot' to='{from}'>{inner}"
            ))
        }
        element => files(number, element),
    };
    let engine = over_component(serve(answers), None);
    let bot = engine.bot("helper", BOT, &[ROOM]);
    let uploads: Vec<_> = (0..66)
        .map(|n| {
            let bot = bot.clone();
            std::thread::spawn(move || bot.upload(ROOM, &format!("{n}.bin"), Some(4), &b"file"[..]))
        })
        .collect();
    // Each is under way once its connection stands.
    for _ in 0..66 {
        let (held, _) = hole.accept().unwrap();
        std::mem::forget(held);
    }
    let (mut slowest, mut done) = (Duration::ZERO, 0);
    for n in 0..50 {
        let begun = Instant::now();
        done += u32::from(bot.post(ROOM, NewMessage::text(n.to_string())).is_ok());
        slowest = slowest.max(begun.elapsed());
    }
    println!("66 files into a hole: {done} of 50 posts, slowest {slowest:?}");
    assert_eq!(done, 50);
    if super::full() {
        let limit = Instant::now() + seconds(90);
        while uploads.iter().any(|upload| !upload.is_finished()) {
            assert!(Instant::now() < limit, "uploads hang");
            std::thread::sleep(Duration::from_millis(200));
        }
        assert!(
            uploads
                .into_iter()
                .all(|upload| upload.join().unwrap().is_err())
        );
    }
}

// --------------------------------------------------------------- 8: what comes before its conversation is not lost

fn received(number: u32) -> Received {
    let id = MessageId::parse(&format!("early-{number}")).unwrap();
    Received::text(id, "script:lene", format!("early {number}"))
        .with_time(switchboard::chrono::Utc::now())
}

async fn says_four(agent: AgentKey, channel: &ChannelId, inbox: &Inbox) {
    let seen_by = if channel.as_str().starts_with("contact:") {
        SeenBy::Agent(agent)
    } else {
        SeenBy::Room
    };
    for number in 1..=4 {
        let message = Box::new(received(number));
        inbox
            .send(Inbound::Message {
                seen_by,
                channel: channel.clone(),
                message,
                resume: None,
            })
            .await
            .unwrap();
    }
}

#[test]
fn what_a_connector_hands_over_before_it_answers_a_join_is_heard() {
    for (channel, says_entered) in [
        (OPS, false),
        ("contact:lene", false),
        (OPS, true),
        ("contact:lene", true),
    ] {
        let script = Script::silent().entering(move |agent, channel, inbox| {
            reply(async move {
                if says_entered {
                    inbox
                        .send(Inbound::Entered {
                            agent,
                            channel: channel.clone(),
                        })
                        .await
                        .unwrap();
                }
                says_four(agent, &channel, &inbox).await;
                Ok(joined(&channel))
            })
        });
        let (world, echo) = scripted(script, &[channel]);
        let mut seen = shown(&world, &echo);
        seen.retain(|line| line.starts_with("lene"));
        assert_eq!(
            seen,
            [
                "lene: early 1",
                "lene: early 2",
                "lene: early 3",
                "lene: early 4"
            ],
            "{channel} {says_entered}"
        );
        assert_eq!(world.engine.stats().strays, 0);
        assert_eq!(echo.messages(channel, 10, None).unwrap().len(), 4);
    }
}

#[test]
fn what_came_for_a_join_that_was_refused_is_nobodys() {
    let script = Script::silent().entering(|agent, channel, inbox| {
        reply(async move {
            says_four(agent, &channel, &inbox).await;
            Err(BackendError::refused("not you"))
        })
    });
    let world = World::with(|builder| builder.backend(script));
    let mut agent = new_agent("echo", &["contact:lene"]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    assert_eq!(shown(&world, &echo), [""; 0]);
    assert_eq!(world.engine.stats().strays, 4, "counted, and gone");
}

#[test]
fn a_stay_begins_where_the_connector_says_and_not_before() {
    // At the second join the room is known. What a catch-up brings is for those who were in it; the agent hears what comes
    // after `Entered`, though the join is answered only then.
    let joins = Arc::new(AtomicU32::new(0));
    let script = Script::silent().entering(move |agent, channel, inbox| {
        let is_again = joins.fetch_add(1, Ordering::Relaxed) > 0;
        reply(async move {
            for number in (1..=4).filter(|_| is_again) {
                if number == 3 {
                    inbox
                        .send(Inbound::Entered {
                            agent,
                            channel: channel.clone(),
                        })
                        .await
                        .unwrap();
                }
                let message = Box::new(received(number));
                let item = Inbound::Message {
                    seen_by: SeenBy::Room,
                    channel: channel.clone(),
                    message,
                    resume: None,
                };
                inbox.send(item).await.unwrap();
            }
            Ok(joined(&channel))
        })
    });
    let (world, echo) = scripted(script, &[LAB]);
    world.admin().delete_channel("echo", LAB).unwrap();
    let mark = world.mark(&echo);
    world.admin().put_channel("echo", LAB).unwrap();
    echo.wait_active(SOON).unwrap();
    let seen = world.since(&echo, &mark, &EventQuery::all());
    assert_eq!(
        seen,
        ["lene: early 3", "lene: early 4", &format!("{LAB} on")]
    );
}

fn held_words(way: Way) {
    let Some(town) = Town::prosody(&format!("held words of a contact, {way:?}")) else {
        return;
    };
    let (engine, address, alice) = (town.engine(), town.bot(way, "bot0"), town.contact("alice"));
    // In a room, so that all that was said to it before is known to have come.
    let bot = engine.bot("helper", &address, &[&town.ops()]);
    let mut ear = bot.reader("test", EventQuery::messages().remote()).unwrap();
    let mut arrived = 0;
    for round in 0..2 {
        for n in 0..4 {
            town.alice
                .say(&address, &format!("{round} before anybody asked {n}"));
        }
        town.alice.say(&town.room(), "done");
        crate::xmpp::town::hears(&mut ear, "done");
        engine.admin().put_channel("helper", &*alice).unwrap();
        for n in 0..4 {
            crate::xmpp::town::hears(&mut ear, &format!("{round} before anybody asked {n}"));
            arrived += 1;
        }
        engine.waits_for("helper", &alice, AgentState::Active);
        engine.admin().delete_channel("helper", &*alice).unwrap();
        engine.settle(SOON).unwrap();
    }
    #[expect(clippy::print_stdout, reason = "its figure")]
    {
        println!(
            "words that a contact said before its channel was put, {way:?}: {arrived} of 8 arrived"
        );
    }
}

#[test]
fn a_component_hears_what_a_contact_said_before_its_channel_was_put() {
    held_words(Way::Component);
}

#[test]
fn an_account_hears_what_a_contact_said_before_its_channel_was_put() {
    held_words(Way::Account);
}

#[test]
fn what_a_room_says_the_moment_an_agent_comes_in_is_heard() {
    // The room greets whoever comes in with its very next stanza, long before the join is answered.
    let port = serve(|_, element| match component(element) {
        Says::This(said) if said.contains("code='110'") => {
            let to = attribute(element, "from");
            Says::This(format!(
                "{said}<message type='groupchat' from='ops@rooms.im.test/lene' to='{to}' id='hello-{to}'>\
                 <body>hello {}</body></message>",
                to.split('@').next().unwrap_or_default()
            ))
        }
        says => says,
    });
    let engine = over_component(port, None);
    for name in ["ada", "bob", "cid"] {
        let bot = engine.bot(name, &format!("{name}@agents.im.test"), &[ROOM]);
        let mut ear = bot.reader("test", EventQuery::messages().remote()).unwrap();
        crate::xmpp::town::hears(&mut ear, &format!("hello {name}"));
    }
}

// ----------------------------------------------------------------- 16: a key asks for what can be there, and no more

/// A room with an archive, as a server without pages and without patience sees it.
#[derive(Default)]
struct Archive {
    /// Questions that were searches: not the one for the newest point.
    searches: AtomicU32,
    /// Posts that came in.
    posts: Mutex<Vec<String>>,
    /// What it keeps: origins.
    kept: Mutex<Vec<String>>,
    /// It does not send posts back, and hangs up after one.
    is_cut: AtomicBool,
    /// It does not answer catch-ups.
    refuses: AtomicBool,
    /// Its form offers the origin.
    offers: AtomicBool,
    /// Questions by origin.
    by_origin: AtomicU32,
    /// Joins of the room.
    joins: AtomicU32,
}

impl Archive {
    fn answer(&self, element: &str) -> Says {
        let (id, from, to) = (
            attribute(element, "id"),
            attribute(element, "from"),
            attribute(element, "to"),
        );
        let iq = |inner: &str| {
            format!("<iq type='result' id='{id}' from='{to}' to='{from}'>{inner}</iq>")
        };
        let mam = "urn:xmpp:mam:2";
        if element.contains("disco#info") && to == "ops@rooms.im.test" {
            let query = "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:mam:2'/></query>";
            return Says::This(iq(query));
        }
        if element.starts_with("<iq") && element.contains(mam) && element.contains("type='get'") {
            let field = if self.offers.load(Ordering::Relaxed) {
                "<field var='{urn:xmpp:sid:0}origin-id'/>"
            } else {
                ""
            };
            return Says::This(iq(&format!(
                "<query xmlns='{mam}'><x xmlns='jabber:x:data' type='form'>{field}</x></query>"
            )));
        }
        if element.starts_with("<iq") && element.contains(mam) {
            let is_newest = element.contains("<max>1</max>");
            self.searches
                .fetch_add(u32::from(!is_newest), Ordering::Relaxed);
            let is_by_origin = element.contains("origin-id");
            self.by_origin
                .fetch_add(u32::from(is_by_origin), Ordering::Relaxed);
            let is_catch_up = element.contains("<after>");
            if is_catch_up && self.refuses.load(Ordering::Relaxed) {
                return Says::This(crate::xmpp::scripted::refusal(
                    element,
                    "wait",
                    "internal-server-error",
                ));
            }
            let query = element
                .split("queryid='")
                .nth(1)
                .and_then(|rest| rest.split('\'').next())
                .unwrap_or_default();
            let stamp = switchboard::chrono::Utc::now().to_rfc3339();
            let mut said = String::new();
            for origin in self
                .kept
                .lock()
                .unwrap()
                .iter()
                .filter(|origin| !is_by_origin || element.contains(&**origin))
            {
                said.push_str(&format!(
                    "<message from='{to}' to='{from}'><result xmlns='{mam}' queryid='{query}' id='of-{origin}'>\
                     <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='{stamp}'/>\
                     <message xmlns='jabber:client' type='groupchat' from='{to}/bot'><body>said</body>\
                     <origin-id xmlns='urn:xmpp:sid:0' id='{origin}'/></message></forwarded></result></message>"
                ));
            }
            return Says::This(said + &iq(&format!("<fin xmlns='{mam}' complete='true'/>")));
        }
        self.joins.fetch_add(
            u32::from(element.starts_with("<presence") && element.contains("protocol/muc'")),
            Ordering::Relaxed,
        );
        if element.starts_with("<message") {
            self.posts.lock().unwrap().push(id.to_owned());
            self.kept.lock().unwrap().push(id.to_owned());
            if self.is_cut.load(Ordering::Relaxed) {
                return Says::Last("</stream:stream>".into());
            }
            let inner = &element[element.find('>').unwrap_or(0) + 1..];
            let given = format!("<stanza-id xmlns='urn:xmpp:sid:0' by='{to}' id='of-{id}'/>");
            return Says::This(format!(
                "<message type='groupchat' from='{to}/bot' to='{from}'>{given}{inner}"
            ));
        }
        component(element)
    }
}

/// A key whose answer was lost with the connection; the catch-up after it is refused or not.
fn lost_answer(refuses: bool, offers: bool) -> (u32, u32) {
    let archive = Arc::new(Archive::default());
    let answering = archive.clone();
    let engine = over_component(serve(move |_, element| answering.answer(element)), None);
    let bot = engine.bot("helper", BOT, &[ROOM]);
    // This process made the database: nothing of it can be in an archive that it has not said itself.
    let first = bot
        .post(ROOM, NewMessage::text("one").key("1"))
        .expect("posted");
    assert_eq!(
        archive.searches.load(Ordering::Relaxed),
        0,
        "nothing to ask for"
    );
    archive.refuses.store(refuses, Ordering::Relaxed);
    archive.offers.store(offers, Ordering::Relaxed);
    archive.is_cut.store(true, Ordering::Relaxed);
    let lost = bot.post(ROOM, NewMessage::text("two").key("2"));
    assert!(is_unknown(lost), "it was handed over, and the line was cut");
    archive.is_cut.store(false, Ordering::Relaxed);
    let limit = Instant::now() + SOON;
    while archive.joins.load(Ordering::Relaxed) < 2 {
        assert!(Instant::now() < limit, "it does not come back");
        std::thread::sleep(Duration::from_millis(5));
    }
    engine.waits_for("helper", ROOM, AgentState::Active);
    let caught_up = archive.searches.load(Ordering::Relaxed);
    let again = bot
        .post(ROOM, NewMessage::text("two").key("2"))
        .expect("found");
    assert!(again.id.as_str().starts_with("of-"), "{again:?}");
    let asked = archive.searches.load(Ordering::Relaxed) - caught_up;
    // The next new key asks for nothing.
    bot.post(ROOM, NewMessage::text("three").key("3"))
        .expect("posted");
    assert_eq!(archive.searches.load(Ordering::Relaxed) - caught_up, asked);
    assert_eq!(
        bot.post(ROOM, NewMessage::text("one").key("1"))
            .expect("known")
            .id,
        first.id
    );
    assert_eq!(
        archive.posts.lock().unwrap().len(),
        3,
        "each key was said once"
    );
    (asked, archive.by_origin.load(Ordering::Relaxed))
}

#[test]
fn after_a_complete_catch_up_no_archive_is_asked_for_a_key() {
    assert_eq!(
        lost_answer(false, false),
        (0, 0),
        "the catch-up has brought it"
    );
}

#[test]
fn a_key_without_an_answer_is_looked_for_where_the_catch_up_failed() {
    assert_eq!(
        lost_answer(true, false),
        (1, 0),
        "one page from when it left"
    );
    assert_eq!(
        lost_answer(true, true),
        (1, 1),
        "the one message, where the archive can be asked for it"
    );
}

#[test]
fn a_key_costs_little_more_than_none_in_a_room_with_a_past() {
    const ARCHIVED: usize = 454;
    let Some(town) = Town::prosody("keys in a room with a past") else {
        return;
    };
    for n in 0..ARCHIVED {
        town.alice.say(&town.room(), &format!("said long ago {n}"));
    }
    let engine = town.engine();
    let bot = engine.bot("helper", &town.bot(Way::Component, "bot0"), &[&town.ops()]);
    let mut times: HashMap<bool, Vec<Duration>> = HashMap::new();
    for n in 0..60 {
        let has_key = n % 2 == 0;
        let message = NewMessage::text(format!("post {n}"));
        let begun = Instant::now();
        bot.post(
            town.ops(),
            if has_key {
                message.key(format!("key {n}"))
            } else {
                message
            },
        )
        .expect("posted");
        times.entry(has_key).or_default().push(begun.elapsed());
    }
    times.values_mut().for_each(|times| times.sort());
    let (plain, keyed) = (times[&false][15], times[&true][15]);
    println!(
        "{ARCHIVED} archived messages: a post {plain:?}, one with a key {keyed:?} (medians of 30)"
    );
    assert!(
        keyed < plain * 5 + Duration::from_millis(20),
        "{keyed:?} beside {plain:?}"
    );
}
