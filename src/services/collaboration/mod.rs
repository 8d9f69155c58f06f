//! Collaboration: what an application does through its agent.
//!
//! A call is checked in this order (§request/order): the token, the request, the right to the
//! channel, the agent, the channel, the size, the throttles. What is read from memory is returned
//! without a hop and without waiting.

mod active;
mod changing;
mod channels;
mod dispatch;
mod earlier;
mod events;
mod history;
mod measure;
mod pieces;
mod posting;
mod search;
mod sharing;
mod splitting;
mod transfer;
mod upload;
mod workers;

pub use upload::Uploading;
pub use workers::{Handled, IntoHandled, Workers};

use super::Foundation;
use super::admission::Admission;
use super::sessions::{Sessions, deleted};
use super::stopping::Stopping;
use crate::agents::{Calls, Cell, CellState, PostBook, Posting, Registry};
use crate::backend::{Capabilities, HISTORY_BYTES};
use crate::clock::Calendar;
use crate::database::{Budget, Reads};
use crate::error::{Error, Result};
use crate::events::{Feed, Names, Shares};
use crate::filter::Patterns;
use crate::hub::{Hub, Timer};
use crate::journal::Entries;
use crate::model::{ChannelId, Place, Principal, Split};
use crate::origin::Origins;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that the messages of one call (history, search) take at most, as they are written: eight
/// clients that ask for all they can cost 32 MiB, and whoever wants more asks again with `before`.
const MESSAGES_BYTES: usize = HISTORY_BYTES;

/// The most that a view may ask for with [`Collaboration::within`].
const WITHIN_MAX: Duration = Duration::from_secs(24 * 3600);

/// What the collaboration calls use.
pub(super) struct Parts {
    sending: Sending,
    reading: Reading,
    registry: Arc<Registry>,
    sessions: Arc<Sessions>,
    reads: Reads,
    timer: Arc<Timer>,
    stopping: Stopping,
}

/// What posts and uploads use.
pub(super) struct Sending {
    posting: Arc<Posting>,
    book: Arc<PostBook>,
    calls: Calls,
    entries: Entries,
    origins: Arc<Origins>,
    calendar: Arc<Calendar>,
    admission: Admission,
    /// How long a post may take, its waits included.
    deadline: Duration,
    /// Bounds the bytes of posts that are not recorded yet.
    budget: Budget,
}

/// What reads of events use.
pub(super) struct Reading {
    feed: Arc<Feed>,
    names: Arc<Names>,
    shares: Arc<Shares>,
    patterns: Patterns,
    hub: Arc<Hub>,
    /// Waits of one agent at most.
    waiters_per_agent: usize,
}

impl Parts {
    pub(super) fn new(
        foundation: &Foundation,
        sessions: Arc<Sessions>,
        admission: Admission,
        stopping: Stopping,
        settings: CollaborationSettings,
    ) -> Parts {
        Parts {
            sending: Sending {
                posting: foundation.posting.clone(),
                book: foundation.posts.clone(),
                calls: foundation.calls.clone(),
                entries: foundation.entries.clone(),
                origins: foundation.origins.clone(),
                calendar: foundation.calendar.clone(),
                admission,
                deadline: settings.post_deadline,
                budget: Budget::default(),
            },
            reading: Reading {
                feed: foundation.feed.clone(),
                names: foundation.names.clone(),
                shares: foundation.shares.clone(),
                patterns: Patterns::new(),
                hub: foundation.hub.clone(),
                waiters_per_agent: settings.waiters_per_agent,
            },
            registry: foundation.registry.clone(),
            sessions,
            reads: foundation.reads.clone(),
            timer: foundation.hub.timer().clone(),
            stopping,
        }
    }

    /// Matches that were given up because a pattern met its limit.
    pub(super) fn pattern_limits(&self) -> u64 {
        self.reading.patterns.limit_hits()
    }
}

