//! What the journal knows of one conversation: its messages, its resume point, the posts of the
//! last minute.

use super::row::{MESSAGE_COLUMNS, read_message, unreadable};
use super::spans::conversation;
use crate::database::in_table;
use crate::model::{AgentKey, ChannelId, ContentDigest, OriginId, Place, Record, ResumePoint, Seq};
use rusqlite::{Connection, OptionalExtension, params};

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
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS}, posted FROM message WHERE conversation = ?1 AND origin_id = ?2"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(params![key.0, origin.as_str()], |row| {
            let digest = row.get::<_, Option<[u8; 16]>>("posted")?;
            Ok((
                read_message(row, &place.channel)?,
                digest.map(ContentDigest),
            ))
        })
        .optional()
}

/// Posts of our agents that were committed after `oldest` (milliseconds): agent, channel and time,
/// for rebuilding throttles.
pub(crate) fn recent_posts(
    connection: &Connection,
    oldest: i64,
) -> rusqlite::Result<Vec<(AgentKey, ChannelId, i64)>> {
    let mut statement = connection.prepare(
        "SELECT m.sender_agent, c.channel, m.committed, m.transfer FROM message m
         JOIN conversation c ON c.key = m.conversation
         ORDER BY m.seq DESC",
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
