//! A message or a change that is in the journal already, under the same id or the same origin.

use super::entry::NewRow;
use super::said::Said;
use crate::model::{ConversationKey, Record, Seq};
use rusqlite::{Connection, OptionalExtension, params};

/// Adds the origin to a message of ours that first came without it, from somebody who could not
/// know it.
pub(super) fn claim(transaction: &Connection, seq: Seq, new: &NewRow) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE OR IGNORE message SET origin_id = ?2, sender_agent = coalesce(sender_agent, ?3), posted = ?4
             WHERE seq = ?1 AND origin_id IS NULL",
        )?
        .execute(params![
            seq,
            new.origin.as_ref().map(crate::model::OriginId::as_str),
            new.sender_agent.map(|agent| agent.0),
            new.digest.as_ref().map(|digest| &digest.0),
        ])
        .map(drop)
}

/// The row of that table that has the id or the origin of `new`.
pub(super) fn known_row(
    transaction: &Connection,
    conversation: ConversationKey,
    Said {
        table,
        id,
        columns,
        read,
        ..
    }: &Said,
    new: &NewRow,
) -> rusqlite::Result<Option<Record>> {
    let sql = format!(
        "SELECT {columns} FROM {table}
         WHERE conversation = ?1 AND ({id} = ?2 OR (origin_id IS NOT NULL AND origin_id = ?3))
         LIMIT 1"
    );
    transaction
        .prepare_cached(&sql)?
        .query_row(
            params![
                conversation.0,
                new.id.as_str(),
                new.origin.as_ref().map(crate::model::OriginId::as_str)
            ],
            |row| read(row, &new.place.channel),
        )
        .optional()
}

/// The id of the message that a reply names, if that is known.
pub(super) fn answered(
    transaction: &Connection,
    conversation: ConversationKey,
    id: &str,
) -> rusqlite::Result<Option<String>> {
    transaction
        .prepare_cached(
            "SELECT message_id FROM message WHERE conversation = ?1 AND message_id = ?2
             UNION ALL SELECT message_id FROM message WHERE conversation = ?1 AND origin_id = ?2
             UNION ALL SELECT * FROM (SELECT message_id FROM message
                                      WHERE conversation = ?1 AND sender_id = ?2 ORDER BY seq DESC LIMIT 1)
             LIMIT 1",
        )?
        .query_row(params![conversation.0, id], |row| row.get(0))
        .optional()
}
