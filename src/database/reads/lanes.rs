//! The lanes in which reads wait, and the threads that serve each.

use super::connections::Connections;
use super::lane::{Lane, Limits};
use super::task::Task;
use crate::database::file::Opened;
use crate::error::Result;
use crate::waiting::{Activity, engine_thread, start_thread};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Threads of each lane.
const THREADS: usize = 2;
/// Small reads that may wait; any further one gets `Busy`. Half of them may be one owner's, and an
/// owner has one of the two threads: a page of an agent with ten thousand channels is no small read
/// for the others.
const SMALL: Limits = Limits {
    waiting: 2048,
    of_one: 1024,
    running: 1,
};
/// Scans that may wait; any further one gets `Busy`. An owner has one of the two threads.
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
/// Looks that may wait: as many as there may be polls, because one message wakes them all. An owner
/// has one of the two threads.
const LOOKS: Limits = Limits {
    waiting: 16_384,
    of_one: 4096,
    running: 1,
};
/// Which of the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Small reads of async callers.
    Small,
    /// Scans of agents.
    Scan,
    /// Lists of the host and of administrators.
    List,
    /// The matching of patterns for polls.
    Look,
}

impl Kind {
    const ALL: [(Kind, &str, usize); 4] = [
        (Kind::Small, "read", THREADS),
        (Kind::Scan, "scan", THREADS),
        (Kind::List, "list", 1),
        (Kind::Look, "look", THREADS),
    ];
}

/// The reading side of the database.
pub(super) struct Lanes {
    pub(super) connections: Connections,
    pub(super) activity: Activity,
    small: Lane<Task>,
    scans: Lane<Task>,
    lists: Lane<Task>,
    looks: Lane<Task>,
}

impl Lanes {
    /// Starts the threads.
    ///
    /// # Errors
    /// `Storage` if a thread cannot be started.
    pub(super) fn start(
        opened: Arc<Opened>,
        activity: Activity,
    ) -> Result<(Arc<Lanes>, Vec<JoinHandle<()>>)> {
        let lanes = Arc::new(Lanes {
            connections: Connections::new(opened),
            activity,
            small: Lane::new(SMALL, Task::is_unwanted),
            scans: Lane::new(SCANS, Task::is_unwanted),
            lists: Lane::new(LISTS, Task::is_unwanted),
            looks: Lane::new(LOOKS, Task::is_unwanted),
        });
        let mut threads = Vec::new();
        for (kind, name, count) in Kind::ALL {
            for number in 0..count {
                let serving = lanes.clone();
                let name = format!("{name}-{number}");
                threads.push(start_thread(name, move || serving.serve(kind))?);
            }
        }
        Ok((lanes, threads))
    }

    pub(super) fn lane(&self, kind: Kind) -> &Lane<Task> {
        match kind {
            Kind::Small => &self.small,
            Kind::Scan => &self.scans,
            Kind::List => &self.lists,
            Kind::Look => &self.looks,
        }
    }

    /// Ends the threads and closes the connections; reads that still wait get `Closed`.
    pub(super) fn close(&self) {
        self.connections.end();
        // Dropped tasks answer `Closed`.
        for (kind, ..) in Kind::ALL {
            drop(self.lane(kind).close());
        }
        self.connections.close();
    }

    fn serve(&self, kind: Kind) {
        engine_thread();
        let lane = self.lane(kind);
        while let Some((owner, mut task)) = lane.next() {
            if task.run(&self.connections) {
                lane.done(owner);
            } else {
                // If the lane was closed, the task comes back, and dropping it answers `Closed`.
                drop(lane.again(owner, task));
            }
        }
    }
}
