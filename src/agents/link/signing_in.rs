//! Looking at one agent: it is signed in, or its channels are joined, as its lifecycle asks.

use super::super::cell::Cell;
use super::super::lifecycle::{Event, Next};
use super::super::mail::Farewell;
use super::{Landed, LinkTask};
use crate::backend::{BackendError, Session};
use crate::model::Address;
use std::sync::Arc;
use std::time::Duration;

/// A sign-in that takes longer counts as failed.
const SIGN_IN_MAX: Duration = Duration::from_secs(60);

impl LinkTask {
    /// Looks at one agent and starts what it lacks.
    pub(super) fn look(&mut self, cell: Arc<Cell>) {
        if !self.count(&cell) {
            return;
        }
        if self.leaving.holds(&cell) {
            self.leaving.block(cell);
            return;
        }
        let actions = cell.step_on(&self.handle, Event::Look, self.around.now());
        match actions.next {
            Next::SignIn { epoch } => self.sign_in(cell, epoch),
            Next::JoinChannels { epoch } => self.join_channels(cell, epoch),
            next => self.go_on(cell, next),
        }
    }

    /// Looks at the agent again, now or later, as its lifecycle asks.
    pub(super) fn go_on(&mut self, cell: Arc<Cell>, next: Next) {
        match next {
            Next::Look => self.todo.push_back(cell),
            Next::LookAt(due) => self.retries.at(due, cell),
            _ => {}
        }
    }

    fn sign_in(&mut self, cell: Arc<Cell>, epoch: u32) {
        let Some(link) = self.link.clone() else {
            return;
        };
        let address = cell.look(|state| state.address.clone());
        let (around, key, under) = (self.around.clone(), cell.key, address.clone());
        let sign_in = move || link.sign_in(key, under);
        let signing_in = around.calls.ask(SIGN_IN_MAX, "the sign-in", sign_in);
        self.flights.push(Box::pin(async move {
            let outcome = signing_in.await;
            Landed::SignedIn {
                cell,
                epoch,
                address,
                outcome,
            }
        }));
    }

    pub(super) fn signed_in(
        &mut self,
        cell: Arc<Cell>,
        epoch: u32,
        address: Address,
        outcome: Result<Arc<dyn Session>, BackendError>,
    ) {
        let (event, reason) = match &outcome {
            Ok(session) => {
                let session = session.clone();
                (Event::SignedIn { epoch, session }, None)
            }
            Err(error) => (
                Event::SignInFailed { epoch, error },
                Some(error.reason.clone()),
            ),
        };
        let actions = cell.step_on(&self.handle, event, self.around.now());
        if let Some(state) = actions.show {
            self.around.show(&cell, state, reason);
        }
        if let Some(session) = actions.sign_out {
            self.farewell(Farewell {
                agent: cell.clone(),
                session,
                address,
                channels: Vec::new(),
                for_good: true,
            });
        }
        self.go_on(cell, actions.next);
    }
}
