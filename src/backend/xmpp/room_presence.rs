//! The occupants of a room as it shows them (XEP-0045): our agents enter, are renamed and are put
//! out.

use super::core::Core;
use super::errors::{StanzaError, short};
use super::jid::Jid;
use super::ns;
use super::state::{Agent, Phase, Room};
use super::xml::Element;
use crate::backend::Inbound;
use std::collections::hash_map::Entry;

/// The status code of a room that was created by this entry (XEP-0045, 10.1.1).
const NEW_ROOM: &str = "201";

/// The most occupants of a room whose addresses are kept.
const REAL_MAX: usize = 5000;

/// Somebody's presence in a room. Ours is looked at; of others only who they are. Returns what is
/// to be handed over.
pub(super) fn presence(core: &Core, from: &Jid, to: &str, stanza: &Element) -> Option<Inbound> {
    let mut state = core.state.lock();
    let state = &mut *state;
    let room = state.rooms.get_mut(from.bare())?;
    let agent = state.agents.get_mut(to)?;
    let seat = agent.seats.get_mut(from.bare())?;
    let kind = stanza.attribute("type");
    if kind == Some("error") {
        if let Phase::Joining(seated) = &mut seat.phase
            && let Some(seated) = seated.take()
        {
            let _ = seated.send(Err(StanzaError::of(stanza)));
        }
        return None;
    }
    let nick = from.resource()?;
    let is_own = nick == seat.nick || has_status(stanza, "110");
    match kind {
        None if is_own => seated(core, room, agent, from, stanza),
        None => {
            note_real(room, nick, stanza);
            None
        }
        Some("unavailable") if is_own => unseated(core, room, agent, from.bare(), stanza),
        Some("unavailable") => {
            room.real.remove(nick);
            room.copies.lock().seats.left(nick);
            None
        }
        Some(_) => None,
    }
}

fn user(stanza: &Element) -> Option<&Element> {
    stanza.find("x", ns::MUC_USER)
}

fn has_status(stanza: &Element, code: &str) -> bool {
    user(stanza).is_some_and(|x| {
        x.children()
            .any(|one| one.name == "status" && one.attribute("code") == Some(code))
    })
}

fn item_of(stanza: &Element) -> Option<&Element> {
    user(stanza)?.find("item", ns::MUC_USER)
}

/// Records the address of an occupant, if the room tells it.
fn note_real(room: &mut Room, nick: &str, stanza: &Element) {
    let real = item_of(stanza)
        .and_then(|item| item.attribute("jid"))
        .and_then(Jid::parse);
    if let Some(real) = real
        && (room.real.len() < REAL_MAX || room.real.contains_key(nick))
        && room.real.get(nick).is_none_or(|known| known != real.bare())
    {
        room.real.insert(nick.to_owned(), real.bare().to_owned());
    }
}

/// Handles an agent of ours that is in the room, perhaps under a new nickname.
fn seated(
    core: &Core,
    room: &mut Room,
    agent: &mut Agent,
    from: &Jid,
    stanza: &Element,
) -> Option<Inbound> {
    let (room_jid, nick) = (from.bare(), from.resource()?);
    let seat = agent.seats.get_mut(room_jid)?;
    if nick != seat.nick
        && core
            .shared
            .occupy(room_jid, nick, &agent.address, agent.session)
    {
        core.shared.vacate(room_jid, &seat.nick, agent.session);
        seat.nick = nick.to_owned();
    }
    let Phase::Joining(waits) = &mut seat.phase else {
        return None;
    };
    let waits = waits.take();
    seat.phase = Phase::In;
    seat.is_entering = true;
    room.copies.lock().entered(agent.jid.bare());
    let is_new = has_status(stanza, NEW_ROOM);
    if let Some(waits) = waits {
        let _ = waits.send(Ok(is_new));
    }
    // The agent hears what the room says next, even before the join is answered. If it is caught up
    // first, it hears from the end of that on; a room that was made by our coming in is given up.
    let hears = room.held.is_none() && !is_new;
    hears.then(|| Inbound::Entered {
        agent: agent.key,
        channel: room.channel.clone(),
    })
}

