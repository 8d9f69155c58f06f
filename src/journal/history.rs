//! What the journal knows of one conversation: its messages, its resume point, the posts of the
//! last minute.

use super::row::{MESSAGE_COLUMNS, read_message, unreadable};
use super::said::{CHANGES, MESSAGES, Said};
use super::spans::conversation;
use crate::database::in_table;
use crate::model::{
    AgentKey, ChannelId, ContentDigest, MessageId, OriginId, Place, Record, ResumePoint, Seq,
    Target, What,
};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// The newest `take` messages of `place`, oldest first, with at most `bytes` in an answer but at
/// least one message. With `before`, only messages older than that one; a `before` that was never
/// issued there finds none (§messages/history).
pub(crate) fn history(
    connection: &Connection,
    place: &Place,
    before: Option<&str>,
    take: usize,
    mut bytes: usize,
) -> rusqlite::Result<Vec<Record>> {
    let Some(key) = conversation(connection, place)? else {
        return Ok(Vec::new());
    };
    let below: Seq = match before {
        None => Seq::MAX,
        Some(id) => {
            let found: Option<Seq> = connection
                .prepare_cached(
                    "SELECT seq FROM message WHERE conversation = ?1 AND message_id = ?2",
                )?
                .query_row(params![key.0, id], |row| row.get(0))
                .optional()?;
            match found {
                Some(seq) => seq,
                None => return Ok(Vec::new()),
            }
        }
    };
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM message
         WHERE conversation = ?1 AND seq < ?2
         ORDER BY seq DESC LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for record in statement.query_map(params![key.0, below, take as i64], |row| {
        read_message(row, &place.channel)
    })? {
        let record = record?;
        let weight = record.encoded_bytes();
        if weight > bytes && !found.is_empty() {
            break;
        }
        bytes = bytes.saturating_sub(weight);
        found.push(record);
    }
    found.reverse();
    Ok(found)
}

/// Where the backend is to go on in `place`.
pub(crate) fn resume(
    connection: &Connection,
    place: &Place,
) -> rusqlite::Result<Option<ResumePoint>> {
    let point: Option<Option<String>> = connection
        .prepare_cached(
            "SELECT resume FROM conversation WHERE network = ?1 AND channel = ?2 AND agent = ?3",
        )?
        .query_row(
            params![
                place.network.as_str(),
                place.channel.as_str(),
                place.agent.map_or(0, |agent| agent.0)
            ],
            |row| row.get(0),
        )
        .optional()?;
    point
        .flatten()
        .map(|text| ResumePoint::parse(&text).map_err(unreadable))
        .transpose()
}

/// The row of a post of ours, and the digest of what was posted, if it is known.
pub(crate) fn find_origin(
    connection: &Connection,
    place: &Place,
    origin: &OriginId,
) -> rusqlite::Result<Option<(Record, Option<ContentDigest>)>> {
    let Some(key) = conversation(connection, place)? else {
        return Ok(None);
    };
    for Said {
        table,
        columns,
        read,
        ..
    } in [MESSAGES, CHANGES]
    {
        let sql = format!(
            "SELECT {columns}, posted FROM {table} WHERE conversation = ?1 AND origin_id = ?2"
        );
        let found = connection
            .prepare_cached(&sql)?
            .query_row(params![key.0, origin.as_str()], |row| {
                let digest = row.get::<_, Option<[u8; 16]>>("posted")?;
                Ok((read(row, &place.channel)?, digest.map(ContentDigest)))
            })
            .optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The message of `place` that has that id.
pub(crate) fn find_message(
    connection: &Connection,
    place: &Place,
    id: &MessageId,
) -> rusqlite::Result<Option<Record>> {
    let Some(key) = conversation(connection, place)? else {
        return Ok(None);
    };
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM message WHERE conversation = ?1 AND message_id = ?2"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(params![key.0, id.as_str()], |row| {
            read_message(row, &place.channel)
        })
        .optional()
}

/// The message of `place` that has that id, as a connector has to name it.
pub(crate) fn target(
    connection: &Connection,
    place: &Place,
    id: &MessageId,
) -> rusqlite::Result<Option<Target>> {
    let Some(key) = conversation(connection, place)? else {
        return Ok(None);
    };
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS}, sender_id, origin_id FROM message
         WHERE conversation = ?1 AND message_id = ?2"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(params![key.0, id.as_str()], |row| {
            let record = read_message(row, &place.channel)?;
            let mut target = Target::new(id.clone());
            target.sender_id = row.get("sender_id")?;
            let origin: Option<String> = row.get("origin_id")?;
            target.origin = origin.and_then(|origin| OriginId::parse(&origin).ok());
            if let What::Message {
                message,
                sender_agent,
                ..
            } = record.what
            {
                target.is_retracted = message.retracted.is_some();
                target.sender_agent = sender_agent;
                let message = Arc::unwrap_or_clone(message);
                target.sender = Some(message.sender);
                target.sender_alias = message.sender_alias;
                target.text = message.text;
                target.thread = message.content.thread;
            }
            Ok(target)
        })
        .optional()
}

/// Posts, edits and reactions of our agents that were committed after `oldest` (milliseconds): agent,
/// channel and time, for rebuilding throttles.
pub(crate) fn recent_posts(
    connection: &Connection,
    oldest: i64,
) -> rusqlite::Result<Vec<(AgentKey, ChannelId, i64)>> {
    let mut statement = connection.prepare(
        "SELECT m.sender_agent, c.channel, m.committed, m.transfer, m.seq AS seq FROM message m
           JOIN conversation c ON c.key = m.conversation
         UNION ALL
         SELECT r.sender_agent, c.channel, r.committed, r.kind NOT IN (1, 3), r.seq FROM revision r
           JOIN conversation c ON c.key = r.conversation
         ORDER BY seq DESC",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let committed: i64 = row.get(2)?;
        if committed <= oldest {
            break;
        }
        let (agent, transfer): (Option<i64>, bool) = (row.get(0)?, row.get(3)?);
        if let (Some(agent), false) = (agent, transfer) {
            let channel = ChannelId::parse(&row.get::<_, String>(1)?)
                .map_err(unreadable)
                .map_err(in_table("conversation"))?;
            found.push((AgentKey(agent), channel, committed));
        }
    }
    found.reverse();
    Ok(found)
}
