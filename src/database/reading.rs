//! Reading connections, and who may use them how long.
//!
//! A small read of a sync caller borrows one of up to eight connections on the caller's own thread; which kind of
//! caller it is, the poll itself knows: inside `park` the thread may read the disk, on an executor it must not. Small
//! reads of async callers go through a lane with two threads, owners taking turns. **Scans**, whose cost grows with
//! what is stored, go through a lane of their own whoever asks, so logins, events and small reads never wait for one;
//! each runs in slices, and between two of them it holds neither a read transaction (the log could not be
//! checkpointed) nor, in memory, the one connection. After a short turn a scan gives its thread to the other owners and
//! goes on behind them: while turns were whole searches, one for one word waited for ten long ones. What the **host and administrators** list has a thread that no
//! agent's scan can use: with a place in the agents' turns, `GET /Agents` waited for one search of each of ten agents,
//! 7.6 s. **Looks** are the matching of patterns for polls, with the reads between: in a lane of their own, because
//! events must not wait for searches, and for a moment at a time, after which the poll queues anew. On the callers'
//! threads, sixteen polls with a pattern that backtracks took an async executor's every thread, and a login waited for
//! ten seconds. Every read ends at its deadline, when its future is dropped, and
//! when the engine stops. Several reads go inside one `BEGIN` (75 % of a point read is file locking).

use super::error::{Failure, storage};
use super::examine::keep_log;
use super::file::Opened;
use super::lanes::{HOST, LOGINS, Lane, Limits, Owner};
use super::stop::Stop;
use crate::error::{Error, Result};
use crate::model::AgentKey;
use crate::waiting::{Activity, Pending, engine_thread, is_parked, pending};
use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Connections kept open for callers' threads.
const KEPT: usize = 8;
/// Threads of each lane.
const THREADS: usize = 2;
/// Small reads that wait for a thread; beyond, `Busy`. Half of them may be one owner's, which has one of the two threads:
/// a page of an agent with ten thousand channels is no small read for the others.
const SMALL: Limits = Limits {
    waiting: 2048,
    of_one: 1024,
    running: 1,
};
/// Scans that wait for a thread; beyond, `Busy`. One owner has one of the two threads.
const SCANS: Limits = Limits {
    waiting: 256,
    of_one: 32,
    running: 1,
};
/// Lists that wait for the host's thread.
const LISTS: Limits = Limits {
    waiting: 256,
    of_one: 256,
    running: 1,
};
/// Looks that wait for a thread: as many as polls may wait, because one message wakes them all. One owner has one of
/// the two threads.
const LOOKS: Limits = Limits {
    waiting: 16_384,
    of_one: 4096,
    running: 1,
};
/// How long a scan goes on before it is another's turn: with ten owners and two threads, a turn comes every 150 ms.
const SCAN_TURN: Duration = Duration::from_millis(30);
/// How long one look goes on before it is another's turn.
const LOOK_TURN: Duration = Duration::from_millis(20);
/// How long a small read may take, waiting included.
const SMALL_TIME: Duration = Duration::from_secs(10);
/// How long a scan may take, waiting included: below the 30 s after which clients give up.
const SCAN_TIME: Duration = Duration::from_secs(20);

/// Does one turn of a read; false: it goes on at a later turn. `None`: it has to make room, and its caller is told so.
type Run = Box<dyn FnMut(Option<&Reading>) -> bool + Send>;

/// Which of the lanes.
type LaneOf = fn(&Reading) -> &Lane<Task>;

/// A read that waits for a thread.
struct Task {
    run: Run,
    /// Set when its caller left.
    unwanted: Arc<AtomicBool>,
}

impl Task {
    fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Acquire)
    }
}

/// A read whose cost grows with what is stored, done piece by piece.
pub(crate) trait Scan: Send + 'static {
    /// What it finds.
    type Found: Send + 'static;

    /// Reads for a few milliseconds; `None`: there is more to read. It asks `stop` between rows. As many scans as wait
    /// may have begun, so what one keeps between slices is small.
    ///
    /// # Errors
    /// What `stop` says; `Storage`; `Corrupt`.
    fn slice(
        &mut self,
        connection: &Connection,
        stop: &Stop,
    ) -> Result<Option<Self::Found>, Failure>;
}

