//! The collaboration service. Ids, query and body are judged first, then what the caller may do.

mod events;
mod living;
mod search;
mod upload;

use super::answer::Success;
use super::call::{Call, Serving};
use crate::error::Error;
use crate::model::{ChannelId, NewMessage, Principal};
use crate::services;
use crate::wire::error::Failure;
use crate::wire::route::Collaboration;
use crate::wire::{Channel, ChannelAgentState, ChannelState, Dictionary, Message, PostedMessage};
use http::HeaderMap;
use std::future::ready;

pub(super) fn answer(
    call: Call<'_>,
    principal: Principal,
    route: Collaboration,
) -> Result<Serving<'_>, Failure> {
    Ok(match route {
        Collaboration::Channels => Box::pin(ready(channels(&call, &principal))),
        Collaboration::Channel { channel } => {
            Box::pin(ready(one_channel(&call, &principal, &channel)))
        }
        Collaboration::ChannelState { channel } => {
            Box::pin(ready(channel_state(&call, &principal, &channel)))
        }
        Collaboration::Messages { channel } => Box::pin(history(call, principal, channel)),
        Collaboration::Post { channel } => Box::pin(post(call, principal, channel)),
        Collaboration::Message { channel, message } => {
            Box::pin(living::one(call, principal, channel, Some(message)))
        }
        Collaboration::Edit { channel, message } => {
            Box::pin(living::edit(call, principal, channel, Some(message)))
        }
        Collaboration::EditByKey { channel } => {
            Box::pin(living::edit(call, principal, channel, None))
        }
        Collaboration::Retract { channel, message } => {
            Box::pin(living::retract(call, principal, channel, Some(message)))
        }
        Collaboration::RetractByKey { channel } => {
            Box::pin(living::retract(call, principal, channel, None))
        }
        Collaboration::React { channel, message } => {
            Box::pin(living::react(call, principal, channel, Some(message)))
        }
        Collaboration::ReactByKey { channel } => {
            Box::pin(living::react(call, principal, channel, None))
        }
        Collaboration::SetComposing { channel } => Box::pin(compose(call, principal, channel)),
        Collaboration::OwnMetadata => Box::pin(own_metadata(call, principal)),
        Collaboration::Upload { channel, name } => {
            Box::pin(upload::answer(call, principal, channel, name))
        }
        Collaboration::Search => Box::pin(search::answer(call, principal)),
        Collaboration::Events => Box::pin(events::answer(call, &principal)?),
    })
}

fn channels(call: &Call<'_>, principal: &Principal) -> Result<Success, Failure> {
    let channels = agent(call, principal)?.channels()?;
    let channels: Vec<Channel> = channels.iter().map(Channel::from).collect();
    Ok(Success::document(call.format, &channels))
}

fn one_channel(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Success, Failure> {
    let id = ChannelId::parse(id)?;
    let channel = agent(call, principal)?.channel(&id)?;
    Ok(Success::document(call.format, &Channel::from(&channel)))
}

fn channel_state(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Success, Failure> {
    let id = ChannelId::parse(id)?;
    let channel = agent(call, principal)?.channel(&id)?;
    let state = ChannelState::from(&*channel.info);
    Ok(Success::document(call.format, &state))
}

/// The caller's agent. Over HTTP a post into a channel that is just reconnecting is refused at
/// once: the client can wait by itself.
fn agent(call: &Call<'_>, principal: &Principal) -> Result<services::Collaboration, Error> {
    let agent = call.engine().collaboration(principal)?;
    Ok(agent.immediate())
}

async fn own_metadata(call: Call<'_>, principal: Principal) -> Result<Success, Failure> {
    let metadata = agent(&call, &principal)?.metadata_async().await?;
    Ok(Success::document(call.format, &Dictionary(metadata)))
}

async fn history(
    call: Call<'_>,
    principal: Principal,
    channel: String,
) -> Result<Success, Failure> {
    if call.query.key()?.is_some() {
        return living::one(call, principal, channel, None).await;
    }
    let channel = ChannelId::parse(&channel)?;
    let asked = call.query.history()?;
    let messages = agent(&call, &principal)?
        .messages_async(&channel, asked.take, asked.before.as_deref())
        .await?;
    let messages: Vec<Message> = messages.iter().map(Message::from).collect();
    Ok(Success::document(call.format, &messages))
}

async fn post(
    mut call: Call<'_>,
    principal: Principal,
    channel: String,
) -> Result<Success, Failure> {
    let channel = ChannelId::parse(&channel)?;
    let posted: PostedMessage = call.document().await?;
    let message = keyed(NewMessage::try_from(posted)?, &call.headers)?;
    let agent = agent(&call, &principal)?;
    let message = agent.post_async(&channel, message).await?;
    Ok(Success::document(
        call.format,
        &Message::from(&message.message),
    ))
}

async fn compose(
    mut call: Call<'_>,
    principal: Principal,
    channel: String,
) -> Result<Success, Failure> {
    let channel = ChannelId::parse(&channel)?;
    let state: ChannelAgentState = call.document().await?;
    let agent = agent(&call, &principal)?;
    agent
        .set_composing_async(&channel, state.is_composing)
        .await?;
    Ok(Success::done())
}

/// Bytes of an `Idempotency-Key`: the longest id, percent-encoded.
const KEY_MAX: usize = 4096;

/// Adds the key of `Idempotency-Key: TEXT`, our addition to the contract (§messages/key): however
/// often a message is posted with one key through one agent into one channel, it is said once, and
/// every response is that of the first. A client that was cut off between its post and the
/// response, or died before it noted that it had posted, just posts again.
///
/// The member `Key` of the message is the same without the header.
fn keyed(message: NewMessage, headers: &HeaderMap) -> Result<NewMessage, Error> {
    match key_of(headers)? {
        Some(_) if message.key.is_some() => Err(Error::Invalid(
            "a message has an Idempotency-Key or a `Key`, not both".to_owned(),
        )),
        Some(key) => Ok(message.key(key)),
        None => Ok(message),
    }
}

/// The key of the header.
fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=KEY_MAX).contains(&key.len()) && keys.next().is_none() => Ok(Some(key)),
        _ => Err(Error::Invalid(format!(
            "one Idempotency-Key of 1 to {KEY_MAX} ASCII characters is expected"
        ))),
    }
}
