//! Collaboration: what an application does through its agent.
//!
//! Checked in this order (§request/order): the token, the request, the right to the channel, the agent, the channel, the
//! size, the throttles. What is read from memory answers without a hop and without waiting.

mod events;
mod history;
mod posting;
mod search;
mod upload;

pub use upload::Uploading;

use super::{AsyncResult, Services};
use crate::agents::{ASK_MAX, Cell, ChannelPhase, error_of};
use crate::backend::{HISTORY_BYTES, Session};
use crate::error::{Error, Result};
use crate::model::{Channel, ChannelId, ChannelInfo, Id, Principal};
use crate::store::metadata;
use crate::waiting::{park, park_until};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Bytes that one answer of messages (history, search) takes at most, as it is written: eight clients that ask for all they can cost
/// 32 MiB, and whoever wants more asks again with `before`.
const ANSWER_BYTES: usize = HISTORY_BYTES;

/// What one principal does through one agent. Cheap to clone.
#[derive(Clone)]
pub struct Collaboration {
    services: Arc<Services>,
    cell: Arc<Cell>,
    principal: Principal,
    /// Whether a post waits for a channel that is reconnecting.
    patient: bool,
}

impl std::fmt::Debug for Collaboration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collaboration")
            .field("agent", &self.cell.id)
            .finish_non_exhaustive()
    }
}

impl Services {
    /// The session of an active agent.
    pub(super) fn session(&self, cell: &Cell) -> Result<Arc<dyn Session>> {
        match cell.session() {
            Some(session) => Ok(session),
            None => Err(self.inactive(cell)),
        }
    }

    /// Why an agent is not active, and when that may change.
    pub(super) fn inactive(&self, cell: &Cell) -> Error {
        let now = self.ground.timer.now();
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
}

impl Collaboration {
    pub(crate) fn new(
        services: Arc<Services>,
        cell: Arc<Cell>,
        principal: Principal,
    ) -> Collaboration {
        Collaboration {
            services,
            cell,
            principal,
            patient: true,
        }
    }

    /// The same view, but a post into a channel that is reconnecting fails at once instead of waiting for it.
    #[must_use]
    pub fn immediate(&self) -> Collaboration {
        Collaboration {
            patient: false,
            ..self.clone()
        }
    }

    /// Whether the right still holds and the engine still runs.
    fn check(&self) -> Result<()> {
        if self.principal.has_ended() {
            return Err(Error::Unauthorized("the token has ended".into()));
        }
        if self.cell.is_deleted() {
            return Err(Error::Unauthorized(format!(
                "agent `{}` is gone",
                self.cell.id
            )));
        }
        if self.services.stopping.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        Ok(())
    }

    /// What the channel is like, if the agent is in it: 403, 503, 404 in that order.
    fn info(&self, channel: &ChannelId) -> Result<Arc<ChannelInfo>> {
        self.check()?;
        let found = self.cell.look(|state| {
            let Some(there) = state.channel(channel) else {
                return Err(not_allowed(channel));
            };
            if !state.life().is_active() {
                return Ok(None);
            }
            match (there.info(), there.phase()) {
                (Some(info), ChannelPhase::In) => Ok(Some(info.load())),
                _ => Err(inactive_channel(channel, there.reason().map(str::to_owned))),
            }
        })?;
        found.ok_or_else(|| self.services.inactive(&self.cell))
    }

    /// The channels the agent is in (§channels/active); from memory.
    ///
    /// # Errors
    /// `AgentInactive`; `Unauthorized` if the token or the agent has ended; `Closed`.
    pub fn channels(&self) -> Result<Vec<Channel>> {
        self.check()?;
        let found = self.cell.look(|state| {
            state.life().is_active().then(|| {
                let inside = state
                    .life()
                    .channels()
                    .iter()
                    .filter(|channel| channel.phase() == ChannelPhase::In);
                inside
                    .filter_map(|channel| {
                        Some(Channel::new(channel.id.clone(), channel.info()?.load()))
                    })
                    .collect()
            })
        });
        found.ok_or_else(|| self.services.inactive(&self.cell))
    }

