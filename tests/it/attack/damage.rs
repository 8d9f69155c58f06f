//! Rows that SQLite reads without a word and that no switchboard wrote: a start refuses them and
//! names the table, a reader that meets one makes the engine not ready, and no number, however
//! large, makes the arithmetic overflow.

use super::full;
use crate::world::{Disk, OPS, SOON, World, seconds};
use rusqlite::Connection;
use switchboard::backend::Loopback;
use switchboard::testing::ManualClock;
use switchboard::{Cursor, Engine, Error, EventId, EventQuery, NewMessage, Throttle, ThrottleKind};

/// Puts a row into every table.
fn filled(disk: &Disk) -> World {
    let world = World::with(|builder| builder.database(disk.path()).event_window(seconds(60)));
    let agent = world.agent("echo", &[OPS]);
    world.admin().put_metadata_value("echo", "k", "v").unwrap();
    let slow = Throttle::new("slow", ThrottleKind::MessagesPerMinute, 100)
        .and_then(|throttle| throttle.agent("echo"));
    world.admin().put_throttle(slow.unwrap()).unwrap();
    for n in 0..3 {
        agent.post(OPS, NewMessage::text(format!("{n}"))).unwrap();
    }
    drop(agent.reader("mine", EventQuery::all()).unwrap());
    world.settle();
    world
}

/// Changes the file from another program.
fn damage(disk: &Disk, statement: &str) {
    let connection = Connection::open(disk.path()).unwrap();
    connection.busy_timeout(SOON).unwrap();
    let changed = connection
        .execute(statement, [])
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    assert!(changed > 0, "{statement} met no row");
}

/// Stops, damages the file, and opens it with the same chat system and clock: the rows still lie in
/// the window.
fn reopened(
    world: World,
    disk: &Disk,
    statement: &str,
) -> (switchboard::Result<Engine>, Loopback, ManualClock) {
    world.engine.shutdown(SOON).unwrap();
    let World {
        chat,
        clock,
        engine,
    } = world;
    drop(engine);
    damage(disk, statement);
    let builder = Engine::builder()
        .database(disk.path())
        .backend(chat.clone())
        .clock(clock.clone());
    (builder.event_window(seconds(60)).open(), chat, clock)
}

