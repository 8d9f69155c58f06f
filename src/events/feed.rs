//! One request for an agent's events (§events/poll): resolve the cursor, look, filter, wait, look again.

use crate::database::Reads;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::hub::{Hub, Woken, shown};
use crate::model::{AgentKey, Cursor, Event, EventBatch, Seq};
use crate::waiting::{Activity, Busy};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Rows looked at in one go.
const SCAN: usize = 10_000;
/// How long one request looks, in real time: below the 30 s after which clients give up.
const LOOK_TIME: Duration = Duration::from_secs(10);

/// What every reader reads from.
pub(crate) struct Feed {
    pub(crate) hub: Arc<Hub>,
    pub(crate) reads: Reads,
    pub(crate) clock: Arc<dyn crate::clock::Clock>,
    pub(crate) activity: Activity,
    /// Only what lies within the window is served (buffered mode).
    pub(crate) buffered: bool,
}

/// From where on.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// As a client says it.
    Cursor(Cursor),
    /// After a place in the journal.
    Place(Seq),
}

/// One request.
pub(crate) struct Ask {
    pub(crate) agent: AgentKey,
    pub(crate) start: Start,
    pub(crate) filter: Arc<Filter>,
    /// How long to wait where there is nothing; `None`: for ever.
    pub(crate) patience: Option<Duration>,
    /// Set when whoever asks no longer may: the answer is then empty.
    pub(crate) ended: Option<Arc<AtomicBool>>,
    /// A second way to end the wait: a reader of the same name took over.
    pub(crate) superseded: Option<Arc<AtomicBool>>,
}

/// The answer, with what is not for everybody.
pub(crate) struct Answer {
    pub(crate) batch: EventBatch,
    /// How far it looked, as a place in the journal.
    pub(crate) scanned: Seq,
    /// The engine is stopping, or the agent is gone.
    pub(crate) over: bool,
    /// Held until the reader waits again.
    pub(crate) busy: Option<Busy>,
}

impl Feed {
    /// Where `cursor` lies in the journal (§events/last-event).
    ///
    /// # Errors
    /// [`Error::InstanceGone`] if the instance given is not ours, or the id lies above the newest.
    pub(crate) fn resolve(&self, cursor: &Cursor) -> Result<Seq> {
        let (instance, base, head) = self.hub.instance();
        if cursor
            .instance
            .as_ref()
            .is_some_and(|given| *given != instance)
        {
            return Err(Error::InstanceGone);
        }
        let newest = shown(head, base);
        if cursor.last > newest && cursor.instance.is_some() {
            return Err(Error::InstanceGone);
        }
        if cursor.last.0 <= 0 || cursor.last > newest {
            return Ok(self.window_start().max(base));
        }
        Ok(base.saturating_add(cursor.last.0))
    }

    /// The place before the first row of the window.
    pub(crate) fn window_start(&self) -> Seq {
        self.hub.window_start()
    }

    /// Answers with what there is, or waits for it. The request is boxed because a future that waits holds its
    /// arguments twice.
    pub(crate) async fn ask(self: Arc<Self>, ask: Box<Ask>) -> Result<Answer> {
        let mut scanned = match &ask.start {
            Start::Cursor(cursor) => self.resolve(cursor)?,
            Start::Place(place) => *place,
        };
        let due = ask
            .patience
            .map(|patience| self.hub.timer().now().saturating_add(patience));
        let mut gap = false;
        let mut busy = None;
        let mut rows = 0;
        let mut began = Instant::now();
        loop {
            if self.buffered {
                scanned = scanned.max(self.window_start());
            }
            if ask.is_over() {
                return Ok(self.answer(Vec::new(), scanned, gap, false, busy));
            }
            let looked = match self.look(&ask, scanned).await {
                // As the wait would answer.
                Err(Error::Closed) => return Ok(self.answer(Vec::new(), scanned, gap, true, busy)),
                looked => looked?,
            };
            gap |= looked.gap;
            rows += looked.rows;
            scanned = looked.scanned;
            if !looked.events.is_empty() || gap {
                return Ok(self.answer(looked.events, scanned, gap, false, busy));
            }
            if looked.more {
                let enough = rows >= SCAN || began.elapsed() >= LOOK_TIME;
                if enough && due.is_some_and(|due| due <= self.hub.timer().now()) {
                    return Ok(self.answer(Vec::new(), scanned, gap, false, busy));
                }
                // A page in memory is there at once: without this, a poll that finds nothing holds the executor for as
                // long as the whole window takes.
                yield_once().await;
                continue;
            }
            drop(busy.take());
            let wait = self.hub.wait(ask.agent, scanned);
            let woken = match due {
                None => wait.await,
                Some(due) => {
                    let sleep = self.hub.timer().sleep_until(due);
                    tokio::select! {
                        biased;
                        woken = wait => woken,
                        () = sleep => return Ok(self.answer(Vec::new(), scanned, gap, false, None)),
                    }
                }
            };
            match woken {
                Woken::News(token) => {
                    (busy, rows, began) = (token, 0, Instant::now());
                }
                Woken::Ended | Woken::Closed => {
                    return Ok(self.answer(Vec::new(), scanned, gap, true, None));
                }
            }
        }
    }

    fn answer(
        &self,
        events: Vec<Event>,
        scanned: Seq,
        gap: bool,
        over: bool,
        busy: Option<Busy>,
    ) -> Answer {
        let (instance, base, _) = self.hub.instance();
        let batch = EventBatch::new(events, shown(scanned, base), instance, gap);
        Answer {
            batch,
            scanned,
            over,
            busy,
        }
    }
}

/// Lets the executor's other tasks go first.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Ask {
    fn is_over(&self) -> bool {
        let set = |flag: &Option<Arc<AtomicBool>>| {
            flag.as_ref()
                .is_some_and(|flag| flag.load(Ordering::Acquire))
        };
        set(&self.ended) || set(&self.superseded)
    }
}
