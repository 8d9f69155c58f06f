//! Posting (§messages/post): provisioned, active, length, key, throttles, then out. The row is the answer.
//!
//! A key is one message. What tells a repeat is asked in this order: the posts under way (the origin stays there until
//! the session's future has ended, so a repeat after `OutcomeUnknown` joins the first), the rows, the rows that our disk
//! did not take, and last the chat system.

use super::{Collaboration, inactive_channel, not_allowed};
use crate::agents::{ASK_MAX, Begun, ChannelPhase, Post, error_of};
use crate::backend::{Found, Outgoing, Session};
use crate::error::{Error, Result};
use crate::journal::{self, EntryKind, NewRow};
use crate::model::{
    ChannelId, ChannelInfo, Content, Id, Message, NewMessage, OriginId, Part, Place, Record, What,
    Who,
};
use crate::services::AsyncResult;
use crate::waiting::park;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Bytes of one message as a whole (§messages/length).
const MESSAGE_BYTES_MAX: u64 = 64 << 10;
/// Posts of one agent in the chat system's hands at most.
const IN_FLIGHT: u32 = 64;
/// Posts of one agent whose callers were answered that nobody knows, and that may still be said, at most. 64 that never
/// end every 35 seconds are half of that before the first of them is given up.
const PENDING: u32 = 2048;

/// A channel the agent is in.
pub(super) struct Joined {
    pub(super) session: Arc<dyn Session>,
    pub(super) info: Arc<ChannelInfo>,
    /// The number of the join.
    pub(super) join: u64,
}

impl Collaboration {
    /// Posts a message and answers it as recorded, once it is durable. It waits for a reconnecting channel, and for
    /// the chat system, 35 seconds in all; a post with a key repeats harmlessly.
    ///
    /// # Errors
    /// `Invalid` for an empty message or what is no channel id; `Forbidden` if the channel is not provisioned;
    /// `AgentInactive`; `ChannelInactive`; `TooLarge`; `Throttled`; `Busy` above 64 posts in flight; `Rejected` and
    /// `Unreachable` by the chat system; `OutcomeUnknown` if it was handed over and no answer came.
    pub fn post(&self, channel: impl Id<ChannelId>, message: NewMessage) -> Result<Message> {
        park(self.clone().post_through(channel.into_id(), message))
    }

    /// As [`Collaboration::post`], on any executor. A post that has left goes on without its listener.
    pub fn post_async(
        &self,
        channel: impl Id<ChannelId>,
        message: NewMessage,
    ) -> AsyncResult<Message> {
        Box::pin(self.clone().post_through(channel.into_id(), message))
    }

    async fn post_through(
        self,
        channel: Result<ChannelId>,
        message: NewMessage,
    ) -> Result<Message> {
        let channel = channel?;
        let services = self.services.clone();
        let due = services.ground.timer.now() + services.post_deadline;
        self.check()?;
        self.writable()?;
        let message = checked(message)?;
        let joined = self.joined(&channel, due).await?;
        measure(&message.content, &joined.info)?;
        let (capabilities, place) = services
            .registry
            .place(&self.cell, &channel)
            .ok_or_else(|| services.inactive(&self.cell))?;
        let origins = &services.ground.origins;
        let origin = match &message.key {
            Some(key) => origins.keyed(self.cell.key, &channel, key),
            None => origins.fresh(self.cell.key, &channel, services.now_ms()),
        };
        let reserved = services
            .ground
            .budget
            .reserve(1024 + 3 * message.content.bytes())
            .ok_or_else(|| busy("the journal"))?;
        let posted_by = self.posted_by();
        let book = &services.ground.posts;
        let waiting = match book.begin(&origin, posted_by.clone(), false, Some(reserved), due) {
            Begun::UnderWay(waiting) => return answer(waiting.await?),
            Begun::New(waiting) => waiting,
        };
        let mut unsent = Unsent {
            view: &self,
            origin: &origin,
            sent: false,
        };
        let earlier = match &message.key {
            Some(_) => {
                self.repeated_by(due, &place, &origin, capabilities.look_up, &joined.session)
                    .await
            }
            None => Ok(None),
        };
        let earlier = earlier.and_then(|earlier| match earlier {
            Some(record) => Ok(Some(record)),
            None if self
                .cell
                .look(|state| state.in_flight >= IN_FLIGHT || state.pending >= PENDING) =>
            {
                Err(busy("the agent"))
            }
            None => self.admit(&channel).map(|()| None),
        });
        unsent.sent = true;
        match earlier {
            Ok(None) => {}
            Ok(Some(record)) => {
                book.complete(&origin, &record);
                return answer(waiting.await?);
            }
            Err(error) => {
                // Whoever repeats the same key meanwhile is answered the same.
                book.fail(&origin, &error);
                return Err(error);
            }
        }
        let post = Post {
            cell: self.cell.clone(),
            place,
            join: joined.join,
            posted_by,
            transfer: false,
            message: Outgoing::new(origin.clone(), message.content),
        };
        services.ground.posting.send(post, joined.session, due);
        match waiting.await {
            // Its session was signed out under it because the engine stops: not the chat system's doing.
            Err(Error::Unreachable(_)) if services.stopping.load(Ordering::Acquire) => {
                Err(Error::Closed)
            }
            posted => answer(posted?),
        }
    }

