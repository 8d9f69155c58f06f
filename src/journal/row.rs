//! Rows into columns and back.

use super::entry::NewRow;
use super::{parts, stored};
use crate::model::{
    AgentKey, ChangeKind, ChannelId, Classification, Content, ConversationKey, Message, MessageId,
    Record, Seq, What,
};
use chrono::{DateTime, Utc};
use rusqlite::{CachedStatement, Connection, Row, params};
use std::sync::Arc;

/// The columns that [`read_message`] expects, in its order.
pub(super) const MESSAGE_COLUMNS: &str =
    "seq, conversation, message_id, sender, sender_alias, sender_agent, posted_by,
     time, committed, alert, subject, text, parts, classification, contexts,
     in_reply_to, thread, edited, retracted, reactions, revised";

/// How many they are.
pub(super) const MESSAGE_COLUMN_COUNT: usize = 21;

/// The columns that [`read_notice`] expects, in its order.
pub(super) const NOTICE_COLUMNS: &str = "seq, agent, committed, kind, name, value";

/// The bits of the column `alert`.
const ALERT: i64 = 1;
const AUTOMATIC: i64 = 2;

const METADATA: i64 = 1;
const CHANNEL_STATE: i64 = 2;

/// The statement of [`insert_message`], prepared once for each group because hashing its long text
/// costs time.
pub(super) fn inserting(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(
        "INSERT INTO message (seq, conversation, message_id, origin_id, sender, sender_alias, sender_agent,
                              posted_by, time, committed, alert, transfer, subject, text, parts,
                              classification, contexts, posted, sender_id, author, in_reply_to, thread)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                 ?21, ?22)
         ON CONFLICT DO NOTHING",
    )
}

/// Inserts a message, and returns its record; `None` if its id or origin is known.
pub(super) fn insert_message(
    statement: &mut CachedStatement<'_>,
    seq: Seq,
    committed: i64,
    conversation: ConversationKey,
    row: &NewRow,
) -> rusqlite::Result<Option<Record>> {
    let text = row.content.visible_text();
    let changed = statement.execute(params![
        seq,
        conversation.0,
        row.id.as_str(),
        row.origin.as_ref().map(crate::model::OriginId::as_str),
        row.sender,
        row.sender_alias,
        row.sender_agent.map(|agent| agent.0),
        row.posted_by,
        row.time.timestamp_millis(),
        committed,
        marks(&row.content),
        row.transfer,
        row.content.subject,
        text,
        parts::encode(&row.content.parts),
        row.content
            .classification
            .as_ref()
            .map(|classification| &classification.token),
        parts::encode_contexts(&row.content.security_contexts),
        row.digest.as_ref().map(|digest| &digest.0),
        row.sender_id,
        row.author,
        row.content.in_reply_to.as_ref().map(MessageId::as_str),
        row.content.thread,
    ])?;
    if changed == 0 {
        return Ok(None);
    }
    let message = Message {
        id: row.id.clone(),
        channel: row.place.channel.clone(),
        sender: row.sender.clone(),
        sender_alias: row.sender_alias.clone(),
        text,
        content: row.content.clone(),
        time: instant(row.time.timestamp_millis()),
        posted_by: row.posted_by.clone(),
        edited: None,
        retracted: None,
        reactions: Vec::new(),
    };
    let what = What::Message {
        conversation,
        sender_agent: row.sender_agent,
        message: Arc::new(message),
        revised: None,
    };
    Ok(Some(Record {
        seq,
        committed,
        what,
    }))
}

/// Writes what `message` says after the change of that seq.
pub(super) fn update_message(
    connection: &Connection,
    seq: Seq,
    message: &Message,
    revised: Seq,
    kind: &ChangeKind,
) -> rusqlite::Result<()> {
    let reactions = stored::encode_reactions(&message.reactions);
    if let ChangeKind::Reactions(_) = kind {
        let sql = "UPDATE message SET reactions = ?2, revised = ?3 WHERE seq = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        return statement
            .execute(params![seq, reactions, revised])
            .map(drop);
    }
    let content = &message.content;
    connection
        .prepare_cached(
            "UPDATE message SET alert = ?2, subject = ?3, text = ?4, parts = ?5, classification = ?6, contexts = ?7,
                                in_reply_to = ?8, thread = ?9, edited = ?10, retracted = ?11, reactions = ?12,
                                revised = ?13
             WHERE seq = ?1",
        )?
        .execute(params![
            seq,
            marks(content),
            content.subject,
            message.text,
            parts::encode(&content.parts),
            content
                .classification
                .as_ref()
                .map(|classification| &classification.token),
            parts::encode_contexts(&content.security_contexts),
            content.in_reply_to.as_ref().map(MessageId::as_str),
            content.thread,
            message.edited.map(|edited| edited.timestamp_millis()),
            stored::encode_retraction(message.retracted.as_ref()),
            reactions,
            revised,
        ])
        .map(drop)
}

