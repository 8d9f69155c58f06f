//! The state of the journal when it is opened, and the part of it that memory needs.

use super::first_id::{SHOWN_MAX, first_id};
use super::newest::newest;
use super::revisions;
use super::row::{NOTICE_COLUMNS, instant, read_notice, unreadable};
use super::said::{CHANGES, MESSAGES, Said};
use crate::database::{Reach, in_table};
use crate::error::Error;
use crate::hub::Span;
use crate::model::{AgentKey, ChannelId, ConversationKey, InstanceId, Record, Seq};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::sync::Arc;

/// Most records of the last window that are loaded into memory.
const WINDOW_ROWS: usize = 100_000;

/// The largest possible seq: half of the range, so that adding to one never overflows.
const SEQ_MAX: i64 = i64::MAX / 2;
/// The largest possible other counter: positions are made of revisions shifted by 20 bits.
const COUNTER_MAX: i64 = 1 << 42;

/// How the journal stands.
pub(crate) struct Opening {
    pub(crate) instance: InstanceId,
    /// The seq before the first of this instance.
    pub(crate) base: Seq,
    /// The first seq that was never used.
    pub(crate) next: Seq,
    /// The newest seq there is.
    pub(crate) head: Seq,
    /// The newest seq of a row. After a kill the numbers between this one and `head` were never
    /// used.
    pub(crate) last: Seq,
    pub(crate) revision: u64,
    /// The number of the last batch that was sealed with one.
    pub(crate) sealed: i64,
    /// When the last row was committed; none if this open made the database.
    pub(crate) recorded_until: Option<DateTime<Utc>>,
    /// 32 random bytes under which origin ids are made.
    pub(crate) key: [u8; 32],
    /// The spans that are open or ended within the window, with the last seq of their conversation.
    pub(crate) spans: HashMap<AgentKey, Vec<(Span, Seq)>>,
    /// What was committed within the window, oldest first, and the seq before the first of it.
    pub(crate) window: Vec<Arc<Record>>,
    pub(crate) floor: Seq,
    /// Conversations in which a change waits for a message that is not known.
    pub(crate) waiting: Vec<ConversationKey>,
}

/// Reads the state of the journal; creates the settings of a new database.
///
/// `fresh` says when a new instance begins. `lost` says how far the database reached before a loss
/// that was accepted; no number up to it is used again. `now` and `window` are in milliseconds.
pub(crate) fn open(
    connection: &Connection,
    fresh: Freshness,
    lost: Option<Reach>,
    now: i64,
    window: i64,
) -> rusqlite::Result<Opening> {
    let transaction = connection.unchecked_transaction()?;
    let is_new = create_settings(&transaction)?;
    let last = newest(&transaction).map_err(in_table("message, revision or notice"))?;
    let mut next = first_unused(&transaction, last, lost)?;
    if begins_run(&transaction, fresh)? || lost.is_some() || fresh.always || is_new {
        // The newest number, shown or not. It counts too much if the base of a lost database was
        // higher; then ids rise by more than they need to.
        let shown = next - 1 - counter(&transaction, "base", 0, next - 1)?;
        let first = first_id(shown, now, SHOWN_MAX);
        (_, next) = fresh_instance(&transaction, next - 1, first)?;
    }
    // Not the newest row: a reader may have been shown a row that was deleted since, and its cursor
    // must stay valid.
    let head: Seq = next - 1;
    let recorded_until = instant(newest_time(&transaction, now)?);
    let instance: String = setting(&transaction, "instance")?.unwrap_or_default();
    let key: Vec<u8> = setting(&transaction, "key")?.unwrap_or_default();
    let base: Seq = counter(&transaction, "base", 0, head)?;
    let revision = counter(&transaction, "revision", 0, COUNTER_MAX)?;
    let sealed = counter(&transaction, "sealed", 0, COUNTER_MAX)?;
    let (window, floor) = recent(&transaction, now - window, head.max(base), base)?;
    let opening = Opening {
        instance: InstanceId::parse(&instance).map_err(unreadable)?,
        base,
        next,
        head: head.max(base),
        last,
        revision: revision as u64,
        sealed,
        recorded_until: (!is_new).then_some(recorded_until),
        key: key
            .try_into()
            .map_err(|_| unreadable(Error::corrupt("the key has not 32 bytes")))?,
        spans: spans(&transaction, floor)?,
        window,
        floor,
        waiting: revisions::waiting(&transaction).map_err(in_table("revision"))?,
    };
    transaction.commit()?;
    Ok(opening)
}

/// Creates the settings of a new database; true if it is one.
fn create_settings(transaction: &Connection) -> rusqlite::Result<bool> {
    if setting::<i64>(transaction, "reserved")?.is_some() {
        return Ok(false);
    }
    transaction
        .execute("INSERT INTO setting VALUES ('key', randomblob(32)), ('reserved', 1), ('revision', 0), ('clean', 1)", [])?;
    transaction.execute(
        "INSERT INTO setting VALUES ('instance', ''), ('base', 0)",
        [],
    )?;
    Ok(true)
}

