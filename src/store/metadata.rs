//! An agent's metadata, which is the configuration of its application: any string to any string.
//!
//! Only real changes raise effects: one event for each key that was added, removed or given another
//! value.

use super::agent::{AgentRow, head, key as key_of, touch};
use super::{Applied, Effect, Removal, Stamp, audit};
use crate::model::{AgentId, AgentKey, Change};
use rusqlite::{Connection, OptionalExtension, Result, params};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// An agent's pairs, in the order in which they were put. `None` if there is no such agent.
pub(crate) fn all(conn: &Connection, agent: &AgentId) -> Result<Option<Vec<(String, String)>>> {
    key_of(conn, agent)?.map(|key| of(conn, key)).transpose()
}

/// One value. The outer `None`: there is no such agent; the inner one: it has no such key.
pub(crate) fn value(
    conn: &Connection,
    agent: &AgentId,
    key: &str,
) -> Result<Option<Option<String>>> {
    let Some(agent) = key_of(conn, agent)? else {
        return Ok(None);
    };
    conn.prepare_cached("SELECT value FROM agent_metadata WHERE agent = ?1 AND key = ?2")?
        .query_row(params![agent.0, key], |row| row.get(0))
        .optional()
        .map(Some)
}

/// Replaces all pairs; the caller has refused a key given twice. `None` if there is no such agent.
pub(crate) fn put_all(
    conn: &Connection,
    agent: &AgentId,
    pairs: &[(String, String)],
    stamp: &Stamp,
) -> Result<Option<Applied<(Change, AgentRow)>>> {
    let Some(mut agent) = head(conn, agent)? else {
        return Ok(None);
    };
    agent.metadata = of(conn, agent.key)?;
    if agent.metadata == pairs {
        return Ok(Some(Applied::plain((Change::Unchanged, agent))));
    }
    let before = std::mem::replace(&mut agent.metadata, pairs.to_vec());
    store(conn, agent.key, pairs)?;
    touch(conn, &mut agent, stamp)?;
    audit::insert(
        conn,
        stamp,
        "put metadata",
        agent.id.as_str(),
        Some(shown(&before)),
        Some(shown(pairs)),
    )?;
    let effects = changes(agent.key, &before, pairs);
    Ok(Some(Applied {
        value: (Change::Applied, agent),
        effects,
    }))
}

/// How many keys an agent has besides `key`, and the bytes of those keys and their values.
pub(crate) fn besides(conn: &Connection, agent: &AgentId, key: &str) -> Result<(usize, usize)> {
    conn.prepare_cached(
        "SELECT count(*), coalesce(sum(octet_length(key) + octet_length(value)), 0)
           FROM agent_metadata
          WHERE agent = (SELECT key FROM agent WHERE id = ?1) AND key <> ?2",
    )?
    .query_row(params![agent.as_str(), key], |row| {
        let number = |column| {
            row.get::<_, i64>(column)
                .map(|number| usize::try_from(number).unwrap_or(0))
        };
        Ok((number(0)?, number(1)?))
    })
}

/// Sets the value of one key; a new key goes to the end. `None` if there is no such agent.
pub(crate) fn put_value(
    conn: &Connection,
    agent: &AgentId,
    key: &str,
    value: &str,
    stamp: &Stamp,
) -> Result<Option<Applied<(Change, AgentKey)>>> {
    let Some(mut agent) = head(conn, agent)? else {
        return Ok(None);
    };
    let before = find(conn, agent.key, key)?;
    if before.as_deref() == Some(value) {
        return Ok(Some(Applied::plain((Change::Unchanged, agent.key))));
    }
    conn.prepare_cached(
        "INSERT INTO agent_metadata (agent, key, value, position)
         VALUES (?1, ?2, ?3, (SELECT coalesce(max(position) + 1, 0) FROM agent_metadata WHERE agent = ?1))
         ON CONFLICT (agent, key) DO UPDATE SET value = excluded.value",
    )?
    .execute(params![agent.key.0, key, value])?;
    touch(conn, &mut agent, stamp)?;
    let before = before.map(|before| json!({ key: before }));
    audit::insert(
        conn,
        stamp,
        "put metadata value",
        agent.id.as_str(),
        before,
        Some(json!({ key: value })),
    )?;
    let effect = Effect::MetaData {
        agent: agent.key,
        key: key.to_owned(),
        value: Some(value.to_owned()),
    };
    Ok(Some(Applied {
        value: (Change::Applied, agent.key),
        effects: vec![effect],
    }))
}

/// Removes one key.
pub(crate) fn delete_value(
    conn: &Connection,
    agent: &AgentId,
    key: &str,
    stamp: &Stamp,
) -> Result<Removal<AgentKey>> {
    let Some(mut agent) = head(conn, agent)? else {
        return Ok(Removal::NoAgent);
    };
    let Some(before) = find(conn, agent.key, key)? else {
        return Ok(Removal::Absent);
    };
    conn.prepare_cached("DELETE FROM agent_metadata WHERE agent = ?1 AND key = ?2")?
        .execute(params![agent.key.0, key])?;
    touch(conn, &mut agent, stamp)?;
    audit::insert(
        conn,
        stamp,
        "delete metadata value",
        agent.id.as_str(),
        Some(json!({ key: before })),
        None,
    )?;
    let effect = Effect::MetaData {
        agent: agent.key,
        key: key.to_owned(),
        value: None,
    };
    Ok(Removal::Done(Applied {
        value: agent.key,
        effects: vec![effect],
    }))
}

