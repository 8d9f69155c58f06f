//! One agent's conversation: what was said in it, as the engine is told, whether it comes live or
//! from an archive.

use super::archive::{Archive, Archived, PAGE, Page, Range};
use super::core::Core;
use super::errors::StanzaError;
use super::held::Held;
use super::jid::Jid;
use super::message::{Point, Reading, Sender, said};
use super::ns;
use super::state::Room;
use super::xml::Element;
use crate::backend::{
    BackendError, BackendErrorKind, ChannelId, HISTORY_BYTES, Inbound, Received, ResumePoint,
    SeenBy,
};
use crate::model::{AgentKey, MessageId};
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::sync::atomic::Ordering;

/// The most messages that are searched for the one that a page of history begins before.
const LOOK_MAX: usize = 1000;
/// How many times a conversation is caught up again if it keeps changing.
const ROUNDS_MAX: usize = 20;

/// An agent and its conversation.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    pub(super) key: AgentKey,
    pub(super) agent: Jid,
    /// The bare address of the room or the contact.
    pub(super) jid: String,
    pub(super) channel: ChannelId,
    pub(super) is_room: bool,
}

/// Returns the sender for a nickname. `real` is the address that the room itself tells.
pub(super) fn occupant(core: &Core, room: &str, nick: &str, real: Option<&str>) -> Sender {
    let alias = Some(nick.to_owned());
    if let Some(address) = core.shared.occupant(room, nick) {
        return Sender {
            address: address.as_str().to_owned(),
            alias,
            is_ours: true,
        };
    }
    match real {
        Some(real) => {
            let is_ours = Jid::parse(real)
                .is_some_and(|jid| core.config.is_component(&jid) || jid.bare() == core.jid.bare());
            Sender {
                address: format!("xmpp:{real}"),
                alias,
                is_ours,
            }
        }
        None => Sender {
            address: format!("xmpp:{room}/{nick}"),
            alias,
            is_ours: false,
        },
    }
}

impl Talk {
    pub(super) fn archive(&self) -> Archive {
        let (room, with) = if self.is_room {
            (Some(self.jid.clone()), None)
        } else {
            (None, Some(self.jid.clone()))
        };
        Archive {
            agent: self.agent.clone(),
            room,
            with,
        }
    }

    pub(super) fn seen_by(&self) -> SeenBy {
        if self.is_room {
            SeenBy::Room
        } else {
            SeenBy::Agent(self.key)
        }
    }

    /// Returns whether it has an archive that can be asked.
    pub(super) fn has_archive(&self, core: &Core) -> bool {
        if !self.is_room {
            return core.has_archive.load(Ordering::Relaxed);
        }
        let state = core.state.lock();
        state
            .rooms
            .get(&self.jid)
            .and_then(|room| room.info.as_ref())
            .is_some_and(|info| info.has_archive)
    }

    /// Returns a message from the archive, if it has a text to read.
    pub(super) fn received(&self, core: &Core, archived: &Archived) -> Option<Received> {
        let message = &archived.message;
        let from = message.attribute("from").and_then(Jid::parse);
        let mut said: Reading = said(message);
        said.time = Some(archived.time);
        let mut id = archived.id.clone();
        let sender = if self.is_room {
            let nick = from.as_ref()?.resource()?.to_owned();
            // The archive itself adds the sender's address last. What precedes it may be anybody's.
            let told = message
                .children()
                .filter(|child| child.is("x", ns::MUC_USER))
                .last();
            let told = told
                .and_then(|x| x.find("item", ns::MUC_USER)?.attribute("jid"))
                .and_then(Jid::parse);
            let state = core.state.lock();
            let room = state.rooms.get(&self.jid);
            let tells = room
                .and_then(|room| room.info.as_ref())
                .is_some_and(|info| info.tells_who);
            let real = match told.filter(|_| tells) {
                Some(told) => Some(told.bare().to_owned()),
                None => room.and_then(|room: &Room| room.real.get(&nick).cloned()),
            };
            drop(state);
            occupant(core, &self.jid, &nick, real.as_deref())
        } else if from
            .as_ref()
            .is_none_or(|from| from.bare() == self.agent.bare())
        {
            // Our own messages have the id under which they were accepted.
            if let Some(origin) = &said.origin {
                id = origin.as_str().to_owned();
            }
            Sender {
                address: format!("xmpp:{}", self.agent.bare()),
                alias: None,
                is_ours: true,
            }
        } else {
            Sender {
                address: format!("xmpp:{}", self.jid),
                alias: None,
                is_ours: false,
            }
        };
        said.received(MessageId::parse(&id).ok()?, sender, archived.time)
    }

