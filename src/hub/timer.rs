//! The engine's only timer: every deadline and every pause is an entry here. The [`Clock`] drives
//! it.
//!
//! With the system's clock, a thread sleeps until the next entry is due. A clock moved by hand
//! fires the entries itself. A fired entry holds a `Busy` until its task is polled, so that a clock
//! moved by hand waits for the tasks that it woke.

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::waiting::{Activity, Busy, engine_thread, from_now, start_thread, wake};
use chrono::{DateTime, Utc};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Default)]
struct Queue {
    due: BTreeMap<(Duration, u64), Waker>,
    fired: HashMap<u64, Busy>,
    next: u64,
    closed: bool,
}

/// The timer. Times are the clock's monotonic time.
pub(crate) struct Timer {
    clock: Arc<dyn Clock>,
    activity: Activity,
    queue: Mutex<Queue>,
    earlier: Condvar,
}

impl Timer {
    pub(crate) fn new(clock: Arc<dyn Clock>, activity: Activity) -> Arc<Timer> {
        Arc::new(Timer {
            clock,
            activity,
            queue: Mutex::default(),
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

    /// The monotonic time.
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

    /// Returns what `waited` returns, or the error `late` once `most` has passed.
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

    /// When the next entry is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.queue.lock().due.keys().next().map(|(due, _)| *due)
    }

    /// Fires what is due by now.
    pub(crate) fn fire(&self) {
        let now = self.now();
        let mut wakers = Vec::new();
        let mut queue = self.queue.lock();
        while let Some(entry) = queue.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((_, number), waker) = entry.remove_entry();
            let busy = self.activity.busy();
            queue.fired.insert(number, busy);
            wakers.push(waker);
        }
        drop(queue);
        wakers.into_iter().for_each(wake);
    }

    /// Ends the thread and wakes every task that still sleeps.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let due = std::mem::take(&mut queue.due);
        drop(queue);
        self.earlier.notify_all();
        due.into_values().for_each(wake);
    }

    fn run(&self) {
        engine_thread();
        let mut queue = self.queue.lock();
        while !queue.closed {
            let next = queue.due.keys().next().map(|(due, _)| *due);
            let now = self.now();
            match next {
                Some(due) if due <= now => {
                    drop(queue);
                    self.fire();
                    queue = self.queue.lock();
                }
                Some(due) => {
                    self.earlier.wait_until(&mut queue, from_now(due - now));
                }
                None => self.earlier.wait(&mut queue),
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
        let mut queue = this.timer.queue.lock();
        if let Some(number) = this.number {
            if let Some(busy) = queue.fired.remove(&number) {
                this.number = None;
                drop(queue);
                drop(busy);
                return Poll::Ready(());
            }
            if !queue.closed
                && let Some(waker) = queue.due.get_mut(&(this.due, number))
            {
                waker.clone_from(cx.waker());
                return Poll::Pending;
            }
            this.number = None;
        }
        if queue.closed || this.timer.now() >= this.due {
            return Poll::Ready(());
        }
        let number = queue.next;
        queue.next += 1;
        let first = queue
            .due
            .keys()
            .next()
            .is_none_or(|(due, _)| *due > this.due);
        queue.due.insert((this.due, number), cx.waker().clone());
        this.number = Some(number);
        drop(queue);
        if first {
            this.timer.earlier.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut queue = self.timer.queue.lock();
            let entry = queue.due.remove(&(self.due, number));
            let fired = queue.fired.remove(&number);
            drop(queue);
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
