//! What the writer's thread does: it commits groups of entries, and between them changes,
//! checkpoints and upkeep.

use super::committable::{Group, Last, Slice};
use super::crowd::Crowd;
use super::error::StorageFault;
use super::examine::keep_log;
use super::missed;
use super::queue::Work;
use super::row_writer::{Publisher, RowWriter};
use super::shared::{Job, Shared};
use super::transactions::{Attempt, Transactions};
use super::wal;
use crate::error::Error;
use crate::waiting::engine_thread;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Pause before the next slice of upkeep while there is more to do.
const BREATH: Duration = Duration::from_millis(5);
/// After this time without work the writer counts as idle and makes a checkpoint.
const IDLE: Duration = Duration::from_millis(200);
/// How often an idle writer checks the files. Otherwise the first post after their removal would
/// reach the chat system before the engine finds that it cannot record it.
const LOOK: Duration = Duration::from_secs(1);
/// How often a refused batch is tried again once the engine is stopping.
const LAST_TRIES: u32 = 5;
/// Pause before a refused batch is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// What the thread works with.
pub(super) struct Body<R: RowWriter> {
    shared: Arc<Shared<R>>,
    transactions: Transactions<R>,
    publisher: Arc<dyn Publisher<R>>,
    crowd: Crowd,
    /// Whether something was written since the last whole checkpoint.
    written: bool,
    /// When there was work last.
    worked: Instant,
    /// Whether upkeep has more to do.
    upkeep: bool,
}

impl<R: RowWriter> Body<R> {
    pub(super) fn new(
        shared: Arc<Shared<R>>,
        transactions: Transactions<R>,
        publisher: Arc<dyn Publisher<R>>,
    ) -> Body<R> {
        Body {
            shared,
            transactions,
            publisher,
            crowd: Crowd::default(),
            written: false,
            worked: Instant::now(),
            upkeep: true,
        }
    }

    pub(super) fn run(&mut self) {
        engine_thread();
        loop {
            let waits = self.written || !self.transactions.writable().load(Ordering::Acquire);
            let quiet = if waits {
                Some(IDLE)
            } else {
                self.transactions.connection().is_some().then_some(LOOK)
            };
            let idle = if self.upkeep { Some(BREATH) } else { quiet };
            let work = self.shared.queue.next(self.crowd.patience(idle));
            if work.stop {
                break;
            }
            let idle = work.idle;
            self.work(work);
            let idle_for_long = idle && self.worked.elapsed() >= IDLE;
            if idle_for_long {
                self.watch();
            }
            if (idle_for_long && self.written)
                || self.transactions.connection().is_some_and(wal::is_long)
            {
                self.checkpoint();
            }
            if self.upkeep || idle || !self.written {
                self.look_after();
            }
        }
        // The check before the end decides, not a check now: a file that was moved away is finished
        // where it lies.
        let _ = self.transactions.opened().look();
        if self.transactions.opened().is_overwritten() {
            tracing::error!("the database was overwritten; its log is left as it is");
            if let Some(Err(error)) = self
                .transactions
                .connection()
                .map(|connection| keep_log(connection, true))
            {
                tracing::error!(%error, "the log may be copied into it");
            }
            return;
        }
        let closed = self
            .transactions
            .commit(|rows, transaction| rows.close(transaction).map(Last));
        if let Attempt::Failed(_, error) = closed {
            tracing::warn!(%error, "the database could not be marked as closed in good order");
        }
        self.finish();
    }

    /// Looks at the files while nothing comes.
    fn watch(&self) {
        match self.transactions.opened().look_lately() {
            Ok(()) => self.transactions.succeeds(),
            Err(reason) => self.transactions.not_ours(&reason),
        }
    }

    fn work(&mut self, work: Work<R::Entry, Job<R>>) {
        if !work.idle {
            self.written = true;
            self.worked = Instant::now();
        }
        if !work.entries.is_empty() {
            let (size, begin) = (work.entries.len(), Instant::now());
            self.group(work.entries, work.bytes);
            self.crowd.note(size, begin.elapsed());
        }
        if let Some(job) = work.job {
            self.upkeep = true;
            self.job(job);
        }
    }

