//! Calls into a chat system that never answers end within their deadline.

use super::{is_unknown, keyed, scripted};
use crate::script::{Script, accepted, joined};
use crate::world::{LAB, OPS, SOON, World, begin, new_agent, seconds};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use switchboard::backend::reply;
use switchboard::{Error, JoinState, ManagementMode, NewMessage, ProvisioningMode};

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
    while world.channel_state("echo", LAB) != JoinState::Active {
        assert!(began.elapsed() < SOON, "it does not join");
        std::thread::yield_now();
    }
    assert_ne!(world.channel_state("echo", stuck), JoinState::Active);
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
    // The callers end half of them; the other half keeps waiting.
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
