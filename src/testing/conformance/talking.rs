//! Checks about saying and hearing.

use super::rig::{Rig, Stop, ensure, fail, key, messages, outgoing, skip, text_of, unique};
use crate::backend::{ChannelId, ChannelKind, Inbound, Limits, Posted, Received, SeenBy};
use std::collections::HashSet;

/// Messages in the checks of order.
const MANY: usize = 100;

/// Things a careless connector mangles: markup, quotes, line ends, four-byte characters, a
/// combining accent.
const SPECIAL: &str = "<b>&\"'</b> \\ %20 {}\nline two\n🦀👩‍👩‍👧 e\u{301} ß 漢字 \u{202e}abc\u{202c}";

/// Those things, in as many lines as a message holds.
fn special(rig: &Rig<'_>) -> String {
    match rig.capabilities.limits.lines {
        Some(1 | 2) => SPECIAL.replace('\n', " "),
        _ => SPECIAL.to_owned(),
    }
}

pub(super) fn post_into_room(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let room = rig.room()?;
    post_arrives(rig, &room, &unique("hello room"))
}

pub(super) fn post_to_contact(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let contact = rig.contact()?;
    post_arrives(rig, &contact, &unique("hello you"))
}

fn post_arrives(rig: &mut Rig<'_>, channel: &ChannelId, text: &str) -> Result<(), Stop> {
    let session = rig.sign_in(0)?;
    rig.join(&session, channel, None)?;
    let posted = rig.post(&session, channel, outgoing(text))?;
    if let Posted::Accepted(accepted) = posted {
        ensure(!rig.capabilities.echoes(channel.kind()), || {
            "it was answered as what does not come back, in a channel that echoes".into()
        })?;
        ensure(!accepted.sender.is_empty(), || {
            "the answer names no sender".into()
        })?;
    } else {
        ensure(rig.capabilities.echoes(channel.kind()), || {
            "it was answered as what comes back, in a channel that does not echo".into()
        })?;
    }
    people_hear(rig, channel, text)
}

/// Waits until people heard exactly that text, once.
fn people_hear(rig: &Rig<'_>, channel: &ChannelId, text: &str) -> Result<(), Stop> {
    let address = rig.address(0);
    let heard = || rig.world.heard(channel, &address);
    if heard().is_none() {
        return skip("the world cannot tell what people heard");
    }
    rig.until(&format!("people heard `{text}`"), || {
        heard().is_some_and(|heard| heard.iter().any(|one| one == text))
    })?;
    let times = heard().map_or(0, |heard| heard.iter().filter(|one| *one == text).count());
    ensure(times == 1, || format!("people heard it {times} times"))
}

pub(super) fn room_echo(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let room = rig.room()?;
    echo(rig, &room)
}

pub(super) fn contact_echo(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let contact = rig.contact()?;
    echo(rig, &contact)
}

fn echo(rig: &mut Rig<'_>, channel: &ChannelId) -> Result<(), Stop> {
    if !rig.capabilities.echoes(channel.kind()) {
        return skip("it does not echo");
    }
    let session = rig.sign_in(0)?;
    rig.join(&session, channel, None)?;
    let message = outgoing(&unique("echo"));
    let posted = rig.post(&session, channel, message.clone())?;
    ensure(posted == Posted::Sent, || {
        format!("it was answered {posted:?} instead of `Sent`")
    })?;
    let echoed = rig
        .receive(1, |received| {
            received.origin.as_ref() == Some(&message.origin)
        })?
        .remove(0);
    ensure(text_of(&echoed) == message.text, || {
        format!("came back as `{}`", text_of(&echoed))
    })?;
    ensure(!echoed.sender.is_empty(), || {
        "what came back names no sender".into()
    })
}

