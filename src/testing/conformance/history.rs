//! Checks about what was said before: catching up, paging, looking up, searching.

use super::rig::{Rig, Stop, ensure, fail, key, messages, outgoing, skip, text_of, unique};
use super::talking::in_order;
use crate::backend::{ChannelKind, Found, Inbound, MessageId};
use std::sync::Arc;

/// Messages said while the agent is away.
const MISSED: usize = 30;

pub(super) fn catch_up(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    let joined = rig.join(&session, &channel, None)?;
    let before = unique("before");
    rig.say(&channel, 0, &before)?;
    let resume = rig.see("what was said before", |items, _| {
        items.iter().find_map(|item| match item {
            Inbound::Message {
                message, resume, ..
            } if text_of(message) == before => Some(resume.clone()),
            _ => None,
        })
    })?;
    let Some(resume) = resume.or(joined.resume) else {
        return skip("it has no resume points");
    };
    drop(session);
    rig.hang_up();
    let meanwhile = unique("meanwhile");
    let texts: Vec<String> = (0..MISSED).map(|n| format!("{meanwhile} {n:03}")).collect();
    for text in &texts {
        rig.say(&channel, 0, text)?;
    }
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, Some(resume))?;
    let caught_up = messages(&rig.recorder.items());
    ensure(
        caught_up.iter().all(|message| text_of(message) != before),
        || "what came before the point came again".into(),
    )?;
    let caught_up: Vec<_> = caught_up
        .into_iter()
        .filter(|message| text_of(message).starts_with(&meanwhile))
        .collect();
    in_order(&caught_up, &texts)?;
    let live = unique("live");
    rig.say(&channel, 0, &live)?;
    rig.receive(1, |received| text_of(received) == live)?;
    let all: Vec<_> = rig
        .listen()
        .into_iter()
        .filter(|message| text_of(message).starts_with(&meanwhile))
        .collect();
    ensure(all.len() == MISSED, || {
        format!("{MISSED} were missed, {} came in the end", all.len())
    })
}

pub(super) fn no_resume(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let old = unique("old");
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    rig.say(&channel, 0, &old)?;
    rig.receive(1, |received| text_of(received) == old)?;
    drop(session);
    rig.hang_up();
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    ensure(
        rig.listen().iter().all(|message| text_of(message) != old),
        || "something old came".into(),
    )
}

pub(super) fn pages(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    if !rig.capabilities.history {
        return skip("it has no history");
    }
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    let said = unique("page");
    let texts: Vec<String> = (0..6).map(|n| format!("{said} {n}")).collect();
    for text in &texts {
        rig.say(&channel, 0, text)?;
    }
    rig.receive(texts.len(), |received| text_of(received).starts_with(&said))?;
    let page = |before: Option<MessageId>, take: usize| {
        rig.want("history", || {
            session.clone().history(channel.clone(), before, take)
        })
    };
    let newest = page(None, 2)?;
    in_order(&newest, &texts[4..])?;
    let older = page(newest.first().map(|message| message.id.clone()), 3)?;
    in_order(&older, &texts[1..4])?;
    let stranger =
        MessageId::parse("never issued").map_err(|error| Stop::Fail(error.to_string()))?;
    ensure(page(Some(stranger), 3)?.is_empty(), || {
        "a token never issued answered something".into()
    })
}

pub(super) fn look_up(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    if !rig.capabilities.look_up {
        return skip("it cannot look up");
    }
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    let message = outgoing(&unique("find me"));
    let posted = rig.post(&session, &channel, message.clone())?;
    let id = rig.posted_id(&posted, &message.origin)?;
    let look_up = |origin| {
        rig.want("look up", || {
            Arc::clone(&session).look_up(channel.clone(), origin)
        })
    };
    match look_up(message.origin.clone())? {
        Found::Message(found) => {
            ensure(found.id == id, || {
                format!("found as `{}`, was posted as `{id}`", found.id)
            })?;
            ensure(text_of(&found) == message.text, || {
                format!("found as `{}`", text_of(&found))
            })?;
            ensure(found.origin.as_ref() == Some(&message.origin), || {
                "found without its origin".into()
            })?;
        }
        other => return fail(format!("{other:?} for a post just made")),
    }
    match look_up(outgoing("").origin)? {
        Found::Message(found) => fail(format!("found `{}` for a post never made", text_of(&found))),
        _ => Ok(()),
    }
}

pub(super) fn search(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    if !rig.capabilities.find_channels {
        return skip("it has no channel search");
    }
    let session = rig.sign_in(0)?;
    let name = rig.join(&session, &channel, None)?.info.display_name;
    let part: String = name.chars().skip(1).collect::<String>().to_uppercase();
    let part = if part.is_empty() { name.clone() } else { part };
    let found = rig.want("channel search", || session.find_channels(part.clone()))?;
    let kind = if channel.kind() == ChannelKind::Room {
        "room"
    } else {
        "contact"
    };
    ensure(found.iter().any(|(id, _)| *id == channel), || {
        format!("`{part}` does not find the {kind} `{name}` of {:?}", key(0))
    })
}