pub(super) fn insert_metadata(
    connection: &Connection,
    seq: Seq,
    committed: i64,
    agent: AgentKey,
    key: &str,
    value: Option<&str>,
) -> rusqlite::Result<Record> {
    insert_notice(connection, seq, committed, agent, METADATA, key, value)?;
    let what = What::MetaData {
        agent,
        key: key.to_owned(),
        value: value.map(str::to_owned),
    };
    Ok(Record {
        seq,
        committed,
        what,
    })
}

pub(super) fn insert_channel_state(
    connection: &Connection,
    seq: Seq,
    committed: i64,
    agent: AgentKey,
    channel: &ChannelId,
    active: bool,
) -> rusqlite::Result<Record> {
    let value = if active { "1" } else { "0" };
    insert_notice(
        connection,
        seq,
        committed,
        agent,
        CHANNEL_STATE,
        channel.as_str(),
        Some(value),
    )?;
    let what = What::ChannelState {
        agent,
        channel: channel.clone(),
        active,
    };
    Ok(Record {
        seq,
        committed,
        what,
    })
}

fn insert_notice(
    connection: &Connection,
    seq: Seq,
    committed: i64,
    agent: AgentKey,
    kind: i64,
    name: &str,
    value: Option<&str>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO notice (seq, agent, committed, kind, name, value)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![seq, agent.0, committed, kind, name, value])
        .map(drop)
}

/// A row of `message`, whose channel the caller knows from its conversation.
pub(super) fn read_message(row: &Row<'_>, channel: &ChannelId) -> rusqlite::Result<Record> {
    let text: String = row.get(11)?;
    let marks: i64 = row.get(9)?;
    let stored_parts: Option<String> = row.get(12)?;
    let contexts: Option<String> = row.get(14)?;
    let classification: Option<String> = row.get(13)?;
    let answered: Option<String> = row.get(15)?;
    let retracted: Option<String> = row.get(18)?;
    let reactions: Option<String> = row.get(19)?;
    let message = Message {
        id: MessageId::parse(&row.get::<_, String>(2)?).map_err(unreadable)?,
        channel: channel.clone(),
        sender: row.get(3)?,
        sender_alias: row.get(4)?,
        content: Content {
            subject: row.get(10)?,
            alert: marks & ALERT != 0,
            automatic: marks & AUTOMATIC != 0,
            parts: parts::decode(stored_parts.as_deref(), &text),
            classification: classification.map(|token| Classification { token }),
            security_contexts: parts::decode_contexts(contexts.as_deref()),
            in_reply_to: answered.and_then(|id| MessageId::parse(&id).ok()),
            thread: row.get(16)?,
        },
        text,
        time: instant(row.get(7)?),
        posted_by: row.get(6)?,
        edited: row.get::<_, Option<i64>>(17)?.map(instant),
        retracted: stored::decode_retraction(retracted.as_deref()),
        reactions: stored::decode_reactions(reactions.as_deref()),
    };
    let what = What::Message {
        conversation: ConversationKey(row.get(1)?),
        sender_agent: row.get::<_, Option<i64>>(5)?.map(AgentKey),
        message: Arc::new(message),
        revised: row.get(20)?,
    };
    Ok(Record {
        seq: row.get(0)?,
        committed: row.get(8)?,
        what,
    })
}

pub(super) fn read_notice(row: &Row<'_>) -> rusqlite::Result<Record> {
    let agent = AgentKey(row.get(1)?);
    let name: String = row.get(4)?;
    let value: Option<String> = row.get(5)?;
    let what = match row.get::<_, i64>(3)? {
        METADATA => What::MetaData {
            agent,
            key: name,
            value,
        },
        CHANNEL_STATE => {
            let channel = ChannelId::parse(&name).map_err(unreadable)?;
            What::ChannelState {
                agent,
                channel,
                active: value.as_deref() == Some("1"),
            }
        }
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(3, other)),
    };
    Ok(Record {
        seq: row.get(0)?,
        committed: row.get(2)?,
        what,
    })
}

fn marks(content: &Content) -> i64 {
    (ALERT * i64::from(content.alert)) | (AUTOMATIC * i64::from(content.automatic))
}

/// A time from milliseconds since 1970; one out of range becomes 1970.
pub(super) fn instant(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

/// The error for text in a column that does not parse.
pub(super) fn unreadable(error: crate::error::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}
