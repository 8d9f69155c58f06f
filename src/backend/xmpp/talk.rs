//! One agent's conversation: what was said in it, as the engine is told, whether it comes live or
//! from an archive.

use super::archive::{Archive, Archived, PAGE, Page, Range};
use super::core::Core;
use super::errors::StanzaError;
use super::held::{Held, Live};
use super::identity::{Names, Trace};
use super::jid::Jid;
use super::living::{self, Speaker};
use super::message::{Reading, Sender, mark, own_id, read, stanza_id};
use super::ns;
use super::past::past;
use super::point::{Point, Reached};
use super::seats::archived_author;
use super::state::Room;
use super::xml::Element;
use crate::backend::{
    BackendError, BackendErrorKind, ChannelId, HISTORY_BYTES, Inbound, Received, SeenBy,
};
use crate::model::{AgentKey, MessageId};
use chrono::{DateTime, Utc};
use std::sync::atomic::Ordering;

/// The most messages that are searched for the one that a page of history begins before.
const LOOK_MAX: usize = 1000;

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

/// A message from an archive.
pub(super) struct FromArchive {
    pub(super) received: Received,
    pub(super) trace: Trace,
    /// The text, if it is one of our agents' in a room and does not say which post it was.
    pub(super) unclaimed: Option<String>,
}

