//! Rooms (XEP-0045): going in, being put out, what is said.

use super::core::{Agent, Core, Phase, Room, Seat};
use super::disco::RoomInfo;
use super::errors::{StanzaError, short};
use super::held::{Held, Recent};
use super::jid::Jid;
use super::message::{self, Point, said};
use super::ns;
use super::posting;
use super::talk::{Talk, occupant};
use super::xml::Element;
use crate::backend::{
    BackendError, BackendErrorKind, ChannelId, Inbound, Joined, ResumePoint, SeenBy, StateChange,
};
use crate::model::{ChannelInfo, MessageId};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;
use tokio::sync::oneshot;

/// A room that does not answer a join for that long is not there.
const JOIN_MAX: Duration = Duration::from_secs(30);
/// A room that does not answer a leave for that long is left all the same.
const LEAVE_MAX: Duration = Duration::from_secs(5);
/// Nicknames tried.
const NICKS_MAX: usize = 8;
/// Seats asked after at once.
const CHECKED_MAX: usize = 64;
/// Occupants of a room whose addresses are kept.
const REAL_MAX: usize = 5000;

/// Goes into a room, catches up, and answers what the room is like.
pub(super) async fn join(
    core: &Core,
    talk: &Talk,
    session: u64,
    resume: Option<ResumePoint>,
) -> Result<Joined, BackendError> {
    let inside = core.with_agent(talk.agent.bare(), session, |agent| {
        agent
            .seats
            .get(&talk.place)
            .is_some_and(|seat| matches!(seat.phase, Phase::In))
    })?;
    let known = {
        let mut state = core.state.lock();
        let room = state
            .rooms
            .entry(talk.place.clone())
            .or_insert_with(|| Room {
                channel: talk.channel.clone(),
                info: None,
                subject: None,
                recent: Recent::default(),
                held: None,
                has_gap: false,
                real: HashMap::new(),
                last: None,
            });
        room.info.clone()
    };
    if known.is_none() {
        let info = super::disco::room(core, &talk.agent, &talk.place).await?;
        if let Some(room) = core.state.lock().rooms.get_mut(&talk.place) {
            room.info = Some(info);
        }
    }
    let point = resume
        .as_ref()
        .and_then(Point::parse)
        .filter(|_| talk.has_archive(core));
    if point.is_some() {
        talk.hold(core, Some(Held::default()));
    }
    if !inside && let Err(error) = go_in(core, talk, session).await {
        talk.hold(core, None);
        return Err(error);
    }
    let mut stands = talk.catch_up(core, point).await?;
    let known = core
        .state
        .lock()
        .rooms
        .get(&talk.place)
        .and_then(|room| room.last.clone());
    if stands.is_none() && known.is_none() {
        stands = talk.newest(core).await?;
    }
    let uploads = super::upload::service(core, &talk.agent).await?;
    let mut state = core.state.lock();
    let Some(room) = state.rooms.get_mut(&talk.place) else {
        return Err(BackendError::unreachable("the room was left meanwhile"));
    };
    if room.last.is_none() {
        room.last.clone_from(&stands);
    }
    let RoomInfo {
        name, description, ..
    } = room.info.clone().unwrap_or_default();
    let mut info = ChannelInfo::named(name.unwrap_or_else(|| talk.channel.name().to_owned()));
    info.description = description;
    info.subject.clone_from(&room.subject);
    info.can_accept_files = uploads.is_some();
    info.max_message_length = core.config.message_length_max;
    info.max_story_length = core.config.story_length_max;
    Ok(Joined::new(info).with_resume(stands.or_else(|| room.last.clone())))
}

