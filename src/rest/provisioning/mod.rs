//! The provisioning service. Ids, query and body are judged first, then what the caller may do.

mod administration;
mod agents;
mod metadata;
mod throttles;
mod users;

use super::answer::Success;
use super::call::Call;
use crate::model::Principal;
use crate::wire::Dictionary;
use crate::wire::error::Failure;
use crate::wire::route::Provisioning;
use administration::Administration;

pub(super) async fn answer(
    call: Call<'_>,
    principal: Principal,
    route: Provisioning,
) -> Result<Success, Failure> {
    use Provisioning as P;
    let call = Administration::new(call, &principal);
    match route {
        P::Agents => agents::list(call).await,
        P::Agent { agent } => agents::one(call, &agent).await,
        P::PutAgent { agent } => agents::put(call, &agent).await,
        P::DeleteAgent { agent } => agents::delete(call, &agent).await,
        P::AgentChannels { agent } => agents::channels(call, &agent).await,
        P::PutAgentChannel { agent, channel } => agents::put_channel(call, &agent, &channel).await,
        P::DeleteAgentChannel { agent, channel } => {
            agents::delete_channel(call, &agent, &channel).await
        }
        P::Metadata { agent } => metadata::all(call, &agent).await,
        P::PutMetadata { agent } => metadata::put_all(call, &agent).await,
        P::MetadataValue { agent, key } => metadata::value(call, &agent, &key).await,
        P::PutMetadataValue { agent, key } => metadata::put(call, &agent, &key).await,
        P::DeleteMetadataValue { agent, key } => metadata::delete(call, &agent, &key).await,
        P::FindChannels => find_channels(call).await,
        P::Users => users::list(call).await,
        P::User { user } => users::one(call, &user).await,
        P::PutUser { user } => users::put(call, &user).await,
        P::DeleteUser { user } => users::delete(call, &user).await,
        P::Throttles => throttles::list(call).await,
        P::Throttle { throttle } => throttles::one(call, &throttle).await,
        P::PutThrottle { throttle } => throttles::put(call, &throttle).await,
        P::DeleteThrottle { throttle } => throttles::delete(call, &throttle).await,
    }
}

async fn find_channels(call: Administration<'_>) -> Result<Success, Failure> {
    let text = call.search()?;
    let found = call.service()?.find_channels_async(&text).await?;
    let found = found.into_iter().map(|(id, name)| (id.to_string(), name));
    Ok(call.document(&Dictionary(found.collect())))
}
