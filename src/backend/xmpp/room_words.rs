//! Messages in a room (XEP-0045), and errors that come back to their senders.

use super::core::Core;
use super::errors::StanzaError;
use super::jid::Jid;
use super::message::{self, Point, said};
use super::ns;
use super::posting;
use super::state::{Agent, Phase, Room};
use super::talk::occupant;
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind, ChannelId, Inbound, SeenBy, StateChange};
use crate::model::MessageId;
use sha2::{Digest, Sha256};
use std::collections::hash_map::Entry;

/// How many seats are checked at once.
const CHECKED_MAX: usize = 64;

/// Handles a message in a room.
pub(super) async fn heard(core: &Core, from: &Jid, to: &str, stanza: &Element) {
    let heard = hear(core, from, to, stanza);
    if let Some(item) = heard {
        core.hand_over(item).await;
    }
}

fn hear(core: &Core, from: &Jid, to: &str, stanza: &Element) -> Option<Inbound> {
    let room_jid = from.bare();
    let given = message::stanza_id(stanza, room_jid);
    let mut state = core.state.lock();
    let is_in = |agent: &Agent| {
        agent
            .seats
            .get(room_jid)
            .is_some_and(|seat| matches!(seat.phase, Phase::In))
    };
    if !state.agents.get(to).is_some_and(is_in) {
        return None;
    }
    let room = state.rooms.get_mut(room_jid)?;
    let said = said(stanza);
    if said.parts.is_none() {
        let change = new_subject(room, said.subject.as_deref()?);
        drop(state);
        if let Some(change) = change {
            core.inbox.state(change);
        }
        return None;
    }
    let id = given.clone().unwrap_or_else(|| unnamed(core, from, stanza));
    if !room.recent.is_new(&id) {
        return None;
    }
    let nick = from.resource()?;
    let real = room.real.get(nick).cloned();
    let channel = room.channel.clone();
    drop(state);
    let now = core.inbox.now();
    let time = said.time.unwrap_or(now);
    let received = said.received(
        MessageId::parse(&id).ok()?,
        occupant(core, room_jid, nick, real.as_deref()),
        now,
    )?;
    if let Some(origin) = &received.origin {
        core.shared.pasts.lock().answered(origin);
    }
    let mut state = core.state.lock();
    let room = state.rooms.get_mut(room_jid)?;
    let has_archive = room.info.as_ref().is_some_and(|info| info.has_archive);
    let resume = given
        .filter(|_| has_archive && !room.has_gap)
        .and_then(|id| Point::After { id, time }.to_resume());
    if resume.is_some() && room.held.is_none() {
        room.last.clone_from(&resume);
    }
    let item = Inbound::Message {
        seen_by: SeenBy::Room,
        channel,
        message: Box::new(received),
        resume,
    };
    match &mut room.held {
        Some(held) => {
            held.push(id, item);
            None
        }
        None => Some(item),
    }
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

/// Returns an id for a message of a room that has none: the same id for each copy of it.
fn unnamed(core: &Core, from: &Jid, stanza: &Element) -> String {
    let minute = core.inbox.now().timestamp() / 60;
    let body = stanza.text_of("body", ns::CLIENT).unwrap_or_default();
    let hash = Sha256::digest(format!(
        "{from}\0{}\0{minute}\0{body}",
        stanza.attribute("id").unwrap_or_default()
    ));
    hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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
