//! Changes of messages: who may make them, what became of each message, and how that is told.
//!
//! A change is kept in the log as one more item, so that whoever was away catches it up, and the
//! message keeps its words: its history is shown as it stands now.

use super::archive::{LogKey, Said};
use super::became::Became;
use super::names::fold;
use super::saying::{Speaker, Words};
use super::state::ChatState;
use crate::backend::{BackendError, Changes, Outgoing, OutgoingChange};
use crate::model::{ChangeKind, ChannelId, ChannelKind, Content, MessageId, Receipt};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// A message as people see it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenMessage {
    /// The visible text; empty if it was retracted.
    pub text: String,
    /// Everything it says.
    pub content: Content,
    /// Whether it was edited.
    pub edited: bool,
    /// Whether it was retracted.
    pub retracted: bool,
    /// Who reacts to it, and with what.
    pub reactions: Vec<(String, Vec<String>)>,
    /// Who has received it, and who has read it.
    pub receipts: Vec<(String, Receipt)>,
}

impl ChatState {
    /// Makes a change of an agent.
    pub(super) fn change_by_agent(
        &mut self,
        channel: &ChannelId,
        speaker: Speaker,
        message: Outgoing,
        change: OutgoingChange,
        now: DateTime<Utc>,
    ) -> Result<Arc<Said>, BackendError> {
        let OutgoingChange { target, kind } = change;
        let may_moderate = match self.rooms.get(channel) {
            Some(room) => room.access.may_manage(&speaker.sender),
            None => false,
        };
        let words = Words {
            changes: Some(Box::new(Changes::new(target.id.clone(), kind))),
            ..Words::from(message)
        };
        // A message that an earlier process recorded is known by its origin alone.
        let is_earlier = target.origin.is_some_and(|origin| {
            let record = self.record.as_ref();
            record.is_some_and(|record| record.earlier(channel, &origin).is_some())
        });
        self.change(channel, speaker, words, (may_moderate, is_earlier), now)
    }

    /// Makes a change: of one's own message, or of anybody's if `may_moderate`.
    pub(super) fn change(
        &mut self,
        channel: &ChannelId,
        speaker: Speaker,
        words: Words,
        (may_moderate, is_earlier): (bool, bool),
        now: DateTime<Utc>,
    ) -> Result<Arc<Said>, BackendError> {
        let Some(changes) = &words.changes else {
            return Err(BackendError::refused("nothing is changed"));
        };
        let log = match channel.kind() {
            ChannelKind::Room => self.rooms.get(channel).map(|room| room.log),
            ChannelKind::Contact => Some(self.talk(&speaker.name, &fold(channel.name()))),
        };
        let log = log.ok_or_else(|| BackendError::refused("no such room"))?;
        let Some(number) = self.number_in(log, &changes.target) else {
            if !is_earlier {
                return Err(BackendError::refused("no such message"));
            }
            return self.tell(channel, speaker, words, now);
        };
        let original = self.archive.at(log, number);
        let is_own = original.is_some_and(|said| said.speaker == speaker.name);
        let became = self.archive.became(number);
        match &changes.kind {
            ChangeKind::Edited if !is_own => {
                return Err(BackendError::refused("it is somebody else's message"));
            }
            ChangeKind::Retracted { .. } if !is_own && !may_moderate => {
                return Err(BackendError::refused("only a moderator may do that"));
            }
            ChangeKind::Receipt(_) if is_own => {
                return Err(BackendError::refused("it is their own message"));
            }
            ChangeKind::Edited if became.is_some_and(|became| became.retracted) => {
                return Err(BackendError::refused("it was taken back"));
            }
            _ => {}
        }
        let became = self.archive.became_mut(number);
        became.apply(&speaker.name, &changes.kind, &words.content);
        self.tell(channel, speaker, words, now)
    }

    fn tell(
        &mut self,
        channel: &ChannelId,
        speaker: Speaker,
        words: Words,
        now: DateTime<Utc>,
    ) -> Result<Arc<Said>, BackendError> {
        match channel.kind() {
            ChannelKind::Room => self.say_in_room(channel, speaker, words, now),
            ChannelKind::Contact => self.say_to(channel, speaker, words, now),
        }
    }

    /// The number of a message of that log.
    fn number_in(&self, log: LogKey, id: &MessageId) -> Option<u64> {
        let number = self.prefix.number_of(id)?;
        let said = self.archive.at(log, number)?;
        said.received.changes.is_none().then_some(number)
    }

    /// A message as people see it now.
    pub(super) fn seen(&self, log: LogKey, id: &MessageId) -> Option<SeenMessage> {
        let number = self.number_in(log, id)?;
        let said = self.archive.at(log, number)?;
        let received = self.archive.now(said);
        let none = Became::default();
        let became = self.archive.became(number).unwrap_or(&none);
        let name = |folded: &Arc<str>| {
            let somebody = self.people.get(folded);
            somebody.map_or_else(|| folded.to_string(), |somebody| somebody.name.clone())
        };
        Some(SeenMessage {
            text: received.content.visible_text(),
            content: received.content,
            edited: became.edited.is_some(),
            retracted: became.retracted,
            reactions: became
                .reactions
                .iter()
                .map(|(who, set)| (name(who), set.clone()))
                .collect(),
            receipts: became
                .receipts
                .iter()
                .map(|(who, receipt)| (name(who), *receipt))
                .collect(),
        })
    }
}
