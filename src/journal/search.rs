//! Search as a plain scan of the journal, newest first, each conversation by its own index.
//!
//! A full-text index is a later issue's; what this one answers must not change with it.

use super::row::{MESSAGE_COLUMNS, read_message};
use super::spans::conversation;
use crate::model::{Message, Place, SearchCriteria, Seq, What};
use crate::words::Words;
use rusqlite::{Connection, params};

/// The newest `limit` messages of `places` that match, oldest first, each with its place in the journal.
pub(crate) fn search(
    connection: &Connection,
    places: &[Place],
    criteria: &SearchCriteria,
    limit: usize,
) -> rusqlite::Result<Vec<(Seq, Message)>> {
    let words = Words::of(criteria);
    let from = criteria.from.map_or(i64::MIN, |from| from.timestamp_millis());
    let until = criteria.until.map_or(i64::MAX, |until| until.timestamp_millis());
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM message
         WHERE conversation = ?1 AND time >= ?2 AND time < ?3
         ORDER BY seq DESC"
    );
    let mut found: Vec<(Seq, Message)> = Vec::new();
    for place in places {
        let Some(key) = conversation(connection, place)? else { continue };
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![key.0, from, until])?;
        let mut here = 0;
        while here < limit
            && let Some(row) = rows.next()?
        {
            let record = read_message(row, &place.channel)?;
            if let What::Message { message, .. } = &record.what
                && matches(&words, message)
            {
                found.push((record.seq, Message::clone(message)));
                here += 1;
            }
        }
    }
    found.sort_unstable_by_key(|(seq, _)| *seq);
    let spare = found.len().saturating_sub(limit);
    found.drain(..spare);
    Ok(found)
}

fn matches(words: &Words, message: &Message) -> bool {
    match &message.subject {
        None => words.are_in(&message.text),
        Some(subject) => words.are_in(&format!("{subject} {}", message.text)),
    }
}