/// The first seq that was never used, also by commits that were lost. `last` is the newest seq of a
/// row.
fn first_unused(transaction: &Connection, last: Seq, lost: Option<Reach>) -> rusqlite::Result<Seq> {
    let reserved: Seq = counter(transaction, "reserved", 1, SEQ_MAX)?;
    // A row whose seq is still to be given out would displace the row that gets it.
    if last >= reserved {
        return Err(rusqlite::Error::IntegralValueOutOfRange(0, last))
            .map_err(in_table(table_of(transaction, last)?));
    }
    counter(transaction, "newest", 0, reserved - 1)?;
    if let Some(lost) = lost {
        lost.raise(transaction)?;
    }
    let next = reserved.max(lost.map_or(0, |lost| lost.newest).saturating_add(1));
    if next > reserved {
        reserve(transaction, next)?;
    }
    Ok(next)
}

/// Notes that a run begins; true if commits of the run before may be gone, by the durability of
/// that run.
fn begins_run(transaction: &Connection, fresh: Freshness) -> rusqlite::Result<bool> {
    let is_doubtful = match setting::<i64>(transaction, "clean")? {
        Some(CLEAN) => false,
        Some(IN_DOUBT) => true,
        _ => fresh.after_unclean,
    };
    let running = if fresh.after_unclean {
        IN_DOUBT
    } else {
        RUNNING
    };
    transaction.execute(
        "UPDATE setting SET value = ?1 WHERE name = 'clean'",
        [running],
    )?;
    Ok(is_doubtful)
}

/// The time of the row with the newest seq in either table, or 0. A row that was stamped while the
/// clock was ahead is skipped: a chat system asked for messages after such a time would return
/// none.
fn newest_time(transaction: &Connection, now: i64) -> rusqlite::Result<i64> {
    transaction.query_row(
        "SELECT max(coalesce((SELECT committed FROM message WHERE committed <= ?1 ORDER BY seq DESC LIMIT 1), 0),
                    coalesce((SELECT committed FROM revision WHERE committed <= ?1 ORDER BY seq DESC LIMIT 1), 0),
                    coalesce((SELECT committed FROM notice WHERE committed <= ?1 ORDER BY seq DESC LIMIT 1), 0))",
        [now],
        |row| row.get(0),
    )
}

/// When an open begins a new instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Freshness {
    /// At every open.
    pub(crate) always: bool,
    /// After an unclean end of the run that begins now: commits that it shows may be gone then.
    pub(crate) after_unclean: bool,
}

/// The value of the setting `clean` after an orderly end.
const CLEAN: i64 = 1;
/// Its value while a run is under way, or was killed, whose commits survive a power cut.
const RUNNING: i64 = 0;
/// Its value while a run is under way, or was killed, whose commits a power cut may undo.
const IN_DOUBT: i64 = 2;

fn setting<T: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<Option<T>> {
    connection
        .query_row("SELECT value FROM setting WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
}

/// A number of ours, `least` if it is not there.
fn counter(connection: &Connection, name: &str, least: i64, most: i64) -> rusqlite::Result<i64> {
    match setting(connection, name)?.unwrap_or(least) {
        number if (least..=most).contains(&number) => Ok(number),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    }
}

/// Which of the tables has that seq.
fn table_of(connection: &Connection, seq: Seq) -> rusqlite::Result<&'static str> {
    for table in ["message", "revision"] {
        let sql = format!("SELECT 1 FROM {table} WHERE seq = ?1");
        if connection.prepare(&sql)?.exists([seq])? {
            return Ok(table);
        }
    }
    Ok("notice")
}

/// Begins a new run of event ids: the counter leaps, so that the seq after `base` and `first` ids
/// is the next one. So `base` is both the offset of the ids and the seq before the run. Returns the
/// run's name and the next seq.
pub(super) fn fresh_instance(
    connection: &Connection,
    base: Seq,
    first: i64,
) -> rusqlite::Result<(InstanceId, Seq)> {
    let name: String =
        connection.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
    connection.execute(
        "UPDATE setting SET value = ?1 WHERE name = 'instance'",
        [&name],
    )?;
    connection.execute("UPDATE setting SET value = ?1 WHERE name = 'base'", [base])?;
    let next = base.saturating_add(first);
    reserve(connection, next)?;
    Ok((InstanceId::parse(&name).map_err(unreadable)?, next))
}

/// Notes that seqs from `next` on can be given out after a restart.
pub(super) fn reserve(connection: &Connection, next: Seq) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE setting SET value = ?1 WHERE name = 'reserved'")?
        .execute([next])
        .map(drop)
}

