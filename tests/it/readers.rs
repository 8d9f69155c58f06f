//! Named readers: a cursor that the engine keeps, moved by acknowledging, over restarts and beside
//! rivals.
//!
//! Method: `lene` speaks in a room, the agent `echo` reads under the name `main`, in every way
//! there is.

use crate::world::{Disk, LAB, OPS, SOON, World, begin, line, lines, poll, seconds, wait};
use futures_util::StreamExt;
use std::task::Poll;
use std::thread;
use switchboard::{Collaboration, Cursor, Error, Event, EventId, EventQuery, Reader};

fn messages() -> EventQuery {
    EventQuery::messages()
}

fn echo(world: &World) -> Collaboration {
    world.agent("echo", &[OPS])
}

fn say(world: &World, texts: &[&str]) {
    let lene = world.person("lene");
    texts
        .iter()
        .for_each(|text| drop(lene.say(OPS, *text).unwrap()));
    world.settle();
}

/// Returns the next event, which must be there.
fn next(reader: &mut Reader) -> String {
    line(&reader.next().unwrap().expect("the engine runs"))
}

fn nothing(reader: &mut Reader) {
    let event = reader.next_timeout(seconds(0)).unwrap();
    assert!(event.is_none(), "{event:?}");
}

/// Returns what a request under the name `main` gets without waiting.
fn ask(echo: &Collaboration, cursor: Cursor) -> Vec<Event> {
    wait(echo.poll_reader_async("main", cursor, messages(), seconds(0)))
        .unwrap()
        .events
}

#[test]
fn a_new_name_begins_with_the_window() {
    let world = World::new();
    let echo = echo(&world);
    say(&world, &["old"]);
    world.pass(seconds(15));
    say(&world, &["young"]);
    let mut reader = echo.reader("main", messages()).unwrap();
    assert_eq!(next(&mut reader), "lene: young");
    nothing(&mut reader);
}

#[test]
fn asking_for_the_next_acknowledges_the_one_before_and_a_restart_goes_on_there() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let mut reader = echo(&world).reader("main", messages()).unwrap();
    say(&world, &["one", "two", "three"]);
    assert_eq!(next(&mut reader), "lene: one");
    assert_eq!(next(&mut reader), "lene: two");
    drop(reader);
    let world = world.restart(&disk);
    let mut reader = world
        .engine
        .agent("echo")
        .unwrap()
        .reader("main", messages())
        .unwrap();
    assert_eq!(
        next(&mut reader),
        "lene: two",
        "given, but not acknowledged"
    );
    assert_eq!(next(&mut reader), "lene: three");
}

#[test]
fn a_cursor_is_kept_for_longer_than_the_window() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let mut reader = echo(&world).reader("main", messages()).unwrap();
    say(&world, &["one", "two"]);
    assert_eq!(next(&mut reader), "lene: one");
    world.pass(seconds(86_400));
    say(&world, &["three"]);
    assert_eq!(
        (next(&mut reader), next(&mut reader)),
        ("lene: two".to_owned(), "lene: three".to_owned())
    );
    drop(reader);
    world.pass(seconds(86_400));
    let world = world.restart(&disk);
    let mut reader = world
        .engine
        .agent("echo")
        .unwrap()
        .reader("main", messages())
        .unwrap();
    assert_eq!(next(&mut reader), "lene: three");
}

#[test]
fn acknowledge_is_durable_when_it_returns() {
    let (disk, crashed) = (Disk::new(), Disk::new());
    let world = World::stored(&disk);
    let mut reader = echo(&world).reader("main", messages()).unwrap();
    say(&world, &["one", "two"]);
    next(&mut reader);
    reader.acknowledge().unwrap();
    // Copies the files as they are now, whatever happens to the engine.
    for file in std::fs::read_dir(disk.directory()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), crashed.directory().join(file.file_name())).unwrap();
    }
    drop(reader);
    let world = world.restart(&crashed);
    let mut reader = world
        .engine
        .agent("echo")
        .unwrap()
        .reader("main", messages())
        .unwrap();
    assert_eq!(next(&mut reader), "lene: two");
}

