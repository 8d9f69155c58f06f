//! Posting (§messages/post): provisioned, active, length, key, throttles, then out. The row is the
//! result.
//!
//! A key is one message. See [`earlier`](super::earlier) for how a repeat is found.

use super::active::JoinedChannel;
use super::measure::{in_pieces, with_text};
use super::{Collaboration, Sending, busy};
use crate::agents::{About, Begun, Post, PostBook};
use crate::backend::{Capabilities, Outgoing, OutgoingChange};
use crate::error::{Error, Result};
use crate::model::{
    ChannelId, Content, ContentDigest, Id, Message, NewMessage, OriginId, Place, PostKey, Posted,
    Record, Target, What, Who,
};
use crate::services::AsyncResult;
use crate::waiting::park;
use std::sync::Arc;
use std::time::Duration;

/// Posts of one agent in the chat system's hands at most.
const IN_FLIGHT: u32 = 64;
/// Posts of one agent at most whose callers were told that the outcome is unknown, and that may
/// still be sent. 64 that never end every 35 seconds are half of that before the first of them is
/// given up.
const PENDING: u32 = 2048;

/// A post that was checked, and where it goes.
pub(super) struct Wanted {
    pub(super) origin: OriginId,
    /// Whether an earlier post may have this origin, and what it has to have said then.
    pub(super) is_keyed: bool,
    /// Whether no throttle counts it: it continues a text whose first piece was counted, or takes a
    /// message back.
    pub(super) is_free: bool,
    pub(super) digest: Option<ContentDigest>,
    pub(super) conversation: Place,
    pub(super) capabilities: Capabilities,
    pub(super) joined: JoinedChannel,
    /// The message that it answers.
    pub(super) answers: Option<Box<Target>>,
    /// What it changes, if it is no message of its own.
    pub(super) changes: Option<Box<OutgoingChange>>,
}

impl Wanted {
    /// The row of an earlier post with its key, unless that said something else.
    ///
    /// # Errors
    /// `Conflict`.
    pub(super) fn is_said_by(
        &self,
        row: Arc<Record>,
        digest: Option<ContentDigest>,
    ) -> Result<Arc<Record>> {
        let digests = digest.zip(self.digest);
        match digests.is_some_and(|(first, now)| first != now) {
            true => Err(other_content()),
            false => Ok(row),
        }
    }
}

impl Collaboration {
    /// Posts a message and returns it as recorded, once it is durable. It waits for a reconnecting
    /// channel, and for the chat system, 35 seconds in all. A post with a key repeats harmlessly:
    /// it returns the message that was posted first.
    ///
    /// A text that is longer than one message of the chat system is refused, or becomes several
    /// messages in order: see [`Split`](crate::Split). Then the first of them is returned, and
    /// throttles count them as one post. If not all could be posted, the outcome is unknown, and a
    /// repeat with the same key posts those that are missing.
    ///
    /// # Errors
    /// `Invalid` for an empty message or what is no channel id; `Forbidden` if the channel is not
    /// provisioned; `AgentInactive`; `ChannelInactive`; `TooLarge`; `Throttled`;
    /// `Busy` above 64 posts in flight; `Conflict` if something else was posted with its key;
    /// `Rejected` and
    /// `Unreachable` by the chat system; `OutcomeUnknown` if it was handed over and no answer came.
    pub fn post(&self, channel: impl Id<ChannelId>, message: NewMessage) -> Result<Posted> {
        park(self.clone().post_through(channel.into_id(), message))
    }

    /// As [`Collaboration::post`], on any executor. A post that was handed over goes on if its
    /// future is dropped.
    pub fn post_async(
        &self,
        channel: impl Id<ChannelId>,
        message: NewMessage,
    ) -> AsyncResult<Posted> {
        Box::pin(self.clone().post_through(channel.into_id(), message))
    }

    async fn post_through(self, channel: Result<ChannelId>, message: NewMessage) -> Result<Posted> {
        let channel = channel?;
        let due = self.due();
        self.check()?;
        self.check_writable()?;
        let digest = message.digest();
        let mut message = with_text(message)?;
        let joined = self.joined(&channel, due).await?;
        let (capabilities, conversation) = self.conversation(&channel)?;
        let answered = self.answered(capabilities, &conversation, &mut message, due);
        let answered = answered.await?;
        let split = message.split.or(self.split).unwrap_or(capabilities.split);
        let (info, limits) = (&joined.info, &capabilities.limits);
        let pieces = in_pieces(&message.content, info, limits, split)?;
        let wanted = Wanted {
            origin: self.origin(&channel, message.key.as_ref()),
            is_keyed: message.key.is_some(),
            is_free: false,
            digest,
            conversation,
            capabilities,
            joined,
            answers: answered,
            changes: None,
        };
        match pieces {
            None => {
                let (row, repeated) = self.say(wanted, message.content, due).await?;
                posted(row, repeated)
            }
            // Boxed, so that the future of every other post stays small.
            Some(pieces) => Box::pin(self.post_pieces(wanted, message, pieces, due)).await,
        }
    }

