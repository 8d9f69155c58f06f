//! What became of messages that a chat system's archive gives: an archive has each message as it was
//! said, and not every change of it.
//!
//! It is read before the chat system is asked, so that nobody holds a page of history while waiting
//! for the disk: a hundred histories of 4 MiB held 370 MiB. It reaches a little further than the
//! page, because a chat system and the journal may have two messages in another order.

use super::changing::waited;
use super::revisions::waiting_in;
use super::row::{MESSAGE_COLUMNS, read_message};
use super::spans::conversation;
use crate::model::{ConversationKey, Message, MessageId, Place, Record, Seq, What};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::sync::Arc;

/// Rows looked at beyond those of the page.
const BEYOND: usize = 50;

/// A message of an archive.
pub(crate) struct Archived {
    pub(crate) message: Message,
    /// The id by which its sender refers to it.
    pub(crate) sender_id: Option<String>,
    /// Who said it.
    pub(crate) said_by: String,
}

/// What became of the messages of one page.
#[derive(Default)]
pub(crate) struct Overlay {
    known: HashMap<MessageId, Arc<Message>>,
    /// What was said of messages that the journal does not know, by how they were named.
    waiting: HashMap<MessageId, Vec<(Record, String)>>,
}

impl Overlay {
    /// The message with what became of it.
    pub(crate) fn lay_over(&mut self, archived: Archived) -> Message {
        let mut message = archived.message;
        if let Some(now) = self.known.remove(&message.id) {
            return Arc::unwrap_or_clone(now);
        }
        let named = |id: &str| MessageId::parse(id).ok();
        let ids = [
            Some(message.id.clone()),
            archived.sender_id.as_deref().and_then(named),
        ];
        for id in ids.iter().flatten() {
            if let Some(said) = self.waiting.get(id) {
                waited(&mut message, &archived.said_by, said, |_, _| {});
            }
        }
        message
    }
}

/// What became of the newest `take` messages of `place`, or of those before that one; newest first
/// as far as `bytes` go.
pub(crate) fn overlay(
    connection: &Connection,
    place: &Place,
    before: Option<&str>,
    take: usize,
    bytes: usize,
) -> rusqlite::Result<Overlay> {
    let mut overlay = Overlay::default();
    let Some(key) = conversation(connection, place)? else {
        return Ok(overlay);
    };
    let has_changes = connection
        .prepare_cached("SELECT 1 FROM revision WHERE conversation = ?1")?
        .exists([key.0])?;
    if !has_changes {
        return Ok(overlay);
    }
    let range = range(connection, key, before, take)?;
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM message
         WHERE conversation = ?1 AND revised IS NOT NULL AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut held = 0;
    for record in statement.query_map(params![key.0, range.0, range.1], |row| {
        read_message(row, &place.channel)
    })? {
        let record = record?;
        held += record.weight();
        if let What::Message { message, .. } = record.what {
            overlay.known.insert(message.id.clone(), message);
        }
        if held > bytes {
            break;
        }
    }
    for (record, author) in waiting_in(connection, key, &place.channel)? {
        if let What::Change { change, .. } = &record.what {
            let of = change.message.clone();
            overlay
                .waiting
                .entry(of)
                .or_default()
                .push((record, author));
        }
    }
    Ok(overlay)
}

/// The seqs between which the messages of a page lie.
fn range(
    connection: &Connection,
    key: ConversationKey,
    before: Option<&str>,
    take: usize,
) -> rusqlite::Result<(Seq, Seq)> {
    let at: Option<Seq> = match before {
        Some(id) => connection
            .prepare_cached("SELECT seq FROM message WHERE conversation = ?1 AND message_id = ?2")?
            .query_row(params![key.0, id], |row| row.get(0))
            .optional()?,
        None => None,
    };
    let mut nth = connection.prepare_cached(
        "SELECT seq FROM message WHERE conversation = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3",
    )?;
    let until = at.unwrap_or(Seq::MAX);
    let from = nth
        .query_row(params![key.0, until, (take + BEYOND) as i64], |row| {
            row.get(0)
        })
        .optional()?;
    let newer: Option<Seq> = connection
        .prepare_cached(
            "SELECT seq FROM message WHERE conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT 1 OFFSET ?3",
        )?
        .query_row(params![key.0, until, BEYOND as i64], |row| row.get(0))
        .optional()?;
    Ok((from.unwrap_or(0), newer.unwrap_or(Seq::MAX)))
}
