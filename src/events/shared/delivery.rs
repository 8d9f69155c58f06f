//! An event in the hands of a worker.

use super::Shared;
use super::ledger::Given;
use crate::model::{Event, Seq};
use crate::waiting::Busy;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// The pause after the first attempt of an event that was dropped; it doubles with each attempt.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// An event, until its worker says what became of it. It can be used as the event itself.
///
/// One that is dropped comes again, after 1 s, then 2, 4, at most 60 s, so a worker that panics or
/// returns early loses nothing.
#[derive(Debug)]
#[must_use = "a delivery that is dropped comes again"]
#[non_exhaustive]
pub struct Delivery {
    /// What happened.
    pub event: Event,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// None once its worker has said what became of it.
    hold: Mutex<Option<Hold>>,
}

struct Hold {
    /// Counts the worker as busy.
    busy: Option<Busy>,
    /// None of a gap, which nobody has to acknowledge.
    leased: Option<Leased>,
}

struct Leased {
    shared: Arc<Shared>,
    seq: Seq,
    lease: u64,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

impl Delivery {
    pub(super) fn new(shared: Arc<Shared>, given: Given, busy: Option<Busy>) -> Delivery {
        let leased = Leased {
            shared,
            seq: given.seq,
            lease: given.lease,
        };
        Delivery {
            event: given.event,
            attempt: given.attempt,
            hold: Mutex::new(Some(Hold {
                busy,
                leased: Some(leased),
            })),
        }
    }

    /// A gap, which nobody has to acknowledge.
    pub(super) fn gap(event: Event, busy: Option<Busy>) -> Delivery {
        Delivery {
            event,
            attempt: 1,
            hold: Mutex::new(Some(Hold { busy, leased: None })),
        }
    }

    /// One whose worker counts as busy itself.
    pub(crate) fn of_a_worker(self) -> Delivery {
        if let Some(hold) = &mut *self.hold.lock() {
            hold.busy = None;
        }
        self
    }

    /// The event is done: it does not come again. Written within 50 ms, so a crash before that
    /// repeats it. Also if the lease has ended meanwhile, as the work is done.
    pub fn ack(self) {
        self.done();
    }

    /// The event comes again `after` (the engine's clock, at most 24 h), to any worker. After its
    /// last attempt it is dead.
    pub fn nack(self, after: Duration) {
        self.back(after, "it was given back");
    }

    /// Begins the lease anew, for work that takes longer. False if the lease has ended: then
    /// another worker may have the event.
    pub fn extend(&self) -> bool {
        match &*self.hold.lock() {
            None => false,
            Some(Hold { leased: None, .. }) => true,
            Some(Hold {
                leased: Some(leased),
                ..
            }) => leased.shared.extend(leased.seq, leased.lease),
        }
    }

    /// As [`Delivery::ack`], where several hold it.
    pub(crate) fn done(&self) {
        let hold = self.hold.lock().take();
        if let Some(leased) = hold.as_ref().and_then(|hold| hold.leased.as_ref()) {
            leased.shared.settle(leased.seq);
        }
    }

    /// Gives the event back for that reason; without a time, after the usual pause.
    pub(crate) fn failed(&self, after: Option<Duration>, reason: &str) {
        self.back(after.unwrap_or_else(|| self.pause()), reason);
    }

    fn back(&self, after: Duration, reason: &str) {
        let hold = self.hold.lock().take();
        if let Some(leased) = hold.as_ref().and_then(|hold| hold.leased.as_ref()) {
            leased
                .shared
                .give_back(leased.seq, leased.lease, after, reason);
        }
    }

    fn pause(&self) -> Duration {
        let doubled = 1u32 << self.attempt.saturating_sub(1).min(6);
        (PAUSE * doubled).min(PAUSE_MAX)
    }
}

impl std::ops::Deref for Delivery {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.event
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.back(self.pause(), "it was dropped");
    }
}
