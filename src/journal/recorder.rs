//! The journal's side of the writer: entries become rows, numbered from a counter that never goes back.
//!
//! The counter is reserved in blocks of 4,096, so that no commit touches its page; what a crash leaves of a block is
//! never used. Ids shown stay below 2^31: before that a new instance begins, and they start at 1 again.

use super::early::Early;
use super::entry::{Acknowledged, Batch, Entry, EntryKind, NewRow};
use super::opening::{Opening, fresh_instance};
use super::retention::Retention;
use super::sweeping::Sweeping;
use super::{dates, row, spans};
use crate::clock::Calendar;
use crate::database::{Reach, Recorder};
use crate::hub::Published;
use crate::model::{AgentKey, ChannelId, ConversationKey, Place, Record, ResumePoint, Seq};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seqs reserved at once.
const BLOCK: Seq = 4096;
/// Ids shown stay below this (`getInt` of a client), with room for one batch.
const SHOWN_MAX: Seq = (1 << 31) - 4096;
/// Conversations whose number is remembered.
const KNOWN: usize = 65_536;

/// What the journal is told at start.
pub(crate) struct JournalSettings {
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) retention: Retention,
    /// Messages for conversations that none of our agents was ever in, and that no join came for.
    pub(crate) strays: Arc<AtomicU64>,
    /// The largest id shown before a new instance begins; lower in tests.
    pub(crate) shown_max: Option<Seq>,
}

/// Turns entries into rows; lives on the writer's thread.
pub(crate) struct Journal {
    settings: JournalSettings,
    next: Seq,
    reserved: Seq,
    base: Seq,
    /// The base before the one that the present transaction began, if it began one.
    base_before: Option<Seq>,
    revision: u64,
    /// The number of the last batch that was sealed with one.
    sealed: i64,
    known: HashMap<Place, ConversationKey>,
    sweeping: Sweeping,
    /// Messages that wait for the join that makes their conversation.
    early: Early,
}

impl Journal {
    pub(crate) fn new(settings: JournalSettings, opening: &Opening) -> Journal {
        Journal {
            settings,
            next: opening.next,
            reserved: opening.next,
            base: opening.base,
            base_before: None,
            revision: opening.revision,
            sealed: opening.sealed,
            known: HashMap::new(),
            sweeping: Sweeping::default(),
            early: Early::default(),
        }
    }

