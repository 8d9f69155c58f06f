//! An agent's calls about channels: joining with catch-up, history, look-up, search.

use super::archive::LogKey;
use super::line::Item;
use super::names::{contact, fold};
use super::state::ChatState;
use crate::backend::{
    BackendError, Capabilities, Found, HISTORY_BYTES, Inbound, Joined, Received, SeenBy,
};
use crate::model::{ChannelId, ChannelInfo, ChannelKind, MessageId, OriginId, ResumePoint};
use std::sync::Arc;

/// The most channels that a search finds.
const FOUND_MAX: usize = 1000;

impl ChatState {
    /// Joins a channel: what was said after `resume` is queued first. A contact can be subscribed
    /// to before anybody of that name appears, so that the order in which agents and people come
    /// makes no difference.
    pub(super) fn join(
        &mut self,
        session: u64,
        channel: &ChannelId,
        resume: Option<&ResumePoint>,
    ) -> Result<Joined, BackendError> {
        let Some(signed) = self.sessions.get(&session) else {
            return Err(BackendError::unreachable(
                "the agent is no longer signed in",
            ));
        };
        if let Some(reason) = self.faults.refused_channels.get(channel) {
            return Err(BackendError::refused(reason.clone()));
        }
        let (agent, name) = (signed.agent, signed.name.clone());
        let (log, seen_by) = match channel.kind() {
            ChannelKind::Room => match self.rooms.get(channel) {
                Some(room) if !room.access.may_join(&signed.address) => {
                    return Err(BackendError::refused("only its members may join this room"));
                }
                Some(room) => (room.log, SeenBy::Room),
                None => return Err(BackendError::refused("no such room")),
            },
            ChannelKind::Contact => (
                self.talk(&name, &fold(channel.name())),
                SeenBy::Agent(agent),
            ),
        };
        self.catch_up(log, seen_by, channel, resume);
        // What is said next is queued after this: the agent hears it, even before the join is
        // answered.
        self.queue(Item::Inbound(Inbound::Entered {
            agent,
            channel: channel.clone(),
        }));
        let info = self.enter(session, channel);
        Ok(Joined::new(info).with_resume(Some(self.prefix.resume(self.last))))
    }

    fn catch_up(
        &mut self,
        log: LogKey,
        seen_by: SeenBy,
        channel: &ChannelId,
        resume: Option<&ResumePoint>,
    ) {
        // A resume point of another process refers to messages that no longer exist.
        let Some(after) = resume.and_then(|resume| self.prefix.resumed_after(resume)) else {
            return;
        };
        let Some(connection) = &mut self.connection else {
            return;
        };
        for said in self.archive.after(log, after) {
            let resume = self.prefix.resume(said.number);
            connection.queue(Item::Said {
                seen_by,
                channel: channel.clone(),
                said: said.clone(),
                resume,
            });
        }
    }

    fn enter(&mut self, session: u64, channel: &ChannelId) -> ChannelInfo {
        let mut info = ChannelInfo::named(channel.name());
        info.can_accept_files = true;
        if let Some(room) = self.rooms.get_mut(channel) {
            room.members.insert(session);
            info.display_name.clone_from(&room.display_name);
            info.subject.clone_from(&room.subject);
            info.description.clone_from(&room.access.description);
            if let Some(signed) = self.sessions.get_mut(&session) {
                signed.rooms.insert(channel.clone());
            }
            return info;
        }
        let name = fold(channel.name());
        if let Some(signed) = self.sessions.get_mut(&session) {
            signed.contacts.insert(name.clone(), channel.clone());
        }
        if let Some(signed) = self.sessions.get(&session) {
            let agent = signed.name.clone();
            self.has_read(&agent, &name);
        }
        self.watchers
            .entry(name.clone())
            .or_default()
            .insert(session);
        if let Some(somebody) = self.people.get(&name) {
            info.display_name.clone_from(&somebody.name);
        }
        (info.presence, info.presence_text) = self.presence_of(&name);
        info
    }

    /// The log of a channel, as the agent or person of that name sees it; none if nothing was said
    /// there.
    pub(super) fn log_of(&self, name: &Arc<str>, channel: &ChannelId) -> Option<LogKey> {
        match channel.kind() {
            ChannelKind::Room => self.rooms.get(channel).map(|room| room.log),
            ChannelKind::Contact => {
                let other = fold(channel.name());
                let pair = if *name <= other {
                    (name.clone(), other)
                } else {
                    (other, name.clone())
                };
                self.talks.get(&pair).copied()
            }
        }
    }

    pub(super) fn history(
        &self,
        name: &Arc<str>,
        channel: &ChannelId,
        before: Option<&MessageId>,
        take: usize,
    ) -> Result<Vec<Received>, BackendError> {
        let Some(log) = self.log_of(name, channel) else {
            return Ok(Vec::new());
        };
        let before = match before {
            None => None,
            Some(id) => match self
                .prefix
                .number_of(id)
                .filter(|number| self.archive.at(log, *number).is_some())
            {
                Some(number) => Some(number),
                None => return Ok(Vec::new()),
            },
        };
        let mut room = HISTORY_BYTES;
        let mut found: Vec<Received> = self
            .archive
            .newest(log, before)
            .take(take)
            .map(|said| self.archive.now(said))
            .take_while(|received| {
                let has_room = room > 0;
                room = room.saturating_sub(received.weight());
                has_room
            })
            .collect();
        found.reverse();
        Ok(found)
    }

    /// Looks for a post. This world began with this process, so what is not there never was, unless
    /// something was dropped from the log since, or a record of an earlier process says otherwise.
    pub(super) fn look_up(
        &self,
        name: &Arc<str>,
        channel: &ChannelId,
        origin: &OriginId,
    ) -> Result<Found, BackendError> {
        let log = self.log_of(name, channel);
        if let Some(said) = log.and_then(|log| self.archive.by_origin(log, origin)) {
            return Ok(Found::Message(Box::new(said.received.clone())));
        }
        if let Some(received) = self
            .record
            .as_ref()
            .and_then(|record| record.earlier(channel, origin))
        {
            return Ok(Found::Message(Box::new(received)));
        }
        Ok(if log.is_none_or(|log| self.archive.is_whole(log)) {
            Found::Absent
        } else {
            Found::CannotTell
        })
    }

    pub(super) fn find_channels(
        &self,
        session: u64,
        query: &str,
        capabilities: Capabilities,
    ) -> Vec<(ChannelId, String)> {
        let query = query.to_lowercase();
        let address = self
            .sessions
            .get(&session)
            .map_or("", |signed| signed.address.as_str());
        let matches = |name: &str| name.to_lowercase().contains(&query);
        let rooms = self.rooms.iter().filter(|(_, room)| {
            capabilities.rooms && matches(&room.display_name) && room.access.may_find(address)
        });
        let people = self
            .people
            .values()
            .filter(|somebody| capabilities.contacts && matches(&somebody.name));
        let mut found: Vec<(ChannelId, String)> = rooms
            .map(|(id, room)| (id.clone(), room.display_name.clone()))
            .chain(
                people
                    .filter_map(|somebody| Some((contact(&somebody.name)?, somebody.name.clone()))),
            )
            .collect();
        found.sort_by(|one, other| one.1.cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
        found.truncate(FOUND_MAX);
        found
    }
}
