//! The configuration that an agent's application finds (§metadata/change).

use super::super::answer::Success;
use super::administration::Administration;
use crate::model::AgentId;
use crate::wire::Dictionary;
use crate::wire::error::Failure;

pub(super) async fn all(call: Administration<'_>, agent: &str) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let metadata = call.service()?.metadata_async(agent).await?;
    Ok(call.document(&Dictionary(metadata)))
}

pub(super) async fn put_all(mut call: Administration<'_>, agent: &str) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let Dictionary(metadata) = call.body().await?;
    call.change(|service| service.put_metadata_async(agent, metadata))
        .await
}

pub(super) async fn value(
    call: Administration<'_>,
    agent: &str,
    key: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    call.one::<String, _>(|service| service.metadata_value_async(agent, key))
        .await
}

pub(super) async fn put(
    mut call: Administration<'_>,
    agent: &str,
    key: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let value: String = call.body().await?;
    call.change(|service| service.put_metadata_value_async(agent, key, &value))
        .await
}

pub(super) async fn delete(
    call: Administration<'_>,
    agent: &str,
    key: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    call.change(|service| service.delete_metadata_value_async(agent, key))
        .await
}
