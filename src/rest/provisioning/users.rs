//! Users (§users/put).

use super::super::answer::Success;
use super::administration::Administration;
use crate::model::UserId;
use crate::wire::ProvisionedUser;
use crate::wire::error::Failure;

pub(super) async fn list(call: Administration<'_>) -> Result<Success, Failure> {
    call.list::<ProvisionedUser, _>(|service| service.users_async())
        .await
}

pub(super) async fn one(call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = UserId::parse(id)?;
    call.one::<ProvisionedUser, _>(|service| service.user_async(id))
        .await
}

pub(super) async fn put(mut call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = UserId::parse(id)?;
    let mut user = call.body::<ProvisionedUser>().await?;
    // A client that has read the document may change either spelling of the name.
    if let Some(other) = user.other_name.take() {
        let stored = call.service()?.user_async(id.clone()).await;
        if stored.is_ok_and(|stored| stored.username == user.username) {
            user.username = other;
        }
    }
    let user = user.into_new(&id)?;
    call.change(|service| service.put_user_async(user)).await
}

pub(super) async fn delete(call: Administration<'_>, id: &str) -> Result<Success, Failure> {
    let id = UserId::parse(id)?;
    call.change(|service| service.delete_user_async(id)).await
}
