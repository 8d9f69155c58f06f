//! Posts: into a room, where the room's own copy is the answer, and to a contact.

use super::core::{Core, Phase};
use super::message;
use super::ns;
use super::shared::Answer;
use super::talk::Talk;
use super::xml::Element;
use super::{contacts, upload};
use crate::backend::{Accepted, BackendError, BackendErrorKind, OriginId, Outgoing, Upload};
use crate::model::MessageId;
use std::time::Duration;

/// A room that has not sent a post back for that long will not. A server that holds it for another one that is away
/// refuses it after a minute or two; until then it is under way, and a repeat of its key must not be sent beside it.
const ECHO_MAX: Duration = Duration::from_secs(600);

/// A post that has left.
pub(super) struct Left {
    answer: Answer,
    origin: OriginId,
    parts: Vec<crate::model::Part>,
}

/// Puts a post into the line: it has its place when this returns.
pub(super) fn leave(
    core: &Core,
    talk: &Talk,
    session: u64,
    message: Outgoing,
) -> Result<Left, BackendError> {
    if core.outbox.is_long() {
        let reason = "too much waits for the server";
        return Err(BackendError::new(
            BackendErrorKind::RetryAfter(Duration::from_secs(1)),
            reason,
        ));
    }
    let gone = |what: &str| BackendError::new(BackendErrorKind::ChannelGone, what);
    let (to, kind) = if talk.is_room {
        let is_in = core.with_agent(talk.agent.bare(), session, |agent| {
            agent
                .seats
                .get(&talk.place)
                .is_some_and(|seat| matches!(seat.phase, Phase::In))
        })?;
        if !is_in {
            return Err(gone("the agent is not in this room"));
        }
        (talk.place.clone(), "groupchat")
    } else {
        let to = contacts::address(core, talk, session)?;
        (
            to.ok_or_else(|| gone("this contact is not joined"))?,
            "chat",
        )
    };
    let mut stanza = message::stanza(&to, kind, &message);
    if let [crate::model::Part::Hyperlink { url, .. }] = &message.content.parts[..]
        && message.text == *url
    {
        // A file: programs show it if the body is its address and nothing else.
        let url = Element::new("url", ns::OOB).text(url.as_str());
        stanza.nodes.retain(
            |node| !matches!(node, super::xml::Node::Element(element) if element.name == "body"),
        );
        stanza = stanza.child(Element::stanza("body").text(message.text.as_str()));
        stanza = stanza.child(Element::new("x", ns::OOB).child(url));
    }
    let (origin, parts) = (message.origin.clone(), message.content.parts.clone());
    let answer = core
        .shared
        .sent(message, core.number, &talk.place, core.inbox.now());
    if let Err(error) = core.send(&core.from(&talk.agent, stanza)) {
        core.shared.take_back(&origin);
        return Err(error);
    }
    Ok(Left {
        answer,
        origin,
        parts,
    })
}

/// Waits until the chat system has it.
pub(super) async fn arrive(core: &Core, talk: &Talk, left: Left) -> Result<Accepted, BackendError> {
    let Left {
        mut answer,
        origin,
        parts,
    } = left;
    let _forget = Forget {
        core,
        origin: &origin,
    };
    let unknown = |reason: &str| BackendError::new(BackendErrorKind::OutcomeUnknown, reason);
    if talk.is_room {
        return tokio::select! {
            biased;
            answered = answer => answered.unwrap_or_else(|_| Err(unknown("the connection was lost before the post was answered"))),
            () = core.inbox.sleep(ECHO_MAX) => Err(unknown("the room did not send the post back")),
        };
    }
    tokio::select! {
        biased;
        answered = &mut answer => return answered.unwrap_or_else(|_| Err(unknown("the connection was lost"))),
        reached = core.fence() => if let Err(error) = reached {
            return Err(unknown(&error.reason));
        },
    }
    if let Ok(Err(refused)) = answer.try_recv() {
        return Err(refused);
    }
    core.shared.answered(&origin);
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
    Ok(accepted)
}

/// Uploads a file, then posts its link.
pub(super) async fn file(
    core: &Core,
    talk: &Talk,
    session: u64,
    upload: Upload,
) -> Result<Accepted, BackendError> {
    let message = upload::send(core, &talk.agent, upload).await?;
    let left = leave(core, talk, session, message)?;
    arrive(core, talk, left).await
}

struct Forget<'a> {
    core: &'a Core,
    origin: &'a OriginId,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.core.shared.forget(self.origin);
    }
}
