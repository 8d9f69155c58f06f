//! Agents and their lists: the address to connect as, the channels, and the users who may act
//! through the agent.
//!
//! A put replaces the agent: lists that are not given become empty. What did not change is left
//! alone: an unchanged channel keeps the revision of the put that requested it, because a later
//! revision clears a refusal, and a put that changes nothing makes neither a revision nor an audit
//! row.

pub(crate) use super::agent::{AgentRow, head, key, lists, mode_of};

use super::agent::{BARE, bare, touch};
use super::{Applied, Stamp, audit, channels, contacts, metadata, parsed, tokens, tokens_ended};
use crate::database::in_table;
use crate::model::{
    AgentId, AgentKey, Change, ChannelId, ManagementMode, NewAgent, ProvisioningMode, UserId,
};
use rusqlite::{Connection, Result, params};
use serde_json::{Map, Value, json};
use std::iter::Peekable;

/// The agent of that id.
pub(crate) fn find(conn: &Connection, id: &AgentId) -> Result<Option<AgentRow>> {
    head(conn, id)?
        .map(|agent| complete(conn, agent))
        .transpose()
}

/// The agent of that number.
#[cfg(test)]
pub(crate) fn find_key(conn: &Connection, key: AgentKey) -> Result<Option<AgentRow>> {
    use rusqlite::OptionalExtension;
    let bare = conn
        .prepare_cached(&format!("{BARE} WHERE key = ?1"))?
        .query_row([key.0], bare)
        .optional()?;
    bare.map(|agent| complete(conn, agent)).transpose()
}

/// All agents, oldest first: four ordered scans, merged.
pub(crate) fn all(conn: &Connection) -> Result<Vec<AgentRow>> {
    let mut users =
        conn.prepare_cached("SELECT agent, user FROM agent_user ORDER BY agent, position")?;
    let mut users = users
        .query_map([], |row| Ok((row.get(0)?, parsed(row, 1, UserId::parse)?)))?
        .peekable();
    let mut pairs = conn
        .prepare_cached("SELECT agent, key, value FROM agent_metadata ORDER BY agent, position")?;
    let mut pairs = pairs
        .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?
        .peekable();
    let mut agents = Vec::new();
    each_desired(conn, |mut agent| {
        agent.users = list_of(&mut users, agent.key)?;
        agent.metadata = list_of(&mut pairs, agent.key)?;
        agents.push(agent);
        Ok(())
    })?;
    Ok(agents)
}

/// Calls `take` with every agent, oldest first, without users and metadata. Nothing is collected,
/// so that an engine with 100,000 agents does not hold them twice while it opens.
pub(crate) fn each_desired(
    conn: &Connection,
    mut take: impl FnMut(AgentRow) -> Result<()>,
) -> Result<()> {
    let mut channels = conn.prepare_cached(
        "SELECT channel, put, announced, agent
           FROM agent_channel
          ORDER BY agent, position",
    )?;
    let mut channels = channels
        .query_map([], |row| Ok((row.get(3)?, channels::row(row)?)))?
        .peekable();
    let mut open = conn.prepare_cached(
        "SELECT channel, heard, answered, agent FROM open_contact ORDER BY agent, channel",
    )?;
    let mut open = open
        .query_map([], |row| Ok((row.get(3)?, contacts::row(row)?)))?
        .peekable();
    let mut agents = conn.prepare_cached(&format!("{BARE} ORDER BY key"))?;
    for agent in agents.query_map([], bare)? {
        let mut agent = agent?;
        agent.channels = list_of(&mut channels, agent.key).map_err(in_table("agent_channel"))?;
        agent.open = list_of(&mut open, agent.key).map_err(in_table("open_contact"))?;
        take(agent)?;
    }
    Ok(())
}

/// Creates or replaces an agent. The caller has compared `expected_revision` ([`find`], in this
/// transaction) and refused a metadata key given twice. An id given twice counts once. Of its
/// channels, those in `again` are put anew though the agent has them already.
pub(crate) fn put(
    conn: &Connection,
    new: &NewAgent,
    again: &[ChannelId],
    stamp: &Stamp,
) -> Result<Applied<(Change, AgentRow)>> {
    match find(conn, &new.id)? {
        None => create(conn, new, stamp),
        Some(before) => replace(conn, before, new, again, stamp),
    }
}

