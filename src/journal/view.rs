//! An agent's events from SQLite: its notices, and the messages of its spans and their changes,
//! merged by seq.
//!
//! A page is bounded in rows and bytes while it is read, over all spans together. Rejected: a limit
//! for each span and one cut at the end, because an agent with a thousand channels read a thousand
//! pages to return one.

use super::opening::channel_of;
use super::row::{NOTICE_COLUMNS, read_notice};
use super::said::{CHANGES, MESSAGES, Said};
use crate::hub::{Hub, Page, Span};
use crate::model::{AgentKey, ChannelId, ConversationKey, Record, Seq};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Bytes that a page holds, roughly; one record at least.
const BYTES: usize = 1 << 20;

/// Collects the oldest of the records that it is given, as many as fit in a page.
struct Oldest {
    /// With what each weighs.
    records: BTreeMap<Seq, (usize, Record)>,
    limit: usize,
    bytes: usize,
    /// What lies above has no room.
    through: Seq,
}

impl Oldest {
    fn new(limit: usize) -> Oldest {
        Oldest {
            records: BTreeMap::new(),
            limit,
            bytes: 0,
            through: Seq::MAX,
        }
    }

    /// Keeps `record` if there is room; false if there is none for any newer record.
    fn keep(&mut self, record: Record) -> bool {
        let seq = record.seq;
        if seq > self.through {
            return false;
        }
        let weight = record.weight();
        self.bytes += weight;
        self.records.insert(seq, (weight, record));
        while self.records.len() > 1 && (self.records.len() > self.limit || self.bytes > BYTES) {
            let Some((newest, (weight, _))) = self.records.pop_last() else {
                break;
            };
            self.bytes -= weight;
            self.through = newest.saturating_sub(1);
        }
        seq <= self.through
    }

    fn is_full(&self) -> bool {
        self.records.len() >= self.limit || self.through < Seq::MAX
    }
}

/// Reads a [`page`] for `agent`, with changes of messages if `changes`. A page that is not full reaches up to the hub's present head.
pub(crate) fn read_page(
    hub: Arc<Hub>,
    agent: AgentKey,
    after: Seq,
    limit: usize,
    changes: bool,
) -> impl FnOnce(&Connection) -> rusqlite::Result<(Page, bool)> + Send + Unpin {
    // Everything up to the head is committed. The newest row may lie below it, because rows are
    // deleted: a reader that stayed at that row would be served from the disk for ever.
    let head = hub.head();
    move |connection| {
        let quiet = |conversation| hub.is_quiet(conversation, after);
        let (mut page, gap) = page(connection, agent, after, (limit, changes), &quiet)?;
        // Not by the number of rows: a page that was cut by its bytes has few rows, and the rest
        // must still come.
        if !page.full {
            page.scanned = page.scanned.max(head);
        }
        Ok((page, gap))
    }
}

/// What `agent` may see after `after`, at most `limit` records, and whether something of it above
/// `after` was dropped. `quiet` tells conversations without newer messages, which are skipped.
fn page(
    connection: &Connection,
    agent: AgentKey,
    after: Seq,
    (limit, changes): (usize, bool),
    quiet: &dyn Fn(ConversationKey) -> bool,
) -> rusqlite::Result<(Page, bool)> {
    let head = head(connection)?;
    let (stays, mut gap) = stays(connection, agent, after, changes)?;
    let dropped: Option<(Seq, Seq)> = connection
        .prepare_cached("SELECT dropped, changes_dropped FROM agent WHERE key = ?1")?
        .query_row([agent.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    gap |= dropped.is_some_and(|(rows, changed)| rows > after || (changes && changed > after));
    let mut oldest = Oldest::new(limit);
    for (span, channel) in stays.iter().filter(|(span, _)| !quiet(span.conversation)) {
        said(connection, span, channel, after, &MESSAGES, &mut oldest)?;
        if changes {
            said(connection, span, channel, after, &CHANGES, &mut oldest)?;
        }
    }
    let sql = format!(
        "SELECT {NOTICE_COLUMNS} FROM notice WHERE agent = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for record in statement.query_map(params![agent.0, after, limit as i64], read_notice)? {
        if !oldest.keep(record?) {
            break;
        }
    }
    let full = oldest.is_full();
    let records: Vec<Arc<Record>> = oldest
        .records
        .into_values()
        .map(|(_, record)| Arc::new(record))
        .collect();
    let scanned = if full {
        records.last().map_or(head, |last| last.seq)
    } else {
        head.max(after)
    };
    Ok((
        Page {
            records,
            scanned,
            full,
        },
        gap,
    ))
}

fn head(connection: &Connection) -> rusqlite::Result<Seq> {
    connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(seq) FROM message), 0), coalesce((SELECT max(seq) FROM revision), 0),
                        coalesce((SELECT max(seq) FROM notice), 0))",
        )?
        .query_row([], |row| row.get(0))
}

/// The spans that reach above `after`, and whether retention dropped a message of them above it.
fn stays(
    connection: &Connection,
    agent: AgentKey,
    after: Seq,
    changes: bool,
) -> rusqlite::Result<(Vec<(Span, ChannelId)>, bool)> {
    let mut statement = connection.prepare_cached(
        "SELECT m.conversation, m.since, m.until, m.dropped, c.dropped_through, c.channel, c.changes_dropped
         FROM membership m JOIN conversation c ON c.key = m.conversation
         WHERE m.agent = ?1 AND (m.until IS NULL OR m.until > ?2)",
    )?;
    let mut rows = statement.query(params![agent.0, after])?;
    let mut found = Vec::new();
    let mut gap = false;
    while let Some(row) = rows.next()? {
        let until: Option<Seq> = row.get(2)?;
        let since: Seq = row.get(1)?;
        let dropped: Seq = if until.is_none() {
            row.get(4)?
        } else {
            row.get(3)?
        };
        gap |= dropped > after.max(since);
        if changes {
            let dropped: Seq = row.get(6)?;
            gap |= dropped.min(until.unwrap_or(Seq::MAX)) > after.max(since);
        }
        let span = Span {
            conversation: ConversationKey(row.get(0)?),
            since,
            until: until.unwrap_or(Seq::MAX),
        };
        let channel =
            ChannelId::parse(&row.get::<_, String>(5)?).map_err(super::row::unreadable)?;
        found.push((span, channel));
    }
    Ok((found, gap))
}

