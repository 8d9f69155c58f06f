//! E1 and E2: messages that change, against messages that do not.

use super::common::world::{room, text};
use super::common::{Goal, Options, Pairs, Report, Watch};
use super::{CHECKPOINTED, OurPosts, POSTERS, SOON, at_once};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;
use switchboard::backend::{Backend, Loopback};
use switchboard::{Collaboration, Engine, MessageId, NewAgent, NewMessage, Principal};

/// Every so many calls one is an edit of the message before.
const EVERY: usize = 5;
/// Messages of the room that is paged, how many of them are edited, and how many a page has.
const MESSAGES: usize = 10_000;
const EDITED: usize = 1_000;
const PAGE: u32 = 100;

pub(super) fn living(options: &Options) {
    edits(options);
    for (what, has_archive) in [("the chat system's archive", true), ("the journal", false)] {
        paging(options, what, has_archive);
    }
}

/// Durable calls of 64 posters, of which every fifth is an edit, over posts alone.
fn edits(options: &Options) {
    let times = options.number("posts", 3200) / POSTERS;
    let posts = OurPosts::open(&options.fresh_directory("living"), true);
    let mut watch = Watch::new(options);
    let mut pairs = Pairs::default();
    mixed(&posts, times.min(100));
    for round in 0..options.pairs(15) {
        let mut rates = [0.0; 2];
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for subject in order {
            rates[subject] = match subject {
                0 => posts.slice(POSTERS, times).0,
                _ => mixed(&posts, times),
            };
            thread::sleep(CHECKPOINTED);
        }
        watch.tick();
        pairs.push(rates[0], rates[1]);
    }
    Report::new("E1", "durable calls, 20 % edits, over posts", "calls/s")
        .goal(Goal::AtLeast(0.9))
        .noisy(watch.noisy())
        .pairs(&pairs);
}

/// Calls a second.
fn mixed(posts: &OurPosts, times: usize) -> f64 {
    let last: Vec<parking_lot::Mutex<Option<MessageId>>> =
        (0..POSTERS).map(|_| Default::default()).collect();
    let (rate, _) = at_once(POSTERS, times, |poster, nth| {
        let number = posts.number.fetch_add(1, Ordering::Relaxed);
        let principal = posts.engine.authenticate(&posts.tokens[poster]).unwrap();
        let view = posts.engine.collaboration(&principal).unwrap();
        let room = &posts.rooms[poster % posts.rooms.len()];
        let message = NewMessage::text(text(number as usize));
        let mut last = last[poster].lock();
        match last.take().filter(|_| nth % EVERY == EVERY - 1) {
            Some(id) => drop(black_box(view.edit(room, id, message).unwrap())),
            None => *last = Some(view.post(room, message).unwrap().message.id),
        }
    });
    rate
}

/// Pages of a room of which every tenth message was edited, over the same room without edits.
fn paging(options: &Options, what: &str, has_archive: bool) {
    let open = |edited| {
        let directory = options.fresh_directory(&format!("paging-{has_archive}-{edited}"));
        let chat = match has_archive {
            true => Loopback::new(),
            false => Loopback::new().without_history(),
        };
        chat.room(room(0), "A room");
        let backend: Arc<dyn Backend> = Arc::new(chat);
        let engine = Engine::builder()
            .database(directory.join("db"))
            .shared_backend(backend)
            .open()
            .unwrap();
        let admin = engine.provisioning(&Principal::host("bench")).unwrap();
        let desk = NewAgent::new("desk", "loopback:desk").unwrap();
        admin.put_agent(desk.channel(room(0)).unwrap()).unwrap();
        let desk = engine.agent("desk").unwrap();
        desk.wait_joined(room(0), SOON).unwrap();
        fill(&desk, edited);
        (engine, desk)
    };
    let (plain, edited) = (open(0), open(EDITED));
    let mut watch = Watch::new(options);
    let mut pairs = Pairs::default();
    for _ in 0..options.pairs(15) {
        pairs.push(page_all(&plain.1), page_all(&edited.1));
        watch.tick();
    }
    Report::new(
        "E2",
        format!("paging 10,000 messages, 1,000 edited, from {what}"),
        "us/page",
    )
    .goal(Goal::AtMost(1.2))
    .noisy(watch.noisy())
    .pairs(&pairs);
    for (engine, _) in [plain, edited] {
        engine.shutdown(SOON).unwrap();
    }
}

fn fill(desk: &Collaboration, edited: usize) {
    let posters = 50;
    thread::scope(|scope| {
        for poster in 0..posters {
            scope.spawn(move || {
                for nth in 0..MESSAGES / posters {
                    let posted = desk.post(room(0), NewMessage::text(text(nth))).unwrap();
                    if nth % (MESSAGES / EDITED) == 0 && edited > 0 {
                        let message = NewMessage::text(text(nth + poster));
                        desk.edit(room(0), &posted, message).unwrap();
                    }
                }
            });
        }
    });
}

/// Microseconds a page.
fn page_all(desk: &Collaboration) -> f64 {
    let begin = Instant::now();
    let (mut before, mut pages, mut seen): (Option<MessageId>, usize, usize) = (None, 0, 0);
    loop {
        let before_id = before.as_ref().map(MessageId::as_str);
        let page = desk.messages(room(0), PAGE, before_id).unwrap();
        let Some(oldest) = page.first() else { break };
        before = Some(oldest.id.clone());
        pages += 1;
        seen += page.len();
    }
    assert_eq!(seen, MESSAGES, "every message, once");
    begin.elapsed().as_secs_f64() / pages as f64 * 1e6
}