    /// Hands over what was said after `point`, then what has come live meanwhile; returns the point
    /// to resume from.
    ///
    /// The agent hears from what came live on, so the engine is told between the two.
    pub(super) async fn catch_up(
        &self,
        core: &Core,
        point: Option<Point>,
    ) -> Result<Option<ResumePoint>, BackendError> {
        let mut seen = HashSet::new();
        let mut stands = point.clone();
        let mut is_whole = false;
        if let Some(point) = &mut stands {
            for _ in 0..ROUNDS_MAX {
                let reached = self.bring_in(core, point.clone(), &mut seen).await?;
                *point = reached.0;
                let is_anew = self.held(core, Held::begin_anew).unwrap_or(false);
                is_whole = reached.1 && !is_anew;
                if !is_anew || !reached.1 {
                    break;
                }
            }
        }
        let has_gap = stands.is_some() && !is_whole;
        if stands.is_some() {
            self.note_gap(core, has_gap);
        }
        if point.is_some() || !self.is_room {
            core.hand_over(Inbound::Entered {
                agent: self.key,
                channel: self.channel.clone(),
            })
            .await;
        }
        self.release(core, &seen, has_gap).await;
        if core.state.lock().over.is_some() {
            return Err(core.why_over());
        }
        self.note_past(core, point.as_ref(), is_whole);
        Ok(stands.and_then(|point| point.to_resume()))
    }

    /// Hands over what the archive has after a point; returns where that ends, and whether it is
    /// all. A message that is held is not taken from the archive: the agent hears it live.
    async fn bring_in(
        &self,
        core: &Core,
        from: Point,
        seen: &mut HashSet<String>,
    ) -> Result<(Point, bool), BackendError> {
        let archive = self.archive();
        let mut point = from;
        let mut range = Range::After(point.clone());
        loop {
            let page = match (archive.page(core, &range, PAGE).await?, &range, &point) {
                (Ok(page), ..) => page,
                // The archive has forgotten the message we stood at: what is as old or younger
                // comes.
                (Err(refused), Range::After(_), Point::After { time, .. })
                    if refused.is("item-not-found") =>
                {
                    range = Range::Since(*time);
                    continue;
                }
                (Err(refused), ..) => {
                    tracing::warn!(
                        with = self.jid,
                        reason = refused.reason(),
                        "cannot be caught up"
                    );
                    return Ok((point, false));
                }
            };
            let Page { items, is_last } = page;
            for archived in &items {
                point = archived.point();
                if !self
                    .held(core, |held| held.has(&archived.id))
                    .unwrap_or(false)
                    && seen.insert(archived.id.clone())
                    && let Some(received) = self.received(core, archived)
                {
                    seen.insert(received.id.as_str().to_owned());
                    core.hand_over(self.inbound(received, point.to_resume()))
                        .await;
                }
            }
            if is_last || items.is_empty() {
                return Ok((point, true));
            }
            range = Range::After(point.clone());
        }
    }

    pub(super) fn inbound(&self, received: Received, resume: Option<ResumePoint>) -> Inbound {
        Inbound::Message {
            seen_by: self.seen_by(),
            channel: self.channel.clone(),
            message: Box::new(received),
            resume,
        }
    }

    /// Hands over what came live while the conversation was caught up, and ends the holding.
    async fn release(&self, core: &Core, seen: &HashSet<String>, has_gap: bool) {
        while let Some(Some((id, mut item))) = self.held(core, Held::pop) {
            if let Inbound::Message { resume, .. } = &mut item
                && has_gap
            {
                *resume = None;
            }
            if !seen.contains(&id) {
                core.hand_over(item).await;
            }
        }
    }

    /// Looks at what is held of this talk, if anything is to be held. An emptied line ends under
    /// the same lock.
    fn held<T>(&self, core: &Core, look: impl FnOnce(&mut Held) -> T) -> Option<T> {
        let mut state = core.state.lock();
        let held = if self.is_room {
            &mut state.rooms.get_mut(&self.jid)?.held
        } else {
            &mut state
                .agents
                .get_mut(self.agent.bare())?
                .contacts
                .get_mut(&self.jid)?
                .held
        };
        let looked = look(held.as_mut()?);
        if held.as_ref().is_some_and(Held::is_done) {
            *held = None;
        }
        Some(looked)
    }

    /// Records whether something is missing before the live messages.
    fn note_gap(&self, core: &Core, has_gap: bool) {
        let mut state = core.state.lock();
        if self.is_room {
            if let Some(room) = state.rooms.get_mut(&self.jid) {
                room.has_gap = has_gap;
            }
        } else if let Some(agent) = state.agents.get_mut(self.agent.bare())
            && let Some(contact) = agent.contacts.get_mut(&self.jid)
        {
            contact.has_gap = has_gap;
        }
    }

    /// Begins or ends holding live messages.
    pub(super) fn hold(&self, core: &Core, line: Option<Held>) {
        let mut state = core.state.lock();
        let held = if self.is_room {
            state.rooms.get_mut(&self.jid).map(|room| &mut room.held)
        } else {
            let agent = state.agents.get_mut(self.agent.bare());
            agent
                .and_then(|agent| agent.contacts.get_mut(&self.jid))
                .map(|contact| &mut contact.held)
        };
        if let Some(held) = held {
            *held = line;
        }
    }

