//! Strangers who log in, and bots that all log in at once.
//!
//! Method: the engine in process, with logins that a hand-made crowd sends. The clock stands still where nothing needs
//! it: the password pool works, and its line waits, in real time.

use super::full;
use crate::world::{Disk, OPS, SESAME, World, begin, new_agent, poll, seconds, wait};
use std::future::{Future, pending, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};
use switchboard::{
    AgentId, AsyncResult, Authenticator, Credentials, Engine, Error, NewMessage, NewUser,
    ProvisioningMode, Result, Secret, Throttle, ThrottleId, ThrottleKind, Token,
};

const PASSWORD: &str = "correct horse";
/// Longer than any login here may take; the line's own patience is 20 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

fn user(name: &str) -> NewUser {
    NewUser::new(name, name)
        .unwrap()
        .password(PASSWORD)
        .unwrap()
}

fn log_in(engine: &Engine, name: &str, password: &str) -> AsyncResult<Token> {
    engine.log_in_async(&Credentials::agent(name, password, "echo"))
}

/// The agent `echo` with these users, whose passwords are hashed, and the super user `root`.
fn world(disk: Option<&Disk>, users: &[String]) -> World {
    let world = World::with(|builder| {
        let builder = builder.super_user("root", PASSWORD);
        match disk {
            Some(disk) => builder.database(disk.path()),
            None => builder,
        }
    });
    let agent = users.iter().fold(new_agent("echo", &[OPS]), |agent, name| {
        agent.user(&**name).unwrap()
    });
    for name in users {
        world.admin().put_user(user(name)).unwrap();
    }
    world.put(agent);
    world
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

fn is_unauthorized<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(Error::Unauthorized(_))), "{answer:?}");
}

/// Strangers who log in with ever new names, each as soon as the last login is answered, until dropped.
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
fn bots_that_log_in_together_all_get_in_and_renewing_costs_no_hash() {
    let count = if full() { 200 } else { 50 };
    let bots = names("bot", count);
    let world = world(None, &bots);
    let together = || {
        let before = (Instant::now(), world.engine.stats().password_work);
        let logins: Vec<_> = bots
            .iter()
            .map(|name| begin(log_in(&world.engine, name, PASSWORD)))
            .collect();
        for login in logins {
            login.join().unwrap().unwrap();
        }
        (
            before.0.elapsed(),
            world.engine.stats().password_work - before.1,
        )
    };
    let (first, hashes) = together();
    let (renewal, more) = together();
    println!(
        "{count} bots logged in together within {first:?}, renewed within {renewal:?} ({more} hashes)"
    );
    assert_eq!((hashes, more), (count as u64, 0));
    world.pass(seconds(15 * 60));
    world
        .engine
        .log_in(&Credentials::agent("bot0", PASSWORD, "echo"))
        .unwrap();
    assert_eq!(
        world.engine.stats().password_work,
        2 * count as u64 + 2,
        "after 15 minutes it is hashed again"
    );
}

#[test]
fn a_thousand_bots_that_share_a_user_get_in_for_a_few_hashes() {
    let count = if full() { 1_000 } else { 300 };
    let world = world(None, &names("bot", 1));
    let before = (Instant::now(), world.engine.stats().password_work);
    let logins: Vec<_> = (0..count)
        .map(|_| begin(log_in(&world.engine, "bot0", PASSWORD)))
        .collect();
    for login in logins {
        login.join().unwrap().unwrap();
    }
    let hashes = world.engine.stats().password_work - before.1;
    println!(
        "{count} bots of one user logged in within {:?} for {hashes} hashes",
        before.0.elapsed()
    );
    assert!(
        hashes < 20,
        "each was hashed although the first proved the password of all: {hashes}"
    );
}

#[test]
fn whoever_logs_in_without_end_ends_tokens_of_their_own() {
    let count = if full() { 100_000 } else { 3_000 };
    let disk = Disk::new();
    let world = world(Some(&disk), &names("bot", 2));
    let others = world
        .engine
        .log_in(&Credentials::agent("bot1", PASSWORD, "echo"))
        .unwrap();
    let first = world
        .engine
        .log_in(&Credentials::agent("bot0", PASSWORD, "echo"))
        .unwrap();
    let (began, mut newest, mut most) = (Instant::now(), first.clone(), 0);
    for _ in 0..count / 500 {
        // The oldest is told by its end: a clock that stands still makes them all the same age.
        world.pass(Duration::from_millis(100));
        let logins = (0..500).map(|_| log_in(&world.engine, "bot0", PASSWORD));
        for token in wait(futures_util::future::join_all(logins)) {
            newest = token.unwrap();
        }
        most = most.max(world.engine.stats().tokens);
    }
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    let rows: i64 = connection
        .query_row("SELECT count(*) FROM token", [], |row| row.get(0))
        .unwrap();
    println!(
        "{count} logins of one user in {:?}: {most} tokens at most, {rows} rows",
        began.elapsed()
    );
    assert!(most < 2_048 + 600 && rows < 2_048 + 600, "{most} {rows}");
    assert!(
        world.engine.authenticate(&others).is_ok(),
        "another's token"
    );
    assert!(world.engine.authenticate(&newest).is_ok());
    is_unauthorized(world.engine.authenticate(&first));
}