#[test]
fn a_second_reader_of_the_name_supersedes_the_first_even_while_it_waits() {
    let world = World::new();
    let echo = echo(&world);
    let mut first = echo.reader("main", messages()).unwrap();
    let waiting = thread::spawn(move || first.next());
    world.until(|stats| stats.waiters == 1);
    let mut second = echo.reader("main", messages()).unwrap();
    assert_eq!(
        waiting.join().unwrap().unwrap_err(),
        Error::Superseded("main".to_owned())
    );
    say(&world, &["one"]);
    assert_eq!(next(&mut second), "lene: one");
    let mut third = echo.reader("main", messages()).unwrap();
    assert!(matches!(second.next(), Err(Error::Superseded(_))));
    assert_eq!(next(&mut third), "lene: one", "it was not acknowledged");
}

#[test]
fn names_are_independent_and_belong_to_their_agent() {
    let world = World::new();
    let (echo, bob) = (echo(&world), world.agent("bob", &[OPS]));
    let mut readers = [("main", &echo), ("other", &echo), ("main", &bob)]
        .map(|(name, view)| view.reader(name, messages()).unwrap());
    say(&world, &["one"]);
    for reader in &mut readers {
        assert_eq!(next(reader), "lene: one");
        nothing(reader);
    }
}

#[test]
fn an_agent_has_at_most_32_names() {
    let world = World::new();
    let echo = echo(&world);
    for n in 0..32 {
        echo.reader(format!("r{n}"), messages()).unwrap();
    }
    assert!(matches!(
        echo.reader("one too many", messages()),
        Err(Error::Invalid(_))
    ));
    let polled =
        wait(echo.poll_reader_async("one too many", Cursor::window(), messages(), seconds(0)));
    assert!(matches!(polled, Err(Error::Invalid(_))));
    assert!(
        echo.reader("r7", messages()).is_ok(),
        "an old name is none more"
    );
    world.admin().delete_reader("echo", "r7").unwrap();
    assert!(echo.reader("one too many", messages()).is_ok());
}

#[test]
fn a_deleted_reader_is_superseded_and_its_name_begins_anew() {
    let world = World::new();
    let echo = echo(&world);
    let mut reader = echo.reader("main", messages()).unwrap();
    say(&world, &["one", "two"]);
    next(&mut reader);
    next(&mut reader);
    world.admin().delete_reader("echo", "main").unwrap();
    assert!(matches!(reader.next(), Err(Error::Superseded(_))));
    assert_eq!(
        next(&mut echo.reader("main", messages()).unwrap()),
        "lene: one"
    );
}

#[test]
fn what_retention_dropped_before_a_reader_came_to_it_is_a_gap() {
    let world = World::with(|builder| builder.keep_messages(Some(seconds(3600))));
    let mut reader = echo(&world).reader("main", messages()).unwrap();
    say(&world, &["too old", "too old too"]);
    world.pass(seconds(3660));
    world.agent("bob", &[LAB]);
    world.admin().put_metadata_value("bob", "a", "b").unwrap();
    world.admin().put_metadata_value("bob", "a", "c").unwrap();
    say(&world, &["new"]);
    assert_eq!(next(&mut reader), "gap");
    assert_eq!(next(&mut reader), "lene: new");
    nothing(&mut reader);
}

