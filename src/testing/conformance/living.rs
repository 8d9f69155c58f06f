//! Checks about changes of messages: edits, retractions, reactions, receipts and answers, of the
//! agent's own and of people's.

use super::rig::{Rig, Stop, ensure, fail, key, outgoing, skip, text_of, unique};
use crate::backend::{
    BackendErrorKind, ChannelId, Outgoing, OutgoingChange, Posted, Received, Session,
};
use crate::model::{ChangeKind, Content, MessageId, Receipt, Target};
use std::sync::Arc;

/// Messages of a history that are looked at.
const PAGE: usize = 20;

fn retraction() -> ChangeKind {
    ChangeKind::Retracted {
        by_moderator: false,
        reason: None,
    }
}

fn reactions() -> ChangeKind {
    ChangeKind::Reactions(vec!["👍".to_owned()])
}

pub(super) fn denied(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let can = rig.capabilities;
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    let mut denied = 0;
    for (can, kind) in [
        (can.edits, ChangeKind::Edited),
        (can.retractions, retraction()),
        (can.reactions, reactions()),
        (can.receipts, ChangeKind::Receipt(Receipt::Read)),
    ] {
        if can {
            continue;
        }
        denied += 1;
        let id = MessageId::parse("m1").map_err(|error| Stop::Fail(error.to_string()))?;
        let change = change(&Target::new(id), &kind, "changed").1;
        match rig.ask(|| session.clone().change(channel.clone(), change))? {
            Err(error) if error.kind == BackendErrorKind::Unsupported => {}
            answer => return fail(format!("{kind:?} was answered {answer:?}")),
        }
    }
    match denied {
        0 => skip("it can change messages in every way"),
        _ => Ok(()),
    }
}

pub(super) fn own_edit(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let can = rig.capabilities.edits;
    of_own(rig, can, &ChangeKind::Edited)
}

pub(super) fn own_retraction(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let can = rig.capabilities.retractions;
    of_own(rig, can, &retraction())
}

pub(super) fn own_reactions(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let can = rig.capabilities.reactions;
    of_own(rig, can, &reactions())
}

/// The agent changes what it said, in a room and in a talk, wherever there is one.
fn of_own(rig: &mut Rig<'_>, can: bool, kind: &ChangeKind) -> Result<(), Stop> {
    if !can {
        return skip("it cannot");
    }
    let session = rig.sign_in(0)?;
    for channel in [rig.room(), rig.contact()].into_iter().flatten() {
        rig.join(&session, &channel, None)?;
        let (old, new) = (unique("before"), unique("after"));
        let target = said_by_agent(rig, &session, &channel, &old)?;
        make(rig, &session, &channel, &target, kind, &new)?;
        let is_room = rig.room().is_ok_and(|room| room == channel);
        if is_room && rig.capabilities.history && !matches!(kind, ChangeKind::Reactions(_)) {
            let text = match kind {
                ChangeKind::Edited => Some(new.as_str()),
                _ => None,
            };
            became(rig, &session, &channel, &target.id, &old, text)?;
        }
    }
    Ok(())
}

pub(super) fn read(rig: &mut Rig<'_>) -> Result<(), Stop> {
    if !rig.capabilities.receipts {
        return skip("it has no receipts");
    }
    let channel = rig.contact().or_else(|_| rig.room())?;
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    let text = unique("read this");
    rig.say(&channel, 0, &text)?;
    let said = rig.receive(1, |received| text_of(received) == text)?;
    let target = target_of(&said[0]);
    let kind = ChangeKind::Receipt(Receipt::Read);
    make(rig, &session, &channel, &target, &kind, "")
}

pub(super) fn answers(rig: &mut Rig<'_>) -> Result<(), Stop> {
    if !rig.capabilities.replies {
        return skip("it has no replies");
    }
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    let text = unique("a question");
    rig.say(&channel, 0, &text)?;
    let said = rig.receive(1, |received| text_of(received) == text)?;
    let target = target_of(&said[0]);
    let mut answer = outgoing(&unique("an answer"));
    answer.content.in_reply_to = Some(target.id.clone());
    let answer = answer.answering(target.clone());
    match rig.post(&session, &channel, answer.clone())? {
        Posted::Accepted(_) => Ok(()),
        Posted::Sent => {
            let back = rig.receive(1, |received| {
                received.origin.as_ref() == Some(&answer.origin)
            })?;
            let answered = back[0].content.in_reply_to.as_ref();
            ensure(answered.is_some_and(|id| names(&target, id)), || {
                format!("it came back as an answer to {answered:?}")
            })
        }
    }
}

