//! One message out, from the session to its row.
//!
//! Where the chat system sends a post back, the copy that comes back becomes the row: an answer
//! that overtakes the inbox would put our post before what was said earlier. Where nothing comes
//! back, the answer becomes the row. Who waits for what, and until when, is in the [book of
//! posts](super::posts).
//!
//! A post is not given up at its caller's deadline: its caller is told that nobody knows, its place
//! among the agent's 64 posts in flight is free again, and the session's answer is waited for
//! further, because what it answers is still to be recorded. Rejected: dropping the future with the
//! caller's deadline (a post that arrives later would have no row, and a repeat of its key would be
//! sent beside it), and counting it in flight until it ends (66 calls into a chat system that never
//! answers made the agent busy until the link ended).

use super::calls::{Calls, error_of};
use super::cell::Connection;
use super::lifecycle::{Announce, ChannelEvent, Now, Wrote};
use super::posts::{About, Callers, HandedOver, InFlight, PENDING_MAX, Post, PostBook};
use super::strangers::Strangers;
use crate::backend::{
    Accepted, BackendError, BackendErrorKind, Changes, Outgoing, OutgoingChange, Posted, Received,
    Reply, Session, Upload,
};
use crate::error::Error;
use crate::journal::{Entries, EntryKind, NewRow};
use crate::model::{ChannelKind, NetworkId, OriginId};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Sends posts and follows each until its row is recorded.
pub(crate) struct Posting {
    book: Arc<PostBook>,
    calls: Calls,
    entries: Entries,
    strangers: Arc<Strangers>,
}

impl Posting {
    pub(crate) fn new(
        book: Arc<PostBook>,
        calls: Calls,
        entries: Entries,
        strangers: Arc<Strangers>,
    ) -> Arc<Posting> {
        Arc::new(Posting {
            book,
            calls,
            entries,
            strangers,
        })
    }

    pub(super) fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// Notes that an agent answers an open contact.
    fn note_answer(&self, post: &Post) {
        let channel = &post.place.channel;
        if channel.kind() == ChannelKind::Room || !self.strangers.are_open() {
            return;
        }
        let now = self.calls.timer().wall().timestamp_millis();
        if let Some(times) = post.cell.wrote(channel, Wrote::Agent, now) {
            self.entries.write_lazily(EntryKind::Contact {
                agent: post.cell.key,
                channel: channel.clone(),
                times,
            });
        }
    }