#[test]
fn a_request_above_zero_records_its_place_and_one_of_zero_goes_on_after_it() {
    let world = World::new();
    let echo = echo(&world);
    say(&world, &["one", "two", "three"]);
    let first = ask(&echo, Cursor::window());
    assert_eq!(lines(&first), ["lene: one", "lene: two", "lene: three"]);
    assert_eq!(
        ask(&echo, Cursor::after_id(EventId(-1))).len(),
        3,
        "sent, but not acknowledged: it comes again"
    );
    let two = Cursor::after(first[1].id, &first[1].instance);
    assert_eq!(lines(&ask(&echo, two)), ["lene: three"]);
    assert_eq!(lines(&ask(&echo, Cursor::window())), ["lene: three"]);
    let one = Cursor::after(first[0].id, &first[0].instance);
    assert_eq!(
        lines(&ask(&echo, one)),
        ["lene: three"],
        "a place never moves back"
    );
    world.pass(seconds(3600));
    assert_eq!(
        lines(&ask(&echo, Cursor::window())),
        ["lene: three"],
        "however old"
    );
    let wrong = switchboard::InstanceId::parse("another").unwrap();
    let gone = wait(echo.poll_reader_async(
        "main",
        Cursor::after(EventId(1), &wrong),
        messages(),
        seconds(0),
    ));
    assert!(matches!(gone, Err(Error::InstanceGone)));
}

#[test]
fn a_polled_place_is_kept_over_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let echo = echo(&world);
    say(&world, &["one", "two"]);
    let first = ask(&echo, Cursor::window());
    ask(&echo, Cursor::after(first[0].id, &first[0].instance));
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    assert_eq!(lines(&ask(&echo, Cursor::window())), ["lene: two"]);
}

#[test]
fn a_second_poll_of_a_name_ends_the_first_with_nothing() {
    let world = World::new();
    let echo = echo(&world);
    let first = begin(echo.poll_reader_async("main", Cursor::window(), messages(), seconds(600)));
    world.until(|stats| stats.waiters == 1);
    let second = begin(echo.poll_reader_async("main", Cursor::window(), messages(), seconds(600)));
    assert!(first.join().unwrap().unwrap().events.is_empty());
    world.until(|stats| stats.waiters == 1);
    say(&world, &["one"]);
    assert_eq!(
        lines(&second.join().unwrap().unwrap().events),
        ["lene: one"]
    );
}

#[test]
fn an_administrator_sees_the_readers_and_how_far_behind_they_are() {
    let world = World::new();
    let echo = echo(&world);
    let mut reader = echo.reader("main", messages()).unwrap();
    world.settle();
    let noon = world.clock_now();
    nothing(&mut reader);
    world.settle();
    assert_eq!(world.admin().readers().unwrap()[0].lag, 0, "looked through");
    say(&world, &["one", "two"]);
    let status = &world.admin().readers().unwrap()[0];
    assert_eq!(
        (
            status.agent.as_str(),
            status.name.as_str(),
            status.lag,
            status.moved
        ),
        ("echo", "main", 2, noon)
    );
    world.pass(seconds(60));
    next(&mut reader);
    next(&mut reader);
    drop(reader);
    world.settle();
    let status = &world.admin().readers().unwrap()[0];
    assert_eq!((status.lag, status.moved), (1, noon + seconds(60)));
}

#[test]
fn a_reader_of_a_deleted_agent_ends() {
    let world = World::new();
    let mut reader = echo(&world).reader("main", messages()).unwrap();
    let waiting = thread::spawn(move || reader.next().map(|event| event.is_none()));
    world.until(|stats| stats.waiters == 1);
    world.admin().delete_agent("echo").unwrap();
    assert_eq!(waiting.join().unwrap(), Ok(true));
}

#[test]
fn a_timeout_is_engine_time() {
    let world = World::new();
    let mut reader = echo(&world).reader("main", messages()).unwrap();
    let waiting = thread::spawn(move || {
        reader
            .next_timeout(seconds(20))
            .map(|event| event.is_none())
    });
    world.until(|stats| stats.waiters == 1);
    world.pass(seconds(19));
    assert!(!waiting.is_finished());
    world.pass(seconds(1));
    assert_eq!(waiting.join().unwrap(), Ok(true));
}

