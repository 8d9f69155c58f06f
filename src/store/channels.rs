//! The channels an agent may use: one at a time, and the list as a whole for `agents`.
//!
//! `put` is the revision of the put that asks for the join. Only a new channel or a re-join gets a new one: it
//! clears a refusal, and a put of the whole agent must not clear those of channels it merely repeats.

use super::agents::{self, AgentRow, ChannelRow};
use super::{Applied, Effect, Removal, Stamp, audit, parsed};
use crate::model::{AgentId, AgentKey, Change, ChannelId};
use rusqlite::{Connection, Result, Row, params};
use serde_json::json;

/// Adds a channel at the end of the agent's list. One that it has stays as it is, unless `rejoin` asks for another
/// try. `None`: there is no such agent.
pub(crate) fn put(
    conn: &Connection,
    agent: &AgentId,
    channel: &ChannelId,
    rejoin: bool,
    stamp: &Stamp,
) -> Result<Option<Applied<(Change, AgentRow)>>> {
    let Some(mut agent) = agents::find(conn, agent)? else { return Ok(None) };
    let shown = json!({ "channel": channel.as_str() });
    let before = match agent.channels.iter_mut().find(|held| held.id == *channel) {
        Some(_) if !rejoin => return Ok(Some(Applied::plain((Change::Unchanged, agent)))),
        Some(held) => {
            held.put = stamp.revision;
            Some(shown.clone())
        }
        None => {
            agent.channels.push(ChannelRow { id: channel.clone(), put: stamp.revision, announced: false });
            None
        }
    };
    conn.prepare_cached(
        "INSERT INTO agent_channel (agent, channel, position, put)
         VALUES (?1, ?2, (SELECT coalesce(max(position) + 1, 0) FROM agent_channel WHERE agent = ?1), ?3)
         ON CONFLICT (agent, channel) DO UPDATE SET put = excluded.put",
    )?
    .execute(params![agent.key.0, channel.as_str(), stamp.revision as i64])?;
    agents::touch(conn, &mut agent, stamp)?;
    let action = if before.is_some() { "rejoin channel" } else { "put channel" };
    audit::insert(conn, stamp, action, agent.id.as_str(), before, Some(shown))?;
    Ok(Some(Applied::plain((Change::Applied, agent))))
}

/// Takes a channel from an agent.
pub(crate) fn delete(conn: &Connection, agent: &AgentId, channel: &ChannelId, stamp: &Stamp) -> Result<Removal<AgentRow>> {
    let Some(mut agent) = agents::find(conn, agent)? else { return Ok(Removal::NoAgent) };
    let Some(place) = agent.channels.iter().position(|held| held.id == *channel) else { return Ok(Removal::Absent) };
    let removed = agent.channels.remove(place);
    conn.prepare_cached("DELETE FROM agent_channel WHERE agent = ?1 AND channel = ?2")?
        .execute(params![agent.key.0, channel.as_str()])?;
    agents::touch(conn, &mut agent, stamp)?;
    let shown = json!({ "channel": channel.as_str() });
    audit::insert(conn, stamp, "delete channel", agent.id.as_str(), Some(shown), None)?;
    let effect = Effect::ChannelRemoved { agent: agent.key, channel: removed.id, announced: removed.announced };
    Ok(Removal::Done(Applied { value: agent, effects: vec![effect] }))
}

/// An agent's channels, in the order in which they were put.
pub(super) fn of(conn: &Connection, agent: AgentKey) -> Result<Vec<ChannelRow>> {
    conn.prepare_cached(
        "SELECT channel, put, announced
           FROM agent_channel
          WHERE agent = ?1
          ORDER BY position",
    )?
    .query_map([agent.0], row)?
    .collect()
}

/// A row whose first columns are channel, put, announced.
pub(super) fn row(row: &Row<'_>) -> Result<ChannelRow> {
    Ok(ChannelRow { id: parsed(row, 0, ChannelId::parse)?, put: row.get::<_, i64>(1)? as u64, announced: row.get(2)? })
}

