//! One agent with very many channels: what its first joins, their failures and their losses cost
//! everybody else.
//!
//! Method: `ops` posts without a pause and measures each answer, while another agent is provisioned
//! with thousands of channels and joins them, or fails to. A loopback chat system, a file, a clock
//! that is moved by hand.

use super::full;
use crate::script::{Script, joined};
use crate::world::{Disk, OPS, SOON, World, begin, new_agent, seconds};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use switchboard::backend::{Inbound, reply};
use switchboard::{Collaboration, JoinState, NewMessage};

/// What a post of somebody else may take while one agent joins: the machine that tests may be busy,
/// but two seconds are a lock that is held.
const FAIR: Duration = Duration::from_millis(400);

/// Returns how long each post of `ops` takes while `busy` runs, sorted.
fn posts_while(ops: &Collaboration, busy: impl FnOnce()) -> Vec<Duration> {
    let stop = AtomicBool::new(false);
    let mut posts = std::thread::scope(|threads| {
        let poster = threads.spawn(|| {
            let mut posts = Vec::new();
            while !stop.load(Ordering::Acquire) || posts.is_empty() {
                let begun = Instant::now();
                ops.post(OPS, NewMessage::text("meanwhile")).unwrap();
                posts.push(begun.elapsed());
            }
            posts
        });
        busy();
        stop.store(true, Ordering::Release);
        poster.join().unwrap()
    });
    posts.sort_unstable();
    posts
}

/// Prints the figures of these posts, and returns the time within which 99 of 100 end.
fn figures(posts: &[Duration]) -> (String, Duration) {
    let at = |part: usize| posts[(posts.len() - 1) * part / 100];
    (
        format!(
            "{} posts of another: p50 {:?}, p99 {:?}, slowest {:?}",
            posts.len(),
            at(50),
            at(99),
            at(100)
        ),
        at(99),
    )
}

#[test]
fn the_first_joins_of_many_channels_leave_others_in_peace() {
    let many: usize = if full() { 40_000 } else { 4_000 };
    let disk = Disk::new();
    let world = World::stored(&disk);
    let ops = world.agent("ops", &[OPS]);
    let rooms: Vec<String> = (0..many)
        .map(|number| format!("chat-room:{number}"))
        .collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    for (id, exist) in [("missing", false), ("huge", true)] {
        if exist {
            rooms.iter().for_each(|room| world.chat.room(*room, "Room"));
        }
        let begun = Instant::now();
        let posts = posts_while(&ops, || {
            world.admin().put_agent(new_agent(id, &rooms)).unwrap();
            world
                .engine
                .agent(id)
                .unwrap()
                .wait_active(Duration::from_secs(300))
                .unwrap();
        });
        let (shown, p99) = figures(&posts);
        println!(
            "{many} first joins of `{id}`: {:?}; {shown}",
            begun.elapsed()
        );
        assert!(p99 < FAIR, "{p99:?}");
        let joined = world
            .status(id)
            .channels
            .iter()
            .filter(|channel| channel.state == JoinState::Active)
            .count();
        assert_eq!(joined, if exist { many } else { 0 });
    }
    let begun = Instant::now();
    let posts = posts_while(&ops, || {
        world.admin().put_agent(new_agent("huge", &[OPS])).unwrap();
        world.engine.settle(Duration::from_secs(300)).unwrap();
    });
    // One transaction ends all stays: a change costs as much as it changes, and this one changes
    // everything.
    println!(
        "{many} channels left: {:?}; {}",
        begun.elapsed(),
        figures(&posts).0
    );
}

/// Rooms whose first join does not end keep those who wait for them waiting, and nobody else: the
/// link's task once looked at the same waiting rooms for ever, and never came back.
#[test]
fn rooms_that_are_being_caught_up_do_not_make_the_link_spin() {
    let script = Script::silent().entering(|agent, channel, inbox| {
        reply(async move {
            let number: u32 = channel
                .as_str()
                .rsplit(':')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or(u32::MAX);
            if number < 40 {
                inbox.sleep(seconds(5)).await;
            }
            inbox
                .send(Inbound::Entered {
                    agent,
                    channel: channel.clone(),
                })
                .await
                .unwrap();
            Ok(joined(&channel))
        })
    });
    let world = World::with(|builder| builder.backend(script));
    let rooms: Vec<String> = (0..100)
        .map(|number| format!("chat-room:{number}"))
        .collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let put = |id: &str| {
        let mut agent = new_agent(id, &rooms);
        agent.address = switchboard::Address::parse(&format!("script:{id}")).unwrap();
        world.admin().put_agent(agent).unwrap();
    };
    let active = |id: &str| {
        world
            .status(id)
            .channels
            .iter()
            .filter(|channel| channel.state == JoinState::Active)
            .count()
    };
    let until = |id: &str, wanted: usize| {
        let limit = Instant::now() + SOON;
        while active(id) != wanted {
            assert!(
                Instant::now() < limit,
                "{} of {wanted} channels of `{id}` are active: the link's task spins",
                active(id)
            );
            std::thread::yield_now();
        }
    };
    put("first");
    until("first", 60);
    put("second");
    until("second", 60);
    world
        .engine
        .settle(SOON)
        .expect("who waits for a room costs nothing");
    // The second agent's own joins take five seconds, too.
    for id in ["first", "second"] {
        let agent = world.engine.agent(id).unwrap();
        let done = begin(agent.wait_active_async());
        world.pass(seconds(6));
        until(id, 100);
        done.join().unwrap().unwrap();
    }
}
