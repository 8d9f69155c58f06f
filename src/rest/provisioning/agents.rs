//! Agents and their channels (§agents/put).

use super::super::answer::Success;
use super::super::call::Call;
use crate::model::{AgentId, Change, ChannelId, Principal};
use crate::wire::error::{Failure, NOT_MODIFIED};
use crate::wire::{ProvisionedAgent, ProvisionedChannel};

pub(super) async fn list(call: Call<'_>, principal: &Principal) -> Result<Success, Failure> {
    let found = call
        .engine()
        .provisioning(principal)?
        .agents_async()
        .await?;
    Ok(Success::documents::<_, ProvisionedAgent>(
        call.format,
        found,
    ))
}

pub(super) async fn one(
    call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = AgentId::parse(id)?;
    let found = call
        .engine()
        .provisioning(principal)?
        .agent_async(&id)
        .await?;
    Ok(Success::document(
        call.format,
        &ProvisionedAgent::from(found),
    ))
}

pub(super) async fn put(
    mut call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = AgentId::parse(id)?;
    let new = call.document::<ProvisionedAgent>().await?.into_new(&id)?;
    call.engine()
        .provisioning(principal)?
        .put_agent_async(new)
        .await?;
    Ok(Success::done())
}

pub(super) async fn delete(
    call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = AgentId::parse(id)?;
    call.engine()
        .provisioning(principal)?
        .delete_agent_async(&id)
        .await?;
    Ok(Success::done())
}

pub(super) async fn channels(
    call: Call<'_>,
    principal: &Principal,
    agent: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let administration = call.engine().provisioning(principal)?;
    let channels = administration.channels_async(&agent).await?;
    Ok(Success::documents::<_, ProvisionedChannel>(
        call.format,
        channels,
    ))
}

/// Adds a channel. The body is not looked at: the clients send three different ones.
pub(super) async fn put_channel(
    call: Call<'_>,
    principal: &Principal,
    agent: &str,
    channel: &str,
) -> Result<Success, Failure> {
    let (agent, channel) = (AgentId::parse(agent)?, ChannelId::parse(channel)?);
    let administration = call.engine().provisioning(principal)?;
    match administration.put_channel_async(&agent, &channel).await? {
        Change::Unchanged => Ok(Success::empty(NOT_MODIFIED)),
        _ => Ok(Success::done()),
    }
}

pub(super) async fn delete_channel(
    call: Call<'_>,
    principal: &Principal,
    agent: &str,
    channel: &str,
) -> Result<Success, Failure> {
    let (agent, channel) = (AgentId::parse(agent)?, ChannelId::parse(channel)?);
    let administration = call.engine().provisioning(principal)?;
    administration
        .delete_channel_async(&agent, &channel)
        .await?;
    Ok(Success::done())
}