/// The list that a put of `ids` makes of `held`: what is held stays as it is, what is new is put now.
pub(super) fn wanted(held: &[ChannelRow], ids: &[ChannelId], stamp: &Stamp) -> Vec<ChannelRow> {
    let held: std::collections::HashMap<&ChannelId, &ChannelRow> = held.iter().map(|row| (&row.id, row)).collect();
    super::distinct(ids)
        .into_iter()
        .map(|id| match held.get(&id) {
            Some(row) => (*row).clone(),
            None => ChannelRow { id, put: stamp.revision, announced: false },
        })
        .collect()
}

/// Writes an agent's whole list.
pub(super) fn store(conn: &Connection, agent: AgentKey, channels: &[ChannelRow]) -> Result<()> {
    conn.prepare_cached("DELETE FROM agent_channel WHERE agent = ?1")?.execute([agent.0])?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO agent_channel (agent, channel, position, put, announced)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (position, row) in channels.iter().enumerate() {
        insert.execute(params![agent.0, row.id.as_str(), position as i64, row.put as i64, row.announced])?;
    }
    Ok(())
}

/// What follows from the channels that `before` had and `after` has not.
pub(super) fn removed<'a>(before: &'a AgentRow, after: &'a AgentRow) -> impl Iterator<Item = Effect> + 'a {
    let kept: std::collections::HashSet<&ChannelId> = after.channels.iter().map(|row| &row.id).collect();
    before.channels.iter().filter(move |row| !kept.contains(&row.id)).map(|row| Effect::ChannelRemoved {
        agent: before.key,
        channel: row.id.clone(),
        announced: row.announced,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ada, announce, database};
    use super::*;
    use crate::model::NewAgent;

    fn channel(text: &str) -> ChannelId {
        ChannelId::parse(text).unwrap()
    }

    fn echo(conn: &Connection) -> AgentId {
        let new = NewAgent::new("echo", "loopback:echo").unwrap().channel("chat-room:ops").unwrap();
        agents::put(conn, &new, &ada(1)).unwrap().value.1.id
    }

    #[test]
    fn a_channel_put_again_is_unchanged_unless_a_rejoin_is_asked_for() {
        let conn = database();
        let (echo, lab) = (echo(&conn), channel("chat-room:lab"));
        let (change, agent) = put(&conn, &echo, &lab, false, &ada(2)).unwrap().unwrap().value;
        assert_eq!((change, agent.revision, agent.channels[1].put), (Change::Applied, 2, 2));

        let again = put(&conn, &echo, &lab, false, &ada(3)).unwrap().unwrap().value;
        assert_eq!((again.0, again.1.revision), (Change::Unchanged, 2));

        let rejoined = put(&conn, &echo, &lab, true, &ada(4)).unwrap().unwrap().value;
        assert_eq!((rejoined.0, rejoined.1.channels[1].put), (Change::Applied, 4));
        assert_eq!(agents::find(&conn, &echo).unwrap(), Some(rejoined.1));
        let actions: Vec<_> = audit::since(&conn, 0, 9).unwrap().into_iter().map(|entry| entry.action).collect();
        assert_eq!(actions, ["put agent", "put channel", "rejoin channel"]);
    }

    #[test]
    fn a_removed_channel_says_whether_it_had_been_announced() {
        let conn = database();
        let (echo, ops) = (echo(&conn), channel("chat-room:ops"));
        let key = agents::key(&conn, &echo).unwrap().unwrap();
        announce(&conn, key, &ops, true);
        let Removal::Done(done) = delete(&conn, &echo, &ops, &ada(2)).unwrap() else { panic!("it was there") };
        assert_eq!(done.effects, [Effect::ChannelRemoved { agent: key, channel: ops.clone(), announced: true }]);
        assert_eq!(agents::find(&conn, &echo).unwrap(), Some(done.value));
        assert_eq!(delete(&conn, &echo, &ops, &ada(3)).unwrap(), Removal::Absent);
        let nobody = AgentId::parse("nobody").unwrap();
        assert_eq!(delete(&conn, &nobody, &ops, &ada(3)).unwrap(), Removal::NoAgent);
        assert_eq!(put(&conn, &nobody, &ops, false, &ada(3)).unwrap(), None);
    }
}
