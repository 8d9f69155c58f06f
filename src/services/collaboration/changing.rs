//! Changing what was said: edits, retractions, reactions, receipts; and answers to a message.
//!
//! A change takes the way of a post: the same checks in the same order, the same book, the same
//! deadline, so its outcome is never a guess. Edits and reactions count as posts for throttles.
//! Taking a message back and reading do not, because a throttle must not keep a wrong alert alive.
//!
//! A retraction and a receipt have a key made from their message, so a repeat is always harmless.
//! An edit and a reaction may have one of the caller's. Rejected: such a key for every edit, because
//! the same words may be said again later.

use super::Collaboration;
use super::channels::not_allowed;
use super::measure::{in_pieces, with_text};
use super::posting::{Wanted, message_of};
use crate::backend::{Capabilities, OutgoingChange};
use crate::error::{Error, Result};
use crate::journal;
use crate::model::{
    ChangeKind, Changed, ChannelId, Content, ContentDigest, Id, Message, MessageChange, MessageId,
    MessageRef, NewMessage, Place, PostKey, REACTION_BYTES_MAX, REACTIONS_MAX, Reactions, Receipt,
    Record, Ref, Split, Target, What,
};
use crate::services::AsyncResult;
use crate::waiting::park;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 1024;

/// A change before its message is found.
struct Asked {
    kind: ChangeKind,
    content: Content,
    key: Option<PostKey>,
    digest: Option<ContentDigest>,
}

impl Collaboration {
    /// Gives one of the agent's own messages another content: what people see changes in its place.
    /// It takes 35 seconds at most, as a post does. With a key ([`NewMessage::key`]) a repeat is
    /// harmless. A text that is longer than one message is refused.
    ///
    /// # Errors
    /// As [`Collaboration::post`]; `NotFound` if no such message is known; `Forbidden` if it is
    /// somebody else's; `Conflict` if it was taken back; `Unsupported` if the chat system cannot
    /// edit, unless [`NewMessage::or_post`] was set.
    pub fn edit(
        &self,
        channel: impl Id<ChannelId>,
        message: impl Into<MessageRef>,
        content: NewMessage,
    ) -> Result<Changed> {
        park(self.edit_async(channel, message, content))
    }

    /// As [`Collaboration::edit`], on any executor. An edit that was handed over goes on if its
    /// future is dropped.
    pub fn edit_async(
        &self,
        channel: impl Id<ChannelId>,
        message: impl Into<MessageRef>,
        content: NewMessage,
    ) -> AsyncResult<Changed> {
        let (this, channel, message) = (self.clone(), channel.into_id(), message.into());
        Box::pin(async move {
            let new = with_text(content)?;
            let digest = new.digest().map(|digest| digest.and(&message));
            let key = new.key.as_ref().map(PostKey::of_change);
            let channel = channel?;
            if new.or_post && !this.conversation(&channel)?.0.edits {
                return this.post_instead(channel, message, new, key).await;
            }
            let asked = Asked {
                kind: ChangeKind::Edited,
                content: new.content,
                key,
                digest,
            };
            this.change(channel, message, asked).await
        })
    }

    /// Takes a message back: one of the agent's own, or somebody else's if the agent moderates the
    /// room. Its content is gone from the journal. A repeat returns the first retraction.
    ///
    /// # Errors
    /// As [`Collaboration::post`], but no throttle counts it; `NotFound`; `Conflict` if somebody else
    /// took it back before; `Unsupported` if the chat system cannot; `Rejected` if the agent may not.
    pub fn retract(
        &self,
        channel: impl Id<ChannelId>,
        message: impl Into<MessageRef>,
        reason: Option<&str>,
    ) -> Result<Changed> {
        park(self.retract_async(channel, message, reason))
    }

