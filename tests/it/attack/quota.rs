//! How much one principal may fill of the journal, the audit and the write-ahead log.
//!
//! Method: `mallory` has an agent and a token and writes as much as she can, in every way there is.
//! `lene` and the agent `ops` had said something before; it must be there afterwards, and answers
//! to them must not become slow.

use super::full;
use crate::world::{Disk, OPS, SESAME, World, new_agent};
use std::time::{Duration, Instant};
use switchboard::{
    AgentId, Collaboration, Credentials, Cursor, Error, EventQuery, NewAgent, NewMessage, NewUser,
    Part, Principal, Provisioning, ProvisioningMode,
};

/// A limit that a flood of a few seconds exceeds.
const KEEP: u64 = 4 << 20;
/// Messages that others said before.
const BEFORE: usize = 200;
const HALL: &str = "chat-room:hall";

/// An engine on a file that keeps `keep` bytes, where [`BEFORE`] messages were said by `lene` and
/// `ops`.
fn besieged(disk: &Disk, keep: u64) -> (World, Collaboration) {
    let world = World::with(|builder| builder.database(disk.path()).keep_bytes(Some(keep)));
    world.chat.room(HALL, "Hall");
    let ops = world.agent("ops", &[OPS]);
    let lene = world.person("lene");
    for number in 0..BEFORE / 2 {
        lene.say(OPS, format!("lene {number}")).unwrap();
        ops.post(OPS, NewMessage::text(format!("ops {number}")))
            .unwrap();
    }
    world.settle();
    (world, ops)
}

/// Returns how many of the messages said before are in the file itself.
fn present(disk: &Disk) -> usize {
    let sql = "SELECT count(*) FROM message WHERE text GLOB 'lene *' OR text GLOB 'ops *'";
    usize::try_from(count(disk, sql)).unwrap()
}

