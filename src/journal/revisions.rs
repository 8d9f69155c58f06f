//! Rows of the table `revision`: the changes of messages, from the same counter as messages and
//! notices.

use super::entry::NewRow;
use super::row::{instant, unreadable};
use super::stored::{decode_change, encode_change};
use crate::model::{
    AgentKey, ChangeKind, ChannelId, Content, ConversationKey, MessageChange, MessageId, Receipt,
    Record, Seq, What,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;

/// The columns that [`read_revision`] expects, in its order.
pub(super) const REVISION_COLUMNS: &str =
    "seq, conversation, revision_id, target, target_id, sender, sender_alias, sender_agent,
     posted_by, time, committed, content";

/// The column `kind`.
pub(super) const EDIT: i64 = 1;
pub(super) const RETRACTION: i64 = 2;
pub(super) const REACTION: i64 = 3;
const DELIVERED: i64 = 4;
const READ: i64 = 5;
/// The newest changes among which those are looked for that are laid over a history.
const WAITING_MAX: usize = 1000;
/// What only a newer version knows; no backend brings it.
const OTHER: i64 = 0;

fn number_of(kind: &ChangeKind) -> i64 {
    match kind {
        ChangeKind::Edited => EDIT,
        ChangeKind::Retracted { .. } => RETRACTION,
        ChangeKind::Reactions(_) => REACTION,
        ChangeKind::Receipt(Receipt::Delivered) => DELIVERED,
        ChangeKind::Receipt(Receipt::Read) => READ,
        ChangeKind::Other(_) => OTHER,
    }
}

/// Inserts a change under that seq. Its message is `change.target`, if the journal has it.
pub(super) fn insert(
    connection: &Connection,
    (seq, committed): (Seq, i64),
    conversation: ConversationKey,
    new: &NewRow,
    change: MessageChange,
) -> rusqlite::Result<Record> {
    connection
        .prepare_cached(
            "INSERT INTO revision (seq, conversation, revision_id, origin_id, sender_id, target, target_id, kind,
                                   sender, sender_alias, author, sender_agent, posted_by, time, committed,
                                   content, posted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            seq,
            conversation.0,
            change.id.as_str(),
            new.origin.as_ref().map(crate::model::OriginId::as_str),
            new.sender_id,
            change.target,
            change.message.as_str(),
            number_of(&change.kind),
            change.sender,
            change.sender_alias,
            new.author,
            new.sender_agent.map(|agent| agent.0),
            change.posted_by,
            change.time.timestamp_millis(),
            committed,
            encode_change(&change.kind, &change.content, &change.text),
            new.digest.as_ref().map(|digest| &digest.0),
        ])?;
    Ok(Record {
        seq,
        committed,
        what: What::Change {
            conversation,
            sender_agent: new.sender_agent,
            change: Arc::new(change),
        },
    })
}

/// A row of `revision`, whose channel the caller knows from its conversation.
pub(super) fn read_revision(row: &Row<'_>, channel: &ChannelId) -> rusqlite::Result<Record> {
    let id = |column| {
        let text: String = row.get(column)?;
        MessageId::parse(&text).map_err(unreadable)
    };
    let content: Option<String> = row.get(11)?;
    let Some((kind, text, content)) = content.as_deref().and_then(decode_change) else {
        let corrupt = crate::error::Error::corrupt("a revision says nothing that can be read");
        return Err(unreadable(corrupt));
    };
    let change = MessageChange {
        id: id(2)?,
        channel: channel.clone(),
        message: id(4)?,
        sender: row.get(5)?,
        sender_alias: row.get(6)?,
        kind,
        text,
        content,
        time: instant(row.get(9)?),
        posted_by: row.get(8)?,
        target: row.get(3)?,
    };
    Ok(Record {
        seq: row.get(0)?,
        committed: row.get(10)?,
        what: What::Change {
            conversation: ConversationKey(row.get(1)?),
            sender_agent: row.get::<_, Option<i64>>(7)?.map(AgentKey),
            change: Arc::new(change),
        },
    })
}