    /// Nothing leaves while it could not be recorded.
    pub(super) fn writable(&self) -> Result<()> {
        match self.services.ground.entries.writable() {
            true => Ok(()),
            false => Err(busy("the journal")),
        }
    }

    /// The channel, once the agent is in it: at once, or by `due` where this view is patient.
    pub(super) async fn joined(&self, channel: &ChannelId, due: Duration) -> Result<Joined> {
        let look = |state: &crate::agents::CellState| {
            let Some(there) = state.channel(channel) else {
                return Some(Err(not_allowed(channel)));
            };
            match (state.life().session(), there.phase(), there.info()) {
                (Some(session), ChannelPhase::In, Some(info)) => Some(Ok(Joined {
                    session: session.clone(),
                    info: info.load(),
                    join: there.join(),
                })),
                (Some(_), ChannelPhase::Refused, _) => {
                    let reason = there.reason().map(str::to_owned);
                    Some(Err(inactive_channel(channel, reason)))
                }
                _ => None,
            }
        };
        if let Some(found) = self.cell.look(look) {
            return found;
        }
        if self.patient {
            let stopped = |state: &crate::agents::CellState| {
                state.life().is_deleted()
                    || self.services.stopping.load(Ordering::Acquire)
                    || self.principal.has_ended()
            };
            let changed = poll_fn(|cx| {
                self.cell.poll_state(cx, |state| {
                    if stopped(state) {
                        Some(None)
                    } else {
                        look(state).map(Some)
                    }
                })
            });
            let found = tokio::select! {
                biased;
                found = changed => found,
                () = self.services.ground.timer.sleep_until(due) => None,
            };
            if let Some(found) = found {
                return found;
            }
        }
        self.check()?;
        self.info(channel)?;
        Err(self.services.inactive(&self.cell))
    }

    /// Who the row says posted it.
    pub(super) fn posted_by(&self) -> Option<String> {
        match self.principal.who() {
            Who::Agent { username, .. } => Some(username.clone()),
            Who::SuperUser(_) | Who::Host(_) => None,
        }
    }

    fn admit(&self, channel: &ChannelId) -> Result<()> {
        let now = self.services.ground.timer.now();
        let admitted =
            self.services
                .throttles
                .lock()
                .admit_post(&self.cell.id, self.cell.key, channel, now);
        admitted.map_err(|refusal| Error::Throttled {
            throttle: refusal.throttle.to_string(),
            retry_after: refusal.retry_after,
        })
    }

    /// As [`Collaboration::repeated`], but not for longer than `due`: what the chat system has may be hard to record.
    async fn repeated_by(
        &self,
        due: Duration,
        place: &Place,
        origin: &OriginId,
        ask: bool,
        session: &Arc<dyn Session>,
    ) -> Result<Option<Arc<Record>>> {
        tokio::select! {
            biased;
            found = self.repeated(place, origin, ask, session) => found,
            () = self.services.ground.timer.sleep_until(due) => {
                Err(Error::OutcomeUnknown("whether it was posted before could not be found out within the deadline".into()))
            }
        }
    }