    /// As [`Collaboration::retract`], on any executor.
    pub fn retract_async(
        &self,
        channel: impl Id<ChannelId>,
        message: impl Into<MessageRef>,
        reason: Option<&str>,
    ) -> AsyncResult<Changed> {
        let (this, channel, message) = (self.clone(), channel.into_id(), message.into());
        let reason = reason
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned);
        Box::pin(async move {
            check_text(
                "the reason",
                reason.as_deref().unwrap_or(""),
                REASON_BYTES_MAX,
            )?;
            let kind = ChangeKind::Retracted {
                by_moderator: false,
                reason,
            };
            this.change(channel?, message, Asked::of(kind)).await
        })
    }

    /// Reacts to a message with all of these, each once, in place of what the agent reacted with
    /// before; with none ([`Reactions::none`]) it takes its reactions back. At most 20, of 64 bytes
    /// at most.
    ///
    /// # Errors
    /// As [`Collaboration::post`]; `NotFound` if the application's own key names nothing;
    /// `Unsupported` if the chat system has no reactions.
    pub fn react(
        &self,
        channel: impl Id<ChannelId>,
        message: impl Into<MessageRef>,
        reactions: impl Into<Reactions>,
    ) -> Result<Changed> {
        park(self.react_async(channel, message, reactions))
    }

    /// As [`Collaboration::react`], on any executor.
    pub fn react_async(
        &self,
        channel: impl Id<ChannelId>,
        message: impl Into<MessageRef>,
        reactions: impl Into<Reactions>,
    ) -> AsyncResult<Changed> {
        let (this, channel, message) = (self.clone(), channel.into_id(), message.into());
        let Reactions { set, key } = reactions.into();
        Box::pin(async move {
            let digest = key.as_ref().map(|_| Content::text(set.join("\0")).digest());
            let asked = Asked {
                digest: digest.map(|digest| digest.and(&message)),
                key: key.as_ref().map(PostKey::of_change),
                ..Asked::of(ChangeKind::Reactions(reactions_of(set)?))
            };
            this.change(channel?, message, asked).await
        })
    }

    /// Tells whoever wrote it that the agent has read a message, and all before it, where the chat
    /// system can tell them. A repeat returns the first receipt.
    ///
    /// # Errors
    /// As [`Collaboration::post`], but no throttle counts it; `NotFound`; `Invalid` for the agent's
    /// own message; `Unsupported` if the chat system has no receipts.
    pub fn mark_read(
        &self,
        channel: impl Id<ChannelId>,
        up_to: impl Into<MessageRef>,
    ) -> Result<Changed> {
        park(self.mark_read_async(channel, up_to))
    }

    /// As [`Collaboration::mark_read`], on any executor.
    pub fn mark_read_async(
        &self,
        channel: impl Id<ChannelId>,
        up_to: impl Into<MessageRef>,
    ) -> AsyncResult<Changed> {
        let (this, channel, message) = (self.clone(), channel.into_id(), up_to.into());
        let read = Asked::of(ChangeKind::Receipt(Receipt::Read));
        Box::pin(async move { this.change(channel?, message, read).await })
    }

    /// A message as it is now, from the journal.
    ///
    /// # Errors
    /// `NotFound` if it is not known; `Forbidden` if the channel is not provisioned; `Invalid`;
    /// `Unauthorized`; `Closed`; `Storage`.
    pub fn message(
        &self,
        channel: impl Id<ChannelId>,
        message: impl Into<MessageRef>,
    ) -> Result<Message> {
        park(self.message_async(channel, message))
    }

    /// As [`Collaboration::message`], on any executor.
    pub fn message_async(
        &self,
        channel: impl Id<ChannelId>,
        message: impl Into<MessageRef>,
    ) -> AsyncResult<Message> {
        let (this, channel, message) = (self.clone(), channel.into_id(), message.into());
        Box::pin(async move {
            let (channel, due) = (channel?, this.due());
            if !this.look(|state| state.channel(&channel).is_some())? {
                return Err(not_allowed(&channel));
            }
            let (capabilities, conversation) = this.conversation(&channel)?;
            let target = this.target(capabilities, &conversation, &message, due);
            let id = target.await?.id;
            let wanted = id.clone();
            let reads = this.parts.reads.of(this.cell.key);
            let read = reads
                .read(move |connection| journal::find_message(connection, &conversation, &wanted));
            match read.await? {
                Some(row) => message_of(Arc::new(row)),
                None => Err(Error::unknown("message", &id)),
            }
        })
    }

    async fn change(
        &self,
        channel: ChannelId,
        message: MessageRef,
        asked: Asked,
    ) -> Result<Changed> {
        let due = self.due();
        self.check()?;
        self.check_writable()?;
        let joined = self.joined(&channel, due).await?;
        let (capabilities, conversation) = self.conversation(&channel)?;
        let target = self.target(capabilities, &conversation, &message, due);
        let mut target = target.await?;
        let Asked {
            mut kind,
            content,
            key,
            digest,
        } = asked;
        let is_own = target.sender_agent == Some(self.cell.key);
        if let ChangeKind::Retracted { by_moderator, .. } = &mut kind {
            *by_moderator = !is_own;
        }
        check_supported(&capabilities, &kind)?;
        let key = key.or_else(|| own_key(&kind, &target.id));
        let origin = self.origin(&channel, key.as_ref());
        if let Err(error) = may(&kind, &target, is_own) {
            // What was done before is not refused now.
            return match self.row_of(&conversation, &origin).await? {
                Some((row, _)) => changed(row, true),
                None => Err(error),
            };
        }
        if kind == ChangeKind::Edited {
            in_pieces(&content, &joined.info, &capabilities.limits, Split::Never)?;
            // A connector that quotes it would need what it said; nobody else does.
            target.text = String::new();
        }
        let wanted = Wanted {
            origin,
            is_keyed: key.is_some(),
            is_free: !matches!(kind, ChangeKind::Edited | ChangeKind::Reactions(_)),
            digest,
            conversation,
            capabilities,
            joined,
            answers: None,
            changes: Some(Box::new(OutgoingChange::new(target, kind))),
        };
        let (row, repeated) = self.say(wanted, content, due).await?;
        changed(row, repeated)
    }

    /// Says an edit as a new message.
    async fn post_instead(
        &self,
        channel: ChannelId,
        message: MessageRef,
        mut new: NewMessage,
        key: Option<PostKey>,
    ) -> Result<Changed> {
        let due = self.due();
        self.check()?;
        let (capabilities, conversation) = self.conversation(&channel)?;
        let target = self.target(capabilities, &conversation, &message, due);
        let target = target.await?;
        new.key = key;
        let posted = self.post_async(channel.clone(), new).await?;
        let said = posted.message;
        let mut change = MessageChange::new(
            said.id,
            channel,
            target.id,
            said.sender,
            ChangeKind::Edited,
            said.time,
        );
        change.sender_alias = said.sender_alias;
        change.posted_by = said.posted_by;
        (change.text, change.content) = (said.text, said.content);
        Ok(Changed {
            change,
            repeated: posted.repeated,
            posted: true,
        })
    }

    /// The message that `message` answers, in its content and as the connector needs it.
    pub(super) async fn answered(
        &self,
        capabilities: Capabilities,
        conversation: &Place,
        message: &mut NewMessage,
        due: Duration,
    ) -> Result<Option<Box<Target>>> {
        let Some(reference) = message.reply_to.take() else {
            return Ok(None);
        };
        let target = self.target(capabilities, conversation, &reference, due);
        let target = target.await?;
        let content = &mut message.content;
        content.in_reply_to = Some(target.id.clone());
        content.thread = content.thread.take().or_else(|| target.thread.clone());
        Ok(Some(Box::new(target)))
    }

    /// The message that `reference` names. One that is named by its id need not be known.
    async fn target(
        &self,
        capabilities: Capabilities,
        conversation: &Place,
        reference: &MessageRef,
        due: Duration,
    ) -> Result<Target> {
        let (id, is_key) = match &reference.0 {
            Ref::Id(id) => (id.clone(), false),
            Ref::Key(key) => {
                let origin = self.origin(&conversation.channel, Some(key));
                let place = conversation.clone();
                let row = self.find_posted(capabilities, place, origin, due).await?;
                match row.as_deref().map(|row| &row.what) {
                    Some(What::Message { message, .. }) => (message.id.clone(), true),
                    _ => return Err(Error::NotFound("a message with this key".into())),
                }
            }
            Ref::Nothing => return Err(Error::invalid("this event is about no message")),
        };
        let (place, wanted) = (conversation.clone(), id.clone());
        let reads = self.parts.reads.of(self.cell.key);
        let found = reads.read(move |connection| journal::target(connection, &place, &wanted));
        match found.await? {
            Some(target) => Ok(target),
            None if is_key => Err(Error::NotFound("a message with this key".into())),
            None => Ok(Target::new(id)),
        }
    }
}

