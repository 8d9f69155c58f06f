//! The engine's one timer: every deadline and every pause is an entry here, driven by the [`Clock`].
//!
//! With the system's clock a thread sleeps to the next entry; with a clock moved by hand entries fire when told to.
//! A fired entry holds a `Busy` until its task looks, so that a stepped clock waits for what it set off.

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::waiting::{Activity, Busy, engine_thread, start_thread, wake};
use chrono::{DateTime, Utc};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Default)]
struct State {
    due: BTreeMap<(Duration, u64), Waker>,
    fired: HashMap<u64, Busy>,
    next: u64,
    closed: bool,
}

/// The timer. Times are the clock's monotonic time.
pub(crate) struct Timer {
    clock: Arc<dyn Clock>,
    activity: Activity,
    state: Mutex<State>,
    earlier: Condvar,
}

impl Timer {
    pub(crate) fn new(clock: Arc<dyn Clock>, activity: Activity) -> Arc<Timer> {
        Arc::new(Timer {
            clock,
            activity,
            state: Mutex::default(),
            earlier: Condvar::new(),
        })
    }

    /// Starts the thread that a running clock needs.
    pub(crate) fn start(self: &Arc<Timer>) -> Result<Option<JoinHandle<()>>> {
        if !self.clock.runs() {
            return Ok(None);
        }
        let timer = self.clone();
        start_thread("timer", move || timer.run()).map(Some)
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The date, as the clock shows it; it may jump.
    pub(crate) fn wall(&self) -> DateTime<Utc> {
        self.clock.wall()
    }

    /// Ready once `duration` has passed.
    pub(crate) fn sleep(self: &Arc<Timer>, duration: Duration) -> Sleep {
        self.sleep_until(self.now().saturating_add(duration))
    }

    /// Ready at `due`.
    pub(crate) fn sleep_until(self: &Arc<Timer>, due: Duration) -> Sleep {
        Sleep {
            timer: self.clone(),
            due,
            number: None,
        }
    }

    /// What `waited` answers, or the error `late` once `most` has passed: who waits for a disk waits no longer than that.
    pub(crate) async fn within<T>(
        self: &Arc<Timer>,
        most: Duration,
        waited: impl Future<Output = Result<T>>,
        late: impl FnOnce() -> Error,
    ) -> Result<T> {
        let sleep = self.sleep(most);
        tokio::select! {
            biased;
            answer = waited => answer,
            () = sleep => Err(late()),
        }
    }

    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.state.lock().due.keys().next().map(|(due, _)| *due)
    }

    /// Fires what is due by now.
    pub(crate) fn fire(&self) {
        let now = self.now();
        let mut wakers = Vec::new();
        let mut state = self.state.lock();
        while let Some(entry) = state.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((_, number), waker) = entry.remove_entry();
            let busy = self.activity.busy();
            state.fired.insert(number, busy);
            wakers.push(waker);
        }
        drop(state);
        wakers.into_iter().for_each(wake);
    }

    /// Ends the thread and fires everything that still waits.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let due = std::mem::take(&mut state.due);
        drop(state);
        self.earlier.notify_all();
        due.into_values().for_each(wake);
    }

    fn run(&self) {
        engine_thread();
        let mut state = self.state.lock();
        while !state.closed {
            let next = state.due.keys().next().map(|(due, _)| *due);
            let now = self.now();
            match next {
                Some(due) if due <= now => {
                    drop(state);
                    self.fire();
                    state = self.state.lock();
                }
                Some(due) => {
                    self.earlier
                        .wait_until(&mut state, Instant::now() + (due - now));
                }
                None => self.earlier.wait(&mut state),
            }
        }
    }
}

/// A pause under way; dropping it removes its entry.
pub(crate) struct Sleep {
    timer: Arc<Timer>,
    due: Duration,
    number: Option<u64>,
}

impl Sleep {
    /// When it ends.
    pub(crate) fn due(&self) -> Duration {
        self.due
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.timer.state.lock();
        if let Some(number) = this.number {
            if let Some(busy) = state.fired.remove(&number) {
                this.number = None;
                drop(state);
                drop(busy);
                return Poll::Ready(());
            }
            if !state.closed
                && let Some(waker) = state.due.get_mut(&(this.due, number))
            {
                waker.clone_from(cx.waker());
                return Poll::Pending;
            }
            this.number = None;
        }
        if state.closed || this.timer.now() >= this.due {
            return Poll::Ready(());
        }
        let number = state.next;
        state.next += 1;
        let first = state
            .due
            .keys()
            .next()
            .is_none_or(|(due, _)| *due > this.due);
        state.due.insert((this.due, number), cx.waker().clone());
        this.number = Some(number);
        drop(state);
        if first {
            this.timer.earlier.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut state = self.timer.state.lock();
            let entry = state.due.remove(&(self.due, number));
            let fired = state.fired.remove(&number);
            drop(state);
            drop((entry, fired));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::waiting::park;

    #[test]
    fn entries_fire_in_order_and_a_dropped_one_leaves_nothing() {
        let timer = Timer::new(Arc::new(SystemClock::new()), Activity::default());
        let thread = timer.start().expect("starts");
        let mut forgotten = Box::pin(timer.sleep(Duration::from_secs(3600)));
        let polled = forgotten
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
        let before = timer.now();
        let sleep = timer.sleep(Duration::from_millis(3));
        park(async {
            sleep.await;
            Ok(())
        })
        .expect("slept");
        assert!(timer.now() - before >= Duration::from_millis(3));
        drop(forgotten);
        assert_eq!(timer.next_due(), None);
        timer.close();
        thread.expect("running clock").join().expect("ended");
    }
}
