//! An agent's channels and metadata (§channels/active, §metadata/own).

use super::Collaboration;
use crate::agents::{ASK_MAX, ChannelPhase, error_of};
use crate::error::{Error, Result};
use crate::model::{Channel, ChannelId, ChannelInfo, ChannelKind, Id};
use crate::services::AsyncResult;
use crate::store::metadata;
use crate::waiting::park;
use std::sync::Arc;

impl Collaboration {
    /// The channels that the agent is in (§channels/active); from memory.
    ///
    /// # Errors
    /// `AgentInactive`; `Unauthorized` if the token or the agent has ended; `Closed`.
    pub fn channels(&self) -> Result<Vec<Channel>> {
        let found = self.look(|state| {
            if !state.life().is_active() {
                return None;
            }
            let inside = state
                .life()
                .channels()
                .iter()
                .filter(|channel| channel.phase() == ChannelPhase::In);
            let channels = inside.filter_map(|channel| {
                Some(Channel::new(channel.id.clone(), channel.info()?.load()))
            });
            Some(channels.collect())
        })?;
        found.ok_or_else(|| self.parts.sessions.inactive(&self.cell))
    }

    /// One channel with its subject and presence (§channels/one); from memory.
    ///
    /// # Errors
    /// `Invalid` for what is no channel id; `Forbidden` if it is not provisioned;
    /// `AgentInactive`; `ChannelInactive`; `Unauthorized`; `Closed`.
    pub fn channel(&self, id: impl Id<ChannelId>) -> Result<Channel> {
        let id = id.into_id()?;
        let info = self.info(&id)?;
        Ok(Channel::new(id, info))
    }

    /// What the channel is like, if the agent is in it. It fails in this order:
    /// `Forbidden`, `AgentInactive`, `ChannelInactive`.
    pub(super) fn info(&self, channel: &ChannelId) -> Result<Arc<ChannelInfo>> {
        let found = self.look(|state| {
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
        })??;
        found.ok_or_else(|| self.parts.sessions.inactive(&self.cell))
    }

    /// Shows the contact that the agent is typing, or no longer (§channels/typing). It ends by
    /// itself after 30 s. In a room nothing is shown.
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
            let sessions = &this.parts.sessions;
            let session = sessions.of(&this.cell)?;
            let can_show = this
                .parts
                .registry
                .place(&this.cell, &id)
                .is_some_and(|(capabilities, _)| capabilities.composing);
            if !can_show || id.kind() == ChannelKind::Room {
                return Ok(());
            }
            let channel = id.clone();
            let asked = sessions.ask(ASK_MAX, "the notice of typing", move || {
                session.set_composing(channel, composing)
            });
            let asked = async { asked.await.map_err(|error| error_of(error, id.as_str())) };
            this.in_time(asked).await
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
            let reads = this.parts.reads.of(this.cell.key);
            let read = reads.read(move |connection| metadata::all(connection, &agent));
            read.await?
                .ok_or_else(|| Error::unknown("agent", &this.cell.id))
        })
    }
}

pub(super) fn not_allowed(channel: &ChannelId) -> Error {
    Error::Forbidden(format!(
        "the agent is not provisioned for channel `{channel}`"
    ))
}

pub(super) fn inactive_channel(channel: &ChannelId, reason: Option<String>) -> Error {
    let reason = reason.unwrap_or_else(|| "it is being joined".to_owned());
    Error::ChannelInactive {
        channel: channel.to_string(),
        reason,
    }
}