impl Asked {
    fn of(kind: ChangeKind) -> Asked {
        Asked {
            kind,
            content: Content::default(),
            key: None,
            digest: None,
        }
    }
}

/// The key of a change that is the same however often it is made.
fn own_key(kind: &ChangeKind, message: &MessageId) -> Option<PostKey> {
    match kind {
        ChangeKind::Retracted { .. } => Some(PostKey(format!("r:{message}"))),
        ChangeKind::Receipt(_) => Some(PostKey(format!("v:{message}"))),
        ChangeKind::Edited | ChangeKind::Reactions(_) | ChangeKind::Other(_) => None,
    }
}

fn check_supported(capabilities: &Capabilities, kind: &ChangeKind) -> Result<()> {
    let (can, what) = match kind {
        ChangeKind::Edited => (capabilities.edits, "edit messages"),
        ChangeKind::Retracted {
            by_moderator: false,
            ..
        } => (capabilities.retractions, "take messages back"),
        ChangeKind::Retracted { .. } => {
            (capabilities.moderation, "take other people's messages back")
        }
        ChangeKind::Reactions(_) => (capabilities.reactions, "react to messages"),
        ChangeKind::Receipt(_) => (capabilities.receipts, "say that messages were read"),
        ChangeKind::Other(_) => (false, "do that to messages"),
    };
    match can {
        true => Ok(()),
        false => Err(Error::Unsupported(format!(
            "this chat system cannot {what}"
        ))),
    }
}