pub(super) fn refused_post(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let room = rig.room()?;
    let session = rig.sign_in(0)?;
    let message = outgoing(&unique("I am not here"));
    let error = match rig.ask(|| session.clone().post(room.clone(), message.clone()))? {
        Err(error) => error,
        Ok(Posted::Sent) => rig.refusal(&message.origin)?,
        Ok(Posted::Accepted(accepted)) => {
            return fail(format!("it was accepted as `{}`", accepted.id));
        }
    };
    ensure(!error.reason.is_empty(), || "a refusal says why".into())
}

pub(super) fn order_of_posts(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    let begin = unique("post");
    let texts: Vec<String> = (0..MANY).map(|n| format!("{begin} {n:03}")).collect();
    let mut posted = Vec::new();
    for text in &texts {
        let message = outgoing(text);
        let origin = message.origin.clone();
        posted.push((rig.post(&session, &channel, message)?, origin));
    }
    let mut ids = HashSet::new();
    for (posted, origin) in &posted {
        ids.insert(rig.posted_id(posted, origin)?);
    }
    ensure(ids.len() == MANY, || {
        format!("{MANY} posts have {} ids", ids.len())
    })?;
    if rig.capabilities.echoes(channel.kind()) {
        let echoed = rig.receive(MANY, |received| text_of(received).starts_with(&begin))?;
        in_order(&echoed, &texts)?;
    }
    let address = rig.address(0);
    let heard = || -> Option<Vec<String>> {
        Some(
            rig.world
                .heard(&channel, &address)?
                .into_iter()
                .filter(|text| text.starts_with(&begin))
                .collect(),
        )
    };
    if heard().is_some() {
        rig.until("people heard all", || {
            heard().is_some_and(|heard| heard.len() >= MANY)
        })?;
        ensure(heard().is_some_and(|heard| heard == texts), || {
            "people heard them in another order".into()
        })?;
    }
    Ok(())
}

pub(super) fn order_of_people(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    let said = unique("said");
    let texts: Vec<String> = (0..MANY).map(|n| format!("{said} {n:03}")).collect();
    for text in &texts {
        rig.say(&channel, 0, text)?;
    }
    in_order(
        &rig.receive(MANY, |received| text_of(received).starts_with(&said))?,
        &texts,
    )
}

/// The messages are those texts, once each and in order, each with an id of its own.
pub(super) fn in_order(received: &[Received], texts: &[String]) -> Result<(), Stop> {
    let found: Vec<String> = received.iter().map(text_of).collect();
    ensure(found == texts, || {
        let at = found
            .iter()
            .zip(texts)
            .position(|(one, other)| one != other)
            .unwrap_or(found.len().min(texts.len()));
        format!(
            "{} messages came, {} were said; the first that differs is number {at}",
            found.len(),
            texts.len()
        )
    })?;
    let ids: HashSet<_> = received.iter().map(|message| &message.id).collect();
    ensure(ids.len() == received.len(), || {
        format!("{} messages have {} ids", received.len(), ids.len())
    })
}

pub(super) fn contact_speaks(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let contact = rig.contact()?;
    let (session, other) = (rig.sign_in(0)?, rig.sign_in(1)?);
    rig.join(&session, &contact, None)?;
    rig.join(&other, &contact, None)?;
    let text = unique("for you alone");
    rig.say(&contact, 0, &text)?;
    rig.receive(1, |received| text_of(received) == text)?;
    rig.listen();
    for item in rig.recorder.items() {
        let Inbound::Message {
            seen_by,
            channel,
            message,
            ..
        } = item
        else {
            continue;
        };
        if text_of(&message) != text {
            continue;
        }
        ensure(seen_by == SeenBy::Agent(key(0)), || {
            format!("seen by {seen_by:?}")
        })?;
        ensure(channel == contact, || format!("it came in `{channel}`"))?;
        ensure(message.origin.is_none(), || {
            "a person's message has no origin of ours".into()
        })?;
    }
    Ok(())
}

