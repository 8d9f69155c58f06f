//! One request for an agent's events (reference 3.8): resolve the cursor, look, filter, wait, look again.

use crate::database::{Readers, storage};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::hub::{Hub, Page, Woken, shown};
use crate::journal;
use crate::model::{AgentKey, Cursor, Event, EventBatch, EventBody, Record, Seq, What};
use crate::waiting::{Activity, Busy};
use chrono::{DateTime, Utc};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

/// Events in one answer.
const EVENTS: usize = 100;
/// Bytes in one answer, roughly.
const BYTES: usize = 256 << 10;
/// Rows looked at in one go.
const SCAN: usize = 10_000;

/// What every reader reads from.
pub(crate) struct Feed {
    pub(crate) hub: Arc<Hub>,
    pub(crate) readers: Readers,
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
    pub(crate) filter: Filter,
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
    /// Where `cursor` lies in the journal (rules, events).
    ///
    /// # Errors
    /// [`Error::InstanceGone`] if the instance given is not ours, or the id lies above the newest.
    pub(crate) fn resolve(&self, cursor: &Cursor) -> Result<Seq> {
        let (instance, base, head) = self.hub.instance();
        if cursor.instance.as_ref().is_some_and(|given| *given != instance) {
            return Err(Error::InstanceGone);
        }
        let newest = shown(head, base);
        if cursor.last > newest && cursor.instance.is_some() {
            return Err(Error::InstanceGone);
        }
        if cursor.last.0 <= 0 || cursor.last > newest {
            return Ok(self.window_start().max(base));
        }
        Ok(base + cursor.last.0)
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
        let due = ask.patience.map(|patience| self.hub.timer().now().saturating_add(patience));
        let mut gap = false;
        let mut busy = None;
        let mut rows = 0;
        loop {
            if self.buffered {
                scanned = scanned.max(self.window_start());
            }
            if ask.is_over() {
                return Ok(self.answer(Vec::new(), scanned, gap, false, busy));
            }
            let (page, dropped) = self.page(ask.agent, scanned).await?;
            gap |= dropped;
            rows += page.records.len();
            let full = page.full;
            let (events, cut) = self.events(&ask, &page);
            scanned = cut.unwrap_or(page.scanned);
            if !events.is_empty() || gap {
                return Ok(self.answer(events, scanned, gap, false, busy));
            }
            if full {
                if rows >= SCAN && due.is_some_and(|due| due <= self.hub.timer().now()) {
                    return Ok(self.answer(Vec::new(), scanned, gap, false, busy));
                }
                // A page in memory is there at once: without this, one poll with a slow pattern holds the executor for
                // as long as the whole window takes.
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
                Woken::News(token) => busy = token,
                Woken::Ended | Woken::Closed => return Ok(self.answer(Vec::new(), scanned, gap, true, None)),
            }
        }
    }

    async fn page(&self, agent: AgentKey, after: Seq) -> Result<(Page, bool)> {
        if let Some(page) = self.hub.page(agent, after, EVENTS) {
            return Ok((page, false));
        }
        let hub = self.hub.clone();
        // Everything up to here is committed. The journal's newest row may lie below, where rows are deleted: a reader
        // that stayed there would be served from the disk for ever.
        let head = hub.head();
        let (mut page, gap) = self
            .readers
            .of(agent)
            .read(move |connection| {
                let quiet = |conversation| hub.is_quiet(conversation, after);
                journal::page(connection, agent, after, EVENTS, &quiet).map_err(storage)
            })
            .await?;
        // Not by the number of rows: a page that was cut by its bytes has few, and the rest must still come.
        if !page.full {
            page.scanned = page.scanned.max(head);
        }
        Ok((page, gap))
    }

    /// What of `page` passes the filter; and the last seq looked at, if the answer was full before its end.
    fn events(&self, ask: &Ask, page: &Page) -> (Vec<Event>, Option<Seq>) {
        let (instance, base, _) = self.hub.instance();
        let mut events = Vec::new();
        let mut bytes = 0;
        for record in &page.records {
            if record.seq <= base && matches!(ask.start, Start::Cursor(_)) {
                continue;
            }
            if !passes(&ask.filter, ask.agent, record) {
                continue;
            }
            bytes += record.weight();
            if !events.is_empty() && (events.len() >= EVENTS || bytes > BYTES) {
                let last = events.last().map(|event: &Event| event.seq);
                return (events, last);
            }
            events.push(event(record, base, &instance));
        }
        (events, None)
    }

    fn answer(&self, events: Vec<Event>, scanned: Seq, gap: bool, over: bool, busy: Option<Busy>) -> Answer {
        let (instance, base, _) = self.hub.instance();
        let batch = EventBatch::new(events, shown(scanned, base), instance, gap);
        Answer { batch, scanned, over, busy }
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
        let set = |flag: &Option<Arc<AtomicBool>>| flag.as_ref().is_some_and(|flag| flag.load(Ordering::Acquire));
        set(&self.ended) || set(&self.superseded)
    }
}

fn passes(filter: &Filter, agent: AgentKey, record: &Record) -> bool {
    match &record.what {
        What::Message { sender_agent, message, .. } => {
            filter.message(&message.channel, &message.text, *sender_agent == Some(agent))
        }
        What::MetaData { .. } => filter.metadata(),
        What::ChannelState { channel, .. } => filter.channel_state(channel),
    }
}

fn event(record: &Record, base: Seq, instance: &crate::model::InstanceId) -> Event {
    let committed: DateTime<Utc> = DateTime::from_timestamp_millis(record.committed).unwrap_or_default();
    let (time, body) = match &record.what {
        What::Message { message, .. } => (message.time, EventBody::Message(message.clone())),
        What::MetaData { key, value, .. } => (committed, EventBody::MetaData { key: key.clone(), value: value.clone() }),
        What::ChannelState { channel, active, .. } => {
            (committed, EventBody::ChannelState { channel: channel.clone(), active: *active })
        }
    };
    Event::new(record.seq, shown(record.seq, base), instance.clone(), time, body)
}
