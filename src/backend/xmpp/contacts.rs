//! Contacts: subscriptions, presence, messages and typing.

use super::core::Core;
use super::errors::StanzaError;
use super::jid::Jid;
use super::living::Speaker;
use super::message::read;
use super::ns;
use super::point::Reached;
use super::presence::shown;
use super::state::{Agent, Contact, WATCHERS_MAX};
use super::strays::Stray;
use super::talk::{Talk, from_contact};
use super::xml::Element;
use crate::backend::{BackendError, Joined, ResumePoint, SeenBy, StateChange};
use crate::model::ChannelInfo;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// The most contacts of an account's roster.
const ROSTER_MAX: usize = 10_000;

fn presence_to(
    core: &Core,
    agent: &Jid,
    to: &str,
    kind: Option<&'static str>,
) -> Result<(), BackendError> {
    let presence = Element::stanza("presence")
        .with("to", to)
        .with_some("type", kind);
    let from = if matches!(
        kind,
        Some("subscribe" | "subscribed" | "unsubscribed" | "unsubscribe" | "probe")
    ) {
        agent.to_bare()
    } else {
        agent.clone()
    };
    core.send(&core.from(&from, presence))
}

/// Subscribes to a contact, catches up if there is an archive, and returns the contact's state.
pub(super) async fn join(
    core: &Core,
    talk: &Talk,
    session: u64,
    resume: Option<ResumePoint>,
) -> Result<Joined, BackendError> {
    begin_holding(core, talk, session, false)?;
    subscribe(core, talk)?;
    core.fence().await?;
    if let Some(refused) = take_refusal(core, talk, session)? {
        return Err(refused.of_subscription());
    }
    hear_past(core, talk, session, resume).await
}

/// Hands over what the archive has since the contact was heard last, and returns the answer to a
/// join.
async fn hear_past(
    core: &Core,
    talk: &Talk,
    session: u64,
    resume: Option<ResumePoint>,
) -> Result<Joined, BackendError> {
    let point = resume
        .as_ref()
        .and_then(Reached::parse)
        .filter(|_| talk.has_archive(core));
    let had_point = point.is_some();
    let mut stands = talk.catch_up(core, point).await?;
    if !had_point {
        stands = talk.newest(core).await?;
        talk.stands_at(core, stands.clone());
    }
    entered(core, talk, session, stands).await
}

/// Returns the answer to a join: what the contact is like, and how far it was heard.
async fn entered(
    core: &Core,
    talk: &Talk,
    session: u64,
    stands: Option<Reached>,
) -> Result<Joined, BackendError> {
    let uploads = super::upload::service(core, &talk.agent).await?;
    let (presence, text) = core.with_agent(talk.agent.bare(), session, |agent| {
        agent
            .contacts
            .get(&talk.jid)
            .map(|contact| contact.resources.best())
            .unwrap_or_default()
    })?;
    let name = core
        .state
        .lock()
        .roster
        .get(&talk.jid)
        .and_then(|(name, _)| name.clone());
    let mut info = ChannelInfo::named(name.unwrap_or_else(|| talk.channel.name().to_owned()));
    (info.presence, info.presence_text) = (presence, text);
    info.can_accept_files = uploads.is_some();
    info.max_message_length = core.config.message_length_max;
    info.max_story_length = core.config.story_length_max;
    Ok(Joined::new(info).with_resume(stands.as_ref().and_then(Reached::to_resume)))
}

/// Lets somebody in who wrote first and whom nobody provisioned: hands over what they wrote, and
/// what the archive has since the contact was let in before. Nothing is asked of them.
pub(super) async fn admit(
    core: &Core,
    talk: &Talk,
    session: u64,
    resume: Option<ResumePoint>,
) -> Result<Joined, BackendError> {
    begin_holding(core, talk, session, true)?;
    hear_past(core, talk, session, resume).await
}

