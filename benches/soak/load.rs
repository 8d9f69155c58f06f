//! The work: agents that post at a steady rate, agents that read, and agents that come and go.
//!
//! Posts follow a schedule. A late post is made at once, and its delay is counted from when it was
//! due, so that a gateway that stands still for a while does not get fewer requests.

use crate::common::{quantile, world};
use crate::line::Line;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Rooms, each with an agent that posts and one that reads.
pub const PAIRS: usize = 4;
/// How long an agent may take to join, and a reader to catch up at the end.
const SOON: Duration = Duration::from_secs(60);
/// Failures that are kept in words; further ones are counted.
const TOLD: usize = 20;
/// The age at which a token is renewed, as a client does that stays.
const RENEWED_AFTER: Duration = Duration::from_secs(600);

/// What is asked of the gateway there.
#[derive(Debug, Clone)]
pub struct Load {
    pub address: SocketAddr,
    /// Messages a second over all posters.
    pub rate: usize,
    /// Time from one agent that comes and goes to the next.
    pub churn: Duration,
    pub length: Duration,
}

#[derive(Default)]
struct Counts {
    posted: AtomicU64,
    heard: AtomicU64,
    /// Agents created and deleted.
    churned: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<String>>,
    /// Of one post in a hundred: milliseconds from when it was due to its answer.
    delays: Mutex<Vec<f64>>,
    posters_done: AtomicBool,
}

impl Counts {
    fn fail(&self, what: impl fmt::Display) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut failures = self.failures.lock();
        if failures.len() < TOLD {
            failures.push(what.to_string());
        }
    }
}

/// A load under way.
pub struct Begun {
    counts: Arc<Counts>,
    posters: Vec<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

/// What was done in the end.
pub struct Work {
    counts: Arc<Counts>,
}

impl Load {
    /// Provisions the agents, waits until they are in their rooms, and begins.
    pub fn begin(&self) -> Begun {
        let counts = Arc::new(Counts::default());
        let mut line = Line::open(self.address).unwrap();
        let root = Pass::given(&mut line, "super", "").unwrap();
        put_user(&mut line, &root.token, "user").unwrap();
        let mut passes = Vec::new();
        for number in 0..2 * PAIRS {
            let id = format!("agent-{number}");
            put_agent(&mut line, &root.token, &id, "user", &[room(number % PAIRS)]).unwrap();
            joined(&mut line, &root.token, &id).unwrap();
            passes.push(Pass::given(&mut line, "user", &id).unwrap());
        }
        let mut others = Vec::new();
        for (number, pass) in passes.split_off(PAIRS).into_iter().enumerate() {
            let (load, counts) = (self.clone(), counts.clone());
            let reader = Line::open(self.address).unwrap();
            others.push(spawn(format!("reader-{number}"), move || {
                load.read(reader, pass, &counts)
            }));
        }
        let (load, of) = (self.clone(), counts.clone());
        others.push(spawn("churn".to_owned(), move || {
            load.come_and_go(line, root, &of)
        }));
        let posters = passes.into_iter().enumerate().map(|(number, pass)| {
            let (load, counts) = (self.clone(), counts.clone());
            spawn(format!("poster-{number}"), move || {
                load.post(number, pass, &counts)
            })
        });
        Begun {
            posters: posters.collect(),
            others,
            counts,
        }
    }

    fn post(&self, number: usize, mut pass: Pass, counts: &Counts) {
        let target = format!(
            "/Collaboration/v1/Channels/{}/Messages",
            encoded(&room(number))
        );
        let each = Duration::from_secs_f64(PAIRS as f64 / self.rate as f64);
        let mut line = Line::open(self.address).unwrap();
        let begin = Instant::now();
        for nth in 0.. {
            let due = each * nth;
            if due >= self.length {
                return;
            }
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
            // Every fourth has a key, as careful clients give one.
            let key = if nth % 4 == 0 {
                format!("Idempotency-Key: soak-{number}-{nth}\r\n")
            } else {
                String::new()
            };
            let body = json!({ "IsAlert": false, "Text": world::text(nth as usize) }).to_string();
            let posted = pass
                .renew(&mut line)
                .and_then(|token| line.call("POST", &target, token, &key, &body));
            match posted {
                Ok(_) => drop(counts.posted.fetch_add(1, Ordering::Relaxed)),
                Err(error) => {
                    // The messages that the readers then miss are reported too.
                    counts.fail(error);
                    line = Line::open(self.address).unwrap();
                }
            }
            if nth % 100 == 99 {
                counts
                    .delays
                    .lock()
                    .push(begin.elapsed().saturating_sub(due).as_secs_f64() * 1e3);
            }
        }
    }

