//! What may be posted: some text, within the limits of the channel and of the gateway.

use crate::backend::Limits;
use crate::error::{Error, Result};
use crate::model::{ChannelInfo, Content, NewMessage, Part};

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

/// Checks the lengths of subject and text, in Unicode scalar values of what is shown, and the bytes
/// of everything (§messages/length): a link shows little text and may carry an address of any
/// length. Checks the text against the limits of its chat system as well.
///
/// # Errors
/// `TooLarge`.
pub(super) fn within_limits(content: &Content, info: &ChannelInfo, limits: &Limits) -> Result<()> {
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
