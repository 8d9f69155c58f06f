//! Posts to a room, which sends them back, and to a contact, which does not.

use super::core::Core;
use super::living;
use super::message;
use super::ns;
use super::sent::{Post, PostText};
use super::state::Phase;
use super::talk::Talk;
use super::xml::Element;
use super::{contacts, upload};
use crate::backend::{
    Accepted, BackendError, BackendErrorKind, Inbound, OriginId, Outgoing, OutgoingChange, Posted,
    Upload,
};
use crate::model::{ChangeKind, MessageId, Target};
use std::time::Duration;

/// A post to a contact that was sent. Nothing comes back, so the server is asked whether it has the
/// post.
pub(super) struct SentToContact {
    origin: OriginId,
    parts: Vec<crate::model::Part>,
}

/// Puts a post into the line to the server. Posts are sent in the order of these calls.
pub(super) fn send(
    core: &Core,
    talk: &Talk,
    session: u64,
    message: Outgoing,
) -> Result<Option<SentToContact>, BackendError> {
    if core.outbox.is_long() {
        let reason = "too much waits for the server";
        return Err(BackendError::new(
            BackendErrorKind::RetryAfter(Duration::from_secs(1)),
            reason,
        ));
    }
    let gone = |what: &str| BackendError::new(BackendErrorKind::ChannelGone, what);
    let (is_in, by) = core.with_agent(talk.agent.bare(), session, |agent| {
        let seat = agent.seats.get(&talk.jid);
        let is_in = seat.is_some_and(|seat| matches!(seat.phase, Phase::In));
        (is_in, agent.address.clone())
    })?;
    let (to, kind) = if talk.is_room {
        if !is_in {
            return Err(gone("the agent is not in this room"));
        }
        (talk.jid.clone(), "groupchat")
    } else {
        let to = contacts::address(core, talk, session)?;
        (
            to.ok_or_else(|| gone("this contact is not joined"))?,
            "chat",
        )
    };
    let stanza = living::stanza(&to, kind, &message);
    let mut stanza = stanza.unwrap_or_else(|| message::stanza(&to, kind, &message));
    if let [crate::model::Part::Hyperlink { url, .. }] = &message.content.parts[..]
        && message.text == *url
    {
        // For a file: programs show it only if the body is its address and nothing else.
        let url = Element::new("url", ns::OOB).text(url.as_str());
        stanza.nodes.retain(
            |node| !matches!(node, super::xml::Node::Element(element) if element.name == "body"),
        );
        stanza = stanza.child(Element::stanza("body").text(message.text.as_str()));
        stanza = stanza.child(Element::new("x", ns::OOB).child(url));
    }
    let Outgoing {
        origin,
        text,
        content,
        changes,
        ..
    } = message;
    let (mut parts, mut said) = (content.parts, None);
    // A change comes back with its id, or is not recognised: its words may be those of a message.
    if talk.is_room && changes.is_none() {
        let parts = std::mem::take(&mut parts);
        said = Some(PostText { text, parts });
    }
    let post = Post {
        to: talk.jid.clone(),
        by,
        at: core.inbox.now(),
        text: said,
    };
    core.shared.pasts.lock().sent(&origin, post);
    if let Err(error) = core.send(&core.from(&talk.agent, stanza)) {
        core.shared.pasts.lock().take_back(&origin);
        return Err(error);
    }
    Ok((!talk.is_room).then_some(SentToContact { origin, parts }))
}

/// Waits until the server has a post to a contact. What it refused has come back by then, as
/// [`PostRefused`](crate::backend::Inbound::PostRefused).
pub(super) async fn arrive(
    core: &Core,
    talk: &Talk,
    sent: SentToContact,
) -> Result<Posted, BackendError> {
    let SentToContact { origin, parts } = sent;
    let unknown = |reason: &str| BackendError::new(BackendErrorKind::OutcomeUnknown, reason);
    core.fence().await.map_err(|error| unknown(&error.reason))?;
    if !core.shared.pasts.lock().answered(&origin) {
        // The engine has the refusal already, and that decides.
        return Err(unknown("the post came back as an error"));
    }
    let id = MessageId::parse(origin.as_str()).map_err(|error| unknown(&error.to_string()))?;
    let sender = core
        .state
        .lock()
        .agents
        .get(talk.agent.bare())
        .map(|agent| agent.address.as_str().to_owned());
    let sender = sender.unwrap_or_else(|| format!("xmpp:{}", talk.agent.bare()));
    let mut accepted = Accepted::new(id, sender).with_time(core.inbox.now());
    accepted.parts = Some(parts).filter(|parts| !parts.is_empty());
    Ok(accepted.into())
}

/// Uploads a file and posts its link.
pub(super) async fn file(
    core: &Core,
    talk: &Talk,
    session: u64,
    upload: Upload,
) -> Result<Posted, BackendError> {
    let message = upload::send(core, &talk.agent, upload).await?;
    match send(core, talk, session, message)? {
        Some(sent) => arrive(core, talk, sent).await,
        None => Ok(Posted::Sent),
    }
}

/// Handles a post that came back as an error from `from`. Returns the notice for the engine, if the
/// post was sent to `from`.
pub(super) fn refused(core: &Core, id: &str, from: &str, error: BackendError) -> Option<Inbound> {
    let is_ours = core.shared.pasts.lock().refused(id, from);
    let origin = OriginId::parse(id).ok().filter(|_| is_ours)?;
    Some(Inbound::PostRefused { origin, error })
}

/// Changes a message: as a moderator through the room, and else as a message is posted.
pub(super) async fn change(
    core: &Core,
    talk: &Talk,
    session: u64,
    change: Outgoing,
) -> Result<Posted, BackendError> {
    let what = change.changes.as_deref();
    if let Some(OutgoingChange {
        target,
        kind: ChangeKind::Retracted {
            by_moderator: true,
            reason,
        },
        ..
    }) = what
    {
        return moderate(core, talk, target, reason.as_deref(), &change.origin).await;
    }
    match send(core, talk, session, change)? {
        Some(sent) => arrive(core, talk, sent).await,
        None => Ok(Posted::Sent),
    }
}

/// Asks a room to take somebody's message back. It then says so to everybody.
async fn moderate(
    core: &Core,
    talk: &Talk,
    target: &Target,
    reason: Option<&str>,
    origin: &OriginId,
) -> Result<Posted, BackendError> {
    let namespace = {
        let state = core.state.lock();
        let room = state.rooms.get(&talk.jid).filter(|_| talk.is_room);
        let info = room.and_then(|room| room.info.as_ref());
        info.and_then(|info| info.moderation)
    };
    let Some(namespace) = namespace else {
        return Err(BackendError::unsupported("moderation in this channel"));
    };
    let id = target.id.as_str();
    let asked = living::moderation(target, reason, namespace);
    core.shared.moderates(&talk.jid, id, origin);
    let asked = core.ask(&talk.agent, Some(&talk.jid), "set", asked).await;
    match asked {
        Ok(Ok(_)) => Ok(Posted::Sent),
        Ok(Err(refused)) => {
            core.shared.take_moderation(&talk.jid, id);
            Err(refused.of_request("the room does not take the message back"))
        }
        // It may have come all the same, and then the room says so.
        Err(error) => Err(BackendError::new(
            BackendErrorKind::OutcomeUnknown,
            error.reason,
        )),
    }
}
