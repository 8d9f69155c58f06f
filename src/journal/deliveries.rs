//! What became of the events of a shared reader, written and read.
//!
//! A row says that its event was given out, and how often. It is gone once everything up to it is
//! settled, unless it is dead: dead ones stay until they are given again, at most [`DEAD_MAX`] of
//! a reader. Nothing is written for a reader that was deleted meanwhile.

use super::entry::{DeliveryChange, DeliveryEntry};
use super::event_copy::EventCopy;
use crate::model::{AgentKey, ReaderName, Seq};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Dead events of one reader at most; then the oldest goes.
const DEAD_MAX: i64 = 1000;

/// States of a row.
const OPEN: i64 = 1;
const SETTLED: i64 = 2;
const DEAD: i64 = 3;

/// A row that a reader opens with.
pub(crate) struct OpenRow {
    pub(crate) seq: Seq,
    pub(crate) attempts: u32,
    /// It is not given out before: milliseconds since 1970.
    pub(crate) due: i64,
    pub(crate) stored: Stored,
}

/// How an event stands.
pub(crate) enum Stored {
    Open,
    /// It was dead and is given again; the row of its message may be gone.
    Again(EventCopy),
    /// It is settled or dead.
    Settled,
}

/// An event that is dead.
pub(crate) struct DeadRow {
    pub(crate) seq: Seq,
    pub(crate) attempts: u32,
    /// When it died: milliseconds since 1970.
    pub(crate) died: i64,
    pub(crate) reason: String,
    pub(crate) event: EventCopy,
}

pub(super) fn write(
    transaction: &Connection,
    entry: &DeliveryEntry,
    now: i64,
) -> rusqlite::Result<()> {
    let (agent, reader, seq) = (entry.agent.0, entry.reader.as_str(), entry.seq);
    match &entry.change {
        DeliveryChange::Given { attempts } => transaction
            .prepare_cached(
                "INSERT INTO delivery (agent, reader, seq, attempts, state, due)
                 SELECT ?1, ?2, ?3, ?4, ?5, 0 FROM reader WHERE agent = ?1 AND name = ?2
                 ON CONFLICT DO UPDATE SET attempts = excluded.attempts, state = excluded.state",
            )?
            .execute(params![agent, reader, seq, attempts, OPEN])
            .map(drop),
        DeliveryChange::Returned { due, reason } => transaction
            .prepare_cached(
                "UPDATE delivery SET due = ?4, reason = ?5
                 WHERE agent = ?1 AND reader = ?2 AND seq = ?3",
            )?
            .execute(params![agent, reader, seq, due, reason])
            .map(drop),
        DeliveryChange::Settled { place } => {
            settle(transaction, entry, *place)?;
            move_place(transaction, entry, *place, now)
        }
        DeliveryChange::Dead {
            attempts,
            reason,
            event,
            place,
        } => {
            bury(transaction, entry, (*attempts, reason, event), now)?;
            move_place(transaction, entry, *place, now)
        }
    }
}

/// One below `place` needs no row any more.
fn settle(transaction: &Connection, entry: &DeliveryEntry, place: Seq) -> rusqlite::Result<()> {
    let (agent, reader, seq) = (entry.agent.0, entry.reader.as_str(), entry.seq);
    if seq <= place {
        return transaction
            .prepare_cached("DELETE FROM delivery WHERE agent = ?1 AND reader = ?2 AND seq = ?3")?
            .execute(params![agent, reader, seq])
            .map(drop);
    }
    transaction
        .prepare_cached(
            "UPDATE delivery SET state = ?4, reason = NULL, event = NULL
             WHERE agent = ?1 AND reader = ?2 AND seq = ?3",
        )?
        .execute(params![agent, reader, seq, SETTLED])
        .map(drop)
}

fn bury(
    transaction: &Connection,
    entry: &DeliveryEntry,
    (attempts, reason, event): (u32, &str, &EventCopy),
    now: i64,
) -> rusqlite::Result<()> {
    let (agent, reader, seq) = (entry.agent.0, entry.reader.as_str(), entry.seq);
    let event = serde_json::to_string(event)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO delivery
                    (agent, reader, seq, attempts, state, due, reason, event)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM reader WHERE agent = ?1 AND name = ?2",
        )?
        .execute(params![
            agent, reader, seq, attempts, DEAD, now, reason, event
        ])?;
    transaction
        .prepare_cached(
            "DELETE FROM delivery
             WHERE agent = ?1 AND reader = ?2 AND state = ?3 AND seq <=
                   (SELECT seq FROM delivery WHERE agent = ?1 AND reader = ?2 AND state = ?3
                    ORDER BY seq DESC LIMIT 1 OFFSET ?4)",
        )?
        .execute(params![agent, reader, DEAD, DEAD_MAX])
        .map(drop)
}

