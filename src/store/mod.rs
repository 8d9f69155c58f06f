//! What an administrator wants, in SQL: one file for each resource.
//!
//! Every function takes a connection inside the writer's transaction (or a reader's) and begins
//! none itself: a change, its audit row and its events are committed together or not at all, and
//! only the caller knows all three. What must follow a change is returned as [`Effect`]s, because
//! events belong to the journal and tokens are also in memory. No function here decides who may do
//! what.
//!
//! Rejected: triggers that write the audit (they cannot know who made the change), `ON DELETE
//! CASCADE` (a deleted agent keeps its messages), and one query for each agent in `all` (100,000
//! agents are four scans, not 400,000 look-ups).

mod agent;
pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod channels;
mod contacts;
pub(crate) mod metadata;
pub(crate) mod readers;
pub(crate) mod super_user;
pub(crate) mod throttles;
pub(crate) mod tokens;
pub(crate) mod users;

use crate::error::Error;
use crate::model::{AgentKey, ChannelId};
use rusqlite::Row;
use rusqlite::types::Type;

/// Who changes something, when, and as which change of the database.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    /// As [`crate::Principal::label`] says it.
    pub(crate) who: String,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
    /// The revision of this change; every agent that it touches gets this revision.
    pub(crate) revision: u64,
}

/// What must follow a change: in the same transaction, and afterwards in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Becomes a metadata event of that agent; `None`: the key was removed.
    MetaData {
        agent: AgentKey,
        key: String,
        value: Option<String>,
    },
    /// Closes the agent's span; if the newest channel-state event said active, an inactive event
    /// follows.
    ChannelRemoved {
        agent: AgentKey,
        channel: ChannelId,
        announced: bool,
    },
    /// The digests of tokens that are gone from the table and must go from memory.
    TokensEnded(Vec<[u8; 32]>),
}

/// A change that was made, with what must follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied<T> {
    pub(crate) value: T,
    /// In the order in which they must follow.
    pub(crate) effects: Vec<Effect>,
}

/// The outcome of removing a part of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Removal<T> {
    /// There is no such agent.
    NoAgent,
    /// The agent has no such part.
    Absent,
    /// It is gone.
    Done(Applied<T>),
}

impl<T> Applied<T> {
    fn plain(value: T) -> Applied<T> {
        Applied {
            value,
            effects: Vec::new(),
        }
    }
}

/// The tokens that ended, as an effect; none if there were none.
fn tokens_ended(digests: Vec<[u8; 32]>) -> Option<Effect> {
    (!digests.is_empty()).then_some(Effect::TokensEnded(digests))
}

/// Parses an id from a text column. Text that does not parse was not written by this program.
fn parsed<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, Error>,
) -> rusqlite::Result<T> {
    parse(row.get_ref(column)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// `items` without repeats, in the order of their first occurrence.
fn distinct<T: Clone + Eq + std::hash::Hash>(items: &[T]) -> Vec<T> {
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    items
        .iter()
        .filter(|item| seen.insert(*item))
        .cloned()
        .collect()
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Stamp;
    use crate::model::{AgentKey, ChannelId};
    use rusqlite::Connection;

    pub(crate) fn database() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("../../schema.sql"))
            .unwrap();
        conn
    }

    /// Notes in `agent_channel` what was announced, as the journal does.
    pub(crate) fn announce(conn: &Connection, agent: AgentKey, channel: &ChannelId, active: bool) {
        let sql = "UPDATE agent_channel SET announced = ?3 WHERE agent = ?1 AND channel = ?2";
        assert_eq!(
            conn.execute(sql, (agent.0, channel.as_str(), active))
                .unwrap(),
            1
        );
    }

    /// Ada, an administrator, at her change number `revision`.
    pub(crate) fn ada(revision: u64) -> Stamp {
        Stamp {
            who: "super:ada".into(),
            now: 1_000 * revision as i64,
            revision,
        }
    }
}