fn count(disk: &Disk, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn bytes(disk: &Disk) -> u64 {
    u64::try_from(count(disk, "SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)"))
        .unwrap()
}

/// Lets the engine apply its retention until `shows` returns true.
fn until(world: &World, what: &str, shows: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !shows() {
        assert!(Instant::now() < limit, "{what}: not within a minute");
        world.pass(Duration::from_secs(61));
    }
}

/// Provisioning as a user of the agent `mallory`, whose mode is Self.
fn mallory(world: &World) -> (Provisioning, Collaboration) {
    let mut agent = new_agent("mallory", &[HALL]).user("mallory").unwrap();
    agent.mode = Some(ProvisioningMode::Own);
    world
        .admin()
        .put_user(
            NewUser::new("mallory", "mallory")
                .unwrap()
                .password(SESAME)
                .unwrap(),
        )
        .unwrap();
    world.put(agent);
    let token = world
        .engine
        .log_in(&Credentials::agent("mallory", SESAME, "mallory"))
        .unwrap();
    let principal = world.engine.authenticate(&token).unwrap();
    let own = world.engine.collaboration(&principal).unwrap();
    (world.engine.provisioning(&principal).unwrap(), own)
}

#[test]
fn metadata_of_one_agent_displaces_only_its_own() {
    let disk = Disk::new();
    let (world, _) = besieged(&disk, KEEP);
    let (own, _) = mallory(&world);
    let value = |number: usize| {
        format!("{number}").repeat(200 << 10 >> number.to_string().len().ilog2())[..200 << 10]
            .to_owned()
    };
    for number in 0..100 {
        own.put_metadata("mallory", vec![("config".into(), value(number + 10))])
            .unwrap();
    }
    let notices = "SELECT count(*) FROM notice WHERE octet_length(value) > 1000";
    until(&world, "notices of 20 MB", || count(&disk, notices) < 15);
    let audit = count(
        &disk,
        "SELECT sum(coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0)) FROM audit",
    );
    println!(
        "metadata: {} of {BEFORE} messages present, audit values {audit} bytes",
        present(&disk)
    );
    assert_eq!(present(&disk), BEFORE);
    assert!(audit < 100_000, "{audit}");
    for wrong in [
        own.put_metadata("mallory", vec![("config".into(), "x".repeat(1 << 20))]),
        own.put_metadata_value("mallory", "config", &"x".repeat(1 << 20)),
        own.put_metadata_value("mallory", &"k".repeat(2_000), "x"),
        own.put_metadata(
            "mallory",
            (0..2_000)
                .map(|number| (number.to_string(), String::new()))
                .collect(),
        ),
        own.put_metadata(
            "mallory",
            (0..10)
                .map(|number| (number.to_string(), "x".repeat(200 << 10)))
                .collect(),
        ),
    ] {
        assert!(matches!(wrong, Err(Error::TooLarge { .. })), "{wrong:?}");
    }
    for key in ["a", "b", "c", "d"] {
        own.put_metadata_value("mallory", key, &value(99)).unwrap();
    }
    let one_more = own.put_metadata_value("mallory", "e", &value(99));
    assert!(
        matches!(one_more, Err(Error::TooLarge { .. })),
        "1 MiB in all: {one_more:?}"
    );
}

#[test]
fn a_flood_of_posts_displaces_only_its_own() {
    let disk = Disk::new();
    let (world, _) = besieged(&disk, KEEP);
    let flooder = world.put(new_agent("mallory", &[OPS, HALL]));
    let link = |number: usize| {
        let url = format!("https://x/{number}/{}", "y".repeat(20_000));
        NewMessage::parts(vec![Part::Hyperlink {
            text: "x".into(),
            url,
        }])
    };
    for number in 0..400 {
        flooder
            .post(if number % 2 == 0 { OPS } else { HALL }, link(number))
            .unwrap();
    }
    until(&world, "8 MB of links", || {
        count(&disk, "SELECT count(*) FROM message") < (BEFORE + 200) as i64
    });
    println!(
        "posts: {} of {BEFORE} messages present, file {} KiB",
        present(&disk),
        bytes(&disk) >> 10
    );
    assert_eq!(present(&disk), BEFORE);
    let newest = flooder.messages(HALL, 1, None).unwrap();
    assert!(
        newest[0]
            .content
            .parts
            .iter()
            .any(|part| matches!(part, Part::Hyperlink { url, .. } if url.contains("/399/")))
    );

    let url = format!("https://x/{}", "y".repeat(900_000));
    let whole = flooder.post(
        OPS,
        NewMessage::parts(vec![Part::Hyperlink {
            text: "x".into(),
            url,
        }]),
    );
    assert!(
        matches!(whole, Err(Error::TooLarge { limit: 65_536, .. })),
        "{whole:?}"
    );
    let marked = flooder.post(
        OPS,
        NewMessage::text("x").classification("c".repeat(70_000)),
    );
    assert!(matches!(marked, Err(Error::TooLarge { .. })), "{marked:?}");
}

#[test]
fn what_strangers_flood_into_many_rooms_displaces_only_who_let_them_in() {
    let disk = Disk::new();
    let (world, _) = besieged(&disk, KEEP);
    let rooms: Vec<String> = (0..50)
        .map(|number| format!("chat-room:den-{number}"))
        .collect();
    for room in &rooms {
        world.chat.room(room.as_str(), room);
    }
    world.agent(
        "mallory",
        &rooms.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let accomplice = world.person("accomplice");
    for number in 0..20_000 {
        accomplice
            .say(rooms[number % 50].as_str(), "z".repeat(400))
            .unwrap();
        if number % 500 == 0 {
            world.settle();
        }
    }
    world.settle();
    until(&world, "8 MB in 50 rooms", || {
        count(&disk, "SELECT count(*) FROM message") < 8_000
    });
    println!(
        "rooms: {} of {BEFORE} messages present, file {} KiB",
        present(&disk),
        bytes(&disk) >> 10
    );
    assert_eq!(present(&disk), BEFORE);
}

#[test]
fn a_filled_audit_loses_values_of_whoever_filled_it() {
    let disk = Disk::new();
    let (world, _) = besieged(&disk, 1 << 20);
    let (own, _) = mallory(&world);
    let others = count(&disk, "SELECT count(*) FROM audit");
    for number in 0..2_500 {
        own.put_metadata_value("mallory", "state", &format!("{number:0400}"))
            .unwrap();
    }
    let size = "SELECT sum(40 + octet_length(who) + octet_length(action) + octet_length(subject)
        + coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0)) FROM audit";
    until(&world, "an audit of 2 MB", || {
        count(&disk, size) <= (1 << 20) / 8 + 60_000
    });
    let there = count(
        &disk,
        "SELECT count(*) FROM audit WHERE who NOT LIKE 'agent:%' AND after IS NOT '{\"dropped\":true}'",
    );
    println!(
        "audit: {there} of {others} rows of others as they were, {} bytes, {} messages",
        count(&disk, size),
        present(&disk)
    );
    assert_eq!((there, present(&disk)), (others, BEFORE));
}