/// Takes a seat under the first nickname that is free.
async fn go_in(core: &Core, talk: &Talk, session: u64) -> Result<(), BackendError> {
    let wanted = core.config.nickname_of(&talk.agent);
    let mut refused = None;
    for attempt in 1..=NICKS_MAX {
        let nick = if attempt == 1 {
            wanted.clone()
        } else {
            format!("{wanted}-{attempt}")
        };
        let (seated, seats) = oneshot::channel();
        let address = core.with_agent(talk.agent.bare(), session, |agent| {
            let phase = Phase::Joining(Some(seated));
            agent.seats.insert(
                talk.place.clone(),
                Seat {
                    nick: nick.clone(),
                    phase,
                },
            );
            agent.address.clone()
        })?;
        if !core.shared.occupy(&talk.place, &nick, &address, session) {
            continue;
        }
        let Some(to) = Jid::parse(&talk.place).and_then(|room| room.with_resource(&nick)) else {
            give_up(core, talk, session, &nick);
            return Err(BackendError::refused(format!(
                "`{nick}` cannot be a nickname"
            )));
        };
        let history = Element::new("history", ns::MUC).with("maxstanzas", "0");
        let presence = Element::stanza("presence")
            .with("to", to.as_str())
            .child(Element::new("x", ns::MUC).child(history));
        core.send(&core.from(&talk.agent, presence))?;
        let answer = tokio::select! {
            biased;
            answer = seats => answer.map_err(|_| core.why_over())?,
            () = core.inbox.sleep(JOIN_MAX) => {
                give_up(core, talk, session, &nick);
                return Err(BackendError::unreachable("the room does not answer"));
            }
        };
        match answer {
            Ok(false) => return Ok(()),
            Ok(true) => {
                // Nobody knew the room before: it is not there to be made by a mistyped name.
                let destroy = Element::new("query", ns::MUC_OWNER)
                    .child(Element::new("destroy", ns::MUC_OWNER));
                let _ = core
                    .ask(&talk.agent, Some(&talk.place), "set", destroy)
                    .await?;
                give_up(core, talk, session, &nick);
                return Err(BackendError::refused("there is no such room"));
            }
            Err(error) => {
                give_up(core, talk, session, &nick);
                if !error.is("conflict") {
                    return Err(error.of_join());
                }
                refused = Some(error);
            }
        }
    }
    Err(refused.map_or_else(
        || BackendError::refused("every nickname is taken"),
        |refused| refused.of_join(),
    ))
}

fn give_up(core: &Core, talk: &Talk, session: u64, nick: &str) {
    core.shared.vacate(&talk.place, nick, session);
    let _ = core.with_agent(talk.agent.bare(), session, |agent| {
        agent.seats.remove(&talk.place)
    });
}

/// Leaves a room, and waits a moment until the room knows.
pub(super) async fn leave(core: &Core, talk: &Talk, session: u64) -> Result<(), BackendError> {
    let (left, leaves) = oneshot::channel();
    let to = core.with_agent(talk.agent.bare(), session, |agent| {
        let seat = agent.seats.get_mut(&talk.place)?;
        seat.phase = Phase::Leaving(Some(left));
        Jid::parse(&talk.place)?.with_resource(&seat.nick)
    })?;
    let Some(to) = to else { return Ok(()) };
    let presence = Element::stanza("presence")
        .with("type", "unavailable")
        .with("to", to.as_str());
    core.send(&core.from(&talk.agent, presence))?;
    tokio::select! {
        biased;
        _ = leaves => {}
        () = core.inbox.sleep(LEAVE_MAX) => {}
    }
    give_up(core, talk, session, to.resource().unwrap_or_default());
    forget_if_empty(core, &talk.place);
    Ok(())
}

/// A room nobody of ours is in is forgotten.
fn forget_if_empty(core: &Core, place: &str) {
    let mut state = core.state.lock();
    if !state
        .agents
        .values()
        .any(|agent| agent.seats.contains_key(place))
    {
        state.rooms.remove(place);
    }
}

