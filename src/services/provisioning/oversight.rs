//! What an administrator watches: named readers with their lag, and the audit.

use super::change::Changed;
use super::follow::Follow;
use super::right::Need;
use super::{Provisioning, failed};
use crate::database::Whole;
use crate::error::{Error, Result};
use crate::model::{AgentId, AuditEntry, Id, ReaderName, ReaderStatus};
use crate::services::AsyncResult;
use crate::store::{agents, audit, readers};
use crate::waiting::park;
use chrono::DateTime;

/// Audit rows that one call returns at most.
const AUDIT_MAX: usize = 1000;

impl Provisioning {
    /// All named readers, and how far behind each of them is.
    ///
    /// # Errors
    /// `Forbidden` unless the mode is System; `Storage`.
    pub fn readers(&self) -> Result<Vec<ReaderStatus>> {
        park(self.readers_async())
    }

    /// As [`Provisioning::readers`], on any executor.
    pub fn readers_async(&self) -> AsyncResult<Vec<ReaderStatus>> {
        self.when(Need::System, |parts, _, _| async move {
            let rows = parts
                .reads
                .scan(Whole(|connection: &_| readers::all(connection)))
                .await?;
            let statuses = rows.into_iter().map(|row| {
                let through = parts
                    .names
                    .acknowledged(row.agent, &row.name)
                    .unwrap_or(row.acknowledged)
                    .max(row.acknowledged);
                let lag = parts.hub.rows_after(through);
                ReaderStatus::new(
                    row.agent_id,
                    row.name,
                    lag,
                    DateTime::from_timestamp_millis(row.moved).unwrap_or_default(),
                )
            });
            Ok(statuses.collect())
        })
    }

    /// Deletes a named reader. Whoever holds it gets [`Error::Superseded`].
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System; `Busy`; `Storage`.
    pub fn delete_reader(&self, agent: impl Id<AgentId>, name: impl Id<ReaderName>) -> Result<()> {
        park(self.delete_reader_async(agent, name))
    }

    /// As [`Provisioning::delete_reader`], on any executor.
    pub fn delete_reader_async(
        &self,
        agent: impl Id<AgentId>,
        name: impl Id<ReaderName>,
    ) -> AsyncResult<()> {
        let (agent, name) = match (agent.into_id(), name.into_id()) {
            (Ok(agent), Ok(name)) => (agent, name),
            (Err(error), _) | (_, Err(error)) => return failed(error),
        };
        self.when(Need::System, |parts, principal, need| {
            parts.change(principal, need, move |transaction, stamp| {
                let key = agents::key(transaction, &agent)?
                    .ok_or_else(|| Error::unknown("agent", &agent))?;
                if !readers::delete(transaction, &agent, &name, stamp)? {
                    return Err(
                        Error::NotFound(format!("agent `{agent}` has no reader `{name}`")).into(),
                    );
                }
                // Memory follows in the job and not in this future: a caller that drops the future
                // would leave the name held.
                Ok(Changed {
                    value: (),
                    effects: Vec::new(),
                    follow: Follow::ReaderGone(key, name),
                })
            })
        })
    }

    /// The administrative changes after number `since`, oldest first, at most `limit` (up to
    /// 1,000).
    ///
    /// # Errors
    /// `Forbidden` unless the mode is System; `Storage`.
    pub fn audit(&self, since: u64, limit: usize) -> Result<Vec<AuditEntry>> {
        park(self.audit_async(since, limit))
    }

    /// As [`Provisioning::audit`], on any executor.
    pub fn audit_async(&self, since: u64, limit: usize) -> AsyncResult<Vec<AuditEntry>> {
        let limit = limit.min(AUDIT_MAX);
        self.when(Need::System, |parts, _, _| async move {
            parts
                .reads
                .scan(Whole(move |connection: &_| {
                    audit::since(connection, since, limit)
                }))
                .await
        })
    }
}