    /// A batch that begins now.
    pub(crate) fn begin(&mut self) -> Batch {
        self.base_before = None;
        self.early.begin();
        Batch {
            committed: self.now(),
            ..Batch::default()
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.settings.calendar.wall()
    }

    /// The number of the next control-plane change; written with it.
    pub(crate) fn next_revision(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
    ) -> rusqlite::Result<u64> {
        self.sweeping.ask();
        let revision = self.revision + 1;
        transaction
            .prepare_cached("UPDATE setting SET value = ?1 WHERE name = 'revision'")?
            .execute(params![revision as i64])?;
        self.revision = revision;
        batch.revision = Some(revision);
        Ok(revision)
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
        let seq = self.number(transaction, batch)?;
        let record = row::insert_metadata(transaction, seq, batch.committed, agent, key, value)?;
        batch.published.push(Published::Record(Arc::new(record)));
        Ok(())
    }

    /// Ends an agent's stay in a channel that it no longer may use, with the event if it was announced.
    pub(crate) fn channel_removed(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        channel: &ChannelId,
        announced: bool,
    ) -> rusqlite::Result<()> {
        let closed = spans::close(transaction, agent, channel, None, self.next - 1)?;
        batch
            .published
            .extend(closed.into_iter().map(Published::Span));
        if announced {
            self.channel_state(transaction, batch, agent, channel, false)?;
        }
        Ok(())
    }

    fn channel_state(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        channel: &ChannelId,
        active: bool,
    ) -> rusqlite::Result<()> {
        let seq = self.number(transaction, batch)?;
        let record =
            row::insert_channel_state(transaction, seq, batch.committed, agent, channel, active)?;
        batch.published.push(Published::Record(Arc::new(record)));
        Ok(())
    }

    /// The next seq; begins a new block or a new instance where one is due.
    fn number(&mut self, transaction: &Connection, batch: &mut Batch) -> rusqlite::Result<Seq> {
        if self.next >= self.reserved {
            self.reserved = self.next + BLOCK;
            transaction
                .prepare_cached("UPDATE setting SET value = ?1 WHERE name = 'reserved'")?
                .execute(params![self.reserved])?;
        }
        let seq = self.next;
        if seq - self.base > self.settings.shown_max.unwrap_or(SHOWN_MAX) {
            let base = seq - 1;
            let instance = fresh_instance(transaction, base)?;
            self.base_before = Some(self.base);
            self.base = base;
            batch.published.push(Published::Instance(instance, base));
        }
        self.next += 1;
        batch.last = seq;
        Ok(seq)
    }

    fn conversation(
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

    fn remember(&mut self, place: &Place, key: ConversationKey) {
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(place.clone(), key);
    }

    fn message(
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
        let seq = self.number(transaction, batch)?;
        match row::insert_message(inserting, seq, batch.committed, conversation, new)? {
            Some(record) => {
                let record = Arc::new(record);
                if let Some(origin) = &new.origin {
                    batch.ours.push((origin.clone(), record.clone()));
                }
                batch.published.push(Published::Record(record));
            }
            None => {
                if let Some(origin) = &new.origin
                    && let Some(record) = known_row(transaction, conversation, new)?
                {
                    claim(transaction, record.seq, new)?;
                    batch.ours.push((origin.clone(), Arc::new(record)));
                }
            }
        }
        Ok(())
    }

    /// An agent hears from here on: its conversation is there, its span begins unless it lasts.
    fn entered(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        place: &Place,
    ) -> rusqlite::Result<Option<ConversationKey>> {
        if !spans::is_wanted(transaction, agent, &place.channel)? {
            return Ok(None);
        }
        let conversation = match self.conversation(transaction, place)? {
            Some(key) => key,
            None => {
                let key = spans::create_conversation(transaction, place)?;
                self.remember(place, key);
                key
            }
        };
        let elsewhere = spans::close(
            transaction,
            agent,
            &place.channel,
            Some(conversation),
            self.next - 1,
        )?;
        batch
            .published
            .extend(elsewhere.into_iter().map(Published::Span));
        let opened = spans::open(transaction, agent, conversation, self.next - 1)?;
        batch.published.extend(opened.map(Published::Span));
        Ok(Some(conversation))
    }

    fn joined(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        resumes: &mut HashMap<ConversationKey, ResumePoint>,
        agent: AgentKey,
        place: &Place,
        resume: Option<&ResumePoint>,
    ) -> rusqlite::Result<()> {
        let Some(conversation) = self.entered(transaction, batch, agent, place)? else {
            return Ok(());
        };
        if let Some(point) = resume {
            resumes.insert(conversation, point.clone());
        }
        if spans::announce(transaction, agent, &place.channel, true)? {
            self.channel_state(transaction, batch, agent, &place.channel, true)?;
        }
        Ok(())
    }

    /// Writes what came before the conversation did.
    fn write_early(
        &mut self,
        transaction: &Connection,
        inserting: &mut CachedStatement<'_>,
        batch: &mut Batch,
        place: &Place,
    ) -> rusqlite::Result<()> {
        for row in self.early.of(place) {
            // Where the conversation stands is the join's to say: these came before it.
            let row = NewRow {
                resume: None,
                ..row
            };
            self.message(transaction, inserting, batch, &mut HashMap::new(), &row)?;
        }
        Ok(())
    }

    fn down(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        channel: &ChannelId,
    ) -> rusqlite::Result<()> {
        if spans::announce(transaction, agent, channel, false)? {
            self.channel_state(transaction, batch, agent, channel, false)?;
        }
        Ok(())
    }
}

fn acknowledge(transaction: &Connection, reader: &Acknowledged, now: i64) -> rusqlite::Result<()> {
    // Cleared first: what is acknowledged from here on queues an entry of its own.
    reader.queued.store(false, Ordering::Release);
    transaction
        .prepare_cached(
            "UPDATE reader SET place = ?3, moved = ?4
             WHERE agent = ?1 AND name = ?2 AND place < ?3",
        )?
        .execute(params![
            reader.agent.0,
            reader.name.as_str(),
            reader.place.load(Ordering::Acquire),
            now
        ])
        .map(drop)
}

/// A message of ours that came first without its origin, by way of somebody who could not know: now it is known.
fn claim(transaction: &Connection, seq: Seq, new: &NewRow) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE OR IGNORE message SET origin_id = ?2, sender_agent = coalesce(sender_agent, ?3)
             WHERE seq = ?1 AND origin_id IS NULL",
        )?
        .execute(params![
            seq,
            new.origin.as_ref().map(crate::model::OriginId::as_str),
            new.sender_agent.map(|agent| agent.0)
        ])
        .map(drop)
}

