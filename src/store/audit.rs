//! The audit: one row for every administrative change, in the transaction of the change.
//!
//! `before` and `after` are JSON without secrets; each resource decides how it is shown (`users`
//! never shows a password). A long value is stored as its digest and length: the row must say that
//! a value changed, not what it was, because an agent may change its own metadata ten times a
//! second and each row is kept for 400 days. Rows are numbered by AUTOINCREMENT, so that a reader's
//! cursor survives retention.

use super::Stamp;
use crate::database::{Ages, Dated};
use crate::model::AuditEntry;
use chrono::DateTime;
use rusqlite::types::Type;
use rusqlite::{Connection, Result, params};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// Records one change.
pub(crate) fn insert(
    conn: &Connection,
    stamp: &Stamp,
    action: &str,
    subject: &str,
    before: Option<Value>,
    after: Option<Value>,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO audit (time, who, action, subject, before, after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        stamp.now,
        stamp.who,
        action,
        subject,
        before.map(short),
        after.map(short),
    ])?;
    Ok(())
}

/// Bytes of a value that are kept as they are.
const VALUE_BYTES: usize = 512;
/// Bytes of a document that are kept, its long values already shortened.
const DOCUMENT_BYTES: usize = 4096;

/// The text of `document` with every long value replaced by its digest and length. If the text is
/// still long, each member of the document is replaced in the same way.
fn short(document: Value) -> String {
    let document = shortened(document, VALUE_BYTES);
    let text = document.to_string();
    if text.len() <= DOCUMENT_BYTES {
        return text;
    }
    let Value::Object(members) = document else {
        return digest(&text).to_string();
    };
    let members: Map<String, Value> = members
        .into_iter()
        .map(|(name, value)| {
            let text = value.to_string();
            (
                name,
                if text.len() <= VALUE_BYTES {
                    value
                } else {
                    digest(&text)
                },
            )
        })
        .collect();
    let members = Value::Object(members).to_string();
    if members.len() <= DOCUMENT_BYTES {
        members
    } else {
        digest(&text).to_string()
    }
}

fn shortened(value: Value, limit: usize) -> Value {
    match value {
        Value::String(text) if text.len() > limit => digest(&text),
        Value::Array(items) => items
            .into_iter()
            .map(|item| shortened(item, limit))
            .collect(),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, shortened(value, limit)))
                .collect(),
        ),
        value => value,
    }
}

/// Replaces a long text: enough to tell whether it equals another one.
fn digest(text: &str) -> Value {
    use std::fmt::Write;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    json!({ "sha256": hex, "length": text.len() })
}

/// The changes after `number`, oldest first.
pub(crate) fn since(conn: &Connection, number: u64, limit: usize) -> Result<Vec<AuditEntry>> {
    conn.prepare_cached(
        "SELECT number, time, who, action, subject, before, after
           FROM audit
          WHERE number > ?1
          ORDER BY number
          LIMIT ?2",
    )?
    .query_map(
        params![i64::try_from(number).unwrap_or(i64::MAX), limit as i64],
        |row| {
            let time: i64 = row.get(1)?;
            let time = DateTime::from_timestamp_millis(time)
                .ok_or(rusqlite::Error::IntegralValueOutOfRange(1, time))?;
            let number: i64 = row.get(0)?;
            let number = u64::try_from(number).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(error))
            })?;
            Ok(AuditEntry::new(
                number,
                time,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
            ))
        },
    )?
    .collect()
}

/// Deletes at most `limit` old rows; returns how many. Rows are numbered in the order in which they
/// were made, so the oldest number goes first, and a clock that was set back delays retention but
/// never leaves a hole.
pub(crate) fn delete_old(conn: &Connection, ages: Ages, limit: usize) -> Result<usize> {
    let old = ages.oldest(
        conn,
        Dated {
            table: "audit",
            key: "number",
            date: "time",
        },
        limit,
    )?;
    let Some(last) = old.last() else { return Ok(0) };
    conn.prepare_cached("DELETE FROM audit WHERE number <= ?1")?
        .execute([last])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ada, database};
    use super::*;

    fn before(cutoff: i64) -> Ages {
        Ages {
            now: i64::MAX,
            cutoff: cutoff - 1,
        }
    }

    #[test]
    fn the_audit_is_read_from_a_number_on_and_loses_its_oldest_first() {
        let conn = database();
        for n in 1..=5 {
            insert(
                &conn,
                &ada(n),
                "put agent",
                "echo",
                None,
                Some(json!({ "n": n })),
            )
            .unwrap();
        }
        let seen = since(&conn, 2, 2).unwrap();
        assert_eq!(
            seen.iter().map(|entry| entry.number).collect::<Vec<_>>(),
            [3, 4]
        );
        assert_eq!(
            (seen[0].who.as_str(), seen[0].after.as_deref()),
            ("super:ada", Some(r#"{"n":3}"#))
        );

        assert_eq!(
            delete_old(&conn, before(4_000), 2).unwrap(),
            2,
            "no more than the limit at once"
        );
        assert_eq!(delete_old(&conn, before(4_000), 10).unwrap(), 1);
        assert_eq!(delete_old(&conn, before(4_000), 10).unwrap(), 0);
        assert_eq!(since(&conn, 0, 10).unwrap()[0].number, 4);
        delete_old(&conn, before(i64::MAX), 10).unwrap();
        insert(&conn, &ada(6), "delete agent", "echo", None, None).unwrap();
        assert_eq!(
            since(&conn, 5, 10).unwrap()[0].number,
            6,
            "numbers never repeat"
        );
    }
    #[test]
    fn a_long_value_is_kept_as_digest_and_length() {
        let small = json!({ "lang": "en", "channels": ["chat-room:ops"] });
        assert_eq!(short(small.clone()), small.to_string());

        let one = short(json!({ "lang": "en", "config": "x".repeat(1 << 20) }));
        assert!(one.len() < 200 && one.contains(r#""lang":"en""#), "{one}");
        assert!(one.contains(r#""length":1048576"#), "{one}");
        assert_ne!(
            one,
            short(json!({ "lang": "en", "config": "y".repeat(1 << 20) })),
            "another value has another digest"
        );

        let channels: Vec<String> = (0..40_000)
            .map(|number| format!("chat-room:{number}"))
            .collect();
        let many = short(json!({ "address": "loopback:echo", "channels": channels }));
        assert!(many.len() < 200 && many.contains("loopback:echo"), "{many}");

        let keys: Map<String, Value> = (0..1_000)
            .map(|number| (format!("{number:01000}"), json!("v")))
            .collect();
        assert!(short(Value::Object(keys)).len() < 200);
    }
}
