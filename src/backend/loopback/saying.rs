//! Saying something: it is kept in a log, and queued for the agents that hear it.
//!
//! A message in a room is one item for the whole connection, however many agents are in it; a
//! message to somebody is one for each agent of that name that is subscribed to the speaker.

use super::archive::{LogKey, Said};
use super::line::Item;
use super::names::{contact, fold};
use super::state::ChatState;
use crate::backend::{BackendError, Changes, Outgoing, Received, SeenBy};
use crate::model::{ChannelId, Content, OriginId};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// The content of a message from an agent or a person.
pub(super) struct Words {
    pub(super) origin: Option<OriginId>,
    pub(super) content: Content,
    /// What it changes, if it is no message of its own.
    pub(super) changes: Option<Box<Changes>>,
}

impl From<Outgoing> for Words {
    fn from(message: Outgoing) -> Words {
        Words {
            origin: Some(message.origin),
            content: message.content,
            changes: None,
        }
    }
}

/// The sender of a message.
pub(super) struct Speaker {
    pub(super) name: Arc<str>,
    pub(super) sender: String,
    pub(super) alias: Option<String>,
    /// The agent's session, and whether it gets its own messages back.
    pub(super) session: Option<(u64, bool)>,
}

impl ChatState {
    fn said(
        &mut self,
        log: LogKey,
        channel: &ChannelId,
        speaker: Speaker,
        words: Words,
        time: DateTime<Utc>,
    ) -> Arc<Said> {
        self.last += 1;
        let mut received = Received::new(
            self.prefix.message_id(self.last),
            speaker.sender,
            words.content,
        )
        .with_origin(words.origin)
        .with_alias(speaker.alias)
        .with_time(time);
        received.changes = words.changes;
        let said = Arc::new(Said {
            number: self.last,
            speaker: speaker.name,
            time,
            received,
        });
        if let Some(record) = &mut self.record
            && let Err(error) = record.write(channel, &said)
        {
            tracing::error!(%error, "the loopback's record cannot be written");
        }
        self.archive.append(log, said.clone());
        self.listeners.append(&mut self.waiting);
        said
    }

    /// Sends a message into a room. The engine gets it once if an agent is in the room.
    pub(super) fn say_in_room(
        &mut self,
        channel: &ChannelId,
        speaker: Speaker,
        words: Words,
        time: DateTime<Utc>,
    ) -> Result<Arc<Said>, BackendError> {
        let Some(room) = self.rooms.get(channel) else {
            return Err(BackendError::refused("no such room"));
        };
        let heard = !room.members.is_empty() && speaker.session.is_none_or(|(_, echo)| echo);
        let log = room.log;
        let said = self.said(log, channel, speaker, words, time);
        if heard {
            let resume = self.prefix.resume(said.number);
            self.queue(Item::Said {
                seen_by: SeenBy::Room,
                channel: channel.clone(),
                said: said.clone(),
                resume,
            });
        }
        Ok(said)
    }

    /// Says something to somebody; every agent of that name that is subscribed to the speaker hears
    /// it.
    pub(super) fn say_to(
        &mut self,
        channel: &ChannelId,
        speaker: Speaker,
        words: Words,
        time: DateTime<Utc>,
    ) -> Result<Arc<Said>, BackendError> {
        let to = fold(channel.name());
        let Some(somebody) = self.people.get(&to) else {
            return Err(BackendError::refused("nobody is known by that name"));
        };
        let listeners: Vec<u64> = somebody.sessions.clone();
        let is_agent = somebody.person.is_none();
        let from = speaker.name.clone();
        let log = self.talk(&from, &to);
        let session = speaker.session;
        let said = self.said(log, channel, speaker, words, time);
        let resume = self.prefix.resume(said.number);
        let mut deaf = Vec::new();
        for &listener in &listeners {
            if session.is_some_and(|(session, _)| session == listener) {
                continue;
            }
            let Some(signed) = self.sessions.get(&listener) else {
                continue;
            };
            let Some(spelt) = signed.contacts.get(&from) else {
                deaf.push(listener);
                continue;
            };
            let (seen_by, channel) = (SeenBy::Agent(signed.agent), spelt.clone());
            self.queue(Item::Said {
                seen_by,
                channel,
                said: said.clone(),
                resume: resume.clone(),
            });
        }
        if !deaf.is_empty() || (listeners.is_empty() && is_agent) {
            self.not_heard(&to, &from, said.number, &deaf);
        }
        if let Some((session, true)) = session
            && let Some(signed) = self.sessions.get(&session)
        {
            let seen_by = SeenBy::Agent(signed.agent);
            self.queue(Item::Said {
                seen_by,
                channel: channel.clone(),
                said: said.clone(),
                resume,
            });
        }
        Ok(said)
    }

    /// Lets the parrot repeat a message that was sent to it.
    pub(super) fn parrot(&mut self, to: &Arc<str>, speaker: &Arc<str>, said: &Said) {
        let Some(somebody) = self.people.get(to) else {
            return;
        };
        if !somebody
            .person
            .as_ref()
            .is_some_and(|person| person.parrots)
            || to == speaker
        {
            return;
        }
        let name = somebody.name.clone();
        let Some(back) = self
            .people
            .get(speaker)
            .and_then(|somebody| contact(&somebody.name))
        else {
            return;
        };
        let words = Words {
            origin: None,
            content: said.received.content.clone(),
            changes: None,
        };
        let speaker = Speaker {
            name: to.clone(),
            sender: format!("loopback:{name}"),
            alias: Some(name),
            session: None,
        };
        // The sender is known, so this cannot fail.
        let _ = self.say_to(&back, speaker, words, said.time);
    }
}