/// Somebody's presence in a room: ours is looked at, of others only who they are.
pub(super) fn presence(core: &Core, from: &Jid, to: &str, stanza: &Element) -> Option<Inbound> {
    let place = from.bare();
    let kind = stanza.attribute("type");
    let mut state = core.state.lock();
    let state = &mut *state;
    let room = state.rooms.get_mut(place)?;
    let agent = state.agents.get_mut(to)?;
    let Entry::Occupied(mut entry) = agent.seats.entry(place.to_owned()) else {
        return None;
    };
    let seat = entry.get_mut();
    if kind == Some("error") {
        if let Phase::Joining(seated) = &mut seat.phase
            && let Some(seated) = seated.take()
        {
            let _ = seated.send(Err(StanzaError::of(stanza)));
        }
        return None;
    }
    let nick = from.resource()?;
    let x = stanza.find("x", ns::MUC_USER);
    let item = x.and_then(|x| x.find("item", ns::MUC_USER));
    let has = |code: &str| {
        x.is_some_and(|x| {
            x.children()
                .any(|one| one.name == "status" && one.attribute("code") == Some(code))
        })
    };
    let is_own = nick == seat.nick || has("110");
    match kind {
        None if is_own => {
            if nick != seat.nick
                && core
                    .shared
                    .occupy(place, nick, &agent.address, agent.session)
            {
                core.shared.vacate(place, &seat.nick, agent.session);
                seat.nick = nick.to_owned();
            }
            if let Phase::Joining(seated) = &mut seat.phase {
                let seated = seated.take();
                seat.phase = Phase::In;
                if let Some(seated) = seated {
                    let _ = seated.send(Ok(has("201")));
                }
                // What the room says next is the agent's to hear, before the join is answered too. Where it is caught
                // up first, hearing begins after that; a room that was made by our coming in is given up.
                let hears = room.held.is_none() && !has("201");
                return hears.then(|| Inbound::Entered {
                    agent: agent.key,
                    channel: room.channel.clone(),
                });
            }
            None
        }
        None => {
            if let Some(real) = item
                .and_then(|item| item.attribute("jid"))
                .and_then(Jid::parse)
                && (room.real.len() < REAL_MAX || room.real.contains_key(nick))
                && room.real.get(nick).is_none_or(|known| known != real.bare())
            {
                room.real.insert(nick.to_owned(), real.bare().to_owned());
            }
            None
        }
        Some("unavailable") if !is_own => {
            room.real.remove(nick);
            None
        }
        Some("unavailable") if has("303") => {
            let new = item.and_then(|item| item.attribute("nick"))?;
            core.shared.vacate(place, &seat.nick, agent.session);
            core.shared
                .occupy(place, new, &agent.address, agent.session);
            seat.nick = new.to_owned();
            None
        }
        Some("unavailable") => {
            core.shared.vacate(place, &seat.nick, agent.session);
            match entry.remove().phase {
                Phase::Leaving(left) => {
                    if let Some(left) = left {
                        let _ = left.send(());
                    }
                    None
                }
                Phase::Joining(seated) => {
                    if let Some(seated) = seated {
                        let condition = if has("301") {
                            "forbidden"
                        } else {
                            "registration-required"
                        };
                        let _ = seated.send(Err(StanzaError {
                            condition: condition.into(),
                            text: None,
                        }));
                    }
                    None
                }
                Phase::In => {
                    let (reason, may_retry) = put_out(stanza);
                    let (agent, channel) = (agent.key, room.channel.clone());
                    Some(Inbound::Inactive {
                        agent,
                        channel,
                        reason,
                        may_retry,
                    })
                }
            }
        }
        Some(_) => None,
    }
}

/// Why an occupant was put out of a room, and whether coming back is in order.
pub(super) fn put_out(stanza: &Element) -> (String, bool) {
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
    let has = |code: &str| {
        x.children()
            .any(|one| one.name == "status" && one.attribute("code") == Some(code))
    };
    let (what, may_retry) = match () {
        () if has("301") => ("the agent was banned from the room", false),
        // Kicked by the service itself, because something went wrong.
        () if has("333") => ("the agent was taken out of the room after an error", true),
        () if has("307") => ("the agent was kicked", false),
        () if has("321") => ("the agent may no longer be in the room", false),
        () if has("322") => ("the room has become for members only", false),
        () if has("332") => ("the rooms' service is stopping", true),
        () => ("the agent is no longer in the room", true),
    };
    (format!("{what}{detail}"), may_retry)
}

/// Something said in a room.
pub(super) async fn heard(core: &Core, from: &Jid, to: &str, stanza: &Element) {
    let heard = hear(core, from, to, stanza);
    if let Some(item) = heard {
        core.hand_over(item).await;
    }
}

