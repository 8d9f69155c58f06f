//! The newest records in memory, and the readers that wait for more.
//!
//! All records above one global seq, the `floor`, are here as `Arc<Record>` by conversation: those
//! of the window, and 64 MiB at most. Readers get older records from SQLite, which is slower but
//! complete. An idle agent holds nothing but its spans. Wakers are called outside the lock. The hub
//! never submits to the writer. Rejected: a ring or an event row per agent (one message in a room
//! of 5,000 agents would be 5,000 rows), and `tokio::sync::watch`, the worst waker for many
//! waiters.

mod agent;
mod broadcast;
mod contents;
mod spans;
mod timer;
mod waits;

pub(crate) use broadcast::{Ring, RingRead};
pub(crate) use contents::Page;
pub(crate) use spans::{Span, SpanChange};
pub(crate) use timer::{Sleep, Timer};
pub(crate) use waits::Woken;

use crate::model::{
    AgentId, AgentKey, Broadcast, ConversationKey, EventId, InstanceId, Record, Seq, What,
};
use crate::waiting::{Activity, wake};
use agent::{Agent, Conversation};
use contents::Contents;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};
use waits::Wait;

/// One committed change to publish.
#[derive(Debug, Clone)]
pub(crate) enum Published {
    Record(Arc<Record>),
    /// A message as it is after a change, which takes the place of its record.
    Replaced(Arc<Record>),
    /// Edits whose words are gone, because their message was taken back.
    Erased(Vec<Seq>),
    Span(SpanChange),
    /// A new run of event ids begins: its name and the seq before its first.
    Instance(InstanceId, Seq),
}

/// The newest records and the readers that wait, behind one lock.
pub(crate) struct Hub {
    contents: Mutex<Contents>,
    activity: Activity,
    timer: Arc<Timer>,
    /// The seq of the newest row at the start, and the head then: the numbers between have no row.
    started: (Seq, Seq),
    /// How long records stay in memory, in milliseconds; a reader without a cursor starts that long
    /// ago.
    window: i64,
}

impl Hub {
    /// A hub for a journal whose head is `head` and whose newest row is `last`; `window` in
    /// milliseconds.
    pub(crate) fn new(
        instance: InstanceId,
        base: Seq,
        (last, head): (Seq, Seq),
        window: i64,
        activity: Activity,
        timer: Arc<Timer>,
    ) -> Arc<Hub> {
        Arc::new(Hub {
            contents: Mutex::new(Contents::new(instance, base, head)),
            activity,
            timer,
            started: (last, head),
            window,
        })
    }

    /// Takes over the records of the last process that lie within the window. `floor` is the seq
    /// before the first of them, `wall` today's date in milliseconds. A record from the future
    /// counts as made now.
    pub(crate) fn remember(&self, floor: Seq, records: Vec<Arc<Record>>, wall: i64) {
        let now = self.now();
        let mut contents = self.contents.lock();
        contents.floor = floor;
        for record in records {
            let age = wall.saturating_sub(record.committed).max(0);
            contents.append(record, now - age);
        }
    }

    /// Adds an agent with its spans, each with the newest seq of its conversation.
    pub(crate) fn add_agent(&self, key: AgentKey, id: AgentId, spans: Vec<(Span, Seq)>) {
        let mut contents = self.contents.lock();
        // A new agent is a member only of what this call adds, so the members of a room with
        // 100,000 agents are not compared.
        let fresh = !contents.agents.contains_key(&key);
        for (span, last) in &spans {
            let conversation = contents.conversations.entry(span.conversation).or_default();
            conversation.last = conversation.last.max(*last);
            let there = if fresh {
                conversation.members.last() == Some(&key)
            } else {
                conversation.members.contains(&key)
            };
            if span.is_open() && !there {
                conversation.members.push(key);
            }
        }
        let mut spans: Vec<Span> = spans.into_iter().map(|(span, _)| span).collect();
        spans.sort_unstable_by_key(Span::order);
        spans.shrink_to_fit();
        contents.agents.entry(key).or_insert(Agent {
            id,
            spans,
            notices: VecDeque::new(),
            last_notice: 0,
        });
    }

