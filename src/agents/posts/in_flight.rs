//! How many posts an agent has in flight: in the chat system's hands, with callers that wait.

use crate::agents::cell::{Cell, Connection};
use crate::backend::Session;
use std::sync::Arc;

/// One of an agent's posts in flight, counted as long as this lives.
pub(in crate::agents) struct InFlight {
    cell: Arc<Cell>,
    is_pending: bool,
}

impl InFlight {
    /// Counts a post of that agent; also returns the connection that the agent has now.
    pub(in crate::agents) fn of(
        cell: &Arc<Cell>,
        session: &Arc<dyn Session>,
    ) -> (InFlight, Option<Connection>) {
        let connection = cell.change(|state| {
            state.in_flight += 1;
            state.connection_of(session)
        });
        let in_flight = InFlight {
            cell: cell.clone(),
            is_pending: false,
        };
        (in_flight, connection)
    }

    /// Its callers were answered: it is counted apart, and keeps no place.
    pub(in crate::agents) fn into_pending(mut self) -> InFlight {
        if !self.is_pending {
            self.cell.change(|state| {
                state.in_flight -= 1;
                state.pending += 1;
            });
            self.is_pending = true;
        }
        self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let is_pending = self.is_pending;
        self.cell.change(|state| {
            if is_pending {
                state.pending -= 1
            } else {
                state.in_flight -= 1
            }
        });
    }
}