/// How collaboration is configured.
pub(crate) struct CollaborationSettings {
    /// How long a post may take, its waits included.
    pub(crate) post_deadline: Duration,
    /// Waits of one agent at most.
    pub(crate) waiters_per_agent: usize,
}

/// What one principal does through one agent. Cheap to clone.
#[derive(Clone)]
pub struct Collaboration {
    parts: Arc<Parts>,
    cell: Arc<Cell>,
    principal: Principal,
    /// Whether a post waits for a channel that is reconnecting.
    patient: bool,
    /// How long each call may take; `None`: as long as it may without that.
    within: Option<Duration>,
    /// What posts do with a longer text; `None`: what the chat system's capabilities say.
    split: Option<Split>,
}

impl std::fmt::Debug for Collaboration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collaboration")
            .field("agent", &self.cell.id)
            .finish_non_exhaustive()
    }
}

impl Collaboration {
    pub(super) fn new(parts: Arc<Parts>, cell: Arc<Cell>, principal: Principal) -> Collaboration {
        Collaboration {
            parts,
            cell,
            principal,
            patient: true,
            within: None,
            split: None,
        }
    }

    /// The same view, but a post into a channel that is reconnecting fails at once instead of
    /// waiting for it.
    #[must_use]
    pub fn immediate(&self) -> Collaboration {
        Collaboration {
            patient: false,
            ..self.clone()
        }
    }

    /// The same view, each of whose calls may take at most `most` of the engine's time, and 24 h.
    /// Calls that wait for events have a time of their own, and so have
    /// [`Collaboration::wait_active`] and [`Collaboration::wait_joined`].
    #[must_use]
    pub fn within(&self, most: Duration) -> Collaboration {
        Collaboration {
            within: Some(most.min(WITHIN_MAX)),
            ..self.clone()
        }
    }

    /// The same view, whose posts do that with a text that is longer than one message, unless
    /// [`NewMessage::split`](crate::NewMessage::split) says something else. Default: what the
    /// backend has in its [`Capabilities`].
    #[must_use]
    pub fn splitting(&self, split: Split) -> Collaboration {
        Collaboration {
            split: Some(split),
            ..self.clone()
        }
    }

    /// When a post that begins now has to be over, its waits included.
    fn due(&self) -> Duration {
        let most = self.within.unwrap_or(self.parts.sending.deadline);
        self.parts.timer.now().saturating_add(most)
    }

    /// What `asked` gives, or `TimedOut` after the time of this view: for calls that change
    /// nothing.
    async fn in_time<T>(&self, asked: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(most) = self.within else {
            return asked.await;
        };
        tokio::select! {
            biased;
            found = asked => found,
            () = self.parts.timer.sleep(most) => {
                Err(Error::TimedOut(format!("no answer within {most:?}")))
            }
        }
    }

    /// Looks at the agent, if the right still holds and the engine still runs. The agent's lock is
    /// taken once for both.
    fn look<T>(&self, look: impl FnOnce(&CellState) -> T) -> Result<T> {
        self.principal.check()?;
        let seen = self
            .cell
            .look(|state| (!state.life().is_deleted()).then(|| look(state)));
        let seen = seen.ok_or_else(|| deleted(&self.cell))?;
        self.parts.stopping.check()?;
        Ok(seen)
    }

    /// Whether the right still holds and the engine still runs.
    fn check(&self) -> Result<()> {
        self.look(|_| ())
    }

    /// Whether a wait is over because the right has ended or the engine is stopping.
    fn is_over(&self, state: &CellState) -> bool {
        state.life().is_deleted() || self.parts.stopping.has_begun() || self.principal.has_ended()
    }

    /// What the agent's chat system can do, and the conversation that `channel` is for this agent.
    fn conversation(&self, channel: &ChannelId) -> Result<(Capabilities, Place)> {
        let found = self.parts.registry.place(&self.cell, channel);
        found.ok_or_else(|| self.parts.sessions.inactive(&self.cell))
    }
}

fn busy(what: &str) -> Error {
    Error::Busy {
        what: what.into(),
        retry_after: Duration::from_secs(1),
    }
}
