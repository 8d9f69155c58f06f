//! The pool: its threads, and the line in front of them.

use super::checking::Checking;
use super::hashing::{Cost, Hasher};
use super::job::{Check, Job, Proved, Task, Verified};
use super::line::{Asker, Line};
use crate::error::{Error, Result};
use crate::model::Secret;
use crate::waiting::{Activity, Pending, engine_thread, pending, start_thread};
use parking_lot::{Condvar, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Bytes of a password at most; a longer one is refused before it is hashed.
const PASSWORD_BYTES_MAX: usize = 1024;

/// The pool.
pub(crate) struct Passwords {
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    activity: Activity,
}

struct Shared {
    checking: Checking,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    line: Line<Job>,
    stopping: bool,
}

impl Passwords {
    /// Starts the pool.
    ///
    /// # Errors
    /// [`Error::Storage`] if a thread cannot be started.
    pub(crate) fn open(cost: Cost, activity: Activity) -> Result<Passwords> {
        let shared = Arc::new(Shared {
            checking: Checking::new(cost),
            queue: Mutex::default(),
            arrived: Condvar::new(),
        });
        let mut pool = Passwords {
            threads: Vec::new(),
            shared,
            activity,
        };
        for n in 0..(thread::available_parallelism().map_or(1, |cores| cores.get()) / 2).max(1) {
            let shared = pool.shared.clone();
            let thread = start_thread(format_args!("password-{n}"), move || run(&shared))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is empty or over 1,024 bytes long, [`Error::Busy`] if there was no
    /// place or the wait was too long, [`Error::Closed`] if the pool stops first.
    pub(crate) fn hash(&self, password: &Secret, asker: Asker) -> Pending<Result<String>> {
        if !hashable(password) {
            return Pending::ready(Err(Error::invalid("a password has 1 to 1,024 bytes")));
        }
        let (promise, pending) = pending();
        self.submit(asker, Task::Hash(password.clone(), promise));
        pending
    }

    /// The first candidate that has this password. A candidate that is `None` stands for a user
    /// without a password; such a candidate, or none at all, costs as much as a wrong password.
    /// Nothing is hashed if `proved` names a candidate.
    ///
    /// # Errors
    /// [`Error::Busy`] if there was no place or the wait was too long, [`Error::Closed`] if the
    /// pool stops first.
    pub(crate) fn verify(
        &self,
        password: &Secret,
        candidates: Vec<Option<String>>,
        proved: Proved,
        asker: Asker,
    ) -> Pending<Result<Option<Verified>>> {
        if !hashable(password) {
            return Pending::ready(Ok(None));
        }
        let (promise, pending) = pending();
        self.submit(
            asker,
            Task::Verify(
                Check {
                    password: password.clone(),
                    candidates,
                    proved,
                },
                promise,
            ),
        );
        pending
    }

    /// Hashes computed so far.
    pub(crate) fn work(&self) -> u64 {
        self.shared.checking.work.load(Ordering::Relaxed)
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue.lock().line.len()
    }

    /// Drops the waiting jobs, which get [`Error::Closed`]; each thread ends after its present job.
    pub(crate) fn close(&self) {
        let mut queue = self.shared.queue.lock();
        queue.stopping = true;
        let line = std::mem::take(&mut queue.line);
        drop(queue);
        self.shared.arrived.notify_all();
        drop(line);
    }

    fn submit(&self, asker: Asker, task: Task) {
        let job = Job {
            task,
            _busy: self.activity.busy(),
        };
        let mut queue = self.shared.queue.lock();
        if queue.stopping {
            drop(queue);
            return drop(job);
        }
        let displaced = queue.line.push(asker, job, Instant::now());
        drop(queue);
        self.shared.arrived.notify_one();
        displaced.into_iter().for_each(Job::refuse);
    }
}

impl Drop for Passwords {
    /// Finishes the present jobs, drops those that wait (they get [`Error::Closed`]) and joins the
    /// threads, unless it runs on one of them, which cannot wait for itself.
    fn drop(&mut self) {
        self.close();
        let here = thread::current().id();
        if self
            .threads
            .iter()
            .all(|thread| thread.thread().id() != here)
        {
            for thread in self.threads.drain(..) {
                drop(thread.join());
            }
        }
    }
}

fn hashable(password: &Secret) -> bool {
    (1..=PASSWORD_BYTES_MAX).contains(&password.expose().len())
}

fn run(shared: &Shared) {
    engine_thread();
    let mut hasher = Hasher::new(shared.checking.cost);
    while let Some((job, overdue, last)) = shared.next() {
        // A panic in a waker must not end the pool.
        let done = catch_unwind(AssertUnwindSafe(|| {
            overdue.into_iter().for_each(Job::refuse);
            if let Some(Job { task, _busy }) = job {
                shared.checking.perform(&mut hasher, task);
            }
        }));
        if done.is_err() {
            tracing::error!("a waiter for a password hash panicked");
        }
        if last {
            hasher.rest();
        }
    }
}

impl Shared {
    /// Waits for the next job. Returns it with the jobs that waited too long, and whether nothing
    /// else waits; `None` when the pool stops.
    fn next(&self) -> Option<(Option<Job>, Vec<Job>, bool)> {
        let mut queue = self.queue.lock();
        while queue.line.is_empty() && !queue.stopping {
            self.arrived.wait(&mut queue);
        }
        if queue.stopping {
            return None;
        }
        let overdue = queue.line.overdue(Instant::now(), |job| !job.is_awaited());
        let job = queue.line.pop();
        Some((job, overdue, queue.line.is_empty()))
    }
}

#[cfg(test)]
#[path = "pool_test.rs"]
mod tests;