/// Deletes an agent with its lists, tokens, readers, notices and spans. Its messages stay until
/// retention deletes them, and its number is never used again. `None` if there is no such agent.
pub(crate) fn delete(
    conn: &Connection,
    id: &AgentId,
    stamp: &Stamp,
) -> Result<Option<Applied<AgentRow>>> {
    let Some(agent) = find(conn, id)? else {
        return Ok(None);
    };
    let ended = tokens::delete_of_agent(conn, agent.key)?;
    for statement in [
        "DELETE FROM agent_channel WHERE agent = ?1",
        "DELETE FROM agent_user WHERE agent = ?1",
        "DELETE FROM agent_metadata WHERE agent = ?1",
        "DELETE FROM reader WHERE agent = ?1",
        "DELETE FROM delivery WHERE agent = ?1",
        "DELETE FROM open_agent WHERE agent = ?1",
        "DELETE FROM open_contact WHERE agent = ?1",
        "DELETE FROM notice WHERE agent = ?1",
        "DELETE FROM membership WHERE agent = ?1",
        "DELETE FROM agent WHERE key = ?1",
    ] {
        conn.prepare_cached(statement)?.execute([agent.key.0])?;
    }
    audit::insert(
        conn,
        stamp,
        "delete agent",
        id.as_str(),
        Some(shown(&agent)),
        None,
    )?;
    Ok(Some(Applied {
        value: agent,
        effects: tokens_ended(ended).into_iter().collect(),
    }))
}

fn create(conn: &Connection, new: &NewAgent, stamp: &Stamp) -> Result<Applied<(Change, AgentRow)>> {
    let mut agent = AgentRow {
        key: AgentKey(0),
        id: new.id.clone(),
        address: new.address.clone(),
        mode: mode(new, None),
        management: new.management.unwrap_or_default(),
        revision: stamp.revision,
        channels: channels::wanted(&[], &new.channels, &[], stamp),
        users: super::distinct(&new.users),
        metadata: new.metadata.clone(),
        contacts: new.contacts.unwrap_or_default(),
        open: Vec::new(),
    };
    conn.prepare_cached(
        "INSERT INTO agent (id, address, mode, management, revision)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        agent.id.as_str(),
        agent.address.as_str(),
        agent.mode as i64,
        agent.management as i64,
        agent.revision as i64
    ])?;
    agent.key = AgentKey(conn.last_insert_rowid());
    channels::store(conn, agent.key, &[], &agent.channels, stamp)?;
    store_users(conn, agent.key, &agent.users)?;
    metadata::store(conn, agent.key, &agent.metadata)?;
    contacts::set(conn, agent.key, agent.contacts)?;
    audit::insert(
        conn,
        stamp,
        "put agent",
        agent.id.as_str(),
        None,
        Some(shown(&agent)),
    )?;
    Ok(Applied::plain((Change::Applied, agent)))
}

