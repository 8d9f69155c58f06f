//! The sessions of agents: which one an agent has now, why it has none, and calls into it.

use crate::agents::{ASK_MAX, Calls, Cell, error_of_question};
use crate::backend::{BackendErrorKind, Reply, Session};
use crate::error::{Error, Result};
use crate::hub::Timer;
use crate::model::ChannelId;
use std::sync::Arc;
use std::time::Duration;

/// Asks the chat system through an agent's session.
#[derive(Clone)]
pub(super) struct Sessions {
    calls: Calls,
    timer: Arc<Timer>,
}

impl Sessions {
    pub(super) fn new(calls: Calls, timer: Arc<Timer>) -> Sessions {
        Sessions { calls, timer }
    }

    /// The session of an agent.
    ///
    /// # Errors
    /// `AgentInactive` if the agent is not signed in.
    pub(super) fn of(&self, cell: &Cell) -> Result<Arc<dyn Session>> {
        cell.session().ok_or_else(|| self.inactive(cell))
    }

    /// The error that says why an agent is not active, and when that may change.
    pub(super) fn inactive(&self, cell: &Cell) -> Error {
        let now = self.timer.now();
        let (reason, next) = cell
            .trouble()
            .unwrap_or_else(|| ("it is signing in".to_owned(), None));
        let wait = next.map_or(Duration::from_secs(1), |due| due.saturating_sub(now));
        Error::AgentInactive {
            agent: cell.id.to_string(),
            reason,
            retry_after: Some(wait),
        }
    }

    /// The rooms and people that the agent's chat system finds for `query`, each once.
    ///
    /// # Errors
    /// `Invalid` for an empty query; `AgentInactive`; what the chat system refuses.
    pub(super) async fn find_channels(
        &self,
        cell: &Cell,
        query: String,
    ) -> Result<Vec<(ChannelId, String)>> {
        if query.is_empty() {
            return Err(Error::invalid("the query is empty"));
        }
        let session = self.of(cell)?;
        let asked = self.ask(ASK_MAX, "the channel search", move || {
            session.find_channels(query)
        });
        let mut found = asked.await.map_err(|error| error_of_question(error, ""))?;
        found.sort();
        found.dedup_by(|one, other| one.0 == other.0);
        Ok(found)
    }

    /// Asks a question that may be repeated; an answer later than `most` is `Unreachable`.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        most: Duration,
        what: &'static str,
        make: impl FnOnce() -> Reply<T>,
    ) -> Reply<T> {
        self.calls.ask(most, what, make)
    }

    /// As [`Sessions::ask`]; an answer later than `most` is a failure of the kind `late`.
    pub(super) fn ask_within<T: Send + 'static>(
        &self,
        most: Duration,
        late: BackendErrorKind,
        what: &'static str,
        make: impl FnOnce() -> Reply<T>,
    ) -> Reply<T> {
        self.calls.within(most, late, what, make)
    }
}

/// The error for an agent that was deleted while somebody still held a view of it.
pub(super) fn deleted(cell: &Cell) -> Error {
    Error::Unauthorized(format!("agent `{}` was deleted", cell.id))
}

/// The error for a token whose agent was deleted.
pub(super) fn agent_gone() -> Error {
    Error::Unauthorized("the token's agent was deleted".into())
}
