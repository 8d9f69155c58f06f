//! Durations as long as they can be, wherever a host gives one: "for ever" is no error and ends no
//! thread.

use crate::world::{OPS, SOON, chat, new_agent};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use switchboard::{
    Credentials, Engine, Error, EventQuery, NewMessage, NewUser, Principal, Terms, Workers,
};

const EVER: Duration = Duration::MAX;

/// Tries everything under a clock that runs, because a clock moved by hand has no timer thread.
#[test]
fn a_duration_may_be_the_longest_there_is() {
    let chat = chat();
    let engine = Engine::builder()
        .in_memory()
        .backend(chat.clone())
        .keep_messages(Some(EVER))
        .keep_audit(Some(EVER))
        .open()
        .unwrap();
    let admin = engine.provisioning(&Principal::host("ada")).unwrap();
    let user = NewUser::new("app", "app").unwrap().password("sesame");
    admin.put_user(user.unwrap()).unwrap();
    admin
        .put_agent(new_agent("desk", &[OPS]).user("app").unwrap())
        .unwrap();
    let desk = engine.agent("desk").unwrap();
    desk.wait_active(EVER).unwrap();
    desk.wait_joined(OPS, EVER).unwrap();
    engine.settle(EVER).unwrap();
    let token = engine
        .log_in(&Credentials::agent("app", "sesame", "desk"))
        .unwrap();
    engine.authenticate(&token).unwrap();

    let mut watch = engine.subscribe();
    let query = || EventQuery::messages();
    let mut reader = desk.reader("main", query()).unwrap();
    let terms = Terms::new().lease(EVER);
    let shared = desk.shared_reader_on("shared", query(), terms).unwrap();
    let sleeper = thread::spawn({
        let engine = engine.clone();
        move || engine.sleep(EVER)
    });
    desk.within(EVER)
        .post(OPS, NewMessage::text("hello"))
        .unwrap();
    assert!(watch.next_timeout(EVER).unwrap().is_some());
    assert!(reader.next_timeout(EVER).unwrap().is_some());
    shared
        .next_delivery_timeout(EVER)
        .unwrap()
        .unwrap()
        .nack(EVER);
    // The timers go on beside those that never end.
    engine.sleep(Duration::from_millis(20)).unwrap();
    assert!(
        shared
            .next_delivery_timeout(Duration::ZERO)
            .unwrap()
            .is_none()
    );
    chat.cut("desk");
    desk.wait_active(SOON).unwrap();
    desk.within(EVER)
        .post(OPS, NewMessage::text("again"))
        .unwrap();
    assert!(reader.next_delivery_timeout(EVER).unwrap().is_some());
    let (handled, handles) = channel();
    let worker = thread::spawn({
        let (desk, workers) = (desk.clone(), Workers::new(1).lease(EVER));
        move || desk.dispatch(EventQuery::all(), workers, |_| handled.send(()).unwrap())
    });
    handles.recv().unwrap();
    engine.shutdown(EVER).unwrap();
    assert_eq!(sleeper.join().unwrap(), Err(Error::Closed));
    assert_eq!(worker.join().unwrap(), Ok(()));
}
