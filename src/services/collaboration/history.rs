//! History (§messages/history). It comes from the session if the chat system has
//! one, else from the journal; within one conversation the two are never mixed.

use super::{Collaboration, MESSAGES_BYTES};
use crate::agents::{ASK_MAX, error_of_question};
use crate::backend::{BackendErrorKind, Received};
use crate::error::{Error, Result};
use crate::journal::{self, Archived, Overlay};
use crate::model::{ChannelId, Id, Message, MessageId, Place, What};
use crate::services::AsyncResult;
use crate::waiting::park;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// Messages that one call returns at most.
const TAKE_MAX: u32 = 1000;

impl Collaboration {
    /// The newest
    /// `take` messages (1 to 2^31-1; above 1,000 counts as 1,000), oldest first. With `before`,
    /// only messages older than the message of that id; an id that was never issued here has none.
    /// A call returns 4 MiB at most and leaves the oldest messages out; ask for them with `before`.
    ///
    /// # Errors
    /// `Invalid` if `take` is out of range; as [`Collaboration::channel`]; what the chat system
    /// refuses; `Storage`.
    pub fn messages(
        &self,
        channel: impl Id<ChannelId>,
        take: u32,
        before: Option<&str>,
    ) -> Result<Vec<Message>> {
        park(self.messages_async(channel, take, before))
    }

    /// As [`Collaboration::messages`], on any executor.
    pub fn messages_async(
        &self,
        channel: impl Id<ChannelId>,
        take: u32,
        before: Option<&str>,
    ) -> AsyncResult<Vec<Message>> {
        let (this, channel) = (self.clone(), channel.into_id());
        let before = before.map(str::to_owned);
        Box::pin(async move {
            let channel = channel?;
            this.check()?;
            if !(1..=i32::MAX as u32).contains(&take) {
                return Err(Error::Invalid(format!(
                    "take is {take}, but must be 1 to 2147483647"
                )));
            }
            this.info(&channel)?;
            let past = this.past(channel, take.min(TAKE_MAX) as usize, before);
            this.in_time(past).await
        })
    }

    async fn past(
        &self,
        channel: ChannelId,
        take: usize,
        before: Option<String>,
    ) -> Result<Vec<Message>> {
        let sessions = &self.parts.sessions;
        let session = sessions.of(&self.cell)?;
        let (capabilities, conversation) = self.conversation(&channel)?;
        if !capabilities.history {
            return self.kept(conversation, before, take).await;
        }
        let mut overlay = self.overlay(&conversation, before.as_deref(), take).await?;
        let asked = match before.as_deref().map(MessageId::parse) {
            Some(Err(_)) => return Ok(Vec::new()),
            Some(Ok(id)) => Some(id),
            None => None,
        };
        let wanted = channel.clone();
        let found = sessions.ask(ASK_MAX, "the history", move || {
            session.history(wanted, asked, take)
        });
        match found.await {
            Ok(mut found) => {
                answers(&mut found);
                let now = self.parts.timer.wall();
                let message = |received| overlay.lay_over(archived(received, &channel, now));
                let messages = found.into_iter().map(message).collect();
                Ok(newest(messages, MESSAGES_BYTES))
            }
            // This conversation has no archive, though others of that chat system have.
            Err(error) if error.kind == BackendErrorKind::Unsupported => {
                self.kept(conversation, before, take).await
            }
            Err(error) => Err(error_of_question(error, channel.as_str())),
        }
    }

    /// What the journal knows of the messages that the chat system is about to give.
    async fn overlay(
        &self,
        conversation: &Place,
        before: Option<&str>,
        take: usize,
    ) -> Result<Overlay> {
        let (conversation, before) = (conversation.clone(), before.map(str::to_owned));
        let reads = self.parts.reads.of(self.cell.key);
        let read = reads.read(move |connection| {
            let before = before.as_deref();
            journal::overlay(connection, &conversation, before, take, MESSAGES_BYTES)
        });
        read.await
    }

    /// The messages that the journal has.
    async fn kept(
        &self,
        conversation: Place,
        before: Option<String>,
        take: usize,
    ) -> Result<Vec<Message>> {
        let reads = self.parts.reads.of(self.cell.key);
        let read = reads.read(move |connection| {
            journal::history(
                connection,
                &conversation,
                before.as_deref(),
                take,
                MESSAGES_BYTES,
            )
        });
        let messages = read
            .await?
            .into_iter()
            .filter_map(|record| match record.what {
                What::Message { message, .. } => Some(Message::clone(&message)),
                _ => None,
            });
        Ok(messages.collect())
    }
}

/// The newest of `found`, which is oldest first, that take at most `bytes` as they are written; one
/// at least.
fn newest(mut found: Vec<Message>, mut bytes: usize) -> Vec<Message> {
    let mut from = found.len();
    for message in found.iter().rev() {
        let weight = message.encoded_bytes();
        if weight > bytes && from < found.len() {
            break;
        }
        bytes = bytes.saturating_sub(weight);
        from -= 1;
    }
    found.drain(..from);
    found
}

/// Has each answer name its message as the engine does, and say nothing twice, where that message is
/// on the same page.
fn answers(found: &mut [Received]) {
    if found.iter().all(|one| one.content.in_reply_to.is_none()) {
        return;
    }
    let mut names: HashMap<String, MessageId> = HashMap::new();
    for one in found.iter() {
        let origin = one.origin.as_ref().map(|origin| origin.as_str());
        let own = [Some(one.id.as_str()), one.sender_id.as_deref(), origin];
        for name in own.into_iter().flatten() {
            names.insert(name.to_owned(), one.id.clone());
        }
    }
    for one in found {
        let answered = one.content.in_reply_to.as_ref();
        if let Some(known) = answered.and_then(|id| names.get(id.as_str())) {
            one.content.in_reply_to = Some(known.clone());
            if let Some(parts) = one.unquoted.take() {
                one.content.parts = parts;
            }
        }
    }
}

fn archived(received: Received, channel: &ChannelId, now: DateTime<Utc>) -> Archived {
    let said_by = received.author.unwrap_or_else(|| received.sender.clone());
    let time = received.time.unwrap_or(now);
    let (id, sender) = (received.id, received.sender);
    let mut message = Message::new(id, channel.clone(), sender, received.content, time);
    message.sender_alias = received.sender_alias;
    Archived {
        message,
        sender_id: received.sender_id,
        said_by,
    }
}
