//! One look at what an agent may see: a page of it, and what of that passes the filter.
//!
//! A look without a pattern costs little and is done where the caller is. **A pattern is matched aside**, on the threads
//! for looks, unless it needs microseconds: in a host that serves many on an executor, sixteen polls with a pattern that
//! backtracks, over 60,000 messages, held every worker, and a login beside them took ten seconds. There agents take
//! turns, one agent has one thread, and a look goes on for a moment only: what it did not come to is the next one's,
//! from where it stopped. A caller that parks its own thread matches on that. Rejected: yielding between the pages (a page
//! with a slow pattern takes 30 ms, and sixteen go round), and the lane of the scans (events would wait for searches).

use super::feed::{Ask, Feed, Start};
use crate::database::Turn;
use crate::error::Result;
use crate::filter::{Filter, Said};
use crate::hub::{Page, shown};
use crate::journal;
use crate::model::{AgentKey, Event, EventBody, InstanceId, Record, Seq, What};
use crate::waiting::is_parked;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Events in one answer.
const EVENTS: usize = 100;
/// Bytes in one answer, roughly.
const BYTES: usize = 256 << 10;

/// What a look found.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) events: Vec<Event>,
    /// How far it came.
    pub(super) scanned: Seq,
    /// Retention dropped something that was not seen.
    pub(super) gap: bool,
    /// There is more to look at.
    pub(super) more: bool,
    /// Records looked at.
    pub(super) rows: usize,
}

/// For whom, and what is wanted.
struct Wants {
    agent: AgentKey,
    filter: Arc<Filter>,
    /// Nothing of an earlier instance.
    of_instance: bool,
}

impl Feed {
    /// Looks at what lies after `after`: at a page, or at several until there is something.
    pub(super) async fn look(self: &Arc<Self>, ask: &Ask, after: Seq) -> Result<Looked> {
        let of_instance = matches!(ask.start, Start::Cursor(_));
        let wants = Wants {
            agent: ask.agent,
            filter: ask.filter.clone(),
            of_instance,
        };
        let there = self.hub.page(ask.agent, after, EVENTS);
        let here = is_parked()
            || match &there {
                Some(page) => ask.filter.is_quick(
                    page.records
                        .iter()
                        .filter_map(|record| said(record, ask.agent)),
                ),
                None => !ask.filter.has_pattern(),
            };
        if !here {
            let feed = self.clone();
            return self
                .reads
                .of(ask.agent)
                .look(move |turn| feed.look_aside(&wants, after, turn))
                .await;
        }
        let (page, gap) = match there {
            Some(page) => (page, false),
            None => {
                self.reads
                    .of(ask.agent)
                    .read(journal::read_page(
                        self.hub.clone(),
                        ask.agent,
                        after,
                        EVENTS,
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

    /// Adds what of `page` passes, until the answer is full or the turn `is_up`; at least one record is looked at.
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

fn said(record: &Record, agent: AgentKey) -> Option<Said<'_>> {
    match &record.what {
        What::Message {
            sender_agent,
            message,
            ..
        } => Some(Said {
            seq: record.seq,
            channel: &message.channel,
            text: &message.text,
            local: *sender_agent == Some(agent),
        }),
        _ => None,
    }
}

fn passes(filter: &Filter, agent: AgentKey, record: &Record) -> bool {
    match &record.what {
        What::Message { .. } => said(record, agent).is_some_and(|said| filter.message(said)),
        What::MetaData { .. } => filter.metadata(),
        What::ChannelState { channel, .. } => filter.channel_state(channel),
    }
}

fn event(record: &Record, base: Seq, instance: &InstanceId) -> Event {
    let committed: DateTime<Utc> =
        DateTime::from_timestamp_millis(record.committed).unwrap_or_default();
    let (time, body) = match &record.what {
        What::Message { message, .. } => (message.time, EventBody::Message(message.clone())),
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
    Event::new(
        record.seq,
        shown(record.seq, base),
        instance.clone(),
        time,
        body,
    )
}
