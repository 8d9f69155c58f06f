//! The connection: dialed, up, lost, and dialed again after a pause.
//!
//! The back-off of dials stands apart from the machine of agents ([`step`]): one connection carries
//! thousands of agents, and each of them only learns whether the connection is up. Both take the
//! length of a pause from the same function ([`pause_after`]).
//!
//! [`step`]: super::super::lifecycle

use super::super::lifecycle::{Announce, Event, dice, pause_after};
use super::intake::LinkIntake;
use super::{Landed, LinkTask};
use crate::backend::{BackendError, BackendErrorKind, Inbox, Link};
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;

/// A dial that takes longer counts as failed.
const DIAL_MAX: Duration = Duration::from_secs(60);
/// How often the secret of a refused login is looked at, and how long a look may take.
const SECRET_EVERY: Duration = Duration::from_secs(10);
const SECRET_MAX: Duration = Duration::from_secs(10);
/// A link that was lost sooner continues the back-off where it was: one that dies right after each
/// sign-in must not be dialed twice a second for ever.
const STEADY: Duration = Duration::from_secs(60);

/// How far the connection has come. Times are monotonic.
pub(super) enum Dial {
    /// To be dialed at `next`, after so many failures.
    Down { attempt: u32, next: Duration },
    /// Being dialed, after so many failures.
    Dialing { attempt: u32 },
    /// Up since then, after so many failures.
    Up { attempt: u32, since: Duration },
}

impl Default for Dial {
    fn default() -> Dial {
        Dial::Down {
            attempt: 0,
            next: Duration::ZERO,
        }
    }
}

impl Dial {
    /// Ends a pause.
    pub(super) fn hurry(&mut self) {
        if let Dial::Down { next, .. } = self {
            *next = Duration::ZERO;
        }
    }

    /// When the next dial is due.
    pub(super) fn next(&self) -> Option<Duration> {
        match self {
            Dial::Down { next, .. } => Some(*next),
            _ => None,
        }
    }

    /// The failures before a loss at `now`; none if nothing can be lost.
    fn failures(&self, now: Duration) -> Option<u32> {
        match *self {
            Dial::Down { .. } => None,
            Dial::Dialing { attempt } => Some(attempt),
            Dial::Up { attempt, since } if now - since < STEADY => Some(attempt),
            Dial::Up { .. } => Some(0),
        }
    }
}

impl LinkTask {
    /// Dials at once when the secret of a refused login has changed.
    fn watch_secret(&mut self) {
        let (around, backend, key) = (self.around.clone(), self.backend.clone(), self.key.clone());
        self.secret_changes = Some(Box::pin(async move {
            let mark = || {
                let (backend, key) = (backend.clone(), key.clone());
                let ask = move || backend.secret_mark(key);
                around.calls.ask(SECRET_MAX, "the secret", ask)
            };
            let Ok(Some(refused)) = mark().await else {
                return std::future::pending().await;
            };
            loop {
                around.timer().sleep(SECRET_EVERY).await;
                if mark().await.is_ok_and(|mark| mark != Some(refused)) {
                    return;
                }
            }
        }));
    }

    pub(super) fn begin_dial(&mut self, attempt: u32) {
        self.secret_changes = None;
        let generation = self.handle.begin_generation();
        let network = self.backend.network().clone();
        let intake = LinkIntake::new(
            self.around.clone(),
            self.roster.clone(),
            self.handle.clone(),
            (network, self.backend.capabilities().shared_rooms),
            generation,
        );
        let inbox = Inbox::new(intake.clone());
        self.intake = Some(intake);
        self.dial = Dial::Dialing { attempt };
        let (around, backend, key) = (self.around.clone(), self.backend.clone(), self.key.clone());
        self.flights.push(Box::pin(async move {
            let wait = around.pace.wait_at(around.timer().now());
            if !wait.is_zero() {
                around.timer().sleep(wait).await;
            }
            let dial = move || backend.dial(key, inbox);
            Landed::Dialed(around.calls.ask(DIAL_MAX, "the dial", dial).await)
        }));
    }

    pub(super) fn dialed(&mut self, outcome: Result<Arc<dyn Link>, BackendError>) {
        let Dial::Dialing { attempt } = self.dial else {
            return;
        };
        match outcome {
            Ok(link) => {
                let now = self.around.now();
                self.link = Some(link);
                self.refusals = 0;
                self.dial = Dial::Up {
                    attempt,
                    since: now.monotonic,
                };
                self.handle.set_up();
                self.handle.set_tried();
                tracing::info!(link = %self.key, "link up");
                self.todo = self.agents.values().cloned().collect();
                for cell in &self.todo {
                    // Each is looked at anyway.
                    let _ = cell.step_on(&self.handle, Event::LinkUp, now);
                }
            }
            Err(error) => {
                self.link_down(&error, attempt + 1);
                self.handle.set_tried();
            }
        }
    }

    /// The connection was lost, if there was one; what was under way over it is dropped.
    pub(super) fn lost(&mut self, error: BackendError) {
        let Some(failures) = self.dial.failures(self.around.timer().now()) else {
            return;
        };
        self.link = None;
        self.flights = FuturesUnordered::new();
        self.todo.clear();
        self.link_down(&error, failures + 1);
    }

    /// The connection is gone, or could not be made: every agent on it is told, and the next dial
    /// is set.
    fn link_down(&mut self, error: &BackendError, attempt: u32) {
        let now = self.around.now();
        let is_refused = error.kind == BackendErrorKind::Refused;
        // Lost connections are no wrong passwords.
        self.refusals += u32::from(is_refused);
        let failures = if is_refused { self.refusals } else { attempt };
        let next = now.after(pause_after(error, failures, dice()));
        self.dial = Dial::Down {
            attempt,
            next: next.0,
        };
        if is_refused {
            self.watch_secret();
        }
        self.handle.set_down();
        self.close_intake();
        tracing::warn!(link = %self.key, reason = error.reason, attempt, "link down");
        self.rooms.clear();
        self.leaving.clear();
        self.retries.clear();
        let mut lost = Vec::new();
        self.agents.retain(|_, cell| cell.is_on(&self.handle));
        for cell in self.agents.values() {
            let down = Event::LinkDown {
                reason: &error.reason,
                attempt,
                next,
            };
            let actions = cell.step_on(&self.handle, down, now);
            if actions.announce == Announce::IfItLasts {
                lost.push((cell.clone(), None));
            }
            if let Some(state) = actions.show {
                self.around.show(cell, state, Some(error.reason.clone()));
            }
        }
        // Only now: whoever repeats a post because its outcome is unknown finds no session that is
        // over.
        self.cut_posts();
        self.flap(lost);
    }
}
