//! The event channel of one application: a queue, the package that waits for its acknowledgement,
//! and the parked P-GET.
//!
//! A P-GET is the client's request for the next package of events. It is parked, that is left
//! unanswered, until there are events.
//!
//! A P-GET for package N+1 acknowledges package N. Until then, package N is sent again to a client
//! that repeats its ack. A package gets its number when it is made, so an empty package counts too.
//! An event counts as fetched when its package goes to a P-GET whose client is still connected.

use super::answer::{Answer, Fault};
use super::event::{Event, Priority};
use super::request::Input;
use super::switches::Switches;
use super::timer::Moment;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;

/// P-GETs that a fault keeps unanswered. They are kept so that their connections stay open.
const SWALLOWED_MAX: usize = 16;

/// The event channel of one application.
#[derive(Debug)]
pub struct Channel {
    /// The number of the next package.
    number: u64,
    /// The package that is sent and not yet acknowledged.
    held: Option<Held>,
    /// Deliveries whose events a client has fetched, until they are taken.
    fetched: Vec<u64>,
    queue: VecDeque<Waiting>,
    parked: Option<Parked>,
    /// A parameter of the P-GET, remembered from one to the next.
    timeout: Duration,
    medium: Duration,
    low: Duration,
    /// The moment since which no P-GET is parked.
    quiet_since: Moment,
    /// True if the next package says `resume`.
    resume: bool,
    /// True if the next P-GET is told to `resync`.
    pub resync_next: bool,
    /// How many of the next P-GETs are accepted and never answered.
    pub swallow: u32,
    /// For how many of the next packages the connection is cut instead of sending them.
    pub lose: u32,
    swallowed: Vec<oneshot::Sender<Answer>>,
}

#[derive(Debug)]
struct Held {
    number: u64,
    package: Value,
    /// Deliveries whose events no client is known to have.
    deliveries: Vec<u64>,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    since: Moment,
}

#[derive(Debug)]
struct Parked {
    priority: i64,
    until: Moment,
    reply: oneshot::Sender<Answer>,
}

/// The outcome of a P-GET.
pub enum Asked {
    /// The P-GET is answered at once.
    Now(Answer),
    /// The P-GET is parked. The answer comes here; if its sender is dropped, the connection must be
    /// cut.
    Parked(oneshot::Receiver<Answer>),
}

impl Channel {
    /// Returns a channel with nothing sent and nothing parked.
    pub fn new(now: Moment) -> Channel {
        Channel {
            number: 1,
            held: None,
            fetched: Vec::new(),
            queue: VecDeque::new(),
            parked: None,
            timeout: Duration::from_secs(180),
            medium: Duration::from_secs(5),
            low: Duration::from_secs(15),
            quiet_since: now,
            resume: false,
            resync_next: false,
            swallow: 0,
            lose: 0,
            swallowed: Vec::new(),
        }
    }

    /// Returns the number of the package that a client must ask for: the first that it has not
    /// acknowledged.
    pub fn ack(&self) -> u64 {
        self.held.as_ref().map_or(self.number, |held| held.number)
    }

    /// Adds an event. Returns true if the queue was full and the oldest event was dropped.
    pub fn push(&mut self, now: Moment, event: Event, retention: u32) -> bool {
        self.queue
            .retain(|waiting| !waiting.event.is_outdone_by(&event));
        self.queue.push_back(Waiting { event, since: now });
        let overflow = self.queue.len() > retention as usize;
        if overflow {
            self.queue.pop_front();
        }
        overflow
    }

    /// Accepts a P-GET.
    pub fn ask(&mut self, now: Moment, input: &Input, base: &str, switches: &Switches) -> Asked {
        let Some(ack) = input.number("ack").and_then(|ack| u64::try_from(ack).ok()) else {
            return Asked::Now(Fault::parameter("ack", "A number is required.").into());
        };
        let seconds = |name: &str, least: i64| {
            input
                .number(name)
                .map(|given| Duration::from_secs(given.clamp(least, 1800).unsigned_abs()))
        };
        self.timeout = seconds("timeout", 180).unwrap_or(self.timeout);
        self.medium = seconds("medium", 5).unwrap_or(self.medium);
        self.low = seconds("low", 5).unwrap_or(self.low);
        let again = |held: &&mut Held| held.number == ack && switches.replay;
        if let Some(held) = self
            .held
            .as_mut()
            .filter(again)
            .filter(|_| !self.resync_next)
        {
            self.fetched.append(&mut held.deliveries);
            return Asked::Now(Answer::ok(held.package.clone()));
        }
        if ack != self.number || self.resync_next {
            self.resync_next = false;
            let first = if switches.replay {
                self.ack()
            } else {
                self.number
            };
            return Asked::Now(Answer::ok(
                json!({"_links": {"resync": {"href": format!("{base}/events?ack={first}")}}}),
            ));
        }
        self.fetched.extend(
            self.held
                .take()
                .into_iter()
                .flat_map(|held| held.deliveries),
        );
        let priority = input.number("priority").unwrap_or(0);
        if let Some(old) = self.parked.take_if(|old| !old.reply.is_closed()) {
            if priority < old.priority {
                self.parked = Some(old);
                return Asked::Now(replaced());
            }
            drop(old.reply.send(replaced()));
        }
        let (reply, answer) = oneshot::channel();
        if self.swallow > 0 {
            self.swallow -= 1;
            self.swallowed.retain(|reply| !reply.is_closed());
            self.swallowed.truncate(SWALLOWED_MAX - 1);
            self.swallowed.push(reply);
            self.quiet_since = now;
        } else {
            let timeout = chrono::TimeDelta::from_std(self.timeout).unwrap_or_default();
            self.parked = Some(Parked {
                priority,
                until: now + timeout,
                reply,
            });
        }
        Asked::Parked(answer)
    }

