//! The journal's side of the writer: turns entries into rows, numbered from a counter that never
//! goes back.
//!
//! The counter is reserved in blocks of 4,096, so that no commit writes the page of the counter; a
//! crash leaves the rest of a block unused. Ids that are shown stay below 2^31: before that a new
//! instance begins (see `first_id`).

use super::acknowledging::acknowledge;
use super::early::Early;
use super::entry::{Batch, Entry, EntryKind, NewRow};
use super::known::{answered, claim, known_row};
use super::newest::reach;
use super::numbers::Numbers;
use super::opening::Opening;
use super::retention::Retention;
use super::said::MESSAGES;
use super::sweeping::Sweeping;
use super::{contacts, dates, deliveries, row, spans};
use crate::clock::Calendar;
use crate::database::{Reach, RowWriter};
use crate::hub::Published;
use crate::model::{AgentKey, ChannelId, ConversationKey, MessageId, Place, ResumePoint, Seq};
use rusqlite::{CachedStatement, Connection};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Conversations whose number is remembered.
const KNOWN: usize = 65_536;

/// What the journal is told at start.
pub(crate) struct JournalSettings {
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) retention: Retention,
    /// Counts messages that were dropped because no join came for their conversation.
    pub(crate) strays: Arc<AtomicU64>,
    /// Counts edits and retractions of somebody else's message.
    pub(crate) foreign: Arc<AtomicU64>,
    /// The largest id shown before a new instance begins; lower in tests.
    pub(crate) shown_max: Option<Seq>,
}

/// Turns entries into rows; lives on the writer's thread.
pub(crate) struct Journal {
    pub(super) settings: JournalSettings,
    pub(super) numbers: Numbers,
    known: HashMap<Place, ConversationKey>,
    pub(super) sweeping: Sweeping,
    /// Messages that wait for the join that makes their conversation.
    pub(super) early: Early,
    /// Conversations in which a change may wait for a message that is not known.
    pub(super) waiting: HashSet<ConversationKey>,
}

impl Journal {
    pub(crate) fn new(settings: JournalSettings, opening: &Opening) -> Journal {
        Journal {
            numbers: Numbers::new(opening, settings.shown_max),
            settings,
            known: HashMap::new(),
            sweeping: Sweeping::default(),
            early: Early::default(),
            waiting: opening.waiting.iter().copied().collect(),
        }
    }

    /// A batch that begins now.
    pub(crate) fn begin(&mut self) -> Batch {
        self.numbers.begin();
        self.early.begin();
        Batch {
            committed: self.now(),
            ..Batch::default()
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.settings.calendar.wall()
    }

    /// Numbers the next change of an administrator, and writes the number.
    pub(crate) fn next_revision(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
    ) -> rusqlite::Result<u64> {
        self.sweeping.ask();
        self.numbers.next_revision(transaction, batch)
    }

    /// Writes the event of a metadata change.
    pub(crate) fn metadata_changed(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        key: &str,
        value: Option<&str>,
    ) -> rusqlite::Result<()> {
        let seq = self.numbers.next(transaction, batch)?;
        let record = row::insert_metadata(transaction, seq, batch.committed, agent, key, value)?;
        batch.published.push(Published::Record(Arc::new(record)));
        Ok(())
    }

    /// Ends an agent's stay in a channel that it no longer may use, with the event if it was
    /// announced.
    pub(crate) fn channel_removed(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        channel: &ChannelId,
        announced: bool,
    ) -> rusqlite::Result<()> {
        let closed = spans::close(transaction, agent, channel, None, self.numbers.last())?;
        batch
            .published
            .extend(closed.into_iter().map(Published::Span));
        if announced {
            self.channel_state(transaction, batch, agent, channel, false)?;
        }
        Ok(())
    }

    pub(super) fn channel_state(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        channel: &ChannelId,
        active: bool,
    ) -> rusqlite::Result<()> {
        let seq = self.numbers.next(transaction, batch)?;
        let record =
            row::insert_channel_state(transaction, seq, batch.committed, agent, channel, active)?;
        batch.published.push(Published::Record(Arc::new(record)));
        Ok(())
    }

    pub(super) fn conversation(
        &mut self,
        transaction: &Connection,
        place: &Place,
    ) -> rusqlite::Result<Option<ConversationKey>> {
        if let Some(key) = self.known.get(place) {
            return Ok(Some(*key));
        }
        let found = spans::conversation(transaction, place)?;
        if let Some(key) = found {
            self.remember(place, key);
        }
        Ok(found)
    }

    pub(super) fn remember(&mut self, place: &Place, key: ConversationKey) {
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(place.clone(), key);
    }

    pub(super) fn message(
        &mut self,
        transaction: &Connection,
        inserting: &mut CachedStatement<'_>,
        batch: &mut Batch,
        resumes: &mut HashMap<ConversationKey, ResumePoint>,
        new: &NewRow,
    ) -> rusqlite::Result<()> {
        let Some(conversation) = self.conversation(transaction, &new.place)? else {
            let displaced = self.early.keep(new, batch.committed);
            self.settings.strays.fetch_add(displaced, Ordering::Relaxed);
            return Ok(());
        };
        if let Some(point) = &new.resume {
            resumes.insert(conversation, point.clone());
        }
        if let Some(changes) = &new.changes {
            return self.change(transaction, inserting, batch, conversation, new, changes);
        }
        let answer = answer(transaction, conversation, new)?;
        let new = answer.as_ref().unwrap_or(new);
        let seq = self.numbers.next(transaction, batch)?;
        match row::insert_message(inserting, seq, batch.committed, conversation, new)? {
            Some(record) => {
                let record =
                    self.catch_up_changes(transaction, batch, conversation, new, record)?;
                let record = Arc::new(record);
                if let Some(origin) = &new.origin {
                    batch.ours.push((origin.clone(), record.clone()));
                }
                batch.published.push(Published::Record(record));
            }
            None => {
                if let Some(origin) = &new.origin
                    && let Some(record) = known_row(transaction, conversation, &MESSAGES, new)?
                {
                    claim(transaction, record.seq, new)?;
                    batch.ours.push((origin.clone(), Arc::new(record)));
                }
            }
        }
        Ok(())
    }
}

/// A message that answers another one, under that one's own id, and without the quotation of it if
/// it is known; `None` if it answers none, or says what it says already.
fn answer(
    transaction: &Connection,
    conversation: ConversationKey,
    new: &NewRow,
) -> rusqlite::Result<Option<NewRow>> {
    let Some(id) = &new.content.in_reply_to else {
        return Ok(None);
    };
    let Some(known) = answered(transaction, conversation, id.as_str())? else {
        return Ok(None);
    };
    if known == id.as_str() && new.unquoted.is_none() {
        return Ok(None);
    }
    let mut answer = new.clone();
    answer.content.in_reply_to = Some(MessageId::parse(&known).map_err(row::unreadable)?);
    if let Some(parts) = answer.unquoted.take() {
        answer.content.parts = parts;
    }
    Ok(Some(answer))
}

impl RowWriter for Journal {
    type Entry = Entry;
    type Batch = Batch;