fn said(
    connection: &Connection,
    span: &Span,
    channel: &ChannelId,
    after: Seq,
    Said {
        table,
        columns,
        read,
        ..
    }: &Said,
    oldest: &mut Oldest,
) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {columns} FROM {table}
         WHERE conversation = ?1 AND seq > ?2 AND seq <= ?3
         ORDER BY seq LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let (from, until) = (after.max(span.since), span.until.min(oldest.through));
    let rows = statement.query_map(
        params![span.conversation.0, from, until, oldest.limit as i64],
        |row| read(row, channel),
    )?;
    for record in rows {
        if !oldest.keep(record?) {
            break;
        }
    }
    Ok(())
}

/// Everything recorded after `after`, as much as fits in a page, and whether there may be more: for
/// a subscriber that fell behind.
pub(crate) fn everything_after(
    connection: &Connection,
    after: Seq,
    limit: usize,
) -> rusqlite::Result<(Vec<Arc<Record>>, bool)> {
    let mut channels: HashMap<i64, ChannelId> = HashMap::new();
    let mut oldest = Oldest::new(limit);
    for Said {
        table,
        columns,
        read,
        ..
    } in [MESSAGES, CHANGES]
    {
        let sql = format!("SELECT {columns} FROM {table} WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, limit as i64])?;
        while let Some(row) = rows.next()? {
            let conversation: i64 = row.get(1)?;
            let channel = match channels.get(&conversation) {
                Some(channel) => channel.clone(),
                None => channel_of(connection, ConversationKey(conversation))?,
            };
            let record = read(row, &channel)?;
            channels.insert(conversation, channel);
            if !oldest.keep(record) {
                break;
            }
        }
    }
    let sql = format!("SELECT {NOTICE_COLUMNS} FROM notice WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    for record in statement.query_map(params![after, limit as i64], read_notice)? {
        if !oldest.keep(record?) {
            break;
        }
    }
    let full = oldest.is_full();
    Ok((
        oldest
            .records
            .into_values()
            .map(|(_, record)| Arc::new(record))
            .collect(),
        full,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::What;

    fn notice(seq: Seq, bytes: usize) -> Record {
        let what = What::MetaData {
            agent: AgentKey(1),
            key: "k".into(),
            value: Some("x".repeat(bytes)),
        };
        Record {
            seq,
            committed: 0,
            what,
        }
    }

    #[test]
    fn a_page_holds_the_oldest_of_all_spans_and_never_more_than_its_bounds() {
        let mut oldest = Oldest::new(100);
        let mut asked = 0;
        for span in 0..50 {
            for row in 0..100 {
                asked += 1;
                if !oldest.keep(notice(1 + row * 50 + span, 10)) {
                    break;
                }
                assert!(oldest.records.len() <= 100);
            }
        }
        assert!(oldest.is_full());
        assert!(
            oldest.records.keys().copied().eq(1..=100),
            "{:?}",
            oldest.records.keys()
        );
        assert!(asked < 600, "{asked} rows of 5,000 were read for 100");
    }

    #[test]
    fn what_a_subscriber_is_given_is_bounded_in_bytes_and_nothing_is_left_out() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(include_str!("../../schema.sql"))
            .unwrap();
        let conversation = "INSERT INTO conversation (key, network, channel, agent) VALUES (1, 'loopback', 'chat-room:ops', 0)";
        connection.execute(conversation, []).unwrap();
        let text = "x".repeat(100 << 10);
        for seq in 1..=64 {
            let message = "INSERT INTO message (seq, conversation, message_id, sender, time, committed, alert, transfer, text)
                           VALUES (?1, 1, 'm' || ?1, 'lene', 0, 0, 0, 0, ?2)";
            let notice = "INSERT INTO notice (seq, agent, committed, kind, name, value) VALUES (?1, 1, 0, 1, 'k', ?2)";
            connection
                .execute(
                    if seq % 3 == 0 { notice } else { message },
                    params![seq, text],
                )
                .unwrap();
        }
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let (records, more) = everything_after(&connection, after, 64).unwrap();
            assert!(records.iter().map(|record| record.weight()).sum::<usize>() <= BYTES);
            seen.extend(records.iter().map(|record| record.seq));
            after = seen.last().copied().unwrap();
            if !more {
                break;
            }
        }
        assert!(seen.into_iter().eq(1..=64));
    }

    #[test]
    fn a_page_is_bounded_in_bytes_and_has_one_record_at_least() {
        let mut oldest = Oldest::new(100);
        for seq in 1..=100 {
            oldest.keep(notice(seq, 100 << 10));
        }
        assert!(oldest.bytes <= BYTES && oldest.is_full());
        assert!(oldest.records.keys().copied().eq(1..=oldest.through));
        let mut one = Oldest::new(100);
        one.keep(notice(1, 2 * BYTES));
        assert!(!one.keep(notice(2, 1)));
        assert_eq!(one.records.len(), 1);
    }
}
