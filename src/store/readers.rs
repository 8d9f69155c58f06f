//! Named readers: how far each has acknowledged. The column `place` never moves back.

use super::{Stamp, agents, audit, parsed};
use crate::model::{AgentId, AgentKey, ReaderName};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use serde_json::json;

/// Readers an agent may have; each costs a row that only an administrator removes.
pub(crate) const READERS_PER_AGENT_MAX: i64 = 32;

/// A reader as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReaderRow {
    pub(crate) agent: AgentKey,
    pub(crate) agent_id: AgentId,
    pub(crate) name: ReaderName,
    /// Everything up to this seq is acknowledged.
    pub(crate) acknowledged: i64,
    /// When it last moved, milliseconds since 1970.
    pub(crate) moved: i64,
}

/// What became of a new reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReaderInsert {
    Inserted,
    /// Another caller created it first; it is at this seq.
    Exists(i64),
    /// One of that name is there, and is shared where this is not, or the other way round.
    OtherKind,
    /// The agent has [`READERS_PER_AGENT_MAX`] already.
    Full,
}

/// All readers, by agent and name.
pub(crate) fn all(conn: &Connection) -> Result<Vec<ReaderRow>> {
    conn.prepare_cached(
        "SELECT reader.agent, agent.id, reader.name, reader.place, reader.moved
           FROM reader
           JOIN agent ON agent.key = reader.agent
          ORDER BY reader.agent, reader.name",
    )?
    .query_map([], row)?
    .collect()
}

/// One reader.
pub(crate) fn find(
    conn: &Connection,
    agent: AgentKey,
    name: &ReaderName,
) -> Result<Option<ReaderRow>> {
    conn.prepare_cached(
        "SELECT reader.agent, agent.id, reader.name, reader.place, reader.moved
           FROM reader
           JOIN agent ON agent.key = reader.agent
          WHERE reader.agent = ?1 AND reader.name = ?2",
    )?
    .query_row(params![agent.0, name.as_str()], row)
    .optional()
}

/// Makes a reader that stands at `place`.
pub(crate) fn insert(
    conn: &Connection,
    agent: AgentKey,
    name: &ReaderName,
    acknowledged: i64,
    shared: bool,
    now: i64,
) -> Result<ReaderInsert> {
    let held = conn
        .prepare_cached("SELECT place, shared FROM reader WHERE agent = ?1 AND name = ?2")?
        .query_row(params![agent.0, name.as_str()], |row| {
            Ok((row.get(0)?, row.get::<_, bool>(1)?))
        })
        .optional()?;
    match held {
        Some((place, is_shared)) if is_shared == shared => return Ok(ReaderInsert::Exists(place)),
        Some(_) => return Ok(ReaderInsert::OtherKind),
        None => {}
    }
    let held: i64 = conn
        .prepare_cached("SELECT count(*) FROM reader WHERE agent = ?1")?
        .query_row([agent.0], |row| row.get(0))?;
    if held >= READERS_PER_AGENT_MAX {
        return Ok(ReaderInsert::Full);
    }
    conn.prepare_cached(
        "INSERT INTO reader (agent, name, place, moved, shared) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![agent.0, name.as_str(), acknowledged, now, shared])?;
    Ok(ReaderInsert::Inserted)
}

/// Deletes a reader, as an audited change of an administrator; false if there is none.
pub(crate) fn delete(
    conn: &Connection,
    agent: &AgentId,
    name: &ReaderName,
    stamp: &Stamp,
) -> Result<bool> {
    let Some(key) = agents::key(conn, agent)? else {
        return Ok(false);
    };
    let Some(before) = find(conn, key, name)? else {
        return Ok(false);
    };
    conn.prepare_cached("DELETE FROM reader WHERE agent = ?1 AND name = ?2")?
        .execute(params![key.0, name.as_str()])?;
    conn.prepare_cached("DELETE FROM delivery WHERE agent = ?1 AND reader = ?2")?
        .execute(params![key.0, name.as_str()])?;
    let shown = json!({ "reader": name.as_str(), "place": before.acknowledged });
    audit::insert(
        conn,
        stamp,
        "delete reader",
        agent.as_str(),
        Some(shown),
        None,
    )?;
    Ok(true)
}

fn row(row: &Row<'_>) -> Result<ReaderRow> {
    Ok(ReaderRow {
        agent: AgentKey(row.get(0)?),
        agent_id: parsed(row, 1, AgentId::parse)?,
        name: parsed(row, 2, ReaderName::parse)?,
        acknowledged: row.get(3)?,
        moved: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ada, database};
    use super::*;
    use crate::model::NewAgent;

    fn name(text: &str) -> ReaderName {
        ReaderName::parse(text).unwrap()
    }

    #[test]
    fn a_place_is_kept_and_an_agent_has_at_most_32_readers() {
        let conn = database();
        let echo = agents::put(
            &conn,
            &NewAgent::new("echo", "loopback:echo").unwrap(),
            &[],
            &ada(1),
        )
        .unwrap()
        .value
        .1;
        let main = name("main");
        assert_eq!(
            insert(&conn, echo.key, &main, 10, false, 1).unwrap(),
            ReaderInsert::Inserted
        );
        assert_eq!(
            insert(&conn, echo.key, &main, 99, false, 2).unwrap(),
            ReaderInsert::Exists(10)
        );
        assert_eq!(
            insert(&conn, echo.key, &main, 99, true, 2).unwrap(),
            ReaderInsert::OtherKind
        );
        let stands = find(&conn, echo.key, &main).unwrap().unwrap();
        assert_eq!((stands.acknowledged, stands.moved), (10, 1));

        for n in 1..32 {
            assert_eq!(
                insert(&conn, echo.key, &name(&format!("r{n}")), 0, false, 5).unwrap(),
                ReaderInsert::Inserted
            );
        }
        assert_eq!(
            insert(&conn, echo.key, &name("one too many"), 0, false, 5).unwrap(),
            ReaderInsert::Full
        );
        assert!(delete(&conn, &echo.id, &main, &ada(2)).unwrap());
        assert!(!delete(&conn, &echo.id, &main, &ada(3)).unwrap());
        assert_eq!(all(&conn).unwrap().len(), 31);
        agents::delete(&conn, &echo.id, &ada(4)).unwrap();
        assert_eq!(all(&conn).unwrap(), []);
    }
}
