//! Conversations and the spans of agents in them, in SQL.

use crate::hub::{Span, SpanChange};
use crate::model::{AgentKey, ChannelId, ConversationKey, Place, ResumePoint, Seq};
use rusqlite::{Connection, OptionalExtension, params};

/// How `conversation.agent` tells a shared room.
fn owner(place: &Place) -> i64 {
    place.agent.map_or(0, |agent| agent.0)
}

pub(super) fn conversation(
    connection: &Connection,
    place: &Place,
) -> rusqlite::Result<Option<ConversationKey>> {
    connection
        .prepare_cached(
            "SELECT key FROM conversation WHERE network = ?1 AND channel = ?2 AND agent = ?3",
        )?
        .query_row(
            params![place.network.as_str(), place.channel.as_str(), owner(place)],
            |row| row.get(0).map(ConversationKey),
        )
        .optional()
}

pub(super) fn create_conversation(
    connection: &Connection,
    place: &Place,
) -> rusqlite::Result<ConversationKey> {
    connection
        .prepare_cached("INSERT INTO conversation (network, channel, agent) VALUES (?1, ?2, ?3)")?
        .execute(params![
            place.network.as_str(),
            place.channel.as_str(),
            owner(place)
        ])?;
    Ok(ConversationKey(connection.last_insert_rowid()))
}

pub(super) fn set_resume(
    connection: &Connection,
    key: ConversationKey,
    point: &ResumePoint,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE conversation SET resume = ?2 WHERE key = ?1")?
        .execute(params![key.0, point.as_str()])
        .map(drop)
}

/// Whether `agent` is still to be in `channel`: an administrator wants it, or it is an open contact.
pub(super) fn is_wanted(
    connection: &Connection,
    agent: AgentKey,
    channel: &ChannelId,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM agent_channel WHERE agent = ?1 AND channel = ?2
             UNION ALL SELECT 1 FROM open_contact WHERE agent = ?1 AND channel = ?2",
        )?
        .exists(params![agent.0, channel.as_str()])
}

/// Stores whether a channel is announced as active; true if that is a change.
pub(super) fn announce(
    connection: &Connection,
    agent: AgentKey,
    channel: &ChannelId,
    active: bool,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "UPDATE agent_channel SET announced = ?3
             WHERE agent = ?1 AND channel = ?2 AND announced <> ?3",
        )?
        .execute(params![agent.0, channel.as_str(), active])
        .map(|changed| changed > 0)
}

/// Begins a span after `since`, unless one is open.
pub(super) fn open(
    connection: &Connection,
    agent: AgentKey,
    conversation: ConversationKey,
    since: Seq,
) -> rusqlite::Result<Option<SpanChange>> {
    let lasts = connection
        .prepare_cached(
            "SELECT 1 FROM membership WHERE agent = ?1 AND conversation = ?2 AND until IS NULL",
        )?
        .exists(params![agent.0, conversation.0])?;
    if lasts {
        return Ok(None);
    }
    connection
        .prepare_cached(
            "INSERT INTO membership (agent, conversation, since) VALUES (?1, ?2, ?3)
             ON CONFLICT (agent, conversation, since) DO UPDATE SET until = NULL",
        )?
        .execute(params![agent.0, conversation.0, since])?;
    Ok(Some(SpanChange::Opened {
        agent,
        span: Span::open(conversation, since),
    }))
}

/// Ends the spans of `agent` in conversations named `channel`, except in `kept`.
pub(super) fn close(
    connection: &Connection,
    agent: AgentKey,
    channel: &ChannelId,
    kept: Option<ConversationKey>,
    until: Seq,
) -> rusqlite::Result<Vec<SpanChange>> {
    let open: Vec<i64> = connection
        .prepare_cached(
            // By name first, on each network in turn: an agent with 40,000 channels is not searched
            // for one of them.
            "WITH RECURSIVE known (network) AS (
               SELECT min(network) FROM conversation
               UNION ALL
               SELECT (SELECT min(network) FROM conversation WHERE network > known.network)
                 FROM known WHERE network IS NOT NULL)
             SELECT m.conversation
               FROM known
              CROSS JOIN conversation c ON c.network = known.network AND c.channel = ?2 AND c.agent IN (0, ?1)
              CROSS JOIN membership m ON m.agent = ?1 AND m.conversation = c.key
              WHERE m.until IS NULL",
        )?
        .query_map(params![agent.0, channel.as_str()], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut closed = Vec::new();
    for key in open
        .into_iter()
        .map(ConversationKey)
        .filter(|key| Some(*key) != kept)
    {
        // A span in which nothing was said is deleted: an agent that is put out and let in a
        // thousand times has one row.
        let held = connection
            .prepare_cached(
                "UPDATE membership
                    SET until = ?3,
                        dropped = (SELECT iif(dropped_through > membership.since, min(dropped_through, ?3), 0)
                                     FROM conversation WHERE key = ?2)
                  WHERE agent = ?1 AND conversation = ?2 AND until IS NULL
                    AND (EXISTS (SELECT 1 FROM message WHERE conversation = ?2 AND seq > membership.since)
                         OR EXISTS (SELECT 1 FROM revision WHERE conversation = ?2 AND seq > membership.since)
                         OR (SELECT max(dropped_through, changes_dropped) FROM conversation WHERE key = ?2)
                            > membership.since)",
            )?
            .execute(params![agent.0, key.0, until])?;
        if held == 0 {
            connection
                .prepare_cached("DELETE FROM membership WHERE agent = ?1 AND conversation = ?2 AND until IS NULL")?
                .execute([agent.0, key.0])?;
        }
        closed.push(SpanChange::Closed {
            agent,
            conversation: key,
            until,
        });
    }
    Ok(closed)
}
