//! The throttles as the services apply them: a refusal becomes the caller's error in one place.

use crate::agents::Cell;
use crate::error::{Error, Result};
use crate::model::{AgentKey, ChannelId, Throttle, ThrottleId};
use crate::throttle::{Refusal, Throttles, Transfer};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Admits posts and transfers. A clone shares the throttles.
#[derive(Clone, Default)]
pub(crate) struct Admission(Arc<Mutex<Throttles>>);

/// A transfer under way; dropping it ends the transfer.
pub(super) struct Admitted {
    admission: Admission,
    /// `None` once it has ended.
    transfer: Option<Transfer>,
}

impl Admission {
    /// Counts a post of the agent into `channel` at `now`.
    ///
    /// # Errors
    /// `Throttled`.
    pub(super) fn post(&self, cell: &Cell, channel: &ChannelId, now: Duration) -> Result<()> {
        let admitted = self.0.lock().admit_post(&cell.id, cell.key, channel, now);
        admitted.map_err(throttled)
    }

    /// Begins a transfer of the agent.
    ///
    /// # Errors
    /// `Throttled`.
    pub(super) fn transfer(&self, cell: &Cell) -> Result<Admitted> {
        let begun = self.0.lock().begin_transfer(&cell.id, cell.key);
        Ok(Admitted {
            transfer: Some(begun.map_err(throttled)?),
            admission: self.clone(),
        })
    }

    pub(super) fn put(&self, throttle: Throttle) {
        self.0.lock().put(throttle);
    }

    pub(super) fn remove(&self, id: &ThrottleId) {
        self.0.lock().remove(id);
    }

    /// Forgets what a deleted agent posted.
    pub(super) fn forget(&self, agent: AgentKey) {
        self.0.lock().forget(agent);
    }

    /// Takes over the throttles of the database.
    pub(crate) fn replace(&self, throttles: Vec<Throttle>) {
        self.0.lock().replace(throttles);
    }

    /// Counts a post that was made `age` before `now`.
    pub(crate) fn restore(
        &self,
        agent: AgentKey,
        channel: &ChannelId,
        age: Duration,
        now: Duration,
    ) {
        self.0.lock().restore(agent, channel, age, now);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(transfer) = self.transfer.take() {
            self.admission.0.lock().end_transfer(transfer);
        }
    }
}

fn throttled(refusal: Refusal) -> Error {
    Error::Throttled {
        throttle: refusal.throttle.to_string(),
        retry_after: refusal.retry_after,
    }
}
