//! Waiting until an agent is signed in, and until it is in a channel.

use super::Collaboration;
use super::channels::{inactive_channel, not_allowed};
use crate::agents::{CellState, ChannelPhase};
use crate::backend::Session;
use crate::error::{Error, Result};
use crate::model::{ChannelId, ChannelInfo, Id, JoinState};
use crate::services::AsyncResult;
use crate::waiting::{from_now, park_until};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

/// A channel that the agent is in.
pub(super) struct JoinedChannel {
    pub(super) session: Arc<dyn Session>,
    pub(super) info: Arc<ChannelInfo>,
    /// The number of the join.
    pub(super) join: u64,
}

impl Collaboration {
    /// Waits, for `timeout`, until the agent is Active and each of its channels has been joined or
    /// refused; [`Collaboration::wait_joined`] tells the two apart. On a clock moved by hand it
    /// also ends after as much real time, so that a test does.
    ///
    /// # Errors
    /// `TimedOut` with the states of the agent and its channels; `Unauthorized`; `Closed`.
    pub fn wait_active(&self, timeout: Duration) -> Result<()> {
        self.waited(self.wait_active_async(), timeout)
    }

    /// As [`Collaboration::wait_active`], on any executor and without a deadline.
    pub fn wait_active_async(&self) -> AsyncResult<()> {
        let this = self.clone();
        Box::pin(async move {
            poll_fn(|cx| {
                this.cell.poll_state(cx, |state| {
                    let ready = state.life().is_settled();
                    (ready || this.is_over(state)).then_some(())
                })
            })
            .await;
            this.check()
        })
    }

    /// Waits, for `timeout` as in [`Collaboration::wait_active`], until the agent is in `channel`.
    ///
    /// # Errors
    /// `ChannelInactive` with the chat system's reason if the channel refuses the agent;
    /// `Forbidden` if it is not provisioned; `TimedOut` with the states of the agent and its
    /// channels; `Invalid`; `Unauthorized`; `Closed`.
    pub fn wait_joined(&self, channel: impl Id<ChannelId>, timeout: Duration) -> Result<()> {
        self.waited(self.wait_joined_async(channel), timeout)
    }

    /// As [`Collaboration::wait_joined`], on any executor and without a deadline.
    pub fn wait_joined_async(&self, channel: impl Id<ChannelId>) -> AsyncResult<()> {
        let (this, channel) = (self.clone(), channel.into_id());
        Box::pin(async move {
            let channel = channel?;
            match this.changed_to_joined(&channel).await {
                Some(joined) => joined.map(drop),
                None => this.check().and(Err(Error::Closed)),
            }
        })
    }

    /// Waits so long by the engine's clock, and no longer in real time.
    fn waited(&self, wait: AsyncResult<()>, timeout: Duration) -> Result<()> {
        let late = || Error::TimedOut(String::new());
        let waited = self.parts.timer.within(timeout, wait, late);
        match park_until(waited, from_now(timeout)) {
            Err(Error::TimedOut(_)) => Err(Error::TimedOut(self.describe())),
            ended => ended,
        }
    }

    /// The channel once the agent is in it, or why it will not be; `None` when the wait is over.
    async fn changed_to_joined(&self, channel: &ChannelId) -> Option<Result<JoinedChannel>> {
        poll_fn(|cx| {
            self.cell.poll_state(cx, |state| {
                if self.is_over(state) {
                    Some(None)
                } else {
                    joined_in(state, channel).map(Some)
                }
            })
        })
        .await
    }

    /// The states of the agent and of those of its channels that are not active.
    fn describe(&self) -> String {
        let status = self.cell.status();
        let waiting: Vec<String> = status
            .channels
            .iter()
            .filter(|channel| channel.state != JoinState::Active)
            .map(|channel| format!("`{}` is {:?}", channel.id, channel.state))
            .collect();
        let reason = status.reason.unwrap_or_default();
        let text = format!(
            "agent `{}` is {:?} {reason} {}",
            self.cell.id,
            status.state,
            waiting.join(", ")
        );
        text.trim().to_owned()
    }

    /// The channel, once the agent is in it: at once, or by `due` where this view is patient.
    ///
    /// # Errors
    /// `Forbidden`; `AgentInactive`; `ChannelInactive`; `Unauthorized`; `Closed`.
    pub(super) async fn joined(&self, channel: &ChannelId, due: Duration) -> Result<JoinedChannel> {
        if let Some(found) = self.cell.look(|state| joined_in(state, channel)) {
            return found;
        }
        if self.patient {
            let found = tokio::select! {
                biased;
                found = self.changed_to_joined(channel) => found,
                () = self.parts.timer.sleep_until(due) => None,
            };
            if let Some(found) = found {
                return found;
            }
        }
        self.check()?;
        self.info(channel)?;
        Err(self.parts.sessions.inactive(&self.cell))
    }
}

/// The channel if the agent is in it, or the error if waiting cannot help.
fn joined_in(state: &CellState, channel: &ChannelId) -> Option<Result<JoinedChannel>> {
    let Some(there) = state.channel(channel) else {
        return Some(Err(not_allowed(channel)));
    };
    match (state.life().session(), there.phase(), there.info()) {
        (Some(session), ChannelPhase::In, Some(info)) => Some(Ok(JoinedChannel {
            session: session.clone(),
            info: info.load(),
            join: there.join(),
        })),
        (Some(_), ChannelPhase::Refused, _) => {
            let reason = there.reason().map(str::to_owned);
            Some(Err(inactive_channel(channel, reason)))
        }
        _ => None,
    }
}