    /// Forgets an agent and ends its waits.
    pub(crate) fn remove_agent(&self, key: AgentKey) {
        let mut contents = self.contents.lock();
        if let Some(agent) = contents.agents.remove(&key) {
            for span in agent.spans {
                contents.leave(key, span.conversation);
            }
        }
        let wakers = contents.waits.end(key, || Woken::Ended);
        drop(contents);
        wakers.into_iter().for_each(wake);
    }

    /// Publishes what was committed, in order. Returns the wakers of those who wait for it, for
    /// [`wake_all`].
    pub(crate) fn publish(&self, items: &[Published]) -> Vec<Waker> {
        let now = self.now();
        let mut contents = self.contents.lock();
        let mut touched: Vec<ConversationKey> = Vec::new();
        let mut agents: Vec<AgentKey> = Vec::new();
        for item in items {
            match item {
                Published::Record(record) => {
                    match &record.what {
                        What::Message { conversation, .. } | What::Change { conversation, .. } => {
                            if touched.last() != Some(conversation)
                                && !touched.contains(conversation)
                            {
                                touched.push(*conversation);
                            }
                        }
                        What::MetaData { agent, .. } | What::ChannelState { agent, .. } => {
                            agents.push(*agent)
                        }
                    }
                    contents.append(record.clone(), now);
                }
                Published::Replaced(record) => contents.replace(record),
                Published::Erased(edits) => edits.iter().for_each(|edit| contents.erase(*edit)),
                Published::Span(change) => contents.change_span(*change),
                Published::Instance(instance, base) => {
                    contents.instance = instance.clone();
                    contents.base = *base;
                }
            }
        }
        contents.evict(now - self.window);
        contents.wakers(&touched, &agents, &self.activity)
    }

    /// What `agent` may see after `after`, at most `limit` records; `None` if older records than
    /// those in memory are needed.
    pub(crate) fn page(&self, agent: AgentKey, after: Seq, limit: usize) -> Option<Page> {
        let contents = self.contents.lock();
        if after < contents.floor {
            return None;
        }
        Some(contents.page(agent, after, limit))
    }

    /// The run of event ids: its name, the seq before its first, and the newest seq.
    pub(crate) fn instance(&self) -> (InstanceId, Seq, Seq) {
        let contents = self.contents.lock();
        (contents.instance.clone(), contents.base, contents.head)
    }

    /// The seq before the first of the run of event ids, and the newest seq.
    pub(crate) fn base_and_head(&self) -> (Seq, Seq) {
        let contents = self.contents.lock();
        (contents.base, contents.head)
    }

    /// The newest seq.
    pub(crate) fn head(&self) -> Seq {
        self.contents.lock().head
    }

    /// How many rows there are after `seq`, at most. Numbers that a killed process reserved and
    /// never used do not count: with them, a new reader of one message was 4,099 behind.
    pub(crate) fn rows_after(&self, seq: Seq) -> u64 {
        let (last, first) = self.started;
        let missing = first.saturating_sub(seq.max(last)).max(0);
        u64::try_from(self.head().saturating_sub(seq).saturating_sub(missing)).unwrap_or(0)
    }

    /// The seq before the first record of the window that ends now.
    pub(crate) fn window_start(&self) -> Seq {
        let oldest = self.now() - self.window;
        let contents = self.contents.lock();
        let inside = contents
            .log
            .iter()
            .rev()
            .take_while(|(at, _)| *at > oldest)
            .last();
        inside.map_or(contents.head, |(_, first)| first.seq - 1)
    }

    /// Monotonic milliseconds.
    fn now(&self) -> i64 {
        i64::try_from(self.timer.now().as_millis()).unwrap_or(i64::MAX)
    }

