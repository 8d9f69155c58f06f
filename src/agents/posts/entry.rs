//! One post in the book, and the book without its lock: pure.

use super::in_flight::InFlight;
use crate::agents::cell::{Cell, Connection};
use crate::backend::Outgoing;
use crate::database::Reserved;
use crate::error::Result;
use crate::journal::NewRow;
use crate::model::{ContentDigest, OriginId, Place, Record};
use crate::waiting::Promise;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What the callers of a post receive: its row, or why there is none.
pub(crate) type Outcome = Result<Arc<Record>>;

/// Callers of a post whose outcome is known; they are told without the book's lock.
pub(in crate::agents) type Callers = Vec<Promise<Outcome>>;

/// A post ready to be sent.
pub(crate) struct Post {
    pub(crate) cell: Arc<Cell>,
    pub(crate) place: Place,
    /// The join of its channel that it is sent under.
    pub(crate) join: u64,
    pub(crate) about: About,
    pub(crate) message: Outgoing,
}

/// What the row of a post says beside its message.
#[derive(Clone, Default)]
pub(crate) struct About {
    pub(crate) posted_by: Option<String>,
    /// It is the link of an upload, and the message only stands for it: what comes back says what
    /// the link is.
    pub(crate) transfer: bool,
    /// Of what was posted, if a repeat of its key has to say the same.
    pub(crate) digest: Option<ContentDigest>,
}

/// A post in the hands of a session.
pub(in crate::agents) struct HandedOver {
    pub(in crate::agents) post: Post,
    /// Its place among its agent's posts in flight; none for an upload.
    pub(in crate::agents) in_flight: Option<InFlight>,
    /// The connection it is sent over; none if the agent has lost it meanwhile.
    pub(super) connection: Option<Connection>,
    /// Whether the session has said that it is sent; until then the session's answer is still to
    /// come.
    pub(super) is_sent: bool,
    /// The connection ended before the session said that it is sent.
    pub(super) is_cut: bool,
}

impl HandedOver {
    pub(in crate::agents) fn new(
        post: Post,
        in_flight: Option<InFlight>,
        connection: Option<Connection>,
    ) -> Box<HandedOver> {
        Box::new(HandedOver {
            post,
            in_flight,
            connection,
            is_sent: false,
            is_cut: false,
        })
    }
}

/// How far a post has come.
pub(super) enum Stage {
    /// Not handed over: whether an earlier process posted it is being found out.
    Unsent,
    /// In the hands of a session or of the chat system.
    Under(Box<HandedOver>),
    /// Its row is in the writer's queue.
    Recording,
}

/// One post under way.
pub(super) struct Entry {
    /// Tells it from an earlier post of the same origin.
    pub(super) number: u64,
    /// Who waits for its row; nobody after the first deadline, until a repeat joins.
    pub(super) callers: Callers,
    pub(super) about: About,
    pub(super) stage: Stage,
    /// When its callers are told that nobody knows; none if nobody waits with a deadline.
    pub(super) answer_by: Option<Duration>,
    /// When it is forgotten, unless its row is being written by then.
    pub(super) forget_at: Option<Duration>,
    pub(super) ticket: Option<Ticket>,
    pub(super) reserved: Option<Reserved>,
}

/// A deadline, and a number that keeps equal ones apart.
pub(super) type Ticket = (Duration, u64);

impl Entry {
    /// The next of its deadlines.
    pub(super) fn due(&self) -> Option<Duration> {
        let forget_at = match self.stage {
            Stage::Under(_) => self.forget_at,
            Stage::Unsent | Stage::Recording => None,
        };
        self.answer_by.into_iter().chain(forget_at).min()
    }
}

#[derive(Default)]
pub(super) struct Book {
    pub(super) posts: HashMap<OriginId, Entry>,
    pub(super) due: BTreeMap<Ticket, OriginId>,
    pub(super) next: u64,
    /// Until when the sleeper sleeps.
    pub(super) sleeping: Option<Duration>,
    /// Rows of posts that the chat system has and that could not be recorded, oldest first.
    pub(super) unrecorded: VecDeque<Box<NewRow>>,
}

impl Book {
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Puts `origin` in line for the next of its deadlines; returns that deadline.
    pub(super) fn line_up(&mut self, origin: &OriginId) -> Option<Duration> {
        let number = self.number();
        let entry = self.posts.get_mut(origin)?;
        if let Some(ticket) = entry.ticket.take() {
            self.due.remove(&ticket);
        }
        let ticket = (entry.due()?, number);
        entry.ticket = Some(ticket);
        self.due.insert(ticket, origin.clone());
        Some(ticket.0)
    }

    pub(super) fn remove(&mut self, origin: &OriginId) -> Option<Entry> {
        let entry = self.posts.remove(origin)?;
        if let Some(ticket) = entry.ticket {
            self.due.remove(&ticket);
        }
        Some(entry)
    }

    /// Removes a post that is in the hands of a session or of the chat system, if `is_it`.
    pub(super) fn remove_if(
        &mut self,
        origin: &OriginId,
        is_it: impl FnOnce(u64, &HandedOver) -> bool,
    ) -> Option<(Box<HandedOver>, Callers)> {
        let Entry { number, stage, .. } = self.posts.get(origin)?;
        match stage {
            Stage::Under(under) if is_it(*number, under) => {}
            _ => return None,
        }
        let entry = self.remove(origin)?;
        match entry.stage {
            Stage::Under(under) => Some((under, entry.callers)),
            Stage::Unsent | Stage::Recording => None,
        }
    }

    /// Takes a post out of the chat system's hands: its row is about to be written.
    pub(super) fn record(
        &mut self,
        origin: &OriginId,
        number: Option<u64>,
    ) -> Option<Box<HandedOver>> {
        let entry = self.posts.get_mut(origin)?;
        if number.is_some_and(|number| number != entry.number) {
            return None;
        }
        match std::mem::replace(&mut entry.stage, Stage::Recording) {
            Stage::Under(under) => Some(under),
            other => {
                entry.stage = other;
                None
            }
        }
    }
}