#[test]
fn a_reader_waits_on_any_executor_and_a_dropped_future_loses_nothing() {
    let world = World::new();
    let (mut reader, lene) = (
        echo(&world).reader("main", messages()).unwrap(),
        world.person("lene"),
    );
    {
        let mut waiting = Box::pin(reader.next_async());
        assert!(matches!(poll(&mut waiting), Poll::Pending));
        lene.say(OPS, "one").unwrap();
    }
    assert_eq!(
        wait(reader.next_async()).unwrap().as_ref().map(line),
        Some("lene: one".to_owned())
    );
    lene.say(OPS, "two").unwrap();
    assert_eq!(
        wait(reader.next_timeout_async(seconds(1)))
            .unwrap()
            .as_ref()
            .map(line),
        Some("lene: two".to_owned())
    );
    wait(reader.acknowledge_async()).unwrap();
}

#[test]
fn a_reader_is_a_stream_that_ends_with_the_engine() {
    let world = World::new();
    let reader = echo(&world).reader("main", messages()).unwrap();
    say(&world, &["one", "two"]);
    let heard = thread::spawn(move || {
        let mut stream = Box::pin(reader.stream());
        let mut texts = Vec::new();
        while let Some(event) = wait(stream.next()) {
            texts.push(line(&event?));
        }
        Ok::<_, Error>(texts)
    });
    world.until(|stats| stats.waiters == 1);
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(heard.join().unwrap().unwrap(), ["lene: one", "lene: two"]);
}

#[test]
fn a_waiting_reader_ends_with_none_when_the_engine_stops() {
    let world = World::new();
    let mut reader = echo(&world).reader("main", messages()).unwrap();
    let waiting = thread::spawn(move || {
        (
            reader.next().map(|event| event.is_none()),
            reader.next().map(|event| event.is_none()),
        )
    });
    world.until(|stats| stats.waiters == 1);
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(
        waiting.join().unwrap(),
        (Ok(true), Ok(true)),
        "and stays at its end"
    );
}

#[test]
fn a_name_is_checked_and_so_is_a_pattern() {
    let world = World::new();
    let echo = echo(&world);
    assert!(matches!(
        echo.reader("", messages()),
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        echo.reader("a\nb", messages()),
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        echo.reader("main", messages().regex("(")),
        Err(Error::Invalid(_))
    ));
    assert_eq!(world.admin().readers(), Ok(vec![]));
}

#[test]
fn a_cursor_may_begin_with_the_oldest_event() {
    let world = World::new();
    let echo = echo(&world);
    say(&world, &["old"]);
    world.pass(seconds(3600));
    say(&world, &["young"]);
    let seen = |cursor| lines(&echo.events(cursor, &messages()).unwrap().events);
    assert_eq!(seen(Cursor::window()), ["lene: young"]);
    assert_eq!(seen(Cursor::beginning()), ["lene: old", "lene: young"]);
}

#[test]
fn a_reader_iterates_until_the_engine_ends_and_tells_an_error_first() {
    let world = World::new();
    let echo = echo(&world);
    let mut reader = echo.reader("main", messages()).unwrap();
    say(&world, &["one", "two"]);
    let texts: Vec<_> = reader
        .iter()
        .take(2)
        .map(|event| line(&event.unwrap()))
        .collect();
    assert_eq!(texts, ["lene: one", "lene: two"]);
    let rival = echo.reader("main", messages()).unwrap();
    let ended: Vec<_> = reader.iter().collect();
    assert!(
        matches!(&ended[..], [Err(Error::Superseded(_))]),
        "{ended:?}"
    );
    let (engine, mut rival) = (world.engine.clone(), rival);
    let counted = thread::spawn(move || rival.iter().filter(Result::is_ok).count());
    engine.shutdown(SOON).unwrap();
    assert!(
        counted.join().unwrap() <= 1,
        "the last one was not acknowledged"
    );
}
