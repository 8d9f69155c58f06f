//! What was given out and is not settled: pure.
//!
//! An event is *open* from the moment it is taken from the feed until it is settled. Everything up
//! to the *place* is settled; above it open events and settled ones lie side by side. An open event
//! waits until it is due, or is leased to one worker until the lease ends.
//!
//! Where order is asked, only the first open event of a channel can be given out: one that came
//! back keeps the later ones of its channel waiting until it is settled or dead.
//!
//! Rejected: a queue for each worker (a slow one holds back what another could do), and one lease
//! for many events (a crash would count an attempt of events that nobody had in hand).

use super::line::Lines;
use super::terms::Terms;
use crate::model::{ChannelId, Event, EventBody, Seq};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

/// Open events at most.
pub(super) const OPEN_MAX: usize = 1024;
/// Bytes of open events after which no more are taken.
const BYTES_MAX: usize = 4 << 20;
/// Settled events above the place at most: an event that does not get done holds the place.
const SETTLED_MAX: usize = 16_384;

/// What the database knew of an event before this process took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was given out so often, and is not to be given out again before.
    Open { attempts: u32, due: Duration },
    /// It is settled, or dead.
    Settled,
}

/// An event given out.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) seq: Seq,
    pub(super) event: Event,
    /// Counts from 1.
    pub(super) attempt: u32,
    pub(super) lease: u64,
}

/// An event that is given up.
#[derive(Debug, Clone)]
pub(super) struct Death {
    pub(super) seq: Seq,
    pub(super) event: Event,
    pub(super) attempts: u32,
    pub(super) reason: String,
}

#[derive(Debug)]
enum Standing {
    Waiting { due: Duration },
    Leased { lease: u64, until: Duration },
    Settled,
}

#[derive(Debug)]
struct Slot {
    /// None once it is settled.
    event: Option<Event>,
    bytes: usize,
    attempts: u32,
    standing: Standing,
}

/// The open events of one reader.
pub(super) struct Ledger {
    terms: Terms,
    place: Seq,
    scanned: Seq,
    slots: BTreeMap<Seq, Slot>,
    known: HashMap<Seq, Known>,
    /// Those that can be given out, by when they are due.
    ready: BTreeSet<(Duration, Seq)>,
    /// Those that are leased, by when the lease ends.
    leased: BTreeSet<(Duration, Seq)>,
    lines: Lines,
    open: usize,
    bytes: usize,
    leases: u64,
    deaths: Vec<Death>,
}

impl Ledger {
    /// A reader at `place`, of whose later events the database knew `known`.
    pub(super) fn new(terms: Terms, place: Seq, known: HashMap<Seq, Known>) -> Ledger {
        Ledger {
            lines: Lines::new(terms.in_order),
            terms,
            place,
            scanned: place,
            slots: BTreeMap::new(),
            known,
            ready: BTreeSet::new(),
            leased: BTreeSet::new(),
            open: 0,
            bytes: 0,
            leases: 0,
            deaths: Vec::new(),
        }
    }

    /// Up to where everything is settled.
    pub(super) fn place(&self) -> Seq {
        self.place
    }

    /// Up to where the journal was looked at.
    pub(super) fn scanned(&self) -> Seq {
        self.scanned
    }

    /// Whether more events may be taken from the feed.
    pub(super) fn has_room(&self) -> bool {
        self.open < OPEN_MAX && self.bytes < BYTES_MAX && self.slots.len() - self.open < SETTLED_MAX
    }

    /// Takes what the feed found up to `scanned`.
    pub(super) fn take(&mut self, events: Vec<Event>, scanned: Seq) {
        for event in events {
            let (attempts, due) = match self.known.remove(&event.seq) {
                Some(Known::Settled) => {
                    self.slots.insert(event.seq, Slot::settled());
                    continue;
                }
                Some(Known::Open { attempts, due }) => (attempts, due),
                None => (0, Duration::ZERO),
            };
            self.open(event, attempts, due);
        }
        self.scanned = scanned;
        self.advance();
    }

    /// Opens an event, also one below the place that was dead.
    pub(super) fn open(&mut self, event: Event, attempts: u32, due: Duration) {
        let (seq, bytes) = (event.seq, bytes_of(&event));
        if attempts >= self.terms.attempts {
            let reason = "the host ended while it was at work on it";
            self.deaths.push(Death {
                seq,
                event,
                attempts,
                reason: reason.to_owned(),
            });
            self.slots.insert(seq, Slot::settled());
            return;
        }
        if self
            .slots
            .get(&seq)
            .is_some_and(|slot| slot.event.is_some())
        {
            return;
        }
        let (is_first, displaced) = self.lines.enter(channel_of(&event), seq);
        let slot = Slot {
            event: Some(event),
            bytes,
            attempts,
            standing: Standing::Waiting { due },
        };
        self.slots.insert(seq, slot);
        self.open += 1;
        self.bytes += bytes;
        if is_first {
            self.ready.insert((due, seq));
        }
        if let Some(later) = displaced
            && let Some(Standing::Waiting { due }) = self.standing(later)
        {
            self.ready.remove(&(*due, later));
        }
    }

    /// Leases the first event that can be given out.
    pub(super) fn give(&mut self, now: Duration) -> Option<Given> {
        self.end_leases(now);
        let (due, _) = *self.ready.first()?;
        if due > now {
            return None;
        }
        // Of those that are due, the oldest.
        let is_due = self.ready.range(..=(now, Seq::MAX));
        let (due, seq) = *is_due.min_by_key(|(_, seq)| *seq)?;
        self.ready.remove(&(due, seq));
        self.leases += 1;
        let (lease, until) = (self.leases, now.saturating_add(self.terms.lease));
        let slot = self.slots.get_mut(&seq)?;
        slot.attempts += 1;
        slot.standing = Standing::Leased { lease, until };
        self.leased.insert((until, seq));
        Some(Given {
            seq,
            event: slot.event.clone()?,
            attempt: slot.attempts,
            lease,
        })
    }