/// Notes the contact, and holds what it says from now on; what it said before the join is held
/// first.
fn begin_holding(
    core: &Core,
    talk: &Talk,
    session: u64,
    is_open: bool,
) -> Result<(), BackendError> {
    let begun = core.with_agent(talk.agent.bare(), session, |agent| {
        if is_open
            && let Some(known) = agent.contacts.get(&talk.jid)
            && known.channel != talk.channel
        {
            return Err(BackendError::refused(format!(
                "the contact is joined as `{}`",
                known.channel
            )));
        }
        let strays = agent.strays.take(|stray| stray.from == talk.jid);
        let contact = agent
            .contacts
            .entry(talk.jid.clone())
            .or_insert_with(|| Contact {
                channel: talk.channel.clone(),
                spoke: None,
                resources: agent.early.remove(&talk.jid).unwrap_or_default(),
                held: None,
                has_gap: false,
                trail: None,
                refused: None,
                composing: false,
                is_open,
            });
        contact.channel = talk.channel.clone();
        contact.is_open = is_open;
        contact.refused = None;
        contact.held.get_or_insert_default();
        Ok((strays, agent.since))
    })?;
    let (strays, since) = begun?;
    for Stray { came, stanza, .. } in strays {
        // What the server kept for an account that was away is in its archive: news, or history,
        // from there. Of somebody who is let in because of it, it is all there is.
        if !is_open
            && talk.has_archive(core)
            && kept_since(core, &stanza).is_some_and(|said| said < since)
        {
            continue;
        }
        if let Some(live) = from_contact(talk, core, &stanza, came) {
            let _ = core.with_agent(talk.agent.bare(), session, |agent| {
                agent
                    .contacts
                    .get_mut(&talk.jid)
                    .and_then(|contact| contact.held.as_mut())
                    .map(|held| held.push(live))
            });
        }
    }
    Ok(())
}

/// Returns the server's reason if it refused the subscription, and forgets the contact then.
fn take_refusal(
    core: &Core,
    talk: &Talk,
    session: u64,
) -> Result<Option<StanzaError>, BackendError> {
    core.with_agent(talk.agent.bare(), session, |agent| {
        let refused = agent.contacts.get(&talk.jid)?.refused.clone()?;
        agent.contacts.remove(&talk.jid);
        Some(refused)
    })
}

/// Returns when our server took a message that it kept for a while. Delays that others report do
/// not count.
fn kept_since(core: &Core, stanza: &Element) -> Option<DateTime<Utc>> {
    let delay = stanza.find("delay", ns::DELAY)?;
    let by = Jid::parse(delay.attribute("from")?)?;
    read(stanza, Speaker::Contact)
        .time
        .filter(|_| by.as_str() == core.jid.domain() || by.as_str() == core.jid.bare())
}

/// Asks to see the contact, and shows the agent to it. An account whose server has done both
/// already need not.
fn subscribe(core: &Core, talk: &Talk) -> Result<(), BackendError> {
    let sees = core
        .state
        .lock()
        .roster
        .get(&talk.jid)
        .is_some_and(|(_, sees)| *sees);
    if !core.is_component {
        return if sees {
            Ok(())
        } else {
            presence_to(core, &talk.agent, &talk.jid, Some("subscribe"))
        };
    }
    // The probe first, for one who has approved already: after a request that waits for its answer,
    // Prosody takes it for a stranger's and drops the request.
    presence_to(core, &talk.agent, &talk.jid, Some("probe"))?;
    presence_to(core, &talk.agent, &talk.jid, Some("subscribe"))?;
    presence_to(core, &talk.agent, &talk.jid, None)
}

/// Forgets a contact. On a component the contact no longer sees the agent.
pub(super) fn leave(core: &Core, talk: &Talk, session: u64) -> Result<(), BackendError> {
    let known = core.with_agent(talk.agent.bare(), session, |agent| {
        let left = agent.contacts.remove(&talk.jid);
        let known = left.as_ref().is_some_and(|contact| !contact.is_open);
        if let Some(contact) = left.filter(|left| !core.is_component && !left.is_open) {
            agent.early.insert(talk.jid.clone(), contact.resources);
        }
        known
    })?;
    if known && core.is_component {
        presence_to(core, &talk.agent, &talk.jid, Some("unavailable"))?;
    }
    Ok(())
}

/// Sends unavailable presence for an agent: to each contact and room, or on an account to all at
/// once.
pub(super) fn farewell(core: &Core, agent: &Agent) -> Result<(), BackendError> {
    let gone = |to: Option<&str>| {
        Element::stanza("presence")
            .with("type", "unavailable")
            .with_some("to", to)
    };
    for (room, seat) in &agent.seats {
        core.shared.vacate(room, &seat.nick, agent.session);
        if let Some(to) = Jid::parse(room).and_then(|room| room.with_resource(&seat.nick)) {
            core.send(&core.from(&agent.jid, gone(Some(to.as_str()))))?;
        }
    }
    if !core.is_component {
        return core.send(&gone(None));
    }
    let shown = |contact: &&String| {
        let known = agent.contacts.get(*contact);
        known.is_some_and(|known| !known.is_open)
    };
    for contact in agent
        .contacts
        .keys()
        .filter(shown)
        .chain(agent.watchers.iter().filter(|one| !shown(one)))
    {
        core.send(&core.from(&agent.jid, gone(Some(contact))))?;
    }
    Ok(())
}

