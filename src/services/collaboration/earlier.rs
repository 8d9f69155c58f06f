//! Whether a post with a key was made before.
//!
//! Asked in this order: the posts under way (the origin stays there until the session's future has
//! ended, so a repeat after `OutcomeUnknown` joins the first), the rows, the rows that our disk did
//! not take, and last the chat system.

use super::Collaboration;
use super::channels::not_allowed;
use super::posting::{Wanted, message_of};
use crate::agents::{ASK_MAX, error_of};
use crate::backend::{Capabilities, Found};
use crate::error::{Error, Result};
use crate::journal::{self, EntryKind, NewRow};
use crate::model::{ChannelId, ContentDigest, Id, Message, OriginId, Place, PostKey, Record};
use crate::services::AsyncResult;
use crate::waiting::park;
use std::sync::Arc;
use std::time::Duration;

impl Collaboration {
    /// The message that was posted with `key` through this agent into `channel`; `None` if nothing
    /// was, or if that post is still under way. It is looked for in the journal and, if the agent is in the channel, in the chat
    /// system, where that can be asked.
    ///
    /// # Errors
    /// `Forbidden` if the channel is not provisioned; `ChannelInactive` and `AgentInactive` if the
    /// chat system has to be asked and cannot be; `OutcomeUnknown` if it does not say by the
    /// deadline of a post; `Invalid`; `Unauthorized`; `Closed`; `Storage`.
    pub fn find_by_key(
        &self,
        channel: impl Id<ChannelId>,
        key: impl Into<String>,
    ) -> Result<Option<Message>> {
        park(self.find_by_key_async(channel, key))
    }

    /// As [`Collaboration::find_by_key`], on any executor.
    pub fn find_by_key_async(
        &self,
        channel: impl Id<ChannelId>,
        key: impl Into<String>,
    ) -> AsyncResult<Option<Message>> {
        let (this, channel, key) = (self.clone(), channel.into_id(), PostKey::new(key));
        Box::pin(async move {
            let channel = channel?;
            let due = this.due();
            if !this.look(|state| state.channel(&channel).is_some())? {
                return Err(not_allowed(&channel));
            }
            let (capabilities, conversation) = this.conversation(&channel)?;
            let origin = this.origin(&channel, Some(&key));
            let found = this.find_posted(capabilities, conversation, origin, due);
            found.await?.map(message_of).transpose()
        })
    }

    /// The row of the post of that origin, from the journal or else from the chat system.
    pub(super) async fn find_posted(
        &self,
        capabilities: Capabilities,
        conversation: Place,
        origin: OriginId,
        due: Duration,
    ) -> Result<Option<Arc<Record>>> {
        if let Some((row, _)) = self.row_of(&conversation, &origin).await? {
            return Ok(Some(row));
        }
        if !capabilities.look_up && !self.parts.sending.book.is_unrecorded(&origin) {
            return Ok(None);
        }
        let wanted = Wanted {
            origin,
            is_keyed: true,
            is_free: false,
            digest: None,
            joined: self.joined(&conversation.channel, due).await?,
            conversation,
            capabilities,
            answers: None,
            changes: None,
        };
        self.earlier(&wanted, due).await
    }

    /// The row of an earlier post with the same key, looked for until `due`: what the chat system
    /// has may be hard to record.
    pub(super) async fn earlier(
        &self,
        wanted: &Wanted,
        due: Duration,
    ) -> Result<Option<Arc<Record>>> {
        tokio::select! {
            biased;
            found = self.find_earlier(wanted) => found,
            () = self.parts.timer.sleep_until(due) => {
                Err(Error::OutcomeUnknown("the deadline passed before it was known whether the message was posted before".into()))
            }
        }
    }

    /// From the journal, else from the chat system.
    async fn find_earlier(&self, wanted: &Wanted) -> Result<Option<Arc<Record>>> {
        let sending = &self.parts.sending;
        if let Some((row, digest)) = self.row_of(&wanted.conversation, &wanted.origin).await? {
            return wanted.is_said_by(row, digest).map(Some);
        }
        let row = match sending.book.take_unrecorded(&wanted.origin) {
            Some(row) => row,
            None => match self.look_up(wanted).await? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        // The chat system has it, so from here on a failure must not be taken for "not sent".
        let unrecorded = |error| {
            Error::OutcomeUnknown(format!(
                "the chat system accepted the message, but it could not be stored: {error}"
            ))
        };
        let recorded = sending.entries.write_through(EntryKind::Message(row));
        recorded.await.map_err(unrecorded)?;
        match self.row_of(&wanted.conversation, &wanted.origin).await? {
            Some((row, digest)) => wanted.is_said_by(row, digest).map(Some),
            None => Err(Error::OutcomeUnknown(
                "the chat system accepted the message, but its row could not be found again".into(),
            )),
        }
    }

    /// The row of that post, and the digest of what was posted, if it is known.
    pub(super) async fn row_of(
        &self,
        conversation: &Place,
        origin: &OriginId,
    ) -> Result<Option<(Arc<Record>, Option<ContentDigest>)>> {
        let (conversation, origin) = (conversation.clone(), origin.clone());
        let reads = self.parts.reads.of(self.cell.key);
        let read =
            reads.read(move |connection| journal::find_origin(connection, &conversation, &origin));
        Ok(read.await?.map(|(row, digest)| (Arc::new(row), digest)))
    }

    /// Asks the chat system, where it can look posts up.
    async fn look_up(&self, wanted: &Wanted) -> Result<Option<Box<NewRow>>> {
        if !wanted.capabilities.look_up {
            return Ok(None);
        }
        let conversation = &wanted.conversation;
        let (channel, origin) = (conversation.channel.clone(), wanted.origin.clone());
        let session = wanted.joined.session.clone();
        // The caller's deadline comes first: whether it was posted is unknown then.
        let asked =
            self.parts
                .sessions
                .ask(ASK_MAX * 2, "looking for an earlier post", move || {
                    session.look_up(channel, origin)
                });
        let found = asked
            .await
            .map_err(|error| error_of(error, conversation.channel.as_str()))?;
        let Found::Message(message) = found else {
            return Ok(None);
        };
        let row = NewRow::of(conversation.clone(), *message, self.parts.timer.wall());
        Ok(Some(Box::new(NewRow {
            origin: Some(wanted.origin.clone()),
            sender_agent: Some(self.cell.key),
            posted_by: self.posted_by(),
            ..row
        })))
    }
}