fn hear(core: &Core, from: &Jid, to: &str, stanza: &Element) -> Option<Inbound> {
    let place = from.bare();
    let given = message::stanza_id(stanza, place);
    let mut state = core.state.lock();
    let is_in = |agent: &Agent| {
        agent
            .seats
            .get(place)
            .is_some_and(|seat| matches!(seat.phase, Phase::In))
    };
    if !state.agents.get(to).is_some_and(is_in) {
        return None;
    }
    let room = state.rooms.get_mut(place)?;
    let said = said(stanza);
    if said.parts.is_none() {
        let subject = said
            .subject
            .map(|subject| subject.trim().to_owned())
            .map(|subject| Some(subject).filter(|s| !s.is_empty()))?;
        if room.subject != subject {
            room.subject.clone_from(&subject);
            let change = StateChange::Subject {
                seen_by: SeenBy::Room,
                channel: room.channel.clone(),
                subject,
            };
            drop(state);
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
        occupant(core, place, nick, real.as_deref()),
        now,
    )?;
    let mut state = core.state.lock();
    let room = state.rooms.get_mut(place)?;
    let has_archive = room.info.as_ref().is_some_and(|info| info.has_archive);
    let resume = given
        .filter(|_| has_archive && !room.has_gap)
        .and_then(|id| Point::After { id, time }.to_resume());
    if resume.is_some() && room.held.is_none() {
        room.last.clone_from(&resume);
    }
    if let Some(origin) = &received.origin {
        core.shared.pasts.lock().answered(origin);
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

/// An id for a message of a room that gives none: the same for each copy of it.
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

/// A message into a room came back: what is to be handed over, in that order.
pub(super) fn refused(core: &Core, from: &Jid, to: &str, stanza: &Element) -> [Option<Inbound>; 2] {
    // Posts go to the room itself: an error from an occupant is no answer to them, whatever it says.
    let Some(id) = stanza.attribute("id").filter(|_| from.resource().is_none()) else {
        return [None, None];
    };
    let error = StanzaError::of(stanza);
    let mut post_error = error.of_post();
    let mut item = None;
    // The room does not know us any more: it forgot us without a word.
    if error.is("not-acceptable") || error.is("item-not-found") {
        post_error = BackendError::new(
            BackendErrorKind::Unreachable,
            "the agent is no longer in the room; it joins again",
        );
        item = forgotten(core, from.bare(), to);
    }
    [posting::refused(core, id, from.bare(), post_error), item]
}

/// The room does not know an agent any more that believes to be in it.
fn forgotten(core: &Core, place: &str, agent: &str) -> Option<Inbound> {
    let mut state = core.state.lock();
    let channel: ChannelId = state.rooms.get(place)?.channel.clone();
    let agent = state.agents.get_mut(agent)?;
    let Entry::Occupied(entry) = agent.seats.entry(place.to_owned()) else {
        return None;
    };
    if !matches!(entry.get().phase, Phase::In) {
        return None;
    }
    let seat = entry.remove();
    core.shared.vacate(place, &seat.nick, agent.session);
    let reason = "the room does not know the agent any more".to_owned();
    Some(Inbound::Inactive {
        agent: agent.key,
        channel,
        reason,
        may_retry: true,
    })
}

/// Asks some rooms whether our agents are still in them (XEP-0410): a rooms' service that was started anew forgets
/// them without a word. `from` goes round all seats; answers where to go on.
pub(super) async fn check(core: &Core, from: usize) -> usize {
    let seats: Vec<(Jid, Jid)> = {
        let state = core.state.lock();
        let all = state.agents.values().flat_map(|agent| {
            agent
                .seats
                .iter()
                .map(move |(place, seat)| (agent, place, seat))
        });
        let inside = all
            .filter(|(_, _, seat)| matches!(seat.phase, Phase::In))
            .skip(from)
            .take(CHECKED_MAX);
        inside
            .filter_map(|(agent, place, seat)| {
                Some((
                    agent.jid.clone(),
                    Jid::parse(place)?.with_resource(&seat.nick)?,
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
        // Any other answer comes from somebody in the room, or says nothing about it.
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
