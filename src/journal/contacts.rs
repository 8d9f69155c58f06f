//! Open contacts, in SQL: added with the join that makes their conversation, so that an agent's
//! message from a stranger and the stranger's place in the list are one commit.
//!
//! The row is written only while the agent's contacts are open: a put that closes them, and a join
//! that was under way, may come in either order.

use crate::model::{AgentKey, ChannelId, ContactTimes};
use rusqlite::{Connection, params};

/// Adds a contact, unless it is there, was provisioned meanwhile, or the list was switched off.
pub(super) fn add(
    connection: &Connection,
    agent: AgentKey,
    channel: &ChannelId,
    now: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO open_contact (agent, channel, heard)
             SELECT agent, ?2, ?3 FROM open_agent
              WHERE agent = ?1
                AND NOT EXISTS (SELECT 1 FROM agent_channel WHERE agent = ?1 AND channel = ?2)",
        )?
        .execute(params![agent.0, channel.as_str(), now])
        .map(drop)
}

/// Notes when a contact and its agent wrote to each other last.
pub(super) fn note(
    connection: &Connection,
    agent: AgentKey,
    channel: &ChannelId,
    times: ContactTimes,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE open_contact SET heard = ?3, answered = ?4 WHERE agent = ?1 AND channel = ?2",
        )?
        .execute(params![
            agent.0,
            channel.as_str(),
            times.heard,
            times.answered
        ])
        .map(drop)
}

/// Forgets a contact, if it is one.
pub(super) fn remove(
    connection: &Connection,
    agent: AgentKey,
    channel: &ChannelId,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM open_contact WHERE agent = ?1 AND channel = ?2")?
        .execute(params![agent.0, channel.as_str()])
        .map(drop)
}
