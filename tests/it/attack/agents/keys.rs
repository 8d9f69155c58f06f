//! A key that is repeated after an outcome nobody knows sends one message.

use super::{BOT, ROOM, is_unknown, keyed, over_component, scripted};
use crate::script::{Script, accepted};
use crate::world::{OPS, SOON, World, begin, furnished, seconds};
use crate::xmpp::scripted::{Says, attribute, component, serve};
use crate::xmpp::town::Words;
use crate::xmpp::town::{Town, Way};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use switchboard::backend::{BackendError, BackendErrorKind, Loopback, reply};
use switchboard::{Collaboration, Error, EventQuery, JoinState, NewMessage};

/// Advances the clock second by second, for `most` seconds at most, until `is_done` returns true.
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

/// Repeats a keyed post, as a client does, until its outcome is known. Several times if need be:
/// the chat system's delay begins a moment after it was handed the post, and time may pass in that
/// moment.
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
            known => return known.map(|posted| posted.message),
        }
    }
    panic!("five repeats, and nobody knows");
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
        // Reads from this cursor, because more than the window may pass before a thread ends.
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
        // Each repeat has a deadline of its own.
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
                assert_eq!(echo.post(OPS, keyed("order 66")).unwrap().message, row);
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

// ----------------------------------------------------------------- 16: a key asks for what can be there, and no more

/// A room with an archive, as a server without pages and without patience sees it.
#[derive(Default)]
struct Archive {
    /// Queries that were searches, without the query for the newest point.
    searches: AtomicU32,
    /// Posts that arrived.
    posts: Mutex<Vec<String>>,
    /// The origins in the archive.
    kept: Mutex<Vec<String>>,
    /// It does not echo posts, and closes the connection after one.
    is_cut: AtomicBool,
    /// It does not answer catch-ups.
    refuses: AtomicBool,
    /// Its search form offers the origin as a field.
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

/// A key whose answer was lost with the connection; the catch-up after that is refused or answered.
fn lost_answer(refuses: bool, offers: bool) -> (u32, u32) {
    let archive = Arc::new(Archive::default());
    let answering = archive.clone();
    let engine = over_component(serve(move |_, element| answering.answer(element)), None);
    let bot = engine.bot("helper", BOT, &[ROOM]);
    // This process made the database, so the archive holds nothing of this database that this
    // process did not post.
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
    engine.waits_for("helper", ROOM, JoinState::Active);
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
