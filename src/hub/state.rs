//! The hub itself: what is in memory, who may see it, who waits for it.

use super::spans::{Span, SpanChange};
use super::timer::Timer;
use super::view::{Agent, State};
use super::wait::{Slot, Wait, Woken};
use crate::model::{
    AgentId, AgentKey, Broadcast, ConversationKey, EventId, InstanceId, Record, Seq, What,
};
use crate::waiting::{Activity, wake};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Waker};

/// One committed thing to publish.
#[derive(Debug, Clone)]
pub(crate) enum Published {
    Record(Arc<Record>),
    Span(SpanChange),
    /// A new run of event ids begins: its name and the seq before its first.
    Instance(InstanceId, Seq),
}

/// One page of what an agent may see.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) records: Vec<Arc<Record>>,
    /// Everything up to here was looked at.
    pub(crate) scanned: Seq,
    /// There may be more above.
    pub(crate) full: bool,
}

/// The hub.
pub(crate) struct Hub {
    state: Mutex<State>,
    activity: Activity,
    timer: Arc<Timer>,
    /// The newest row at the start, and the head then: the numbers between have no row.
    started: (Seq, Seq),
    /// Milliseconds that records stay in memory, and that a reader from nowhere is given.
    window: i64,
}

impl Hub {
    /// A hub whose journal stands at `head`, with its newest row at `last`; `window` in milliseconds.
    pub(crate) fn new(
        instance: InstanceId,
        base: Seq,
        (last, head): (Seq, Seq),
        window: i64,
        activity: Activity,
        timer: Arc<Timer>,
    ) -> Arc<Hub> {
        let state = State {
            instance,
            base,
            head,
            floor: head,
            log: VecDeque::new(),
            bytes: 0,
            conversations: HashMap::new(),
            agents: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            waiting: HashMap::new(),
            closed: false,
        };
        Arc::new(Hub {
            state: Mutex::new(state),
            activity,
            timer,
            started: (last, head),
            window,
        })
    }

    /// Takes over what the last process said within the window; `floor` is the seq before the first of it, `wall` the
    /// date of now. What lies in the future counts as made now.
    pub(crate) fn remember(&self, floor: Seq, records: Vec<Arc<Record>>, wall: i64) {
        let now = self.now();
        let mut state = self.state.lock();
        state.floor = floor;
        for record in records {
            let age = wall.saturating_sub(record.committed).max(0);
            state.append(record, now - age);
        }
    }