    /// One channel with its subject and presence (§channels/one); from memory.
    ///
    /// # Errors
    /// `Invalid` for what is no channel id; `Forbidden` if it is not provisioned; `AgentInactive`; `ChannelInactive`;
    /// `Unauthorized`; `Closed`.
    pub fn channel(&self, id: impl Id<ChannelId>) -> Result<Channel> {
        let id = id.into_id()?;
        let info = self.info(&id)?;
        Ok(Channel::new(id, info))
    }

    /// Shows the contact that the agent is typing, or no longer (§channels/typing). It ends by itself after 30 s; in a
    /// room nothing is shown.
    ///
    /// # Errors
    /// As [`Collaboration::channel`], and what the chat system refuses.
    pub fn set_composing(&self, id: impl Id<ChannelId>, composing: bool) -> Result<()> {
        park(self.set_composing_async(id, composing))
    }

    /// As [`Collaboration::set_composing`], on any executor.
    pub fn set_composing_async(&self, id: impl Id<ChannelId>, composing: bool) -> AsyncResult<()> {
        let this = self.clone();
        let id = id.into_id();
        Box::pin(async move {
            let id = id?;
            this.info(&id)?;
            let session = this.services.session(&this.cell)?;
            let shows = this
                .services
                .registry
                .place(&this.cell, &id)
                .is_some_and(|(can, _)| can.composing);
            if !shows || id.kind() == crate::model::ChannelKind::Room {
                return Ok(());
            }
            let channel = id.clone();
            let asked = this
                .services
                .ground
                .ask(ASK_MAX, "the notice of typing", move || {
                    session.set_composing(channel, composing)
                });
            asked.await.map_err(|error| error_of(error, id.as_str()))
        })
    }

    /// The agent's own metadata (§metadata/own), whatever the agent's state.
    ///
    /// # Errors
    /// `Unauthorized`; `Closed`; `Storage`.
    pub fn metadata(&self) -> Result<Vec<(String, String)>> {
        park(self.metadata_async())
    }

    /// As [`Collaboration::metadata`], on any executor.
    pub fn metadata_async(&self) -> AsyncResult<Vec<(String, String)>> {
        let this = self.clone();
        Box::pin(async move {
            this.check()?;
            let agent = this.cell.id.clone();
            let read = this
                .services
                .ground
                .reads
                .of(this.cell.key)
                .read(move |connection| metadata::all(connection, &agent));
            read.await?
                .ok_or_else(|| Error::unknown("agent", &this.cell.id))
        })
    }

    /// Waits, for `timeout` of real time, until the agent is Active and each of its channels has been joined or
    /// refused.
    ///
    /// # Errors
    /// `TimedOut` with how it stands; `Unauthorized`; `Closed`.
    pub fn wait_active(&self, timeout: Duration) -> Result<()> {
        match park_until(self.wait_active_async(), Instant::now() + timeout) {
            Err(Error::TimedOut(_)) => {
                let status = self.cell.status();
                let waiting: Vec<String> = status
                    .channels
                    .iter()
                    .filter(|channel| channel.state != crate::model::AgentState::Active)
                    .map(|channel| format!("`{}` is {:?}", channel.id, channel.state))
                    .collect();
                let reason = status.reason.unwrap_or_default();
                let text = format!(
                    "agent `{}` is {:?} {reason} {}",
                    self.cell.id,
                    status.state,
                    waiting.join(", ")
                );
                Err(Error::TimedOut(text.trim().to_owned()))
            }
            answer => answer,
        }
    }

    /// As [`Collaboration::wait_active`], on any executor and without a deadline.
    pub fn wait_active_async(&self) -> AsyncResult<()> {
        let this = self.clone();
        Box::pin(async move {
            poll_fn(|cx| {
                this.cell.poll_state(cx, |state| {
                    let stopped =
                        this.services.stopping.load(Ordering::Acquire) || state.life().is_deleted();
                    let ready = state.life().is_settled();
                    (stopped || ready || this.principal.has_ended()).then_some(())
                })
            })
            .await;
            this.check()
        })
    }
}

fn not_allowed(channel: &ChannelId) -> Error {
    Error::Forbidden(format!(
        "the agent is not provisioned for channel `{channel}`"
    ))
}

fn inactive_channel(channel: &ChannelId, reason: Option<String>) -> Error {
    let reason = reason.unwrap_or_else(|| "it is being joined".to_owned());
    Error::ChannelInactive {
        channel: channel.to_string(),
        reason,
    }
}
