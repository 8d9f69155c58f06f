//! Retention in slices: rows above an age are deleted, oldest first, and above a size those of the
//! largest user.
//!
//! Above the size, the oldest rows of all would be the wrong choice: whoever writes most would
//! empty everybody's conversations, with posts, metadata or changes of a channel (twelve changes of
//! 1 MB did so in 240 ms at a limit of 20 MiB). So each user displaces its own rows first. Every
//! conversation keeps a minimum of its newest messages while there is room for all minimums; the
//! minimum shrinks before the limit is exceeded. Provisioned data and the audit cannot displace
//! messages: no message is dropped below half of the limit, and the audit has a share of its own.
//!
//! A loss is noted where a reader will ask for it: in the conversation while a span is open, in the
//! span once it has ended, and in the agent for notices and for spans of which nothing is left. So
//! a gap is a fact (`gap`) that only the affected agent is told.

use super::archive::Archive;
use super::usage::{Heap, MESSAGE_BYTES, NOTICE_BYTES, REVISION_BYTES, Usage, size};
use crate::database::{Ages, Dated};
use crate::model::Seq;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rows dropped in one step.
const STEP: usize = 100;
/// How long one slice takes, without its last step and its commit.
const SLICE: Duration = Duration::from_millis(3);
/// Milliseconds between two looks when nothing is due.
const PAUSE: i64 = 1000;
/// Bytes that a conversation keeps at most when others are larger.
const MINIMUM: u64 = 256 << 10;

/// How long and how much is kept.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    /// Messages and notices older than this are deleted; `None`: never.
    pub(crate) age: Option<Duration>,
    /// Above this size of the database, in bytes, rows of the largest users are deleted; `None`:
    /// never.
    pub(crate) bytes: Option<u64>,
    looked: i64,
    usage: Usage,
    audit: Archive,
    /// The share that is dropped from now, and how many bytes of it before the largest share is
    /// determined again.
    victim: Option<(Heap, u64)>,
    /// How many bytes a conversation keeps now; `None`: as many as there is room for.
    minimum: Option<u64>,
}

/// A row to be dropped.
struct Doomed {
    seq: Seq,
    heap: Heap,
    bytes: u64,
}

impl Retention {
    pub(crate) fn new(age: Option<Duration>, bytes: Option<u64>) -> Retention {
        Retention {
            age,
            bytes,
            looked: i64::MIN,
            ..Retention::default()
        }
    }

    /// Whether it is time to look.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        now < self.looked || now >= self.looked.saturating_add(PAUSE)
    }

    /// Drops one slice if something is due, inside the writer's transaction; true if more may be.
    pub(crate) fn slice(&mut self, transaction: &Connection, now: i64) -> rusqlite::Result<bool> {
        let began = Instant::now();
        let mut more = true;
        while more && began.elapsed() < SLICE {
            more = self.step(transaction, now)?;
        }
        if !more {
            self.looked = now;
        }
        Ok(more)
    }

    /// A slice was rolled back: forgets the counts and counts again.
    pub(crate) fn forget(&mut self) {
        (self.usage, self.audit, self.victim) = (Usage::default(), Archive::default(), None);
    }

    fn step(&mut self, connection: &Connection, now: i64) -> rusqlite::Result<bool> {
        if let Some(age) = self.age {
            let cutoff = now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            let doomed = older(connection, Ages { now, cutoff })?;
            if !doomed.is_empty() {
                self.drop_rows(connection, &doomed)?;
                return Ok(true);
            }
        }
        let Some(limit) = self.bytes else {
            return Ok(false);
        };
        let used = used(connection)?;
        if used <= limit / 2 {
            return Ok(false);
        }
        if self.usage.count(connection)? | self.audit.count(connection)? {
            return Ok(true);
        }
        if self.audit.shrink(connection, limit / 8)? {
            return Ok(true);
        }
        if used <= limit || self.usage.total() <= limit / 2 {
            (self.victim, self.minimum) = (None, None);
            return Ok(false);
        }
        self.make_room(connection, limit)
    }

    /// Drops some rows of the largest user.
    fn make_room(&mut self, connection: &Connection, limit: u64) -> rusqlite::Result<bool> {
        let Some((heap, bytes)) = self.victim.filter(|(_, bytes)| *bytes > 0) else {
            let room = MINIMUM.min(limit / 4 / self.usage.conversations().max(1));
            let minimum = self.minimum.map_or(room, |minimum| minimum.min(room));
            self.victim = self.usage.largest(minimum);
            self.minimum = match (self.victim, minimum) {
                (Some(_), minimum) => Some(minimum),
                (None, 0) => return Ok(false),
                (None, minimum) => Some(if minimum < 1024 { 0 } else { minimum / 2 }),
            };
            return Ok(true);
        };
        let after = self.usage.passed_in(heap);
        let (doomed, passed) = oldest_of(connection, heap, after, bytes)?;
        self.drop_rows(connection, &doomed)?;
        self.usage.passed(heap, passed);
        let freed = doomed.iter().map(|row| row.bytes).sum();
        self.victim = passed.map(|_| (heap, bytes.saturating_sub(freed)));
        Ok(true)
    }

    /// Deletes these rows, and notes the loss where readers will ask for it.
    fn drop_rows(&mut self, connection: &Connection, doomed: &[Doomed]) -> rusqlite::Result<()> {
        let mut conversations: BTreeMap<(i64, Losing), Vec<Seq>> = BTreeMap::new();
        for row in doomed {
            match row.heap {
                Heap::Messages { conversation, .. } => {
                    connection
                        .prepare_cached("DELETE FROM message WHERE seq = ?1")?
                        .execute([row.seq])?;
                    let of = (conversation, Losing::Messages);
                    conversations.entry(of).or_default().push(row.seq);
                }
                Heap::Changes { conversation, .. } => {
                    connection
                        .prepare_cached("DELETE FROM revision WHERE seq = ?1")?
                        .execute([row.seq])?;
                    let of = (conversation, Losing::Changes);
                    conversations.entry(of).or_default().push(row.seq);
                }
                Heap::Notices { agent } => {
                    connection
                        .prepare_cached("DELETE FROM notice WHERE seq = ?1")?
                        .execute([row.seq])?;
                    note_for_agent(connection, agent, Losing::Messages, row.seq)?;
                }
            }
            self.usage.dropped(row.heap, row.seq, row.bytes);
        }
        for ((conversation, losing), seqs) in conversations {
            note_for_conversation(connection, conversation, losing, &seqs)?;
        }
        Ok(())
    }
}

