//! Agents (§agents/document, §agents/put).

use super::Parts;
use super::change::Changed;
use super::follow::Follow;
use super::right::Need;
use super::{Provisioning, failed, limits};
use crate::agents::{Cell, CellState, ChannelPhase, Desired};
use crate::database::Whole;
use crate::error::{Error, Result};
use crate::model::{
    AgentId, AgentState, Change, ChannelId, Id, JoinState, NewAgent, ProvisionedAgent,
    ProvisionedChannel,
};
use crate::services::AsyncResult;
use crate::store::agents::{self, AgentRow};
use crate::waiting::park;
use std::collections::HashSet;
use std::sync::Arc;

impl Parts {
    /// The agent of a row, with its state and the states of its channels.
    pub(super) fn provisioned(&self, row: AgentRow) -> ProvisionedAgent {
        let cell = self.registry.by_key(row.key);
        let state = cell.as_ref().map_or(AgentState::Idle, |cell| {
            cell.look(|state| state.agent_state())
        });
        let channels = provisioned_channels(cell.as_ref(), &row);
        ProvisionedAgent::new(
            row.id,
            row.address,
            channels,
            row.metadata,
            row.users,
            row.mode,
            (row.management, row.contacts),
            state,
            row.revision,
        )
    }
}

pub(super) fn provisioned_channels(
    cell: Option<&Arc<Cell>>,
    row: &AgentRow,
) -> Vec<ProvisionedChannel> {
    let ids = row.channels.iter().map(|channel| &channel.id);
    match cell {
        None => ids
            .map(|id| ProvisionedChannel::new(id.clone(), JoinState::Idle))
            .collect(),
        Some(cell) => cell.look(|state| {
            ids.map(|id| {
                let state = state
                    .channel(id)
                    .map_or(JoinState::Idle, |channel| state.channel_state(channel));
                ProvisionedChannel::new(id.clone(), state)
            })
            .collect()
        }),
    }
}

/// A metadata dictionary has each key once (§metadata/pairs).
pub(super) fn distinct(metadata: &[(String, String)]) -> Result<()> {
    let mut seen = HashSet::new();
    match metadata.iter().find(|(key, _)| !seen.insert(key)) {
        None => Ok(()),
        Some((key, _)) => Err(Error::Invalid(format!(
            "the metadata key `{key}` is given twice"
        ))),
    }
}

impl Provisioning {
    /// All agents, in the order of their creation (§agents/document).
    ///
    /// # Errors
    /// `Forbidden` unless the mode is System; `Storage`.
    pub fn agents(&self) -> Result<Vec<ProvisionedAgent>> {
        park(self.agents_async())
    }

    /// As [`Provisioning::agents`], on any executor.
    pub fn agents_async(&self) -> AsyncResult<Vec<ProvisionedAgent>> {
        self.when(Need::System, |parts, _, _| async move {
            let rows = parts
                .reads
                .scan(Whole(|connection: &_| agents::all(connection)))
                .await?;
            Ok(rows.into_iter().map(|row| parts.provisioned(row)).collect())
        })
    }

    /// One agent (§agents/put).
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System; `Invalid` for what is no id; `Storage`.
    pub fn agent(&self, id: impl Id<AgentId>) -> Result<ProvisionedAgent> {
        park(self.agent_async(id))
    }

    /// As [`Provisioning::agent`], on any executor.
    pub fn agent_async(&self, id: impl Id<AgentId>) -> AsyncResult<ProvisionedAgent> {
        let id = match id.into_id() {
            Ok(id) => id,
            Err(error) => return failed(error),
        };
        self.when(Need::System, |parts, _, _| async move {
            let row = parts.agent_row(id).await?;
            Ok(parts.provisioned(row))
        })
    }

    /// Creates an agent or replaces it (§agents/put). It signs in at once, unchanged channels
    /// stay joined, and what is in a pause or was refused is tried again. Idempotent: the same put
    /// again is [`Change::Unchanged`], unless it names a channel that refused the agent.
    ///
    /// # Errors
    /// `Conflict` if the agent is at another revision than expected; `Invalid` if a metadata key is
    /// given twice;
    /// `TooLarge` beyond 50,000 channels, 10,000 users, or the metadata of [`Provisioning::put_metadata`];
    /// `Forbidden` unless the mode is System; `Busy`; `Storage`.
    pub fn put_agent(&self, agent: NewAgent) -> Result<Change> {
        park(self.put_agent_async(agent))
    }

    /// As [`Provisioning::put_agent`], on any executor.
    pub fn put_agent_async(&self, agent: NewAgent) -> AsyncResult<Change> {
        if let Err(error) = limits::agent(&agent).and_then(|()| distinct(&agent.metadata)) {
            return failed(error);
        }
        self.when(Need::System, |parts, principal, need| {
            let again = parts.refused(&agent);
            parts.change(principal, need, move |transaction, stamp| {
                if let Some(expected) = agent.expected_revision {
                    let found = agents::head(transaction, &agent.id)?.map_or(0, |row| row.revision);
                    if found != expected {
                        let text = format!("expected revision {expected}, found {found}");
                        return Err(Error::Conflict(text).into());
                    }
                }
                let applied = agents::put(transaction, &agent, &again, stamp)?;
                let (change, row) = applied.value;
                Ok(Changed {
                    value: change,
                    effects: applied.effects,
                    follow: Follow::Agent(Desired::from(&row)),
                })
            })
        })
    }

    /// Deletes an agent with its tokens, readers and notices. Its waits end, and posts in flight
    /// may take 5 s more. Messages stay until retention deletes them.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System; `Busy`; `Storage`.
    pub fn delete_agent(&self, id: impl Id<AgentId>) -> Result<()> {
        park(self.delete_agent_async(id))
    }

    /// As [`Provisioning::delete_agent`], on any executor.
    pub fn delete_agent_async(&self, id: impl Id<AgentId>) -> AsyncResult<()> {
        let id = match id.into_id() {
            Ok(id) => id,
            Err(error) => return failed(error),
        };
        self.when(Need::System, |parts, principal, need| {
            parts.change(principal, need, move |transaction, stamp| {
                let applied = agents::delete(transaction, &id, stamp)?;
                let applied = applied.ok_or_else(|| Error::unknown("agent", &id))?;
                Ok(Changed {
                    value: (),
                    effects: applied.effects,
                    follow: Follow::AgentGone(applied.value.key),
                })
            })
        })
    }
}

impl Parts {
    /// The channels of a put that refuse the agent now.
    fn refused(&self, agent: &NewAgent) -> Vec<ChannelId> {
        let Some(cell) = self.registry.by_id(&agent.id) else {
            return Vec::new();
        };
        let is_refused = |state: &CellState, id: &&ChannelId| {
            let channel = state.channel(id);
            channel.is_some_and(|channel| channel.phase() == ChannelPhase::Refused)
        };
        cell.look(|state| {
            let named = agent.channels.iter();
            named.filter(|id| is_refused(state, id)).cloned().collect()
        })
    }

    pub(super) async fn agent_row(&self, id: AgentId) -> Result<AgentRow> {
        let wanted = id.clone();
        let row = self
            .reads
            .read(move |connection| agents::find(connection, &wanted))
            .await?;
        row.ok_or_else(|| Error::unknown("agent", &id))
    }
}
