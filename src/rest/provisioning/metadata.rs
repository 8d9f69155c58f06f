//! The configuration that an agent's application finds (§metadata/change).

use super::super::answer::Success;
use super::super::call::Call;
use crate::model::{AgentId, Principal};
use crate::wire::Dictionary;
use crate::wire::error::Failure;

pub(super) async fn all(
    call: Call<'_>,
    principal: &Principal,
    agent: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let administration = call.engine().provisioning(principal)?;
    let metadata = administration.metadata_async(&agent).await?;
    Ok(Success::document(call.format, &Dictionary(metadata)))
}

pub(super) async fn put_all(
    mut call: Call<'_>,
    principal: &Principal,
    agent: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let Dictionary(metadata) = call.document().await?;
    let administration = call.engine().provisioning(principal)?;
    administration.put_metadata_async(&agent, metadata).await?;
    Ok(Success::done())
}

pub(super) async fn value(
    call: Call<'_>,
    principal: &Principal,
    agent: &str,
    key: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let administration = call.engine().provisioning(principal)?;
    let value = administration.metadata_value_async(&agent, key).await?;
    Ok(Success::document(call.format, &value))
}

pub(super) async fn put(
    mut call: Call<'_>,
    principal: &Principal,
    agent: &str,
    key: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let value: String = call.document().await?;
    let administration = call.engine().provisioning(principal)?;
    administration
        .put_metadata_value_async(&agent, key, &value)
        .await?;
    Ok(Success::done())
}

pub(super) async fn delete(
    call: Call<'_>,
    principal: &Principal,
    agent: &str,
    key: &str,
) -> Result<Success, Failure> {
    let agent = AgentId::parse(agent)?;
    let administration = call.engine().provisioning(principal)?;
    administration
        .delete_metadata_value_async(&agent, key)
        .await?;
    Ok(Success::done())
}