    fn weight(entry: &Entry) -> usize {
        entry.weight()
    }

    fn record(&mut self, transaction: &Connection, entries: &[Entry]) -> rusqlite::Result<Batch> {
        let mut batch = self.begin();
        let mut inserting = row::inserting(transaction)?;
        let mut resumes: HashMap<ConversationKey, ResumePoint> = HashMap::new();
        for entry in entries {
            match &entry.kind {
                EntryKind::Message(new) => {
                    self.message(transaction, &mut inserting, &mut batch, &mut resumes, new)?
                }
                EntryKind::Resume { place, point } => {
                    if let Some(key) = self.conversation(transaction, place)? {
                        resumes.insert(key, point.clone());
                    }
                }
                EntryKind::Entered { agent, place, open } => {
                    self.entered(transaction, &mut batch, *agent, place, *open)?;
                    self.write_early(transaction, &mut inserting, &mut batch, place)?;
                }
                EntryKind::Joined {
                    agent,
                    place,
                    resume,
                    open,
                } => {
                    let resume = resume.as_ref();
                    let entered = self.entered(transaction, &mut batch, *agent, place, *open)?;
                    if let Some(conversation) = entered {
                        self.joined(transaction, &mut batch, *agent, place)?;
                        resumes.extend(resume.map(|point| (conversation, point.clone())));
                    }
                    self.write_early(transaction, &mut inserting, &mut batch, place)?;
                }
                EntryKind::Left { agent, place } => {
                    self.left(transaction, &mut batch, *agent, place)?
                }
                EntryKind::Down { agent, channel } => {
                    self.down(transaction, &mut batch, *agent, channel)?
                }
                EntryKind::Contact {
                    agent,
                    channel,
                    times,
                } => contacts::note(transaction, *agent, channel, *times)?,
                EntryKind::Acknowledge(reader) => {
                    acknowledge(transaction, reader, batch.committed)?
                }
                EntryKind::Delivery(entry) => {
                    deliveries::write(transaction, entry, batch.committed)?
                }
                EntryKind::Flush => {}
            }
        }
        for (key, point) in &resumes {
            spans::set_resume(transaction, *key, point)?;
        }
        batch.repeatable = batch.published.is_empty();
        Ok(batch)
    }

    fn seal(&mut self, transaction: &Connection, batch: &mut Batch) -> rusqlite::Result<()> {
        self.numbers.seal(transaction, batch)
    }

    fn is_there(&self, connection: &Connection, batch: &Batch) -> rusqlite::Result<bool> {
        Numbers::is_there(connection, batch)
    }

    fn reach(connection: &Connection) -> rusqlite::Result<Reach> {
        reach(connection)
    }

    fn rolled_back(&mut self) {
        self.numbers.rolled_back();
        self.known.clear();
        self.early.rolled_back();
    }

    fn upkeep_due(&self) -> bool {
        let now = self.settings.calendar.believed();
        self.settings.retention.is_due(now) || self.sweeping.is_due(now)
    }

    fn upkeep(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let now = self.settings.calendar.believed();
        if self.settings.retention.is_due(now) && self.settings.retention.slice(connection, now)? {
            return Ok(true);
        }
        if !self.sweeping.is_due(now) {
            return Ok(false);
        }
        let (swept, more) = self.sweeping.slice(connection, now)?;
        if swept {
            self.known.clear();
        }
        Ok(more)
    }

    fn upkeep_failed(&mut self) {
        self.settings.retention.forget();
        self.sweeping = Sweeping::default();
    }

    fn close(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        dates::note(connection, self.settings.calendar.dates())?;
        self.numbers.close(connection)?;
        connection.execute_batch("UPDATE setting SET value = 1 WHERE name = 'clean'")
    }
}
