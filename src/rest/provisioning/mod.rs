//! The provisioning service. Ids, query and body are judged first, then what the caller may do.

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

pub(super) async fn answer(
    call: Call<'_>,
    principal: &Principal,
    route: Provisioning,
) -> Result<Success, Failure> {
    use Provisioning as P;
    match route {
        P::Agents => agents::list(call, principal).await,
        P::Agent { agent } => agents::one(call, principal, &agent).await,
        P::PutAgent { agent } => agents::put(call, principal, &agent).await,
        P::DeleteAgent { agent } => agents::delete(call, principal, &agent).await,
        P::AgentChannels { agent } => agents::channels(call, principal, &agent).await,
        P::PutAgentChannel { agent, channel } => {
            agents::put_channel(call, principal, &agent, &channel).await
        }
        P::DeleteAgentChannel { agent, channel } => {
            agents::delete_channel(call, principal, &agent, &channel).await
        }
        P::Metadata { agent } => metadata::all(call, principal, &agent).await,
        P::PutMetadata { agent } => metadata::put_all(call, principal, &agent).await,
        P::MetadataValue { agent, key } => metadata::value(call, principal, &agent, &key).await,
        P::PutMetadataValue { agent, key } => metadata::put(call, principal, &agent, &key).await,
        P::DeleteMetadataValue { agent, key } => {
            metadata::delete(call, principal, &agent, &key).await
        }
        P::FindChannels => find_channels(call, principal).await,
        P::Users => users::list(call, principal).await,
        P::User { user } => users::one(call, principal, &user).await,
        P::PutUser { user } => users::put(call, principal, &user).await,
        P::DeleteUser { user } => users::delete(call, principal, &user).await,
        P::Throttles => throttles::list(call, principal).await,
        P::Throttle { throttle } => throttles::one(call, principal, &throttle).await,
        P::PutThrottle { throttle } => throttles::put(call, principal, &throttle).await,
        P::DeleteThrottle { throttle } => throttles::delete(call, principal, &throttle).await,
    }
}

async fn find_channels(call: Call<'_>, principal: &Principal) -> Result<Success, Failure> {
    let text = call.query.search()?;
    let administration = call.engine().provisioning(principal)?;
    let found = administration.find_channels_async(&text).await?;
    let found = found.into_iter().map(|(id, name)| (id.to_string(), name));
    let found = Dictionary(found.collect());
    Ok(Success::document(call.format, &found))
}
