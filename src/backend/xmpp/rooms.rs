//! Rooms (XEP-0045): going in and leaving. What a room shows is in `room_presence`, what is said
//! there in `room_words`.

use super::core::Core;
use super::held::Held;
use super::jid::Jid;
use super::ns;
use super::point::Reached;
use super::state::{Phase, Room, RoomInfo, Seat};
use super::talk::Talk;
use super::xml::Element;
use crate::backend::{BackendError, Joined, ResumePoint};
use crate::model::ChannelInfo;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a room may take to answer a join until it counts as absent.
const JOIN_MAX: Duration = Duration::from_secs(30);
/// How long a room may take to answer a leave until the agent is out all the same.
const LEAVE_MAX: Duration = Duration::from_secs(5);
/// How many nicknames are tried.
const NICKS_MAX: usize = 8;

/// Enters a room, catches up, and returns the room's properties.
pub(super) async fn join(
    core: &Core,
    talk: &Talk,
    session: u64,
    resume: Option<ResumePoint>,
) -> Result<Joined, BackendError> {
    let is_inside = core.with_agent(talk.agent.bare(), session, |agent| {
        agent
            .seats
            .get(&talk.jid)
            .is_some_and(|seat| matches!(seat.phase, Phase::In))
    })?;
    get_to_know(core, talk).await?;
    let point = resume
        .as_ref()
        .and_then(Reached::parse)
        .filter(|_| talk.has_archive(core));
    if point.is_some() {
        talk.hold(core, Some(Held::default()));
    }
    if !is_inside && let Err(error) = go_in(core, talk, session).await {
        talk.hold(core, None);
        return Err(error);
    }
    let mut stands = talk.catch_up(core, point).await?;
    let is_known = core
        .state
        .lock()
        .rooms
        .get(&talk.jid)
        .is_some_and(|room| room.trail.is_some());
    if stands.is_none() && !is_known {
        stands = talk.newest(core).await?;
    }
    let takes_files = super::upload::service(core, &talk.agent).await?.is_some();
    joined(core, talk, stands, takes_files)
}

/// Records the room on this link, and asks for its properties unless they are known.
async fn get_to_know(core: &Core, talk: &Talk) -> Result<(), BackendError> {
    let known = {
        let mut state = core.state.lock();
        let room = state.rooms.entry(talk.jid.clone()).or_insert_with(|| {
            let copies = core.shared.copies(&talk.jid);
            let link = copies.lock().begin();
            Room {
                channel: talk.channel.clone(),
                info: None,
                subject: None,
                copies,
                link,
                held: None,
                has_gap: false,
                trail: None,
                real: HashMap::new(),
            }
        });
        room.info.is_some()
    };
    if !known {
        let info = super::disco::room(core, &talk.agent, &talk.jid).await?;
        if let Some(room) = core.state.lock().rooms.get_mut(&talk.jid) {
            room.info = Some(info);
        }
    }
    Ok(())
}

/// Returns the result of a join: the room's properties, and the point to resume from.
fn joined(
    core: &Core,
    talk: &Talk,
    stands: Option<Reached>,
    takes_files: bool,
) -> Result<Joined, BackendError> {
    let mut state = core.state.lock();
    let Some(room) = state.rooms.get_mut(&talk.jid) else {
        return Err(BackendError::unreachable("the room was left meanwhile"));
    };
    if room.trail.is_none() {
        room.trail.clone_from(&stands);
    }
    let RoomInfo {
        name, description, ..
    } = room.info.clone().unwrap_or_default();
    let mut info = ChannelInfo::named(name.unwrap_or_else(|| talk.channel.name().to_owned()));
    info.description = description;
    info.subject.clone_from(&room.subject);
    info.can_accept_files = takes_files;
    info.max_message_length = core.config.message_length_max;
    info.max_story_length = core.config.story_length_max;
    let resume = stands.as_ref().or(room.trail.as_ref());
    let resume = resume.and_then(Reached::to_resume);
    Ok(Joined::new(info).with_resume(resume))
}

