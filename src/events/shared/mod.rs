//! One reader from which several workers draw.
//!
//! An event is leased to one worker, and the attempt is written and durable before the worker gets
//! the event, so that an event which kills its host is counted. Acknowledgements ride in the
//! writer's commits: a lazy entry waits for the next one, which is mostly that of the next attempt.
//!
//! There is no task and no thread here. One of the workers that wait has the permit to ask the feed
//! for more; whoever gets something wakes the others. Rejected: a task that hands out (a reader
//! would need the engine's runtime, and a hand-over for each event).

mod delivery;
mod ledger;
#[cfg(test)]
mod ledger_test;
mod line;
mod reader;
mod table;
mod terms;

pub use delivery::Delivery;
pub use reader::SharedReader;
pub(crate) use table::Shares;
pub use terms::Terms;

use super::feed::{Feed, Request, Start};
use super::named::{Held, Names};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::hub::{Woken, event_id};
use crate::journal::deliveries::{OpenRow, Stored};
use crate::journal::{DeliveryChange, DeliveryEntry, Entries, EntryKind, EventCopy};
use crate::model::{AgentKey, Event, EventBody, Principal, ReaderName, Seq};
use crate::waiting::{Activity, Busy, Pending};
use ledger::{Given, Known, Ledger};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How long a worker waits until its attempt is durable.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// The longest pause before an event is given out again.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 3600);

/// What a reader is opened with.
pub(crate) struct Opening {
    pub(crate) feed: Arc<Feed>,
    pub(crate) names: Arc<Names>,
    pub(crate) entries: Entries,
    pub(crate) agent: AgentKey,
    pub(crate) name: ReaderName,
    pub(crate) held: Held,
    pub(crate) filter: Arc<Filter>,
    pub(crate) principal: Principal,
    pub(crate) terms: Terms,
    /// Whether what is given out is written; a reader with one worker only moves its place.
    pub(crate) durable: bool,
}

/// What all workers of one reader share.
pub(crate) struct Shared {
    opening: Opening,
    ledger: Mutex<Ledger>,
    /// Something can be given out, or fetched, that could not be before.
    changed: Notify,
    /// Whether one of the workers asks the feed.
    fetching: AtomicBool,
    /// A gap that nobody was told of yet.
    gap: AtomicBool,
    /// The engine is shut down or the agent deleted.
    over: AtomicBool,
}