    /// Returns when the parked P-GET must be answered.
    pub fn due(&self) -> Option<Moment> {
        let parked = self.parked.as_ref()?;
        let first = self
            .queue
            .iter()
            .map(|waiting| self.release_at(waiting))
            .min();
        Some(first.map_or(parked.until, |first| first.min(parked.until)))
    }

    /// Answers the parked P-GET if it is due.
    pub fn release(&mut self, now: Moment, base: &str, switches: &Switches) {
        self.notice_hang_up(now);
        let due = self.due().is_some_and(|due| due <= now);
        let Some(parked) = self.parked.take_if(|_| due) else {
            return;
        };
        self.quiet_since = now;
        let number = self.number;
        let href = |ack: u64| json!({"href": format!("{base}/events?ack={ack}")});
        let follow = if self.resume { "resume" } else { "next" };
        let mut package = json!({"_links": {"self": href(number), follow: href(number + 1)}});
        let senders = senders(self.queue.iter().map(|waiting| &waiting.event));
        if switches.empty_sender || !self.queue.is_empty() {
            package["sender"] = json!(senders);
        }
        self.resume = false;
        self.number += 1;
        let mut deliveries: Vec<u64> = self
            .queue
            .drain(..)
            .filter_map(|waiting| waiting.event.delivery)
            .collect();
        if self.lose > 0 {
            self.lose -= 1;
        } else if parked.reply.send(Answer::ok(package.clone())).is_ok() {
            self.fetched.append(&mut deliveries);
        }
        self.held = Some(Held {
            number,
            package,
            deliveries,
        });
    }

    /// Takes the deliveries that were fetched since the last call.
    pub fn take_fetched(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.fetched)
    }

    /// Drops a P-GET whose client has gone.
    fn notice_hang_up(&mut self, now: Moment) {
        if self
            .parked
            .take_if(|parked| parked.reply.is_closed())
            .is_some()
        {
            self.quiet_since = now;
        }
    }

    /// Returns the moment since which no client listens; `None` if a client listens.
    pub fn quiet_since(&mut self, now: Moment) -> Option<Moment> {
        self.notice_hang_up(now);
        self.parked.is_none().then_some(self.quiet_since)
    }

    /// Drops the queue: after a long silence the server closes everything and sends `resume`.
    pub fn close_all(&mut self) {
        self.queue.clear();
        self.resume = true;
    }

    /// Removes an event that is still in the queue. Returns false if it is not there.
    pub fn take_back(&mut self, delivery: u64) -> bool {
        let before = self.queue.len();
        self.queue
            .retain(|waiting| waiting.event.delivery != Some(delivery));
        self.queue.len() < before
    }

    /// Lets the next package say `resume`.
    pub fn say_resume(&mut self) {
        self.resume = true;
    }

    /// Ends the parked P-GET with `answer`, or by cutting its connection. Returns false if none was
    /// parked or its client has gone.
    pub fn interrupt(&mut self, now: Moment, answer: Option<Answer>) -> bool {
        let Some(parked) = self.parked.take() else {
            return false;
        };
        self.quiet_since = now;
        answer
            .map(|answer| parked.reply.send(answer))
            .is_none_or(|sent| sent.is_ok())
    }

    /// Returns the number of this channel's requests that are under way.
    pub fn outstanding(&self) -> usize {
        let open = |reply: &oneshot::Sender<Answer>| !reply.is_closed();
        usize::from(
            self.parked
                .as_ref()
                .is_some_and(|parked| open(&parked.reply)),
        ) + self.swallowed.iter().filter(|reply| open(reply)).count()
    }

    fn release_at(&self, waiting: &Waiting) -> Moment {
        let hold = match waiting.event.priority {
            Priority::High => Duration::ZERO,
            Priority::Medium => self.medium,
            Priority::Low => self.low,
        };
        waiting.since + chrono::TimeDelta::from_std(hold).unwrap_or_default()
    }
}

/// Returns the answer to a P-GET that another one has replaced.
pub fn replaced() -> Answer {
    Fault::conflict(
        "PGetReplaced",
        "Another request for events took this one's place.",
    )
    .into()
}

/// Groups events by sender, in their order. A sender comes again if another has an event in
/// between.
fn senders<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<Value> {
    let mut groups: Vec<(&(&'static str, String), Vec<Value>)> = Vec::new();
    for event in events {
        match groups.last_mut() {
            Some((sender, group)) if **sender == event.sender => group.push(event.body.clone()),
            _ => groups.push((&event.sender, vec![event.body.clone()])),
        }
    }
    groups
        .into_iter()
        .map(|((rel, href), events)| json!({"rel": rel, "href": href, "events": events}))
        .collect()
}

#[cfg(test)]
#[path = "channel_test.rs"]
mod tests;