/// A scan of one slice: a list whose length an administrator made.
pub(crate) struct Whole<F>(pub(crate) F);

impl<T, F> Scan for Whole<F>
where
    T: Send + 'static,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    type Found = T;

    fn slice(&mut self, connection: &Connection, _: &Stop) -> Result<Option<T>, Failure> {
        Ok(Some((self.0)(connection)?))
    }
}

/// The reading side of the database.
pub(crate) struct Reading {
    /// Above `opened`, because they must be closed before the file is let go.
    kept: Mutex<Vec<Connection>>,
    opened: Arc<Opened>,
    activity: Activity,
    closed: Arc<AtomicBool>,
    small: Lane<Task>,
    scans: Lane<Task>,
    lists: Lane<Task>,
    looks: Lane<Task>,
}

/// The reading side, and the threads that serve it.
#[derive(Clone)]
pub(crate) struct Readers {
    reading: Arc<Reading>,
    owner: Owner,
}

impl Reading {
    pub(crate) fn start(
        opened: Arc<Opened>,
        activity: Activity,
    ) -> Result<(Readers, Vec<JoinHandle<()>>)> {
        let reading = Arc::new(Reading {
            kept: Mutex::new(Vec::new()),
            opened,
            activity,
            closed: Arc::default(),
            small: Lane::new(SMALL, Task::is_unwanted),
            scans: Lane::new(SCANS, Task::is_unwanted),
            lists: Lane::new(LISTS, Task::is_unwanted),
            looks: Lane::new(LOOKS, Task::is_unwanted),
        });
        let mut threads = Vec::new();
        let lanes: [(&str, usize, LaneOf); 4] = [
            ("read", THREADS, small),
            ("scan", THREADS, scans),
            ("list", 1, lists),
            ("look", THREADS, looks),
        ];
        for (name, count, lane) in lanes {
            for number in 0..count {
                let serving = reading.clone();
                let thread = std::thread::Builder::new()
                    .name(format!("switchboard-{name}-{number}"))
                    .spawn(move || serve(&serving, lane(&serving)))
                    .map_err(|error| Error::Storage(format!("cannot start a reader: {error}")))?;
                threads.push(thread);
            }
        }
        Ok((
            Readers {
                reading,
                owner: HOST,
            },
            threads,
        ))
    }

    /// Reads on this thread, inside one transaction.
    fn now<T, E: Into<Failure>>(
        &self,
        stop: &Stop,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T> {
        stop.check()?;
        if let Some(memory) = self.opened.memory() {
            let mut connection = memory.lock();
            let answer = stop.watch(&mut connection, |connection| inside(connection, read));
            // Handed to whoever waits for it: a scan would take it again at once.
            MutexGuard::unlock_fair(connection);
            return answer;
        }
        let kept = self.kept.lock().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.opened.read()?,
        };
        let answer = stop.watch(&mut connection, |connection| inside(connection, read));
        if let Err(Error::Corrupt(reason)) = &answer {
            self.opened.note_damage(reason);
        }
        let mut kept = self.kept.lock();
        if kept.len() < KEPT && connection.is_autocommit() && !self.closed.load(Ordering::Acquire) {
            kept.push(connection);
        }
        answer
    }

    /// One turn of a scan; `None`: there is more to read.
    fn scan<S: Scan>(&self, stop: &Stop, scan: &mut S) -> Result<Option<S::Found>> {
        let until = Instant::now() + SCAN_TURN;
        loop {
            let found = self.now(stop, |connection| scan.slice(connection, stop))?;
            if found.is_some() || Instant::now() >= until {
                return Ok(found);
            }
        }
    }

    fn stop(&self, time: Duration, unwanted: &Arc<AtomicBool>) -> Stop {
        Stop::new(Instant::now() + time, unwanted.clone(), self.closed.clone())
    }
}

fn small(reading: &Reading) -> &Lane<Task> {
    &reading.small
}

fn scans(reading: &Reading) -> &Lane<Task> {
    &reading.scans
}

fn lists(reading: &Reading) -> &Lane<Task> {
    &reading.lists
}

fn looks(reading: &Reading) -> &Lane<Task> {
    &reading.looks
}

