//! Passwords: Argon2id on a small pool of threads, behind a fair line.
//!
//! One hash costs 27 ms of a core and 19 MiB, so the login path is the cheapest way to keep a machine busy: one
//! thread per two cores, each with memory that serves one job after the other ([`hashing`]). Up to 1,024 logins wait,
//! in turn by peer and by name, at most 20 s each ([`line`]); what loses its place is [`Error::Busy`]. A job that nobody
//! waits for any more is not done: a stranger who sends and hangs up costs nothing. A password that was right within the
//! last 15 minutes need not be hashed again ([`recent`]); that is asked when a login's turn comes, not only when it arrives:
//! of 1,000 bots of one user that came together each was hashed, and a third were refused after 20 s, though the first
//! had proved the password of all. Every login costs the same work whether or not its name
//! exists, and [`Passwords::work`] counts the hashes so that a test can see it.
//!
//! Rejected: hashing on the caller's thread (a hundred logins would take every core and two gigabytes), and a
//! runtime's blocking pool (512 threads of 19 MiB).

mod hashing;
mod line;
mod recent;

pub(crate) use line::Asker;
pub(crate) use recent::{Recent, Whose};

use crate::error::{Error, Result};
use crate::model::Secret;
use crate::waiting::{Activity, Busy, Pending, Promise, engine_thread, pending};
use hashing::{Hasher, Readable};
use line::Line;
use parking_lot::{Condvar, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// After how long a login that found no place may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Bytes of a password at most; a longer one is refused before it is hashed.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Nobody is known to have the password.
pub(crate) fn unproved() -> Proved {
    Box::new(|| None)
}

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
}

impl Cost {
    /// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
    pub(crate) const STANDARD: Cost = Cost {
        memory_kib: 19_456,
        passes: 2,
    };
    /// For tests only.
    #[cfg(test)]
    pub(crate) const LIGHT: Cost = Cost {
        memory_kib: 8,
        passes: 1,
    };
}

/// A password that one of the candidates has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Which candidate.
    pub(crate) place: usize,
    /// The same password at today's cost, if it is stored at another.
    pub(crate) rehash: Option<String>,
}

/// The pool.
pub(crate) struct Passwords {
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    activity: Activity,
}

struct Shared {
    cost: Cost,
    /// A hash nobody has, at our cost: what a login is checked against whose name does not exist.
    dummy: String,
    work: AtomicU64,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    line: Line<Job>,
    stopping: bool,
}

struct Job {
    task: Task,
    /// Declared after the task and so dropped after it: nothing is idle before the answer is out.
    _busy: Busy,
}

/// A password, whose it may be, and who of them is known by now to have it.
struct Check {
    password: Secret,
    candidates: Vec<Option<String>>,
    proved: Proved,
}

/// Asked when the turn comes: which candidate's password this was found to be, meanwhile or a short while ago.
pub(crate) type Proved = Box<dyn FnOnce() -> Option<usize> + Send>;

enum Task {
    Hash(Secret, Promise<Result<String>>),
    Verify(Check, Promise<Result<Option<Verified>>>),
}

