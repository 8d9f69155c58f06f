//! Logins and tokens (§tokens/log-in, §tokens/lifetime): who gets in, how long a token lasts, and everything that ends one.
//!
//! Method: `lene` is a user of the agent `echo`. Where only the rules about failures are tried, the directory `Sesame`
//! stands in for hashed passwords.

use crate::world::{
    Disk, LAB, OPS, SESAME, SOON, Sesame, World, begin, new_agent, poll, seconds, wait,
};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;
use switchboard::{
    AsyncResult, Builder, Collaboration, Credentials, Cursor, Error, EventBatch, EventQuery,
    NewMessage, NewUser, Result, Token,
};

const PASSWORD: &str = "correct horse";

fn user(id: &str, name: &str, password: &str) -> NewUser {
    NewUser::new(id, name).unwrap().password(password).unwrap()
}

fn lene() -> Credentials {
    Credentials::agent("CONTOSO\\lene", PASSWORD, "echo")
}

/// The agent `echo` with its user `lene`, whose password is hashed.
fn world(build: impl FnOnce(Builder) -> Builder) -> World {
    let world = World::with(build);
    furnish(&world);
    world
}

fn furnish(world: &World) {
    world
        .admin()
        .put_user(user("lene", "CONTOSO\\Lene", PASSWORD))
        .unwrap();
    world.put(new_agent("echo", &[OPS]).user("lene").unwrap());
}

fn is_good(world: &World, token: &Token) -> bool {
    world.engine.authenticate(token).is_ok()
}

fn view(world: &World, token: &Token) -> Collaboration {
    world
        .engine
        .collaboration(&world.engine.authenticate(token).unwrap())
        .unwrap()
}

fn is_unauthorized<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(Error::Unauthorized(_))), "{answer:?}");
}

/// A poll that waits for events that nobody makes.
fn long_poll(world: &World, view: &Collaboration) -> JoinHandle<Result<EventBatch>> {
    world.settle();
    let now = view.events(Cursor::window(), &EventQuery::all()).unwrap();
    let before = world.engine.stats().waiters;
    let poll = begin(view.wait_events_async(
        Cursor::after(now.last, &now.instance),
        EventQuery::all(),
        seconds(7 * 86_400),
    ));
    world.until(|stats| stats.waiters == before + 1);
    poll
}

/// Ends `token` by `end`, and looks that a poll made with it ends with nothing and that the next call is refused.
fn ends(world: &World, token: &Token, end: impl FnOnce()) {
    let view = view(world, token);
    let poll = long_poll(world, &view);
    end();
    assert!(poll.join().unwrap().unwrap().events.is_empty());
    is_unauthorized(world.engine.authenticate(token));
    is_unauthorized(view.channels());
    is_unauthorized(view.events(Cursor::window(), &EventQuery::all()));
}

#[test]
fn a_user_of_an_agent_gets_a_token_for_an_hour() {
    let world = world(|builder| builder);
    let token = world
        .engine
        .log_in(&Credentials::agent("contoso\\LENE", PASSWORD, "echo"))
        .unwrap();
    let details = world.engine.token_details(&token).unwrap();
    assert_eq!(details.agent.unwrap().as_str(), "echo");
    assert_eq!(details.username, "CONTOSO\\Lene", "as provisioned");
    assert_eq!(details.expires, world.clock_now() + seconds(3600));
    assert!(
        token.expose().len() >= 43,
        "256 bits: {}",
        token.expose().len()
    );
    assert!(
        token
            .expose()
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
        "URL-safe"
    );
    assert_eq!(
        world.engine.authenticate(&token).unwrap().label(),
        "agent:echo/lene"
    );
}

#[test]
fn who_is_not_listed_or_not_right_stays_out_and_learns_nothing() {
    let world = world(|builder| builder);
    world
        .admin()
        .put_user(user("bob", "bob", PASSWORD))
        .unwrap();
    world
        .admin()
        .put_user(NewUser::new("ada", "ada").unwrap())
        .unwrap();
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .user("ada")
            .unwrap(),
    );
    let tries = [
        ("nobody", PASSWORD, "echo"),
        ("CONTOSO\\lene", "wrong", "echo"),
        ("CONTOSO\\lene", PASSWORD, "nowhere"),
        ("CONTOSO\\lene", PASSWORD, "Echo"),
        ("CONTOSO\\lene", PASSWORD, "ec\0ho"),
        ("CONTOSO\\lene", "", "echo"),
        ("bob", PASSWORD, "echo"),
        ("ada", "", "echo"),
        ("ada", PASSWORD, "echo"),
    ];
    let mut messages = Vec::new();
    for (name, password, agent) in tries {
        let answer = world
            .engine
            .log_in(&Credentials::agent(name, password, agent));
        let Err(Error::Unauthorized(message)) = answer else {
            panic!("{name} {agent}: {answer:?}")
        };
        messages.push(message);
        world.pass(seconds(15 * 60)); // so that no answer is held back
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "one answer for all");
    assert_eq!(world.engine.stats().tokens, 0);
}

