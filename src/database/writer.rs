//! The one thread that writes: group commits of what happened, one control-plane job at a time between them.
//!
//! Its loop: up to 512 entries or 1 MiB in one transaction, hand the batch on, at most one job in a transaction of
//! its own, a checkpoint when idle or the WAL is large, a slice of upkeep. What cannot be written because the disk
//! is full or failing is tried again until it can be: the queue fills, the links feel it, and nothing is lost. After
//! an I/O error the outcome of a commit is unknown: the file is reopened, and its newest seq decides.

use super::committable::{Committable, Group, Last, Slice};
use super::crowd::Crowd;
use super::error::{Failure, StorageFault, storage};
use super::examine::keep_log;
use super::file::Opened;
use super::missed::{self, Missed};
use super::queue::{Lane, Queue, Work};
use super::reach::Reach;
use super::recording::{After, Publisher, Recorder};
use super::wal;
use crate::error::{Error, Result};
use crate::waiting::{Busy, Pending, Promise, engine_thread, pending};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long nothing may come before the next slice of upkeep, where there is more to do.
const BREATH: Duration = Duration::from_millis(5);
/// How long nothing may come before the writer counts as idle and checkpoints.
const IDLE: Duration = Duration::from_millis(200);
/// How often the files are looked at while nothing comes: else the first post after they were removed would leave for
/// the chat system, and only then find that it cannot be recorded.
const LOOK: Duration = Duration::from_secs(1);
/// How often a batch that the disk refuses is tried again once the engine is stopping.
const LAST_TRIES: u32 = 5;
/// When somebody whom a full or locked disk refused should come again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Pause before a batch that the disk refused is tried again.
const RETRY: Duration = Duration::from_millis(200);

type Run<R> =
    Box<dyn FnOnce(&mut R, &Connection) -> Result<(<R as Recorder>::Batch, After)> + Send>;

struct Job<R: Recorder> {
    run: Run<R>,
    refused: Box<dyn FnOnce(Error) + Send>,
}

struct Shared<R: Recorder> {
    queue: Queue<R::Entry, Job<R>>,
    writable: AtomicBool,
    missed: Mutex<Missed>,
}

