//! The one way from the chat system to the engine: a line per connection, emptied by the thread
//! that finds nobody else doing so.
//!
//! What is said is queued in the line under the state's lock, so that the inbox sees the order of
//! the ids; it is handed over with no lock held, because an inbox may be full. In the ordinary case
//! the thread that said it pumps it, and no task is woken. When the engine has no room, or a thread
//! has pumped long enough for others, the line goes to the connection's own task, which waits; it
//! comes back when the line is empty. One [`Busy`] covers the whole line: the thread that empties
//! the line holds it, and hands it over with the line. Rejected: sending under the lock (a full
//! engine would stop every room), and a task for every message (two thread hops a post).

use super::line::{Item, Ticket};
use super::state::ChatState;
use crate::backend::{Busy, Closed, Full, Inbound, Inbox};
use parking_lot::Mutex;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// How many items one thread hands to the engine before the line goes to the task.
const ROUNDS: usize = 64;
/// The state with its lock, and the calls to make once the lock is released.
pub(super) struct Shared(pub(super) Mutex<ChatState>);

impl Shared {
    /// Makes a change, then hands over what it queued in the line. The ticket is there if not all
    /// of it has been taken by the engine when this returns.
    pub(super) fn act<T>(&self, change: impl FnOnce(&mut ChatState) -> T) -> (T, Option<Ticket>) {
        let inbox = self
            .0
            .lock()
            .connection
            .as_ref()
            .map(|connection| connection.inbox.clone());
        self.act_holding(inbox.map(|inbox| inbox.busy()), change)
    }

    /// Like [`Shared::act`], for a caller that has the connection's token.
    pub(super) fn act_holding<T>(
        &self,
        mut busy: Option<Busy>,
        change: impl FnOnce(&mut ChatState) -> T,
    ) -> (T, Option<Ticket>) {
        let mut state = self.0.lock();
        let done = change(&mut state);
        let listeners = std::mem::take(&mut state.listeners);
        let mut first = None;
        let mut ticket = None;
        if let Some(connection) = &mut state.connection {
            if !connection.line.is_empty() {
                let behind = connection.line.len();
                ticket = Some(Ticket {
                    connection: connection.number,
                    number: connection.queued,
                    behind,
                });
            }
            if connection.handed_over && connection.busy.is_none() {
                connection.busy = busy.take();
            }
            if !connection.pumping
                && let Some(item) = connection.line.pop_front()
            {
                connection.pumping = true;
                first = Some((connection.number, connection.inbox.clone(), item));
            }
        }
        drop(state);
        wake(listeners);
        if let Some((number, inbox, item)) = first
            && self.pump(number, &inbox, item, busy)
        {
            ticket = None;
        }
        (done, ticket)
    }

    /// Like [`Shared::act`], but calls nothing of the engine. It is for `Drop`, which may run
    /// anywhere.
    pub(super) fn act_apart(&self, change: impl FnOnce(&mut ChatState)) {
        let mut state = self.0.lock();
        change(&mut state);
        let listeners = std::mem::take(&mut state.listeners);
        let task = state
            .connection
            .as_mut()
            .filter(|connection| !connection.pumping && !connection.line.is_empty());
        let task = task.and_then(|connection| connection.hand_over(None));
        drop(state);
        wake(listeners);
        wake(task);
    }

    /// Hands items to the engine until the line is empty. Returns false if the rest went to the
    /// task.
    fn pump(&self, number: u64, inbox: &Inbox, first: Item, busy: Option<Busy>) -> bool {
        let mut item = first;
        for round in 1.. {
            let back = match item.offer(inbox) {
                Ok(()) => None,
                Err(Full::Full(inbound)) => Some(inbound),
                Err(Full::Closed) => {
                    self.hang_up(number);
                    return true;
                }
            };
            let mut state = self.0.lock();
            let Some(connection) = state.connection_of(number) else {
                return true;
            };
            let full = back.is_some();
            match back {
                Some(inbound) => connection.line.push_front(Item::Inbound(inbound)),
                None => connection.pumped += 1,
            }
            let waiters = connection.waiters_due();
            if full || (round >= ROUNDS && !connection.line.is_empty()) {
                let task = connection.hand_over(busy);
                drop(state);
                wake(waiters);
                wake(task);
                return false;
            }
            let next = connection.line.pop_front();
            connection.pumping = next.is_some();
            drop(state);
            wake(waiters);
            match next {
                Some(next) => item = next,
                None => break,
            }
        }
        true
    }

