//! What lies under the hub's lock: the records of the window by conversation, the spans, and the readers that wait.

use super::spans::{Span, SpanChange};
use super::state::Page;
use super::wait::{Slot, Woken};
use crate::model::{AgentId, AgentKey, ConversationKey, InstanceId, Record, Seq, What};
use crate::waiting::Activity;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

/// Bytes of records kept in memory at most.
const BYTES: usize = 64 << 20;
/// Spans that are simply looked up.
const FEW: usize = 64;

#[derive(Default)]
pub(super) struct Conversation {
    pub(super) last: Seq,
    recent: VecDeque<Arc<Record>>,
    pub(super) members: Vec<AgentKey>,
}

pub(super) struct Agent {
    pub(super) id: AgentId,
    /// By conversation and beginning: one of 40,000 is found without a walk.
    pub(super) spans: Vec<Span>,
    /// Its notices within the window; an agent without any has no allocation.
    pub(super) notices: VecDeque<Arc<Record>>,
    pub(super) last_notice: Seq,
}

impl Agent {
    /// Lets go of ended spans below `floor` before the list grows: each of 40,000 joins walked it.
    fn make_room(&mut self, floor: Seq) {
        if self.spans.len() == self.spans.capacity() {
            self.spans.retain(|old| old.is_open() || old.until > floor);
            if self.spans.len() > self.spans.capacity() / 2 {
                self.spans.reserve(self.spans.len());
            }
        }
    }

    fn from(&self, conversation: ConversationKey) -> usize {
        self.spans
            .partition_point(|span| span.conversation < conversation)
    }

    /// Its spans in a conversation.
    fn stays(&mut self, conversation: ConversationKey) -> impl Iterator<Item = &mut Span> {
        let from = self.from(conversation);
        self.spans[from..]
            .iter_mut()
            .take_while(move |span| span.conversation == conversation)
    }

    fn is_inside(&self, conversation: ConversationKey) -> bool {
        let stays = &self.spans[self.from(conversation)..];
        stays
            .iter()
            .take_while(|span| span.conversation == conversation)
            .any(Span::is_open)
    }
}

/// Everything under the hub's lock.
pub(super) struct State {
    pub(super) instance: InstanceId,
    pub(super) base: Seq,
    pub(super) head: Seq,
    pub(super) floor: Seq,
    /// What is in memory, each with when it came there, in monotonic milliseconds: a date that jumps empties no window.
    pub(super) log: VecDeque<(i64, Arc<Record>)>,
    pub(super) bytes: usize,
    pub(super) conversations: HashMap<ConversationKey, Conversation>,
    pub(super) agents: HashMap<AgentKey, Agent>,
    pub(super) slots: Vec<Slot>,
    pub(super) free: Vec<usize>,
    /// Who waits, by agent; an agent nobody waits for has no entry.
    pub(super) waiting: HashMap<AgentKey, Vec<usize>>,
    pub(super) closed: bool,
}

impl State {
    pub(super) fn append(&mut self, record: Arc<Record>, at: i64) {
        self.head = self.head.max(record.seq);
        self.bytes += record.weight();
        match &record.what {
            What::Message { conversation, .. } => {
                let there = self.conversations.entry(*conversation).or_default();
                there.last = record.seq;
                there.recent.push_back(record.clone());
            }
            What::MetaData { agent, .. } | What::ChannelState { agent, .. } => {
                if let Some(known) = self.agents.get_mut(agent) {
                    known.last_notice = record.seq;
                    known.notices.push_back(record.clone());
                }
            }
        }
        self.log.push_back((at, record));
    }

    /// Lets go of what came before `oldest` (monotonic milliseconds) or is too much.
    pub(super) fn evict(&mut self, oldest: i64) {
        while let Some((at, _)) = self.log.front() {
            if *at > oldest && self.bytes <= BYTES {
                return;
            }
            let Some((_, record)) = self.log.pop_front() else {
                return;
            };
            self.floor = record.seq;
            self.bytes -= record.weight();
            match &record.what {
                What::Message { conversation, .. } => {
                    if let Some(there) = self.conversations.get_mut(conversation) {
                        there.recent.pop_front();
                        if there.recent.is_empty() {
                            there.recent = VecDeque::new();
                            if there.members.is_empty() {
                                self.conversations.remove(conversation);
                            }
                        }
                    }
                }
                What::MetaData { agent, .. } | What::ChannelState { agent, .. } => {
                    if let Some(known) = self.agents.get_mut(agent) {
                        if known
                            .notices
                            .front()
                            .is_some_and(|first| first.seq == record.seq)
                        {
                            known.notices.pop_front();
                        }
                        if known.notices.is_empty() {
                            known.notices = VecDeque::new();
                        }
                    }
                }
            }
        }
    }

    pub(super) fn change_span(&mut self, change: SpanChange) {
        match change {
            SpanChange::Opened { agent, span } => {
                if let Some(known) = self.agents.get_mut(&agent) {
                    known.make_room(self.floor);
                    let at = known
                        .spans
                        .partition_point(|old| old.place() < span.place());
                    known.spans.insert(at, span);
                    // A conversation forgotten meanwhile may hold anything up to now: taken for quiet since ever, it
                    // would be skipped for those whose earlier spans reach below the floor.
                    let head = self.head;
                    let there = self.conversations.entry(span.conversation);
                    let members = &mut there
                        .or_insert_with(|| Conversation {
                            last: head,
                            ..Conversation::default()
                        })
                        .members;
                    if !members.contains(&agent) {
                        members.push(agent);
                    }
                }
            }
            SpanChange::Closed {
                agent,
                conversation,
                until,
            } => {
                if let Some(known) = self.agents.get_mut(&agent) {
                    for span in known.stays(conversation).filter(|span| span.is_open()) {
                        span.until = until;
                    }
                }
                self.leave(agent, conversation);
            }
        }
    }