/// The message of the change that has that id, or that id of its sender: an edit may be named
/// instead of the message that it changed.
pub(super) fn target_of(
    connection: &Connection,
    conversation: ConversationKey,
    id: &str,
) -> rusqlite::Result<Option<Seq>> {
    // One question for each index: with an OR the whole room's changes are walked.
    for name in ["revision_id", "sender_id"] {
        let sql = format!(
            "SELECT target FROM revision
             WHERE conversation = ?1 AND {name} = ?2 AND target IS NOT NULL ORDER BY seq DESC LIMIT 1"
        );
        let found = connection
            .prepare_cached(&sql)?
            .query_row(params![conversation.0, id], |row| row.get(0))
            .optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What was said of a message before it was known, oldest first, each with its author.
pub(super) fn waiting_for(
    connection: &Connection,
    conversation: ConversationKey,
    channel: &ChannelId,
    ids: [Option<&str>; 2],
) -> rusqlite::Result<Vec<(Record, String)>> {
    let sql = format!(
        "SELECT {REVISION_COLUMNS}, coalesce(author, sender) FROM revision
         WHERE conversation = ?1 AND target IS NULL AND target_id IN (?2, ?3) ORDER BY seq"
    );
    connection
        .prepare_cached(&sql)?
        .query_map(params![conversation.0, ids[0], ids[1]], |row| {
            Ok((read_revision(row, channel)?, row.get(12)?))
        })?
        .collect()
}

/// The newest of what was said in a conversation of messages that are not known, oldest first, each
/// with its author.
pub(super) fn waiting_in(
    connection: &Connection,
    conversation: ConversationKey,
    channel: &ChannelId,
) -> rusqlite::Result<Vec<(Record, String)>> {
    let some = connection
        .prepare_cached("SELECT 1 FROM revision WHERE conversation = ?1 AND target IS NULL")?
        .exists([conversation.0])?;
    if !some {
        return Ok(Vec::new());
    }
    // Bounded by the rows that are looked at: whoever reacts to a million unknown messages must not
    // slow down every history.
    let sql = format!(
        "SELECT {REVISION_COLUMNS}, coalesce(author, sender)
           FROM (SELECT * FROM revision WHERE conversation = ?1 ORDER BY seq DESC LIMIT {WAITING_MAX})
          WHERE target IS NULL ORDER BY seq DESC"
    );
    let mut found = connection
        .prepare_cached(&sql)?
        .query_map([conversation.0], |row| {
            Ok((read_revision(row, channel)?, row.get(12)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    found.reverse();
    Ok(found)
}

/// Conversations in which something waits for a message that is not known.
pub(super) fn waiting(connection: &Connection) -> rusqlite::Result<Vec<ConversationKey>> {
    connection
        .prepare("SELECT DISTINCT conversation FROM revision WHERE target IS NULL")?
        .query_map([], |row| row.get(0).map(ConversationKey))?
        .collect()
}

/// Takes what the edits of the message of that seq said out of their rows; returns the seqs of
/// these.
pub(super) fn erase(connection: &Connection, message: Seq) -> rusqlite::Result<Vec<Seq>> {
    let nothing = encode_change(&ChangeKind::Edited, &Content::default(), "");
    let sql = format!(
        "UPDATE revision SET content = ?2 WHERE target = ?1 AND kind = {EDIT} RETURNING seq"
    );
    connection
        .prepare_cached(&sql)?
        .query_map(params![message, nothing], |row| row.get(0))?
        .collect()
}

/// Notes which message a change that waited is about.
pub(super) fn found(connection: &Connection, seq: Seq, target: Seq) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE revision SET target = ?2 WHERE seq = ?1")?
        .execute([seq, target])
        .map(drop)
}

/// Stores how far `sender` has come in a conversation; false if it had come as far before.
pub(super) fn receive(
    connection: &Connection,
    conversation: ConversationKey,
    sender: &str,
    receipt: Receipt,
    through: Seq,
) -> rusqlite::Result<bool> {
    let (delivered, read) = match receipt {
        Receipt::Delivered => (through, 0),
        Receipt::Read => (through, through),
    };
    let changed = connection
        .prepare_cached(
            "INSERT INTO receipt (conversation, sender, delivered, read) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET delivered = max(delivered, ?3), read = max(read, ?4)
             WHERE read < ?4 OR (?4 = 0 AND delivered < ?3)",
        )?
        .execute(params![conversation.0, sender, delivered, read])?;
    Ok(changed > 0)
}