/// Enters a room under the first nickname that is free.
async fn go_in(core: &Core, talk: &Talk, session: u64) -> Result<(), BackendError> {
    let wanted = core.config.nickname_of(&talk.agent);
    let mut refused = None;
    let first = core.with_agent(talk.agent.bare(), session, |agent| {
        agent.attempts.remove(&talk.jid).unwrap_or(1)
    })?;
    for attempt in first..first + NICKS_MAX {
        let nick = if attempt == 1 {
            wanted.clone()
        } else {
            format!("{wanted}-{attempt}")
        };
        let (seated, seats) = oneshot::channel();
        let address = core.with_agent(talk.agent.bare(), session, |agent| {
            let phase = Phase::Joining(Some(seated));
            agent.seats.insert(
                talk.jid.clone(),
                Seat {
                    nick: nick.clone(),
                    phase,
                    is_entering: true,
                },
            );
            agent.address.clone()
        })?;
        if !core.shared.occupy(&talk.jid, &nick, &address, session) {
            continue;
        }
        let Some(to) = Jid::parse(&talk.jid).and_then(|room| room.with_resource(&nick)) else {
            give_up(core, talk, session, &nick);
            return Err(BackendError::refused(format!(
                "`{nick}` cannot be a nickname"
            )));
        };
        core.send(&core.from(&talk.agent, entry(&to)))?;
        let answer = tokio::select! {
            biased;
            answer = seats => answer.map_err(|_| core.why_over())?,
            () = core.inbox.sleep(JOIN_MAX) => {
                give_up(core, talk, session, &nick);
                if refused.is_some() {
                    begin_next_with(core, talk, session, attempt);
                }
                return Err(BackendError::unreachable("the room does not answer"));
            }
        };
        match answer {
            Ok(false) => return Ok(()),
            Ok(true) => {
                undo(core, talk).await?;
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

/// Destroys a room that our entry has made: a mistyped name must not create one.
async fn undo(core: &Core, talk: &Talk) -> Result<(), BackendError> {
    let destroy =
        Element::new("query", ns::MUC_OWNER).child(Element::new("destroy", ns::MUC_OWNER));
    let asked = core.ask(&talk.agent, Some(&talk.jid), "set", destroy);
    asked.await.map(drop)
}

/// Returns the presence that asks for a seat, and for nothing of the past.
fn entry(seat: &Jid) -> Element {
    let history = Element::new("history", ns::MUC).with("maxstanzas", "0");
    Element::stanza("presence")
        .with("to", seat.as_str())
        .child(Element::new("x", ns::MUC).child(history))
}

/// Records the attempt that a room did not answer, after a refusal. A gateway that has refused one
/// nickname may drop the next, and be ready for it once it has connected again.
fn begin_next_with(core: &Core, talk: &Talk, session: u64, attempt: usize) {
    let _ = core.with_agent(talk.agent.bare(), session, |agent| {
        agent.attempts.insert(talk.jid.clone(), attempt)
    });
}

fn give_up(core: &Core, talk: &Talk, session: u64, nick: &str) {
    core.shared.vacate(&talk.jid, nick, session);
    let _ = core.with_agent(talk.agent.bare(), session, |agent| {
        agent.seats.remove(&talk.jid)
    });
}

/// Leaves a room, and waits a moment for its confirmation.
pub(super) async fn leave(core: &Core, talk: &Talk, session: u64) -> Result<(), BackendError> {
    let (left, leaves) = oneshot::channel();
    let to = core.with_agent(talk.agent.bare(), session, |agent| {
        let seat = agent.seats.get_mut(&talk.jid)?;
        seat.phase = Phase::Leaving(Some(left));
        Jid::parse(&talk.jid)?.with_resource(&seat.nick)
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
    forget_if_empty(core, &talk.jid);
    Ok(())
}

/// Forgets a room if none of our agents is in it.
fn forget_if_empty(core: &Core, room_jid: &str) {
    let mut state = core.state.lock();
    if !state
        .agents
        .values()
        .any(|agent| agent.seats.contains_key(room_jid))
    {
        state.rooms.remove(room_jid);
    }
}