    /// Hands a post that is in the book to its session; its callers have an outcome by `due`.
    pub(crate) fn send(self: &Arc<Self>, post: Post, session: Arc<dyn Session>, due: Duration) {
        self.note_answer(&post);
        let (in_flight, connection) = InFlight::of(&post.cell, &session);
        let (channel, message) = (post.place.channel.clone(), post.message.clone());
        let origin = message.origin.clone();
        let under = HandedOver::new(post, Some(in_flight), connection);
        let Some(number) = self.book.hand_over(under, Some(due)) else {
            return;
        };
        let mut reply = self.calls.call(move || match message.changes {
            None => session.post(channel, message),
            Some(_) => session.change(channel, message),
        });
        let _entered = self.calls.enter();
        match reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => self.answered(&origin, number, outcome),
            Poll::Pending => {
                let posting = self.clone();
                self.calls.spawn(async move {
                    let outcome = posting.outcome(reply, due + PENDING_MAX).await;
                    posting.answered(&origin, number, outcome);
                });
            }
        }
    }

    /// Hands an upload that is in the book to its session: returns the number of its post and the
    /// session's answer, or none if the book has given it up.
    pub(crate) fn send_file(
        &self,
        post: Post,
        session: Arc<dyn Session>,
        upload: Upload,
    ) -> Option<(u64, Reply<Posted>)> {
        self.note_answer(&post);
        let connection = post.cell.look(|state| state.connection_of(&session));
        let channel = post.place.channel.clone();
        let under = HandedOver::new(post, None, connection);
        let number = self.book.hand_over(under, None)?;
        Some((
            number,
            self.calls.call(move || session.upload(channel, upload)),
        ))
    }

    /// Waits for what the session answers, at most until `last`.
    async fn outcome(&self, reply: Reply<Posted>, last: Duration) -> Result<Posted, BackendError> {
        tokio::select! {
            biased;
            outcome = reply => outcome,
            () = self.calls.timer().sleep_until(last) => {
                Err(BackendError::new(BackendErrorKind::OutcomeUnknown, "the chat system did not answer"))
            }
        }
    }

    /// The session has answered a post or an upload.
    pub(crate) fn answered(
        &self,
        origin: &OriginId,
        number: u64,
        outcome: Result<Posted, BackendError>,
    ) {
        match outcome {
            Ok(Posted::Sent) => {
                if let Some((_, callers)) = self.book.sent(origin, number, self.calls.timer().now())
                {
                    refuse(callers, &link_lost());
                }
            }
            Ok(Posted::Accepted(accepted)) => {
                if let Some(under) = self.book.accepted(origin, number) {
                    let row = row_of(under.post, accepted, self.calls.timer().wall());
                    self.entries.write(EntryKind::Message(Box::new(row)));
                }
            }
            Err(error) => {
                if let Some((under, callers)) = self.book.failed(origin, number) {
                    self.refuse(&under, callers, error);
                }
            }
        }
    }

    /// The chat system says that it did not take a post that it was sent.
    pub(super) fn refused(&self, network: &NetworkId, origin: &OriginId, error: BackendError) {
        let is_its = |post: &Post| post.place.network == *network;
        if let Some((under, callers)) = self.book.refused(origin, is_its) {
            self.refuse(&under, callers, error);
        }
    }

    /// A connection is over: posts that were sent over it and did not come back will not.
    pub(super) fn cut(&self, connection: &Connection) {
        for (_, callers) in self.book.cut(connection) {
            refuse(callers, &link_lost());
        }
    }

    fn refuse(&self, under: &HandedOver, callers: Callers, error: BackendError) {
        if error.kind == BackendErrorKind::ChannelGone {
            self.channel_gone(&under.post, &error.reason);
        }
        refuse(callers, &error_of(error, under.post.place.channel.as_str()));
    }

    /// A message of ours came back: gives it the content that was sent, of which a chat system may
    /// carry less. Returns what its row says beside that.
    pub(super) fn came_back(&self, origin: &OriginId, message: &mut Received) -> About {
        let Some(known) = self.book.came_back(origin) else {
            return About::default();
        };
        if let Some(HandedOver { post, .. }) = known.sent.map(|sent| *sent)
            && !known.about.transfer
        {
            message.content = post.message.content;
            message.unquoted = None;
            message.changes = recorded(post.message.changes);
        }
        known.about
    }

    /// The chat system says that the channel of `post` is no more: it becomes Idle, and its span
    /// ends. Only if the agent is in it by the join that the post was sent under: a post that
    /// failed late shut a channel that was deleted and put again meanwhile, until the next put.
    fn channel_gone(&self, post: &Post, reason: &str) {
        let (cell, place) = (&post.cell, &post.place);
        let gone = ChannelEvent::Gone {
            join: post.join,
            reason,
        }
        .of(&place.channel);
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
                if let Some(in_flight) = overdue.in_flight {
                    let pending = in_flight.into_pending();
                    self.book
                        .keep_pending(&overdue.origin, overdue.number, pending);
                }
                let reason = "it was handed over, and not recorded within the deadline";
                refuse(overdue.callers, &Error::OutcomeUnknown(reason.into()));
            }
        }
    }
}

fn refuse(callers: Callers, error: &Error) {
    for promise in callers {
        promise.fulfil(Err(error.clone()));
    }
}

fn link_lost() -> Error {
    Error::OutcomeUnknown("the connection was lost before the post came back".into())
}

/// A change of ours, as it is recorded.
fn recorded(changes: Option<Box<OutgoingChange>>) -> Option<Box<Changes>> {
    changes.map(|change| Box::new(Changes::new(change.target.id, change.kind)))
}

/// The row of a post that the chat system has and does not send back.
fn row_of(post: Post, accepted: Accepted, now: DateTime<Utc>) -> NewRow {
    let Outgoing {
        origin,
        mut content,
        changes,
        ..
    } = post.message;
    if let Some(parts) = accepted.parts {
        content.parts = parts;
    }
    NewRow {
        place: post.place,
        id: accepted.id,
        origin: Some(origin),
        sender: accepted.sender,
        sender_alias: accepted.sender_alias,
        sender_agent: Some(post.cell.key),
        posted_by: post.about.posted_by,
        digest: post.about.digest,
        content,
        time: accepted.time.unwrap_or(now),
        transfer: post.about.transfer,
        resume: accepted.resume,
        sender_id: accepted.sender_id,
        author: None,
        changes: recorded(changes),
        unquoted: None,
    }
}
