//! Throttles (§throttles/document).

use super::super::answer::Success;
use super::administration::Administration;
use crate::model::ThrottleId;
use crate::wire::ProvisionedThrottle;
use crate::wire::error::Failure;

pub(super) async fn list(call: Administration<'_>) -> Result<Success, Failure> {
    call.list::<ProvisionedThrottle, _>(|service| service.throttles_async())
        .await
}

pub(super) async fn one(call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = ThrottleId::parse(id)?;
    call.one::<ProvisionedThrottle, _>(|service| service.throttle_async(id))
        .await
}

pub(super) async fn put(mut call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = ThrottleId::parse(id)?;
    let throttle = call
        .body::<ProvisionedThrottle>()
        .await?
        .into_throttle(&id)?;
    call.change(|service| service.put_throttle_async(throttle))
        .await
}

pub(super) async fn delete(call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = ThrottleId::parse(id)?;
    call.change(|service| service.delete_throttle_async(id))
        .await
}
