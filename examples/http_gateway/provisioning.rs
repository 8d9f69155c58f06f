//! The provisioning service (reference 4). Ids, query and body are judged first, then what the caller may do.

use crate::answer::{Answer, Failure};
use crate::body;
use crate::handler::Call;
use axum::http::StatusCode;
use switchboard::wire::route::Provisioning;
use switchboard::wire::{
    Dictionary, ProvisionedAgent, ProvisionedChannel, ProvisionedThrottle, ProvisionedUser,
};
use switchboard::{AgentId, Change, ChannelId, Principal, ThrottleId, UserId};

pub(crate) async fn answer(
    mut call: Call<'_>,
    principal: &Principal,
    route: Provisioning,
) -> Result<Answer, Failure> {
    let engine = &call.gateway.engine;
    let format = call.format;
    match route {
        Provisioning::Agents => {
            let agents = engine.provisioning(principal)?.agents_async().await?;
            Ok(Answer::document(
                format,
                &agents
                    .into_iter()
                    .map(ProvisionedAgent::from)
                    .collect::<Vec<_>>(),
            ))
        }
        Provisioning::Agent { agent } => {
            let agent = AgentId::parse(&agent)?;
            let agent = engine.provisioning(principal)?.agent_async(&agent).await?;
            Ok(Answer::document(format, &ProvisionedAgent::from(agent)))
        }
        Provisioning::PutAgent { agent } => {
            let agent = AgentId::parse(&agent)?;
            let agent =
                body::document::<ProvisionedAgent>(&mut call.charge, &call.headers, call.body)
                    .await?
                    .into_new(&agent)?;
            engine
                .provisioning(principal)?
                .put_agent_async(agent)
                .await?;
            done()
        }
        Provisioning::DeleteAgent { agent } => {
            let agent = AgentId::parse(&agent)?;
            engine
                .provisioning(principal)?
                .delete_agent_async(&agent)
                .await?;
            done()
        }
        Provisioning::AgentChannels { agent } => {
            let agent = AgentId::parse(&agent)?;
            let channels = engine
                .provisioning(principal)?
                .channels_async(&agent)
                .await?;
            Ok(Answer::document(
                format,
                &channels
                    .into_iter()
                    .map(ProvisionedChannel::from)
                    .collect::<Vec<_>>(),
            ))
        }
        Provisioning::PutAgentChannel { agent, channel } => {
            // The body is not looked at: the clients send three different ones.
            let (agent, channel) = (AgentId::parse(&agent)?, ChannelId::parse(&channel)?);
            match engine
                .provisioning(principal)?
                .put_channel_async(&agent, &channel)
                .await?
            {
                Change::Unchanged => Ok(Answer::empty(StatusCode::NOT_MODIFIED)),
                _ => done(),
            }
        }
        Provisioning::DeleteAgentChannel { agent, channel } => {
            let (agent, channel) = (AgentId::parse(&agent)?, ChannelId::parse(&channel)?);
            engine
                .provisioning(principal)?
                .delete_channel_async(&agent, &channel)
                .await?;
            done()
        }
        Provisioning::Metadata { agent } => {
            let agent = AgentId::parse(&agent)?;
            let metadata = engine
                .provisioning(principal)?
                .metadata_async(&agent)
                .await?;
            Ok(Answer::document(format, &Dictionary(metadata)))
        }
        Provisioning::PutMetadata { agent } => {
            let agent = AgentId::parse(&agent)?;
            let Dictionary(metadata) =
                body::document(&mut call.charge, &call.headers, call.body).await?;
            engine
                .provisioning(principal)?
                .put_metadata_async(&agent, metadata)
                .await?;
            done()
        }
        Provisioning::MetadataValue { agent, key } => {
            let agent = AgentId::parse(&agent)?;
            let value = engine
                .provisioning(principal)?
                .metadata_value_async(&agent, &key)
                .await?;
            Ok(Answer::document(format, &value))
        }
        Provisioning::PutMetadataValue { agent, key } => {
            let agent = AgentId::parse(&agent)?;
            let value: String = body::document(&mut call.charge, &call.headers, call.body).await?;
            engine
                .provisioning(principal)?
                .put_metadata_value_async(&agent, &key, &value)
                .await?;
            done()
        }
        Provisioning::DeleteMetadataValue { agent, key } => {
            let agent = AgentId::parse(&agent)?;
            engine
                .provisioning(principal)?
                .delete_metadata_value_async(&agent, &key)
                .await?;
            done()
        }
        Provisioning::FindChannels => {
            let text = call.query.search()?;
            let found = engine
                .provisioning(principal)?
                .find_channels_async(&text)
                .await?;
            Ok(Answer::document(
                format,
                &Dictionary(
                    found
                        .into_iter()
                        .map(|(id, name)| (id.to_string(), name))
                        .collect(),
                ),
            ))
        }
        Provisioning::Users => {
            let users = engine.provisioning(principal)?.users_async().await?;
            Ok(Answer::document(
                format,
                &users
                    .into_iter()
                    .map(ProvisionedUser::from)
                    .collect::<Vec<_>>(),
            ))
        }
        Provisioning::User { user } => {
            let user = UserId::parse(&user)?;
            let user = engine.provisioning(principal)?.user_async(&user).await?;
            Ok(Answer::document(format, &ProvisionedUser::from(user)))
        }
        Provisioning::PutUser { user } => {
            let user = UserId::parse(&user)?;
            let user =
                body::document::<ProvisionedUser>(&mut call.charge, &call.headers, call.body)
                    .await?
                    .into_new(&user)?;
            engine.provisioning(principal)?.put_user_async(user).await?;
            done()
        }
        Provisioning::DeleteUser { user } => {
            let user = UserId::parse(&user)?;
            engine
                .provisioning(principal)?
                .delete_user_async(&user)
                .await?;
            done()
        }
        Provisioning::Throttles => {
            let throttles = engine.provisioning(principal)?.throttles_async().await?;
            Ok(Answer::document(
                format,
                &throttles
                    .into_iter()
                    .map(ProvisionedThrottle::from)
                    .collect::<Vec<_>>(),
            ))
        }
        Provisioning::Throttle { throttle } => {
            let throttle = ThrottleId::parse(&throttle)?;
            let throttle = engine
                .provisioning(principal)?
                .throttle_async(&throttle)
                .await?;
            Ok(Answer::document(
                format,
                &ProvisionedThrottle::from(throttle),
            ))
        }
        Provisioning::PutThrottle { throttle } => {
            let throttle = ThrottleId::parse(&throttle)?;
            let throttle =
                body::document::<ProvisionedThrottle>(&mut call.charge, &call.headers, call.body)
                    .await?
                    .into_throttle(&throttle)?;
            engine
                .provisioning(principal)?
                .put_throttle_async(throttle)
                .await?;
            done()
        }
        Provisioning::DeleteThrottle { throttle } => {
            let throttle = ThrottleId::parse(&throttle)?;
            engine
                .provisioning(principal)?
                .delete_throttle_async(&throttle)
                .await?;
            done()
        }
    }
}

/// 200 and nothing: what the contract's void operations answer.
fn done() -> Result<Answer, Failure> {
    Ok(Answer::empty(StatusCode::OK))
}