    /// `record` as a subscriber sees it, with the ids of the agents it concerns; `None` if its
    /// agent was deleted.
    pub(crate) fn broadcast(&self, record: &Record) -> Option<Broadcast> {
        let contents = self.contents.lock();
        let id = |key: &AgentKey| contents.agents.get(key).map(|agent| agent.id.clone());
        let members = |conversation| {
            let there: Option<&Conversation> = contents.conversations.get(conversation);
            let members = there.map_or(&[][..], |there| &there.members);
            members.iter().filter_map(id).collect()
        };
        Some(match &record.what {
            What::Message {
                conversation,
                message,
                ..
            } => Broadcast::Message {
                message: message.clone(),
                agents: members(conversation),
            },
            What::Change {
                conversation,
                change,
                ..
            } => Broadcast::Change {
                change: change.clone(),
                agents: members(conversation),
            },
            What::MetaData { agent, key, value } => Broadcast::MetaData {
                agent: id(agent)?,
                key: key.clone(),
                value: value.clone(),
            },
            What::ChannelState {
                agent,
                channel,
                active,
            } => Broadcast::ChannelState {
                agent: id(agent)?,
                channel: channel.clone(),
                active: *active,
            },
        })
    }

    /// Waits until `agent` may see something newer than `seen`.
    pub(crate) fn wait(self: &Arc<Hub>, agent: AgentKey, seen: Seq) -> Wait {
        Wait::new(self.clone(), agent, seen)
    }

    /// Wakes the readers of `agent` without an event, because a right has ended or a reader was
    /// superseded.
    pub(crate) fn nudge(&self, agent: AgentKey) {
        let wakers = self.contents.lock().waits.end(agent, || Woken::News(None));
        wakers.into_iter().for_each(wake);
    }

    /// Whether the hub knows `conversation` and no message in it newer than `seq`.
    pub(crate) fn is_quiet(&self, conversation: ConversationKey, seq: Seq) -> bool {
        self.contents
            .lock()
            .conversations
            .get(&conversation)
            .is_some_and(|there| !there.members.is_empty() && there.last <= seq)
    }

    /// The engine's timer.
    pub(crate) fn timer(&self) -> &Arc<Timer> {
        &self.timer
    }

    /// How many readers wait now.
    pub(crate) fn waiters(&self) -> usize {
        self.contents.lock().waits.len()
    }

    /// How many readers of `agent` wait now.
    pub(crate) fn waiters_of(&self, agent: AgentKey) -> usize {
        self.contents.lock().waits.len_of(agent)
    }

    /// Bytes of records in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.contents.lock().bytes
    }

    /// Ends every wait, now and later.
    pub(crate) fn close(&self) {
        let mut contents = self.contents.lock();
        contents.closed = true;
        let wakers = contents.waits.end_all(|| Woken::Closed);
        drop(contents);
        wakers.into_iter().for_each(wake);
    }

    /// Begins a wait, or looks at the one of that number.
    fn poll_wait(
        &self,
        agent: AgentKey,
        seen: Seq,
        number: &mut Option<usize>,
        cx: &mut Context<'_>,
    ) -> Option<Woken> {
        let mut contents = self.contents.lock();
        if let Some(begun) = *number {
            let woken = contents.waits.poll(begun, cx);
            if woken.is_some() {
                *number = None;
            }
            return woken;
        }
        if contents.closed {
            return Some(Woken::Closed);
        }
        if !contents.agents.contains_key(&agent) {
            return Some(Woken::Ended);
        }
        if contents.has_news(agent, seen) {
            return Some(Woken::News(None));
        }
        *number = Some(contents.waits.begin(agent, cx.waker().clone()));
        None
    }

    fn forget_wait(&self, number: usize) {
        let forgotten = self.contents.lock().waits.forget(number);
        drop(forgotten);
    }
}

/// Wakes the readers for which something was published.
pub(crate) fn wake_all(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(wake);
}

/// The event id of `seq` in the instance that begins after `base`.
pub(crate) fn event_id(seq: Seq, base: Seq) -> EventId {
    EventId((seq - base).max(0))
}