    pub(super) fn leave(&mut self, agent: AgentKey, conversation: ConversationKey) {
        if let Some(there) = self.conversations.get_mut(&conversation) {
            if let Some(at) = there.members.iter().position(|member| *member == agent) {
                there.members.swap_remove(at);
            }
            if there.members.is_empty() && there.recent.is_empty() {
                self.conversations.remove(&conversation);
            }
        }
    }

    pub(super) fn page(&self, agent: AgentKey, after: Seq, limit: usize) -> Page {
        let Some(known) = self.agents.get(&agent) else {
            return Page {
                records: Vec::new(),
                scanned: self.head,
                full: false,
            };
        };
        let mut records: Vec<Arc<Record>> = Vec::new();
        let news = self.news(after, known.spans.len());
        for span in &known.spans {
            if news
                .as_ref()
                .is_some_and(|news| !news.contains(&span.conversation))
            {
                continue;
            }
            let Some(there) = self.conversations.get(&span.conversation) else {
                continue;
            };
            if there.last <= after {
                continue;
            }
            let from = there
                .recent
                .partition_point(|record| record.seq <= after.max(span.since));
            let seen = there
                .recent
                .range(from..)
                .take_while(|record| record.seq <= span.until)
                .take(limit);
            records.extend(seen.cloned());
        }
        let from = known.notices.partition_point(|record| record.seq <= after);
        records.extend(known.notices.range(from..).take(limit).cloned());
        records.sort_unstable_by_key(|record| record.seq);
        if records.len() > limit {
            records.truncate(limit);
        }
        let full = records.len() == limit;
        let scanned = if full {
            records.last().map_or(self.head, |last| last.seq)
        } else {
            self.head
        };
        Page {
            records,
            scanned,
            full,
        }
    }

    /// The conversations in which something was said after `after`, where these are fewer than an agent's `spans`: under
    /// the lock that the writer waits for, one with 40,000 must not look each of them up.
    fn news(&self, after: Seq, spans: usize) -> Option<HashSet<ConversationKey>> {
        let from = self.log.partition_point(|(_, record)| record.seq <= after);
        let recent = self.log.len() - from;
        (after >= self.floor && spans > FEW && recent < spans / 4).then(|| {
            self.log
                .range(from..)
                .filter_map(|(_, record)| match &record.what {
                    What::Message { conversation, .. } => Some(*conversation),
                    _ => None,
                })
                .collect()
        })
    }

    pub(super) fn has_news(&self, agent: AgentKey, seen: Seq) -> bool {
        let Some(known) = self.agents.get(&agent) else {
            return true;
        };
        let news = self.news(seen, known.spans.len());
        known.last_notice > seen
            || known.spans.iter().any(|span| {
                span.until > seen
                    && news
                        .as_ref()
                        .is_none_or(|news| news.contains(&span.conversation))
                    && self
                        .conversations
                        .get(&span.conversation)
                        .is_some_and(|there| there.last > seen && there.last > span.since)
                    && (span.is_open() || self.seen_in(span, seen))
            })
    }

    /// Whether an ended span holds something after `seen`.
    fn seen_in(&self, span: &Span, seen: Seq) -> bool {
        self.conversations
            .get(&span.conversation)
            .is_some_and(|there| {
                let from = there
                    .recent
                    .partition_point(|record| record.seq <= seen.max(span.since));
                there
                    .recent
                    .get(from)
                    .is_some_and(|record| span.sees(record.seq))
            })
    }

    pub(super) fn wakers(
        &mut self,
        touched: &[ConversationKey],
        agents: &[AgentKey],
        activity: &Activity,
    ) -> Vec<Waker> {
        let mut wakers = Vec::new();
        if self.waiting.is_empty() {
            return wakers;
        }
        for agent in agents {
            wakers.extend(self.end_waits(*agent, || Woken::News(Some(activity.busy()))));
        }
        for conversation in touched {
            let Some(there) = self.conversations.get(conversation) else {
                continue;
            };
            // Whichever is fewer is walked: the room's members, or those who wait at all.
            let woken: Vec<AgentKey> = if there.members.len() <= self.waiting.len() {
                there
                    .members
                    .iter()
                    .filter(|member| self.waiting.contains_key(member))
                    .copied()
                    .collect()
            } else {
                let is_in = |agent: &&AgentKey| {
                    self.agents
                        .get(agent)
                        .is_some_and(|known| known.is_inside(*conversation))
                };
                self.waiting.keys().filter(is_in).copied().collect()
            };
            for agent in woken {
                wakers.extend(self.end_waits(agent, || Woken::News(Some(activity.busy()))));
            }
        }
        wakers
    }

    pub(super) fn end_waits(&mut self, agent: AgentKey, why: impl Fn() -> Woken) -> Vec<Waker> {
        let Some(numbers) = self.waiting.remove(&agent) else {
            return Vec::new();
        };
        numbers
            .into_iter()
            .filter_map(|number| {
                match std::mem::replace(&mut self.slots[number], Slot::Fired(why())) {
                    Slot::Waiting { waker, .. } => Some(waker),
                    _ => None,
                }
            })
            .collect()
    }
}