/// The handle on the writer's thread.
pub(crate) struct Writer<R: Recorder> {
    shared: Arc<Shared<R>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<R: Recorder> Writer<R> {
    /// Starts the thread.
    pub(crate) fn start(
        opened: Arc<Opened>,
        recorder: R,
        publisher: Arc<dyn Publisher<R>>,
    ) -> Result<Writer<R>> {
        let connection = match opened.memory() {
            Some(_) => None,
            None => Some(opened.writer()?),
        };
        let shared = Arc::new(Shared {
            queue: Queue::new(),
            writable: AtomicBool::new(true),
            missed: Mutex::default(),
        });
        let mut body = Body {
            shared: shared.clone(),
            opened,
            connection,
            recorder,
            publisher,
            crowd: Crowd::default(),
            written: false,
            worked: Instant::now(),
            upkeep: true,
        };
        let thread = std::thread::Builder::new()
            .name("switchboard-writer".into())
            .spawn(move || body.run())
            .map_err(|error| Error::Storage(format!("cannot start the writer: {error}")))?;
        Ok(Writer {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Makes room for an incoming entry of that many bytes, if there is any.
    pub(crate) fn reserve(&self, bytes: usize) -> bool {
        self.shared.queue.reserve(bytes)
    }

    /// Whether an incoming entry of some bytes has room.
    pub(crate) fn has_room(&self) -> bool {
        self.shared.queue.has_room()
    }

    /// Queues `entry`, for which `reserved` bytes were made room; without, it is weighed here and has room always. It comes
    /// back if the writer has stopped.
    pub(crate) fn push(
        &self,
        entry: R::Entry,
        reserved: Option<usize>,
        lane: Lane,
    ) -> Result<(), R::Entry> {
        let bytes = reserved.unwrap_or_else(|| {
            let bytes = R::weight(&entry);
            self.shared.queue.add(bytes);
            bytes
        });
        self.shared.queue.push(entry, bytes, lane)
    }

    /// Ready when an entry that was refused may be offered again.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.queue.poll_room(cx)
    }

    /// Runs `change` in a transaction of its own. What it returns is the answer, the rows to publish, and what to do
    /// in memory before the answer is given. `busy` is held until then.
    pub(crate) fn job<T: Send + 'static>(
        &self,
        busy: Busy,
        change: impl FnOnce(&mut R, &Connection) -> Result<(T, R::Batch, After), Failure>
        + Send
        + 'static,
    ) -> Pending<Result<T>> {
        let (promise, pending) = pending();
        let slot: Arc<Mutex<Option<Promise<Result<T>>>>> = Arc::new(Mutex::new(Some(promise)));
        let (refused, held) = (slot.clone(), busy.clone());
        let run: Run<R> = Box::new(move |recorder, transaction| {
            let (value, batch, apply) = change(recorder, transaction).map_err(Failure::told)?;
            let after: After = Box::new(move || {
                apply();
                if let Some(promise) = slot.lock().take() {
                    promise.fulfil(Ok(value));
                }
                drop(held);
            });
            Ok((batch, after))
        });
        let refused: Box<dyn FnOnce(Error) + Send> = Box::new(move |error| {
            if let Some(promise) = refused.lock().take() {
                promise.fulfil(Err(error));
            }
            drop(busy);
        });
        match self.shared.queue.job(Job { run, refused }) {
            Ok(()) => pending,
            Err(None) => Pending::ready(Err(Error::Closed)),
            Err(Some(_)) => Pending::ready(Err(Error::Busy {
                what: "the database".into(),
                retry_after: Duration::from_secs(1),
            })),
        }
    }

    /// Whether the last commit succeeded, the files are still the ones that were opened, and the log has room.
    pub(crate) fn writable(&self) -> bool {
        self.shared.writable.load(Ordering::Acquire) && !self.shared.missed.lock().is_too_long()
    }

    /// Why checkpoints fail, once they have failed for 10 seconds.
    pub(crate) fn missed_checkpoints(&self) -> Option<String> {
        self.shared.missed.lock().trouble(Instant::now())
    }

    /// Takes nothing more, does what waits, and ends. Joins unless called on the writer's own thread.
    pub(crate) fn stop(&self) {
        self.shared.queue.stop();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the writer's thread panicked");
        }
    }

    /// Tells the thread to end, without waiting for it.
    pub(crate) fn stop_later(&self) {
        self.shared.queue.stop();
    }
}

impl<R: Recorder> Drop for Writer<R> {
    fn drop(&mut self) {
        self.stop_later();
    }
}

struct Body<R: Recorder> {
    shared: Arc<Shared<R>>,
    /// None for a database in memory, whose one connection is borrowed for each transaction. Above `opened`, because it
    /// must be closed before the file is let go.
    connection: Option<Connection>,
    opened: Arc<Opened>,
    recorder: R,
    publisher: Arc<dyn Publisher<R>>,
    crowd: Crowd,
    /// Whether something was written since the last checkpoint.
    written: bool,
    /// When there was work last.
    worked: Instant,
    /// Whether upkeep has more to do.
    upkeep: bool,
}

enum Attempt<B> {
    Committed(B),
    Failed(StorageFault, Error),
}

impl<R: Recorder> Body<R> {
    fn run(&mut self) {
        engine_thread();
        loop {
            let waits = self.written || !self.shared.writable.load(Ordering::Acquire);
            let quiet = if waits {
                Some(IDLE)
            } else {
                self.connection.is_some().then_some(LOOK)
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
            if (idle_for_long && self.written) || self.connection.as_ref().is_some_and(wal::is_long)
            {
                self.checkpoint();
            }
            if self.upkeep || idle || !self.written {
                self.look_after();
            }
        }
        // The look before it, not this moment: a file that was moved away is finished where it lies.
        let _ = self.opened.look();
        if self.opened.is_overwritten() {
            tracing::error!("the database was overwritten; its log is left as it is");
            if let Some(Err(error)) = self
                .connection
                .as_ref()
                .map(|connection| keep_log(connection, true))
            {
                tracing::error!(%error, "the log may be copied into it");
            }
            return;
        }
        let closed = self.commit(|recorder, transaction| recorder.close(transaction).map(Last));
        if let Attempt::Failed(_, error) = closed {
            tracing::warn!(%error, "the database could not be marked as closed in good order");
        }
        self.finish();
    }

    /// Looks at the files while nothing comes.
    fn watch(&self) {
        match self.opened.look_lately() {
            Ok(()) => self.shared.writable.store(true, Ordering::Release),
            Err(reason) => self.not_ours(&reason),
        }
    }

    fn not_ours(&self, reason: &str) {
        if self.shared.writable.swap(false, Ordering::AcqRel) {
            tracing::error!(
                reason,
                "the database is not the one that was opened; nothing more is written to it"
            );
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

    /// Commits a group, however long the disk refuses it.
    fn group(&mut self, entries: Vec<R::Entry>, bytes: usize) {
        let mut last_tries = LAST_TRIES;
        loop {
            let attempt = self
                .attempt(|recorder, transaction| recorder.record(transaction, &entries).map(Group));
            match attempt {
                Attempt::Committed(Group(batch)) => {
                    self.shared.writable.store(true, Ordering::Release);
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
                    if self.shared.writable.swap(false, Ordering::AcqRel) {
                        tracing::error!(%error, "the journal cannot be written; trying again until it can");
                    }
                    if self.shared.queue.is_stopping() {
                        // Another program may hold the lock for as long as it likes; an end has a deadline.
                        let hurry =
                            |_: &mut R, connection: &Connection| connection.busy_timeout(RETRY);
                        if let Err(error) = self.with(hurry) {
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
                    // Nobody waits for ever: a change is refused, and nothing of it is done.
                    for job in self.shared.queue.take_jobs() {
                        (job.refused)(error.clone());
                    }
                    std::thread::sleep(RETRY);
                }
            }
        }
    }

    /// One entry poisons its group: each goes alone, and the one that cannot be written is reported.
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
        let attempt = self.attempt(|recorder, transaction| match run(recorder, transaction) {
            Ok(done) => Ok(done),
            Err(error) => {
                why = Some(error);
                Err(rusqlite::Error::QueryReturnedNoRows)
            }
        });
        match attempt {
            Attempt::Committed((batch, after)) => {
                self.shared.writable.store(true, Ordering::Release);
                self.publisher.changed(batch, after);
            }
            Attempt::Failed(_, error) => {
                let error = why.unwrap_or(error);
                if let Error::Corrupt(reason) = &error {
                    self.opened.note_damage(reason);
                }
                refused(error);
            }
        }
    }

    /// Runs `body` in one transaction and commits it, if the files are still the ones that were opened.
    fn attempt<T: Committable<R>>(
        &mut self,
        body: impl FnOnce(&mut R, &Connection) -> rusqlite::Result<T>,
    ) -> Attempt<T> {
        if let Err(reason) = self.opened.look_lately() {
            self.not_ours(&reason);
            return Attempt::Failed(StorageFault::Passing, Error::Storage(reason));
        }
        self.commit(body)
    }

    /// Runs `body` in one transaction and commits it: every write goes through here.
    fn commit<T: Committable<R>>(
        &mut self,
        body: impl FnOnce(&mut R, &Connection) -> rusqlite::Result<T>,
    ) -> Attempt<T> {
        let mut made = None;
        let mut reached = Reach::default();
        let opened = self.opened.clone();
        let result = self.with(|recorder, connection| {
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            let outcome = catch_unwind(AssertUnwindSafe(|| body(recorder, connection)));
            match outcome {
                Ok(Ok(mut value)) => {
                    value.seal(recorder, connection)?;
                    reached = R::reach(connection)?;
                    let newest = opened.newest();
                    if reached.newest < newest {
                        Reach::keep_newest(connection, newest)?;
                        reached.newest = newest;
                    }
                    made = Some(value);
                }
                Ok(Err(error)) => return Err(error),
                Err(panic) => {
                    let text = crate::waiting::panic_text(&*panic);
                    tracing::error!(text, "a transaction panicked");
                    return Err(rusqlite::Error::ToSqlConversionFailure(
                        format!("a transaction panicked: {text}").into(),
                    ));
                }
            }
            connection.prepare_cached("COMMIT")?.execute([]).map(drop)
        });
        let Err(error) = result else {
            self.opened.committed(reached);
            return match made {
                Some(value) => Attempt::Committed(value),
                None => Attempt::Failed(
                    StorageFault::Lasting,
                    Error::Internal("a transaction made nothing".into()),
                ),
            };
        };
        let fault = StorageFault::of(&error);
        let rolled = self.with(|_, connection| {
            if connection.is_autocommit() {
                Ok(())
            } else {
                connection.execute_batch("ROLLBACK")
            }
        });
        if let Some(value) = made
            && (fault == StorageFault::Reopen || rolled.is_err())
            && self.reopen()
        {
            let there = self.with(|recorder, connection| value.is_there(recorder, connection));
            if there == Ok(true) {
                self.opened.committed(reached);
                return Attempt::Committed(value);
            }
        }
        self.recorder.rolled_back();
        let error = match storage(error) {
            // A full or locked disk may pass: whoever asked is told to come again.
            Error::Storage(reason) if fault == StorageFault::Passing => Error::Busy {
                what: format!("the database ({reason})"),
                retry_after: RETRY_AFTER,
            },
            other => other,
        };
        if let Error::Corrupt(reason) = &error {
            self.opened.note_damage(reason);
        }
        Attempt::Failed(fault, error)
    }

    fn reopen(&mut self) -> bool {
        if self.connection.is_none() {
            return true;
        }
        match self.opened.write() {
            Ok(connection) => {
                self.connection = Some(connection);
                true
            }
            Err(error) => {
                tracing::error!(%error, "the database cannot be reopened");
                false
            }
        }
    }

    fn with<T>(
        &mut self,
        body: impl FnOnce(&mut R, &Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        match (&self.connection, self.opened.memory()) {
            (Some(connection), _) => body(&mut self.recorder, connection),
            (None, Some(memory)) => body(&mut self.recorder, &memory.lock()),
            (None, None) => Err(rusqlite::Error::InvalidQuery),
        }
    }

    /// Copies the log back for the last time: whoever moves the database alone afterwards moves all of it. A program that
    /// is just reading keeps some of it in the log, and is waited for a moment.
    fn finish(&mut self) {
        for _ in 0..LAST_TRIES {
            if self.checkpoint() {
                return self.opened.end(self.connection.as_ref());
            }
            std::thread::sleep(RETRY);
        }
        tracing::error!(
            "the log could not be copied into the database: keep `-wal` and `-lock` with it until the next orderly stop"
        );
    }

    /// Copies the log back; true if that was all of it.
    fn checkpoint(&mut self) -> bool {
        self.written = false;
        let Some(connection) = &self.connection else {
            return true;
        };
        let done = self.opened.checkpoint(connection);
        let is_whole = done == Ok(true);
        if is_whole {
            self.opened.checkpointed();
        }
        // Tried again in the next quiet moment, though nothing is written meanwhile: so it heals by itself.
        self.written = missed::note(&self.shared.missed, done, connection).is_err();
        is_whole
    }

    fn look_after(&mut self) {
        if !self.recorder.upkeep_due() {
            self.upkeep = false;
            return;
        }
        match self.attempt(|recorder, transaction| recorder.upkeep(transaction).map(Slice)) {
            Attempt::Committed(Slice(more)) => self.upkeep = more,
            Attempt::Failed(_, error) => {
                self.upkeep = false;
                self.recorder.upkeep_failed();
                tracing::warn!(%error, "upkeep failed; it will be tried again");
            }
        }
    }
}
