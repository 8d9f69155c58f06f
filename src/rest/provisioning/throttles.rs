//! Throttles (§throttles/document).

use super::super::answer::Success;
use super::super::call::Call;
use crate::model::{Principal, ThrottleId};
use crate::wire::ProvisionedThrottle;
use crate::wire::error::Failure;

pub(super) async fn list(call: Call<'_>, principal: &Principal) -> Result<Success, Failure> {
    let found = call
        .engine()
        .provisioning(principal)?
        .throttles_async()
        .await?;
    Ok(Success::documents::<_, ProvisionedThrottle>(
        call.format,
        found,
    ))
}

pub(super) async fn one(
    call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = ThrottleId::parse(id)?;
    let found = call
        .engine()
        .provisioning(principal)?
        .throttle_async(&id)
        .await?;
    Ok(Success::document(
        call.format,
        &ProvisionedThrottle::from(found),
    ))
}

pub(super) async fn put(
    mut call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = ThrottleId::parse(id)?;
    let new = call
        .document::<ProvisionedThrottle>()
        .await?
        .into_throttle(&id)?;
    call.engine()
        .provisioning(principal)?
        .put_throttle_async(new)
        .await?;
    Ok(Success::done())
}

pub(super) async fn delete(
    call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = ThrottleId::parse(id)?;
    call.engine()
        .provisioning(principal)?
        .delete_throttle_async(&id)
        .await?;
    Ok(Success::done())
}