/// Handles a person's presence, or a request for ours.
pub(super) fn presence(
    core: &Core,
    from: &Jid,
    to: &str,
    stanza: &Element,
) -> Result<(), BackendError> {
    let kind = stanza.attribute("type");
    if let Some(kind @ ("subscribe" | "probe" | "unsubscribe")) = kind {
        return asked(core, from, to, kind);
    }
    let mut state = core.state.lock();
    let sees = state.roster.get(from.bare()).is_some_and(|(_, sees)| *sees);
    let Some(agent) = state.agents.get_mut(to) else {
        return Ok(());
    };
    let key = agent.key;
    let resource = from.resource().unwrap_or_default();
    let Some(contact) = agent.contacts.get_mut(from.bare()) else {
        // An account's server sends everybody's presence at once, before the first contact is
        // joined.
        let shown = match stanza.attribute("type") {
            None => Some(shown(stanza)),
            Some("unavailable") => None,
            Some(_) => return Ok(()),
        };
        if sees {
            agent
                .early
                .entry(from.bare().to_owned())
                .or_default()
                .note(resource, shown);
        }
        return Ok(());
    };
    let before = contact.resources.best();
    match kind {
        None => contact.resources.note(resource, Some(shown(stanza))),
        Some("unavailable") => {
            contact.resources.note(resource, None);
            if contact.spoke.as_ref().is_some_and(|spoke| spoke == from) {
                contact.spoke = None;
            }
        }
        Some("subscribed") if core.is_component => {
            let jid = agent.jid.clone();
            drop(state);
            // Not every server sends the presence together with its consent.
            return presence_to(core, &jid, from.bare(), Some("probe"));
        }
        Some("unsubscribed") => contact.resources.note("", None),
        Some("error") => contact.refused = Some(StanzaError::of(stanza)),
        Some(_) => return Ok(()),
    }
    let (presence, text) = contact.resources.best();
    if (presence, &text) != (before.0, &before.1) {
        let change = StateChange::Presence {
            seen_by: SeenBy::Agent(key),
            channel: contact.channel.clone(),
            presence,
            text,
        };
        drop(state);
        core.inbox.state(change);
    }
    Ok(())
}

/// Handles a subscription, probe or unsubscription of an agent's presence by a person.
fn asked(core: &Core, from: &Jid, to: &str, kind: &str) -> Result<(), BackendError> {
    let mut state = core.state.lock();
    let Some(agent) = state.agents.get_mut(to) else {
        drop(state);
        // A person who saw an agent that is signed out now, or asks for one, learns that it is not
        // there.
        return match Jid::parse(to).and_then(|to| to.with_resource(&core.config.resource)) {
            Some(absent)
                if core.is_component && absent.local().is_some() && kind != "unsubscribe" =>
            {
                presence_to(core, &absent, from.bare(), Some("unavailable"))
            }
            _ => Ok(()),
        };
    };
    let jid = agent.jid.clone();
    if kind == "unsubscribe" {
        agent.watchers.remove(from.bare());
    } else if core.config.approves && agent.watchers.len() < WATCHERS_MAX {
        agent.watchers.insert(from.bare().to_owned());
    }
    drop(state);
    match kind {
        "unsubscribe" => presence_to(core, &jid, from.bare(), Some("unsubscribed")),
        _ if !core.config.approves => Ok(()),
        "subscribe" => {
            presence_to(core, &jid, from.bare(), Some("subscribed"))?;
            if core.is_component {
                presence_to(core, &jid, from.bare(), None)
            } else {
                Ok(())
            }
        }
        _ if core.is_component => presence_to(core, &jid, from.as_str(), None),
        _ => Ok(()),
    }
}

/// Returns the address for messages to a contact: the resource that wrote last, else the bare
/// address, which reaches all.
pub(super) fn address(
    core: &Core,
    talk: &Talk,
    session: u64,
) -> Result<Option<String>, BackendError> {
    core.with_agent(talk.agent.bare(), session, |agent| {
        let contact = agent.contacts.get(&talk.jid)?;
        Some(
            contact
                .spoke
                .as_ref()
                .map_or(talk.jid.clone(), |spoke| spoke.as_str().to_owned()),
        )
    })
}

/// Reads an account's roster, or a change of it.
pub(super) fn roster(query: &Element) -> HashMap<String, (Option<String>, bool)> {
    let items = query
        .children()
        .filter(|item| item.is("item", ns::ROSTER))
        .take(ROSTER_MAX);
    items
        .filter_map(|item| {
            let jid = Jid::parse(item.attribute("jid")?)?;
            let name = item
                .attribute("name")
                .filter(|name| !name.is_empty())
                .map(str::to_owned);
            let sees = matches!(item.attribute("subscription"), Some("to" | "both"));
            Some((jid.bare().to_owned(), (name, sees)))
        })
        .collect()
}
