//! Agents and their channels (§agents/put).

use super::super::answer::Success;
use super::administration::Administration;
use crate::model::{AgentId, Change, ChannelId};
use crate::wire::error::{Failure, NOT_MODIFIED};
use crate::wire::{ProvisionedAgent, ProvisionedChannel};

pub(super) async fn list(call: Administration<'_>) -> Result<Success, Failure> {
    call.list::<ProvisionedAgent, _>(|service| service.agents_async())
        .await
}

pub(super) async fn one(call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = AgentId::parse(id)?;
    call.one::<ProvisionedAgent, _>(|service| service.agent_async(id))
        .await
}

pub(super) async fn put(mut call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = AgentId::parse(id)?;
    let agent = call.body::<ProvisionedAgent>().await?.into_new(&id)?;
    call.change(|service| service.put_agent_async(agent)).await
}

pub(super) async fn delete(call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = AgentId::parse(id)?;
    call.change(|service| service.delete_agent_async(id)).await
}

pub(super) async fn channels(call: Administration<'_>, agent: &str) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    call.list::<ProvisionedChannel, _>(|service| service.channels_async(agent))
        .await
}

/// Adds a channel. The body is not looked at: the clients send three different ones.
pub(super) async fn put_channel(
    call: Administration<'_>,
    agent: &str,
    channel: &str,
) -> Result<Success, Failure> {
    let (agent, channel) = (AgentId::parse(agent)?, ChannelId::parse(channel)?);
    let change = call.service()?.put_channel_async(agent, channel).await?;
    Ok(match change {
        Change::Unchanged => Success::empty(NOT_MODIFIED),
        _ => Success::done(),
    })
}

pub(super) async fn delete_channel(
    call: Administration<'_>,
    agent: &str,
    channel: &str,
) -> Result<Success, Failure> {
    let (agent, channel) = (AgentId::parse(agent)?, ChannelId::parse(channel)?);
    call.change(|service| service.delete_channel_async(agent, channel))
        .await
}
