//! Throttles as provisioned. Their counts are not stored, because they belong to the agents.

use super::{Stamp, audit, distinct, parsed};
use crate::database::in_table;
use crate::model::{AgentId, Change, Throttle, ThrottleId, ThrottleKind};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use serde_json::{Value, json};

/// What became of a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ThrottlePut {
    /// The throttle as it is now.
    Done(Change, Throttle),
    /// Refused: the kind of a throttle cannot change (§throttles/type). This is its kind.
    KindDiffers(ThrottleKind),
}

/// All throttles, by id.
pub(crate) fn all(conn: &Connection) -> Result<Vec<Throttle>> {
    let mut throttles: Vec<Throttle> = conn
        .prepare_cached("SELECT id, kind, threshold FROM throttle ORDER BY id")?
        .query_map([], row)?
        .collect::<Result<_>>()?;
    for throttle in &mut throttles {
        throttle.agents = agents_of(conn, &throttle.id).map_err(in_table("throttle_agent"))?;
    }
    Ok(throttles)
}

/// The throttle of that id.
pub(crate) fn find(conn: &Connection, id: &ThrottleId) -> Result<Option<Throttle>> {
    let found = conn
        .prepare_cached("SELECT id, kind, threshold FROM throttle WHERE id = ?1")?
        .query_row([id.as_str()], row)
        .optional()?;
    let Some(mut throttle) = found else {
        return Ok(None);
    };
    throttle.agents = agents_of(conn, id)?;
    Ok(Some(throttle))
}

/// Creates or replaces a throttle; an agent named twice counts once.
pub(crate) fn put(conn: &Connection, new: &Throttle, stamp: &Stamp) -> Result<ThrottlePut> {
    let before = find(conn, &new.id)?;
    if let Some(before) = &before
        && before.kind != new.kind
    {
        return Ok(ThrottlePut::KindDiffers(before.kind));
    }
    let after = Throttle {
        agents: distinct(&new.agents),
        ..new.clone()
    };
    if before.as_ref() == Some(&after) {
        return Ok(ThrottlePut::Done(Change::Unchanged, after));
    }
    conn.prepare_cached(
        "INSERT INTO throttle (id, kind, threshold)
         VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET threshold = excluded.threshold",
    )?
    .execute(params![
        after.id.as_str(),
        after.kind as i64,
        after.threshold
    ])?;
    conn.prepare_cached("DELETE FROM throttle_agent WHERE throttle = ?1")?
        .execute([after.id.as_str()])?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO throttle_agent (throttle, agent, position) VALUES (?1, ?2, ?3)",
    )?;
    for (position, agent) in after.agents.iter().enumerate() {
        insert.execute(params![after.id.as_str(), agent.as_str(), position as i64])?;
    }
    audit::insert(
        conn,
        stamp,
        "put throttle",
        after.id.as_str(),
        before.as_ref().map(shown),
        Some(shown(&after)),
    )?;
    Ok(ThrottlePut::Done(Change::Applied, after))
}

/// Deletes a throttle; returns it as it was, or `None` if there is no such throttle.
pub(crate) fn delete(
    conn: &Connection,
    id: &ThrottleId,
    stamp: &Stamp,
) -> Result<Option<Throttle>> {
    let Some(before) = find(conn, id)? else {
        return Ok(None);
    };
    conn.prepare_cached("DELETE FROM throttle_agent WHERE throttle = ?1")?
        .execute([id.as_str()])?;
    conn.prepare_cached("DELETE FROM throttle WHERE id = ?1")?
        .execute([id.as_str()])?;
    audit::insert(
        conn,
        stamp,
        "delete throttle",
        id.as_str(),
        Some(shown(&before)),
        None,
    )?;
    Ok(Some(before))
}

fn agents_of(conn: &Connection, id: &ThrottleId) -> Result<Vec<AgentId>> {
    conn.prepare_cached("SELECT agent FROM throttle_agent WHERE throttle = ?1 ORDER BY position")?
        .query_map([id.as_str()], |row| parsed(row, 0, AgentId::parse))?
        .collect()
}

/// One row of `throttle`, its agents missing.
fn row(row: &Row<'_>) -> Result<Throttle> {
    let kind = match row.get(1)? {
        0i64 => ThrottleKind::MessagesPerMinute,
        1 => ThrottleKind::TargetedMessagesPerMinute,
        2 => ThrottleKind::ConcurrentTransfers,
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(1, other)),
    };
    Ok(Throttle {
        id: parsed(row, 0, ThrottleId::parse)?,
        kind,
        threshold: row.get(2)?,
        agents: Vec::new(),
    })
}

fn shown(throttle: &Throttle) -> Value {
    json!({
        "kind": match throttle.kind {
            ThrottleKind::MessagesPerMinute => "messages per minute",
            ThrottleKind::TargetedMessagesPerMinute => "targeted messages per minute",
            ThrottleKind::ConcurrentTransfers => "concurrent transfers",
        },
        "threshold": throttle.threshold,
        "agents": throttle.agents.iter().map(AgentId::as_str).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ada, database};
    use super::*;

    fn slow(threshold: u32, agents: &[&str]) -> Throttle {
        Throttle {
            id: ThrottleId::parse("slow").unwrap(),
            kind: ThrottleKind::MessagesPerMinute,
            threshold,
            agents: agents
                .iter()
                .map(|id| AgentId::parse(id).unwrap())
                .collect(),
        }
    }

    #[test]
    fn a_throttle_keeps_its_kind_and_the_order_of_its_agents() {
        let conn = database();
        let put_slow =
            |throttle: &Throttle, revision| put(&conn, throttle, &ada(revision)).unwrap();
        let stored = slow(3, &["zoe", "ann"]);
        assert_eq!(
            put_slow(&slow(3, &["zoe", "ann", "zoe"]), 1),
            ThrottlePut::Done(Change::Applied, stored.clone())
        );
        assert_eq!(
            put_slow(&stored, 2),
            ThrottlePut::Done(Change::Unchanged, stored.clone())
        );
        let other = Throttle {
            kind: ThrottleKind::ConcurrentTransfers,
            ..stored.clone()
        };
        assert_eq!(
            put_slow(&other, 3),
            ThrottlePut::KindDiffers(ThrottleKind::MessagesPerMinute)
        );
        assert!(matches!(
            put_slow(&slow(u32::MAX, &[]), 4),
            ThrottlePut::Done(Change::Applied, _)
        ));
        assert_eq!(all(&conn).unwrap(), [slow(u32::MAX, &[])]);
        assert_eq!(
            delete(&conn, &stored.id, &ada(5)).unwrap(),
            Some(slow(u32::MAX, &[]))
        );
        assert_eq!(delete(&conn, &stored.id, &ada(6)).unwrap(), None);
        assert_eq!(audit::since(&conn, 0, 9).unwrap().len(), 3);
    }
}
