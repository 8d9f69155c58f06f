//! Messages in a room (XEP-0045), and errors that come back to their senders.

use super::copies::{Copies, Copy};
use super::core::Core;
use super::errors::StanzaError;
use super::held::Live;
use super::identity::{Names, Trace};
use super::jid::Jid;
use super::living::{self, Speaker};
use super::message::{self, Reading, Sender, read};
use super::ns;
use super::point::Point;
use super::posting;
use super::sent::CameBack;
use super::state::{Phase, Room};
use super::talk::occupant;
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind, ChannelId, Inbound, SeenBy, StateChange};
use crate::model::{ChangeKind, MessageId, OriginId};
use parking_lot::Mutex;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// How many seats are checked at once.
const CHECKED_MAX: usize = 64;

/// Handles a message in a room.
pub(super) async fn heard(core: &Core, from: &Jid, to: &str, stanza: &Element) {
    let heard = hear(core, from, to, stanza);
    if let Some(item) = heard {
        core.hand_over(item).await;
    }
}

/// A copy of a room's message that may be news.
struct Heard {
    said: Reading,
    given: Option<String>,
    channel: ChannelId,
    copies: Arc<Mutex<Copies>>,
    link: u64,
    /// The sender's address, if the room tells it.
    real: Option<String>,
    /// Who speaks, or who took a message back as the room says.
    nick: String,
    /// True if it is the listener itself that speaks.
    is_own: bool,
    has_archive: bool,
    /// True if the room gives occupants ids.
    names_occupants: bool,
}

/// Returns a copy if it is a message to an agent that is in the room; handles a new subject.
fn look(core: &Core, from: &Jid, to: &str, stanza: &Element) -> Option<Heard> {
    let room_jid = from.bare();
    let given = message::stanza_id(stanza, room_jid);
    let mut guard = core.state.lock();
    let state = &mut *guard;
    let seat = state.agents.get_mut(to)?.seats.get_mut(room_jid)?;
    if !matches!(seat.phase, Phase::In) {
        return None;
    }
    let room = state.rooms.get_mut(room_jid)?;
    if let Some(given) = &given
        && room.copies.lock().is_known(given, to, room.link)
    {
        return None;
    }
    let speaker = match from.resource() {
        Some(_) => Speaker::Occupant,
        None => Speaker::Room,
    };
    let said = read(stanza, speaker);
    if !said.says_something() {
        let subject = said.subject.as_deref()?;
        seat.is_entering = false;
        let change = new_subject(room, subject);
        drop(guard);
        if let Some(change) = change {
            core.inbox.state(change);
        }
        return None;
    }
    if message::is_past(stanza, room_jid, seat.is_entering) {
        return None;
    }
    seat.is_entering = false;
    let nick = match speaker {
        Speaker::Room => moderator(&said, stanza)?,
        _ => from.resource()?.to_owned(),
    };
    let info = room.info.as_ref();
    Some(Heard {
        has_archive: info.is_some_and(|info| info.has_archive),
        names_occupants: info.is_some_and(|info| info.names_occupants),
        said,
        given,
        channel: room.channel.clone(),
        copies: room.copies.clone(),
        link: room.link,
        real: room.real.get(&nick).cloned(),
        is_own: seat.nick == nick,
        nick,
    })
}

/// Returns the nickname of the moderator who took a message back; the room alone says anything else.
fn moderator(said: &Reading, stanza: &Element) -> Option<String> {
    said.changes.as_ref()?;
    let by = living::moderator(stanza).and_then(Jid::parse);
    let nick = by.as_ref().and_then(Jid::resource);
    Some(nick.unwrap_or_default().to_owned())
}