    /// Reads until the posters are done and a poll brings nothing more.
    fn read(&self, mut line: Line, mut pass: Pass, counts: &Counts) {
        let (mut last, mut awaited) = (0, 0);
        loop {
            let done = counts.posters_done.load(Ordering::Acquire);
            let target = format!("/Collaboration/v1/Events?last-event={last}&types=message");
            let polled = pass
                .renew(&mut line)
                .and_then(|token| line.call("GET", &target, token, "", ""));
            let events = match polled {
                Ok(Value::Array(events)) => events,
                Ok(other) => return counts.fail(format!("a poll brings {other}")),
                Err(error) => return counts.fail(error),
            };
            if done && events.is_empty() {
                return;
            }
            for event in events {
                let id = event["EventId"].as_i64().unwrap_or(0);
                if id <= last {
                    counts.fail(format!("event {id} after {last}"));
                }
                last = id;
                let text = event["Content"].as_str().unwrap_or_default();
                // Agents that come and go speak here too.
                let Some(number) = text.get(..10).and_then(|digits| digits.parse::<u64>().ok())
                else {
                    continue;
                };
                if number != awaited {
                    counts.fail(format!("message {number} where {awaited} was awaited"));
                }
                awaited = number + 1;
                counts.heard.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn come_and_go(&self, mut line: Line, mut root: Pass, counts: &Counts) {
        let begin = Instant::now();
        for nth in 0.. {
            let due = self.churn * nth;
            if due >= self.length {
                return;
            }
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
            let visited = root
                .renew(&mut line)
                .and_then(|root| self.visit(&mut line, root, nth as usize));
            match visited {
                Ok(()) => drop(counts.churned.fetch_add(1, Ordering::Relaxed)),
                Err(error) => {
                    counts.fail(error);
                    line = Line::open(self.address).unwrap();
                }
            }
        }
    }

    /// One agent and its user, from their creation to their deletion.
    fn visit(&self, line: &mut Line, root: &str, nth: usize) -> io::Result<()> {
        let id = format!("visitor-{nth}");
        // The contact does not know this agent, so nobody reads the message, as with many notices.
        let contact = format!("contact:agent-{}", nth % PAIRS);
        put_user(line, root, &id)?;
        put_agent(line, root, &id, &id, &[room(nth % PAIRS), contact.clone()])?;
        joined(line, root, &id)?;
        let path = format!("/Provisioning/v1/Agents/{id}");
        line.call(
            "PUT",
            &format!("{path}/MetaData/shift"),
            root,
            "",
            "\"night\"",
        )?;
        let token = log_in(line, &id, &id)?;
        // The client gives up one poll, and the deletion ends another.
        let mut left = Line::open(self.address)?;
        left.ask(
            "GET",
            "/Collaboration/v1/Events?last-event=2147483646&types=meta-data",
            &token,
            "",
            "",
        )?;
        for channel in [&room(nth % PAIRS), &contact] {
            let target = format!("/Collaboration/v1/Channels/{}/Messages", encoded(channel));
            line.call(
                "POST",
                &target,
                &token,
                "",
                r#"{"IsAlert":false,"Text":"a visitor says hello"}"#,
            )?;
        }
        line.call("GET", "/Collaboration/v1/Channels", &token, "", "")?;
        drop(left);
        let mut ended = Line::open(self.address)?;
        ended.ask(
            "GET",
            "/Collaboration/v1/Events?last-event=2147483646&types=meta-data",
            &token,
            "",
            "",
        )?;
        line.call("DELETE", &path, root, "", "")?;
        line.call(
            "DELETE",
            &format!("/Provisioning/v1/Users/{id}"),
            root,
            "",
            "",
        )?;
        Ok(())
    }
}

impl Begun {
    pub fn so_far(&self) -> String {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        format!(
            "{} posted, {} heard, {} agents came and went, {} failures",
            count(&counts.posted),
            count(&counts.heard),
            count(&counts.churned),
            count(&counts.failed)
        )
    }

    /// Waits until everything is posted and read.
    pub fn end(self) -> Work {
        for poster in self.posters {
            poster.join().expect("no poster panics");
        }
        self.counts.posters_done.store(true, Ordering::Release);
        for other in self.others {
            other.join().expect("no reader panics");
        }
        Work {
            counts: self.counts,
        }
    }
}

impl Work {
    /// What did not hold, in words.
    pub fn broken(&self) -> Vec<String> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut broken = self.counts.failures.lock().clone();
        if count(&self.counts.failed) > broken.len() as u64 {
            broken.push(format!("{} failures in all", count(&self.counts.failed)));
        }
        if count(&self.counts.posted) != count(&self.counts.heard) {
            broken.push(format!(
                "{} posted, {} heard",
                count(&self.counts.posted),
                count(&self.counts.heard)
            ));
        }
        broken
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delays = self.counts.delays.lock();
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        write!(
            f,
            "posted   {}, heard {}, {} agents came and went; a post is answered {:.1} ms after it was due (p99 {:.1} ms)",
            count(&self.counts.posted),
            count(&self.counts.heard),
            count(&self.counts.churned),
            quantile(&delays, 0.5),
            quantile(&delays, 0.99)
        )
    }
}

/// A token, and the credentials for the next one.
struct Pass {
    user: &'static str,
    agent: String,
    token: String,
    given: Instant,
}

impl Pass {
    fn given(line: &mut Line, user: &'static str, agent: &str) -> io::Result<Pass> {
        let token = log_in(line, user, agent)?;
        Ok(Pass {
            user,
            agent: agent.to_owned(),
            token,
            given: Instant::now(),
        })
    }

    /// The token, a new one if it is old.
    fn renew(&mut self, line: &mut Line) -> io::Result<&str> {
        if self.given.elapsed() > RENEWED_AFTER {
            *self = Pass::given(line, self.user, &self.agent)?;
        }
        Ok(&self.token)
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name(name)
        .spawn(body)
        .expect("a thread")
}

fn room(number: usize) -> String {
    format!("chat-room:room-{number}")
}

fn encoded(channel: &str) -> String {
    channel.replace(':', "%3A")
}

fn log_in(line: &mut Line, user: &str, agent: &str) -> io::Result<String> {
    let credentials =
        json!({ "Username": user, "Password": "secret", "AgentId": agent }).to_string();
    let token = line.call("POST", "/Authentication/v1/Tokens", "", "", &credentials)?;
    Ok(token.as_str().unwrap_or_default().to_owned())
}

fn put_user(line: &mut Line, root: &str, id: &str) -> io::Result<()> {
    let user = json!({ "UserId": id, "Username": id, "Password": "secret" }).to_string();
    line.call(
        "PUT",
        &format!("/Provisioning/v1/Users/{id}"),
        root,
        "",
        &user,
    )
    .map(drop)
}

fn put_agent(
    line: &mut Line,
    root: &str,
    id: &str,
    user: &str,
    channels: &[String],
) -> io::Result<()> {
    let channels: Vec<Value> = channels
        .iter()
        .map(|channel| json!({ "Id": channel }))
        .collect();
    let agent = json!({ "Id": id, "UserName": format!("loopback:{id}"), "Users": [user], "Channels": channels }).to_string();
    line.call(
        "PUT",
        &format!("/Provisioning/v1/Agents/{id}"),
        root,
        "",
        &agent,
    )
    .map(drop)
}

/// Waits until the agent is in its channels.
fn joined(line: &mut Line, root: &str, id: &str) -> io::Result<()> {
    let begin = Instant::now();
    loop {
        let agent = line.call(
            "GET",
            &format!("/Provisioning/v1/Agents/{id}"),
            root,
            "",
            "",
        )?;
        let channels = agent["Channels"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if channels.iter().all(|channel| channel["State"] == 2) {
            return Ok(());
        }
        if begin.elapsed() > SOON {
            return Err(io::Error::other(format!("{id} does not join: {agent}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
