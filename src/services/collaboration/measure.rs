//! What may be posted: some text, within the limits of the channel and of the gateway.

use super::pieces::pieces;
use crate::backend::Limits;
use crate::error::{Error, Result};
use crate::model::{ChannelInfo, Content, NewMessage, Part, Split};

/// Bytes of one message as a whole (§messages/length).
const MESSAGE_BYTES_MAX: u64 = 64 << 10;

/// Drops empty parts and an empty subject.
///
/// # Errors
/// `Invalid` if no text is left.
pub(super) fn with_text(mut message: NewMessage) -> Result<NewMessage> {
    let content = &mut message.content;
    content
        .parts
        .retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    if content.parts.iter().all(|part| part.visible().is_empty()) {
        return Err(Error::invalid("the message has no text"));
    }
    content.subject = content.subject.take().filter(|subject| !subject.is_empty());
    Ok(message)
}

/// The contents of the messages that a longer content becomes; none if one message holds it.
///
/// # Errors
/// `TooLarge` if it must not be split, or cannot be; the subject and the whole have limits that
/// no split changes.
pub(super) fn in_pieces(
    content: &Content,
    info: &ChannelInfo,
    limits: &Limits,
    split: Split,
) -> Result<Option<Vec<Content>>> {
    let Err(too_large) = within_limits(content, info, limits) else {
        return Ok(None);
    };
    let subject = content.subject.as_ref();
    let subject = subject.map_or(0, |subject| subject.chars().count() as u64);
    let is_whole_small = content.bytes() as u64 <= MESSAGE_BYTES_MAX;
    if split == Split::Never || !is_whole_small || subject > info.max_message_length.into() {
        return Err(too_large);
    }
    let of_channel = match subject {
        0 => info.max_message_length,
        _ => info.max_message_length.min(info.max_story_length),
    };
    let characters = limits.characters.unwrap_or(u32::MAX).min(of_channel);
    let pieces = pieces(content, &limits.characters(characters), split)?;
    pieces.ok_or(too_large).map(Some)
}

/// Checks the lengths of subject and text, in Unicode scalar values of what is shown, and the bytes
/// of everything (§messages/length): a link shows little text and may carry an address of any
/// length. Checks the text against the limits of its chat system as well.
///
/// # Errors
/// `TooLarge`.
fn within_limits(content: &Content, info: &ChannelInfo, limits: &Limits) -> Result<()> {
    within(
        "the message as a whole, in bytes,",
        content.bytes() as u64,
        MESSAGE_BYTES_MAX,
    )?;
    let (what, limit) = match &content.subject {
        None => ("the message text", info.max_message_length),
        Some(subject) => {
            let length = subject.chars().count() as u64;
            within("the subject", length, info.max_message_length.into())?;
            ("the story", info.max_story_length)
        }
    };
    let length: usize = content
        .parts
        .iter()
        .map(|part| part.visible().chars().count())
        .sum();
    within(what, length as u64, limit.into())?;
    if *limits == Limits::NONE {
        return Ok(());
    }
    match limits.exceeded(&content.visible_text()) {
        Some((what, length, limit)) => within(what, length, limit),
        None => Ok(()),
    }
}

fn within(what: &'static str, length: u64, limit: u64) -> Result<()> {
    if length <= limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        what,
        length,
        limit,
    })
}
