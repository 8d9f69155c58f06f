//! An intake that records what a connector sends: it takes the engine's part in tests of
//! connectors.
//!
//! Time is real, or moved by hand; its queue is endless, or as short as a test wants it. Rejected:
//! testing a connector only through a whole engine (a failure there could be anybody's).

use super::{BackendError, Closed, Full, Inbound, Inbox, Intake, StateChange};
use crate::waiting::{Activity, Busy, from_now, park_until, start_thread};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::fmt;
use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How often real time is looked at.
const TICK: Duration = Duration::from_millis(5);

#[derive(Default)]
struct Recorded {
    items: Vec<Inbound>,
    changes: Vec<StateChange>,
    lost: Option<BackendError>,
    /// Items taken before it is full; `None` never is.
    room: Option<usize>,
    closed: bool,
    /// Engine time that has passed, if it is moved by hand.
    by_hand: Option<Duration>,
    wakers: Vec<Waker>,
}

/// What a wait needs of a recorder.
struct Inner {
    recorded: Mutex<Recorded>,
    start: Instant,
}

impl Inner {
    fn elapsed(&self, recorded: &Recorded) -> Duration {
        recorded.by_hand.unwrap_or_else(|| self.start.elapsed())
    }

    fn wake(&self) {
        let wakers = std::mem::take(&mut self.recorded.lock().wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// An intake that records.
pub struct Recorder {
    inner: Arc<Inner>,
    activity: Activity,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// One in real time.
    pub fn new() -> Arc<Recorder> {
        let recorder = Recorder::with(None);
        let ticking: Weak<Inner> = Arc::downgrade(&recorder.inner);
        let tick = move || {
            while let Some(inner) = ticking.upgrade() {
                inner.wake();
                drop(inner);
                std::thread::sleep(TICK);
            }
        };
        start_thread("recorder", tick).expect("a test has a thread to spare");
        recorder
    }

    /// One whose time is moved by [`Recorder::advance`].
    pub fn by_hand() -> Arc<Recorder> {
        Recorder::with(Some(Duration::ZERO))
    }

    fn with(by_hand: Option<Duration>) -> Arc<Recorder> {
        let recorded = Mutex::new(Recorded {
            by_hand,
            ..Recorded::default()
        });
        let inner = Arc::new(Inner {
            recorded,
            start: Instant::now(),
        });
        Arc::new(Recorder {
            inner,
            activity: Activity::default(),
        })
    }

    /// An inbox that feeds it.
    pub fn inbox(self: &Arc<Self>) -> Inbox {
        Inbox::new(self.clone())
    }

    /// Everything taken so far.
    pub fn items(&self) -> Vec<Inbound> {
        self.inner.recorded.lock().items.clone()
    }

    /// Every change of state so far.
    pub fn changes(&self) -> Vec<StateChange> {
        self.inner.recorded.lock().changes.clone()
    }

    /// Why the link was lost, if it was.
    pub fn lost(&self) -> Option<BackendError> {
        self.inner.recorded.lock().lost.clone()
    }

    /// Whether nothing is in the connector's hands.
    pub fn is_idle(&self) -> bool {
        self.activity.is_idle()
    }

    /// Takes so many more items and is full then; with `None` it is never full, which is the
    /// default.
    pub fn has_room_for(&self, items: Option<usize>) {
        self.inner.recorded.lock().room = items;
        self.inner.wake();
    }

    /// Takes nothing more for good.
    pub fn close(&self) {
        self.inner.recorded.lock().closed = true;
        self.inner.wake();
    }

    /// Moves time that is moved by hand.
    pub fn advance(&self, duration: Duration) {
        if let Some(now) = &mut self.inner.recorded.lock().by_hand {
            *now += duration;
        }
        self.inner.wake();
    }

    /// Waits until `shows` finds something in what was recorded, at most for `real_time`, and
    /// returns what it found.
    pub fn wait_for<T>(
        &self,
        real_time: Duration,
        mut shows: impl FnMut(&[Inbound], &[StateChange]) -> Option<T>,
    ) -> Option<T> {
        let shown = poll_fn(|cx| {
            let mut recorded = self.inner.recorded.lock();
            match shows(&recorded.items, &recorded.changes) {
                Some(shown) => Poll::Ready(Ok(shown)),
                None => {
                    recorded.wakers.push(cx.waker().clone());
                    Poll::Pending
                }
            }
        });
        park_until(shown, from_now(real_time)).ok()
    }
}

impl Intake for Recorder {
    fn take(&self, item: Inbound) -> Result<(), Full> {
        let mut recorded = self.inner.recorded.lock();
        if recorded.closed {
            return Err(Full::Closed);
        }
        if matches!(item, Inbound::Entered { .. }) {
            // It says where hearing begins, and here everything is heard.
            return Ok(());
        }
        match &mut recorded.room {
            Some(0) => return Err(Full::Full(item)),
            Some(room) => *room -= 1,
            None => {}
        }
        recorded.items.push(item);
        drop(recorded);
        self.inner.wake();
        Ok(())
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut recorded = self.inner.recorded.lock();
        if recorded.closed || recorded.room != Some(0) {
            return Poll::Ready(());
        }
        recorded.wakers.push(cx.waker().clone());
        Poll::Pending
    }

    fn flush(&self) -> Pin<Box<dyn Future<Output = Result<(), Closed>> + Send + 'static>> {
        let closed = self.inner.recorded.lock().closed;
        Box::pin(ready(if closed { Err(Closed) } else { Ok(()) }))
    }

    fn state(&self, change: StateChange) {
        self.inner.recorded.lock().changes.push(change);
        self.inner.wake();
    }

    fn lost(&self, error: BackendError) {
        let mut recorded = self.inner.recorded.lock();
        recorded.lost.get_or_insert(error);
        recorded.closed = true;
        drop(recorded);
        self.inner.wake();
    }

    fn busy(&self) -> Busy {
        self.activity.busy()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        let inner = self.inner.clone();
        let due = inner.elapsed(&inner.recorded.lock()) + duration;
        Box::pin(poll_fn(move |cx| {
            let mut recorded = inner.recorded.lock();
            if inner.elapsed(&recorded) >= due {
                return Poll::Ready(());
            }
            recorded.wakers.push(cx.waker().clone());
            Poll::Pending
        }))
    }

    fn identity(&self, of: &str) -> [u8; 16] {
        let mut identity = [0; 16];
        identity.copy_from_slice(&Sha256::digest(of)[..16]);
        identity
    }

    fn now(&self) -> DateTime<Utc> {
        let recorded = self.inner.recorded.lock();
        match recorded.by_hand {
            Some(passed) => DateTime::UNIX_EPOCH + passed,
            None => Utc::now(),
        }
    }
}
