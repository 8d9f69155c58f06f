//! The channels that an agent may use: changed one at a time, or as a whole list by `agents`.
//!
//! `put` is the revision of the put that requested the join, and a later one clears a refusal. Only
//! a new channel or a re-join gets a new revision: one that is joined stays so.

use super::agent::{AgentRow, ChannelRow, head, touch};
use super::{Applied, Effect, Removal, Stamp, audit, contacts, parsed};
use crate::model::{AgentId, AgentKey, Change, ChannelId};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use serde_json::json;
use std::collections::HashSet;

/// The position of a channel that was put alone: after those of every list, which count from 0, and
/// after every earlier put. Asking for the largest position would read the whole list.
fn position(stamp: &Stamp, index: usize) -> i64 {
    ((stamp.revision as i64) << 20) + index as i64
}

/// Adds a channel at the end of the agent's list. A channel that the agent has already stays as it
/// is, unless `rejoin` asks for another try. `None` if there is no such agent.
pub(crate) fn put(
    conn: &Connection,
    agent: &AgentId,
    channel: &ChannelId,
    rejoin: bool,
    stamp: &Stamp,
) -> Result<Option<Applied<(Change, AgentKey)>>> {
    let Some(mut agent) = head(conn, agent)? else {
        return Ok(None);
    };
    let shown = json!({ "channel": channel.as_str() });
    let held = find(conn, agent.key, channel)?.is_some();
    if held && !rejoin {
        return Ok(Some(Applied::plain((Change::Unchanged, agent.key))));
    }
    conn.prepare_cached(
        "INSERT INTO agent_channel (agent, channel, position, put)
         VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (agent, channel) DO UPDATE SET put = excluded.put",
    )?
    .execute(params![
        agent.key.0,
        channel.as_str(),
        position(stamp, 0),
        stamp.revision as i64
    ])?;
    contacts::provisioned(conn, agent.key)?;
    touch(conn, &mut agent, stamp)?;
    let (action, before) = if held {
        ("rejoin channel", Some(shown.clone()))
    } else {
        ("put channel", None)
    };
    audit::insert(conn, stamp, action, agent.id.as_str(), before, Some(shown))?;
    Ok(Some(Applied::plain((Change::Applied, agent.key))))
}

/// Takes a channel from an agent.
pub(crate) fn delete(
    conn: &Connection,
    agent: &AgentId,
    channel: &ChannelId,
    stamp: &Stamp,
) -> Result<Removal<AgentKey>> {
    let Some(mut agent) = head(conn, agent)? else {
        return Ok(Removal::NoAgent);
    };
    let Some(removed) = find(conn, agent.key, channel)? else {
        return Ok(Removal::Absent);
    };
    remove(conn, agent.key, channel)?;
    touch(conn, &mut agent, stamp)?;
    let shown = json!({ "channel": channel.as_str() });
    audit::insert(
        conn,
        stamp,
        "delete channel",
        agent.id.as_str(),
        Some(shown),
        None,
    )?;
    let effect = Effect::ChannelRemoved {
        agent: agent.key,
        channel: removed.id,
        announced: removed.announced,
    };
    Ok(Removal::Done(Applied {
        value: agent.key,
        effects: vec![effect],
    }))
}

fn find(conn: &Connection, agent: AgentKey, channel: &ChannelId) -> Result<Option<ChannelRow>> {
    conn.prepare_cached(
        "SELECT channel, put, announced FROM agent_channel WHERE agent = ?1 AND channel = ?2",
    )?
    .query_row(params![agent.0, channel.as_str()], row)
    .optional()
}

fn remove(conn: &Connection, agent: AgentKey, channel: &ChannelId) -> Result<()> {
    conn.prepare_cached("DELETE FROM agent_channel WHERE agent = ?1 AND channel = ?2")?
        .execute(params![agent.0, channel.as_str()])
        .map(drop)
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
    Ok(ChannelRow {
        id: parsed(row, 0, ChannelId::parse)?,
        put: row.get::<_, i64>(1)? as u64,
        announced: row.get(2)?,
    })
}

/// The list after a put of `ids` over `held`: a channel that is held stays as it is, a new one is
/// put now, and so is one of `again`.
pub(super) fn wanted(
    held: &[ChannelRow],
    ids: &[ChannelId],
    again: &[ChannelId],
    stamp: &Stamp,
) -> Vec<ChannelRow> {
    let again: HashSet<&ChannelId> = again.iter().collect();
    let held: std::collections::HashMap<&ChannelId, &ChannelRow> =
        held.iter().map(|row| (&row.id, row)).collect();
    super::distinct(ids)
        .into_iter()
        .map(|id| match held.get(&id) {
            Some(row) if again.contains(&id) => ChannelRow {
                put: stamp.revision,
                ..(*row).clone()
            },
            Some(row) => (*row).clone(),
            None => ChannelRow {
                id,
                put: stamp.revision,
                announced: false,
            },
        })
        .collect()
}