/// Reads inside one transaction. What fails becomes the caller's error here and nowhere else.
fn inside<T, E: Into<Failure>>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T> {
    connection
        .prepare_cached("BEGIN")
        .and_then(|mut begin| begin.execute([]))
        .map_err(storage)?;
    let read = || read(connection).map_err(|error| error.into().told());
    let answer = catch_unwind(AssertUnwindSafe(read));
    let ended = connection
        .prepare_cached("COMMIT")
        .and_then(|mut commit| commit.execute([]));
    if ended.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    answer.unwrap_or_else(|panic| Err(Error::Internal(crate::waiting::panic_text(&*panic))))
}

/// A read of one turn.
fn once<T>(
    read: impl FnOnce(&Reading, &Stop) -> Result<T>,
) -> impl FnMut(&Reading, &Stop) -> Result<Option<T>> {
    let mut read = Some(read);
    move |reading, stop| {
        let read = read
            .take()
            .ok_or_else(|| Error::Internal("a read of one turn was given another".into()))?;
        read(reading, stop).map(Some)
    }
}

fn serve(reading: &Reading, lane: &Lane<Task>) {
    engine_thread();
    while let Some((owner, mut task)) = lane.next() {
        if (task.run)(Some(reading)) {
            lane.done(owner);
        } else {
            // Closed meanwhile, it comes back; dropped, it answers so.
            drop(lane.again(owner, task));
        }
    }
}

/// One turn of a look: it holds neither a transaction nor a connection while it matches.
pub(crate) struct Turn<'a> {
    reading: &'a Reading,
    stop: &'a Stop,
    until: Instant,
}

impl Turn<'_> {
    /// Reads inside one transaction.
    ///
    /// # Errors
    /// As the read; `Closed`; `TimedOut` if nobody waits for it.
    pub(crate) fn read<T, E: Into<Failure>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T> {
        self.reading.now(self.stop, read)
    }

    /// Whether it is another's turn, or nobody waits for more.
    pub(crate) fn is_up(&self) -> bool {
        Instant::now() >= self.until || self.stop.check().is_err()
    }
}

impl Readers {
    /// The same, but what is read is `agent`'s: it takes turns with the others.
    pub(crate) fn of(&self, agent: AgentKey) -> Readers {
        Readers {
            reading: self.reading.clone(),
            owner: agent.0,
        }
    }

    /// The same, for those who are not logged in yet.
    pub(crate) fn of_logins(&self) -> Readers {
        Readers {
            reading: self.reading.clone(),
            owner: LOGINS,
        }
    }

    /// Reads on this thread, inside one transaction.
    pub(crate) fn now<T, E: Into<Failure>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T> {
        self.reading
            .now(&self.reading.stop(SMALL_TIME, &Arc::default()), read)
    }

    /// Reads little, wherever the caller's kind of waiting wants it. A dropped future ends the read.
    pub(crate) fn read<T, E, F>(&self, read: F) -> Read<T, F>
    where
        T: Send + 'static,
        E: Into<Failure>,
        F: FnOnce(&Connection) -> Result<T, E> + Send + Unpin + 'static,
    {
        Read {
            readers: self.clone(),
            state: ReadState::Start(Some(read)),
        }
    }

    /// Reads much, on a thread of its own kind. A dropped future ends the scan.
    pub(crate) fn scan<S: Scan>(&self, mut scan: S) -> Wanted<S::Found> {
        let stop_of = |unwanted: &Arc<AtomicBool>| self.reading.stop(SCAN_TIME, unwanted);
        let lane = if self.owner == HOST { lists } else { scans };
        self.hand_over(lane, stop_of, "search", move |reading, stop| {
            reading.scan(stop, &mut scan)
        })
    }

    /// Works through what is read, on a thread of its own kind, until [`Turn::is_up`]. A dropped future ends it.
    pub(crate) fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Wanted<T> {
        let stop_of = |unwanted: &Arc<AtomicBool>| self.reading.stop(SCAN_TIME, unwanted);
        self.hand_over(
            looks,
            stop_of,
            "the events",
            once(move |reading: &Reading, stop: &Stop| {
                look(&Turn {
                    reading,
                    stop,
                    until: Instant::now() + LOOK_TURN,
                })
            }),
        )
    }

