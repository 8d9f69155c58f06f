//! A change of an earlier message, written: the row of the change, and the message as it is now, in
//! one commit.
//!
//! What comes from a chat system is checked here, where the message is known: an edit has to be of
//! the message's own author, and so has a retraction unless a moderator made it. An edit whose
//! message is not known, or is somebody else's, is what other clients show of it: a message of its
//! own. A retraction or a reaction that names an unknown message waits for it. Rejected: a check in
//! each connector, which forgets with every restart what it heard.

use super::entry::{Batch, NewRow};
use super::known::known_row;
use super::recording::Journal;
use super::said::CHANGES;
use super::{revisions, row};
use crate::backend::Changes;
use crate::hub::Published;
use crate::model::{
    ChangeKind, ChannelId, ConversationKey, Message, MessageChange, REACTION_BYTES_MAX,
    REACTIONS_MAX, Reaction, Record, Retraction, Seq, What,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// People whose reactions a message shows at most.
const PEOPLE: usize = 1000;

/// A message that is to be changed.
struct Found {
    record: Record,
    author: String,
    sender_agent: Option<i64>,
}

impl Found {
    /// Reads the columns of a message, and its author behind them.
    fn read(row: &Row<'_>, channel: &ChannelId) -> rusqlite::Result<Found> {
        Ok(Found {
            record: row::read_message(row, channel)?,
            author: row.get(row::MESSAGE_COLUMN_COUNT)?,
            sender_agent: row.get(5)?,
        })
    }
}

impl Journal {
    /// Writes what `new` does to an earlier message.
    pub(super) fn change(
        &mut self,
        transaction: &Connection,
        inserting: &mut CachedStatement<'_>,
        batch: &mut Batch,
        conversation: ConversationKey,
        new: &NewRow,
        changes: &Changes,
    ) -> rusqlite::Result<()> {
        if let Some(record) = known_row(transaction, conversation, &CHANGES, new)? {
            if let Some(origin) = &new.origin {
                batch.ours.push((origin.clone(), Arc::new(record)));
            }
            return Ok(());
        }
        let found = find(transaction, conversation, new, changes)?;
        let is_ours = new.origin.is_some();
        let is_its_own = |found: &Found| match (found.sender_agent, new.sender_agent) {
            (Some(agent), Some(by)) => agent == by.0,
            _ => found.author == new.said_by(),
        };
        let kind = tidied(&changes.kind);
        let is_foreign = match &kind {
            ChangeKind::Edited
            | ChangeKind::Retracted {
                by_moderator: false,
                ..
            } => found.as_ref().is_some_and(|found| !is_its_own(found)),
            _ => false,
        };
        if is_foreign && !is_ours {
            self.settings.foreign.fetch_add(1, Ordering::Relaxed);
        }
        match (&kind, &found) {
            (ChangeKind::Edited, found) if !is_ours && (found.is_none() || is_foreign) => {
                let said = NewRow {
                    changes: None,
                    ..new.clone()
                };
                let none = &mut HashMap::new();
                return self.message(transaction, inserting, batch, none, &said);
            }
            (ChangeKind::Retracted { .. }, _) if is_foreign && !is_ours => return Ok(()),
            (ChangeKind::Receipt(_), None) if !is_ours => return Ok(()),
            (ChangeKind::Receipt(receipt), Some(found)) => {
                if !is_ours && found.sender_agent.is_none() {
                    return Ok(());
                }
                let (sender, seq) = (new.said_by(), found.record.seq);
                let is_further =
                    revisions::receive(transaction, conversation, sender, *receipt, seq)?;
                if !is_ours && !is_further {
                    return Ok(());
                }
            }
            _ => {}
        }
        self.revise(transaction, batch, conversation, new, changes, kind, found)
    }

    /// Writes the row of a change, and its message as it is now.
    #[expect(
        clippy::too_many_arguments,
        reason = "one caller, which has all of it at hand"
    )]
    fn revise(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        conversation: ConversationKey,
        new: &NewRow,
        changes: &Changes,
        kind: ChangeKind,
        found: Option<Found>,
    ) -> rusqlite::Result<()> {
        let mut change = change_of(new, changes, kind);
        let Some(Found {
            record:
                Record {
                    seq: target,
                    committed,
                    what:
                        What::Message {
                            sender_agent,
                            message,
                            ..
                        },
                },
            ..
        }) = found
        else {
            self.waiting.insert(conversation);
            let seq = self.numbers.next(transaction, batch)?;
            return publish(transaction, batch, (seq, conversation), new, change);
        };
        change.message = message.id.clone();
        change.target = Some(target);
        let mut now = Message::clone(&message);
        let applied = apply(&mut now, &change, new.author.as_deref());
        // Whoever asked for it is told of it; from the chat system it is no news.
        let is_news = applied || matches!(change.kind, ChangeKind::Receipt(_));
        if !is_news && new.origin.is_none() {
            return Ok(());
        }
        let seq = self.numbers.next(transaction, batch)?;
        if applied {
            row::update_message(transaction, target, &now, seq, &change.kind)?;
            let what = What::Message {
                conversation,
                sender_agent,
                message: Arc::new(now),
                revised: Some(seq),
            };
            let now = Record {
                seq: target,
                committed,
                what,
            };
            batch.published.push(Published::Replaced(Arc::new(now)));
        }
        if applied && message.edited.is_some() && is_retraction(&change.kind) {
            let erased = revisions::erase(transaction, target)?;
            batch.published.push(Published::Erased(erased));
        }
        publish(transaction, batch, (seq, conversation), new, change)
    }

    /// What waited for a message that was just written: applies it, oldest first.
    pub(super) fn catch_up_changes(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        conversation: ConversationKey,
        new: &NewRow,
        record: Record,
    ) -> rusqlite::Result<Record> {
        if !self.waiting.contains(&conversation) {
            return Ok(record);
        }
        let ids = [Some(new.id.as_str()), new.sender_id.as_deref()];
        let channel = &new.place.channel;
        let waiting = revisions::waiting_for(transaction, conversation, channel, ids)?;
        let Record {
            seq,
            committed,
            what:
                What::Message {
                    sender_agent,
                    message,
                    ..
                },
        } = &record
        else {
            return Ok(record);
        };
        let mut now = Message::clone(message);
        let (mut found, mut applied) = (Vec::new(), None);
        waited(&mut now, new.said_by(), &waiting, |said, was_applied| {
            found.push(said);
            applied = was_applied.then_some(said).or(applied);
        });
        for said in found {
            revisions::found(transaction, said, *seq)?;
        }
        if let Some(revised) = applied {
            row::update_message(transaction, *seq, &now, revised, &ChangeKind::Edited)?;
        }
        if now.retracted.is_some() {
            let erased = revisions::erase(transaction, *seq)?;
            batch.published.push(Published::Erased(erased));
        }
        let what = What::Message {
            conversation,
            sender_agent: *sender_agent,
            message: Arc::new(now),
            revised: applied,
        };
        Ok(Record {
            seq: *seq,
            committed: *committed,
            what,
        })
    }
}

