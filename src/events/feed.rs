//! One request for an agent's events (§events/poll): resolve the cursor, look, filter, wait, and
//! look again.

use super::above::{Above, Beginning, HighCursor, Receipt};
use crate::database::Reads;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::hub::{Hub, Woken, event_id};
use crate::model::{AgentKey, Cursor, Event, EventBatch, EventId, Seq};
use crate::waiting::{Activity, Busy};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Rows that one request looks at before it may end empty.
const SCAN: usize = 10_000;
/// How long one request looks, in real time: less than the 30 s after which clients give up.
const LOOK_TIME: Duration = Duration::from_secs(10);
/// How long a request with a high cursor waits for an earlier answer to be written.
const WRITE_TIME: Duration = Duration::from_secs(5);

/// What every reader reads from.
pub(crate) struct Feed {
    pub(crate) hub: Arc<Hub>,
    pub(crate) reads: Reads,
    pub(crate) clock: Arc<dyn crate::clock::Clock>,
    pub(crate) activity: Activity,
    /// Whether only events within the window are served (buffered mode).
    pub(crate) buffered: bool,
    /// How far cursors above the newest id were served.
    pub(crate) above: Arc<Above>,
}

/// Where a request begins.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// After the event that a client names.
    Cursor(Cursor),
    /// After this seq of the journal.
    After(Seq),
    /// After what was served to a cursor above the newest id.
    Above(Box<HighCursor>),
}

/// One request for events.
pub(crate) struct Request {
    pub(crate) agent: AgentKey,
    pub(crate) start: Start,
    pub(crate) filter: Arc<Filter>,
    /// How long to wait if there are no events; `None`: for ever.
    pub(crate) patience: Option<Duration>,
    /// Set when the caller's right has ended: the delivery is empty then.
    pub(crate) ended: Option<Arc<AtomicBool>>,
    /// Set when a newer reader of the same name took over: the delivery is empty then.
    pub(crate) superseded: Option<Arc<AtomicBool>>,
}

/// What a request is given.
pub(crate) struct Handed {
    pub(crate) batch: EventBatch,
    /// The seq up to which the journal was looked at.
    pub(crate) scanned: Seq,
    /// The engine is stopping, or the agent was deleted.
    pub(crate) over: bool,
    /// Held until the reader waits again.
    pub(crate) busy: Option<Busy>,
    /// To be confirmed when the events were written, if their cursor was above the newest id.
    pub(crate) receipt: Option<Receipt>,
}

impl Handed {
    /// The batch, for a caller who has it as soon as this returns.
    pub(crate) fn accepted(self) -> EventBatch {
        if let Some(receipt) = self.receipt {
            receipt.confirm();
        }
        self.batch
    }
}

impl Feed {
    /// The seq in the journal that `cursor` stands for (§events/last-event).
    ///
    /// # Errors
    /// [`Error::InstanceGone`] if the cursor's instance is not ours, or if its id is above the
    /// newest.
    pub(crate) fn resolve(&self, cursor: &Cursor) -> Result<Seq> {
        let (instance, base, head) = self.hub.instance();
        if cursor
            .instance
            .as_ref()
            .is_some_and(|given| *given != instance)
        {
            return Err(Error::InstanceGone);
        }
        let newest = event_id(head, base);
        if cursor.last > newest && cursor.instance.is_some() {
            return Err(Error::InstanceGone);
        }
        if cursor.last == EventId::BEFORE_ALL {
            return Ok(base);
        }
        if cursor.last.0 <= 0 || cursor.last > newest {
            return Ok(self.window_start().max(base));
        }
        Ok(base.saturating_add(cursor.last.0))
    }

    /// Whether `cursor` is above the newest id, or was, and says nothing of an instance.
    pub(crate) fn is_high(&self, cursor: &Cursor) -> bool {
        if cursor.instance.is_some() || cursor.last.0 <= 0 {
            return false;
        }
        let (base, head) = self.hub.base_and_head();
        cursor.last > event_id(head, base) || !self.above.is_empty()
    }

