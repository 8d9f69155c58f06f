//! Clients that keep the largest id they saw and send no instance, as the vendor's streaming
//! clients in Java and C# do.
//!
//! Goal: such a client gets each message exactly once, whatever its number is worth here. Such a
//! client was once given one message 105,562 times. Method: the client's loop, which gives up after
//! twenty answers in a row that were not empty.

use super::messages;
use crate::world::{Disk, OPS, SOON, World, chat, line, seconds};
use switchboard::{Collaboration, Cursor, EventId, EventMode};

struct Streaming {
    last: i64,
    heard: Vec<String>,
}

impl Streaming {
    fn from(last: i64) -> Streaming {
        Streaming {
            last,
            heard: Vec::new(),
        }
    }

    /// Asks until an answer is empty.
    #[track_caller]
    fn listens(&mut self, agent: &Collaboration) {
        for _ in 0..20 {
            let cursor = Cursor::after_id(EventId(self.last));
            let events = agent.events(cursor, &messages()).unwrap().events;
            if events.is_empty() {
                return;
            }
            for event in events {
                self.last = self.last.max(event.id.0);
                self.heard.push(line(&event));
            }
        }
        panic!("it is given events for ever: {:?}", self.heard);
    }

    /// Hears each of these messages once, whether it asks after each or after several.
    #[track_caller]
    fn hears(&mut self, world: &World, agent: &Collaboration, name: &str) {
        self.heard.clear();
        let mut said = Vec::new();
        for n in 0..12 {
            world
                .person("lene")
                .say(OPS, format!("{name} {n}"))
                .unwrap();
            world.settle();
            said.push(format!("lene: {name} {n}"));
            if n % 4 != 2 {
                self.listens(agent);
                self.listens(agent);
            }
        }
        world.pass(seconds(60));
        self.listens(agent);
        assert_eq!(self.heard, said, "{name}");
    }
}

#[test]
fn a_cursor_from_elsewhere_gets_each_message_once() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let newest = echo.events(Cursor::window(), &messages()).unwrap().last.0;
    for (name, cursor) in [
        ("small", 5000),
        ("just above", newest + 20),
        ("far above", i64::from(i32::MAX)),
        ("beyond", i64::MAX),
    ] {
        let mut client = Streaming::from(cursor);
        client.listens(&echo);
        client.hears(&world, &echo, name);
    }
}

#[test]
fn the_window_comes_once_to_a_cursor_above_the_newest() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    world.person("lene").say(OPS, "before").unwrap();
    world.settle();
    let mut client = Streaming::from(2_000_000_000);
    client.listens(&echo);
    client.listens(&echo);
    assert_eq!(client.heard, ["lene: before"]);
}

#[test]
fn a_replaced_database_gives_each_message_once() {
    // The same clock, so that both instances begin with the same id: the client's is above.
    let (chat, mut client) = (chat(), Streaming::from(0));
    for name in ["old", "new", "newer"] {
        let world = World::on(chat.clone(), |builder| builder);
        let echo = world.agent("echo", &[OPS]);
        client.hears(&world, &echo, name);
        world.engine.shutdown(SOON).unwrap();
    }
}

#[test]
fn a_restart_in_buffered_mode_gives_each_message_once_and_ids_go_on_rising() {
    let (disk, mut client) = (Disk::new(), Streaming::from(0));
    let buffered = |builder: switchboard::Builder| builder.event_mode(EventMode::Buffered);
    let mut world = World::with(|builder| buffered(builder.database(disk.path())));
    for name in ["first", "second", "third"] {
        let echo = world.agent("echo", &[OPS]);
        let before = client.last;
        client.hears(&world, &echo, name);
        assert!(client.last >= before + 12, "{name}: ids rise");
        world = world.restart_with(&disk, buffered);
    }
}

#[test]
fn a_named_reader_with_such_a_cursor_gets_each_message_once() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let ask = || {
        let cursor = Cursor::after_id(EventId(2_000_000_000));
        let batch = echo.poll_reader("main", cursor, &messages(), seconds(0));
        batch.unwrap().events.iter().map(line).collect::<Vec<_>>()
    };
    for n in 0..3 {
        world.person("lene").say(OPS, format!("n{n}")).unwrap();
        world.settle();
        assert_eq!(ask(), [format!("lene: n{n}")]);
        assert!(ask().is_empty());
    }
}

#[test]
fn an_event_comes_once_to_a_poll_that_waits_with_such_a_cursor() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let (waiting, cursor) = (echo.clone(), Cursor::after_id(EventId(2_000_000_000)));
    let asked = cursor.clone();
    let poll = std::thread::spawn(move || waiting.wait_events(asked, &messages(), seconds(60)));
    world.until(|stats| stats.waiters == 1);
    world.person("lene").say(OPS, "at last").unwrap();
    let events = poll.join().unwrap().unwrap().events;
    assert_eq!(
        events.iter().map(line).collect::<Vec<_>>(),
        ["lene: at last"]
    );
    assert!(echo.events(cursor, &messages()).unwrap().events.is_empty());
}

#[test]
fn a_restored_copy_is_another_instance_and_its_ids_are_above() {
    let (disk, copy, mut client) = (Disk::new(), Disk::new(), Streaming::from(0));
    let world = World::with(|builder| builder.database(disk.path()));
    let echo = world.agent("echo", &[OPS]);
    client.hears(&world, &echo, "before");
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    let target = copy.path().display().to_string();
    connection.execute("VACUUM INTO ?1", [target]).unwrap();
    drop(connection);
    client.hears(&world, &echo, "lost with the disk");
    let instance = echo.events(Cursor::window(), &messages()).unwrap().instance;
    world.engine.shutdown(SOON).unwrap();

    let restored = World::with(|builder| builder.database(copy.path()));
    let echo = restored.agent("echo", &[OPS]);
    let fresh = echo.events(Cursor::window(), &messages()).unwrap().instance;
    assert_ne!(instance, fresh);
    client.hears(&restored, &echo, "after");
    // The next start of the same file is the same instance.
    let again = restored.restart(&copy);
    let echo = again.agent("echo", &[OPS]);
    let kept = echo.events(Cursor::window(), &messages()).unwrap().instance;
    assert_eq!(fresh, kept);
}