/// What people do to their own messages and to each other's comes as changes of those.
pub(super) fn of_people(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let can = rig.capabilities;
    let session = rig.sign_in(0)?;
    let mut seen = 0;
    for channel in [rig.room(), rig.contact()].into_iter().flatten() {
        rig.join(&session, &channel, None)?;
        for (can, kind) in [
            (can.reactions, reactions()),
            (can.edits, ChangeKind::Edited),
            (can.retractions, retraction()),
        ] {
            if !can {
                continue;
            }
            let (old, new) = (unique("a person"), unique("a person changed"));
            rig.say(&channel, 0, &old)?;
            let said = rig
                .receive(1, |received| text_of(received) == old)?
                .remove(0);
            let address = rig.address(0);
            match rig.world.change(&channel, &address, &said, &kind, &new) {
                None => return skip("the world's people change nothing"),
                Some(Err(reason)) => return fail(format!("{kind:?} by a person: {reason}")),
                Some(Ok(())) => {}
            }
            let target = target_of(&said);
            let came = rig.receive(1, |received| is_of(received, &target, &kind))?;
            if kind == ChangeKind::Edited {
                let text = text_of(&came[0]);
                ensure(text == new, || {
                    format!("an edit to `{new}` came as `{text}`")
                })?;
            }
            ensure(said_by(&came[0]) == said_by(&said), || {
                format!("{kind:?} came from another author than its message")
            })?;
            seen += 1;
        }
    }
    match seen {
        0 => skip("it has no changes"),
        _ => Ok(()),
    }
}

fn said_by(received: &Received) -> &str {
    received.author.as_deref().unwrap_or(&received.sender)
}

/// Posts a text; returns it as the journal would name it.
fn said_by_agent(
    rig: &Rig<'_>,
    session: &Arc<dyn Session>,
    channel: &ChannelId,
    text: &str,
) -> Result<Target, Stop> {
    let message = outgoing(text);
    let mut target = match rig.post(session, channel, message.clone())? {
        Posted::Accepted(accepted) => {
            let mut target = Target::new(accepted.id);
            target.sender = Some(accepted.sender);
            target.sender_id = accepted.sender_id;
            target
        }
        Posted::Sent => {
            let origin = Some(&message.origin);
            let back = rig.receive(1, |received| received.origin.as_ref() == origin)?;
            target_of(&back[0])
        }
    };
    target.text = text.to_owned();
    target.origin = Some(message.origin);
    target.sender_agent = Some(key(0));
    Ok(target)
}

fn target_of(received: &Received) -> Target {
    let mut target = Target::new(received.id.clone());
    target.sender = Some(received.sender.clone());
    target.sender_alias = received.sender_alias.clone();
    target.sender_id = received.sender_id.clone();
    target.text = text_of(received);
    target
}

/// Whether that is one of the message's ids.
fn names(target: &Target, id: &MessageId) -> bool {
    let origin = target.origin.as_ref().map(|origin| origin.as_str());
    [
        Some(target.id.as_str()),
        target.sender_id.as_deref(),
        origin,
    ]
    .contains(&Some(id.as_str()))
}

fn is_of(received: &Received, target: &Target, kind: &ChangeKind) -> bool {
    let changes = received.changes.as_deref();
    changes.is_some_and(|changes| names(target, &changes.target) && changes.kind == *kind)
}

/// A change as the engine makes it, and its origin.
fn change(target: &Target, kind: &ChangeKind, text: &str) -> (crate::model::OriginId, Outgoing) {
    let origin = outgoing("").origin;
    let content = match kind {
        ChangeKind::Edited => Content::text(text),
        _ => Content::default(),
    };
    let change = OutgoingChange::new(target.clone(), kind.clone());
    let mut change = Outgoing::changing(origin.clone(), change, content);
    if *kind == ChangeKind::Edited {
        change.text = text.to_owned();
    }
    (origin, change)
}

/// Makes a change, and waits for it to come back where it does.
fn make(
    rig: &Rig<'_>,
    session: &Arc<dyn Session>,
    channel: &ChannelId,
    target: &Target,
    kind: &ChangeKind,
    text: &str,
) -> Result<(), Stop> {
    let (origin, change) = change(target, kind, text);
    let changed = rig.want("change", || session.clone().change(channel.clone(), change))?;
    if let Posted::Accepted(_) = changed {
        return Ok(());
    }
    let back = rig.receive(1, |received| received.origin.as_ref() == Some(&origin))?;
    ensure(is_of(&back[0], target, kind), || {
        format!("{kind:?} of `{}` came back as {:?}", target.id, back[0])
    })?;
    ensure(
        *kind != ChangeKind::Edited || text_of(&back[0]) == text,
        || format!("an edit to `{text}` came back as `{}`", text_of(&back[0])),
    )
}

/// Checks that the history has the message once, with that text; `None`: with none.
fn became(
    rig: &Rig<'_>,
    session: &Arc<dyn Session>,
    channel: &ChannelId,
    id: &MessageId,
    old: &str,
    text: Option<&str>,
) -> Result<(), Stop> {
    let page = rig.want("history", || {
        session.clone().history(channel.clone(), None, PAGE)
    })?;
    ensure(page.iter().all(|message| text_of(message) != old), || {
        "its history still has what was changed".into()
    })?;
    let Some(text) = text else {
        return Ok(());
    };
    let now = page.iter().filter(|message| text_of(message) == text);
    let ids: Vec<_> = now.map(|message| message.id.clone()).collect();
    ensure(ids == [id.clone()], || {
        format!("its history has `{text}` under {ids:?} instead of `{id}`")
    })
}