#[test]
fn channels_put_and_deleted_leave_no_rows_behind() {
    let disk = Disk::new();
    let (world, _) = besieged(&disk, KEEP);
    let (own, _) = mallory(&world);
    let before = (
        count(&disk, "SELECT count(*) FROM conversation"),
        count(&disk, "SELECT count(*) FROM membership"),
    );
    for number in 0..100 {
        let room = format!("chat-room:tent-{number}");
        world.chat.room(room.as_str(), "Tent");
        own.put_channel("mallory", room.as_str()).unwrap();
        world.settle();
        own.delete_channel("mallory", room.as_str()).unwrap();
    }
    world.settle();
    assert_eq!(
        count(&disk, "SELECT count(*) FROM membership"),
        before.1,
        "stays in which nothing was said"
    );
    until(&world, "100 conversations", || {
        count(&disk, "SELECT count(*) FROM conversation") == before.0
    });
    assert_eq!(present(&disk), BEFORE);
}

#[test]
fn a_deleted_agent_does_not_move_the_head_back() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let ops = world.agent("ops", &[OPS]);
    world.put(new_agent("brief", &[OPS]).metadata("lang", "en"));
    world
        .admin()
        .put_metadata_value("brief", "lang", "da")
        .unwrap();
    let mark = world.mark(&ops);
    world.admin().delete_agent("brief").unwrap();
    let world = world.restart(&disk);
    let ops = world.engine.agent("ops").unwrap();
    ops.wait_active(crate::world::SOON).unwrap();
    let batch = ops.events(mark, &EventQuery::all()).unwrap();
    assert!(batch.events.is_empty() && !batch.gap, "{batch:?}");
    let now = Cursor::after(batch.last, &batch.instance);
    world.person("lene").say(OPS, "still here").unwrap();
    assert_eq!(
        world.since(&ops, &now, &EventQuery::messages()),
        ["lene: still here"]
    );
}

/// One agent with very many channels: what a change costs, what others' posts cost meanwhile, and
/// how long the log grows.
#[test]
fn a_change_of_an_agent_with_many_channels_costs_what_it_changes() {
    let many: usize = if full() { 40_000 } else { 8_000 };
    let disk = Disk::new();
    let world = World::stored(&disk);
    let ops = world.agent("ops", &[OPS]);
    let mut huge = NewAgent::new("huge", "loopback:huge").unwrap();
    huge.channels = (0..many)
        .map(|number| switchboard::ChannelId::parse(&format!("chat-room:{number}")).unwrap())
        .collect();
    world.admin().put_agent(huge).unwrap();
    // Its first joins, each of which fails, are separate work.
    let limit = Instant::now() + Duration::from_secs(100);
    while world.engine.settle(crate::world::SOON).is_err() {
        assert!(Instant::now() < limit, "{many} joins do not end");
    }
    let own = world.engine.provisioning(&Principal::host("ada")).unwrap();
    let id = AgentId::parse("huge").unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (mut changes, mut posts) = (Vec::new(), Vec::new());
    let mut log = 0;
    std::thread::scope(|threads| {
        let poster = threads.spawn(|| {
            let mut posts = Vec::new();
            while !stop.load(std::sync::atomic::Ordering::Acquire) {
                let begin = Instant::now();
                ops.post(OPS, NewMessage::text("meanwhile")).unwrap();
                posts.push(begin.elapsed());
            }
            posts
        });
        for number in 0..100 {
            let begin = Instant::now();
            match number % 4 {
                0 => drop(
                    own.put_channel(id.clone(), format!("chat-room:new-{number}").as_str())
                        .unwrap(),
                ),
                1 => own
                    .delete_channel(id.clone(), format!("chat-room:{number}").as_str())
                    .unwrap(),
                2 => drop(
                    own.put_metadata_value(id.clone(), "state", &number.to_string())
                        .unwrap(),
                ),
                _ => drop(
                    own.put_metadata(id.clone(), vec![("state".into(), number.to_string())])
                        .unwrap(),
                ),
            }
            changes.push(begin.elapsed());
            log = log.max(
                std::fs::metadata(format!("{}-wal", disk.path().display()))
                    .map_or(0, |file| file.len()),
            );
        }
        stop.store(true, std::sync::atomic::Ordering::Release);
        posts = poster.join().unwrap();
    });
    changes.sort_unstable();
    posts.sort_unstable();
    let median = changes[changes.len() / 2];
    println!(
        "{many} channels: a change {median:?} (slowest {:?}), a post of another {:?} (slowest {:?}), log {} KiB",
        changes[changes.len() - 1],
        posts[posts.len() / 2],
        posts[posts.len() - 1],
        log >> 10
    );
    assert!(
        median < Duration::from_millis(30),
        "{median:?}: before, 466 ms at 40,000"
    );
    assert!(log < 40 << 20, "{log}");
}
