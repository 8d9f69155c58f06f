//! A crowd of strangers in the line of logins does not keep others out.

use super::super::full;
use super::{PASSWORD, is_unauthorized, log_in, names, user, world};
use crate::world::{OPS, SESAME, World, begin, new_agent, poll, wait};
use std::future::{pending, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};
use switchboard::directory::{Asked, Checked};
use switchboard::{AccountName, Authenticator, Credentials, Engine, Error, NewUser, Secret};

/// Longer than any login here may take; the line's own patience is 20 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Strangers who log in with ever new names, each as soon as the last login is answered, until
/// dropped.
struct Strangers {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<usize>>,
}

impl Strangers {
    fn begin(engine: &Engine, count: usize, with_agent: bool) -> Strangers {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count)
            .map(|stranger| {
                let (engine, stop) = (engine.clone(), stop.clone());
                thread::spawn(move || {
                    let mut tries = 0;
                    while !stop.load(Ordering::Acquire) {
                        let name = format!("stranger {stranger} {tries}");
                        let credentials = match with_agent {
                            true => Credentials::agent(name, "guess", "echo"),
                            false => Credentials::super_user(name, "guess"),
                        };
                        assert!(engine.log_in(&credentials).is_err());
                        tries += 1;
                    }
                    tries
                })
            })
            .collect();
        Strangers { stop, threads }
    }

    fn end(self) -> usize {
        self.stop.store(true, Ordering::Release);
        self.threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    }
}

#[test]
fn sixty_four_strangers_do_not_keep_the_owner_out() {
    let owners = if full() { 26 } else { 1 };
    let world = world(None, &names("owner", owners));
    for with_agent in [true, false] {
        let strangers = Strangers::begin(&world.engine, 64, with_agent);
        world.until(|stats| stats.passwords_waiting >= 60);
        let (mut slowest, mut got_in) = (Duration::ZERO, 0);
        let mut timed = |call: &dyn Fn() -> bool| {
            let before = Instant::now();
            got_in += usize::from(call());
            slowest = slowest.max(before.elapsed());
        };
        for n in 0..26 {
            let name = format!("owner{}", n % owners);
            timed(&|| {
                world
                    .engine
                    .log_in(&Credentials::agent(&*name, PASSWORD, "echo"))
                    .is_ok()
            });
        }
        timed(&|| {
            world
                .engine
                .log_in(&Credentials::super_user("root", PASSWORD))
                .is_ok()
        });
        timed(&|| {
            world
                .admin()
                .put_user(user(&format!("new {with_agent}")))
                .is_ok()
        });
        timed(&|| world.engine.set_super_password("another").is_ok());
        timed(&|| world.engine.set_super_password(PASSWORD).is_ok());
        let tries = strangers.end();
        println!(
            "beside 64 strangers ({tries} tries): {got_in} of 30 calls succeeded, the slowest after {slowest:?}"
        );
        assert_eq!(got_in, 30);
        assert!(slowest < Duration::from_secs(20));
        world.admin().set_password("owner0", PASSWORD).unwrap();
    }
}

#[test]
fn the_owner_gets_in_from_elsewhere_while_the_line_is_full() {
    let world = world(None, &[]);
    let at = |last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last));
    let strangers: Vec<_> = (0..1_600)
        .map(|n| Credentials::super_user(format!("stranger {n}"), "guess").from_peer(at(1)))
        .map(|credentials| begin(world.engine.log_in_async(&credentials)))
        .collect();
    world.until(|stats| stats.passwords_waiting >= 1_024);
    let before = Instant::now();
    world
        .engine
        .log_in(&Credentials::super_user("root", PASSWORD).from_peer(at(2)))
        .unwrap();
    println!(
        "with 1,024 waiting the owner got in after {:?}",
        before.elapsed()
    );
    assert!(before.elapsed() < Duration::from_secs(5));
    drop(world);
    for stranger in strangers {
        assert!(stranger.join().unwrap().is_err());
    }
}

#[test]
fn the_owner_gets_in_while_a_whole_48_of_ipv6_fills_the_line() {
    for agent in ["echo", ""] {
        let world = world(None, &names("owner", 1));
        let of = |name: String, password: &str| match agent {
            "" => Credentials::super_user(name, password),
            agent => Credentials::agent(name, password, agent),
        };
        let strangers: Vec<_> = (0..1_500)
            .map(|n| {
                of(format!("stranger {n}"), "guess")
                    .from_peer(IpAddr::from([0x2001, 0xdb8, 1, n, 0, 0, 0, 1]))
            })
            .map(|credentials| begin(world.engine.log_in_async(&credentials)))
            .collect();
        world.until(|stats| stats.passwords_waiting >= 1_024);
        let owner = of(
            if agent.is_empty() { "root" } else { "owner0" }.to_owned(),
            PASSWORD,
        );
        let before = Instant::now();
        world
            .engine
            .log_in(&owner.from_peer(IpAddr::from([198, 51, 100, 7])))
            .unwrap();
        println!(
            "beside 1,500 /64s of one /48 (agent {agent:?}) the owner got in after {:?}",
            before.elapsed()
        );
        assert!(before.elapsed() < Duration::from_secs(5));
        drop(world);
        for stranger in strangers {
            assert!(stranger.join().unwrap().is_err());
        }
    }
}

