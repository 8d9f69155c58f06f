//! What the writer is given, and what comes of it.

use crate::backend::Received;
use crate::error::Result;
use crate::hub::Published;
use crate::model::{
    AgentKey, ChannelId, Content, MessageId, OriginId, Place, ReaderName, Record, ResumePoint, Seq,
};
use crate::waiting::{Busy, Promise};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

/// Bytes of an entry itself, whatever it says.
const ENTRY: usize = 400;

/// One thing to be written.
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    /// Held until the hub has woken its readers.
    pub(crate) busy: Busy,
    /// Done once it is committed and before anybody is told: memory is never behind what an event says.
    pub(crate) before: Option<Box<dyn FnOnce() + Send>>,
    /// Answered once it is committed and published.
    pub(crate) done: Option<Promise<Result<()>>>,
}

pub(crate) enum EntryKind {
    /// A message: from the chat system, or from the answer to a post that is not echoed.
    Message(Box<NewRow>),
    /// A conversation stands here now, though its message was known already.
    Resume { place: Place, point: ResumePoint },
    /// An agent that is joining hears from here on: its span begins, unless it lasts. It is announced when it is in.
    Entered { agent: AgentKey, place: Place },
    /// An agent is in: its span begins, unless it lasts, and is announced, unless it was.
    Joined {
        agent: AgentKey,
        place: Place,
        resume: Option<ResumePoint>,
    },
    /// An agent was put out: its span ends.
    Left { agent: AgentKey, place: Place },
    /// The link has been lost for longer than `flap_delay`: announced, but the span lasts.
    Down { agent: AgentKey, channel: ChannelId },
    /// A named reader has everything up to here.
    Acknowledge(Arc<Acknowledged>),
    /// Nothing: everything before it is committed when it is answered.
    Flush,
}

impl Entry {
    /// Bytes that it holds in memory, roughly: what the writer's queue is bounded by.
    pub(crate) fn weight(&self) -> usize {
        let place = |place: &Place| place.network.as_str().len() + place.channel.as_str().len();
        let point = |point: &ResumePoint| point.as_str().len();
        ENTRY
            + match &self.kind {
                EntryKind::Message(row) => row.weight(),
                EntryKind::Resume {
                    place: of,
                    point: to,
                } => place(of) + point(to),
                EntryKind::Joined {
                    place: of, resume, ..
                } => place(of) + resume.as_ref().map_or(0, point),
                EntryKind::Entered { place: of, .. } | EntryKind::Left { place: of, .. } => {
                    place(of)
                }
                EntryKind::Down { channel, .. } => channel.as_str().len(),
                EntryKind::Acknowledge(_) | EntryKind::Flush => 0,
            }
    }
}

/// How far a named reader has come. One entry is queued for it at most, whatever its pace.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) agent: AgentKey,
    pub(crate) name: ReaderName,
    /// Everything up to this seq is acknowledged.
    pub(crate) place: AtomicI64,
    /// Whether an entry is queued that will write it.
    pub(crate) queued: AtomicBool,
}

/// A message to become a row.
#[derive(Clone)]
pub(crate) struct NewRow {
    pub(crate) place: Place,
    pub(crate) id: MessageId,
    pub(crate) origin: Option<OriginId>,
    pub(crate) sender: String,
    pub(crate) sender_alias: Option<String>,
    pub(crate) sender_agent: Option<AgentKey>,
    pub(crate) posted_by: Option<String>,
    pub(crate) content: Content,
    pub(crate) time: DateTime<Utc>,
    /// The link of an upload: no throttle of messages counts it.
    pub(crate) transfer: bool,
    pub(crate) resume: Option<ResumePoint>,
}

impl NewRow {
    fn weight(&self) -> usize {
        self.sender.len() + self.sender_alias.as_ref().map_or(0, String::len) + self.content.bytes()
    }

    /// The row of a message as it came from a chat system, by nobody of ours as far as is known; `now` if the chat
    /// system does not say when it was said.
    pub(crate) fn of(place: Place, message: Received, now: DateTime<Utc>) -> NewRow {
        NewRow {
            place,
            id: message.id,
            origin: None,
            sender: message.sender,
            sender_alias: message.sender_alias,
            sender_agent: None,
            posted_by: None,
            content: message.content,
            time: message.time.unwrap_or(now),
            transfer: false,
            resume: None,
        }
    }
}

/// A group, written.
#[derive(Default)]
pub(crate) struct Batch {
    /// What the hub publishes, in order.
    pub(crate) published: Vec<Published>,
    /// Rows that carry an origin of ours, new or known already: posts wait for them.
    pub(crate) ours: Vec<(OriginId, Arc<Record>)>,
    /// The newest seq in it, 0 if it wrote no row.
    pub(crate) last: Seq,
    /// The revision it makes, if it is a control-plane change.
    pub(crate) revision: Option<u64>,
    /// Whether writing it twice changes nothing.
    pub(crate) repeatable: bool,
    /// Its own number, if nothing else in it can be recognised in the file.
    pub(crate) sealed: Option<i64>,
    /// When it was committed: milliseconds since 1970.
    pub(crate) committed: i64,
}

impl Batch {
    /// The rows in it.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.published.iter().filter_map(|item| match item {
            Published::Record(record) => Some(record),
            _ => None,
        })
    }
}
