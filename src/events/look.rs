//! One look at what an agent may see: it reads a page and keeps the events that pass the filter.
//!
//! A look without a pattern costs little and runs on the caller's thread. **A pattern is matched on
//! threads of its own**, unless it needs microseconds only. In a host that serves many callers on
//! one executor, sixteen polls with a pattern that backtracks, over 60,000 messages, held every
//! worker, and a login beside them took ten seconds. On the threads for looks agents take turns,
//! each agent has one thread, and a look lasts a moment only; the next look continues where it
//! stopped. A caller that parks its own thread matches on that thread. Rejected: yielding between
//! the pages (a page with a slow pattern takes 30 ms, and there were sixteen), and the lane of the
//! scans (events would wait for searches).

use super::feed::{Feed, Request, Start};
use crate::database::Turn;
use crate::error::Result;
use crate::filter::{Candidate, Filter};
use crate::hub::{Page, event_id};
use crate::journal;
use crate::model::{AgentKey, Event, EventBody, InstanceId, Record, Seq, What};
use crate::waiting::is_parked;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Events in one delivery.
const EVENTS: usize = 100;
/// Bytes in one delivery, roughly.
const BYTES: usize = 256 << 10;

/// What a look found.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) events: Vec<Event>,
    /// The seq up to which it looked.
    pub(super) scanned: Seq,
    /// Whether retention dropped rows that were not seen.
    pub(super) gap: bool,
    /// Whether there is more to look at.
    pub(super) more: bool,
    /// Records looked at.
    pub(super) rows: usize,
}

/// What a look keeps.
struct Wants {
    agent: AgentKey,
    filter: Arc<Filter>,
    /// Whether events of earlier instances are left out.
    of_instance: bool,
}

impl Feed {
    /// Looks at the records after `after`: at one page, or aside at several until an event passes.
    pub(super) async fn look(self: &Arc<Self>, request: &Request, after: Seq) -> Result<Looked> {
        let of_instance = match &request.start {
            Start::Cursor(_) => true,
            Start::After(_) => false,
            Start::Above(high) => high.of_instance,
        };
        let wants = Wants {
            agent: request.agent,
            filter: request.filter.clone(),
            of_instance,
        };
        let there = self.hub.page(request.agent, after, EVENTS);
        let here = is_parked()
            || match &there {
                Some(page) => request.filter.is_quick(
                    page.records
                        .iter()
                        .filter_map(|record| message_of(record, request.agent)),
                ),
                None => !request.filter.has_pattern(),
            };
        if !here {
            let feed = self.clone();
            return self
                .reads
                .of(request.agent)
                .look(move |turn| feed.look_aside(&wants, after, turn))
                .await;
        }
        let (page, gap) = match there {
            Some(page) => (page, false),
            None => {
                self.reads
                    .of(request.agent)
                    .read(journal::read_page(
                        self.hub.clone(),
                        request.agent,
                        after,
                        EVENTS,
                        wants.filter.changes(),
                    ))
                    .await?
            }
        };
        let mut looked = Looked {
            scanned: after,
            gap,
            ..Looked::default()
        };
        self.sift(&wants, &page, &mut looked, || false);
        Ok(looked)
    }

    fn look_aside(&self, wants: &Wants, after: Seq, turn: &Turn<'_>) -> Result<Looked> {
        let mut looked = Looked {
            scanned: after,
            ..Looked::default()
        };
        loop {
            let page = match self.hub.page(wants.agent, looked.scanned, EVENTS) {
                Some(page) => page,
                None => {
                    let (page, gap) = turn.read(journal::read_page(
                        self.hub.clone(),
                        wants.agent,
                        looked.scanned,
                        EVENTS,
                        wants.filter.changes(),
                    ))?;
                    looked.gap |= gap;
                    page
                }
            };
            self.sift(wants, &page, &mut looked, || turn.is_up());
            if !looked.more || !looked.events.is_empty() || looked.gap || turn.is_up() {
                return Ok(looked);
            }
        }
    }

    /// Adds the events of `page` that pass, until the delivery is full or the turn `is_up`. It
    /// looks at one record at least.
    fn sift(&self, wants: &Wants, page: &Page, looked: &mut Looked, is_up: impl Fn() -> bool) {
        let (instance, base, _) = self.hub.instance();
        let mut bytes = 0;
        for (at, record) in page.records.iter().enumerate() {
            if at > 0 && is_up() {
                looked.more = true;
                return;
            }
            let weight = record.weight();
            if (record.seq > base || !wants.of_instance)
                && passes(&wants.filter, wants.agent, record)
            {
                if !looked.events.is_empty()
                    && (looked.events.len() >= EVENTS || bytes + weight > BYTES)
                {
                    looked.more = true;
                    return;
                }
                bytes += weight;
                looked.events.push(event(record, base, &instance));
            }
            looked.rows += 1;
            looked.scanned = record.seq;
        }
        looked.scanned = page.scanned;
        looked.more = page.full;
    }
}

fn message_of(record: &Record, agent: AgentKey) -> Option<Candidate<'_>> {
    match &record.what {
        What::Message {
            sender_agent,
            message,
            revised,
            ..
        } => Some(Candidate {
            state: revised.unwrap_or(record.seq),
            channel: &message.channel,
            text: &message.text,
            local: *sender_agent == Some(agent),
            automatic: message.content.automatic,
        }),
        _ => None,
    }
}

fn passes(filter: &Filter, agent: AgentKey, record: &Record) -> bool {
    match &record.what {
        What::Message { .. } => {
            message_of(record, agent).is_some_and(|message| filter.message(message))
        }
        What::Change {
            sender_agent,
            change,
            ..
        } => filter.change(&change.channel, *sender_agent == Some(agent)),
        What::MetaData { .. } => filter.metadata(),
        What::ChannelState { channel, .. } => filter.channel_state(channel),
    }
}

fn event(record: &Record, base: Seq, instance: &InstanceId) -> Event {
    let committed: DateTime<Utc> =
        DateTime::from_timestamp_millis(record.committed).unwrap_or_default();
    let (time, body) = match &record.what {
        What::Message { message, .. } => (message.time, EventBody::Message(message.clone())),
        What::Change { change, .. } => (change.time, EventBody::Change(change.clone())),
        What::MetaData { key, value, .. } => (
            committed,
            EventBody::MetaData {
                key: key.clone(),
                value: value.clone(),
            },
        ),
        What::ChannelState {
            channel, active, ..
        } => (
            committed,
            EventBody::ChannelState {
                channel: channel.clone(),
                active: *active,
            },
        ),
    };
    let mut event = Event::new(
        record.seq,
        event_id(record.seq, base),
        instance.clone(),
        time,
        body,
    );
    if let What::Message { revised, .. } = &record.what {
        event.included = revised.map(|seq| event_id(seq, base));
    }
    event
}
