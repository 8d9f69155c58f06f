//! A repeat with the same key makes no double.

use super::{heard, scripted, text};
use crate::script::{Script, accepted};
use crate::world::{Disk, LAB, OPS, SOON, World, begin, poll, seconds, wait};
use std::sync::{Arc, Barrier, Mutex};
use std::task::Poll;
use std::thread;
use switchboard::backend::{BackendError, BackendErrorKind, reply};
use switchboard::{Error, EventQuery, NewMessage, Part, Throttle, ThrottleKind};

#[test]
fn a_repeat_with_the_same_key_answers_the_first_message() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let lene = world.person("lene");
    let (echo, bob) = (world.agent("echo", &[OPS, LAB]), world.agent("bob", &[OPS]));
    let order = || text("order 66").key("66");
    let first = echo.post(OPS, order()).unwrap();
    assert!(!first.repeated);
    let again = echo.post(OPS, order()).unwrap();
    assert!(again.repeated);
    assert_eq!(again.message, first.message);
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
    let after_all = echo.post(OPS, order()).unwrap();
    assert!(after_all.repeated);
    assert_eq!(after_all.message, first.message);
    assert_eq!(echo.find_by_key(OPS, "66"), Ok(Some(first.message)));
    assert_eq!(echo.find_by_key(LAB, "67"), Ok(None));
    assert_eq!(
        heard(&lene),
        ["order 66", "another", "another", "other key"]
    );
}

#[test]
fn another_content_with_the_same_key_is_a_conflict() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let lene = world.person("lene");
    let conflicts = |world: &World| {
        let echo = world.engine.agent("echo").unwrap();
        for other in [
            text("order 67"),
            text("order 66").alert(),
            text("order 66").story("Orders"),
        ] {
            let refused = echo.post(OPS, other.key("66"));
            assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        }
        assert!(echo.post(OPS, text("order 66").key("66")).unwrap().repeated);
    };
    let echo = world.agent("echo", &[OPS]);
    echo.post(OPS, text("order 66").key("66")).unwrap();
    conflicts(&world);
    let world = world.restart(&disk);
    world
        .engine
        .agent("echo")
        .unwrap()
        .wait_active(SOON)
        .unwrap();
    conflicts(&world);
    assert_eq!(heard(&lene), ["order 66"]);

    // A row that does not say what was posted, as one that came back after a crash, is no ground
    // to refuse.
    world.engine.shutdown(SOON).unwrap();
    let file = rusqlite::Connection::open(disk.path()).unwrap();
    assert_eq!(file.execute("UPDATE message SET posted = NULL", []), Ok(1));
    drop(file);
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    echo.wait_active(SOON).unwrap();
    assert!(echo.post(OPS, text("order 67").key("66")).unwrap().repeated);
}

#[test]
fn what_the_chat_system_made_of_a_post_is_no_other_content() {
    let script = Script::new(|_, _| {
        let trimmed = vec![Part::Text("order 66".to_owned())];
        reply(std::future::ready(Ok(accepted().with_parts(trimmed))))
    });
    let (_world, echo) = scripted(script);
    let spaced = || text("  order 66  ").key("66");
    assert_eq!(echo.post(OPS, spaced()).unwrap().text, "order 66");
    assert!(echo.post(OPS, spaced()).unwrap().repeated);
    let refused = echo.post(OPS, text("order 66").key("66"));
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
}

#[test]
fn another_content_conflicts_while_the_first_is_under_way() {
    let (handed, sent) = std::sync::mpsc::channel();
    let script = Script::new(move |_, _| {
        let (tell, told) = tokio::sync::oneshot::channel();
        handed.send(tell).unwrap();
        reply(async { Ok(told.await.unwrap()) })
    });
    let (_world, echo) = scripted(script);
    let first = begin(echo.post_async(OPS, text("order 66").key("66")));
    let tell = sent.recv_timeout(SOON).unwrap();
    let other = echo.post(OPS, text("order 67").key("66"));
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
    let same = begin(echo.post_async(OPS, text("order 66").key("66")));
    tell.send(accepted()).unwrap();
    assert!(!first.join().unwrap().unwrap().repeated);
    assert!(same.join().unwrap().unwrap().repeated);
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
    // The file as it was before the post, as if a crash came between the chat system's acceptance
    // and our commit.
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
                    .clone()
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
    let never = Throttle::new("never", ThrottleKind::MessagesPerMinute, 0)
        .and_then(|throttle| throttle.agent("echo"));
    world.admin().put_throttle(never.unwrap()).unwrap();
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
        let answers = [(0, "well"), (1, "well")].map(|(nth, answer)| {
            echo.post(OPS, text(answer).answering_nth(&event, nth))
                .unwrap()
        });
        assert_ne!(answers[0].id, answers[1].id);
        // A loop that builds its answer anew for each attempt gives it once.
        let again = echo.post(OPS, text("other").answering(&event)).unwrap();
        assert!(again.repeated);
        assert_eq!(again.message, answers[0].message);
        answers.map(|answer| answer.message.id)
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
