//! Logins over a directory that takes 50 ms, and what they cost others.

use super::common::world::room;
use super::common::{Options, Pairs, Report, Watch, quantile};
use super::{SOON, loopback};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use switchboard::directory::{Asked, Checked};
use switchboard::{
    AccountName, Authenticator, Credentials, Cursor, Engine, EventQuery, NewAgent, NewMessage,
    NewUser, Principal, Secret,
};

const LATENCY: Duration = Duration::from_millis(50);
const AGENT: &str = "desk";

/// A directory that finds every password right, 50 ms later.
struct Slow;

impl Authenticator for Slow {
    #[expect(clippy::disallowed_methods, reason = "a network takes real time")]
    fn check(&self, _username: AccountName, _password: Secret) -> Asked<Checked> {
        Box::pin(async {
            tokio::time::sleep(LATENCY).await;
            Ok(true.into())
        })
    }
}

/// L1: how long a login takes over what its directory takes, 64 at a time. L2: a durable post and a
/// read while such logins go on, over the same without them.
pub(super) fn logins(options: &Options) {
    let directory = options.fresh_directory("logins");
    let engine = Engine::builder()
        .database(directory.join("db"))
        .shared_backend(loopback(true, 1))
        .authenticator(Slow)
        .open()
        .unwrap();
    let admin = engine.provisioning(&Principal::host("bench")).unwrap();
    let mut desk = NewAgent::new(AGENT, "loopback:desk").unwrap();
    for n in 0..64 {
        let name = format!("bot{n}");
        admin
            .put_user(NewUser::new(&*name, &name).unwrap())
            .unwrap();
        desk = desk.user(&*name).unwrap();
    }
    admin.put_agent(desk.channel(&*room(0)).unwrap()).unwrap();
    engine
        .agent(AGENT)
        .unwrap()
        .wait_joined(&*room(0), SOON)
        .unwrap();

    let times = options.number("logins", 640) / 64;
    let mut watch = Watch::new(options);
    let (mut of_login, mut of_post, mut of_read) = Default::default();
    let mut all = Vec::new();
    let mut rate = 0.0;
    for _ in 0..options.pairs(9) {
        let begin = Instant::now();
        let mut took = storm(&engine, times);
        rate = took.len() as f64 / begin.elapsed().as_secs_f64();
        let mean = took.iter().sum::<f64>() / took.len() as f64;
        push(&mut of_login, LATENCY.as_secs_f64() * 1e6, mean);
        all.append(&mut took);
        let alone = others(&engine);
        let ends = AtomicBool::new(false);
        let beside = thread::scope(|scope| {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    storm(&engine, 1);
                }
            });
            let beside = others(&engine);
            ends.store(true, Ordering::Relaxed);
            beside
        });
        push(&mut of_post, alone.0, beside.0);
        push(&mut of_read, alone.1, beside.1);
        watch.tick();
    }
    let p99 = quantile(&all, 0.99) / 1e3;
    Report::new(
        "L1",
        "a login, 64 at a time, over its directory's 50 ms",
        "us",
    )
    .noisy(watch.noisy())
    .also("logins a second", rate)
    .also("p99 ms", p99)
    .pairs(&of_login);
    for (what, pairs) in [("a durable post", &of_post), ("a read of events", &of_read)] {
        let what = format!("{what} beside logins, over one without them");
        Report::new("L2", what, "us")
            .noisy(watch.noisy())
            .pairs(pairs);
    }
    engine.shutdown(SOON).unwrap();
}

fn push(pairs: &mut Pairs, raw: f64, ours: f64) {
    pairs.push(raw, ours);
}

/// 64 threads log in so many times each; returns how long each login took, in microseconds.
fn storm(engine: &Engine, times: usize) -> Vec<f64> {
    let took = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for n in 0..64 {
            let took = &took;
            scope.spawn(move || {
                let credentials = Credentials::agent(format!("bot{n}"), "secret", AGENT);
                for _ in 0..times {
                    let begin = Instant::now();
                    engine.log_in(&credentials).unwrap();
                    took.lock().push(begin.elapsed().as_secs_f64() * 1e6);
                }
            });
        }
    });
    took.into_inner()
}

/// Microseconds of a durable post and of a read of events, one after the other in one thread.
fn others(engine: &Engine) -> (f64, f64) {
    const TIMES: u32 = 300;
    let desk = engine.agent(AGENT).unwrap();
    let begin = Instant::now();
    for _ in 0..TIMES {
        desk.post(&*room(0), NewMessage::text("hello")).unwrap();
    }
    let post = begin.elapsed() / TIMES;
    let begin = Instant::now();
    for _ in 0..TIMES {
        desk.events(Cursor::window(), &EventQuery::all()).unwrap();
    }
    let read = begin.elapsed() / TIMES;
    (post.as_secs_f64() * 1e6, read.as_secs_f64() * 1e6)
}