    /// Makes an agent known, with the spans it has.
    pub(crate) fn add_agent(&self, key: AgentKey, id: AgentId, spans: Vec<(Span, Seq)>) {
        let mut state = self.state.lock();
        // One that is new is a member of nothing but what this call adds: 100,000 in one room are not compared.
        let fresh = !state.agents.contains_key(&key);
        for (span, last) in &spans {
            let conversation = state.conversations.entry(span.conversation).or_default();
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
        spans.sort_unstable_by_key(Span::place);
        spans.shrink_to_fit();
        state.agents.entry(key).or_insert(Agent {
            id,
            spans,
            notices: VecDeque::new(),
            last_notice: 0,
        });
    }

    /// Forgets an agent and ends its waits.
    pub(crate) fn remove_agent(&self, key: AgentKey) {
        let mut state = self.state.lock();
        if let Some(agent) = state.agents.remove(&key) {
            for span in agent.spans {
                state.leave(key, span.conversation);
            }
        }
        let wakers = state.end_waits(key, || Woken::Ended);
        drop(state);
        wakers.into_iter().for_each(wake);
    }

    /// Publishes what was committed, in order; who waits for it is to be woken with [`wake_all`].
    pub(crate) fn publish(&self, items: &[Published]) -> Vec<Waker> {
        let now = self.now();
        let mut state = self.state.lock();
        let mut touched: Vec<ConversationKey> = Vec::new();
        let mut agents: Vec<AgentKey> = Vec::new();
        for item in items {
            match item {
                Published::Record(record) => {
                    match &record.what {
                        What::Message { conversation, .. } => {
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
                    state.append(record.clone(), now);
                }
                Published::Span(change) => state.change_span(*change),
                Published::Instance(instance, base) => {
                    state.instance = instance.clone();
                    state.base = *base;
                }
            }
        }
        state.evict(now - self.window);
        state.wakers(&touched, &agents, &self.activity)
    }

    /// What `agent` may see after `after`, at most `limit` records; `None` if that lies below what is in memory.
    pub(crate) fn page(&self, agent: AgentKey, after: Seq, limit: usize) -> Option<Page> {
        let state = self.state.lock();
        if after < state.floor {
            return None;
        }
        Some(state.page(agent, after, limit))
    }

    /// The run of event ids: its name, the seq before its first, and the newest seq.
    pub(crate) fn instance(&self) -> (InstanceId, Seq, Seq) {
        let state = self.state.lock();
        (state.instance.clone(), state.base, state.head)
    }

    /// The number that `seq` has in the present instance.
    pub(crate) fn head(&self) -> Seq {
        self.state.lock().head
    }

    /// How many rows there are after `place`, at most. What a kill left of a block of numbers counts as none: a new
    /// reader of one message stood 4,099 behind.
    pub(crate) fn rows_after(&self, place: Seq) -> u64 {
        let (last, first) = self.started;
        let missing = first.saturating_sub(place.max(last)).max(0);
        u64::try_from(self.head().saturating_sub(place).saturating_sub(missing)).unwrap_or(0)
    }

    /// The seq before the first record of the window that ends now.
    pub(crate) fn window_start(&self) -> Seq {
        let oldest = self.now() - self.window;
        let state = self.state.lock();
        let inside = state
            .log
            .iter()
            .rev()
            .take_while(|(at, _)| *at > oldest)
            .last();
        inside.map_or(state.head, |(_, first)| first.seq - 1)
    }

    /// Monotonic milliseconds.
    fn now(&self) -> i64 {
        i64::try_from(self.timer.now().as_millis()).unwrap_or(i64::MAX)
    }

    /// `record` as a subscriber sees it, with the ids of the agents it concerns; none if its agent is gone.
    pub(crate) fn broadcast(&self, record: &Record) -> Option<Broadcast> {
        let state = self.state.lock();
        let id = |key: &AgentKey| state.agents.get(key).map(|agent| agent.id.clone());
        Some(match &record.what {
            What::Message {
                conversation,
                message,
                ..
            } => {
                let members = state
                    .conversations
                    .get(conversation)
                    .map_or(&[][..], |there| &there.members);
                Broadcast::Message {
                    message: message.clone(),
                    agents: members.iter().filter_map(id).collect(),
                }
            }
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

    /// Waits until something happens to `agent` after `seen`.
    pub(crate) fn wait(self: &Arc<Hub>, agent: AgentKey, seen: Seq) -> Wait {
        Wait::new(self.clone(), agent, seen)
    }

    /// Has the readers of `agent` look again, though nothing happened: a right has ended, or a reader was superseded.
    pub(crate) fn nudge(&self, agent: AgentKey) {
        let wakers = self.state.lock().end_waits(agent, || Woken::News(None));
        wakers.into_iter().for_each(wake);
    }

    /// Whether nothing was said in `conversation` after `seq`, as far as is known here.
    pub(crate) fn is_quiet(&self, conversation: ConversationKey, seq: Seq) -> bool {
        self.state
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
        let state = self.state.lock();
        state.slots.len() - state.free.len()
    }

    /// How many readers of `agent` wait now.
    pub(crate) fn waiters_of(&self, agent: AgentKey) -> usize {
        self.state.lock().waiting.get(&agent).map_or(0, Vec::len)
    }

    /// Bytes of records in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Ends every wait, now and later.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let agents: Vec<AgentKey> = state.waiting.keys().copied().collect();
        let wakers: Vec<Waker> = agents
            .into_iter()
            .flat_map(|agent| state.end_waits(agent, || Woken::Closed))
            .collect();
        drop(state);
        wakers.into_iter().for_each(wake);
    }

    pub(super) fn poll_wait(
        &self,
        agent: AgentKey,
        seen: Seq,
        slot: &mut Option<usize>,
        cx: &mut Context<'_>,
    ) -> Option<Woken> {
        let mut state = self.state.lock();
        if let Some(number) = *slot {
            match &mut state.slots[number] {
                Slot::Waiting { waker, .. } => {
                    waker.clone_from(cx.waker());
                    return None;
                }
                _ => {
                    *slot = None;
                    let fired = std::mem::take(&mut state.slots[number]);
                    state.free.push(number);
                    drop(state);
                    return match fired {
                        Slot::Fired(woken) => Some(woken),
                        _ => Some(Woken::News(None)),
                    };
                }
            }
        }
        if state.closed {
            return Some(Woken::Closed);
        }
        if !state.agents.contains_key(&agent) {
            return Some(Woken::Ended);
        }
        if state.has_news(agent, seen) {
            return Some(Woken::News(None));
        }
        let entry = Slot::Waiting {
            agent,
            waker: cx.waker().clone(),
        };
        let number = match state.free.pop() {
            Some(number) => {
                state.slots[number] = entry;
                number
            }
            None => {
                state.slots.push(entry);
                state.slots.len() - 1
            }
        };
        state.waiting.entry(agent).or_default().push(number);
        *slot = Some(number);
        None
    }

    pub(super) fn forget_wait(&self, number: usize) {
        let mut state = self.state.lock();
        let slot = std::mem::take(&mut state.slots[number]);
        state.free.push(number);
        if let Slot::Waiting { agent, .. } = &slot {
            let empty = state.waiting.get_mut(agent).is_some_and(|numbers| {
                numbers.retain(|other| *other != number);
                numbers.is_empty()
            });
            if empty {
                state.waiting.remove(agent);
            }
        }
        drop(state);
        drop(slot);
    }
}

/// Wakes those for whom something was published.
pub(crate) fn wake_all(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(wake);
}

/// The number that `seq` has in the instance that begins after `base`.
pub(crate) fn shown(seq: Seq, base: Seq) -> EventId {
    EventId((seq - base).max(0))
}