    /// Runs the connection's task until the connection ends.
    pub(super) async fn pump_task(self: Arc<Shared>, number: u64, inbox: Inbox) {
        // If the task ends in any other way than below, the connection must not wait for it.
        let _end = HangUp {
            shared: self.clone(),
            number,
        };
        let mut round = 0usize;
        while self.my_turn(number).await {
            round += 1;
            if round.is_multiple_of(ROUNDS) {
                tokio::task::yield_now().await;
            }
            let Some(item) = self.next_or_give_back(number) else {
                continue;
            };
            let sent = match item {
                Item::State(change) => {
                    inbox.state(change);
                    Ok(())
                }
                Item::Inbound(inbound) => inbox.send(inbound).await,
                Item::Said {
                    seen_by,
                    channel,
                    said,
                    resume,
                } => {
                    let message = Box::new(said.received.clone());
                    inbox
                        .send(Inbound::Message {
                            seen_by,
                            channel,
                            message,
                            resume: Some(resume),
                        })
                        .await
                }
            };
            if sent.is_err() {
                return;
            }
            let mut state = self.0.lock();
            let Some(connection) = state.connection_of(number) else {
                return;
            };
            connection.pumped += 1;
            let waiters = connection.waiters_due();
            drop(state);
            wake(waiters);
        }
    }

    /// Waits until it is the task's turn. Returns false when the connection has ended.
    async fn my_turn(&self, number: u64) -> bool {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            let Some(connection) = state.connection_of(number) else {
                return Poll::Ready(false);
            };
            if connection.handed_over {
                return Poll::Ready(true);
            }
            connection.task = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn next_or_give_back(&self, number: u64) -> Option<Item> {
        let mut state = self.0.lock();
        let connection = state.connection_of(number)?;
        let next = connection.line.pop_front();
        let mut busy = None;
        if next.is_none() {
            connection.handed_over = false;
            connection.pumping = false;
            busy = connection.busy.take();
        }
        drop(state);
        drop(busy);
        next
    }

    /// Waits until the engine has taken all items up to that ticket.
    pub(super) async fn pumped(self: Arc<Shared>, ticket: Option<Ticket>) -> Result<(), Closed> {
        let Some(ticket) = ticket else { return Ok(()) };
        poll_fn(|cx| {
            let mut state = self.0.lock();
            let Some(connection) = state.connection_of(ticket.connection) else {
                return Poll::Ready(Err(Closed));
            };
            if connection.pumped >= ticket.number {
                return Poll::Ready(Ok(()));
            }
            match connection
                .waiters
                .iter_mut()
                .find(|(number, held)| *number == ticket.number && held.will_wake(cx.waker()))
            {
                Some(_) => {}
                None => connection.waiters.push((ticket.number, cx.waker().clone())),
            }
            Poll::Pending
        })
        .await
    }

    /// Ends a connection that has not ended. All agents on it are offline.
    pub(super) fn hang_up(&self, number: u64) {
        let mut state = self.0.lock();
        let Some(connection) = state.end_connection(number) else {
            return;
        };
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        wake(listeners);
        wake(connection.into_wakers());
    }
}

/// Hangs up when dropped.
pub(super) struct HangUp {
    pub(super) shared: Arc<Shared>,
    pub(super) number: u64,
}

impl Drop for HangUp {
    fn drop(&mut self) {
        self.shared.hang_up(self.number);
    }
}

pub(super) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
