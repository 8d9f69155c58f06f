//! Everything under the hub's lock: the records of the window by conversation, the spans, and the
//! readers that wait.

use super::agent::{Agent, Conversation};
use super::spans::{Span, SpanChange};
use super::waits::{Waits, Woken};
use crate::model::{AgentKey, Content, ConversationKey, InstanceId, Record, Seq, What};
use crate::waiting::Activity;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

/// Bytes of records kept in memory at most.
const BYTES: usize = 64 << 20;
/// An agent with so many spans, or fewer, has each of them looked up.
const FEW: usize = 64;

/// One page of what an agent may see.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) records: Vec<Arc<Record>>,
    /// The seq up to which records were looked at.
    pub(crate) scanned: Seq,
    /// Whether there may be more records above `scanned`.
    pub(crate) full: bool,
}

/// Everything under the hub's lock.
pub(super) struct Contents {
    /// The run of event ids, and the seq before its first.
    pub(super) instance: InstanceId,
    pub(super) base: Seq,
    /// The newest seq.
    pub(super) head: Seq,
    /// Everything above this seq is in memory.
    pub(super) floor: Seq,
    /// The records in memory, each with the time of its arrival in monotonic milliseconds: with
    /// dates, a clock that jumps would empty the window.
    pub(super) log: VecDeque<(i64, Arc<Record>)>,
    /// What the records in memory weigh.
    pub(super) bytes: usize,
    pub(super) conversations: HashMap<ConversationKey, Conversation>,
    pub(super) agents: HashMap<AgentKey, Agent>,
    pub(super) waits: Waits,
    pub(super) closed: bool,
}

impl Contents {
    /// Nothing of a journal whose head is `head`, in the instance that begins after `base`.
    pub(super) fn new(instance: InstanceId, base: Seq, head: Seq) -> Contents {
        Contents {
            instance,
            base,
            head,
            floor: head,
            log: VecDeque::new(),
            bytes: 0,
            conversations: HashMap::new(),
            agents: HashMap::new(),
            waits: Waits::default(),
            closed: false,
        }
    }

    /// Adds a record that arrived at `at` (monotonic milliseconds).
    pub(super) fn append(&mut self, record: Arc<Record>, at: i64) {
        self.head = self.head.max(record.seq);
        self.bytes += record.weight();
        match &record.what {
            What::Message { conversation, .. } | What::Change { conversation, .. } => {
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

    /// Takes its words out of the edit of that seq, if it is in memory.
    pub(super) fn erase(&mut self, edit: Seq) {
        let at = self.log.partition_point(|(_, old)| old.seq < edit);
        let Some((_, old)) = self.log.get(at).filter(|(_, old)| old.seq == edit) else {
            return;
        };
        let mut record = Record::clone(old);
        if let What::Change { change, .. } = &mut record.what {
            let change = Arc::make_mut(change);
            change.text.clear();
            change.content = Content::default();
            self.replace(&Arc::new(record));
        }
    }

    /// Puts a message, as it is after a change, or a change without its words, in the place of its
    /// record, if that is in memory.
    pub(super) fn replace(&mut self, record: &Arc<Record>) {
        let (What::Message { conversation, .. } | What::Change { conversation, .. }) = &record.what
        else {
            return;
        };
        let at = self.log.partition_point(|(_, old)| old.seq < record.seq);
        let Some((_, old)) = self
            .log
            .get_mut(at)
            .filter(|(_, old)| old.seq == record.seq)
        else {
            return;
        };
        self.bytes = self.bytes - old.weight() + record.weight();
        *old = record.clone();
        if let Some(there) = self.conversations.get_mut(conversation) {
            let at = there.recent.partition_point(|old| old.seq < record.seq);
            if let Some(old) = there.recent.get_mut(at).filter(|old| old.seq == record.seq) {
                *old = record.clone();
            }
        }
    }

    /// Drops records that arrived before `oldest` (monotonic milliseconds), and the oldest above
    /// the limit of bytes.
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
                What::Message { conversation, .. } | What::Change { conversation, .. } => {
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

    /// Opens or closes a span.
    pub(super) fn change_span(&mut self, change: SpanChange) {
        match change {
            SpanChange::Opened { agent, span } => {
                if let Some(known) = self.agents.get_mut(&agent) {
                    known.make_room(self.floor);
                    let at = known
                        .spans
                        .partition_point(|old| old.order() < span.order());
                    known.spans.insert(at, span);
                    // A conversation that was forgotten meanwhile may have messages up to now. If
                    // it counted as quiet, it would be skipped for agents whose earlier spans reach
                    // below the floor.
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

    /// An agent's stay in a conversation has ended.
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

    /// What an agent may see after `after`, at most `limit` records.
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

    /// The conversations with messages after `after`, if they are fewer than an agent's `spans`: an
    /// agent with 40,000 spans must not look up each of them under the lock that the writer waits
    /// for.
    fn news(&self, after: Seq, spans: usize) -> Option<HashSet<ConversationKey>> {
        let from = self.log.partition_point(|(_, record)| record.seq <= after);
        let recent = self.log.len() - from;
        (after >= self.floor && spans > FEW && recent < spans / 4).then(|| {
            self.log
                .range(from..)
                .filter_map(|(_, record)| match &record.what {
                    What::Message { conversation, .. } | What::Change { conversation, .. } => {
                        Some(*conversation)
                    }
                    _ => None,
                })
                .collect()
        })
    }

    /// Whether an agent may see something newer than `seen`; true for one that is unknown.
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

    /// Whether an ended span holds a message after `seen`.
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

    /// Ends the waits of `agents`, and those of the members of the conversations in `touched`.
    /// Returns their wakers.
    pub(super) fn wakers(
        &mut self,
        touched: &[ConversationKey],
        agents: &[AgentKey],
        activity: &Activity,
    ) -> Vec<Waker> {
        let mut wakers = Vec::new();
        if self.waits.agents_len() == 0 {
            return wakers;
        }
        for agent in agents {
            wakers.extend(
                self.waits
                    .end(*agent, || Woken::News(Some(activity.busy()))),
            );
        }
        for conversation in touched {
            let Some(there) = self.conversations.get(conversation) else {
                continue;
            };
            // The shorter list is walked: the members of the room, or the agents that are waited
            // for.
            let woken: Vec<AgentKey> = if there.members.len() <= self.waits.agents_len() {
                there
                    .members
                    .iter()
                    .filter(|member| self.waits.is_awaited(member))
                    .copied()
                    .collect()
            } else {
                let is_in = |agent: &AgentKey| {
                    self.agents
                        .get(agent)
                        .is_some_and(|known| known.is_inside(*conversation))
                };
                self.waits.agents().filter(is_in).collect()
            };
            for agent in woken {
                wakers.extend(self.waits.end(agent, || Woken::News(Some(activity.busy()))));
            }
        }
        wakers
    }
}