fn hear(core: &Core, from: &Jid, to: &str, stanza: &Element) -> Option<Inbound> {
    let mut heard = look(core, from, to, stanza)?;
    let (room_jid, now) = (from.bare(), core.inbox.now());
    let mut sender = sender_of(core, room_jid, &mut heard, stanza)?;
    let trace = Trace {
        given: heard.given.clone(),
        mark: message::mark(from.as_str(), &heard.said, stanza),
        time: now,
    };
    let copy = Copy {
        trace: &trace,
        listener: to,
        is_unique: heard.has_archive,
        link: heard.link,
        has_origin: sender.is_ours && heard.said.origin.is_some(),
    };
    let (real, has_ids) = (heard.real.as_deref(), heard.names_occupants);
    let fresh = || {
        let (time, number) = (now.timestamp_millis(), core.shared.number());
        let id = format!("{time:x}-{}-{number:x}", core.salt);
        MessageId::parse(&id).expect("hexadecimal digits are an id")
    };
    let (settled, names) = {
        let mut copies = heard.copies.lock();
        sender.author = Some(copies.seats.author(&heard.nick, real, has_ids, stanza));
        let settled = copies.settle(copy, fresh);
        if !settled.is_news {
            return None;
        }
        (settled, copies.names())
    };
    let received = heard.said.received(settled.id, sender, now)?;
    let time = received.time.unwrap_or(now);
    if let Some(origin) = &received.origin {
        core.shared.pasts.lock().answered(origin);
    }
    let mut state = core.state.lock();
    let room = state.rooms.get_mut(room_jid)?;
    // An id that only this copy has is no point for others.
    let given = trace
        .given
        .clone()
        .filter(|_| heard.has_archive && names != Names::Copies);
    let live = Live {
        point: given.map(|id| Point::After { id, time }),
        trace,
        item: Inbound::Message {
            seen_by: SeenBy::Room,
            channel: heard.channel,
            message: Box::new(received),
            resume: None,
        },
    };
    match &mut room.held {
        Some(held) => {
            held.push(live);
            None
        }
        None => Some(live.passed(&mut room.trail, room.has_gap)),
    }
}

/// Returns who speaks, and gives a message of ours its origin. None if it is a piece of a post of
/// ours that its sender's own copy says better.
fn sender_of(core: &Core, room_jid: &str, heard: &mut Heard, stanza: &Element) -> Option<Sender> {
    let nick = &heard.nick;
    let mut sender = occupant(core, room_jid, nick, heard.real.as_deref());
    if nick.is_empty() {
        (sender.address, sender.alias) = (format!("xmpp:{room_jid}"), None);
    }
    let moderated = heard.said.changes.as_ref().filter(|changes| {
        matches!(&changes.kind, ChangeKind::Retracted { by_moderator, .. } if *by_moderator)
    });
    if let Some(moderated) = moderated {
        // The room says it for whoever asked for it: our agent, perhaps.
        heard.said.origin = core
            .shared
            .take_moderation(room_jid, moderated.target.as_str())
            .filter(|_| sender.is_ours);
    } else if sender.is_ours {
        heard.said.origin = own_origin(core, room_jid, &sender, heard, stanza);
        if heard.said.origin.is_none() && !heard.is_own && speaks_alone(core, &sender) {
            return None;
        }
    }
    Some(sender)
}

/// Returns whether nobody but this engine speaks for the sender. What others hear of it and cannot
/// be recognised is then a piece of a post, or the post as a gateway changed it for them: the
/// sender's own copy counts.
fn speaks_alone(core: &Core, sender: &Sender) -> bool {
    let jid = sender.address.strip_prefix("xmpp:").and_then(Jid::parse);
    jid.is_some_and(|jid| core.config.is_component(&jid))
}

/// Returns the origin of a message of our agent: its own word, or the post that it is the echo of.
fn own_origin(
    core: &Core,
    room: &str,
    sender: &Sender,
    heard: &Heard,
    stanza: &Element,
) -> Option<OriginId> {
    let told = heard.said.origin.clone();
    if told.is_some() && told == message::own_id(stanza) {
        return told;
    }
    let came = CameBack {
        id: told
            .as_ref()
            .map(OriginId::as_str)
            .or(stanza.attribute("id")),
        room,
        sender: &sender.address,
        body: heard.said.body.as_deref().unwrap_or_default(),
        // Nobody else can be at a component's seat; an account may be there with two programs.
        is_sole: core.is_component && heard.is_own,
    };
    let post = core.shared.pasts.lock().own_post(&came);
    post.or(told).or_else(|| message::own_id(stanza))
}