fn known_row(
    transaction: &Connection,
    conversation: ConversationKey,
    new: &NewRow,
) -> rusqlite::Result<Option<Record>> {
    let sql = format!(
        "SELECT {} FROM message
         WHERE conversation = ?1 AND (message_id = ?2 OR (origin_id IS NOT NULL AND origin_id = ?3))
         LIMIT 1",
        row::MESSAGE_COLUMNS
    );
    transaction
        .prepare_cached(&sql)?
        .query_row(
            params![
                conversation.0,
                new.id.as_str(),
                new.origin.as_ref().map(crate::model::OriginId::as_str)
            ],
            |found| row::read_message(found, &new.place.channel),
        )
        .optional()
}

impl Recorder for Journal {
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
                EntryKind::Entered { agent, place } => {
                    self.entered(transaction, &mut batch, *agent, place)?;
                    self.write_early(transaction, &mut inserting, &mut batch, place)?;
                }
                EntryKind::Joined {
                    agent,
                    place,
                    resume,
                } => {
                    self.joined(
                        transaction,
                        &mut batch,
                        &mut resumes,
                        *agent,
                        place,
                        resume.as_ref(),
                    )?;
                    self.write_early(transaction, &mut inserting, &mut batch, place)?;
                }
                EntryKind::Left { agent, place } => {
                    self.sweeping.ask();
                    if place.agent.is_some() {
                        let forgotten = self.early.forget(place);
                        self.settings.strays.fetch_add(forgotten, Ordering::Relaxed);
                    }
                    let closed =
                        spans::close(transaction, *agent, &place.channel, None, self.next - 1)?;
                    batch
                        .published
                        .extend(closed.into_iter().map(Published::Span));
                    self.down(transaction, &mut batch, *agent, &place.channel)?;
                }
                EntryKind::Down { agent, channel } => {
                    self.down(transaction, &mut batch, *agent, channel)?
                }
                EntryKind::Acknowledge(reader) => {
                    acknowledge(transaction, reader, batch.committed)?
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

    /// A change has its revision, messages and notices have their rows, acknowledgements and resume points can be
    /// written twice. All that is left (spans without an event, a token) takes a number of its own.
    fn seal(&mut self, transaction: &Connection, batch: &mut Batch) -> rusqlite::Result<()> {
        if batch.revision.is_some() || batch.repeatable || batch.records().next().is_some() {
            return Ok(());
        }
        self.sealed += 1;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO setting (name, value) VALUES ('sealed', ?1)")?
            .execute([self.sealed])?;
        batch.sealed = Some(self.sealed);
        Ok(())
    }

    fn reach(connection: &Connection) -> rusqlite::Result<Reach> {
        reach(connection)
    }

    fn is_there(&self, connection: &Connection, batch: &Batch) -> rusqlite::Result<bool> {
        if let Some(revision) = batch.revision {
            let stored: i64 = connection.query_row(
                "SELECT value FROM setting WHERE name = 'revision'",
                [],
                |row| row.get(0),
            )?;
            return Ok(stored >= revision as i64);
        }
        if let Some(sealed) = batch.sealed {
            let stored: Option<i64> = connection
                .query_row(
                    "SELECT value FROM setting WHERE name = 'sealed'",
                    [],
                    |row| row.get(0),
                )
                .optional()?;
            return Ok(stored == Some(sealed));
        }
        Ok(last_record(batch) > 0 && newest(connection)? >= last_record(batch))
    }

    fn rolled_back(&mut self) {
        // Numbers taken are never shown and never used; the next one reserves anew.
        self.reserved = self.next;
        self.base = self.base_before.take().unwrap_or(self.base);
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
        // The block's rest is given back, so that ids go on without a leap after an orderly end.
        connection.execute(
            "UPDATE setting SET value = ?1 WHERE name = 'reserved'",
            [self.next],
        )?;
        connection.execute_batch("UPDATE setting SET value = 1 WHERE name = 'clean'")
    }
}

/// How far the file reaches.
pub(crate) fn reach(connection: &Connection) -> rusqlite::Result<Reach> {
    Reach::read(connection, newest(connection)?)
}

/// The newest seq of a row.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<Seq> {
    connection
        .prepare_cached("SELECT max(coalesce((SELECT max(seq) FROM message), 0), coalesce((SELECT max(seq) FROM notice), 0))")?
        .query_row([], |row| row.get(0))
}

fn last_record(batch: &Batch) -> Seq {
    batch.records().map(|record| record.seq).max().unwrap_or(0)
}

impl Batch {
    /// The rows in it.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.published.iter().filter_map(|item| match item {
            Published::Record(record) => Some(record),
            _ => None,
        })
    }
}