#[test]
fn an_empty_or_absent_agent_is_for_the_super_user_only() {
    let world = world(|builder| builder.super_user("root", "top secret"));
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::super_user("CONTOSO\\lene", PASSWORD)),
    );
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::agent("CONTOSO\\lene", PASSWORD, "")),
    );
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::super_user("root", "wrong")),
    );
    let token = world
        .engine
        .log_in(&Credentials::agent("Root", "top secret", ""))
        .unwrap();
    let details = world.engine.token_details(&token).unwrap();
    assert_eq!((details.agent, &*details.username), (None, "root"));
    let root = world.engine.authenticate(&token).unwrap();
    assert!(
        matches!(world.engine.collaboration(&root), Err(Error::Invalid(_))),
        "400, not 401"
    );
    assert!(world.engine.provisioning(&root).is_ok());
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::agent("root", "top secret", "echo")),
    );
}

#[test]
fn the_super_user_s_name_with_an_agent_is_an_ordinary_login() {
    let world = world(|builder| builder.super_user("CONTOSO\\lene", "top secret"));
    let token = world.engine.log_in(&lene()).unwrap();
    assert!(world.engine.token_details(&token).unwrap().agent.is_some());
    is_unauthorized(world.engine.log_in(&Credentials::agent(
        "CONTOSO\\lene",
        "top secret",
        "echo",
    )));
}

#[test]
fn a_new_token_never_ends_an_older_one() {
    let world = world(|builder| builder);
    let tokens: Vec<Token> = (0..3)
        .map(|_| world.engine.log_in(&lene()).unwrap())
        .collect();
    assert!(tokens.iter().all(|token| is_good(&world, token)));
    assert!(tokens[0] != tokens[1]);
    assert_eq!(world.engine.stats().tokens, 3);
}

#[test]
fn a_token_expires_and_a_poll_in_flight_ends_with_it() {
    let world = world(|builder| builder.authenticator(Sesame));
    let token = world
        .engine
        .log_in(&Credentials::agent("CONTOSO\\lene", SESAME, "echo"))
        .unwrap();
    world.pass(seconds(3599));
    assert!(is_good(&world, &token));
    ends(&world, &token, || world.pass(seconds(1)));
    assert!(
        matches!(world.engine.token_details(&token), Err(Error::Invalid(_))),
        "400 there"
    );
    assert_eq!(world.engine.stats().tokens, 0);
}

#[test]
fn the_lifetime_of_tokens_is_configured() {
    let world = world(|builder| builder.authenticator(Sesame).token_lifetime(seconds(5)));
    let token = world
        .engine
        .log_in(&Credentials::agent("CONTOSO\\lene", SESAME, "echo"))
        .unwrap();
    world.pass(seconds(5));
    assert!(!is_good(&world, &token));
}

#[test]
fn tokens_survive_a_restart_and_expire_over_it() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    furnish(&world);
    let early = world.engine.log_in(&lene()).unwrap();
    world.pass(seconds(1800));
    let late = world.engine.log_in(&lene()).unwrap();
    let world = world.restart(&disk);
    assert!(is_good(&world, &early) && is_good(&world, &late));
    assert_eq!(
        world.engine.token_details(&late).unwrap().username,
        "CONTOSO\\Lene"
    );
    assert_eq!(
        world.engine.authenticate(&late).unwrap().label(),
        "agent:echo/lene"
    );
    world.engine.shutdown(SOON).unwrap();
    world.pass(seconds(1800));
    let world = world.restart(&disk);
    assert!(!is_good(&world, &early) && is_good(&world, &late));
}

#[test]
fn a_deleted_user_is_out_at_once() {
    let world = world(|builder| builder);
    let token = world.engine.log_in(&lene()).unwrap();
    ends(&world, &token, || {
        world.admin().delete_user("lene").unwrap()
    });
    is_unauthorized(world.engine.log_in(&lene()));
}