/// Bytes of the database that are in use.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
    };
    let used = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
    Ok(u64::try_from(used).unwrap_or(0))
}

/// What a conversation or an agent loses: every reader learns of lost messages and notices, and of
/// lost changes those who read changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Losing {
    Messages,
    Changes,
}

fn note_for_agent(
    connection: &Connection,
    agent: i64,
    losing: Losing,
    dropped: Seq,
) -> rusqlite::Result<()> {
    let sql = match losing {
        Losing::Messages => "UPDATE agent SET dropped = max(dropped, ?2) WHERE key = ?1",
        Losing::Changes => {
            "UPDATE agent SET changes_dropped = max(changes_dropped, ?2) WHERE key = ?1"
        }
    };
    connection
        .prepare_cached(sql)?
        .execute([agent, dropped])
        .map(drop)
}

/// An ended span that lost something.
struct Ended {
    agent: i64,
    since: Seq,
    until: Seq,
    dropped: Seq,
    /// Whether anything of it is left.
    holds: bool,
}

/// Notes that `seqs`, in order, were dropped from `conversation`. An ended span of which nothing is
/// left is deleted too, and its agent keeps the note.
fn note_for_conversation(
    connection: &Connection,
    conversation: i64,
    losing: Losing,
    seqs: &[Seq],
) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else {
        return Ok(());
    };
    let sql = match losing {
        Losing::Messages => {
            "UPDATE conversation SET dropped_through = max(dropped_through, ?2) WHERE key = ?1"
        }
        Losing::Changes => {
            "UPDATE conversation SET changes_dropped = max(changes_dropped, ?2) WHERE key = ?1"
        }
    };
    connection
        .prepare_cached(sql)?
        .execute([conversation, *last])?;
    for span in ended(connection, conversation, (*first, *last))? {
        let inside = |seq: &&Seq| **seq <= span.until && **seq > span.since;
        let newest = seqs.iter().rev().find(inside).copied();
        match losing {
            Losing::Messages if span.holds => {
                let sql = "UPDATE membership SET dropped = ?4 WHERE agent = ?1 AND conversation = ?2 AND since = ?3";
                let dropped = span.dropped.max(newest.unwrap_or(0));
                connection.prepare_cached(sql)?.execute(params![
                    span.agent,
                    conversation,
                    span.since,
                    dropped
                ])?;
            }
            // The conversation says it, as long as the span is there.
            Losing::Changes if span.holds => {}
            losing => {
                let dropped = newest.unwrap_or(0);
                note_for_agent(connection, span.agent, losing, dropped)?;
                note_for_agent(connection, span.agent, Losing::Messages, span.dropped)?;
                let changes = connection
                    .prepare_cached("SELECT changes_dropped FROM conversation WHERE key = ?1")?
                    .query_row([conversation], |row| row.get::<_, Seq>(0))?
                    .min(span.until);
                if changes > span.since {
                    note_for_agent(connection, span.agent, Losing::Changes, changes)?;
                }
                let sql = "DELETE FROM membership WHERE agent = ?1 AND conversation = ?2 AND since = ?3 AND until <= ?4";
                connection.prepare_cached(sql)?.execute(params![
                    span.agent,
                    conversation,
                    span.since,
                    span.until
                ])?;
            }
        }
    }
    Ok(())
}

