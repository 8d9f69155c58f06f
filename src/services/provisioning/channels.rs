//! An agent's channels, and channel search (§channels/put, §channels/find).

use super::agents::provisioned_channels;
use super::change::Changed;
use super::follow::Follow;
use super::limits::{CHANNELS_MAX, too_many};
use super::right::Need;
use super::{Provisioning, failed};
use crate::error::{Error, Result};
use crate::model::{AgentId, Change, ChannelId, Id, JoinState, ProvisionedChannel, Who};
use crate::services::AsyncResult;
use crate::store::{Removal, channels};
use crate::waiting::park;

impl Provisioning {
    /// The channels that an agent may use, in the order in which they were put (§channels/list).
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System, or Self and the agent its own; `Storage`.
    pub fn channels(&self, agent: impl Id<AgentId>) -> Result<Vec<ProvisionedChannel>> {
        park(self.channels_async(agent))
    }

    /// As [`Provisioning::channels`], on any executor.
    pub fn channels_async(&self, agent: impl Id<AgentId>) -> AsyncResult<Vec<ProvisionedChannel>> {
        let agent = match agent.into_id() {
            Ok(agent) => agent,
            Err(error) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, _, _| async move {
            let row = parts.agent_row(agent).await?;
            Ok(provisioned_channels(
                parts.registry.by_key(row.key).as_ref(),
                &row,
            ))
        })
    }

    /// Lets an agent use a channel, and joins it at once (§channels/put). It is
    /// [`Change::Unchanged`] (304) while the channel is Active or Activating. An Idle channel is
    /// joined again.
    ///
    /// # Errors
    /// `NotFound` for an unknown agent; `Forbidden`;
    /// `Invalid` for what is no channel id; `TooLarge` beyond 50,000 channels; `Busy`; `Storage`.
    pub fn put_channel(
        &self,
        agent: impl Id<AgentId>,
        channel: impl Id<ChannelId>,
    ) -> Result<Change> {
        park(self.put_channel_async(agent, channel))
    }

    /// As [`Provisioning::put_channel`], on any executor.
    pub fn put_channel_async(
        &self,
        agent: impl Id<AgentId>,
        channel: impl Id<ChannelId>,
    ) -> AsyncResult<Change> {
        let (agent, channel) = match (agent.into_id(), channel.into_id()) {
            (Ok(agent), Ok(channel)) => (agent, channel),
            (Err(error), _) | (_, Err(error)) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, principal, need| {
            let seen = parts.registry.by_id(&agent).map(|cell| {
                cell.look(|state| {
                    let there = state.channel(&channel);
                    let full = there.is_none() && state.life().provisioned() >= CHANNELS_MAX;
                    (
                        there.map_or(JoinState::Idle, |there| state.channel_state(there)),
                        full,
                    )
                })
            });
            let (state, full) = seen.unwrap_or_default();
            let rejoin = state == JoinState::Idle;
            parts.change(principal, need, move |transaction, stamp| {
                if full {
                    return Err(too_many(CHANNELS_MAX + 1).into());
                }
                let applied = channels::put(transaction, &agent, &channel, rejoin, stamp)?;
                let applied = applied.ok_or_else(|| Error::unknown("agent", &agent))?;
                let (change, key) = applied.value;
                let follow = match change {
                    Change::Applied => Follow::Channel(key, channel, stamp.revision),
                    Change::Unchanged => Follow::Nothing,
                };
                Ok(Changed {
                    value: change,
                    effects: applied.effects,
                    follow,
                })
            })
        })
    }

    /// Takes a channel from an agent, which then leaves it (§channels/put).
    ///
    /// # Errors
    /// `NotFound` for an unknown agent or a channel it lacks; `Forbidden`; `Busy`; `Storage`.
    pub fn delete_channel(
        &self,
        agent: impl Id<AgentId>,
        channel: impl Id<ChannelId>,
    ) -> Result<()> {
        park(self.delete_channel_async(agent, channel))
    }

    /// As [`Provisioning::delete_channel`], on any executor.
    pub fn delete_channel_async(
        &self,
        agent: impl Id<AgentId>,
        channel: impl Id<ChannelId>,
    ) -> AsyncResult<()> {
        let (agent, channel) = match (agent.into_id(), channel.into_id()) {
            (Ok(agent), Ok(channel)) => (agent, channel),
            (Err(error), _) | (_, Err(error)) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, principal, need| {
            parts.change(
                principal,
                need,
                move |transaction, stamp| match channels::delete(
                    transaction,
                    &agent,
                    &channel,
                    stamp,
                )? {
                    Removal::NoAgent => Err(Error::unknown("agent", &agent).into()),
                    Removal::Absent => Err(Error::NotFound(format!(
                        "agent `{agent}` has no channel `{channel}`"
                    ))
                    .into()),
                    Removal::Done(applied) => {
                        let follow = Follow::ChannelGone(applied.value, channel, stamp.revision);
                        Ok(Changed {
                            value: (),
                            effects: applied.effects,
                            follow,
                        })
                    }
                },
            )
        })
    }

    /// The rooms and people whose display name contains `query`, without regard to case
    /// (§channels/find). The chat system of the token's agent is asked.
    ///
    /// # Errors
    /// `Invalid` for an empty query or a principal without an agent; `AgentInactive`;
    /// `Forbidden`; `Unsupported` where the chat system has no search; what the chat system
    /// refuses.
    pub fn find_channels(&self, query: &str) -> Result<Vec<(ChannelId, String)>> {
        park(self.find_channels_async(query))
    }

    /// As [`Provisioning::find_channels`], on any executor.
    pub fn find_channels_async(&self, query: &str) -> AsyncResult<Vec<(ChannelId, String)>> {
        let Who::Agent { agent, key, .. } = self.principal.who() else {
            return failed(Error::invalid(
                "channel search asks a chat system through an agent, and this login has none",
            ));
        };
        let (key, query) = (*key, query.to_owned());
        self.when(Need::Own(agent.clone()), |parts, _, _| async move {
            let cell = parts.registry.by_key(key);
            let cell =
                cell.ok_or_else(|| Error::Unauthorized("the token's agent was deleted".into()))?;
            parts.sessions.find_channels(&cell, query).await
        })
    }
}
