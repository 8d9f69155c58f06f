//! Messages that live (§messages/living): one message as it is now, edited, taken back, reacted to.
//! Ours, beside the contract. A message is named by its id in the path, or by the application's own
//! key in the query, because an id may be any text and a key too.

use super::super::answer::Success;
use super::super::call::Call;
use super::{agent, key_of, keyed};
use crate::error::Error;
use crate::model::{ChannelId, Key, MessageId, MessageRef, NewMessage, Principal, Reactions};
use crate::services::Collaboration;
use crate::wire::error::Failure;
use crate::wire::{Format, LivingMessage, PostedMessage};

/// The channel and the message that a request is about.
fn named(
    call: &Call<'_>,
    channel: &str,
    message: Option<String>,
) -> Result<(ChannelId, MessageRef), Error> {
    let channel = ChannelId::parse(channel)?;
    let message = match (message, call.query.key()?) {
        (Some(id), None) => MessageId::parse(&id)?.into(),
        (None, Some(key)) => Key(&key).into(),
        (Some(_), Some(_)) => {
            return Err(Error::Invalid(
                "a message is named by its id or by `key`, not both".to_owned(),
            ));
        }
        (None, None) => return Err(Error::Invalid("`key` is missing".to_owned())),
    };
    Ok((channel, message))
}

/// The message as it is now.
async fn shown(
    format: Format,
    agent: &Collaboration,
    channel: &ChannelId,
    message: MessageRef,
) -> Result<Success, Failure> {
    let message = agent.message_async(channel, message).await?;
    Ok(Success::document(format, &LivingMessage::from(&message)))
}

pub(super) async fn one(
    call: Call<'_>,
    principal: Principal,
    channel: String,
    message: Option<String>,
) -> Result<Success, Failure> {
    let (channel, message) = named(&call, &channel, message)?;
    let agent = agent(&call, &principal)?;
    shown(call.format, &agent, &channel, message).await
}

pub(super) async fn edit(
    mut call: Call<'_>,
    principal: Principal,
    channel: String,
    message: Option<String>,
) -> Result<Success, Failure> {
    let (channel, message) = named(&call, &channel, message)?;
    let posted: PostedMessage = call.document().await?;
    let content = keyed(NewMessage::try_from(posted)?, &call.headers)?;
    let agent = agent(&call, &principal)?;
    let changed = agent.edit_async(&channel, message, content).await?;
    shown(call.format, &agent, &channel, changed.change.message.into()).await
}

pub(super) async fn retract(
    call: Call<'_>,
    principal: Principal,
    channel: String,
    message: Option<String>,
) -> Result<Success, Failure> {
    let (channel, message) = named(&call, &channel, message)?;
    let reason = call.query.single("reason")?;
    let agent = agent(&call, &principal)?;
    let asked = agent.retract_async(&channel, message, reason.as_deref());
    let changed = asked.await?;
    shown(call.format, &agent, &channel, changed.change.message.into()).await
}

pub(super) async fn react(
    mut call: Call<'_>,
    principal: Principal,
    channel: String,
    message: Option<String>,
) -> Result<Success, Failure> {
    let (channel, message) = named(&call, &channel, message)?;
    let set: Vec<String> = call.document().await?;
    let mut reactions = Reactions::from(set);
    if let Some(key) = key_of(&call.headers)? {
        reactions = reactions.key(key);
    }
    let agent = agent(&call, &principal)?;
    let changed = agent.react_async(&channel, message, reactions).await?;
    shown(call.format, &agent, &channel, changed.change.message.into()).await
}
