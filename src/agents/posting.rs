//! One message out, from the session to its row.
//!
//! Where the room echoes a post, the echo is the row and the answer only completes the post; otherwise an answer that
//! overtakes the inbox would put our post before what was said earlier. Where nothing echoes, the answer makes the
//! row. Handed over and no answer by the deadline is an outcome of its own.
//!
//! Nothing waits for a backend without a deadline. A question is given up at its deadline ([`Calls::ask`]). A post is
//! not: its caller is answered, its place among the agent's 64 posts in flight is free again, and its future is waited
//! for further, up to [`PENDING_MAX`], because what it answers is still to be recorded and a repeat of its key must find
//! it. Rejected: dropping the future with the caller's deadline (a post that arrives later would have no row, and a repeat
//! of its key would be sent beside it), and counting it in flight until it ends (66 calls into a chat system that never
//! answers made the agent busy until the link ended).

use super::calls::{Calls, error_of};
use super::cell::Cell;
use super::lifecycle::{Announce, Event, Now};
use super::posts::{Overdue, PostBook};
use crate::backend::{Accepted, BackendError, BackendErrorKind, Outgoing, Reply, Session};
use crate::error::Error;
use crate::journal::{Entries, EntryKind, NewRow};
use crate::model::{OriginId, Place};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How long a post is waited for after its caller was answered. A chat system that holds a message for one that is away
/// gives it up before that. Not lower, because a post that is forgotten may be sent twice under one key; meanwhile it holds
/// no place of the agent's posts, and keeps neither other posts, nor joins, nor the agent's end.
const PENDING_MAX: Duration = Duration::from_secs(600);

/// A post ready to leave.
pub(crate) struct Post {
    pub(crate) cell: Arc<Cell>,
    pub(crate) place: Place,
    /// The join of its channel that it is sent under.
    pub(crate) join: u64,
    pub(crate) origin: OriginId,
    pub(crate) posted_by: Option<String>,
    /// Whether the chat system sends it back.
    pub(crate) echoes: bool,
    pub(crate) transfer: bool,
    /// What the row is made of, where the answer makes it.
    pub(crate) message: Outgoing,
}

/// Sends posts and follows each until its row is recorded.
pub(crate) struct Posting {
    book: Arc<PostBook>,
    calls: Calls,
    entries: Entries,
}

impl Posting {
    pub(crate) fn new(book: Arc<PostBook>, calls: Calls, entries: Entries) -> Arc<Posting> {
        Arc::new(Posting {
            book,
            calls,
            entries,
        })
    }

