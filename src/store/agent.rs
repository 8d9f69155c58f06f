//! One row of `agent`, without its lists: a change of one part of an agent needs no more, however
//! large the rest is.

use super::{Stamp, parsed};
use crate::model::{
    Address, AgentId, AgentKey, ChannelId, ContactTimes, Contacts, ManagementMode,
    ProvisioningMode, UserId,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// An agent as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentRow {
    pub(crate) key: AgentKey,
    pub(crate) id: AgentId,
    pub(crate) address: Address,
    pub(crate) mode: ProvisioningMode,
    pub(crate) management: ManagementMode,
    /// Of the last change that touched it.
    pub(crate) revision: u64,
    pub(crate) channels: Vec<ChannelRow>,
    pub(crate) users: Vec<UserId>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) contacts: Contacts,
    /// The open contacts; read only when the engine opens, because memory knows them after that.
    pub(crate) open: Vec<(ChannelId, ContactTimes)>,
}

/// A channel of an agent as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelRow {
    pub(crate) id: ChannelId,
    /// The revision of the put that asks for the join.
    pub(crate) put: u64,
    /// Whether the newest channel-state event said active.
    pub(crate) announced: bool,
}

/// The columns that [`bare`] reads, of the agents.
pub(super) const BARE: &str = "SELECT key, id, address, mode, management, revision,
            (SELECT most FROM open_agent WHERE open_agent.agent = agent.key)
       FROM agent";

/// The agent of that id, its lists empty.
pub(crate) fn head(conn: &Connection, id: &AgentId) -> Result<Option<AgentRow>> {
    conn.prepare_cached(&format!("{BARE} WHERE id = ?1"))?
        .query_row([id.as_str()], bare)
        .optional()
}

/// What the agent of that number may provision.
pub(crate) fn mode_of(conn: &Connection, key: AgentKey) -> Result<Option<ProvisioningMode>> {
    let bare = conn
        .prepare_cached(&format!("{BARE} WHERE key = ?1"))?
        .query_row([key.0], bare)
        .optional()?;
    Ok(bare.map(|agent| agent.mode))
}

/// The number of the agent of that id, without its lists.
pub(crate) fn key(conn: &Connection, id: &AgentId) -> Result<Option<AgentKey>> {
    conn.prepare_cached("SELECT key FROM agent WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0).map(AgentKey))
        .optional()
}

/// Whether the agent lists that user.
pub(crate) fn lists(conn: &Connection, agent: AgentKey, user: &UserId) -> Result<bool> {
    conn.prepare_cached("SELECT 1 FROM agent_user WHERE agent = ?1 AND user = ?2")?
        .exists(params![agent.0, user.as_str()])
}

/// Notes that a change touched the agent.
pub(super) fn touch(conn: &Connection, agent: &mut AgentRow, stamp: &Stamp) -> Result<()> {
    agent.revision = stamp.revision;
    conn.prepare_cached("UPDATE agent SET revision = ?2 WHERE key = ?1")?
        .execute(params![agent.key.0, stamp.revision as i64])?;
    Ok(())
}

/// One row of `agent`, its lists empty.
pub(super) fn bare(row: &Row<'_>) -> Result<AgentRow> {
    let mode = match row.get(3)? {
        1i64 => ProvisioningMode::None,
        2 => ProvisioningMode::System,
        3 => ProvisioningMode::Own,
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(3, other)),
    };
    let management = match row.get(4)? {
        1i64 => ManagementMode::None,
        2 => ManagementMode::Groups,
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(4, other)),
    };
    Ok(AgentRow {
        key: AgentKey(row.get(0)?),
        id: parsed(row, 1, AgentId::parse)?,
        address: parsed(row, 2, Address::parse)?,
        mode,
        management,
        revision: row.get::<_, i64>(5)? as u64,
        channels: Vec::new(),
        users: Vec::new(),
        metadata: Vec::new(),
        contacts: Contacts::at_most(row.get::<_, Option<u32>>(6)?.unwrap_or(0)),
        open: Vec::new(),
    })
}