    /// The row of an earlier post with the same key: from the journal, else from the chat system.
    async fn repeated(
        &self,
        place: &Place,
        origin: &OriginId,
        ask: bool,
        session: &Arc<dyn Session>,
    ) -> Result<Option<Arc<Record>>> {
        let ground = &self.services.ground;
        let (there, wanted) = (place.clone(), origin.clone());
        let row = ground
            .reads
            .of(self.cell.key)
            .read(move |connection| journal::find_origin(connection, &there, &wanted))
            .await?;
        if let Some(row) = row {
            return Ok(Some(Arc::new(row)));
        }
        let row = match ground.posts.take_unrecorded(origin) {
            Some(row) => row,
            None if !ask => return Ok(None),
            None => {
                let (session, channel, wanted) =
                    (session.clone(), place.channel.clone(), origin.clone());
                // The caller's deadline comes first: whether it was posted is unknown then.
                let found = ground
                    .ask(ASK_MAX * 2, "looking for an earlier post", move || {
                        session.look_up(channel, wanted)
                    })
                    .await;
                let Found::Message(message) =
                    found.map_err(|error| error_of(error, place.channel.as_str()))?
                else {
                    return Ok(None);
                };
                Box::new(NewRow {
                    origin: Some(origin.clone()),
                    sender_agent: Some(self.cell.key),
                    posted_by: self.posted_by(),
                    ..NewRow::of(place.clone(), *message, ground.clock.wall())
                })
            }
        };
        // The chat system has it, so from here on a failure must not be taken for "not sent".
        let unrecorded = |error| {
            Error::OutcomeUnknown(format!(
                "the chat system has it, but it could not be recorded: {error}"
            ))
        };
        ground
            .entries
            .write_through(EntryKind::Message(row))
            .await
            .map_err(unrecorded)?;
        let (there, wanted) = (place.clone(), origin.clone());
        let read = ground
            .reads
            .of(self.cell.key)
            .read(move |connection| journal::find_origin(connection, &there, &wanted));
        match read.await? {
            Some(row) => Ok(Some(Arc::new(row))),
            None => Err(Error::OutcomeUnknown(
                "the chat system has it, and its row could not be found again".into(),
            )),
        }
    }
}

/// A post that is in the book but not sent yet: if it is given up, the book forgets it.
struct Unsent<'a> {
    view: &'a Collaboration,
    origin: &'a OriginId,
    sent: bool,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if !self.sent {
            self.view
                .services
                .ground
                .posts
                .fail(self.origin, &busy("another post with this key, given up,"));
        }
    }
}

pub(super) fn busy(what: &str) -> Error {
    Error::Busy {
        what: what.into(),
        retry_after: Duration::from_secs(1),
    }
}

/// A message fit to be sent: some text, no empty subject.
fn checked(mut message: NewMessage) -> Result<NewMessage> {
    let content = &mut message.content;
    content
        .parts
        .retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    if content.parts.iter().all(|part| part.visible().is_empty()) {
        return Err(Error::invalid("the message has no text"));
    }
    content.subject = content.subject.take().filter(|subject| !subject.is_empty());
    Ok(message)
}

/// Lengths in Unicode scalar values of the text made from parts, and the bytes of it all (§messages/length): a link
/// shows little and may carry an address of any length.
fn measure(content: &Content, info: &ChannelInfo) -> Result<()> {
    let bytes = content.bytes() as u64;
    if bytes > MESSAGE_BYTES_MAX {
        return Err(Error::TooLarge {
            what: "the message as a whole, in bytes,",
            length: bytes,
            limit: MESSAGE_BYTES_MAX,
        });
    }
    let length: usize = content
        .parts
        .iter()
        .map(|part| part.visible().chars().count())
        .sum();
    let (what, limit) = match &content.subject {
        None => ("the message text", info.max_message_length),
        Some(subject) => {
            let length = subject.chars().count() as u64;
            let limit = u64::from(info.max_message_length);
            if length > limit {
                return Err(Error::TooLarge {
                    what: "the subject",
                    length,
                    limit,
                });
            }
            ("the story", info.max_story_length)
        }
    };
    let (length, limit) = (length as u64, u64::from(limit));
    if length > limit {
        Err(Error::TooLarge {
            what,
            length,
            limit,
        })
    } else {
        Ok(())
    }
}

/// The message of a row.
pub(super) fn answer(record: Arc<Record>) -> Result<Message> {
    match &record.what {
        What::Message { message, .. } => Ok(Message::clone(message)),
        _ => Err(Error::Internal(
            "a post became something else than a message".into(),
        )),
    }
}