#[test]
fn any_change_of_the_user_has_the_next_login_hashed_again() {
    let world = world(None, &names("lene", 1));
    let work = |password: &str| {
        let before = world.engine.stats().password_work;
        let answer = wait(log_in(&world.engine, "lene0", password));
        (answer.is_ok(), world.engine.stats().password_work - before)
    };
    assert_eq!(work(PASSWORD), (true, 1));
    assert_eq!(work(PASSWORD), (true, 0));
    assert_eq!(work("wrong"), (false, 1), "guessing became no cheaper");
    assert_eq!(work(PASSWORD), (true, 0));
    world
        .admin()
        .put_user(NewUser::new("lene0", "LENE0").unwrap())
        .unwrap();
    assert_eq!(work(PASSWORD), (true, 1), "another name");
    world.admin().set_password("lene0", "staple").unwrap();
    assert_eq!(work(PASSWORD), (false, 1), "another password");
    assert_eq!(work("staple"), (true, 1));
    world.admin().delete_user("lene0").unwrap();
    assert_eq!(work("staple"), (false, 1), "gone");
    world
        .admin()
        .put_user(
            NewUser::new("lene0", "lene0")
                .unwrap()
                .password("staple")
                .unwrap(),
        )
        .unwrap();
    assert_eq!(work("staple"), (true, 1), "a namesake proves itself");
    world.put(new_agent("echo", &[OPS]));
    assert_eq!(work("staple"), (false, 1), "no longer listed");

    let root = |password| {
        world
            .engine
            .log_in(&Credentials::super_user("root", password))
            .is_ok()
    };
    assert!(root(PASSWORD));
    world.engine.set_super_password("another").unwrap();
    assert!(!root(PASSWORD) && root("another"));
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

/// A statement on the engine's database, from beside it.
fn beside(disk: &Disk, sql: &str) {
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn a_super_password_that_could_not_be_stored_is_not_the_password() {
    let disk = Disk::new();
    let world = world(Some(&disk), &[]);
    let root = |password| {
        world
            .engine
            .log_in(&Credentials::super_user("root", password))
    };
    let old = root(PASSWORD).unwrap();
    beside(
        &disk,
        "CREATE TRIGGER full BEFORE DELETE ON setting BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    assert!(matches!(
        world.engine.set_super_password("another"),
        Err(Error::Storage(_))
    ));
    assert!(
        world.engine.authenticate(&old).is_ok() && root(PASSWORD).is_ok(),
        "nothing changed"
    );
    is_unauthorized(root("another"));
    beside(&disk, "DROP TRIGGER full");
    world.engine.set_super_password("another").unwrap();
    is_unauthorized(world.engine.authenticate(&old));
    is_unauthorized(root(PASSWORD));
    assert!(root("another").is_ok());
}

#[test]
fn a_change_that_could_not_be_stored_changes_nothing_in_memory() {
    let disk = Disk::new();
    let world = world(Some(&disk), &names("lene", 1));
    let token = wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    let agent = world.engine.agent("echo").unwrap();
    beside(
        &disk,
        "CREATE TRIGGER full BEFORE UPDATE ON setting BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    let slow = |threshold| Throttle {
        id: ThrottleId::parse("slow").unwrap(),
        kind: ThrottleKind::MessagesPerMinute,
        threshold,
        agents: vec![AgentId::parse("echo").unwrap()],
    };
    assert!(world.admin().set_password("lene0", "staple").is_err());
    assert!(
        world
            .admin()
            .put_user(NewUser::new("lene0", "other").unwrap())
            .is_err()
    );
    assert!(world.admin().delete_user("lene0").is_err());
    assert!(world.admin().delete_agent("echo").is_err());
    assert!(world.admin().put_agent(new_agent("echo", &[])).is_err());
    assert!(world.admin().put_throttle(slow(0)).is_err());
    world.settle();
    assert!(world.engine.authenticate(&token).is_ok(), "its token lives");
    assert!(wait(log_in(&world.engine, "lene0", PASSWORD)).is_ok());
    beside(&disk, "DROP TRIGGER full");
    agent
        .post(OPS, NewMessage::text("no throttle is in force"))
        .unwrap();

    // And the other way round: what was in force stays so.
    world.admin().put_throttle(slow(0)).unwrap();
    beside(
        &disk,
        "CREATE TRIGGER full BEFORE UPDATE ON setting BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    assert!(world.admin().delete_throttle("slow").is_err());
    assert!(matches!(
        agent.post(OPS, NewMessage::text("refused")),
        Err(Error::Throttled { .. })
    ));
}

#[test]
fn where_the_store_fails_nobody_gets_in() {
    let disk = Disk::new();
    let world = world(Some(&disk), &names("lene", 1));
    wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    let broken = [
        (
            "PRAGMA legacy_alter_table = ON; ALTER TABLE user RENAME TO gone",
            "ALTER TABLE gone RENAME TO user",
        ),
        (
            "PRAGMA legacy_alter_table = ON; ALTER TABLE agent_user RENAME TO gone",
            "ALTER TABLE gone RENAME TO agent_user",
        ),
        (
            "CREATE TRIGGER full BEFORE INSERT ON token BEGIN SELECT RAISE(ABORT, 'full'); END",
            "DROP TRIGGER full",
        ),
    ];
    for (harm, mend) in broken {
        let before = world.engine.stats().tokens;
        beside(&disk, harm);
        let answer = wait(log_in(&world.engine, "lene0", PASSWORD));
        assert!(
            matches!(
                answer,
                Err(Error::Storage(_) | Error::Busy { .. } | Error::Corrupt(_))
            ),
            "{harm}: {answer:?}"
        );
        assert_eq!(world.engine.stats().tokens, before, "{harm}");
        beside(&disk, &format!("PRAGMA legacy_alter_table = ON; {mend}"));
        wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    }
}

#[test]
fn a_right_revoked_between_check_and_commit_is_none() {
    let world = world(None, &names("lene", 1));
    let mode = |mode| new_agent("echo", &[OPS]).user("lene0").unwrap().mode(mode);
    world.put(mode(ProvisioningMode::System));
    let token = wait(log_in(&world.engine, "lene0", PASSWORD)).unwrap();
    let lene = world
        .engine
        .provisioning(&world.engine.authenticate(&token).unwrap())
        .unwrap();
    // The hashes before hers take a second; by then she may no longer.
    let ahead: Vec<_> = (0..20)
        .map(|n| begin(world.admin().put_user_async(user(&format!("ahead {n}")))))
        .collect();
    let change = begin(lene.put_user_async(user("accomplice")));
    world
        .admin()
        .put_agent(mode(ProvisioningMode::None))
        .unwrap();
    let answer = change.join().unwrap();
    assert!(
        matches!(answer, Err(Error::Forbidden(_) | Error::Unauthorized(_))),
        "{answer:?}"
    );
    assert!(world.admin().user("accomplice").is_err());
    ahead
        .into_iter()
        .for_each(|change| assert!(change.join().unwrap().is_ok()));
}

#[test]
fn a_password_changed_while_it_is_checked_gives_no_token_that_lives() {
    let world = world(None, &names("lene", 1));
    for n in 0..8 {
        let (old, new) = (
            if n == 0 {
                PASSWORD.to_owned()
            } else {
                n.to_string()
            },
            (n + 1).to_string(),
        );
        let logins: Vec<_> = (0..6)
            .map(|_| begin(log_in(&world.engine, "lene0", &old)))
            .collect();
        world.admin().set_password("lene0", &*new).unwrap();
        for login in logins {
            if let Ok(token) = login.join().unwrap() {
                is_unauthorized(world.engine.authenticate(&token));
            }
            world.pass(seconds(15 * 60));
        }
    }
    assert_eq!(world.engine.stats().tokens, 0);
}

/// A directory that counts whom it is asked for, and answers as it is told.
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
    fn check(
        &self,
        _name: String,
        password: Secret,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'static>> {
        self.asked.fetch_add(1, Ordering::AcqRel);
        match self.answer {
            Answer::Sesame => Box::pin(ready(Ok(password.expose() == SESAME))),
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

/// More bots than places: those beyond are told when to come again, and all are in after they did.
#[test]
fn more_bots_than_there_are_places_all_get_in() {
    if !full() {
        return;
    }
    let bots = names("bot", 1_500);
    let world = world(None, &bots);
    // The users were made a moment ago, which proves nothing about their passwords: each login is hashed.
    let (began, mut outside, mut rounds) = (Instant::now(), bots, Vec::new());
    while !outside.is_empty() {
        assert!(
            rounds.len() < 20,
            "{} are not in after {rounds:?}",
            outside.len()
        );
        let logins: Vec<_> = outside
            .iter()
            .map(|name| begin(log_in(&world.engine, name, PASSWORD)))
            .collect();
        let answers = logins.into_iter().map(|login| login.join().unwrap());
        let mut refused = Vec::new();
        let mut pause = Duration::ZERO;
        for (name, answer) in outside.iter().zip(answers) {
            match answer {
                Ok(_) => {}
                Err(Error::Busy { retry_after, .. }) => {
                    assert!(
                        retry_after >= seconds(1) && retry_after <= seconds(20),
                        "{retry_after:?}"
                    );
                    pause = pause.max(retry_after);
                    refused.push(name.clone());
                }
                Err(other) => panic!("a right password: {other}"),
            }
        }
        rounds.push(outside.len() - refused.len());
        outside = refused;
        thread::sleep(pause);
    }
    println!(
        "1,500 bots logged in within {:?}, in rounds of {rounds:?}",
        began.elapsed()
    );
    assert!(rounds[0] >= 100, "{rounds:?}");
}
