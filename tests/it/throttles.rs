//! Throttles (§throttles/count): exact in any sliding minute, all asked together, alive over a
//! restart.
//!
//! Method: `echo` posts by the clock; it is written down what is admitted when, and what the
//! refusals say.

use crate::world::{Disk, LAB, OPS, World, begin, new_agent, seconds, wait};
use std::time::Duration;
use switchboard::{Collaboration, Error, Message, NewMessage, Result, Throttle, ThrottleKind};

use ThrottleKind::{ConcurrentTransfers, MessagesPerMinute, TargetedMessagesPerMinute};

fn put(world: &World, id: &str, kind: ThrottleKind, threshold: u32) {
    let throttle = Throttle::new(id, kind, threshold).and_then(|throttle| throttle.agent("echo"));
    world.admin().put_throttle(throttle.unwrap()).unwrap();
}

fn post(echo: &Collaboration, channel: &str) -> Result<Message> {
    Ok(echo.post(channel, NewMessage::text("x"))?.message)
}

/// Returns the throttle that refuses a post, and for how long.
fn refused(echo: &Collaboration, channel: &str) -> (String, Duration) {
    match post(echo, channel) {
        Err(Error::Throttled {
            throttle,
            retry_after,
        }) => (throttle, retry_after),
        other => panic!("{other:?}"),
    }
}

fn echo(world: &World) -> Collaboration {
    world.agent("echo", &[OPS, LAB])
}

#[test]
fn a_minute_slides_so_that_any_sixty_seconds_hold_no_more_than_the_threshold() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "slow", MessagesPerMinute, 3);
    for pause in [10, 20, 0] {
        post(&echo, OPS).unwrap();
        world.pass(seconds(pause));
    }
    // The posts were at 0, 10 and 30 seconds; now it is 30.
    assert_eq!(
        refused(&echo, LAB),
        ("slow".to_owned(), seconds(30)),
        "whatever the channel"
    );
    world.pass(Duration::from_millis(29_999));
    assert_eq!(refused(&echo, OPS).1, Duration::from_millis(1));
    world.pass(Duration::from_millis(1));
    post(&echo, OPS).unwrap();
    assert_eq!(
        refused(&echo, OPS).1,
        seconds(10),
        "the one of second 10 is next"
    );
    world.pass(seconds(10));
    post(&echo, OPS).unwrap();
    assert_eq!(refused(&echo, OPS).1, seconds(20));
}

#[test]
fn a_targeted_throttle_counts_each_channel_by_itself() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "slow", TargetedMessagesPerMinute, 1);
    post(&echo, OPS).unwrap();
    post(&echo, LAB).unwrap();
    assert_eq!(refused(&echo, OPS).0, "slow");
    assert_eq!(refused(&echo, LAB).0, "slow");
}

#[test]
fn each_agent_is_counted_by_itself_and_others_not_at_all() {
    let world = World::new();
    let (echo, bob, ada) = (
        echo(&world),
        world.agent("bob", &[OPS]),
        world.agent("ada", &[OPS]),
    );
    let slow =
        Throttle::new("slow", MessagesPerMinute, 1).and_then(|throttle| throttle.agent("echo"));
    let slow = slow.and_then(|slow| slow.agent("bob")).unwrap();
    world.admin().put_throttle(slow).unwrap();
    post(&echo, OPS).unwrap();
    post(&bob, OPS).unwrap();
    assert_eq!(
        (refused(&echo, OPS).0, refused(&bob, OPS).0),
        ("slow".to_owned(), "slow".to_owned())
    );
    post(&ada, OPS).unwrap();
    post(&ada, OPS).unwrap();
}

#[test]
fn several_must_all_admit_and_what_one_refuses_none_counts() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "all", MessagesPerMinute, 3);
    put(&world, "each", TargetedMessagesPerMinute, 2);
    post(&echo, OPS).unwrap();
    post(&echo, OPS).unwrap();
    for _ in 0..5 {
        assert_eq!(refused(&echo, OPS).0, "each");
    }
    post(&echo, LAB).unwrap();
    assert_eq!(refused(&echo, LAB).0, "all");
    world.pass(seconds(10));
    assert_eq!(refused(&echo, OPS).1, seconds(50));
}

#[test]
fn posts_from_before_a_throttle_count_at_once_and_a_deleted_one_no_more() {
    let world = World::new();
    let echo = echo(&world);
    post(&echo, OPS).unwrap();
    put(&world, "slow", MessagesPerMinute, 1);
    assert_eq!(refused(&echo, OPS).0, "slow");
    put(&world, "slow", MessagesPerMinute, 2);
    post(&echo, OPS).unwrap();
    assert_eq!(refused(&echo, OPS).0, "slow");
    world.admin().delete_throttle("slow").unwrap();
    post(&echo, OPS).unwrap();
}

