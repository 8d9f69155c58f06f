//! The time of an answer reveals nothing of a token, and not whether a name exists.
//!
//! Method: medians of calls made in turn, beside a comparison that leaks, which the statistic must
//! find.

use super::full;
use crate::world::{OPS, SESAME, Sesame, World, new_agent};
use std::time::{Duration, Instant};
use switchboard::{Credentials, NewUser, Token};

/// Nanoseconds of `call`.
fn timed(call: impl FnOnce()) -> u64 {
    let before = Instant::now();
    call();
    u64::try_from(before.elapsed().as_nanos()).unwrap()
}

/// How much longer the first of two calls takes than the second, in nanoseconds: the difference of
/// the medians of samples taken in turn, in each of several rounds. Noise changes its sign from
/// round to round; a leak does not.
fn leak(rounds: usize, samples: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> Vec<i64> {
    let median = |mut times: Vec<u64>| {
        times.sort_unstable();
        i64::try_from(times[times.len() / 2]).unwrap()
    };
    (0..rounds)
        .map(|_| {
            let (mut ones, mut others) = (Vec::with_capacity(samples), Vec::with_capacity(samples));
            for n in 0..samples {
                // The order changes, so that the cache favours neither.
                if n % 2 == 0 {
                    ones.push(timed(&mut one));
                }
                others.push(timed(&mut other));
                if n % 2 == 1 {
                    ones.push(timed(&mut one));
                }
            }
            median(ones) - median(others)
        })
        .collect()
}

/// Whether a leak of at least `least` shows in every round, on the same side.
fn shows(leaks: &[i64], least: i64) -> bool {
    leaks.iter().all(|leak| *leak > least) || leaks.iter().all(|leak| *leak < -least)
}

#[test]
fn the_time_of_a_token_does_not_tell_how_much_of_it_is_right() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    world
        .admin()
        .put_user(NewUser::new("lene", "lene").unwrap())
        .unwrap();
    world.put(new_agent("echo", &[OPS]).user("lene").unwrap());
    let token = world
        .engine
        .log_in(&Credentials::agent("lene", SESAME, "echo"))
        .unwrap();
    let text = token.expose();
    // Many of each kind: what the characters of a single one cost to look at tells nothing of the
    // secret.
    let digits: Vec<char> = ('A'..='Z').chain('a'..='z').collect();
    let three = |n: usize| {
        [n, n / 7, n / 3]
            .map(|n| digits[n % digits.len()])
            .iter()
            .collect::<String>()
    };
    let nearly: Vec<Token> = (1..52)
        .map(|n| Token::new(format!("{}{}", &text[..text.len() - 3], three(n))))
        .collect();
    let not_at_all: Vec<Token> = (1..52)
        .map(|n| Token::new(format!("{}{}", three(n), &text[3..])))
        .collect();
    let samples = if full() { 100_000 } else { 10_000 };
    let compare = |check: &dyn Fn(&Token) -> bool| {
        let (mut ones, mut others) = (nearly.iter().cycle(), not_at_all.iter().cycle());
        let mut one = || assert!(!check(ones.next().unwrap()));
        let mut other = || assert!(!check(others.next().unwrap()));
        leak(7, samples, &mut one, &mut other)
    };
    let ours = compare(&|shown| std::hint::black_box(world.engine.authenticate(shown)).is_ok());
    // The leak to find: characters compared one after the other.
    let leaky = compare(&|shown| {
        shown
            .expose()
            .bytes()
            .zip(text.bytes())
            .all(|(a, b)| std::hint::black_box(a) == b)
    });
    println!(
        "nearly right against not at all, ns: ours {ours:?}, character by character {leaky:?}"
    );
    let least = leaky.iter().min().copied().unwrap_or_default() / 4;
    assert!(
        least > 0 && shows(&leaky, least),
        "the statistic finds a leak where there is one: {leaky:?}"
    );
    assert!(!shows(&ours, least), "{ours:?}");
}

#[test]
fn the_time_of_a_login_does_not_tell_whether_the_name_is_known() {
    let count = if full() { 500 } else { 16 };
    let world = World::new();
    let agent = (0..count).fold(new_agent("echo", &[OPS]), |agent, n| {
        agent.user(&*format!("known{n}")).unwrap()
    });
    for n in 0..count {
        let name = format!("known{n}");
        world
            .admin()
            .put_user(
                NewUser::new(&*name, &name)
                    .unwrap()
                    .password("right")
                    .unwrap(),
            )
            .unwrap();
    }
    world.put(agent);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..count {
        // One wrong password a name, so that none is held back; which goes first changes.
        for first in [n % 2 == 0, n % 2 == 1] {
            let name = format!("{}{n}", if first { "known" } else { "other" });
            let began = Instant::now();
            assert!(
                world
                    .engine
                    .log_in(&Credentials::agent(&name, "wrong", "echo"))
                    .is_err()
            );
            if first { &mut known } else { &mut unknown }.push(began.elapsed());
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    println!(
        "a wrong password: known names {known:?}, unknown names {unknown:?}, medians of {count}"
    );
    // The work itself is counted elsewhere; a login that hashes nothing is a hundred times faster.
    assert!(
        known < 2 * unknown && unknown < 2 * known,
        "{known:?} {unknown:?}"
    );
}