fn replace(
    conn: &Connection,
    before: AgentRow,
    new: &NewAgent,
    again: &[ChannelId],
    stamp: &Stamp,
) -> Result<Applied<(Change, AgentRow)>> {
    let mut after = AgentRow {
        key: before.key,
        id: before.id.clone(),
        address: new.address.clone(),
        mode: mode(new, Some(before.mode)),
        management: new.management.unwrap_or(before.management),
        revision: before.revision,
        channels: channels::wanted(&before.channels, &new.channels, again, stamp),
        users: super::distinct(&new.users),
        metadata: new.metadata.clone(),
        contacts: new.contacts.unwrap_or(before.contacts),
        open: Vec::new(),
    };
    if after == before {
        return Ok(Applied::plain((Change::Unchanged, before)));
    }
    conn.prepare_cached(
        "UPDATE agent SET address = ?2, mode = ?3, management = ?4 WHERE key = ?1",
    )?
    .execute(params![
        after.key.0,
        after.address.as_str(),
        after.mode as i64,
        after.management as i64
    ])?;
    touch(conn, &mut after, stamp)?;

    let mut effects = contacts::change(conn, &before, &after)?;
    if after.channels != before.channels {
        channels::store(conn, after.key, &before.channels, &after.channels, stamp)?;
        effects.extend(channels::removed(&before, &after));
    }
    if after.metadata != before.metadata {
        metadata::store(conn, after.key, &after.metadata)?;
        effects.extend(metadata::changes(
            after.key,
            &before.metadata,
            &after.metadata,
        ));
    }
    if after.users != before.users {
        store_users(conn, after.key, &after.users)?;
        let mut ended = Vec::new();
        let kept: std::collections::HashSet<&UserId> = after.users.iter().collect();
        for user in before.users.iter().filter(|user| !kept.contains(user)) {
            ended.extend(tokens::delete_of_agent_user(conn, after.key, user)?);
        }
        effects.extend(tokens_ended(ended));
    }
    audit::insert(
        conn,
        stamp,
        "put agent",
        after.id.as_str(),
        Some(shown(&before)),
        Some(shown(&after)),
    )?;
    Ok(Applied {
        value: (Change::Applied, after),
        effects,
    })
}

/// The mode that a put asks for: its own, or what the older `can_provision` means.
fn mode(new: &NewAgent, stored: Option<ProvisioningMode>) -> ProvisioningMode {
    match (new.mode, new.can_provision, stored) {
        (Some(mode), _, _) => mode,
        (None, true, Some(ProvisioningMode::Own)) => ProvisioningMode::Own,
        (None, true, _) => ProvisioningMode::System,
        (None, false, _) => ProvisioningMode::None,
    }
}

fn store_users(conn: &Connection, key: AgentKey, users: &[UserId]) -> Result<()> {
    conn.prepare_cached("DELETE FROM agent_user WHERE agent = ?1")?
        .execute([key.0])?;
    let mut insert =
        conn.prepare_cached("INSERT INTO agent_user (agent, user, position) VALUES (?1, ?2, ?3)")?;
    for (position, user) in users.iter().enumerate() {
        insert.execute(params![key.0, user.as_str(), position as i64])?;
    }
    Ok(())
}

/// How the audit shows an agent.
fn shown(agent: &AgentRow) -> Value {
    let metadata: Map<String, Value> = agent
        .metadata
        .iter()
        .map(|(key, value)| (key.clone(), Value::String(value.clone())))
        .collect();
    json!({
        "address": agent.address.as_str(),
        "mode": match agent.mode {
            ProvisioningMode::None => "none",
            ProvisioningMode::System => "system",
            ProvisioningMode::Own => "self",
        },
        "management": match agent.management {
            ManagementMode::None => "none",
            ManagementMode::Groups => "groups",
        },
        "channels": agent.channels.iter().map(|channel| channel.id.as_str()).collect::<Vec<_>>(),
        "users": agent.users.iter().map(UserId::as_str).collect::<Vec<_>>(),
        "metadata": metadata,
        "open_contacts": agent.contacts.most(),
    })
}

fn complete(conn: &Connection, mut agent: AgentRow) -> Result<AgentRow> {
    agent.channels = channels::of(conn, agent.key)?;
    agent.metadata = metadata::of(conn, agent.key)?;
    agent.users = conn
        .prepare_cached("SELECT user FROM agent_user WHERE agent = ?1 ORDER BY position")?
        .query_map([agent.key.0], |row| parsed(row, 0, UserId::parse))?
        .collect::<Result<_>>()?;
    Ok(agent)
}

/// Takes the items of this agent from the scan `rows`, which is ordered by agent.
fn list_of<T>(
    rows: &mut Peekable<impl Iterator<Item = Result<(i64, T)>>>,
    key: AgentKey,
) -> Result<Vec<T>> {
    let mut list = Vec::new();
    while let Some(row) =
        rows.next_if(|row| row.as_ref().map_or(true, |(agent, _)| *agent <= key.0))
    {
        let (agent, item) = row?;
        if agent == key.0 {
            list.push(item);
        }
    }
    Ok(list)
}

#[cfg(test)]
#[path = "agents_test.rs"]
mod tests;