/// The records committed after `oldest`, read backwards from the newest, never below `base`; and
/// the floor above which they are complete.
fn recent(
    connection: &Connection,
    oldest: i64,
    head: Seq,
    base: Seq,
) -> rusqlite::Result<(Vec<Arc<Record>>, Seq)> {
    let mut found: Vec<Record> = Vec::new();
    for said in [MESSAGES, CHANGES] {
        recent_in_rooms(connection, oldest, base, &said, &mut found)
            .map_err(in_table(said.table))?;
    }
    recent_notices(connection, oldest, base, &mut found).map_err(in_table("notice"))?;
    found.sort_unstable_by_key(|record| record.seq);
    // Above the floor nothing may be missing: the floor lies below the oldest record found only if
    // no newer one was left out.
    let Some(first) = found.first() else {
        return Ok((Vec::new(), head));
    };
    let left_out: Seq = connection.query_row(
        "SELECT max(coalesce((SELECT max(seq) FROM message WHERE seq > ?1 AND seq < ?2 AND committed <= ?3), 0),
                    coalesce((SELECT max(seq) FROM revision WHERE seq > ?1 AND seq < ?2 AND committed <= ?3), 0),
                    coalesce((SELECT max(seq) FROM notice WHERE seq > ?1 AND seq < ?2 AND committed <= ?3), 0))",
        params![first.seq, head + 1, oldest],
        |row| row.get(0),
    )?;
    let floor = left_out.max(first.seq - 1);
    found.retain(|record| record.seq > floor);
    Ok((found.into_iter().map(Arc::new).collect(), floor))
}

/// The rows of a table that were committed after `oldest`, newest first, never below `base`.
fn recent_in_rooms(
    connection: &Connection,
    oldest: i64,
    base: Seq,
    Said {
        table,
        columns,
        committed,
        read,
        ..
    }: &Said,
    found: &mut Vec<Record>,
) -> rusqlite::Result<()> {
    let sql = format!("SELECT {columns} FROM {table} WHERE seq > ?1 ORDER BY seq DESC");
    let most = found.len() + WINDOW_ROWS;
    let mut channels: HashMap<i64, ChannelId> = HashMap::new();
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([base])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(*committed)? <= oldest || found.len() >= most {
            break;
        }
        let conversation: i64 = row.get(1)?;
        let channel = match channels.get(&conversation) {
            Some(channel) => channel.clone(),
            None => {
                let channel = channel_of(connection, ConversationKey(conversation))?;
                channels.insert(conversation, channel.clone());
                channel
            }
        };
        found.push(read(row, &channel)?);
    }
    Ok(())
}

fn recent_notices(
    connection: &Connection,
    oldest: i64,
    base: Seq,
    found: &mut Vec<Record>,
) -> rusqlite::Result<()> {
    let mut notices = connection.prepare(&format!(
        "SELECT {NOTICE_COLUMNS} FROM notice WHERE seq > ?1 ORDER BY seq DESC"
    ))?;
    let mut rows = notices.query([base])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(2)? <= oldest || found.len() >= 3 * WINDOW_ROWS {
            break;
        }
        found.push(read_notice(row)?);
    }
    Ok(())
}

pub(super) fn channel_of(
    connection: &Connection,
    key: ConversationKey,
) -> rusqlite::Result<ChannelId> {
    let channel: rusqlite::Result<String> = connection
        .prepare_cached("SELECT channel FROM conversation WHERE key = ?1")?
        .query_row([key.0], |row| row.get(0));
    channel
        .and_then(|channel| ChannelId::parse(&channel).map_err(unreadable))
        .map_err(in_table("conversation"))
}

fn spans(
    connection: &Connection,
    floor: Seq,
) -> rusqlite::Result<HashMap<AgentKey, Vec<(Span, Seq)>>> {
    let last = last_of_each(connection).map_err(in_table("conversation"))?;
    memberships(connection, floor, &last).map_err(in_table("membership"))
}

/// The newest seq of each conversation.
fn last_of_each(connection: &Connection) -> rusqlite::Result<HashMap<i64, Seq>> {
    let mut statement = connection
        .prepare(
        "SELECT key, max(coalesce((SELECT max(seq) FROM message WHERE conversation = key), 0),
                         coalesce((SELECT max(seq) FROM revision WHERE conversation = key), 0)) FROM conversation",
    )?;
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn memberships(
    connection: &Connection,
    floor: Seq,
    last: &HashMap<i64, Seq>,
) -> rusqlite::Result<HashMap<AgentKey, Vec<(Span, Seq)>>> {
    let mut statement = connection.prepare(
        "SELECT agent, conversation, since, until FROM membership
         WHERE until IS NULL OR until > ?1
         ORDER BY agent",
    )?;
    let mut rows = statement.query([floor])?;
    let mut spans: HashMap<AgentKey, Vec<(Span, Seq)>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let conversation: i64 = row.get(1)?;
        let span = Span {
            conversation: ConversationKey(conversation),
            since: row.get(2)?,
            until: row.get::<_, Option<Seq>>(3)?.unwrap_or(Seq::MAX),
        };
        let newest = last.get(&conversation).copied().unwrap_or(0);
        spans
            .entry(AgentKey(row.get(0)?))
            .or_default()
            .push((span, newest));
    }
    Ok(spans)
}