/// Whether the agent may do that to that message, as far as the gateway knows.
fn may(kind: &ChangeKind, target: &Target, is_own: bool) -> Result<()> {
    let retracted = || Error::Conflict("the message was taken back".into());
    match kind {
        ChangeKind::Edited if target.sender.is_none() => {
            Err(Error::NotFound(format!("message `{}`", target.id)))
        }
        ChangeKind::Edited if !is_own => Err(Error::Forbidden(
            "only whoever posted a message may edit it".into(),
        )),
        ChangeKind::Edited | ChangeKind::Retracted { .. } if target.is_retracted => {
            Err(retracted())
        }
        ChangeKind::Receipt(_) if is_own => Err(Error::invalid(
            "the agent's own message needs no receipt of the agent",
        )),
        _ => Ok(()),
    }
}

/// Each reaction once.
///
/// # Errors
/// `Invalid` for too many, and for one that is empty, too long, or has control characters.
fn reactions_of(set: Vec<String>) -> Result<Vec<String>> {
    let mut each: Vec<String> = Vec::new();
    for one in set {
        if one.is_empty() {
            return Err(Error::invalid("a reaction is empty"));
        }
        check_text("a reaction", &one, REACTION_BYTES_MAX)?;
        if !each.contains(&one) {
            each.push(one);
        }
    }
    match each.len() {
        0..=REACTIONS_MAX => Ok(each),
        many => Err(Error::Invalid(format!(
            "there are {many} reactions, the limit is {REACTIONS_MAX}"
        ))),
    }
}

fn check_text(what: &str, text: &str, bytes: usize) -> Result<()> {
    if text.len() > bytes {
        let length = text.len();
        return Err(Error::Invalid(format!(
            "{what} has {length} bytes, the limit is {bytes}"
        )));
    }
    match text.chars().any(char::is_control) {
        true => Err(Error::Invalid(format!("{what} has control characters"))),
        false => Ok(()),
    }
}

/// The change of a row.
fn changed(row: Arc<Record>, repeated: bool) -> Result<Changed> {
    match &row.what {
        What::Change { change, .. } => Ok(Changed::new(MessageChange::clone(change), repeated)),
        // The edit of a message that is gone was recorded as a message.
        _ => Err(Error::Internal("a change became something else".into())),
    }
}