#[test]
fn passwords_that_none_can_be_make_no_record_go() {
    let world = world(None, &names("victim", 1));
    for n in 0..4 {
        is_unauthorized(wait(log_in(
            &world.engine,
            "victim0",
            &format!("guess {n}"),
        )));
    }
    let before = Instant::now();
    for (n, password) in [String::new(), "x".repeat(1025)]
        .iter()
        .cycle()
        .take(10_400)
        .enumerate()
    {
        is_unauthorized(wait(log_in(
            &world.engine,
            &format!("invented {n}"),
            password,
        )));
    }
    println!(
        "10,400 logins with impossible passwords took {:?}",
        before.elapsed()
    );
    let guess = begin(log_in(&world.engine, "victim0", "one more guess"));
    world.pass(Duration::from_millis(999));
    assert!(
        !guess.is_finished(),
        "the fifth guess is held back for a second"
    );
    world.pass(Duration::from_millis(1));
    is_unauthorized(guess.join().unwrap());
}

#[test]
fn a_password_that_none_can_be_counts_as_a_failure() {
    let world = world(None, &names("victim", 1));
    for _ in 0..4 {
        is_unauthorized(wait(log_in(&world.engine, "victim0", &"x".repeat(1025))));
    }
    let held = begin(log_in(&world.engine, "victim0", PASSWORD));
    world.pass(Duration::from_millis(999));
    assert!(!held.is_finished());
    world.pass(Duration::from_millis(1));
    held.join().unwrap().unwrap();
}

/// A directory that counts the names it is asked for, and answers as the test says.
#[derive(Clone)]
struct Directory {
    asked: Arc<AtomicUsize>,
    answer: Answer,
}

#[derive(Clone)]
enum Answer {
    Sesame,
    Away,
    Never,
    Panic,
}

impl Authenticator for Directory {
    fn check(&self, _name: AccountName, password: Secret) -> Asked<Checked> {
        self.asked.fetch_add(1, Ordering::AcqRel);
        match self.answer {
            Answer::Sesame => Box::pin(ready(Ok((password.expose() == SESAME).into()))),
            Answer::Away => Box::pin(ready(Err(Error::Unreachable(
                "the directory is away".into(),
            )))),
            Answer::Never => Box::pin(pending()),
            Answer::Panic => panic!("the directory panics"),
        }
    }
}

#[test]
fn with_a_directory_unknown_names_cost_the_same_and_cannot_be_told_apart() {
    for answer in [Answer::Sesame, Answer::Away, Answer::Never, Answer::Panic] {
        let directory = Directory {
            asked: Arc::default(),
            answer: answer.clone(),
        };
        let world = World::with(|builder| builder.authenticator(directory.clone()));
        world
            .admin()
            .put_user(NewUser::new("lene", "lene").unwrap())
            .unwrap();
        world.put(new_agent("echo", &[OPS]).user("lene").unwrap());
        let told = |name: &str, password: &str, agent: &str| {
            let before = (
                directory.asked.load(Ordering::Acquire),
                world.engine.stats().password_work,
            );
            let login = begin(
                world
                    .engine
                    .log_in_async(&Credentials::agent(name, password, agent)),
            );
            if matches!(answer, Answer::Never) {
                let limit = Instant::now() + PATIENCE;
                while directory.asked.load(Ordering::Acquire) == before.0 {
                    assert!(Instant::now() < limit && !login.is_finished());
                    thread::yield_now();
                }
                world.pass(Duration::from_millis(19_999));
                assert!(!login.is_finished());
                world.pass(Duration::from_millis(1));
            }
            let told = login.join().unwrap().map(drop);
            (
                told,
                directory.asked.load(Ordering::Acquire) - before.0,
                world.engine.stats().password_work - before.1,
            )
        };
        let known = told("lene", "wrong", "echo");
        assert_eq!(known.1, 1);
        for unknown in [
            ("nobody", "wrong", "echo"),
            ("nobody", SESAME, "echo"),
            ("lene", SESAME, "nowhere"),
            ("x", "x", "\0"),
        ] {
            assert_eq!(told(unknown.0, unknown.1, unknown.2), known, "{unknown:?}");
        }
        assert_eq!(
            told("lene", SESAME, "echo").0.is_ok(),
            matches!(answer, Answer::Sesame)
        );
    }
}

#[test]
fn a_login_that_nobody_waits_for_any_more_is_not_hashed() {
    let world = world(None, &names("lene", 1));
    let before = world.engine.stats().password_work;
    for n in 0..200 {
        let credentials = Credentials::super_user(format!("stranger {n}"), "guess");
        assert!(matches!(
            poll(&mut world.engine.log_in_async(&credentials)),
            Poll::Pending
        ));
    }
    wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    let limit = Instant::now() + PATIENCE;
    while world.engine.stats().passwords_waiting > 0 {
        assert!(Instant::now() < limit);
        thread::yield_now();
    }
    let hashed = world.engine.stats().password_work - before;
    println!(
        "of 200 logins whose senders hung up {} were hashed",
        hashed - 1
    );
    assert!(hashed < 20);
}
