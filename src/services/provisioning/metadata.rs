//! An agent's metadata (§metadata/change): any strings. Every key whose value changes makes an
//! event.

use super::agents::distinct;
use super::change::Changed;
use super::follow::Follow;
use super::right::Need;
use super::{Provisioning, failed, limits};
use crate::database::Failure;
use crate::error::{Error, Result};
use crate::model::{AgentId, Change, Id};
use crate::services::AsyncResult;
use crate::store::{Applied, Removal, metadata};
use crate::waiting::park;

fn no_key(agent: &AgentId, key: &str) -> Error {
    Error::NotFound(format!("agent `{agent}` has no metadata key `{key}`"))
}

impl Provisioning {
    /// All metadata of an agent, in the order in which it was put (§metadata/change).
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System, or Self and the agent its own; `Storage`.
    pub fn metadata(&self, agent: impl Id<AgentId>) -> Result<Vec<(String, String)>> {
        park(self.metadata_async(agent))
    }

    /// As [`Provisioning::metadata`], on any executor.
    pub fn metadata_async(&self, agent: impl Id<AgentId>) -> AsyncResult<Vec<(String, String)>> {
        let agent = match agent.into_id() {
            Ok(agent) => agent,
            Err(error) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, _, _| async move {
            let wanted = agent.clone();
            let read = parts
                .reads
                .read(move |connection| metadata::all(connection, &wanted));
            read.await?.ok_or_else(|| Error::unknown("agent", &agent))
        })
    }

    /// Replaces all metadata of an agent (§metadata/change).
    ///
    /// # Errors
    /// `NotFound`; `Invalid` if a key is given twice;
    /// `TooLarge` beyond 1,024 keys, 1,024 bytes a key, 256 KiB a value or 1 MiB in all; `Forbidden`;
    /// `Busy`; `Storage`.
    pub fn put_metadata(
        &self,
        agent: impl Id<AgentId>,
        entries: Vec<(String, String)>,
    ) -> Result<Change> {
        park(self.put_metadata_async(agent, entries))
    }

    /// As [`Provisioning::put_metadata`], on any executor.
    pub fn put_metadata_async(
        &self,
        agent: impl Id<AgentId>,
        entries: Vec<(String, String)>,
    ) -> AsyncResult<Change> {
        let agent = match (
            agent.into_id(),
            limits::metadata(&entries).and_then(|()| distinct(&entries)),
        ) {
            (Ok(agent), Ok(())) => agent,
            (Err(error), _) | (_, Err(error)) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, principal, need| {
            parts.change(principal, need, move |transaction, stamp| {
                let applied = metadata::put_all(transaction, &agent, &entries, stamp)?;
                changed(applied, &agent)
            })
        })
    }

    /// The value of one key (§metadata/change).
    ///
    /// # Errors
    /// `NotFound` for an unknown agent or key; `Forbidden`; `Storage`.
    pub fn metadata_value(&self, agent: impl Id<AgentId>, key: &str) -> Result<String> {
        park(self.metadata_value_async(agent, key))
    }

    /// As [`Provisioning::metadata_value`], on any executor.
    pub fn metadata_value_async(&self, agent: impl Id<AgentId>, key: &str) -> AsyncResult<String> {
        let (agent, key) = match agent.into_id() {
            Ok(agent) => (agent, key.to_owned()),
            Err(error) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, _, _| async move {
            let (wanted, name) = (agent.clone(), key.clone());
            let read = parts
                .reads
                .read(move |connection| metadata::value(connection, &wanted, &name));
            let value = read.await?.ok_or_else(|| Error::unknown("agent", &agent))?;
            value.ok_or_else(|| no_key(&agent, &key))
        })
    }

    /// Sets the value of one key (§metadata/change).
    ///
    /// # Errors
    /// `NotFound` for an unknown agent; `TooLarge` as [`Provisioning::put_metadata`];
    /// `Forbidden`; `Busy`; `Storage`.
    pub fn put_metadata_value(
        &self,
        agent: impl Id<AgentId>,
        key: &str,
        value: &str,
    ) -> Result<Change> {
        park(self.put_metadata_value_async(agent, key, value))
    }

    /// As [`Provisioning::put_metadata_value`], on any executor.
    pub fn put_metadata_value_async(
        &self,
        agent: impl Id<AgentId>,
        key: &str,
        value: &str,
    ) -> AsyncResult<Change> {
        let (agent, key, value) = match (agent.into_id(), limits::pair(key, value)) {
            (Ok(agent), Ok(())) => (agent, key.to_owned(), value.to_owned()),
            (Err(error), _) | (_, Err(error)) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, principal, need| {
            parts.change(principal, need, move |transaction, stamp| {
                let (keys, bytes) = metadata::besides(transaction, &agent, &key)?;
                limits::all(keys + 1, bytes + key.len() + value.len())?;
                changed(
                    metadata::put_value(transaction, &agent, &key, &value, stamp)?,
                    &agent,
                )
            })
        })
    }

    /// Removes one key (§metadata/change).
    ///
    /// # Errors
    /// `NotFound` for an unknown agent or key; `Forbidden`; `Busy`; `Storage`.
    pub fn delete_metadata_value(&self, agent: impl Id<AgentId>, key: &str) -> Result<()> {
        park(self.delete_metadata_value_async(agent, key))
    }

    /// As [`Provisioning::delete_metadata_value`], on any executor.
    pub fn delete_metadata_value_async(
        &self,
        agent: impl Id<AgentId>,
        key: &str,
    ) -> AsyncResult<()> {
        let (agent, key) = match agent.into_id() {
            Ok(agent) => (agent, key.to_owned()),
            Err(error) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, principal, need| {
            parts.change(
                principal,
                need,
                move |transaction, stamp| match metadata::delete_value(
                    transaction,
                    &agent,
                    &key,
                    stamp,
                )? {
                    Removal::NoAgent => Err(Error::unknown("agent", &agent).into()),
                    Removal::Absent => Err(no_key(&agent, &key).into()),
                    Removal::Done(applied) => Ok(Changed {
                        value: (),
                        effects: applied.effects,
                        follow: Follow::Nothing,
                    }),
                },
            )
        })
    }
}

fn changed<R>(
    applied: Option<Applied<(Change, R)>>,
    agent: &AgentId,
) -> Result<Changed<Change>, Failure> {
    let applied = applied.ok_or_else(|| Error::unknown("agent", agent))?;
    Ok(Changed {
        value: applied.value.0,
        effects: applied.effects,
        follow: Follow::Nothing,
    })
}