    /// When something may be given out that cannot be now, if nothing else happens.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let ready = self.ready.first().map(|(due, _)| *due);
        let lease = self.leased.first().map(|(until, _)| *until);
        let lease = lease.filter(|until| *until < Duration::MAX);
        ready.into_iter().chain(lease).min()
    }

    /// The event is done, whoever has it by now. False if it was settled before.
    pub(super) fn settle(&mut self, seq: Seq) -> bool {
        if !self.close(seq) {
            return false;
        }
        self.advance();
        true
    }

    /// The worker of that lease gives the event back, to be given out at `due`. Returns whether
    /// the lease was still its own. After its last attempt the event is dead.
    pub(super) fn give_back(&mut self, seq: Seq, lease: u64, due: Duration, reason: &str) -> bool {
        let Some(until) = self.lease_of(seq, lease) else {
            return false;
        };
        self.leased.remove(&(until, seq));
        self.wait_or_die(seq, due, reason);
        true
    }

    /// The event was not handed out after all, so this was no attempt.
    pub(super) fn take_back(&mut self, seq: Seq, lease: u64, now: Duration) {
        let Some(until) = self.lease_of(seq, lease) else {
            return;
        };
        self.leased.remove(&(until, seq));
        if let Some(slot) = self.slots.get_mut(&seq) {
            slot.attempts -= 1;
            slot.standing = Standing::Waiting { due: now };
            self.ready.insert((now, seq));
        }
    }

    /// Begins the lease anew. False if it has ended.
    pub(super) fn extend(&mut self, seq: Seq, lease: u64, now: Duration) -> bool {
        let Some(until) = self.lease_of(seq, lease) else {
            return false;
        };
        self.leased.remove(&(until, seq));
        let until = now.saturating_add(self.terms.lease);
        if let Some(slot) = self.slots.get_mut(&seq) {
            slot.standing = Standing::Leased { lease, until };
        }
        self.leased.insert((until, seq));
        true
    }

    /// The events that died since this was asked last.
    pub(super) fn take_deaths(&mut self) -> Vec<Death> {
        std::mem::take(&mut self.deaths)
    }

    fn lease_of(&self, seq: Seq, lease: u64) -> Option<Duration> {
        match self.slots.get(&seq)?.standing {
            Standing::Leased { lease: held, until } if held == lease => Some(until),
            _ => None,
        }
    }

    fn end_leases(&mut self, now: Duration) {
        while let Some((until, seq)) = self.leased.first().copied()
            && until <= now
        {
            self.leased.remove(&(until, seq));
            self.wait_or_die(seq, now, "its lease ended");
        }
    }

    fn wait_or_die(&mut self, seq: Seq, due: Duration, reason: &str) {
        let Some(slot) = self.slots.get_mut(&seq) else {
            return;
        };
        if slot.attempts < self.terms.attempts {
            slot.standing = Standing::Waiting { due };
            self.ready.insert((due, seq));
            return;
        }
        let (attempts, event) = (slot.attempts, slot.event.clone());
        self.close(seq);
        self.deaths.extend(event.map(|event| Death {
            seq,
            event,
            attempts,
            reason: reason.to_owned(),
        }));
        self.advance();
    }

    /// Ends an open event; the next one of its channel can be given out.
    fn close(&mut self, seq: Seq) -> bool {
        let Some(slot) = self.slots.get_mut(&seq) else {
            return false;
        };
        match slot.standing {
            Standing::Settled => return false,
            Standing::Waiting { due } => drop(self.ready.remove(&(due, seq))),
            Standing::Leased { until, .. } => drop(self.leased.remove(&(until, seq))),
        }
        self.open -= 1;
        self.bytes -= slot.bytes;
        let event = slot.event.take();
        slot.standing = Standing::Settled;
        let channel = event.as_ref().and_then(channel_of);
        let next = self.lines.leave(channel, seq);
        if let Some(next) = next
            && let Some(Standing::Waiting { due }) = self.standing(next)
        {
            self.ready.insert((*due, next));
        }
        if seq <= self.place {
            // It was dead and is done after all; nothing counts on its slot.
            self.slots.remove(&seq);
        }
        true
    }

    fn standing(&self, seq: Seq) -> Option<&Standing> {
        self.slots.get(&seq).map(|slot| &slot.standing)
    }

    /// Moves the place up to the first open event.
    fn advance(&mut self) {
        loop {
            let above = (Excluded(self.place), Unbounded);
            let first = self.slots.range(above).next();
            let first = first.map(|(seq, slot)| (*seq, slot.event.is_none()));
            match first {
                Some((seq, true)) => {
                    self.slots.remove(&seq);
                    self.place = seq;
                }
                Some((seq, false)) => {
                    self.place = seq - 1;
                    return;
                }
                None => {
                    self.place = self.place.max(self.scanned);
                    return;
                }
            }
        }
    }
}

impl Slot {
    fn settled() -> Slot {
        Slot {
            event: None,
            bytes: 0,
            attempts: 0,
            standing: Standing::Settled,
        }
    }
}

fn channel_of(event: &Event) -> Option<&ChannelId> {
    match &event.body {
        EventBody::Message(message) => Some(&message.channel),
        EventBody::Change(change) => Some(&change.channel),
        EventBody::ChannelState { channel, .. } => Some(channel),
        _ => None,
    }
}

fn bytes_of(event: &Event) -> usize {
    256 + event
        .message()
        .map_or(0, |message| message.text.len() + message.content.bytes())
}