#[test]
fn an_unlisted_user_is_out_at_once_and_others_of_the_agent_stay() {
    let world = world(|builder| builder);
    world
        .admin()
        .put_user(user("bob", "bob", PASSWORD))
        .unwrap();
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .user("bob")
            .unwrap(),
    );
    let (token, bob) = (
        world.engine.log_in(&lene()).unwrap(),
        world
            .engine
            .log_in(&Credentials::agent("bob", PASSWORD, "echo"))
            .unwrap(),
    );
    ends(&world, &token, || {
        drop(world.put(new_agent("echo", &[OPS]).user("bob").unwrap()))
    });
    assert!(is_good(&world, &bob));
    is_unauthorized(world.engine.log_in(&lene()));
}

#[test]
fn a_changed_password_ends_the_user_s_tokens_and_the_same_one_does_not() {
    let world = world(|builder| builder);
    let token = world.engine.log_in(&lene()).unwrap();
    world
        .admin()
        .put_user(user("lene", "CONTOSO\\Lene", PASSWORD))
        .unwrap();
    world
        .admin()
        .put_user(NewUser::new("lene", "CONTOSO\\Lene").unwrap())
        .unwrap();
    assert!(
        is_good(&world, &token),
        "provisioning at every start ends nothing"
    );
    ends(&world, &token, || {
        drop(
            world
                .admin()
                .put_user(user("lene", "CONTOSO\\Lene", "battery")),
        )
    });
    is_unauthorized(world.engine.log_in(&lene()));
    let token = world
        .engine
        .log_in(&Credentials::agent("CONTOSO\\lene", "battery", "echo"))
        .unwrap();
    ends(&world, &token, || {
        world.admin().set_password("lene", "staple").unwrap()
    });
    assert!(
        world
            .engine
            .log_in(&Credentials::agent("CONTOSO\\lene", "staple", "echo"))
            .is_ok()
    );
}

#[test]
fn a_deleted_agent_ends_its_tokens_and_no_others() {
    let world = world(|builder| builder);
    world.put(new_agent("quiet", &[LAB]).user("lene").unwrap());
    let token = world.engine.log_in(&lene()).unwrap();
    let other = world
        .engine
        .log_in(&Credentials::agent("CONTOSO\\lene", PASSWORD, "quiet"))
        .unwrap();
    ends(&world, &token, || {
        world.admin().delete_agent("echo").unwrap()
    });
    furnish(&world);
    assert!(!is_good(&world, &token), "not even for a namesake");
    assert!(is_good(&world, &other));
}

#[test]
fn a_log_out_ends_that_token_and_doing_it_twice_is_fine() {
    let world = world(|builder| builder);
    let (token, other) = (
        world.engine.log_in(&lene()).unwrap(),
        world.engine.log_in(&lene()).unwrap(),
    );
    ends(&world, &token, || world.engine.log_out(&token).unwrap());
    world.engine.log_out(&token).unwrap();
    world
        .engine
        .log_out(&Token::new("no token at all"))
        .unwrap();
    assert!(is_good(&world, &other));
}

#[test]
fn what_ends_stays_ended_after_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    furnish(&world);
    let (out, kept) = (
        world.engine.log_in(&lene()).unwrap(),
        world.engine.log_in(&lene()).unwrap(),
    );
    world.engine.log_out(&out).unwrap();
    let world = world.restart(&disk);
    assert!(!is_good(&world, &out) && is_good(&world, &kept));
    world.admin().set_password("lene", "other").unwrap();
    let world = world.restart(&disk);
    assert!(!is_good(&world, &kept));
}

#[test]
fn a_view_a_post_and_a_reader_of_an_ended_token_are_refused() {
    let world = world(|builder| builder);
    let token = world.engine.log_in(&lene()).unwrap();
    let view = view(&world, &token);
    let mut reader = view.reader("main", EventQuery::messages()).unwrap();
    world.engine.log_out(&token).unwrap();
    is_unauthorized(view.post(OPS, NewMessage::text("x")));
    is_unauthorized(view.metadata());
    is_unauthorized(reader.next());
    is_unauthorized(view.reader("other", EventQuery::all()).map(drop));
    assert!(world.person("bob").unheard().is_empty());
}

#[test]
fn of_several_users_of_one_name_any_that_the_agent_lists_may_log_in() {
    let world = world(|builder| builder);
    for (id, password) in [("lene-2", "second"), ("lene-3", "third")] {
        world
            .admin()
            .put_user(user(id, "contoso\\LENE", password))
            .unwrap();
    }
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .user("lene-2")
            .unwrap(),
    );
    let label = |password| {
        let token = world
            .engine
            .log_in(&Credentials::agent("CONTOSO\\lene", password, "echo"))?;
        world
            .engine
            .authenticate(&token)
            .map(|principal| principal.label())
    };
    assert_eq!(label(PASSWORD), Ok("agent:echo/lene".to_owned()));
    assert_eq!(label("second"), Ok("agent:echo/lene-2".to_owned()));
    is_unauthorized(label("third"));
}