/// Handles an agent of ours that is no longer in the room, or has a new nickname.
fn unseated(
    core: &Core,
    room: &Room,
    agent: &mut Agent,
    room_jid: &str,
    stanza: &Element,
) -> Option<Inbound> {
    let Entry::Occupied(mut entry) = agent.seats.entry(room_jid.to_owned()) else {
        return None;
    };
    let seat = entry.get_mut();
    if has_status(stanza, "303") {
        let new = item_of(stanza).and_then(|item| item.attribute("nick"))?;
        core.shared.vacate(room_jid, &seat.nick, agent.session);
        core.shared
            .occupy(room_jid, new, &agent.address, agent.session);
        seat.nick = new.to_owned();
        return None;
    }
    core.shared.vacate(room_jid, &seat.nick, agent.session);
    match entry.remove().phase {
        Phase::Leaving(left) => {
            if let Some(left) = left {
                let _ = left.send(());
            }
            None
        }
        Phase::Joining(waits) => {
            if let Some(waits) = waits {
                let condition = if has_status(stanza, "301") {
                    "forbidden"
                } else {
                    "registration-required"
                };
                let _ = waits.send(Err(StanzaError {
                    condition: condition.into(),
                    text: None,
                    may_wait: false,
                }));
            }
            None
        }
        Phase::In => {
            let (reason, may_retry) = put_out(stanza);
            Some(Inbound::Inactive {
                agent: agent.key,
                channel: room.channel.clone(),
                reason,
                may_retry,
            })
        }
    }
}

/// Returns why an occupant was put out of a room, and whether it may come back.
fn put_out(stanza: &Element) -> (String, bool) {
    let Some(x) = stanza.find("x", ns::MUC_USER) else {
        return ("the agent is no longer in the room".into(), true);
    };
    let detail = |element: &Element, by: Option<&str>| {
        let reason = element
            .text_of("reason", ns::MUC_USER)
            .map(|reason| short(reason.trim()))
            .filter(|reason| !reason.is_empty());
        let by = by
            .map(|by| format!(" by {}", short(by)))
            .unwrap_or_default();
        format!(
            "{by}{}",
            reason
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default()
        )
    };
    if let Some(destroy) = x.find("destroy", ns::MUC_USER) {
        let other = destroy
            .attribute("jid")
            .map(|jid| format!(" in favour of {}", short(jid)))
            .unwrap_or_default();
        return (
            format!("the room was destroyed{other}{}", detail(destroy, None)),
            false,
        );
    }
    let item = x.find("item", ns::MUC_USER);
    let actor = item.and_then(|item| item.find("actor", ns::MUC_USER));
    let by = actor.and_then(|actor| actor.attribute("nick").or(actor.attribute("jid")));
    let detail = item.map(|item| detail(item, by)).unwrap_or_default();
    let has = |code: &str| has_status(stanza, code);
    let (what, may_retry) = match () {
        () if has("301") => ("the agent was banned from the room", false),
        // Removed by the service itself after a failure.
        () if has("333") => ("the agent was taken out of the room after an error", true),
        () if has("307") => ("the agent was kicked", false),
        () if has("321") => ("the agent may no longer be in the room", false),
        () if has("322") => ("the room is now for members only", false),
        () if has("332") => ("the rooms' service is stopping", true),
        () => ("the agent is no longer in the room", true),
    };
    (format!("{what}{detail}"), may_retry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(x: Element) -> (String, bool) {
        put_out(
            &Element::stanza("presence")
                .with("type", "unavailable")
                .child(x),
        )
    }

    #[test]
    fn why_an_agent_was_put_out() {
        let x = || Element::new("x", ns::MUC_USER);
        let status = |code: &str| Element::new("status", ns::MUC_USER).with("code", code);
        let item = Element::new("item", ns::MUC_USER)
            .child(Element::new("actor", ns::MUC_USER).with("nick", "lene"))
            .child(Element::new("reason", ns::MUC_USER).text("too loud"));
        assert_eq!(
            out(x().child(item).child(status("307"))),
            ("the agent was kicked by lene: too loud".into(), false)
        );
        assert!(!out(x().child(status("301"))).1);
        assert!(!out(x().child(status("322"))).1);
        assert!(
            out(x().child(status("332"))).1
                && out(x()).1
                && out(x().child(status("333")).child(status("307"))).1
        );
        let destroy = Element::new("destroy", ns::MUC_USER)
            .with("jid", "new@rooms")
            .child(Element::new("reason", ns::MUC_USER).text("moved"));
        assert_eq!(
            out(x().child(destroy)),
            (
                "the room was destroyed in favour of new@rooms: moved".into(),
                false
            )
        );
    }
}