    /// Commits a group; repeats that until the disk takes it.
    fn group(&mut self, entries: Vec<R::Entry>, bytes: usize) {
        let mut last_tries = LAST_TRIES;
        loop {
            let attempt = self
                .transactions
                .attempt(|rows, transaction| rows.record(transaction, &entries).map(Group));
            match attempt {
                Attempt::Committed(Group(batch)) => {
                    self.transactions.succeeds();
                    let shared = self.shared.clone();
                    self.publisher.committed(
                        entries,
                        batch,
                        Box::new(move || shared.queue.release(bytes)),
                    );
                    return;
                }
                Attempt::Failed(StorageFault::Lasting, error) => {
                    return self.singly(entries, bytes, error);
                }
                Attempt::Failed(_, error) => {
                    if self.transactions.fails() {
                        tracing::error!(%error, "the journal cannot be written; trying again until it can");
                    }
                    if self.shared.queue.is_stopping() {
                        // Another program may hold the lock as long as it likes, but a shutdown has
                        // a deadline.
                        let hurry =
                            |_: &mut R, connection: &Connection| connection.busy_timeout(RETRY);
                        if let Err(error) = self.transactions.with(hurry) {
                            tracing::debug!(%error, "the last tries wait as long as the others");
                        }
                        last_tries -= 1;
                    }
                    if last_tries == 0 {
                        tracing::error!(%error, "the engine stops while the journal cannot be written");
                        self.shared.queue.release(bytes);
                        return entries
                            .into_iter()
                            .for_each(|entry| self.publisher.failed(entry, error.clone()));
                    }
                    // Nobody waits for ever: the changes that wait are refused, and nothing of them
                    // is written.
                    for job in self.shared.queue.take_jobs() {
                        (job.refused)(error.clone());
                    }
                    std::thread::sleep(RETRY);
                }
            }
        }
    }

    /// One entry spoils its group: each entry is now committed alone, and the one that cannot be
    /// written is reported.
    fn singly(&mut self, entries: Vec<R::Entry>, bytes: usize, error: Error) {
        if entries.len() == 1 {
            tracing::error!(%error, "an entry cannot be written and is dropped");
            self.shared.queue.release(bytes);
            for entry in entries {
                self.publisher.failed(entry, error.clone());
            }
            return;
        }
        for entry in entries {
            self.group(vec![entry], 0);
        }
        self.shared.queue.release(bytes);
    }

    fn job(&mut self, job: Job<R>) {
        let Job { run, refused } = job;
        let mut why = None;
        let attempt = self
            .transactions
            .attempt(|rows, transaction| match run(rows, transaction) {
                Ok(done) => Ok(done),
                Err(error) => {
                    why = Some(error);
                    Err(rusqlite::Error::QueryReturnedNoRows)
                }
            });
        match attempt {
            Attempt::Committed((batch, after)) => {
                self.transactions.succeeds();
                self.publisher.changed(batch, after);
            }
            Attempt::Failed(_, error) => {
                let error = why.unwrap_or(error);
                if let Error::Corrupt { reason, .. } = &error {
                    self.transactions.opened().note_damage(reason);
                }
                refused(error);
            }
        }
    }

    /// Makes the last checkpoint, so that the database file alone is complete and can be moved. A
    /// program that is reading keeps part of the log, so the checkpoint is tried again for a
    /// moment.
    fn finish(&mut self) {
        for _ in 0..LAST_TRIES {
            if self.checkpoint() {
                return self
                    .transactions
                    .opened()
                    .end(self.transactions.connection());
            }
            std::thread::sleep(RETRY);
        }
        tracing::error!(
            "the log could not be copied into the database: keep `-wal` and `-lock` with it until the next orderly stop"
        );
    }

    /// Makes a checkpoint; true if it copied the whole log.
    fn checkpoint(&mut self) -> bool {
        self.written = false;
        let Some(connection) = self.transactions.connection() else {
            return true;
        };
        let done = self.transactions.opened().checkpoint(connection);
        let is_whole = done == Ok(true);
        if is_whole {
            self.transactions.opened().checkpointed();
        }
        // Tried again when the writer is idle, though nothing was written since: the failure may
        // heal by itself.
        self.written = missed::note(&self.shared.missed, done, connection).is_err();
        is_whole
    }

    fn look_after(&mut self) {
        if !self.transactions.rows().upkeep_due() {
            self.upkeep = false;
            return;
        }
        match self
            .transactions
            .attempt(|rows, transaction| rows.upkeep(transaction).map(Slice))
        {
            Attempt::Committed(Slice(more)) => self.upkeep = more,
            Attempt::Failed(_, error) => {
                self.upkeep = false;
                self.transactions.upkeep_failed();
                tracing::warn!(%error, "upkeep failed; it will be tried again");
            }
        }
    }
}
