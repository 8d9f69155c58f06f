//! Retention in slices: the oldest rows go by age or when there are too many bytes, a few hundred at a time.
//!
//! What is dropped is remembered where a reader will ask: by conversation while a span lasts, by span once it ended,
//! by agent for notices. So a loss is a fact (`gap`), told only to whom it concerns.

use crate::model::Seq;
use rusqlite::{Connection, params};
use std::time::Duration;

/// Rows dropped in one slice.
const SLICE: usize = 200;
/// Milliseconds between two looks when nothing is due.
const PAUSE: i64 = 1000;

/// How long and how much is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Retention {
    /// Messages and notices older than this go; `None`: never.
    pub(crate) age: Option<Duration>,
    /// Above this size of the database the oldest go; `None`: never.
    pub(crate) bytes: Option<u64>,
    looked: i64,
}

impl Retention {
    pub(crate) fn new(age: Option<Duration>, bytes: Option<u64>) -> Retention {
        Retention { age, bytes, looked: i64::MIN }
    }

    /// Whether it is time to look.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        now < self.looked || now >= self.looked.saturating_add(PAUSE)
    }

    /// Drops one slice if something is due, inside the writer's transaction; true if more may be.
    pub(crate) fn slice(&mut self, transaction: &Connection, now: i64) -> rusqlite::Result<bool> {
        let cutoff = match self.age {
            Some(age) => now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
            None => i64::MIN,
        };
        let cutoff = if self.is_too_large(transaction)? { i64::MAX } else { cutoff };
        if cutoff == i64::MIN {
            self.looked = now;
            return Ok(false);
        }
        let dropped = drop_messages(transaction, cutoff)? + drop_notices(transaction, cutoff)?;
        if dropped == 0 {
            self.looked = now;
        }
        Ok(dropped > 0)
    }

    fn is_too_large(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let Some(limit) = self.bytes else { return Ok(false) };
        let number = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        let used = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
        Ok(u64::try_from(used).unwrap_or(0) > limit)
    }
}

/// The oldest rows of `table` that were committed by `cutoff`: the last of them, if any.
fn oldest(connection: &Connection, table: &str, cutoff: i64) -> rusqlite::Result<Option<Seq>> {
    let mut statement = connection.prepare_cached(&format!("SELECT seq, committed FROM {table} ORDER BY seq LIMIT ?1"))?;
    let mut rows = statement.query([SLICE as i64])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? > cutoff {
            break;
        }
        last = Some(row.get(0)?);
    }
    Ok(last)
}

fn drop_messages(connection: &Connection, cutoff: i64) -> rusqlite::Result<usize> {
    let Some(last) = oldest(connection, "message", cutoff)? else { return Ok(0) };
    connection.execute(
        "UPDATE conversation SET dropped_through = gone.seq
         FROM (SELECT conversation, max(seq) AS seq FROM message WHERE seq <= ?1 GROUP BY conversation) AS gone
         WHERE conversation.key = gone.conversation",
        [last],
    )?;
    connection.execute(
        "UPDATE membership SET dropped = gone.newest
         FROM (SELECT m.agent, m.conversation, m.since, max(t.seq) AS newest
               FROM message t JOIN membership m ON m.conversation = t.conversation
               WHERE t.seq <= ?1 AND m.until IS NOT NULL AND t.seq > m.since AND t.seq <= m.until
               GROUP BY m.agent, m.conversation, m.since) AS gone
         WHERE membership.agent = gone.agent AND membership.conversation = gone.conversation
           AND membership.since = gone.since",
        [last],
    )?;
    connection.execute("DELETE FROM message WHERE seq <= ?1", params![last])
}

fn drop_notices(connection: &Connection, cutoff: i64) -> rusqlite::Result<usize> {
    let Some(last) = oldest(connection, "notice", cutoff)? else { return Ok(0) };
    connection.execute(
        "UPDATE agent SET dropped = gone.seq
         FROM (SELECT agent, max(seq) AS seq FROM notice WHERE seq <= ?1 GROUP BY agent) AS gone
         WHERE agent.key = gone.agent",
        [last],
    )?;
    connection.execute("DELETE FROM notice WHERE seq <= ?1", params![last])
}