    /// Ends the threads and closes the connections: whoever still asks gets `Closed`.
    pub(crate) fn close(&self) {
        self.reading.closed.store(true, Ordering::Release);
        // Dropped tasks answer `Closed`.
        drop(self.reading.small.close());
        drop(self.reading.scans.close());
        drop(self.reading.lists.close());
        drop(self.reading.looks.close());
        let kept = std::mem::take(&mut *self.reading.kept.lock());
        if self.reading.opened.is_overwritten() {
            // The last one to close would copy the log back.
            kept.iter()
                .for_each(|connection| drop(keep_log(connection, true)));
        }
        drop(kept);
    }

    fn hand_over<T: Send + 'static>(
        &self,
        lane: LaneOf,
        stop_of: impl FnOnce(&Arc<AtomicBool>) -> Stop,
        what: &str,
        mut read: impl FnMut(&Reading, &Stop) -> Result<Option<T>> + Send + 'static,
    ) -> Wanted<T> {
        let (promise, pending) = pending();
        let unwanted: Arc<AtomicBool> = Arc::default();
        let busy = self.reading.activity.busy();
        let stop = stop_of(&unwanted);
        let full = Error::Busy {
            what: what.to_owned(),
            retry_after: Duration::from_secs(1),
        };
        let refusal = full.clone();
        let mut asking = Some((promise, busy));
        let run: Run = Box::new(move |reading: Option<&Reading>| {
            let mut work = |reading: &Reading| stop.check().and_then(|()| read(reading, &stop));
            let answer = match reading {
                Some(reading) => {
                    catch_unwind(AssertUnwindSafe(|| work(reading))).unwrap_or_else(|panic| {
                        Err(Error::Internal(crate::waiting::panic_text(&*panic)))
                    })
                }
                None => Err(refusal.clone()),
            };
            let Some(answer) = answer.transpose() else {
                return false;
            };
            if let Some((promise, busy)) = asking.take() {
                promise.fulfil(answer);
                drop(busy);
            }
            true
        });
        match lane(&self.reading).push(
            self.owner,
            Task {
                run,
                unwanted: unwanted.clone(),
            },
        ) {
            Ok(displaced) => {
                if let Some(mut task) = displaced {
                    (task.run)(None);
                }
                Wanted { pending, unwanted }
            }
            Err(_) if self.reading.closed.load(Ordering::Acquire) => {
                Wanted::ready(Err(Error::Closed))
            }
            Err(_) => Wanted::ready(Err(full)),
        }
    }
}

/// An answer under way; dropped, the read that makes it ends.
pub(crate) struct Wanted<T> {
    pending: Pending<Result<T>>,
    unwanted: Arc<AtomicBool>,
}

impl<T> Wanted<T> {
    fn ready(answer: Result<T>) -> Wanted<T> {
        Wanted {
            pending: Pending::ready(answer),
            unwanted: Arc::default(),
        }
    }
}

impl<T> Future for Wanted<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        Pin::new(&mut self.pending).poll(cx)
    }
}

impl<T> Drop for Wanted<T> {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Release);
    }
}

enum ReadState<T, F> {
    Start(Option<F>),
    Waiting(Wanted<T>),
}

/// A small read under way.
pub(crate) struct Read<T, F> {
    readers: Readers,
    state: ReadState<T, F>,
}

impl<T, E, F> Future for Read<T, F>
where
    T: Send + 'static,
    E: Into<Failure>,
    F: FnOnce(&Connection) -> Result<T, E> + Send + Unpin + 'static,
{
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let ReadState::Start(read) = &mut self.state {
            let read = read.take().expect("a read is polled after its answer");
            if is_parked() {
                return Poll::Ready(self.readers.now(read));
            }
            let readers = &self.readers;
            let stop_of = |unwanted: &Arc<AtomicBool>| readers.reading.stop(SMALL_TIME, unwanted);
            let waiting = readers.hand_over(
                small,
                stop_of,
                "the database",
                once(move |reading: &Reading, stop: &Stop| reading.now(stop, read)),
            );
            self.state = ReadState::Waiting(waiting);
        }
        match &mut self.state {
            ReadState::Waiting(waiting) => Pin::new(waiting).poll(cx),
            ReadState::Start(_) => unreachable!("started above"),
        }
    }
}