/// The ended spans of a conversation that reach into what was dropped.
fn ended(
    connection: &Connection,
    conversation: i64,
    (first, last): (Seq, Seq),
) -> rusqlite::Result<Vec<Ended>> {
    let mut statement = connection.prepare_cached(
        "SELECT m.agent, m.since, m.until, m.dropped,
                EXISTS (SELECT 1 FROM message t WHERE t.conversation = ?1 AND t.seq > m.since AND t.seq <= m.until)
                OR EXISTS (SELECT 1 FROM revision t WHERE t.conversation = ?1 AND t.seq > m.since AND t.seq <= m.until)
           FROM membership m
          WHERE m.conversation = ?1 AND m.until >= ?2 AND m.since < ?3",
    )?;
    statement
        .query_map([conversation, first, last], |row| {
            Ok(Ended {
                agent: row.get(0)?,
                since: row.get(1)?,
                until: row.get(2)?,
                dropped: row.get(3)?,
                holds: row.get(4)?,
            })
        })?
        .collect()
}

/// The share of a sender in a conversation.
type HeapOf = fn(i64, i64) -> Heap;

/// The oldest rows of all kinds that are old.
fn older(connection: &Connection, ages: Ages) -> rusqlite::Result<Vec<Doomed>> {
    let mut doomed = Vec::new();
    let said: [(&str, &str, HeapOf); 2] = [
        ("message", MESSAGE_BYTES, |sender, conversation| {
            Heap::Messages {
                sender,
                conversation,
            }
        }),
        ("revision", REVISION_BYTES, |sender, conversation| {
            Heap::Changes {
                sender,
                conversation,
            }
        }),
    ];
    for (table, bytes, heap) in said {
        let dated = Dated {
            table,
            key: "seq",
            date: "committed",
        };
        let sql = format!(
            "SELECT coalesce(sender_agent, 0), conversation, {bytes} FROM {table} WHERE seq = ?1"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        for seq in ages.oldest(connection, dated, STEP)? {
            doomed.push(statement.query_row([seq], |row| {
                Ok(Doomed {
                    seq,
                    heap: heap(row.get(0)?, row.get(1)?),
                    bytes: size(row, 2)?,
                })
            })?);
        }
    }
    let notices = ages.oldest(
        connection,
        Dated {
            table: "notice",
            key: "seq",
            date: "committed",
        },
        STEP,
    )?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT agent, {NOTICE_BYTES} FROM notice WHERE seq = ?1"
    ))?;
    for seq in notices {
        doomed.push(statement.query_row([seq], |row| {
            Ok(Doomed {
                seq,
                heap: Heap::Notices { agent: row.get(0)? },
                bytes: size(row, 1)?,
            })
        })?);
    }
    Ok(doomed)
}

/// The oldest rows in `heap` after `after`, with at least `bytes` together if there are so many;
/// and how far the heap was searched, `None` if nothing comes after `after`.
fn oldest_of(
    connection: &Connection,
    heap: Heap,
    after: Seq,
    bytes: u64,
) -> rusqlite::Result<(Vec<Doomed>, Option<Seq>)> {
    let (sql, of) = match heap {
        Heap::Messages { conversation, .. } => {
            (oldest_said("message", MESSAGE_BYTES), conversation)
        }
        Heap::Changes { conversation, .. } => {
            (oldest_said("revision", REVISION_BYTES), conversation)
        }
        Heap::Notices { agent } => {
            let sql = format!(
                "SELECT seq, {NOTICE_BYTES}, 0 FROM notice WHERE agent = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
            );
            (sql, agent)
        }
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![of, after, STEP as i64])?;
    let (mut doomed, mut passed, mut sum) = (Vec::new(), None, 0);
    while let Some(row) = rows.next()? {
        let (seq, size) = (row.get(0)?, size(row, 1)?);
        passed = Some(seq);
        match heap {
            Heap::Messages { sender, .. } | Heap::Changes { sender, .. }
                if row.get::<_, i64>(2)? != sender =>
            {
                continue;
            }
            _ => {}
        }
        sum += size;
        doomed.push(Doomed {
            seq,
            heap,
            bytes: size,
        });
        if sum >= bytes {
            break;
        }
    }
    Ok((doomed, passed))
}

/// SQL for the oldest rows of a conversation in one table, with the bytes and the sender of each.
fn oldest_said(table: &str, bytes: &str) -> String {
    format!(
        "SELECT seq, {bytes}, coalesce(sender_agent, 0) FROM {table}
         WHERE conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    )
}
