//! A blocking wait in a few lines, after reqwest's `wait.rs`: poll, park the thread, poll again.
//!
//! It works on any thread, also on a worker of a foreign runtime, because it uses no runtime. On
//! one of the engine's own threads it returns [`Error::WouldDeadlock`] instead of waiting for
//! itself.
//!
//! A thread that counts as busy (`held`) does not count while it is parked: then something else is
//! under way, or the thread waits for time to pass.

use super::busy::{Activity, Busy};
use super::held::{held_activity, lay_down, take_up};
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
    static PARKED: Cell<bool> = const { Cell::new(false) };
}

/// Marks the current thread as one of the engine's own, for good.
pub(crate) fn engine_thread() {
    OURS.with(|ours| ours.set(true));
}

/// Whether the current poll happens inside [`park`] on a caller's thread, which may then do its own
/// disk reads.
pub(crate) fn is_parked() -> bool {
    PARKED.with(Cell::get)
}

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
    /// The count whose token the parked thread released; the waker takes one again.
    activity: Option<Activity>,
    token: Mutex<Token>,
}

#[derive(Default)]
struct Token {
    busy: Option<Busy>,
    /// The wait is over; a late waker leaves nothing behind.
    over: bool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            if let Some(activity) = &self.activity {
                let mut token = self.token.lock();
                if !token.over {
                    token.busy = Some(activity.busy());
                }
            }
            self.thread.unpark();
        }
    }
}

/// Blocks the calling thread until `future` is ready.
///
/// # Errors
/// [`Error::WouldDeadlock`] on one of the engine's own threads.
pub(crate) fn park<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    drive(future, None)
}

/// The moment `time` from now, in real time; nothing waits for longer than a century.
pub(crate) fn from_now(time: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    Instant::now() + time.min(CENTURY)
}

/// As [`park`], but gives up at `deadline` (real time) with [`Error::TimedOut`].
pub(crate) fn park_until<T>(
    future: impl Future<Output = Result<T>>,
    deadline: Instant,
) -> Result<T> {
    drive(future, Some(deadline))
}

fn drive<T>(future: impl Future<Output = Result<T>>, deadline: Option<Instant>) -> Result<T> {
    if OURS.with(Cell::get) {
        return Err(Error::WouldDeadlock);
    }
    let mut future = pin!(future);
    let activity = held_activity();
    let unpark = Arc::new(Unpark {
        thread: thread::current(),
        woken: AtomicBool::new(false),
        activity,
        token: Mutex::default(),
    });
    let waker = Waker::from(unpark.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        let outer = PARKED.with(|parked| parked.replace(true));
        let polled = future.as_mut().poll(&mut cx);
        PARKED.with(|parked| parked.set(outer));
        if let Poll::Ready(done) = polled {
            let mut token = unpark.token.lock();
            token.over = true;
            drop(token.busy.take());
            return done;
        }
        lay_down();
        while !unpark.woken.swap(false, Ordering::AcqRel) {
            match deadline {
                None => thread::park(),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        take_up(None);
                        let mut token = unpark.token.lock();
                        token.over = true;
                        drop(token.busy.take());
                        return Err(Error::TimedOut("the deadline passed".into()));
                    }
                    thread::park_timeout(left);
                }
            }
        }
        take_up(unpark.token.lock().busy.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waiting::pending;

    #[test]
    fn parks_until_another_thread_fulfils() {
        let (promise, pending) = pending();
        let helper = thread::spawn(move || promise.fulfil(Ok(7)));
        assert_eq!(park(pending), Ok(7));
        helper.join().expect("helper");
    }

    #[test]
    fn refuses_on_an_engine_thread() {
        let answer = thread::spawn(|| {
            engine_thread();
            park(async { Ok(()) })
        });
        assert_eq!(answer.join().expect("joined"), Err(Error::WouldDeadlock));
    }

    #[test]
    fn gives_up_at_its_deadline() {
        let (_promise, pending) = pending::<Result<()>>();
        let answer = park_until(pending, Instant::now() + Duration::from_millis(5));
        assert!(matches!(answer, Err(Error::TimedOut(_))));
    }
}