/// Replaces the list `before` with `after`. If the kept channels are in the same order and the new
/// ones come last, only the changes are written.
pub(super) fn store(
    conn: &Connection,
    agent: AgentKey,
    before: &[ChannelRow],
    after: &[ChannelRow],
    stamp: &Stamp,
) -> Result<()> {
    let wanted: HashSet<&ChannelId> = after.iter().map(|row| &row.id).collect();
    let again = "UPDATE agent_channel SET put = ?3 WHERE agent = ?1 AND channel = ?2";
    let kept = before.iter().filter(|row| wanted.contains(&row.id)).count();
    let stays = before
        .iter()
        .filter(|row| wanted.contains(&row.id))
        .zip(after)
        .all(|(old, new)| old.id == new.id);
    let (fresh, first) = if stays {
        (&after[kept..], position(stamp, 0))
    } else {
        (after, 0)
    };
    if stays {
        for row in before.iter().filter(|row| !wanted.contains(&row.id)) {
            remove(conn, agent, &row.id)?;
        }
        let mut update = conn.prepare_cached(again)?;
        for row in after[..kept].iter().filter(|row| row.put == stamp.revision) {
            update.execute(params![agent.0, row.id.as_str(), row.put as i64])?;
        }
    } else {
        conn.prepare_cached("DELETE FROM agent_channel WHERE agent = ?1")?
            .execute([agent.0])?;
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO agent_channel (agent, channel, position, put, announced)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (index, row) in fresh.iter().enumerate() {
        insert.execute(params![
            agent.0,
            row.id.as_str(),
            first + index as i64,
            row.put as i64,
            row.announced
        ])?;
    }
    contacts::provisioned(conn, agent)
}

/// The effects of the channels that are in `before` and not in `after`.
pub(super) fn removed<'a>(
    before: &'a AgentRow,
    after: &'a AgentRow,
) -> impl Iterator<Item = Effect> + 'a {
    let kept: HashSet<&ChannelId> = after.channels.iter().map(|row| &row.id).collect();
    before
        .channels
        .iter()
        .filter(move |row| !kept.contains(&row.id))
        .map(|row| Effect::ChannelRemoved {
            agent: before.key,
            channel: row.id.clone(),
            announced: row.announced,
        })
}

#[cfg(test)]
mod tests {
    use super::super::agents;
    use super::super::testing::{ada, announce, database};
    use super::*;
    use crate::model::NewAgent;

    fn channel(text: &str) -> ChannelId {
        ChannelId::parse(text).unwrap()
    }

    fn echo(conn: &Connection) -> AgentId {
        let new = NewAgent::new("echo", "loopback:echo")
            .unwrap()
            .channel("chat-room:ops")
            .unwrap();
        agents::put(conn, &new, &[], &ada(1)).unwrap().value.1.id
    }

    #[test]
    fn a_channel_put_again_is_unchanged_unless_a_rejoin_is_asked_for() {
        let conn = database();
        let (echo, lab) = (echo(&conn), channel("chat-room:lab"));
        let put = |rejoin, revision| {
            put(&conn, &echo, &lab, rejoin, &ada(revision))
                .unwrap()
                .unwrap()
                .value
                .0
        };
        let stored = || agents::find(&conn, &echo).unwrap().unwrap();
        assert_eq!(put(false, 2), Change::Applied);
        assert_eq!((stored().revision, stored().channels[1].put), (2, 2));
        assert_eq!(put(false, 3), Change::Unchanged);
        assert_eq!(stored().revision, 2);
        assert_eq!(put(true, 4), Change::Applied);
        assert_eq!((stored().revision, stored().channels[1].put), (4, 4));
        let actions: Vec<_> = audit::since(&conn, 0, 9)
            .unwrap()
            .into_iter()
            .map(|entry| entry.action)
            .collect();
        assert_eq!(actions, ["put agent", "put channel", "rejoin channel"]);
    }

    #[test]
    fn a_list_written_in_part_keeps_the_order_of_one_written_whole() {
        let conn = database();
        let echo = echo(&conn);
        let mut revision = 1;
        let mut put_list = |names: &[&str]| {
            revision += 1;
            let mut new = NewAgent::new("echo", "loopback:echo").unwrap();
            for name in names {
                new = new.channel(*name).unwrap();
            }
            agents::put(&conn, &new, &[], &ada(revision)).unwrap();
            let row = agents::find(&conn, &echo).unwrap().unwrap();
            assert_eq!(
                row.channels
                    .iter()
                    .map(|channel| channel.id.as_str())
                    .collect::<Vec<_>>(),
                names
            );
        };
        put_list(&["chat-room:b", "chat-room:a"]);
        put_list(&["chat-room:b", "chat-room:a", "chat-room:c"]);
        put_list(&["chat-room:a", "chat-room:c", "chat-room:b"]);
        put_list(&["chat-room:a", "chat-room:b", "chat-room:0", "chat-room:d"]);
        put_list(&["chat-room:d", "chat-room:a"]);
        put(&conn, &echo, &channel("chat-room:e"), false, &ada(90)).unwrap();
        put(&conn, &echo, &channel("chat-room:0"), false, &ada(91)).unwrap();
        put_list(&["chat-room:d", "chat-room:a", "chat-room:e", "chat-room:0"]);
    }

    #[test]
    fn a_removed_channel_says_whether_it_had_been_announced() {
        let conn = database();
        let (echo, ops) = (echo(&conn), channel("chat-room:ops"));
        let key = agents::key(&conn, &echo).unwrap().unwrap();
        announce(&conn, key, &ops, true);
        let Removal::Done(done) = delete(&conn, &echo, &ops, &ada(2)).unwrap() else {
            panic!("it was there")
        };
        assert_eq!(
            done.effects,
            [Effect::ChannelRemoved {
                agent: key,
                channel: ops.clone(),
                announced: true
            }]
        );
        assert_eq!(agents::find(&conn, &echo).unwrap().unwrap().channels, []);
        assert_eq!(
            delete(&conn, &echo, &ops, &ada(3)).unwrap(),
            Removal::Absent
        );
        let nobody = AgentId::parse("nobody").unwrap();
        assert_eq!(
            delete(&conn, &nobody, &ops, &ada(3)).unwrap(),
            Removal::NoAgent
        );
        assert_eq!(put(&conn, &nobody, &ops, false, &ada(3)).unwrap(), None);
    }
}