#[test]
fn a_password_has_1_to_1024_bytes_and_no_other_demand() {
    let world = world(|builder| builder);
    assert!(NewUser::new("lene", "lene").unwrap().password("").is_err());
    assert!(
        NewUser::new("lene", "lene")
            .unwrap()
            .password("x".repeat(1025))
            .is_err()
    );
    assert!(matches!(
        world.admin().set_password("lene", ""),
        Err(Error::Invalid(_))
    ));
    for password in [" ", &"ä".repeat(512)] {
        world.admin().set_password("lene", password).unwrap();
        assert!(
            world
                .engine
                .log_in(&Credentials::agent("CONTOSO\\lene", password, "echo"))
                .is_ok()
        );
    }
    is_unauthorized(world.engine.log_in(&Credentials::agent(
        "CONTOSO\\lene",
        "x".repeat(100_000),
        "echo",
    )));
}

#[test]
fn from_the_fifth_failure_on_answers_are_held_back_1_2_4_5_5_seconds() {
    let world = world(|builder| builder.authenticator(Sesame));
    for name in ["CONTOSO\\lene", "nobody"] {
        let wrong = || {
            world
                .engine
                .log_in_async(&Credentials::agent(name, "wrong", "echo"))
        };
        for _ in 0..4 {
            is_unauthorized(wait(wrong()));
        }
        for hold in [1, 2, 4, 5, 5].map(seconds) {
            is_unauthorized(held(&world, wrong(), hold));
        }
    }
}

/// Looks that `login` is answered when `hold` has passed, and not before.
fn held(world: &World, login: AsyncResult<Token>, hold: Duration) -> Result<Token> {
    let login = begin(login);
    world.pass(hold - Duration::from_millis(1));
    assert!(!login.is_finished(), "held for less than {hold:?}");
    world.pass(Duration::from_millis(1));
    login.join().unwrap()
}

#[test]
fn a_right_password_is_held_back_too_but_accepted_and_ends_the_count() {
    let world = world(|builder| builder.authenticator(Sesame));
    let right = Credentials::agent("contoso\\LENE", SESAME, "echo");
    for _ in 0..4 {
        is_unauthorized(
            world
                .engine
                .log_in(&Credentials::agent("CONTOSO\\lene", "wrong", "echo")),
        );
    }
    held(&world, world.engine.log_in_async(&right), seconds(1)).unwrap();
    world.engine.log_in(&right).unwrap();
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::agent("CONTOSO\\lene", "wrong", "echo")),
    );
}

#[test]
fn fifteen_minutes_without_a_failure_end_the_count_and_no_other_name_is_slowed() {
    let world = world(|builder| builder.authenticator(Sesame));
    let wrong = Credentials::agent("CONTOSO\\lene", "wrong", "echo");
    for _ in 0..4 {
        is_unauthorized(world.engine.log_in(&wrong));
    }
    is_unauthorized(
        world
            .engine
            .log_in(&Credentials::agent("bob", "wrong", "echo")),
    );
    world.pass(seconds(15 * 60));
    is_unauthorized(world.engine.log_in(&wrong));
}

#[test]
fn a_name_that_does_not_exist_costs_the_same_hash_work() {
    let world = world(|builder| builder.super_user("root", "top secret"));
    world
        .admin()
        .put_user(NewUser::new("ada", "ada").unwrap())
        .unwrap();
    world.put(
        new_agent("echo", &[OPS])
            .user("lene")
            .unwrap()
            .user("ada")
            .unwrap(),
    );
    let work = |credentials: Credentials| {
        let before = world.engine.stats().password_work;
        is_unauthorized(world.engine.log_in(&credentials));
        world.engine.stats().password_work - before
    };
    assert_eq!(
        work(Credentials::agent("CONTOSO\\lene", "wrong", "echo")),
        1
    );
    assert_eq!(work(Credentials::agent("nobody", "wrong", "echo")), 1);
    assert_eq!(
        work(Credentials::agent("CONTOSO\\lene", "wrong", "nowhere")),
        1
    );
    assert_eq!(
        work(Credentials::agent("CONTOSO\\lene", "wrong", "no\0agent")),
        1
    );
    assert_eq!(
        work(Credentials::agent("ada", "wrong", "echo")),
        1,
        "a user without a password"
    );
    assert_eq!(work(Credentials::super_user("root", "wrong")), 1);
    assert_eq!(work(Credentials::super_user("toor", "wrong")), 1);
}

