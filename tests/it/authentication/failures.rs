//! Failed logins are delayed and counted, and cost the same for every name.

use super::{held, is_unauthorized, world};
use crate::world::{OPS, SESAME, Sesame, World, new_agent, poll, seconds, wait};
use std::task::Poll;
use switchboard::{Credentials, Error, NewUser};

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
