//! Users (§users/put).

use super::super::answer::Success;
use super::super::call::Call;
use crate::model::{Principal, UserId};
use crate::wire::ProvisionedUser;
use crate::wire::error::Failure;

pub(super) async fn list(call: Call<'_>, principal: &Principal) -> Result<Success, Failure> {
    let found = call.engine().provisioning(principal)?.users_async().await?;
    Ok(Success::documents::<_, ProvisionedUser>(call.format, found))
}

pub(super) async fn one(
    call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = UserId::parse(id)?;
    let found = call
        .engine()
        .provisioning(principal)?
        .user_async(&id)
        .await?;
    Ok(Success::document(
        call.format,
        &ProvisionedUser::from(found),
    ))
}

pub(super) async fn put(
    mut call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = UserId::parse(id)?;
    let new = call.document::<ProvisionedUser>().await?.into_new(&id)?;
    call.engine()
        .provisioning(principal)?
        .put_user_async(new)
        .await?;
    Ok(Success::done())
}

pub(super) async fn delete(
    call: Call<'_>,
    principal: &Principal,
    id: &str,
) -> Result<Success, Failure> {
    let id = UserId::parse(id)?;
    call.engine()
        .provisioning(principal)?
        .delete_user_async(&id)
        .await?;
    Ok(Success::done())
}
