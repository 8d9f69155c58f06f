//! An agent's events from SQLite: its notices and the messages of its spans, merged by seq.

use super::opening::channel_of;
use super::row::{MESSAGE_COLUMNS, NOTICE_COLUMNS, read_message, read_notice};
use crate::hub::{Page, Span};
use crate::model::{AgentKey, ChannelId, ConversationKey, Record, Seq};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::sync::Arc;

/// What `agent` may see after `after`, at most `limit` records, and whether something of it was dropped above
/// `after`. `quiet` may name conversations in which nothing was said since: they are not asked.
pub(crate) fn page(
    connection: &Connection,
    agent: AgentKey,
    after: Seq,
    limit: usize,
    quiet: &dyn Fn(ConversationKey) -> bool,
) -> rusqlite::Result<(Page, bool)> {
    let head = head(connection)?;
    let (stays, mut gap) = stays(connection, agent, after)?;
    let dropped: Option<Seq> = connection
        .prepare_cached("SELECT dropped FROM agent WHERE key = ?1")?
        .query_row([agent.0], |row| row.get(0))
        .optional()?;
    gap |= dropped.is_some_and(|dropped| dropped > after);
    let mut records: Vec<Record> = Vec::new();
    for (span, channel) in stays.iter().filter(|(span, _)| !quiet(span.conversation)) {
        messages(connection, span, channel, after, limit, &mut records)?;
    }
    let sql = format!("SELECT {NOTICE_COLUMNS} FROM notice WHERE agent = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    for record in statement.query_map(params![agent.0, after, limit as i64], read_notice)? {
        records.push(record?);
    }
    records.sort_unstable_by_key(|record| record.seq);
    let full = records.len() >= limit;
    records.truncate(limit);
    let scanned = if full { records.last().map_or(head, |last| last.seq) } else { head.max(after) };
    Ok((Page { records: records.into_iter().map(Arc::new).collect(), scanned }, gap))
}

fn head(connection: &Connection) -> rusqlite::Result<Seq> {
    connection
        .prepare_cached("SELECT max(coalesce((SELECT max(seq) FROM message), 0), coalesce((SELECT max(seq) FROM notice), 0))")?
        .query_row([], |row| row.get(0))
}

/// The spans that reach above `after`, and whether retention dropped something in one of them above it.
fn stays(connection: &Connection, agent: AgentKey, after: Seq) -> rusqlite::Result<(Vec<(Span, ChannelId)>, bool)> {
    let mut statement = connection.prepare_cached(
        "SELECT m.conversation, m.since, m.until, m.dropped, c.dropped_through, c.channel
         FROM membership m JOIN conversation c ON c.key = m.conversation
         WHERE m.agent = ?1 AND (m.until IS NULL OR m.until > ?2)",
    )?;
    let mut rows = statement.query(params![agent.0, after])?;
    let mut found = Vec::new();
    let mut gap = false;
    while let Some(row) = rows.next()? {
        let until: Option<Seq> = row.get(2)?;
        let since: Seq = row.get(1)?;
        let dropped: Seq = if until.is_none() { row.get(4)? } else { row.get(3)? };
        gap |= dropped > after.max(since);
        let span = Span { conversation: ConversationKey(row.get(0)?), since, until: until.unwrap_or(Seq::MAX) };
        let channel = ChannelId::parse(&row.get::<_, String>(5)?).map_err(super::row::unreadable)?;
        found.push((span, channel));
    }
    Ok((found, gap))
}

fn messages(
    connection: &Connection,
    span: &Span,
    channel: &ChannelId,
    after: Seq,
    limit: usize,
    records: &mut Vec<Record>,
) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM message
         WHERE conversation = ?1 AND seq > ?2 AND seq <= ?3
         ORDER BY seq LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![span.conversation.0, after.max(span.since), span.until, limit as i64], |row| {
        read_message(row, channel)
    })?;
    for record in rows {
        records.push(record?);
    }
    Ok(())
}

/// Everything recorded after `after`, whoever it concerns: what a subscriber that fell behind is given.
pub(crate) fn everything_after(connection: &Connection, after: Seq, limit: usize) -> rusqlite::Result<Vec<Arc<Record>>> {
    let mut channels: HashMap<i64, ChannelId> = HashMap::new();
    let mut records: Vec<Record> = Vec::new();
    let sql = format!("SELECT {MESSAGE_COLUMNS} FROM message WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![after, limit as i64])?;
    while let Some(row) = rows.next()? {
        let conversation: i64 = row.get(1)?;
        let channel = match channels.get(&conversation) {
            Some(channel) => channel.clone(),
            None => channel_of(connection, ConversationKey(conversation))?,
        };
        records.push(read_message(row, &channel)?);
        channels.insert(conversation, channel);
    }
    drop(rows);
    let sql = format!("SELECT {NOTICE_COLUMNS} FROM notice WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    for record in statement.query_map(params![after, limit as i64], read_notice)? {
        records.push(record?);
    }
    records.sort_unstable_by_key(|record| record.seq);
    records.truncate(limit);
    Ok(records.into_iter().map(Arc::new).collect())
}