/// The change that a received message is; its own message is as it was named.
fn change_of(new: &NewRow, changes: &Changes, kind: ChangeKind) -> MessageChange {
    let mut change = MessageChange::new(
        new.id.clone(),
        new.place.channel.clone(),
        changes.target.clone(),
        new.sender.clone(),
        kind,
        row::instant(new.time.timestamp_millis()),
    );
    change.sender_alias.clone_from(&new.sender_alias);
    change.posted_by.clone_from(&new.posted_by);
    if change.kind == ChangeKind::Edited {
        change.content = new.content.clone();
        change.text = change.content.visible_text();
    }
    change
}

/// Writes the row of a change, and has it published after its message.
fn publish(
    transaction: &Connection,
    batch: &mut Batch,
    (seq, conversation): (Seq, ConversationKey),
    new: &NewRow,
    change: MessageChange,
) -> rusqlite::Result<()> {
    let at = (seq, batch.committed);
    let record = Arc::new(revisions::insert(
        transaction,
        at,
        conversation,
        new,
        change,
    )?);
    if let Some(origin) = &new.origin {
        batch.ours.push((origin.clone(), record.clone()));
    }
    batch.published.push(Published::Record(record));
    Ok(())
}

fn is_retraction(kind: &ChangeKind) -> bool {
    matches!(kind, ChangeKind::Retracted { .. })
}

/// Applies what was said of a message before it was known, oldest first. Tells `found` the seq of
/// each change that is about it, and whether it changed anything.
pub(super) fn waited(
    message: &mut Message,
    said_by: &str,
    waiting: &[(Record, String)],
    mut found: impl FnMut(Seq, bool),
) {
    for (said, author) in waiting {
        let What::Change { change, .. } = &said.what else {
            continue;
        };
        let is_allowed = match &change.kind {
            ChangeKind::Retracted { by_moderator, .. } => *by_moderator || author == said_by,
            ChangeKind::Edited => author == said_by,
            _ => true,
        };
        if is_allowed {
            found(said.seq, apply(message, change, Some(author)));
        }
    }
}

