//! The counters of the journal: seqs, revisions, and numbers of batches that have neither.

use super::entry::Batch;
use super::first_id::{SHOWN_MAX, first_id};
use super::newest::newest;
use super::opening::{Opening, fresh_instance, reserve};
use crate::hub::Published;
use crate::model::Seq;
use rusqlite::{Connection, OptionalExtension, params};

/// Seqs reserved at once.
const BLOCK: Seq = 4096;
/// The counters, as the present transaction leaves them.
pub(super) struct Numbers {
    /// The next seq.
    next: Seq,
    /// Seqs below this can be used without a write.
    reserved: Seq,
    /// The seq before the first of this instance.
    base: Seq,
    /// The base before the present transaction, if the transaction began a new instance.
    base_before: Option<Seq>,
    revision: u64,
    /// The number of the last batch that needed one of its own.
    sealed: i64,
    /// The largest id shown before a new instance begins.
    shown_max: Seq,
}

impl Numbers {
    pub(super) fn new(opening: &Opening, shown_max: Option<Seq>) -> Numbers {
        Numbers {
            next: opening.next,
            reserved: opening.next,
            base: opening.base,
            base_before: None,
            revision: opening.revision,
            sealed: opening.sealed,
            shown_max: shown_max.unwrap_or(SHOWN_MAX),
        }
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self) {
        self.base_before = None;
    }

    /// The transaction was rolled back. Its numbers are never shown and never used; the next one
    /// reserves a new block.
    pub(super) fn rolled_back(&mut self) {
        self.reserved = self.next;
        self.base = self.base_before.take().unwrap_or(self.base);
    }

    /// The newest seq that was given out.
    pub(super) fn last(&self) -> Seq {
        self.next - 1
    }

    /// Returns the next seq; begins a new block or a new instance where one is due.
    pub(super) fn next(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
    ) -> rusqlite::Result<Seq> {
        let shown = self.next - self.base;
        if shown > self.shown_max {
            let base = self.next - 1;
            let first = first_id(shown, batch.committed, self.shown_max);
            let (instance, next) = fresh_instance(transaction, base, first)?;
            self.base_before.get_or_insert(self.base);
            (self.base, self.next, self.reserved) = (base, next, next);
            batch.published.push(Published::Instance(instance, base));
        }
        if self.next >= self.reserved {
            self.reserved = self.next + BLOCK;
            reserve(transaction, self.reserved)?;
        }
        let seq = self.next;
        self.next += 1;
        batch.last = seq;
        Ok(seq)
    }

    /// Numbers the next change of an administrator, and writes the number.
    pub(super) fn next_revision(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
    ) -> rusqlite::Result<u64> {
        let revision = self.revision + 1;
        transaction
            .prepare_cached("UPDATE setting SET value = ?1 WHERE name = 'revision'")?
            .execute(params![revision as i64])?;
        self.revision = revision;
        batch.revision = Some(revision);
        Ok(revision)
    }

    /// Gives a batch a number of its own if nothing else in it can be found in the file. A change
    /// has its revision, messages and notices have their rows, and acknowledgements and resume
    /// points can be written twice; what is left are spans without an event, and tokens.
    pub(super) fn seal(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
    ) -> rusqlite::Result<()> {
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

    /// Whether `batch` is in the file.
    pub(super) fn is_there(connection: &Connection, batch: &Batch) -> rusqlite::Result<bool> {
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

    /// Gives back the rest of the block, so that ids continue without a gap after an orderly end.
    pub(super) fn close(&self, connection: &Connection) -> rusqlite::Result<()> {
        reserve(connection, self.next)
    }
}

fn last_record(batch: &Batch) -> Seq {
    batch.records().map(|record| record.seq).max().unwrap_or(0)
}
