//! The pool as its callers see it.

use super::*;
use crate::password::hashing::Readable;
use crate::password::unproved;
use crate::waiting::park;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

fn pool() -> Passwords {
    Passwords::open(Cost::LIGHT, Activity::default()).unwrap()
}

fn me() -> Asker {
    Asker::change("host:test")
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

#[test]
fn lenes_password_is_known_again_and_no_other() {
    let pool = pool();
    let hash = park(pool.hash(&secret("pässword"), me())).unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
    let verify = |password, candidates| {
        park(pool.verify(&secret(password), candidates, unproved(), me())).unwrap()
    };
    let found = verify(
        "pässword",
        vec![None, Some("not a hash".into()), Some(hash.clone())],
    );
    assert_eq!(
        found,
        Some(Verified {
            candidate: 2,
            rehash: None
        })
    );
    assert_eq!(verify("password", vec![Some(hash.clone())]), None);
    assert_eq!(verify("", vec![Some(hash.clone())]), None);
    assert_eq!(verify(&"x".repeat(1025), vec![Some(hash)]), None);
    assert!(matches!(
        park(pool.hash(&secret(""), me())),
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        park(pool.hash(&secret(&"x".repeat(1025)), me())),
        Err(Error::Invalid(_))
    ));
}

#[test]
fn a_name_that_does_not_exist_costs_what_a_wrong_password_costs() {
    let pool = pool();
    let hash = park(pool.hash(&secret("right"), me())).unwrap();
    let work = |candidates| {
        let before = pool.work();
        assert_eq!(
            park(pool.verify(&secret("wrong"), candidates, unproved(), me())),
            Ok(None)
        );
        pool.work() - before
    };
    assert_eq!(
        [
            work(vec![Some(hash)]),
            work(vec![]),
            work(vec![None]),
            work(vec![Some("?".into())])
        ],
        [1; 4]
    );
    assert!(
        Readable::parse(&pool.shared.checking.dummy).is_some(),
        "the dummy is a hash, so it costs what one costs"
    );
}

#[test]
fn a_password_hashed_at_another_cost_is_hashed_anew() {
    let old = Passwords::open(
        Cost {
            memory_kib: 16,
            passes: 1,
        },
        Activity::default(),
    )
    .unwrap();
    let pool = pool();
    let hash = park(old.hash(&secret("right"), me())).unwrap();
    let found = park(pool.verify(&secret("right"), vec![Some(hash)], unproved(), me()))
        .unwrap()
        .unwrap();
    let renewed = found.rehash.unwrap();
    let again = park(pool.verify(&secret("right"), vec![Some(renewed)], unproved(), me())).unwrap();
    assert_eq!(
        again,
        Some(Verified {
            candidate: 0,
            rehash: None
        })
    );
}

/// A pool whose hashes take so long that its line fills meanwhile.
fn slow(activity: Activity) -> Passwords {
    let cost = Cost {
        memory_kib: 4_096,
        passes: 2,
    };
    Passwords::open(cost, activity).unwrap()
}

#[test]
fn a_full_line_is_busy_at_once_and_a_dropped_pool_answers_closed() {
    let activity = Activity::default();
    let pool = slow(activity.clone());
    let mut answers: Vec<_> = (0..crate::password::line::WAITING_MAX * 2)
        .map(|_| pool.hash(&secret("x"), me()))
        .collect();
    assert!(!activity.is_idle());
    assert!(matches!(
        park(answers.pop().unwrap()),
        Err(Error::Busy { .. })
    ));
    drop(pool);
    let closed = answers
        .drain(..)
        .map(park)
        .filter(|answer| *answer == Err(Error::Closed))
        .count();
    assert!(closed > 0, "those that waited were not hashed");
    assert!(activity.is_idle());
}

#[test]
fn what_was_proved_while_it_waited_is_not_hashed() {
    let pool = slow(Activity::default());
    let hash = park(pool.hash(&secret("right"), me())).unwrap();
    let verify = |proved: Proved| {
        pool.verify(
            &secret("right"),
            vec![None, Some(hash.clone())],
            proved,
            me(),
        )
    };
    let meanwhile = Arc::new(AtomicU64::new(0));
    let asked = |meanwhile: &Arc<AtomicU64>| -> Proved {
        let meanwhile = meanwhile.clone();
        Box::new(move || (meanwhile.load(Ordering::Acquire) > 0).then_some(1))
    };
    let before = pool.work();
    let first = verify(asked(&meanwhile));
    assert_eq!(park(first).unwrap().map(|right| right.candidate), Some(1));
    assert_eq!(pool.work() - before, 2, "a hash for each candidate");
    let ahead: Vec<_> = (0..20).map(|_| pool.hash(&secret("x"), me())).collect();
    let waiting: Vec<_> = (0..100).map(|_| verify(asked(&meanwhile))).collect();
    meanwhile.store(1, Ordering::Release);
    ahead.into_iter().for_each(|hash| drop(park(hash).unwrap()));
    for login in waiting {
        assert_eq!(
            park(login),
            Ok(Some(Verified {
                candidate: 1,
                rehash: None
            }))
        );
    }
    assert_eq!(pool.work() - before, 22);
}

#[test]
fn what_nobody_waits_for_is_not_done() {
    let activity = Activity::default();
    let pool = slow(activity.clone());
    for _ in 0..500 {
        drop(pool.hash(&secret("x"), Asker::login(None, "stranger", true)));
    }
    park(pool.hash(&secret("x"), Asker::login(None, "lene", true))).unwrap();
    assert!(activity.wait_idle(Instant::now() + Duration::from_secs(30)));
    assert!(pool.work() < 20, "{} of 501 were hashed", pool.work());
}

#[test]
fn a_pool_dropped_on_its_own_thread_detaches() {
    struct DropsPool(
        parking_lot::Mutex<Option<Passwords>>,
        std::sync::mpsc::SyncSender<()>,
    );
    impl std::task::Wake for DropsPool {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().take());
            self.1.send(()).unwrap_or_default();
        }
    }
    let pool = Passwords::open(
        Cost {
            memory_kib: 1_024,
            passes: 1,
        },
        Activity::default(),
    )
    .unwrap();
    let mut pending = pool.hash(&secret("x"), me());
    let (sent, dropped) = std::sync::mpsc::sync_channel(1);
    let waker = Arc::new(DropsPool(parking_lot::Mutex::new(None), sent));
    let mut slot = waker.0.lock();
    let task = std::task::Waker::from(waker.clone());
    let polled = std::future::Future::poll(
        std::pin::Pin::new(&mut pending),
        &mut std::task::Context::from_waker(&task),
    );
    *slot = Some(pool);
    drop(slot);
    if polled.is_pending() {
        dropped.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(waker.0.lock().is_none());
    }
}