impl Passwords {
    /// Starts the pool.
    ///
    /// # Errors
    /// [`Error::Internal`] if a thread cannot be started.
    pub(crate) fn open(cost: Cost, activity: Activity) -> Result<Passwords> {
        let Cost { memory_kib, passes } = cost;
        let zeros = |chars| "A".repeat(chars);
        let dummy = format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p=1${}${}",
            zeros(22),
            zeros(43)
        );
        let (work, queue, arrived) = (AtomicU64::new(0), Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared {
            cost,
            dummy,
            work,
            queue,
            arrived,
        });
        let mut pool = Passwords {
            threads: Vec::new(),
            shared,
            activity,
        };
        for n in 0..(thread::available_parallelism().map_or(1, |cores| cores.get()) / 2).max(1) {
            let shared = pool.shared.clone();
            let thread = thread::Builder::new()
                .name(format!("switchboard-password-{n}"))
                .spawn(move || run(&shared))
                .map_err(|error| {
                    Error::Internal(format!("a password thread did not start: {error}"))
                })?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is empty or over 1,024 bytes, [`Error::Busy`] if it found no place or
    /// waited too long, [`Error::Closed`] if the pool stops first.
    pub(crate) fn hash(&self, password: &Secret, asker: Asker) -> Pending<Result<String>> {
        if !hashable(password) {
            return Pending::ready(Err(Error::invalid("a password has 1 to 1,024 bytes")));
        }
        let (promise, pending) = pending();
        self.submit(asker, Task::Hash(password.clone(), promise));
        pending
    }

    /// The first candidate that has this password. `None` stands for a user without one; such, and no candidate at
    /// all, cost as much as one with a password that is wrong. Nothing is hashed if `proved` names one.
    ///
    /// # Errors
    /// [`Error::Busy`] if it found no place or waited too long, [`Error::Closed`] if the pool stops first.
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
        self.shared.work.load(Ordering::Relaxed)
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue.lock().line.len()
    }

    /// Drops what waits, which answers [`Error::Closed`]; the threads end when what they have in hand is done.
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
    /// Lets the job in hand end, drops those that wait (they answer [`Error::Closed`]) and joins the threads,
    /// unless it runs on one of them: a thread cannot wait for itself.
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

impl Job {
    fn is_awaited(&self) -> bool {
        match &self.task {
            Task::Hash(_, promise) => promise.is_awaited(),
            Task::Verify(_, promise) => promise.is_awaited(),
        }
    }

