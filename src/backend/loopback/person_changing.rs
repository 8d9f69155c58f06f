//! A person who edits, takes back, reacts, receives and reads.

use super::changing::SeenMessage;
use super::faults::wait_for;
use super::person::Person;
use super::saying::Words;
use crate::backend::Changes;
use crate::error::{Error, Result};
use crate::model::{ChangeKind, ChannelId, Content, Id, MessageId, NewMessage, Receipt};

impl Person {
    /// Gives one of this person's messages another content. Returns the id of the edit.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such room or message, [`Error::Rejected`] if it is
    /// somebody else's or was taken back.
    pub fn edit(
        &self,
        channel: impl Id<ChannelId>,
        message: &MessageId,
        content: impl Into<NewMessage>,
    ) -> Result<MessageId> {
        let content = content.into().content;
        self.change(
            channel.into_id()?,
            message,
            (ChangeKind::Edited, content),
            false,
        )
    }

    /// Takes one of this person's messages back. Returns the id of the retraction.
    ///
    /// # Errors
    /// As [`Person::edit`].
    pub fn retract(&self, channel: impl Id<ChannelId>, message: &MessageId) -> Result<MessageId> {
        let kind = ChangeKind::Retracted {
            by_moderator: false,
            reason: None,
        };
        self.change(
            channel.into_id()?,
            message,
            (kind, Content::default()),
            false,
        )
    }

    /// Takes anybody's message back, as a moderator of the room. Returns the id of the retraction.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such room or message.
    pub fn moderate(
        &self,
        channel: impl Id<ChannelId>,
        message: &MessageId,
        reason: Option<&str>,
    ) -> Result<MessageId> {
        let kind = ChangeKind::Retracted {
            by_moderator: true,
            reason: reason.map(str::to_owned),
        };
        self.change(
            channel.into_id()?,
            message,
            (kind, Content::default()),
            true,
        )
    }

    /// Reacts to a message with all of these, in place of what this person reacted with before.
    /// Returns the id of the reaction.
    ///
    /// # Errors
    /// As [`Person::moderate`].
    pub fn react(
        &self,
        channel: impl Id<ChannelId>,
        message: &MessageId,
        set: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<MessageId> {
        let set = set.into_iter().map(Into::into).collect();
        let reactions = (ChangeKind::Reactions(set), Content::default());
        self.change(channel.into_id()?, message, reactions, false)
    }

    /// Tells an agent, `contact:NAME`, that this person's device has a message of it.
    ///
    /// # Errors
    /// As [`Person::moderate`].
    pub fn receives(&self, from: impl Id<ChannelId>, message: &MessageId) -> Result<MessageId> {
        self.receipt(from.into_id()?, message, Receipt::Delivered)
    }

    /// Tells an agent, `contact:NAME`, or a room that this person has read a message, and all
    /// before it.
    ///
    /// # Errors
    /// As [`Person::moderate`].
    pub fn reads(&self, channel: impl Id<ChannelId>, message: &MessageId) -> Result<MessageId> {
        self.receipt(channel.into_id()?, message, Receipt::Read)
    }

    /// A message as this person sees it now; none if there is no such message in that channel.
    ///
    /// # Panics
    /// If `channel` is no id of a channel.
    pub fn sees(&self, channel: impl Id<ChannelId>, message: &MessageId) -> Option<SeenMessage> {
        let channel = match channel.into_id() {
            Ok(channel) => channel,
            Err(error) => panic!("{error}"),
        };
        let state = self.shared.0.lock();
        let log = state.log_of(&self.name, &channel)?;
        state.seen(log, message)
    }

    fn receipt(&self, from: ChannelId, message: &MessageId, receipt: Receipt) -> Result<MessageId> {
        let kind = ChangeKind::Receipt(receipt);
        self.change(from, message, (kind, Content::default()), false)
    }

    fn change(
        &self,
        channel: ChannelId,
        message: &MessageId,
        (kind, content): (ChangeKind, Content),
        may_moderate: bool,
    ) -> Result<MessageId> {
        let now = self.now();
        let words = Words {
            origin: None,
            content,
            changes: Some(Box::new(Changes::new(message.clone(), kind))),
        };
        let speaker = self.speaker();
        let (said, ticket) = self.shared.act(|state| {
            let there = state
                .log_of(&self.name, &channel)
                .is_some_and(|log| state.seen(log, message).is_some());
            if !there {
                return Err(Error::unknown("message", message));
            }
            let said = state.change(&channel, speaker, words, (may_moderate, false), now);
            said.map_err(|error| Error::Rejected(error.reason))
        });
        wait_for(&self.shared, ticket);
        said.map(|said| said.received.id.clone())
    }
}
