//! A connection's line: what happened in the chat system and the engine has not taken yet.
//!
//! Items are queued under the lock of the chat system, so the inbox sees them in the order of the
//! ids. Who hands them over is decided in [`super::outbox`].

use super::archive::Said;
use crate::backend::{Busy, Full, Inbound, Inbox, SeenBy, StateChange};
use crate::model::{ChannelId, ResumePoint};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// The most items that may wait. Beyond this nothing new is accepted.
pub(super) const LINE_MAX: usize = 262_144;

/// An item on its way to the engine.
pub(super) enum Item {
    /// A message. It is copied only when its turn comes.
    Said {
        seen_by: SeenBy,
        channel: ChannelId,
        said: Arc<Said>,
        resume: ResumePoint,
    },
    /// Anything else the journal takes.
    Inbound(Inbound),
    /// A change that is not journaled.
    State(StateChange),
}

impl Item {
    pub(super) fn offer(self, inbox: &Inbox) -> Result<(), Full> {
        match self {
            Item::State(change) => {
                inbox.state(change);
                Ok(())
            }
            Item::Inbound(inbound) => inbox.offer(inbound),
            Item::Said {
                seen_by,
                channel,
                said,
                resume,
            } => {
                let message = Box::new(said.received.clone());
                inbox.offer(Inbound::Message {
                    seen_by,
                    channel,
                    message,
                    resume: Some(resume),
                })
            }
        }
    }
}

/// The connection that is open.
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) inbox: Inbox,
    pub(super) line: VecDeque<Item>,
    /// How many items were ever queued, and how many the engine has taken. A ticket is a number of
    /// the first.
    pub(super) queued: u64,
    pub(super) pumped: u64,
    /// True while a thread or the task hands items to the engine.
    pub(super) pumping: bool,
    /// True if it is the task's turn.
    pub(super) handed_over: bool,
    /// The task's token while it is its turn.
    pub(super) busy: Option<Busy>,
    pub(super) task: Option<Waker>,
    pub(super) waiters: Vec<(u64, Waker)>,
}

impl Connection {
    pub(super) fn new(number: u64, inbox: Inbox) -> Connection {
        Connection {
            number,
            inbox,
            line: VecDeque::new(),
            queued: 0,
            pumped: 0,
            pumping: false,
            handed_over: false,
            busy: None,
            task: None,
            waiters: Vec::new(),
        }
    }

    pub(super) fn queue(&mut self, item: Item) {
        self.line.push_back(item);
        self.queued += 1;
    }

    pub(super) fn is_overlong(&self) -> bool {
        self.line.len() >= LINE_MAX
    }

    /// Gives the line to the task. Returns the task's waker, which must be called without the lock.
    pub(super) fn hand_over(&mut self, busy: Option<Busy>) -> Option<Waker> {
        self.pumping = true;
        self.handed_over = true;
        self.busy = busy;
        self.task.take()
    }

    pub(super) fn waiters_due(&mut self) -> Vec<Waker> {
        if self.waiters.is_empty() {
            return Vec::new();
        }
        let pumped = self.pumped;
        self.waiters
            .extract_if(.., |(number, _)| *number <= pumped)
            .map(|(_, waker)| waker)
            .collect()
    }

    /// Returns the wakers of all that wait for this connection, which has ended.
    pub(super) fn into_wakers(self) -> Vec<Waker> {
        self.waiters
            .into_iter()
            .map(|(_, waker)| waker)
            .chain(self.task)
            .collect()
    }
}

/// A position in a connection's line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) connection: u64,
    pub(super) number: u64,
    /// How many items were in the line up to this position when the ticket was made.
    pub(super) behind: usize,
}
