//! Reads of the database: which thread does each, and how long it may take.
//!
//! A **small read** of a blocking call runs on the caller's own thread, with one of up to eight
//! connections. The poll itself knows which kind of caller it has: inside `park` a thread may read
//! the disk, on an executor it must not. Small reads of async callers wait in a lane with two
//! threads, in which owners take turns.
//!
//! A **scan** costs more the more is stored, so scans have a lane of their own whoever the caller
//! is, and logins, events and small reads never wait for one. A scan runs in slices. Between two
//! slices it holds no read transaction, which would block checkpoints, and not the only connection
//! of a database in memory. After a short turn it gives its thread to the other owners and queues
//! again: when turns were whole searches, a search for one word waited for ten long ones.
//!
//! **Lists** of the host and of administrators have a thread that no agent's scan can use: `GET
//! /Agents` waited 7.6 s for a search of each of ten agents.
//!
//! A **look** matches patterns for a poll, and reads in between. Looks have a lane of their own,
//! because events must not wait for searches, and run for a moment at a time. On the callers'
//! threads, sixteen polls with a slow pattern took every thread of an async executor, and a login
//! waited for ten seconds.
//!
//! Every read ends at its deadline, when its future is dropped, and when the engine stops. Several
//! queries share one `BEGIN`, because 75 % of a point read is file locking.

mod connections;
mod lane;
mod lanes;
mod scan;
mod small;
mod stop;
mod task;

pub(crate) use scan::{Scan, Turn, Whole};
pub(crate) use stop::Stop;

use super::error::Failure;
use super::file::Opened;
use crate::error::{Error, Result};
use crate::model::AgentKey;
use crate::waiting::Activity;
use connections::Connections;
use lane::{HOST, LOGINS, Owner};
use lanes::{Kind, Lanes};
use rusqlite::Connection;
use scan::scan_for_a_turn;
use small::SmallRead;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use task::{Task, Underway};

/// Most time of a small read, waiting included.
const SMALL_TIME: Duration = Duration::from_secs(10);
/// Most time of a scan, waiting included: less than the 30 s after which clients give up.
const SCAN_TIME: Duration = Duration::from_secs(20);

/// Reads the database for one owner.
#[derive(Clone)]
pub(crate) struct Reads {
    lanes: Arc<Lanes>,
    owner: Owner,
}

impl Reads {
    /// Starts the threads. What is read through the result belongs to the host.
    ///
    /// # Errors
    /// `Storage` if a thread cannot be started.
    pub(crate) fn start(
        opened: Arc<Opened>,
        activity: Activity,
    ) -> Result<(Reads, Vec<JoinHandle<()>>)> {
        let (lanes, threads) = Lanes::start(opened, activity)?;
        Ok((Reads { lanes, owner: HOST }, threads))
    }

    /// Reads on behalf of `agent`, which takes turns with the others.
    pub(crate) fn of(&self, agent: AgentKey) -> Reads {
        Reads {
            lanes: self.lanes.clone(),
            owner: agent.0,
        }
    }

    /// Reads on behalf of callers that are not logged in yet.
    pub(crate) fn of_logins(&self) -> Reads {
        Reads {
            lanes: self.lanes.clone(),
            owner: LOGINS,
        }
    }

    /// Reads on this thread, inside one transaction.
    pub(crate) fn now<T, E: Into<Failure>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T> {
        let connections = &self.lanes.connections;
        connections.now(&connections.stop(SMALL_TIME, &Arc::default()), read)
    }

    /// A small read, on the thread that fits the caller's kind of waiting. Dropping the future ends
    /// the read.
    pub(crate) fn read<T, E, F>(&self, read: F) -> SmallRead<T, F>
    where
        T: Send + 'static,
        E: Into<Failure>,
        F: FnOnce(&Connection) -> Result<T, E> + Send + Unpin + 'static,
    {
        SmallRead::new(self.clone(), read)
    }

    /// A scan, on a thread for scans. Dropping the future ends it.
    pub(crate) fn scan<S: Scan>(&self, mut scan: S) -> Underway<S::Found> {
        let kind = if self.owner == HOST {
            Kind::List
        } else {
            Kind::Scan
        };
        self.hand_over(kind, SCAN_TIME, "search", move |connections, stop| {
            scan_for_a_turn(connections, stop, &mut scan)
        })
    }

    /// A look, on a thread for looks, until [`Turn::is_up`]. Dropping the future ends it.
    pub(crate) fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Underway<T> {
        let look = once(move |connections, stop| look(&Turn::new(connections, stop)));
        self.hand_over(Kind::Look, SCAN_TIME, "the events", look)
    }

    /// Ends the threads and closes the connections; reads that still wait get `Closed`.
    pub(crate) fn close(&self) {
        self.lanes.close();
    }

    /// A small read on a thread of ours.
    fn small<T: Send + 'static, E: Into<Failure>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Underway<T> {
        let read = once(move |connections: &Connections, stop| connections.now(stop, read));
        self.hand_over(Kind::Small, SMALL_TIME, "the database", read)
    }

    fn hand_over<T: Send + 'static>(
        &self,
        kind: Kind,
        time: Duration,
        what: &str,
        read: impl FnMut(&Connections, &Stop) -> Result<Option<T>> + Send + 'static,
    ) -> Underway<T> {
        let connections = &self.lanes.connections;
        let full = Error::Busy {
            what: what.to_owned(),
            retry_after: Duration::from_secs(1),
        };
        let (task, answer) = Task::new(
            self.lanes.activity.busy(),
            |unwanted| connections.stop(time, unwanted),
            full.clone(),
            read,
        );
        match self.lanes.lane(kind).push(self.owner, task) {
            Ok(displaced) => {
                if let Some(task) = displaced {
                    task.refuse();
                }
                answer
            }
            Err(_) if connections.is_closed() => Underway::ready(Err(Error::Closed)),
            Err(_) => Underway::ready(Err(full)),
        }
    }
}

/// A read of one turn.
fn once<T>(
    read: impl FnOnce(&Connections, &Stop) -> Result<T>,
) -> impl FnMut(&Connections, &Stop) -> Result<Option<T>> {
    let mut read = Some(read);
    move |connections, stop| {
        let read = read
            .take()
            .ok_or_else(|| Error::Internal("a read of one turn was given another".into()))?;
        read(connections, stop).map(Some)
    }
}
