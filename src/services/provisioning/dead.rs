//! Events that shared readers gave up: listed, and given again.

use super::change::Changed;
use super::follow::Follow;
use super::right::Need;
use super::{Provisioning, failed};
use crate::database::Whole;
use crate::error::{Error, Result};
use crate::hub::event_id;
use crate::journal::deliveries::{self, DeadRow};
use crate::model::{AgentId, DeadDelivery, Id, ReaderName};
use crate::services::AsyncResult;
use crate::store::{agents, audit};
use crate::waiting::park;
use chrono::DateTime;
use serde_json::json;

/// Dead events that one call returns at most: all that a reader keeps.
const LIMIT_MAX: usize = 1000;

impl Provisioning {
    /// The events that a [shared reader](crate::SharedReader) of the agent gave up, oldest first,
    /// at most `limit` (up to 1,000: a reader keeps the newest 1,000).
    ///
    /// # Errors
    /// `NotFound` if there is no such agent; `Invalid`; `Forbidden` unless the mode is System;
    /// `Storage`.
    pub fn dead_deliveries(
        &self,
        agent: impl Id<AgentId>,
        reader: impl Id<ReaderName>,
        limit: usize,
    ) -> Result<Vec<DeadDelivery>> {
        park(self.dead_deliveries_async(agent, reader, limit))
    }

    /// As [`Provisioning::dead_deliveries`], on any executor.
    pub fn dead_deliveries_async(
        &self,
        agent: impl Id<AgentId>,
        reader: impl Id<ReaderName>,
        limit: usize,
    ) -> AsyncResult<Vec<DeadDelivery>> {
        let (agent, reader) = match (agent.into_id(), reader.into_id()) {
            (Ok(agent), Ok(reader)) => (agent, reader),
            (Err(error), _) | (_, Err(error)) => return failed(error),
        };
        self.when(Need::System, |parts, _, _| async move {
            let cell = parts.registry.by_id(&agent);
            let key = cell.ok_or_else(|| Error::unknown("agent", &agent))?.key;
            let (wanted, limit) = (reader.clone(), limit.min(LIMIT_MAX));
            let rows = parts
                .reads
                .scan(Whole(move |connection: &_| {
                    deliveries::dead(connection, key, &wanted, limit)
                }))
                .await?;
            let (instance, base, _) = parts.hub.instance();
            let dead = rows.into_iter().map(|row: DeadRow| {
                let id = event_id(row.seq, base);
                let event = row.event.into_event(row.seq, id, instance.clone());
                let died = DateTime::from_timestamp_millis(row.died).unwrap_or_default();
                let (agent, reader) = (agent.clone(), reader.clone());
                DeadDelivery::new(agent, reader, event, row.attempts, row.reason, died)
            });
            Ok(dead.collect())
        })
    }

    /// Has a dead event given again, with all its attempts, to the workers of its reader; at once
    /// if they draw now. It comes before what they have not drawn yet.
    ///
    /// # Errors
    /// `NotFound` if it is not dead any more; `Forbidden` unless the mode is System; `Busy`;
    /// `Storage`.
    pub fn revive(&self, dead: &DeadDelivery) -> Result<()> {
        park(self.revive_async(dead))
    }

    /// As [`Provisioning::revive`], on any executor.
    pub fn revive_async(&self, dead: &DeadDelivery) -> AsyncResult<()> {
        let (agent, reader, seq) = (dead.agent.clone(), dead.reader.clone(), dead.seq());
        self.when(Need::System, |parts, principal, need| {
            parts.change(principal, need, move |transaction, stamp| {
                let key = agents::key(transaction, &agent)?
                    .ok_or_else(|| Error::unknown("agent", &agent))?;
                let row = deliveries::revive(transaction, key, &reader, seq)?;
                let row = row.ok_or_else(|| {
                    Error::NotFound(format!("that event of the reader `{reader}` is not dead"))
                })?;
                let shown =
                    json!({ "reader": reader.as_str(), "event": seq, "reason": row.reason });
                let action = "revive delivery";
                audit::insert(
                    transaction,
                    stamp,
                    action,
                    agent.as_str(),
                    Some(shown),
                    None,
                )?;
                Ok(Changed {
                    value: (),
                    effects: Vec::new(),
                    follow: Follow::Revived(key, reader, Box::new(row)),
                })
            })
        })
    }
}