/// Records a room's subject. Returns the change, if it is one.
fn new_subject(room: &mut Room, subject: &str) -> Option<StateChange> {
    let subject = Some(subject.trim().to_owned()).filter(|subject| !subject.is_empty());
    if room.subject == subject {
        return None;
    }
    room.subject.clone_from(&subject);
    Some(StateChange::Subject {
        seen_by: SeenBy::Room,
        channel: room.channel.clone(),
        subject,
    })
}

/// Handles a message to a room that came back. Returns the items for the engine, in order.
pub(super) fn refused(core: &Core, from: &Jid, to: &str, stanza: &Element) -> [Option<Inbound>; 2] {
    // Posts go to the room itself: an error from an occupant is no answer to them, whatever it
    // says.
    let Some(id) = stanza.attribute("id").filter(|_| from.resource().is_none()) else {
        return [None, None];
    };
    let error = StanzaError::of(stanza);
    let mut post_error = error.of_post();
    let mut item = None;
    // The room no longer knows our agent: it dropped the agent without notice.
    if error.is("not-acceptable") || error.is("item-not-found") {
        post_error = BackendError::new(
            BackendErrorKind::Unreachable,
            "the agent is no longer in the room; it joins again",
        );
        item = forgotten(core, from.bare(), to);
    }
    [posting::refused(core, id, from.bare(), post_error), item]
}

/// Handles a room that no longer knows an agent which we count as in it. The agent is out, and may
/// join again.
fn forgotten(core: &Core, room_jid: &str, agent: &str) -> Option<Inbound> {
    let mut state = core.state.lock();
    let channel: ChannelId = state.rooms.get(room_jid)?.channel.clone();
    let agent = state.agents.get_mut(agent)?;
    let Entry::Occupied(entry) = agent.seats.entry(room_jid.to_owned()) else {
        return None;
    };
    if !matches!(entry.get().phase, Phase::In) {
        return None;
    }
    let seat = entry.remove();
    core.shared.vacate(room_jid, &seat.nick, agent.session);
    let reason = "the room does not know the agent any more".to_owned();
    Some(Inbound::Inactive {
        agent: agent.key,
        channel,
        reason,
        may_retry: true,
    })
}

/// Asks some rooms whether our agents are still in them (XEP-0410): a rooms' service that was
/// started anew forgets them without a word. `from` is the seat to begin with; returns the one to
/// go on with.
pub(super) async fn check(core: &Core, from: usize) -> usize {
    let seats: Vec<(Jid, Jid)> = {
        let state = core.state.lock();
        let all = state.agents.values().flat_map(|agent| {
            agent
                .seats
                .iter()
                .map(move |(room_jid, seat)| (agent, room_jid, seat))
        });
        let inside = all
            .filter(|(_, _, seat)| matches!(seat.phase, Phase::In))
            .skip(from)
            .take(CHECKED_MAX);
        inside
            .filter_map(|(agent, room_jid, seat)| {
                Some((
                    agent.jid.clone(),
                    Jid::parse(room_jid)?.with_resource(&seat.nick)?,
                ))
            })
            .collect()
    };
    let asked = seats.iter().map(|(agent, seat)| async move {
        let answer = core
            .ask(
                agent,
                Some(seat.as_str()),
                "get",
                Element::new("ping", ns::PING),
            )
            .await;
        // Any other answer comes from an occupant, or says nothing about the seat.
        if let Ok(Err(refused)) = answer
            && refused.is("not-acceptable")
            && let Some(item) = forgotten(core, seat.bare(), agent.bare())
        {
            core.hand_over(item).await;
        }
    });
    futures_util::future::join_all(asked).await;
    if seats.len() < CHECKED_MAX {
        0
    } else {
        from + seats.len()
    }
}