/// Returns the sender for a nickname. `real` is the address that the room itself tells.
pub(super) fn occupant(core: &Core, room: &str, nick: &str, real: Option<&str>) -> Sender {
    let alias = Some(nick.to_owned());
    if let Some(address) = core.shared.occupant(room, nick) {
        return Sender {
            address: address.as_str().to_owned(),
            alias,
            is_ours: true,
            author: None,
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
                author: None,
            }
        }
        None => Sender {
            address: format!("xmpp:{room}/{nick}"),
            alias,
            is_ours: false,
            author: None,
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

    /// Returns what the ids of its messages were seen to name.
    pub(super) fn names(&self, core: &Core) -> Names {
        let state = core.state.lock();
        let room = state.rooms.get(&self.jid).filter(|_| self.is_room);
        room.map_or(Names::Unknown, |room| room.copies.lock().names())
    }

    /// Returns a message from the archive, if it has a text to read or changes another one.
    pub(super) fn received(&self, core: &Core, archived: &Archived) -> Option<Received> {
        self.read(core, archived).map(|read| read.received)
    }

    /// Reads a message from the archive, if it has a text or changes another one.
    pub(super) fn read(&self, core: &Core, archived: &Archived) -> Option<FromArchive> {
        let message = &archived.message;
        let from = message.attribute("from").and_then(Jid::parse);
        let speaker = match &from {
            _ if !self.is_room => Speaker::Contact,
            Some(from) if from.resource().is_none() => Speaker::Room,
            _ => Speaker::Occupant,
        };
        let mut said: Reading = read(message, speaker);
        said.time = Some(archived.time);
        let sender = if self.is_room {
            self.archived_occupant(core, from.as_ref()?, archived)?
        } else {
            let is_ours = from
                .as_ref()
                .is_none_or(|from| from.bare() == self.agent.bare());
            let bare = if is_ours {
                self.agent.bare()
            } else {
                &self.jid
            };
            Sender {
                address: format!("xmpp:{bare}"),
                alias: None,
                is_ours,
                author: None,
            }
        };
        if sender.is_ours && said.origin.is_none() {
            said.origin = own_id(message);
        }
        // Our own messages to people have the id under which they were accepted.
        let accepted = said
            .origin
            .as_ref()
            .filter(|_| sender.is_ours && !self.is_room);
        let id = accepted.map_or(archived.id.as_str(), |origin| origin.as_str());
        let id = MessageId::parse(id).ok()?;
        let said_by = match &from {
            Some(from) if self.is_room => from.as_str(),
            _ if sender.is_ours => self.agent.bare(),
            _ => &self.jid,
        };
        let trace = Trace {
            given: Some(archived.id.clone()),
            mark: mark(said_by, &said, message),
            time: archived.time,
        };
        let is_unclaimed = self.is_room && sender.is_ours && said.origin.is_none();
        let unclaimed = said.body.take().filter(|_| is_unclaimed);
        let received = said.received(id, sender, archived.time)?;
        Some(FromArchive {
            received,
            trace,
            unclaimed,
        })
    }

    /// Returns who said a message of a room's archive.
    fn archived_occupant(&self, core: &Core, from: &Jid, archived: &Archived) -> Option<Sender> {
        let message = &archived.message;
        let by = living::moderator(message).and_then(Jid::parse);
        let nick = from.resource().or(by.as_ref().and_then(Jid::resource));
        let Some(nick) = nick else {
            return Some(Sender {
                address: format!("xmpp:{}", self.jid),
                alias: None,
                is_ours: false,
                author: None,
            });
        };
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
            None => room.and_then(|room: &Room| room.real.get(nick).cloned()),
        };
        let has_ids = room
            .and_then(|room| room.info.as_ref())
            .is_some_and(|info| info.names_occupants);
        drop(state);
        let mut sender = occupant(core, &self.jid, nick, real.as_deref());
        let author = archived_author(real.as_deref(), has_ids, message, &archived.id);
        sender.author = Some(author);
        Some(sender)
    }

    /// Returns a message for the engine, without a point to resume from.
    pub(super) fn inbound(&self, received: Received) -> Inbound {
        Inbound::Message {
            seen_by: self.seen_by(),
            channel: self.channel.clone(),
            message: Box::new(received),
            resume: None,
        }
    }

    /// Looks at what is held of this talk, if anything is to be held. An emptied line ends under
    /// the same lock.
    pub(super) fn held<T>(&self, core: &Core, look: impl FnOnce(&mut Held) -> T) -> Option<T> {
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

    /// Looks at how far this talk was heard.
    pub(super) fn with_trail<T>(
        &self,
        core: &Core,
        look: impl FnOnce(&mut Option<Reached>) -> T,
    ) -> Option<T> {
        let mut state = core.state.lock();
        let trail = if self.is_room {
            &mut state.rooms.get_mut(&self.jid)?.trail
        } else {
            let agent = state.agents.get_mut(self.agent.bare())?;
            &mut agent.contacts.get_mut(&self.jid)?.trail
        };
        Some(look(trail))
    }

    /// Records how far this talk was heard.
    pub(super) fn stands_at(&self, core: &Core, reached: Option<Reached>) {
        self.with_trail(core, |trail| *trail = reached);
    }

    /// Records whether something is missing before the live messages.
    pub(super) fn note_gap(&self, core: &Core, has_gap: bool) {
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
    pub(super) async fn newest(&self, core: &Core) -> Result<Option<Reached>, BackendError> {
        if !self.has_archive(core) {
            return Ok(None);
        }
        Ok(self.archive().newest(core).await?.map(Reached::from))
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
        let (mut messages, mut bytes) = (0, 0);
        let archive = self.archive();
        let asked = before.clone();
        while messages < take && bytes < HISTORY_BYTES {
            let most = (take - messages).saturating_add(10).min(PAGE);
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
                messages += usize::from(received.changes.is_none());
                newest_first.push(received);
            }
            match items.first() {
                Some(oldest) if !is_last => before = Some(oldest.id.clone()),
                _ => break,
            }
        }
        Ok(past(newest_first, take))
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
) -> Option<Live> {
    let said = read(stanza, Speaker::Contact);
    let given = if talk.has_archive(core) {
        stanza_id(stanza, core.jid.bare())
    } else {
        None
    };
    // Without an archive nobody gives ids, and those of the sender's program need not be unique: it
    // gets one of ours.
    let id = given
        .clone()
        .unwrap_or_else(|| format!("{:x}-{}", came.timestamp_millis(), core.fresh_id()));
    let trace = Trace {
        given,
        mark: mark(&talk.jid, &said, stanza),
        time: came,
    };
    let sender = Sender {
        address: format!("xmpp:{}", talk.jid),
        alias: None,
        is_ours: false,
        author: None,
    };
    let received = said.received(MessageId::parse(&id).ok()?, sender, came)?;
    let time = received.time.unwrap_or(came);
    let given = trace.given.clone();
    let point = given.map(|id| Point::After { id, time });
    Some(Live {
        trace,
        point,
        item: talk.inbound(received),
    })
}