impl Shared {
    /// A reader that goes on after `scanned`, with the rows that the database has of it.
    pub(crate) fn new(opening: Opening, scanned: Seq, rows: Vec<OpenRow>) -> Arc<Shared> {
        let timer = opening.feed.hub.timer();
        let (now, date) = (timer.now(), timer.wall().timestamp_millis());
        let mut known = HashMap::new();
        let mut given_again = Vec::new();
        for row in rows {
            let wait = u64::try_from(row.due.saturating_sub(date)).unwrap_or(0);
            let due = now + Duration::from_millis(wait).min(PAUSE_MAX);
            let attempts = row.attempts;
            match row.stored {
                Stored::Settled => drop(known.insert(row.seq, Known::Settled)),
                Stored::Open => drop(known.insert(row.seq, Known::Open { attempts, due })),
                Stored::Again(copy) => given_again.push((row.seq, copy, attempts, due)),
            }
        }
        let shared = Arc::new(Shared {
            ledger: Mutex::new(Ledger::new(opening.terms, scanned, known)),
            opening,
            changed: Notify::new(),
            fetching: AtomicBool::new(false),
            gap: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        for (seq, copy, attempts, due) in given_again {
            let event = shared.event(seq, copy);
            shared.ledger.lock().open(event, attempts, due);
        }
        shared
    }

    /// Whether one that is opened like that is this reader.
    pub(crate) fn is_like(&self, terms: Terms, principal: &Principal) -> bool {
        let opening = &self.opening;
        opening.terms == terms
            && opening.principal.label() == principal.label()
            && self.check().is_ok()
    }

    pub(crate) fn activity(&self) -> &Activity {
        &self.opening.feed.activity
    }

    /// Up to where everything is settled.
    pub(crate) fn place(&self) -> Seq {
        self.ledger.lock().place()
    }

    /// Hands over what a reader had taken and not given.
    pub(crate) fn take(&self, events: Vec<Event>, scanned: Seq) {
        self.ledger.lock().take(events, scanned);
    }

    /// The next event for a worker; `None` at the end, or once `timeout` of the engine's time has
    /// passed. Dropping the future loses nothing.
    pub(crate) async fn next(
        self: &Arc<Self>,
        timeout: Option<Duration>,
    ) -> Result<Option<Delivery>> {
        match self.drawn(timeout).await {
            // The engine ended while an attempt was written down: it is the end all the same.
            Err(Error::Closed) => Ok(None),
            drawn => drawn,
        }
    }

    async fn drawn(self: &Arc<Self>, timeout: Option<Duration>) -> Result<Option<Delivery>> {
        let timer = self.opening.feed.hub.timer().clone();
        let deadline = timeout.map(|timeout| timer.now().saturating_add(timeout));
        let (mut busy, mut looked) = (None, false);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            self.check()?;
            if self.is_over() {
                return Ok(None);
            }
            if self.gap.swap(false, Ordering::AcqRel) {
                return Ok(Some(Delivery::gap(self.gap_event(), busy)));
            }
            let now = timer.now();
            let (given, due, has_room) = {
                let mut ledger = self.ledger.lock();
                let given = ledger.give(now);
                (given, ledger.next_due(), ledger.has_room())
            };
            self.bury();
            if let Some(given) = given {
                return self.hand_out(given, busy).await.map(Some);
            }
            let permit = has_room.then(|| Permit::take(self)).flatten();
            let late = deadline.is_some_and(|deadline| deadline <= now);
            if late && (looked || permit.is_none()) {
                return Ok(None);
            }
            let until = due.into_iter().chain(deadline).min();
            let patience = until.map(|until| until.saturating_sub(now));
            let asleep = async {
                match until {
                    Some(until) => timer.sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            drop(busy.take());
            tokio::select! {
                biased;
                () = changed => {}
                fetched = self.fetch(patience), if permit.is_some() => {
                    (busy, looked) = (fetched?, true);
                }
                woken = self.opening.feed.hub.wait(self.opening.agent, Seq::MAX) => {
                    if !matches!(woken, Woken::News(_)) {
                        self.end();
                    }
                }
                () = asleep, if permit.is_none() => {}
            }
            drop(permit);
        }
    }

    /// Asks the feed for more, and waits for it no longer than that. Returns what keeps the worker
    /// busy.
    async fn fetch(&self, patience: Option<Duration>) -> Result<Option<Busy>> {
        let opening = &self.opening;
        let request = Request {
            agent: opening.agent,
            start: Start::After(self.ledger.lock().scanned()),
            filter: opening.filter.clone(),
            patience,
            ended: opening.principal.ended(),
            superseded: Some(opening.held.superseded.clone()),
        };
        let handed = opening.feed.clone().ask(Box::new(request)).await?;
        if handed.batch.gap {
            self.gap.store(true, Ordering::Release);
        }
        let is_empty = handed.batch.events.is_empty();
        let place = {
            let mut ledger = self.ledger.lock();
            ledger.take(handed.batch.events, handed.scanned);
            ledger.place()
        };
        if is_empty {
            // No event passed the filter: the place moves, so that a restart does not look again.
            opening.names.acknowledge(&opening.held, place);
        }
        if handed.over && is_empty {
            self.end();
        }
        Ok(handed.busy)
    }

    /// Writes the attempt, and gives the event to the worker once that is durable.
    async fn hand_out(self: &Arc<Self>, given: Given, busy: Option<Busy>) -> Result<Delivery> {
        let seq = given.seq;
        let attempts = given.attempt;
        let unsure = Unsure {
            shared: self,
            given: Some(given),
        };
        if self.opening.durable {
            let written = self.write_through(seq, DeliveryChange::Given { attempts });
            let late = || Error::Busy {
                what: "the journal".into(),
                retry_after: Duration::from_secs(5),
            };
            let timer = self.opening.feed.hub.timer();
            timer.within(WRITE_MAX, written, late).await?;
        }
        Ok(unsure.given_out(busy))
    }

    /// The event is done.
    fn settle(&self, seq: Seq) {
        let mut ledger = self.ledger.lock();
        let was_open = ledger.settle(seq);
        let place = ledger.place();
        drop(ledger);
        if !was_open {
            return;
        }
        if self.opening.durable {
            let acknowledged = &self.opening.held.acknowledged;
            acknowledged.through.fetch_max(place, Ordering::AcqRel);
            self.write(seq, DeliveryChange::Settled { place });
        } else {
            self.opening.names.acknowledge(&self.opening.held, place);
        }
        self.changed.notify_waiters();
    }

    /// The worker of that lease gives the event back.
    fn give_back(&self, seq: Seq, lease: u64, after: Duration, reason: &str) {
        let after = after.min(PAUSE_MAX);
        let timer = self.opening.feed.hub.timer();
        let due = timer.now().saturating_add(after);
        let is_its = self.ledger.lock().give_back(seq, lease, due, reason);
        if is_its && self.opening.durable {
            let after = i64::try_from(after.as_millis()).unwrap_or(0);
            self.write(
                seq,
                DeliveryChange::Returned {
                    due: timer.wall().timestamp_millis().saturating_add(after),
                    reason: reason.to_owned(),
                },
            );
        }
        self.bury();
        self.changed.notify_waiters();
    }

    /// Begins a lease anew; false if it has ended.
    fn extend(&self, seq: Seq, lease: u64) -> bool {
        let now = self.opening.feed.hub.timer().now();
        self.ledger.lock().extend(seq, lease, now)
    }

    /// Writes what has died.
    fn bury(&self) {
        let (deaths, place) = {
            let mut ledger = self.ledger.lock();
            (ledger.take_deaths(), ledger.place())
        };
        if deaths.is_empty() {
            return;
        }
        for death in deaths {
            tracing::warn!(
                reader = %self.opening.name, event = death.event.id.0, attempts = death.attempts, reason = %death.reason,
                "an event is given up"
            );
            self.write(
                death.seq,
                DeliveryChange::Dead {
                    attempts: death.attempts,
                    reason: death.reason,
                    event: EventCopy::of(&death.event),
                    place,
                },
            );
        }
        self.changed.notify_waiters();
    }

    /// An event that was dead is given out again.
    pub(crate) fn open_again(&self, seq: Seq, copy: EventCopy) {
        let event = self.event(seq, copy);
        self.ledger.lock().open(event, 0, Duration::ZERO);
        self.changed.notify_waiters();
    }

    fn write(&self, seq: Seq, change: DeliveryChange) {
        self.opening.entries.write_lazily(self.entry(seq, change));
    }

    fn write_through(&self, seq: Seq, change: DeliveryChange) -> Pending<Result<()>> {
        self.opening.entries.write_through(self.entry(seq, change))
    }

    fn entry(&self, seq: Seq, change: DeliveryChange) -> EntryKind {
        EntryKind::Delivery(Box::new(DeliveryEntry {
            agent: self.opening.agent,
            reader: self.opening.name.clone(),
            seq,
            change,
        }))
    }

    /// The event of a copy, as one of the present instance.
    fn event(&self, seq: Seq, copy: EventCopy) -> Event {
        let (instance, base, _) = self.opening.feed.hub.instance();
        copy.into_event(seq, event_id(seq, base), instance)
    }

    fn gap_event(&self) -> Event {
        let (instance, base, _) = self.opening.feed.hub.instance();
        let id = event_id(self.ledger.lock().scanned(), base);
        let now = self.opening.feed.clock.wall();
        Event::new(0, id, instance, now, EventBody::Gap)
    }

    fn check(&self) -> Result<()> {
        if self.opening.held.superseded.load(Ordering::Acquire) {
            return Err(Error::Superseded(self.opening.name.to_string()));
        }
        self.opening.principal.check()
    }

    fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Whether the engine is shut down or the agent deleted.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) || self.is_gone()
    }

    /// Whether the agent was deleted.
    pub(crate) fn is_gone(&self) -> bool {
        self.opening.held.gone.load(Ordering::Acquire)
    }
}

/// The right to ask the feed, which one worker has at a time.
struct Permit<'a>(&'a Shared);