#[test]
fn a_damaged_row_at_the_start_names_its_one_table() {
    const MAX: i64 = i64::MAX;
    let cases = [
        (
            format!("UPDATE setting SET value = {MAX} WHERE name = 'reserved'"),
            "setting",
        ),
        (
            "UPDATE setting SET value = 0 WHERE name = 'reserved'".into(),
            "setting",
        ),
        (
            "UPDATE setting SET value = 'x' WHERE name = 'reserved'".into(),
            "setting",
        ),
        (
            "UPDATE setting SET value = -1 WHERE name = 'revision'".into(),
            "setting",
        ),
        (
            format!("UPDATE setting SET value = {MAX} WHERE name = 'revision'"),
            "setting",
        ),
        (
            format!("INSERT OR REPLACE INTO setting VALUES ('sealed', {MAX})"),
            "setting",
        ),
        (
            format!("UPDATE setting SET value = {MAX} WHERE name = 'base'"),
            "setting",
        ),
        (
            format!("UPDATE setting SET value = {MAX} WHERE name = 'date_ledger'"),
            "setting",
        ),
        (
            format!("UPDATE setting SET value = -{MAX} - 1 WHERE name = 'date_believed'"),
            "setting",
        ),
        (
            "UPDATE setting SET value = x'00' WHERE name = 'key'".into(),
            "setting",
        ),
        (
            "UPDATE setting SET value = '' WHERE name = 'instance'".into(),
            "setting",
        ),
        (
            "UPDATE message SET message_id = '' WHERE seq = (SELECT min(seq) FROM message)".into(),
            "message",
        ),
        (
            format!("UPDATE message SET seq = {MAX} WHERE seq = (SELECT max(seq) FROM message)"),
            "message",
        ),
        (
            format!("UPDATE notice SET seq = {MAX} WHERE seq = (SELECT max(seq) FROM notice)"),
            "notice",
        ),
        ("UPDATE notice SET kind = 7".into(), "notice"),
        (
            "UPDATE conversation SET channel = ''".into(),
            "conversation",
        ),
        ("UPDATE agent SET mode = 9".into(), "agent"),
        ("UPDATE agent SET id = char(0) || 'x'".into(), "agent"),
        (
            "UPDATE agent_channel SET channel = ''".into(),
            "agent_channel",
        ),
        ("UPDATE throttle SET kind = 9".into(), "throttle"),
        (
            "UPDATE throttle_agent SET agent = char(0)".into(),
            "throttle_agent",
        ),
    ];
    let mut wrong = Vec::new();
    for (statement, table) in &cases {
        let disk = Disk::new();
        let error = reopened(filled(&disk), &disk, statement).0.err();
        let told = format!("table {table} ");
        if !matches!(&error, Some(Error::Corrupt { reason, .. }) if reason.contains(&told)) {
            wrong.push(format!("{statement}: {error:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("{} kinds of damage, each told with its table", cases.len());
}

/// What is read only when somebody asks: the window in memory is over.
#[test]
fn damage_that_a_reader_meets_makes_the_engine_not_ready() {
    for statement in [
        "UPDATE conversation SET channel = ''",
        "UPDATE message SET message_id = '' WHERE seq = (SELECT min(seq) FROM message)",
        "UPDATE notice SET kind = 7",
        "UPDATE notice SET kind = 2, name = ''",
    ] {
        let disk = Disk::new();
        let world = filled(&disk);
        world.pass(seconds(600));
        world.settle();
        let agent = world.engine.agent("echo").unwrap();
        // New messages push the old rows out of the window.
        agent.post(OPS, NewMessage::text("later")).unwrap();
        world.settle();
        let read = || agent.events(Cursor::after_id(EventId(1)), &EventQuery::all());
        assert!(
            read().is_ok_and(|batch| !batch.events.is_empty()),
            "{statement}: nothing was read"
        );
        damage(&disk, statement);
        let refused = read();
        assert!(
            matches!(refused, Err(Error::Corrupt { .. })),
            "{statement}: {refused:?}"
        );
        let readiness = world.engine.readiness();
        assert!(
            !readiness.ready && readiness.reason.contains("damaged"),
            "{statement}: {readiness:?}"
        );
        println!("{statement}: {}", readiness.reason);
        let _ = world.engine.shutdown(SOON);
    }
}

fn touch(engine: &Engine, world: &World) {
    let not_internal = |what: &str, error: Option<Error>| {
        assert!(
            !matches!(error, Some(Error::Internal(_))),
            "{what}: {error:?}"
        )
    };
    let agent = engine.agent("echo").unwrap();
    let admin = world.admin();
    not_internal(
        "events",
        agent
            .events(Cursor::after_id(EventId(1)), &EventQuery::all())
            .err(),
    );
    not_internal(
        "the window",
        agent.events(Cursor::window(), &EventQuery::all()).err(),
    );
    not_internal("messages", agent.messages(OPS, 10, None).err());
    not_internal("readers", admin.readers().err());
    not_internal(
        "a change",
        admin.put_metadata_value("echo", "k", "other").err(),
    );
    let _ = agent.wait_active(seconds(1));
    not_internal("a post", agent.post(OPS, NewMessage::text("after")).err());
    world.settle();
}

#[test]
fn no_stored_number_makes_the_arithmetic_overflow() {
    let mut refused = 0;
    let columns = [
        "reader SET place",
        "membership SET since",
        "message SET committed",
        "agent SET revision",
        // The rest runs only with the long attacks.
        "message SET time",
        "notice SET committed",
        "notice SET agent",
        "membership SET until",
        "reader SET moved",
        "agent SET dropped",
        "agent_channel SET put",
        "agent_metadata SET position",
        "throttle SET threshold",
        "audit SET time",
    ];
    let columns = if full() { &columns[..] } else { &columns[..4] };
    for column in columns {
        for number in [i64::MAX, i64::MIN] {
            let disk = Disk::new();
            let world = filled(&disk);
            let (opened, chat, clock) =
                reopened(world, &disk, &format!("UPDATE {column} = {number}"));
            match opened {
                Ok(engine) => {
                    let world = World {
                        chat,
                        clock,
                        engine: engine.clone(),
                    };
                    touch(&engine, &world);
                    world.pass(seconds(600));
                    touch(&engine, &world);
                    let _ = engine.shutdown(SOON);
                }
                Err(Error::Corrupt { .. }) => refused += 1,
                Err(error) => panic!("{column} = {number}: {error:?}"),
            }
        }
    }
    println!(
        "{} numbers, {refused} refused at the start, none overflowed",
        2 * columns.len()
    );
}
