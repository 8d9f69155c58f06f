//! What people say to agents: contacts, and strangers, whose words wait for the join that lets them
//! in.

use super::core::Core;
use super::held::Live;
use super::jid::Jid;
use super::living::{self, Speaker};
use super::message::{Reading, read};
use super::ns;
use super::state::Agent;
use super::strays::Stray;
use super::talk::{Talk, from_contact};
use super::xml::Element;
use crate::backend::{ChannelId, Inbound, StateChange};

/// Handles a message or a typing notice of a person to an agent.
pub(super) async fn heard(core: &Core, from: &Jid, to: &str, stanza: &Element) {
    let said = read(stanza, Speaker::Contact);
    let came = core.inbox.now();
    let talk = match whose(core, from, to, stanza, &said) {
        Ok(talk) => talk,
        Err(None) => return,
        Err(Some(news)) => return core.hand_over(news).await,
    };
    if !said.says_something() {
        return;
    }
    let Some(live) = from_contact(&talk, core, stanza, came) else {
        return;
    };
    if let Some(item) = hold(core, to, &talk, live) {
        core.hand_over(item).await;
    }
    if said.parts.is_some()
        && living::asks_for_receipt(stanza)
        && let Some(id) = stanza.attribute("id")
    {
        let receipt = living::received(from.as_str(), id);
        // A receipt that does not leave is one that people do not see, and no more.
        let _ = core.send(&core.from(&talk.agent, receipt));
    }
}

/// Returns the conversation that a message or a typing notice belongs to.
///
/// # Errors
/// There is none: a message is kept until its sender is joined. What is to be told of that is
/// returned.
fn whose(
    core: &Core,
    from: &Jid,
    to: &str,
    stanza: &Element,
    said: &Reading,
) -> Result<Talk, Option<Inbound>> {
    let stray = || Stray {
        to: to.to_owned(),
        from: from.bare().to_owned(),
        came: core.inbox.now(),
        stanza: stanza.clone(),
    };
    let mut guard = core.state.lock();
    let state = &mut *guard;
    let Some(agent) = state.agents.get_mut(to) else {
        if said.says_something() {
            state.strays.keep(stray());
        }
        return Err(None);
    };
    let Some(contact) = agent.contacts.get_mut(from.bare()) else {
        if !said.says_something() {
            return Err(None);
        }
        agent.strays.keep(stray());
        // A change of what a stranger said waits with it, but begins nothing.
        if said.parts.is_none() {
            return Err(None);
        }
        let is_room = state.rooms.contains_key(from.bare());
        return Err(stranger(agent, from.bare(), stanza).filter(|_| !is_room));
    };
    let typing = said.composing.unwrap_or(false) && said.parts.is_none();
    let mut change = None;
    if said.parts.is_some() || said.composing.is_some() {
        contact.spoke = from.resource().map(|_| from.clone());
        if std::mem::replace(&mut contact.composing, typing) != typing {
            change = Some(StateChange::Composing {
                agent: agent.key,
                channel: contact.channel.clone(),
                composing: typing,
            });
        }
    }
    let talk = Talk {
        key: agent.key,
        agent: agent.jid.clone(),
        jid: from.bare().to_owned(),
        channel: contact.channel.clone(),
        is_room: false,
    };
    drop(guard);
    if let Some(change) = change {
        core.inbox.state(change);
    }
    Ok(talk)
}

/// Returns the news that somebody wrote whom the agent has not joined. Servers, rooms, and the
/// agent itself are nobody to be answered (§xmpp/strangers).
fn stranger(agent: &Agent, from: &str, stanza: &Element) -> Option<Inbound> {
    let is_person = Jid::parse(from).is_some_and(|from| from.local().is_some());
    if !is_person || from == agent.jid.bare() || stanza.find("x", ns::MUC_USER).is_some() {
        return None;
    }
    Some(Inbound::Stranger {
        agent: agent.key,
        channel: ChannelId::parse(&format!("contact:{from}")).ok()?,
    })
}

/// Returns the news of people who wrote to an agent before it signed in.
pub(super) fn strangers(core: &Core, agent: &Jid) -> Vec<Inbound> {
    let state = core.state.lock();
    let Some(agent) = state.agents.get(agent.bare()) else {
        return Vec::new();
    };
    let strays = agent.strays.line();
    let strays = strays.filter(|stray| !state.rooms.contains_key(&stray.from));
    let told = strays.filter_map(|stray| stranger(agent, &stray.from, &stray.stanza));
    told.collect()
}

/// Holds a message if its conversation is being caught up; returns it otherwise.
fn hold(core: &Core, to: &str, talk: &Talk, live: Live) -> Option<Inbound> {
    let mut state = core.state.lock();
    let agent = state.agents.get_mut(to)?;
    let contact = agent.contacts.get_mut(&talk.jid)?;
    match &mut contact.held {
        Some(held) => {
            held.push(live);
            None
        }
        None => Some(live.passed(&mut contact.trail, contact.has_gap)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fuzz::{BOT, core};
    use super::*;
    use crate::backend::recorder::Recorder;
    use futures_util::FutureExt;

    fn says(core: &Core, from: &str, extra: Option<Element>) {
        let stanza = Element::stanza("message")
            .with("from", from)
            .with("to", BOT)
            .with("type", "chat")
            .child(Element::stanza("body").text("hello"));
        let stanza = extra.into_iter().fold(stanza, Element::child);
        let from = Jid::parse(from).expect("an address");
        heard(core, &from, BOT, &stanza)
            .now_or_never()
            .expect("the recorder has room");
    }

    #[test]
    fn people_are_strangers_and_servers_rooms_and_the_agent_itself_are_not() {
        let recorder = Recorder::by_hand();
        let (core, _line) = core(&recorder);
        let invitation = Element::new("x", ns::MUC_USER);
        says(&core, "news.im.test", None);
        says(&core, "lobby@rooms.im.test", Some(invitation));
        says(&core, "ops@rooms.im.test/eve", None);
        says(&core, &format!("{BOT}/phone"), None);
        assert!(recorder.items().is_empty(), "{:?}", recorder.items());
        says(&core, "Eve@evil.example/phone", None);
        let items = recorder.items();
        let [Inbound::Stranger { channel, .. }] = &items[..] else {
            panic!("{items:?}")
        };
        assert_eq!(channel.as_str(), "contact:eve@evil.example");
        let signed_in = Jid::parse(BOT).expect("an address");
        assert_eq!(strangers(&core, &signed_in).len(), 1);
    }
}