    /// Says one message, or one change of a message. Returns its row, and whether that was there
    /// before.
    pub(super) async fn say(
        &self,
        wanted: Wanted,
        content: Content,
        due: Duration,
    ) -> Result<(Arc<Record>, bool)> {
        let sending = &self.parts.sending;
        let bytes =
            1024 + 3 * content.bytes() + wanted.answers.as_ref().map_or(0, |it| it.text.len());
        let reserved = sending.budget.reserve(bytes);
        let reserved = Some(reserved.ok_or_else(|| busy("the journal"))?);
        let about = About {
            posted_by: self.posted_by(),
            transfer: false,
            digest: wanted.digest,
        };
        let begun = sending
            .book
            .begin(&wanted.origin, about.clone(), reserved, due);
        let waiting = match begun {
            Begun::UnderWay(waiting) => return Ok((waiting.await?, true)),
            Begun::Other => return Err(other_content()),
            Begun::New(waiting) => waiting,
        };
        match self.before_sending(&wanted, due).await {
            Ok(None) => {}
            Ok(Some(record)) => {
                sending.book.complete(&wanted.origin, &record);
                return Ok((waiting.await?, true));
            }
            Err(error) => {
                // Whoever repeats the same key meanwhile gets the same error.
                sending.book.fail(&wanted.origin, &error);
                return Err(error);
            }
        }
        let mut message = Outgoing::new(wanted.origin, content);
        (message.answers, message.changes) = (wanted.answers, wanted.changes);
        let post = Post {
            cell: self.cell.clone(),
            place: wanted.conversation,
            join: wanted.joined.join,
            about,
            message,
        };
        sending.posting.send(post, wanted.joined.session, due);
        match waiting.await {
            // Its session was signed out under it because the engine stops: not the chat system's
            // doing.
            Err(Error::Unreachable(_)) if self.parts.stopping.has_begun() => Err(Error::Closed),
            row => Ok((row?, false)),
        }
    }

    /// The row of an earlier post with the same key, if there is one; else admits this post.
    async fn before_sending(&self, wanted: &Wanted, due: Duration) -> Result<Option<Arc<Record>>> {
        let mut unsent = Unsent {
            book: &self.parts.sending.book,
            origin: &wanted.origin,
            given_up: true,
        };
        let earlier = match wanted.is_keyed {
            true => self.earlier(wanted, due).await,
            false => Ok(None),
        };
        unsent.given_up = false;
        if let Some(record) = earlier? {
            return Ok(Some(record));
        }
        let is_full = |state: &crate::agents::CellState| {
            state.in_flight >= IN_FLIGHT || state.pending >= PENDING
        };
        if self.cell.look(is_full) {
            return Err(busy("the agent"));
        }
        if wanted.is_free {
            return Ok(None);
        }
        let now = self.parts.timer.now();
        let channel = &wanted.conversation.channel;
        self.parts
            .sending
            .admission
            .post(&self.cell, channel, now)?;
        Ok(None)
    }

    /// Nothing is sent while it could not be recorded.
    pub(super) fn check_writable(&self) -> Result<()> {
        match self.parts.sending.entries.writable() {
            true => Ok(()),
            false => Err(busy("the journal")),
        }
    }

    /// The origin of a post: made from its key, else a fresh one.
    pub(super) fn origin(&self, channel: &ChannelId, key: Option<&PostKey>) -> OriginId {
        let Sending {
            origins, calendar, ..
        } = &self.parts.sending;
        match key {
            Some(key) => origins.keyed(self.cell.key, channel, key),
            None => origins.fresh(self.cell.key, channel, calendar.wall()),
        }
    }

    /// Who the row says posted it.
    pub(super) fn posted_by(&self) -> Option<String> {
        match self.principal.who() {
            Who::Agent { username, .. } => Some(username.clone()),
            Who::SuperUser(_) | Who::Host(_) => None,
        }
    }
}

/// A post that is in the book but not sent yet. If its future is dropped, the book forgets the
/// post.
struct Unsent<'a> {
    book: &'a PostBook,
    origin: &'a OriginId,
    given_up: bool,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if self.given_up {
            let error = busy("another post with this key, given up,");
            self.book.fail(self.origin, &error);
        }
    }
}

pub(super) fn posted(row: Arc<Record>, repeated: bool) -> Result<Posted> {
    Ok(Posted::new(message_of(row)?, repeated))
}

fn other_content() -> Error {
    Error::Conflict("something else was posted with this key".into())
}

/// The message of a row.
pub(super) fn message_of(record: Arc<Record>) -> Result<Message> {
    match &record.what {
        What::Message { message, .. } => Ok(Message::clone(message)),
        _ => Err(Error::Internal(
            "a post became something else than a message".into(),
        )),
    }
}