    /// Returns the newest point of its archive, if it has one.
    pub(super) async fn newest(&self, core: &Core) -> Result<Option<ResumePoint>, BackendError> {
        if !self.has_archive(core) {
            return Ok(None);
        }
        Ok(self
            .archive()
            .newest(core)
            .await?
            .and_then(|point| point.to_resume()))
    }

    /// Returns the newest `take` messages before `before`, oldest first.
    pub(super) async fn history(
        &self,
        core: &Core,
        before: Option<MessageId>,
        take: usize,
    ) -> Result<Vec<Received>, BackendError> {
        if !self.has_archive(core) {
            return Err(BackendError::unsupported("archive of this conversation"));
        }
        let mut before = before.map(|id| id.as_str().to_owned());
        if let Some(id) = &before
            && !self.is_room
            && let Some((archived, _)) = self
                .find(core, |_, received| received.id.as_str() == id)
                .await?
        {
            before = Some(archived.id);
        }
        let mut newest_first: Vec<Received> = Vec::new();
        let mut bytes = 0;
        let archive = self.archive();
        let asked = before.clone();
        while newest_first.len() < take && bytes < HISTORY_BYTES {
            let most = (take - newest_first.len()).saturating_add(10).min(PAGE);
            let Page { items, is_last } = match archive
                .page(core, &Range::Before(before.clone()), most)
                .await?
            {
                Ok(page) => page,
                Err(refused) if refused.is("item-not-found") => break,
                Err(refused) => return Err(unanswered(&refused)),
            };
            if newest_first.is_empty()
                && asked.is_some()
                && !is_of_that_kind(asked.as_deref(), &items)
            {
                break;
            }
            for received in items
                .iter()
                .rev()
                .filter_map(|archived| self.received(core, archived))
            {
                bytes += received.weight();
                newest_first.push(received);
            }
            match items.first() {
                Some(oldest) if !is_last => before = Some(oldest.id.clone()),
                _ => break,
            }
        }
        newest_first.truncate(take);
        newest_first.reverse();
        Ok(newest_first)
    }

    async fn find(
        &self,
        core: &Core,
        is_it: impl Fn(&Archived, &Received) -> bool,
    ) -> Result<Option<(Archived, Received)>, BackendError> {
        let archive = self.archive();
        let mut before = None;
        for _ in 0..LOOK_MAX / PAGE {
            let Ok(page) = archive.page(core, &Range::Before(before), PAGE).await? else {
                return Ok(None);
            };
            for archived in page.items.iter().rev() {
                if let Some(received) = self
                    .received(core, archived)
                    .filter(|received| is_it(archived, received))
                {
                    return Ok(Some((archived.clone(), received)));
                }
            }
            before = match page.items.first() {
                Some(oldest) if !page.is_last => Some(oldest.id.clone()),
                _ => return Ok(None),
            };
        }
        Ok(None)
    }
}

/// Whether the page belongs to the id that was asked for: an archive that numbers its messages
/// ignores an id that is no number, and answers with the newest page.
fn is_of_that_kind(asked: Option<&str>, items: &[Archived]) -> bool {
    let is_number = |id: &str| id.bytes().all(|byte| byte.is_ascii_digit());
    match (asked, items.last()) {
        (Some(asked), Some(last)) => is_number(asked) || !is_number(&last.id),
        _ => true,
    }
}

fn unanswered(refused: &StanzaError) -> BackendError {
    let error = refused.of_request("the archive does not answer");
    match error.kind {
        BackendErrorKind::ChannelGone => {
            BackendError::new(BackendErrorKind::Rejected, error.reason)
        }
        _ => error,
    }
}

/// Returns a message that came live from a contact at that time.
pub(super) fn from_contact(
    talk: &Talk,
    core: &Core,
    stanza: &Element,
    came: DateTime<Utc>,
) -> Option<(String, Inbound)> {
    let said = said(stanza);
    let archived = if talk.has_archive(core) {
        super::message::stanza_id(stanza, core.jid.bare())
    } else {
        None
    };
    // Without an archive nobody gives ids, and those of the sender's program need not be unique: it
    // gets one of ours.
    let id = archived
        .clone()
        .unwrap_or_else(|| format!("{:x}-{}", came.timestamp_millis(), core.fresh_id()));
    let time = said.time.unwrap_or(came);
    let sender = Sender {
        address: format!("xmpp:{}", talk.jid),
        alias: None,
        is_ours: false,
    };
    let received = said.received(MessageId::parse(&id).ok()?, sender, came)?;
    let contact = |agent: &mut super::state::Agent| {
        agent
            .contacts
            .get(&talk.jid)
            .is_some_and(|contact| contact.has_gap)
    };
    let has_gap = core
        .state
        .lock()
        .agents
        .get_mut(talk.agent.bare())
        .is_some_and(contact);
    let resume = archived
        .filter(|_| !has_gap)
        .and_then(|id| Point::After { id, time }.to_resume());
    Some((id, talk.inbound(received, resume)))
}