pub(super) fn one_id_for_all(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let room = rig.room()?;
    if !rig.capabilities.shared_rooms {
        return skip("its rooms are not seen alike");
    }
    let (one, two) = (rig.sign_in(0)?, rig.sign_in(1)?);
    rig.join(&one, &room, None)?;
    rig.join(&two, &room, None)?;
    let text = unique("for all");
    rig.say(&room, 0, &text)?;
    rig.receive(1, |received| text_of(received) == text)?;
    rig.listen();
    let mut ids = HashSet::new();
    for item in rig.recorder.items() {
        let Inbound::Message {
            seen_by, message, ..
        } = item
        else {
            continue;
        };
        if text_of(&message) == text {
            ensure(seen_by == SeenBy::Room, || {
                format!("seen by {seen_by:?} though its rooms are shared")
            })?;
            ids.insert(message.id);
        }
    }
    ensure(ids.len() == 1, || {
        format!("its copies have {} ids", ids.len())
    })
}

pub(super) fn special_characters(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    let special = special(rig);
    let message = outgoing(&format!("{special} {}", unique("special")));
    rig.post(&session, &channel, message.clone())?;
    people_hear(rig, &channel, &message.text).or_else(forgive_skip)?;
    if rig.capabilities.echoes(channel.kind()) {
        let echoed = rig.receive(1, |received| {
            received.origin.as_ref() == Some(&message.origin)
        })?;
        ensure(
            echoed.iter().all(|echoed| text_of(echoed) == message.text),
            || "it came back changed".into(),
        )?;
    }
    let back = format!("{special} {}", unique("back"));
    rig.say(&channel, 0, &back)?;
    rig.receive(1, |received| text_of(received) == back)
        .map(drop)
}

pub(super) fn long_text(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    let limit = rig.join(&session, &channel, None)?.info.max_message_length;
    let text = longest(limit.min(100_000), &rig.capabilities.limits);
    let message = outgoing(&text);
    rig.post(&session, &channel, message.clone())?;
    if rig.capabilities.echoes(channel.kind()) {
        let echoed = rig.receive(1, |received| {
            received.origin.as_ref() == Some(&message.origin)
        })?;
        ensure(echoed.iter().all(|echoed| text_of(echoed) == text), || {
            "it came back changed".into()
        })?;
    }
    people_hear(rig, &channel, &text).or_else(forgive_skip)
}

/// A text of that many characters, or of fewer bytes or characters if the limits say so.
fn longest(characters: u32, limits: &Limits) -> String {
    let most = characters.min(limits.characters.unwrap_or(u32::MAX)) as usize;
    let bytes = limits.bytes.map_or(usize::MAX, |bytes| bytes as usize);
    let mut text = String::new();
    let long = unique("long");
    for character in long.chars().chain("🦀ab".chars().cycle()).take(most) {
        if text.len() + character.len_utf8() > bytes {
            break;
        }
        text.push(character);
    }
    text
}

pub(super) fn typing(rig: &mut Rig<'_>) -> Result<(), Stop> {
    if !rig.capabilities.composing {
        return skip("it shows no typing");
    }
    let session = rig.sign_in(0)?;
    for channel in [rig.world.room(), rig.world.contact()]
        .into_iter()
        .flatten()
    {
        if !rig.capabilities.has(channel.kind()) {
            continue;
        }
        rig.join(&session, &channel, None)?;
        rig.want("begin typing", || {
            session.clone().set_composing(channel.clone(), true)
        })?;
        rig.want("stop typing", || {
            session.clone().set_composing(channel.clone(), false)
        })?;
        let showed = messages(&rig.recorder.items()).len();
        ensure(
            channel.kind() == ChannelKind::Contact || showed == 0,
            || "typing in a room shows nothing".into(),
        )?;
    }
    Ok(())
}

/// Goes on where only a part of the check cannot be done.
fn forgive_skip(stop: Stop) -> Result<(), Stop> {
    match stop {
        Stop::Skip(_) => Ok(()),
        failed => Err(failed),
    }
}