fn find(conn: &Connection, agent: AgentKey, key: &str) -> Result<Option<String>> {
    conn.prepare_cached("SELECT value FROM agent_metadata WHERE agent = ?1 AND key = ?2")?
        .query_row(params![agent.0, key], |row| row.get(0))
        .optional()
}

/// An agent's pairs, by its number.
pub(super) fn of(conn: &Connection, agent: AgentKey) -> Result<Vec<(String, String)>> {
    conn.prepare_cached("SELECT key, value FROM agent_metadata WHERE agent = ?1 ORDER BY position")?
        .query_map([agent.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Writes an agent's whole list.
pub(super) fn store(conn: &Connection, agent: AgentKey, pairs: &[(String, String)]) -> Result<()> {
    conn.prepare_cached("DELETE FROM agent_metadata WHERE agent = ?1")?
        .execute([agent.0])?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO agent_metadata (agent, key, value, position) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (position, (key, value)) in pairs.iter().enumerate() {
        insert.execute(params![agent.0, key, value, position as i64])?;
    }
    Ok(())
}

/// One effect for each key that was removed, changed or added.
pub(super) fn changes(
    agent: AgentKey,
    before: &[(String, String)],
    after: &[(String, String)],
) -> Vec<Effect> {
    let old: HashMap<&str, &str> = before
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let new: HashMap<&str, &str> = after
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let removed = before
        .iter()
        .filter(|(key, _)| !new.contains_key(key.as_str()))
        .map(|(key, _)| (key, None));
    let given = after
        .iter()
        .filter(|(key, value)| old.get(key.as_str()) != Some(&value.as_str()))
        .map(|(key, value)| (key, Some(value.clone())));
    removed
        .chain(given)
        .map(|(key, value)| Effect::MetaData {
            agent,
            key: key.clone(),
            value,
        })
        .collect()
}

fn shown(pairs: &[(String, String)]) -> Value {
    Value::Object(
        pairs
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect::<Map<_, _>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::agents;
    use super::super::testing::{ada, database};
    use super::*;
    use crate::model::NewAgent;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    fn echo(conn: &Connection) -> AgentRow {
        let new = NewAgent::new("echo", "loopback:echo")
            .unwrap()
            .metadata("lang", "en")
            .metadata("", "nameless");
        agents::put(conn, &new, &[], &ada(1)).unwrap().value.1
    }

    #[test]
    fn replacing_all_raises_one_effect_per_key_really_changed() {
        let conn = database();
        let echo = echo(&conn);
        let wanted = pairs(&[("new", "1"), ("lang", "da")]);
        let done = put_all(&conn, &echo.id, &wanted, &ada(2)).unwrap().unwrap();
        let effect = |key: &str, value: Option<&str>| Effect::MetaData {
            agent: echo.key,
            key: key.into(),
            value: value.map(str::to_owned),
        };
        assert_eq!(
            done.effects,
            [
                effect("", None),
                effect("new", Some("1")),
                effect("lang", Some("da"))
            ]
        );
        assert_eq!(all(&conn, &echo.id).unwrap(), Some(wanted.clone()));

        let turned = pairs(&[("lang", "da"), ("new", "1")]);
        let done = put_all(&conn, &echo.id, &turned, &ada(3)).unwrap().unwrap();
        assert_eq!(
            (done.value.0, done.effects),
            (Change::Applied, vec![]),
            "another order is no event"
        );
        let same = put_all(&conn, &echo.id, &turned, &ada(4)).unwrap().unwrap();
        assert_eq!(
            (same.value.0, same.value.1.revision),
            (Change::Unchanged, 3)
        );
    }

    #[test]
    fn one_value_is_put_read_and_deleted() {
        let conn = database();
        let echo = echo(&conn);
        assert_eq!(
            value(&conn, &echo.id, "").unwrap(),
            Some(Some("nameless".into())),
            "the empty key is a key"
        );
        let done = put_value(&conn, &echo.id, "", "named", &ada(2))
            .unwrap()
            .unwrap();
        assert_eq!(done.effects.len(), 1);
        assert_eq!(
            value(&conn, &echo.id, "").unwrap(),
            Some(Some("named".into()))
        );
        let same = put_value(&conn, &echo.id, "", "named", &ada(3))
            .unwrap()
            .unwrap();
        assert_eq!((same.value.0, same.effects), (Change::Unchanged, vec![]));
        assert!(matches!(
            delete_value(&conn, &echo.id, "", &ada(4)).unwrap(),
            Removal::Done(_)
        ));
        assert_eq!(
            delete_value(&conn, &echo.id, "", &ada(5)).unwrap(),
            Removal::Absent
        );
        assert_eq!(value(&conn, &echo.id, "").unwrap(), Some(None));
        assert_eq!(
            value(&conn, &AgentId::parse("nobody").unwrap(), "").unwrap(),
            None
        );
        let last = audit::since(&conn, 2, 9).unwrap().remove(0);
        assert_eq!(
            (last.before.as_deref(), last.after),
            (Some(r#"{"":"named"}"#), None)
        );
    }
}
