//! Reading connections: a sync caller borrows one of up to eight, an async one is served by two threads.
//!
//! Which of the two it is, the poll itself knows: inside `park` the thread is the caller's own and may read the disk;
//! on an executor it must not. Several reads go inside one `BEGIN` (75 % of a point read is file locking).

use super::error::storage;
use super::file::Opened;
use crate::error::{Error, Result};
use crate::waiting::{Activity, Pending, engine_thread, is_parked, pending};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

/// Connections kept open for callers' threads.
const KEPT: usize = 8;
/// Threads that read for async callers.
const THREADS: usize = 2;
/// Reads that may wait for those threads; beyond, `Busy`.
const QUEUE: usize = 1024;

type Task = Box<dyn FnOnce(&Reading) + Send>;

/// The reading side of the database.
pub(crate) struct Reading {
    /// Above `opened`, because they must be closed before the file is let go.
    kept: Mutex<Vec<Connection>>,
    opened: Arc<Opened>,
    activity: Activity,
    closed: AtomicBool,
}

/// The reading side, and the threads that serve async callers.
#[derive(Clone)]
pub(crate) struct Readers {
    reading: Arc<Reading>,
    queue: Sender<Option<Task>>,
}

impl Reading {
    pub(crate) fn start(opened: Arc<Opened>, activity: Activity) -> Result<(Readers, Vec<JoinHandle<()>>)> {
        let reading = Arc::new(Reading { opened, kept: Mutex::new(Vec::new()), activity, closed: AtomicBool::new(false) });
        let (queue, tasks) = bounded::<Option<Task>>(QUEUE);
        let threads = (0..THREADS)
            .map(|number| {
                let (reading, tasks) = (reading.clone(), tasks.clone());
                std::thread::Builder::new()
                    .name(format!("switchboard-read-{number}"))
                    .spawn(move || serve(&reading, &tasks))
                    .map_err(|error| Error::Storage(format!("cannot start a reader: {error}")))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok((Readers { reading, queue }, threads))
    }

    /// Reads on this thread, inside one transaction.
    pub(crate) fn now<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        if let Some(memory) = self.opened.memory() {
            let connection = memory.lock();
            return inside(&connection, read);
        }
        let kept = self.kept.lock().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => self.opened.read()?,
        };
        let answer = inside(&connection, read);
        if let Err(Error::Corrupt(reason)) = &answer {
            self.opened.note_damage(reason);
        }
        let mut kept = self.kept.lock();
        if kept.len() < KEPT && connection.is_autocommit() && !self.closed.load(Ordering::Acquire) {
            kept.push(connection);
        }
        answer
    }
}

fn inside<T>(connection: &Connection, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([])).map_err(storage)?;
    let answer = catch_unwind(AssertUnwindSafe(|| read(connection)));
    let ended = connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
    if ended.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    answer.unwrap_or_else(|panic| Err(Error::Internal(crate::waiting::panic_text(&*panic))))
}

fn serve(reading: &Reading, tasks: &Receiver<Option<Task>>) {
    engine_thread();
    while let Ok(Some(task)) = tasks.recv() {
        task(reading);
    }
}

impl Readers {
    /// Reads on this thread, inside one transaction.
    pub(crate) fn now<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.reading.now(read)
    }

    /// Reads wherever the caller's kind of waiting wants it.
    pub(crate) fn read<T, F>(&self, read: F) -> Read<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + Unpin + 'static,
    {
        Read { readers: self.clone(), state: ReadState::Start(Some(read)) }
    }

    /// Ends the threads and closes the connections: whoever still asks gets `Closed`.
    pub(crate) fn close(&self) {
        self.reading.closed.store(true, Ordering::Release);
        for _ in 0..THREADS {
            let _ = self.queue.try_send(None);
        }
        let kept = std::mem::take(&mut *self.reading.kept.lock());
        drop(kept);
    }

    fn hand_over<T, F>(&self, read: F) -> Pending<Result<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (promise, pending) = pending();
        let busy = self.reading.activity.busy();
        let task: Task = Box::new(move |reading| {
            promise.fulfil(reading.now(read));
            drop(busy);
        });
        match self.queue.try_send(Some(task)) {
            Ok(()) => pending,
            Err(_) => Pending::ready(Err(Error::Busy { what: "the database".into(), retry_after: Duration::from_secs(1) })),
        }
    }
}

enum ReadState<T, F> {
    Start(Option<F>),
    Waiting(Pending<Result<T>>),
}

/// A read under way.
pub(crate) struct Read<T, F> {
    readers: Readers,
    state: ReadState<T, F>,
}

impl<T, F> Future for Read<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T> + Send + Unpin + 'static,
{
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let ReadState::Start(read) = &mut self.state {
            let read = read.take().expect("a read is polled after its answer");
            if is_parked() {
                return Poll::Ready(self.readers.now(read));
            }
            let waiting = self.readers.hand_over(read);
            self.state = ReadState::Waiting(waiting);
        }
        match &mut self.state {
            ReadState::Waiting(waiting) => Pin::new(waiting).poll(cx),
            ReadState::Start(_) => unreachable!("started above"),
        }
    }
}