#[test]
fn beyond_the_hashing_pool_a_login_is_busy_at_once() {
    let world = World::new();
    let mut logins: Vec<_> = (0..3000)
        .map(|n| {
            world
                .engine
                .log_in_async(&Credentials::super_user(format!("u{n}"), "x"))
        })
        .collect();
    let answers: Vec<_> = logins.iter_mut().map(poll).collect();
    let busy = answers
        .iter()
        .filter(|answer| matches!(answer, Poll::Ready(Err(Error::Busy { .. }))))
        .count();
    assert!(busy > 0 && busy < 2000, "{busy} of 3,000 were busy");
}

#[test]
fn a_token_cut_short_or_changed_is_none() {
    let world = world(|builder| builder);
    let token = world.engine.log_in(&lene()).unwrap();
    let text = token.expose();
    let flipped = format!(
        "{}{}",
        if text.starts_with('A') { 'B' } else { 'A' },
        &text[1..]
    );
    for wrong in [
        &text[..text.len() - 1],
        &text[1..],
        "",
        &flipped,
        &format!("{text}A"),
        &format!("{text} "),
        "ä",
        "\0",
    ] {
        is_unauthorized(world.engine.authenticate(&Token::new(wrong)));
        assert!(matches!(
            world.engine.token_details(&Token::new(wrong)),
            Err(Error::Invalid(_))
        ));
    }
}

#[test]
fn neither_token_nor_password_is_in_the_files_or_in_a_debug_text() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    furnish(&world);
    let token = world.engine.log_in(&lene()).unwrap();
    world.engine.authenticate(&token).unwrap();
    let find = |needle: &[u8]| {
        let files = std::fs::read_dir(disk.directory()).unwrap();
        files
            .filter(|file| {
                let bytes = std::fs::read(file.as_ref().unwrap().path()).unwrap();
                bytes.windows(needle.len()).any(|window| window == needle)
            })
            .count()
    };
    assert_eq!(find(token.expose().as_bytes()), 0);
    assert_eq!(find(PASSWORD.as_bytes()), 0);
    assert!(
        find(b"CONTOSO\\Lene") > 0,
        "it was written and would be found"
    );
    let shown = format!(
        "{token:?} {:?} {:?}",
        lene(),
        user("lene", "lene", PASSWORD)
    );
    assert!(
        !shown.contains(PASSWORD) && !shown.contains(token.expose()),
        "{shown}"
    );
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(
        find(token.expose().as_bytes()) + find(PASSWORD.as_bytes()),
        0
    );
}

#[test]
fn another_super_password_name_or_none_ends_the_super_user_s_tokens_over_a_restart() {
    let disk = Disk::new();
    let mut world =
        World::with(|builder| builder.database(disk.path()).super_user("root", "pw-eins"));
    let log_in = |world: &World, name: &str, password: &str| {
        world
            .engine
            .log_in(&Credentials::super_user(name, password))
            .unwrap()
    };
    let first = log_in(&world, "root", "pw-eins");
    world = world.restart_with(&disk, |builder| builder.super_user("ROOT", "pw-eins"));
    assert!(
        world.engine.authenticate(&first).is_ok(),
        "the same one, spelled otherwise"
    );

    world = world.restart_with(&disk, |builder| builder.super_user("root", "pw-zwei"));
    is_unauthorized(world.engine.authenticate(&first));
    let second = log_in(&world, "root", "pw-zwei");
    world = world.restart_with(&disk, |builder| builder.super_user("toor", "pw-zwei"));
    is_unauthorized(world.engine.authenticate(&second));

    let third = log_in(&world, "toor", "pw-zwei");
    world = world.restart_with(&disk, |builder| builder);
    is_unauthorized(world.engine.authenticate(&third));
    world = world.restart_with(&disk, |builder| builder.super_user("toor", "pw-zwei"));
    is_unauthorized(world.engine.authenticate(&third));

    // What was changed while it ran is what the next one compares with.
    world.engine.set_super_password("pw-drei").unwrap();
    let fourth = log_in(&world, "toor", "pw-drei");
    world = world.restart_with(&disk, |builder| builder.super_user("toor", "pw-drei"));
    assert!(world.engine.authenticate(&fourth).is_ok());
    for file in std::fs::read_dir(disk.directory()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            bytes.windows(3).all(|part| part != b"pw-"),
            "a password in clear"
        );
    }
}