impl<'a> Permit<'a> {
    fn take(shared: &'a Shared) -> Option<Permit<'a>> {
        let is_taken = shared.fetching.swap(true, Ordering::AcqRel);
        // Not `then_some`: a permit that is made and dropped gives back that of another.
        (!is_taken).then(|| Permit(shared))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.fetching.store(false, Ordering::Release);
        self.0.changed.notify_waiters();
    }
}

/// An event whose attempt is being written. If its worker leaves before that, this was no attempt.
struct Unsure<'a> {
    shared: &'a Arc<Shared>,
    given: Option<Given>,
}

impl Unsure<'_> {
    fn given_out(mut self, busy: Option<Busy>) -> Delivery {
        match self.given.take() {
            Some(given) => Delivery::new(self.shared.clone(), given, busy),
            None => Delivery::gap(self.shared.gap_event(), busy),
        }
    }
}

impl Drop for Unsure<'_> {
    fn drop(&mut self) {
        if let Some(given) = self.given.take() {
            let now = self.shared.opening.feed.hub.timer().now();
            let mut ledger = self.shared.ledger.lock();
            ledger.take_back(given.seq, given.lease, now);
            drop(ledger);
            if self.shared.opening.durable {
                // In the order of the attempts: the next one is written after this.
                let attempts = given.attempt - 1;
                let entry = self
                    .shared
                    .entry(given.seq, DeliveryChange::Given { attempts });
                self.shared.opening.entries.write(entry);
            }
            self.shared.changed.notify_waiters();
        }
    }
}