/// Each reaction once, without empty ones and those that are no emoji by their length.
fn tidied(kind: &ChangeKind) -> ChangeKind {
    let ChangeKind::Reactions(set) = kind else {
        return kind.clone();
    };
    let mut tidy: Vec<String> = Vec::new();
    for one in set {
        if !one.is_empty()
            && one.len() <= REACTION_BYTES_MAX
            && tidy.len() < REACTIONS_MAX
            && !tidy.contains(one)
        {
            tidy.push(one.clone());
        }
    }
    ChangeKind::Reactions(tidy)
}

/// Applies a change to the message as it is; false if that changes nothing.
fn apply(message: &mut Message, change: &MessageChange, author: Option<&str>) -> bool {
    match &change.kind {
        ChangeKind::Edited => {
            if message.retracted.is_some() {
                return false;
            }
            message.text.clone_from(&change.text);
            let before = std::mem::replace(&mut message.content, change.content.clone());
            // An edit may leave out what it answers: it answers it all the same.
            message.content.in_reply_to = message.content.in_reply_to.take().or(before.in_reply_to);
            message.content.thread = message.content.thread.take().or(before.thread);
            message.edited = Some(change.time);
            true
        }
        ChangeKind::Retracted {
            by_moderator,
            reason,
        } => {
            if message.retracted.is_some() {
                return false;
            }
            message.text.clear();
            message.content = Default::default();
            message.retracted = Some(Retraction {
                by: change.sender.clone(),
                by_moderator: *by_moderator,
                reason: reason.clone(),
                time: change.time,
            });
            message.reactions.clear();
            true
        }
        ChangeKind::Reactions(set) => react(&mut message.reactions, change, set, author),
        ChangeKind::Receipt(_) | ChangeKind::Other(_) => false,
    }
}

/// Sets what somebody reacts with, unless a newer set of theirs is known.
fn react(
    reactions: &mut Vec<Reaction>,
    change: &MessageChange,
    set: &[String],
    author: Option<&str>,
) -> bool {
    let who = author.unwrap_or(&change.sender);
    let time = change.time.timestamp_millis();
    let is_theirs = |known: &Reaction| known.author.as_deref().unwrap_or(&known.sender) == who;
    match reactions.iter().position(is_theirs) {
        Some(at) => {
            let known = &mut reactions[at];
            if known.time > time || known.set == set {
                return false;
            }
            if set.is_empty() {
                reactions.remove(at);
            } else {
                known.set = set.to_vec();
                known.time = time;
            }
        }
        None if set.is_empty() || reactions.len() >= PEOPLE => return false,
        None => reactions.push(Reaction {
            sender: change.sender.clone(),
            sender_alias: change.sender_alias.clone(),
            set: set.to_vec(),
            author: author
                .filter(|who| *who != change.sender)
                .map(str::to_owned),
            time,
        }),
    }
    true
}

/// The message that `changes` names.
fn find(
    transaction: &Connection,
    conversation: ConversationKey,
    new: &NewRow,
    changes: &Changes,
) -> rusqlite::Result<Option<Found>> {
    let id = changes.target.as_str();
    let channel = &new.place.channel;
    let one = |condition: &str, author: &str| {
        let sql = format!(
            "SELECT {}, coalesce(author, sender) FROM message
             WHERE conversation = ?1 AND {condition} ORDER BY seq DESC LIMIT 1",
            row::MESSAGE_COLUMNS
        );
        let mut statement = transaction.prepare_cached(&sql)?;
        let read = |row: &Row<'_>| Found::read(row, channel);
        match author {
            "" => statement
                .query_row(params![conversation.0, id], read)
                .optional(),
            author => statement
                .query_row(params![conversation.0, id, author], read)
                .optional(),
        }
    };
    if !changes.is_own_id
        && let Some(found) = one("message_id = ?2", "")?
    {
        return Ok(Some(found));
    }
    if let Some(found) = one(
        "sender_id = ?2 AND coalesce(author, sender) = ?3",
        new.said_by(),
    )? {
        return Ok(Some(found));
    }
    if let Some(found) = one("origin_id = ?2", "")? {
        return Ok(Some(found));
    }
    if let Some(seq) = revisions::target_of(transaction, conversation, id)? {
        let sql = format!(
            "SELECT {}, coalesce(author, sender) FROM message WHERE seq = ?1",
            row::MESSAGE_COLUMNS
        );
        let found = transaction
            .prepare_cached(&sql)?
            .query_row([seq], |row| Found::read(row, channel))
            .optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    // Somebody else's, by the id that they gave it: found so that it is known as theirs.
    one("sender_id = ?2", "")
}