    /// Hands a post that is in the book to its session; the book answers.
    pub(crate) fn send(self: &Arc<Self>, post: Post, session: Arc<dyn Session>, due: Duration) {
        self.book.arm(&post.origin, self.calls.timer().now(), due);
        let in_flight = InFlight::of(&post.cell);
        let (channel, message) = (post.place.channel.clone(), post.message.clone());
        let mut reply = self.calls.call(move || session.post(channel, message));
        let _entered = self.calls.enter();
        match reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => {
                drop(in_flight);
                self.answered(post, outcome);
            }
            Poll::Pending => {
                let posting = self.clone();
                self.calls.spawn(async move {
                    let outcome = posting.outcome(reply, in_flight, due).await;
                    posting.answered(post, outcome);
                });
            }
        }
    }

    /// Waits for what becomes of a post: until `due` as one in flight, and further as one that is pending.
    async fn outcome(
        &self,
        mut reply: Reply<Accepted>,
        in_flight: InFlight,
        due: Duration,
    ) -> Result<Accepted, BackendError> {
        tokio::select! {
            biased;
            outcome = &mut reply => return outcome,
            () = self.calls.timer().sleep_until(due) => {}
        }
        let _pending = in_flight.into_pending();
        tokio::select! {
            biased;
            outcome = &mut reply => outcome,
            () = self.calls.timer().sleep_until(due + PENDING_MAX) => {
                Err(BackendError::new(BackendErrorKind::OutcomeUnknown, "the chat system did not answer"))
            }
        }
    }

    /// The chat system has answered a post or an upload.
    pub(crate) fn answered(&self, post: Post, outcome: Result<Accepted, BackendError>) {
        match outcome {
            Ok(accepted) => {
                let origin = post.origin.clone();
                let echoes = post.echoes;
                let row = Box::new(row_of(post, accepted, self.calls.timer().wall()));
                let unsent_back = if echoes {
                    self.book.accepted(&origin, row)
                } else {
                    Some(row)
                };
                if let Some(row) = unsent_back {
                    self.entries.write(EntryKind::Message(row));
                }
            }
            Err(error) => {
                if error.kind == BackendErrorKind::ChannelGone {
                    self.channel_gone(&post, &error.reason);
                }
                self.book
                    .fail(&post.origin, &error_of(error, post.place.channel.as_str()));
            }
        }
    }

    /// The chat system says that the channel of `post` is no more: it becomes Idle, and its span ends. Only if the agent is
    /// in it by the join that the post was sent under: a post that failed late shut a channel that was deleted and put
    /// again meanwhile, until the next put.
    fn channel_gone(&self, post: &Post, reason: &str) {
        let (cell, place) = (&post.cell, &post.place);
        let gone = Event::ChannelGone {
            channel: &place.channel,
            join: post.join,
            reason,
        };
        let actions = cell.step(gone, Now::of(self.calls.timer()));
        if actions.announce != Announce::Left {
            return;
        }
        if let Some(link) = cell.link() {
            link.tell(|mail| mail.left.extend(actions.left));
        }
        self.entries.write(EntryKind::Left {
            agent: cell.key,
            place: place.clone(),
        });
    }

    /// Watches the deadlines of posts; runs as long as the engine.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            match self.book.next_due() {
                Some(due) => tokio::select! {
                    () = self.calls.timer().sleep_until(due) => {}
                    () = self.book.sooner.notified() => {}
                },
                None => self.book.sooner.notified().await,
            }
            for overdue in self.book.overdue(self.calls.timer().now()) {
                match overdue {
                    Overdue::Accepted(row) => self.entries.write(EntryKind::Message(row)),
                    Overdue::Unknown(waiting) => {
                        for promise in waiting {
                            let reason = "it was handed over, and not recorded within the deadline";
                            promise.fulfil(Err(Error::OutcomeUnknown(reason.into())));
                        }
                    }
                }
            }
        }
    }
}

/// One of an agent's posts in flight, counted as long as this lives.
struct InFlight {
    cell: Arc<Cell>,
    is_pending: bool,
}

impl InFlight {
    fn of(cell: &Arc<Cell>) -> InFlight {
        cell.change(|state| state.in_flight += 1);
        InFlight {
            cell: cell.clone(),
            is_pending: false,
        }
    }

    /// Its caller was answered: it is counted apart, and keeps no place.
    fn into_pending(mut self) -> InFlight {
        self.cell.change(|state| {
            state.in_flight -= 1;
            state.pending += 1;
        });
        self.is_pending = true;
        self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let is_pending = self.is_pending;
        self.cell.change(|state| {
            if is_pending {
                state.pending -= 1
            } else {
                state.in_flight -= 1
            }
        });
    }
}

fn row_of(post: Post, accepted: Accepted, now: DateTime<Utc>) -> NewRow {
    let mut content = post.message.content;
    if let Some(parts) = accepted.parts {
        content.parts = parts;
    }
    NewRow {
        place: post.place,
        id: accepted.id,
        origin: Some(post.origin),
        sender: accepted.sender,
        sender_alias: accepted.sender_alias,
        sender_agent: Some(post.cell.key),
        posted_by: post.posted_by,
        content,
        time: accepted.time.unwrap_or(now),
        transfer: post.transfer,
        resume: accepted.resume,
    }
}