    /// How far a cursor above the newest id was served; one that was not seen before begins after
    /// `fresh`, or with the window. While an earlier answer is being written, it waits for the end
    /// of that.
    pub(crate) async fn served(&self, high: &HighCursor, fresh: Option<Seq>) -> Seq {
        let overdue = self.hub.timer().sleep(WRITE_TIME);
        tokio::pin!(overdue);
        let mut patient = true;
        loop {
            let written = self.above.written();
            let (base, head) = self.hub.base_and_head();
            let own = base.saturating_add(high.cursor.0);
            let passed = (own <= head).then_some(own);
            let least = if high.of_instance { base } else { 0 };
            let fresh = fresh.unwrap_or_else(|| self.window_start());
            match self.above.begin(high, passed, fresh.max(least), patient) {
                Beginning::After(seq) => return seq.max(least),
                Beginning::Unknown => tokio::select! {
                    () = written => {}
                    () = &mut overdue => patient = false,
                },
            }
        }
    }

    /// The seq before the first row of the window.
    pub(crate) fn window_start(&self) -> Seq {
        self.hub.window_start()
    }

    /// Returns the events there are, or waits for some. The request is boxed because a waiting
    /// future holds its arguments twice.
    pub(crate) async fn ask(self: Arc<Self>, request: Box<Request>) -> Result<Handed> {
        let mut scanned = match &request.start {
            Start::Cursor(cursor) => self.resolve(cursor)?,
            Start::After(seq) => *seq,
            Start::Above(high) => Box::pin(self.served(high, None)).await,
        };
        let due = request
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
            if request.is_over() {
                return Ok(self.delivery(&request, Vec::new(), scanned, gap, false, busy));
            }
            let looked = match self.look(&request, scanned).await {
                // The same as the wait would return.
                Err(Error::Closed) => {
                    return Ok(self.delivery(&request, Vec::new(), scanned, gap, true, busy));
                }
                looked => looked?,
            };
            gap |= looked.gap;
            rows += looked.rows;
            scanned = looked.scanned;
            if !looked.events.is_empty() || gap {
                return Ok(self.delivery(&request, looked.events, scanned, gap, false, busy));
            }
            if looked.more {
                let enough = rows >= SCAN || began.elapsed() >= LOOK_TIME;
                if enough && due.is_some_and(|due| due <= self.hub.timer().now()) {
                    return Ok(self.delivery(&request, Vec::new(), scanned, gap, false, busy));
                }
                // A page in memory is read without waiting. Without this yield, a poll that finds
                // nothing would hold the executor until it has read the whole window.
                yield_once().await;
                continue;
            }
            drop(busy.take());
            let wait = self.hub.wait(request.agent, scanned);
            let woken = match due {
                None => wait.await,
                Some(due) => {
                    let sleep = self.hub.timer().sleep_until(due);
                    tokio::select! {
                        biased;
                        woken = wait => woken,
                        () = sleep => return Ok(self.delivery(&request, Vec::new(), scanned, gap, false, None)),
                    }
                }
            };
            match woken {
                Woken::News(token) => {
                    (busy, rows, began) = (token, 0, Instant::now());
                }
                Woken::Ended | Woken::Closed => {
                    return Ok(self.delivery(&request, Vec::new(), scanned, gap, true, None));
                }
            }
        }
    }

    fn delivery(
        &self,
        request: &Request,
        events: Vec<Event>,
        scanned: Seq,
        gap: bool,
        over: bool,
        busy: Option<Busy>,
    ) -> Handed {
        let (instance, base, _) = self.hub.instance();
        let receipt = match &request.start {
            Start::Above(high) => Some(self.above.receipt(high, scanned)),
            Start::Cursor(_) | Start::After(_) => None,
        };
        let batch = EventBatch::new(events, event_id(scanned, base), instance, gap);
        Handed {
            batch,
            scanned,
            over,
            busy,
            receipt,
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

impl Request {
    fn is_over(&self) -> bool {
        let set = |flag: &Option<Arc<AtomicBool>>| {
            flag.as_ref()
                .is_some_and(|flag| flag.load(Ordering::Acquire))
        };
        set(&self.ended) || set(&self.superseded)
    }
}
