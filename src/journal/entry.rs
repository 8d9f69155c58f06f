//! Entries for the writer, and the batch that a group of them becomes.

use super::event_copy::EventCopy;
use crate::backend::{Changes, Received};
use crate::error::Result;
use crate::hub::Published;
use crate::model::{
    AgentKey, ChannelId, ContactTimes, Content, ContentDigest, MessageId, OriginId, Part, Place,
    ReaderName, Record, ResumePoint, Seq,
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
    /// Runs after the commit and before anybody is told of it, so that memory is never behind an
    /// event.
    pub(crate) before: Option<Box<dyn FnOnce() + Send>>,
    /// Answered once it is committed and published.
    pub(crate) done: Option<Promise<Result<()>>>,
}

pub(crate) enum EntryKind {
    /// A message: from the chat system, or from the answer to a post that is not echoed.
    Message(Box<NewRow>),
    /// The resume point of a conversation has moved, though its message was known already.
    Resume { place: Place, point: ResumePoint },
    /// An agent that is still joining hears from here on: its span begins, unless one is open. The
    /// join itself is announced later.
    Entered {
        agent: AgentKey,
        place: Place,
        /// Whether it is an open contact's, which the entry adds to the agent's list.
        open: bool,
    },
    /// An agent has joined: its span begins unless one is open, and the join is announced unless it
    /// was.
    Joined {
        agent: AgentKey,
        place: Place,
        resume: Option<ResumePoint>,
        /// As for `Entered`.
        open: bool,
    },
    /// An open contact and its agent wrote to each other.
    Contact {
        agent: AgentKey,
        channel: ChannelId,
        times: ContactTimes,
    },
    /// An agent was put out, or an open contact made room for another: the span ends.
    Left { agent: AgentKey, place: Place },
    /// The link has been lost for longer than `flap_delay`: this is announced, but the span stays
    /// open.
    Down { agent: AgentKey, channel: ChannelId },
    /// A named reader has everything up to here.
    Acknowledge(Arc<Acknowledged>),
    /// What became of an event of a shared reader.
    Delivery(Box<DeliveryEntry>),
    /// No change: when it is answered, everything before it is committed.
    Flush,
}

impl Entry {
    /// Bytes that the entry holds in memory, roughly: they bound the writer's queue.
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
                EntryKind::Down { channel, .. } | EntryKind::Contact { channel, .. } => {
                    channel.as_str().len()
                }
                EntryKind::Delivery(entry) => entry.weight(),
                EntryKind::Acknowledge(_) | EntryKind::Flush => 0,
            }
    }
}

/// What became of one event of a shared reader.
pub(crate) struct DeliveryEntry {
    pub(crate) agent: AgentKey,
    pub(crate) reader: ReaderName,
    pub(crate) seq: Seq,
    pub(crate) change: DeliveryChange,
}

pub(crate) enum DeliveryChange {
    /// It is about to be given out, for that many times now.
    Given { attempts: u32 },
    /// It was given back, and is not given out again before `due` (milliseconds since 1970).
    Returned { due: i64, reason: String },
    /// It is done; everything up to `place` is.
    Settled { place: Seq },
    /// It is given up; everything up to `place` is settled.
    Dead {
        attempts: u32,
        reason: String,
        event: EventCopy,
        place: Seq,
    },
}

impl DeliveryEntry {
    fn weight(&self) -> usize {
        self.reader.as_str().len()
            + match &self.change {
                DeliveryChange::Given { .. } | DeliveryChange::Settled { .. } => 0,
                DeliveryChange::Returned { reason, .. } => reason.len(),
                DeliveryChange::Dead { reason, event, .. } => reason.len() + event.weight(),
            }
    }
}

/// How far a named reader has come. At most one entry is queued for it, however often it
/// acknowledges.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) agent: AgentKey,
    pub(crate) name: ReaderName,
    /// Everything up to this seq is acknowledged.
    pub(crate) through: AtomicI64,
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
    /// Of the content as it was posted, if a repeat of its key has to say the same.
    pub(crate) digest: Option<ContentDigest>,
    pub(crate) content: Content,
    pub(crate) time: DateTime<Utc>,
    /// The link of an upload, which throttles of messages do not count.
    pub(crate) transfer: bool,
    pub(crate) resume: Option<ResumePoint>,
    /// The id by which its sender refers to it.
    pub(crate) sender_id: Option<String>,
    /// What tells its sender from everybody else; `None`: the sender's address.
    pub(crate) author: Option<String>,
    /// It changes an earlier message instead of being one.
    pub(crate) changes: Option<Box<Changes>>,
    /// Its parts without the quotation of the message that it answers.
    pub(crate) unquoted: Option<Vec<Part>>,
}

impl NewRow {
    fn weight(&self) -> usize {
        let changes = self.changes.as_ref();
        self.sender.len()
            + self.sender_alias.as_ref().map_or(0, String::len)
            + self.content.bytes()
            + changes.map_or(0, |changes| 80 + changes.kind.bytes())
            + (self.unquoted.iter().flatten())
                .map(|part| 40 + part.bytes())
                .sum::<usize>()
    }

    /// Who said it, in a form that tells them from everybody else.
    pub(crate) fn said_by(&self) -> &str {
        self.author.as_deref().unwrap_or(&self.sender)
    }

    /// The row of a message that came from a chat system, without a sender of ours; its time is
    /// `now` if the chat system tells none.
    pub(crate) fn of(place: Place, message: Received, now: DateTime<Utc>) -> NewRow {
        NewRow {
            place,
            id: message.id,
            origin: None,
            sender: message.sender,
            sender_alias: message.sender_alias,
            sender_agent: None,
            posted_by: None,
            digest: None,
            content: message.content,
            time: message.time.unwrap_or(now),
            transfer: false,
            resume: None,
            sender_id: message.sender_id,
            author: message.author,
            changes: message.changes,
            unquoted: message.unquoted,
        }
    }
}

/// A group, written.
#[derive(Default)]
pub(crate) struct Batch {
    /// What the hub publishes, in order.
    pub(crate) published: Vec<Published>,
    /// Rows with an origin of ours, new or known already: posts wait for them.
    pub(crate) ours: Vec<(OriginId, Arc<Record>)>,
    /// The newest seq in it, 0 if it wrote no row.
    pub(crate) last: Seq,
    /// The revision of the batch, if it is a change of an administrator.
    pub(crate) revision: Option<u64>,
    /// Whether writing it twice changes nothing.
    pub(crate) repeatable: bool,
    /// A number of its own, if the batch writes nothing else that can be found in the file.
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