/// Everything up to `place` is settled.
fn move_place(
    transaction: &Connection,
    entry: &DeliveryEntry,
    place: i64,
    now: i64,
) -> rusqlite::Result<()> {
    let (agent, reader) = (entry.agent.0, entry.reader.as_str());
    let moved = transaction
        .prepare_cached(
            "UPDATE reader SET place = ?3, moved = ?4
             WHERE agent = ?1 AND name = ?2 AND place < ?3",
        )?
        .execute(params![agent, reader, place, now])?;
    if moved > 0 {
        transaction
            .prepare_cached(
                "DELETE FROM delivery
                 WHERE agent = ?1 AND reader = ?2 AND seq <= ?3
                   AND (state = ?4 OR (state = ?5 AND event IS NULL))",
            )?
            .execute(params![agent, reader, place, SETTLED, OPEN])?;
    }
    Ok(())
}

/// What a reader gave out and is not settled, and what is settled or dead above its place.
pub(crate) fn open(
    connection: &Connection,
    agent: AgentKey,
    name: &ReaderName,
) -> rusqlite::Result<Vec<OpenRow>> {
    let open_row = |row: &Row<'_>| {
        let event: Option<String> = row.get(4)?;
        let stored = match (row.get::<_, i64>(3)?, event) {
            (OPEN, None) => Stored::Open,
            (OPEN, Some(text)) => Stored::Again(copy(4, &text)?),
            _ => Stored::Settled,
        };
        Ok(OpenRow {
            seq: row.get(0)?,
            attempts: row.get(1)?,
            due: row.get(2)?,
            stored,
        })
    };
    connection
        .prepare_cached(
            "SELECT seq, attempts, due, state, event FROM delivery
             WHERE agent = ?1 AND reader = ?2",
        )?
        .query_map(params![agent.0, name.as_str()], open_row)?
        .collect()
}

/// The oldest `limit` dead events of a reader, oldest first.
pub(crate) fn dead(
    connection: &Connection,
    agent: AgentKey,
    name: &ReaderName,
    limit: usize,
) -> rusqlite::Result<Vec<DeadRow>> {
    connection
        .prepare_cached(
            "SELECT seq, attempts, due, reason, event FROM delivery
             WHERE agent = ?1 AND reader = ?2 AND state = ?3 ORDER BY seq LIMIT ?4",
        )?
        .query_map(
            params![agent.0, name.as_str(), DEAD, limit as i64],
            dead_row,
        )?
        .collect()
}

/// Has a dead event given again, and returns it; `None` if it is not dead.
pub(crate) fn revive(
    connection: &Connection,
    agent: AgentKey,
    name: &ReaderName,
    seq: Seq,
) -> rusqlite::Result<Option<DeadRow>> {
    let key = params![agent.0, name.as_str(), seq, DEAD];
    let row = connection
        .prepare_cached(
            "SELECT seq, attempts, due, reason, event FROM delivery
             WHERE agent = ?1 AND reader = ?2 AND seq = ?3 AND state = ?4",
        )?
        .query_row(key, dead_row)
        .optional()?;
    connection
        .prepare_cached(
            "UPDATE delivery SET state = ?5, attempts = 0, due = 0
             WHERE agent = ?1 AND reader = ?2 AND seq = ?3 AND state = ?4",
        )?
        .execute(params![agent.0, name.as_str(), seq, DEAD, OPEN])?;
    Ok(row)
}

fn dead_row(row: &Row<'_>) -> rusqlite::Result<DeadRow> {
    Ok(DeadRow {
        seq: row.get(0)?,
        attempts: row.get(1)?,
        died: row.get(2)?,
        reason: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        event: copy(4, &row.get::<_, String>(4)?)?,
    })
}

fn copy(column: usize, text: &str) -> rusqlite::Result<EventCopy> {
    serde_json::from_str(text).map_err(|error| {
        let text = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, text, Box::new(error))
    })
}
