//! Open contacts: which agents have them, and who they are.
//!
//! The journal adds a contact in the commit that records its join, and deletes it when the contact
//! makes room for another ([`crate::journal`]). Neither is a change of an administrator: a thousand
//! strangers make no audit rows. A put of the agent decides only how many there may be.

use super::agent::AgentRow;
use super::{Effect, parsed};
use crate::model::{AgentKey, ChannelId, ContactTimes, Contacts};
use rusqlite::{Connection, Result, Row, params};

/// Stores how many open contacts an agent may have.
pub(super) fn set(conn: &Connection, agent: AgentKey, contacts: Contacts) -> Result<()> {
    match contacts.most() {
        0 => conn
            .prepare_cached("DELETE FROM open_agent WHERE agent = ?1")?
            .execute([agent.0]),
        most => conn
            .prepare_cached("INSERT OR REPLACE INTO open_agent (agent, most) VALUES (?1, ?2)")?
            .execute(params![agent.0, most]),
    }
    .map(drop)
}

/// Stores what a put changes of an agent's open contacts. The list is forgotten when it is switched
/// off, and when the agent gets another address: those people wrote to the old one.
pub(super) fn change(
    conn: &Connection,
    before: &AgentRow,
    after: &AgentRow,
) -> Result<Vec<Effect>> {
    if before.contacts != after.contacts {
        set(conn, after.key, after.contacts)?;
    }
    if after.contacts.most() > 0 && before.address == after.address {
        return Ok(Vec::new());
    }
    let gone: Vec<ChannelId> = conn
        .prepare_cached("SELECT channel FROM open_contact WHERE agent = ?1")?
        .query_map([after.key.0], |row| parsed(row, 0, ChannelId::parse))?
        .collect::<Result<_>>()?;
    conn.prepare_cached("DELETE FROM open_contact WHERE agent = ?1")?
        .execute([after.key.0])?;
    let removed = gone.into_iter().map(|channel| Effect::ChannelRemoved {
        agent: after.key,
        channel,
        announced: false,
    });
    Ok(removed.collect())
}

/// Contacts whose channels are provisioned by now are no open ones.
pub(super) fn provisioned(conn: &Connection, agent: AgentKey) -> Result<()> {
    conn.prepare_cached(
        "DELETE FROM open_contact
          WHERE agent = ?1
            AND EXISTS (SELECT 1 FROM agent_channel
                         WHERE agent = ?1 AND channel = open_contact.channel)",
    )?
    .execute([agent.0])
    .map(drop)
}

/// A row of which the first columns are channel, heard and answered.
pub(super) fn row(row: &Row<'_>) -> Result<(ChannelId, ContactTimes)> {
    let times = ContactTimes {
        heard: row.get(1)?,
        answered: row.get(2)?,
    };
    Ok((parsed(row, 0, ChannelId::parse)?, times))
}