#[test]
fn a_threshold_of_zero_blocks_all() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "never", MessagesPerMinute, 0);
    assert_eq!(refused(&echo, OPS).0, "never");
    world.pass(seconds(3600));
    assert_eq!(refused(&echo, OPS).0, "never");
    put(&world, "never", MessagesPerMinute, 1);
    put(&world, "no files", ConcurrentTransfers, 0);
    post(&echo, OPS).unwrap();
    let upload = echo.upload(OPS, "a.txt", None, &b"x"[..]);
    assert!(matches!(upload, Err(Error::Throttled { throttle, .. }) if throttle == "no files"));
}

#[test]
fn what_was_admitted_counts_though_the_chat_system_fails() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "slow", MessagesPerMinute, 1);
    world.chat.panic_on("x");
    assert!(matches!(post(&echo, OPS), Err(Error::OutcomeUnknown(_))));
    assert_eq!(refused(&echo, OPS).0, "slow");
}

#[test]
fn what_never_came_to_the_throttle_does_not_count() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "slow", MessagesPerMinute, 1);
    assert!(
        matches!(
            echo.post(OPS, NewMessage::text("x".repeat(501))),
            Err(Error::TooLarge { .. })
        ),
        "413 before 429"
    );
    assert!(matches!(
        echo.post("chat-room:other", NewMessage::text("x")),
        Err(Error::Forbidden(_))
    ));
    let first = echo.post(OPS, NewMessage::text("x").key("k")).unwrap();
    let again = echo.post(OPS, NewMessage::text("x").key("k")).unwrap();
    assert_eq!(again.message, first.message, "a repeat is no post");
    assert_eq!(refused(&echo, OPS).0, "slow");
}

#[test]
fn counts_are_rebuilt_at_open_without_what_was_uploaded() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let echo = echo(&world);
    put(&world, "slow", MessagesPerMinute, 3);
    put(&world, "each", TargetedMessagesPerMinute, 2);
    post(&echo, OPS).unwrap();
    world.pass(seconds(20));
    post(&echo, OPS).unwrap();
    echo.upload(OPS, "a.txt", None, &b"x"[..]).unwrap();
    world.person("lene").say(OPS, "not ours").unwrap();
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    echo.wait_active(crate::world::SOON).unwrap();
    assert_eq!(refused(&echo, OPS), ("each".to_owned(), seconds(40)));
    post(&echo, LAB).unwrap();
    assert_eq!(refused(&echo, LAB), ("slow".to_owned(), seconds(40)));
}

#[test]
fn transfers_are_counted_while_they_run() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "one at a time", ConcurrentTransfers, 1);
    let begin_upload = || wait(echo.begin_upload_async(OPS, "a.txt", None));
    let refused = || match begin_upload() {
        Err(Error::Throttled {
            throttle,
            retry_after,
        }) => (throttle, retry_after),
        other => panic!("{other:?}"),
    };
    let mut first = begin_upload().unwrap();
    wait(first.write_async(b"hello")).unwrap();
    assert_eq!(refused(), ("one at a time".to_owned(), seconds(1)));
    post(&echo, OPS).unwrap();
    wait(first.finish_async()).unwrap();
    world.settle();
    let second = begin_upload().unwrap();
    assert_eq!(refused().1, seconds(1));
    drop(second);
    world.settle();
    let third = begin_upload().unwrap();
    wait(third.finish_async()).unwrap();
}

#[test]
fn a_wall_clock_that_jumps_opens_no_throttle() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "slow", MessagesPerMinute, 1);
    post(&echo, OPS).unwrap();
    world
        .clock
        .jump_wall(switchboard::chrono::Duration::hours(5));
    assert_eq!(refused(&echo, OPS), ("slow".to_owned(), seconds(60)));
}

#[test]
fn posts_at_once_from_many_threads_are_admitted_exactly_up_to_the_threshold() {
    let world = World::new();
    let echo = echo(&world);
    put(&world, "slow", MessagesPerMinute, 5);
    let posts: Vec<_> = (0..20)
        .map(|_| begin(echo.post_async(OPS, NewMessage::text("x"))))
        .collect();
    let admitted = posts
        .into_iter()
        .map(|post| post.join().unwrap())
        .filter(Result::is_ok)
        .count();
    assert_eq!(admitted, 5);
}

#[test]
fn a_recreated_agent_meets_no_stamp_of_its_namesake() {
    let world = World::new();
    put(&world, "slow", MessagesPerMinute, 1);
    post(&echo(&world), OPS).unwrap();
    world.admin().delete_agent("echo").unwrap();
    world.pass(seconds(1));
    let echo = world.put(new_agent("echo", &[OPS]));
    post(&echo, OPS).unwrap();
    assert_eq!(refused(&echo, OPS).0, "slow");
}