    /// Answers that there was no place, or that it took too long.
    fn refuse(self) {
        let busy = || Error::Busy {
            what: "the password pool".into(),
            retry_after: RETRY_AFTER,
        };
        match self.task {
            Task::Hash(_, promise) => promise.fulfil(Err(busy())),
            Task::Verify(_, promise) => promise.fulfil(Err(busy())),
        }
    }
}

fn hashable(password: &Secret) -> bool {
    (1..=PASSWORD_BYTES_MAX).contains(&password.expose().len())
}

fn run(shared: &Shared) {
    engine_thread();
    let mut hasher = Hasher::new(shared.cost);
    while let Some((job, overdue, last)) = shared.next() {
        // A waker that panics must not take the pool with it.
        let done = catch_unwind(AssertUnwindSafe(|| {
            overdue.into_iter().for_each(Job::refuse);
            if let Some(Job { task, _busy }) = job {
                shared.perform(&mut hasher, task);
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
    /// Waits for the next job; with it what waited too long, and whether nothing else waits. `None`: the pool stops.
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

    fn perform(&self, hasher: &mut Hasher, task: Task) {
        match task {
            Task::Hash(password, promise) => {
                promise.fulfil(caught(|| self.hash(hasher, &password)))
            }
            Task::Verify(
                Check {
                    password,
                    candidates,
                    proved,
                },
                promise,
            ) => {
                promise.fulfil(caught(|| match proved() {
                    Some(place) => Ok(Some(Verified {
                        place,
                        rehash: None,
                    })),
                    None => self.verify(hasher, &password, &candidates),
                }));
            }
        }
    }

    fn hash(&self, hasher: &mut Hasher, password: &Secret) -> Result<String> {
        self.work.fetch_add(1, Ordering::Relaxed);
        hasher.hash(password)
    }

    fn verify(
        &self,
        hasher: &mut Hasher,
        password: &Secret,
        candidates: &[Option<String>],
    ) -> Result<Option<Verified>> {
        if candidates.is_empty() {
            self.matches(hasher, password, None);
        }
        let Some(place) = candidates
            .iter()
            .position(|hash| self.matches(hasher, password, hash.as_deref()))
        else {
            return Ok(None);
        };
        let outdated = candidates[place]
            .as_deref()
            .is_some_and(|hash| !self.is_current(hash));
        let rehash = if outdated {
            Some(self.hash(hasher, password)?)
        } else {
            None
        };
        Ok(Some(Verified { place, rehash }))
    }

    /// Whether this is the password of that hash. Without a hash, or with one that cannot be read, it does the same
    /// work on the dummy and says no.
    fn matches(&self, hasher: &mut Hasher, password: &Secret, hash: Option<&str>) -> bool {
        let readable = hash.and_then(Readable::parse);
        let real = readable.is_some();
        let Some(hash) = readable.or_else(|| Readable::parse(&self.dummy)) else {
            return false;
        };
        self.work.fetch_add(1, Ordering::Relaxed);
        hasher.matches(password, &hash) && real
    }

    fn is_current(&self, hash: &str) -> bool {
        let Cost { memory_kib, passes } = self.cost;
        hash.starts_with(&format!("$argon2id$v=19$m={memory_kib},t={passes},p=1$"))
    }
}

/// Runs `work`; a panic becomes an error.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Internal("a password hash panicked".into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waiting::park;

    fn pool() -> Passwords {
        Passwords::open(Cost::LIGHT, Activity::default()).unwrap()
    }

    fn me() -> Asker {
        Asker::change("host:test")
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    #[test]
    fn lenes_password_is_known_again_and_no_other() {
        let pool = pool();
        let hash = park(pool.hash(&secret("pässword"), me())).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        let verify = |password, candidates| {
            park(pool.verify(&secret(password), candidates, unproved(), me())).unwrap()
        };
        let found = verify(
            "pässword",
            vec![None, Some("not a hash".into()), Some(hash.clone())],
        );
        assert_eq!(
            found,
            Some(Verified {
                place: 2,
                rehash: None
            })
        );
        assert_eq!(verify("password", vec![Some(hash.clone())]), None);
        assert_eq!(verify("", vec![Some(hash.clone())]), None);
        assert_eq!(verify(&"x".repeat(1025), vec![Some(hash)]), None);
        assert!(matches!(
            park(pool.hash(&secret(""), me())),
            Err(Error::Invalid(_))
        ));
        assert!(matches!(
            park(pool.hash(&secret(&"x".repeat(1025)), me())),
            Err(Error::Invalid(_))
        ));
    }

    #[test]
    fn a_name_that_does_not_exist_costs_what_a_wrong_password_costs() {
        let pool = pool();
        let hash = park(pool.hash(&secret("right"), me())).unwrap();
        let work = |candidates| {
            let before = pool.work();
            assert_eq!(
                park(pool.verify(&secret("wrong"), candidates, unproved(), me())),
                Ok(None)
            );
            pool.work() - before
        };
        assert_eq!(
            [
                work(vec![Some(hash)]),
                work(vec![]),
                work(vec![None]),
                work(vec![Some("?".into())])
            ],
            [1; 4]
        );
        assert!(
            Readable::parse(&pool.shared.dummy).is_some(),
            "the dummy is a hash, so it costs what one costs"
        );
    }

    #[test]
    fn a_password_hashed_at_another_cost_is_hashed_anew() {
        let old = Passwords::open(
            Cost {
                memory_kib: 16,
                passes: 1,
            },
            Activity::default(),
        )
        .unwrap();
        let pool = pool();
        let hash = park(old.hash(&secret("right"), me())).unwrap();
        let found = park(pool.verify(&secret("right"), vec![Some(hash)], unproved(), me()))
            .unwrap()
            .unwrap();
        let renewed = found.rehash.unwrap();
        let again =
            park(pool.verify(&secret("right"), vec![Some(renewed)], unproved(), me())).unwrap();
        assert_eq!(
            again,
            Some(Verified {
                place: 0,
                rehash: None
            })
        );
    }

    #[test]
    fn a_full_line_is_busy_at_once_and_a_dropped_pool_answers_closed() {
        let activity = Activity::default();
        // Dear enough that the line fills while the first is in hand.
        let pool = Passwords::open(
            Cost {
                memory_kib: 4_096,
                passes: 2,
            },
            activity.clone(),
        )
        .unwrap();
        let mut answers: Vec<_> = (0..line::WAITING_MAX * 2)
            .map(|_| pool.hash(&secret("x"), me()))
            .collect();
        assert!(!activity.is_idle());
        assert!(matches!(
            park(answers.pop().unwrap()),
            Err(Error::Busy { .. })
        ));
        drop(pool);
        let closed = answers
            .drain(..)
            .map(park)
            .filter(|answer| *answer == Err(Error::Closed))
            .count();
        assert!(closed > 0, "those that waited were not hashed");
        assert!(activity.is_idle());
    }

    #[test]
    fn what_was_proved_while_it_waited_is_not_hashed() {
        let pool = Passwords::open(
            Cost {
                memory_kib: 4_096,
                passes: 2,
            },
            Activity::default(),
        )
        .unwrap();
        let hash = park(pool.hash(&secret("right"), me())).unwrap();
        let verify = |proved: Proved| {
            pool.verify(
                &secret("right"),
                vec![None, Some(hash.clone())],
                proved,
                me(),
            )
        };
        let meanwhile = Arc::new(AtomicU64::new(0));
        let asked = |meanwhile: &Arc<AtomicU64>| -> Proved {
            let meanwhile = meanwhile.clone();
            Box::new(move || (meanwhile.load(Ordering::Acquire) > 0).then_some(1))
        };
        let before = pool.work();
        let first = verify(asked(&meanwhile));
        assert_eq!(park(first).unwrap().map(|right| right.place), Some(1));
        assert_eq!(pool.work() - before, 2, "a hash for each candidate");
        let ahead: Vec<_> = (0..20).map(|_| pool.hash(&secret("x"), me())).collect();
        let waiting: Vec<_> = (0..100).map(|_| verify(asked(&meanwhile))).collect();
        meanwhile.store(1, Ordering::Release);
        ahead.into_iter().for_each(|hash| drop(park(hash).unwrap()));
        for login in waiting {
            assert_eq!(
                park(login),
                Ok(Some(Verified {
                    place: 1,
                    rehash: None
                }))
            );
        }
        assert_eq!(pool.work() - before, 22);
    }

    #[test]
    fn what_nobody_waits_for_is_not_done() {
        let activity = Activity::default();
        let pool = Passwords::open(
            Cost {
                memory_kib: 4_096,
                passes: 2,
            },
            activity.clone(),
        )
        .unwrap();
        for _ in 0..500 {
            drop(pool.hash(&secret("x"), Asker::login(None, "stranger", true)));
        }
        park(pool.hash(&secret("x"), Asker::login(None, "lene", true))).unwrap();
        assert!(activity.wait_idle(Instant::now() + Duration::from_secs(30)));
        assert!(pool.work() < 20, "{} of 501 were hashed", pool.work());
    }

    #[test]
    fn a_pool_dropped_on_its_own_thread_detaches() {
        struct DropsPool(
            parking_lot::Mutex<Option<Passwords>>,
            std::sync::mpsc::SyncSender<()>,
        );
        impl std::task::Wake for DropsPool {
            fn wake(self: Arc<Self>) {
                drop(self.0.lock().take());
                self.1.send(()).unwrap_or_default();
            }
        }
        let pool = Passwords::open(
            Cost {
                memory_kib: 1_024,
                passes: 1,
            },
            Activity::default(),
        )
        .unwrap();
        let mut pending = pool.hash(&secret("x"), me());
        let (sent, dropped) = std::sync::mpsc::sync_channel(1);
        let waker = Arc::new(DropsPool(parking_lot::Mutex::new(None), sent));
        let mut slot = waker.0.lock();
        let task = std::task::Waker::from(waker.clone());
        let polled = std::future::Future::poll(
            std::pin::Pin::new(&mut pending),
            &mut std::task::Context::from_waker(&task),
        );
        *slot = Some(pool);
        drop(slot);
        if polled.is_pending() {
            dropped.recv_timeout(Duration::from_secs(30)).unwrap();
            assert!(waker.0.lock().is_none());
        }
    }
}
