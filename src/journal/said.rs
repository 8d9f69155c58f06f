//! The two tables of what is said in conversations: messages, and their changes. Both are read in
//! the same ways, so each is described once.

use super::revisions::{REVISION_COLUMNS, read_revision};
use super::row::{MESSAGE_COLUMNS, read_message};
use crate::model::{ChannelId, Record};
use rusqlite::Row;

/// Reads a row of a conversation, whose channel is given.
type ReadRow = fn(&Row<'_>, &ChannelId) -> rusqlite::Result<Record>;

/// One of the two tables.
pub(super) struct Said {
    pub(super) table: &'static str,
    /// The column of the id that the chat system gave.
    pub(super) id: &'static str,
    /// The columns that `read` expects; the conversation is the second.
    pub(super) columns: &'static str,
    /// The number of the column `committed`.
    pub(super) committed: usize,
    pub(super) read: ReadRow,
}

pub(super) const MESSAGES: Said = Said {
    table: "message",
    id: "message_id",
    columns: MESSAGE_COLUMNS,
    committed: 8,
    read: read_message,
};

pub(super) const CHANGES: Said = Said {
    table: "revision",
    id: "revision_id",
    columns: REVISION_COLUMNS,
    committed: 10,
    read: read_revision,
};
