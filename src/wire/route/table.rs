//! The one route table. Only what is in it is served, and the README and OpenAPI are checked
//! against it.

use super::{Authentication as A, Collaboration as C, Management as M, Provisioning as P, Route};
use crate::model::Token;

/// One resource of the contract. A host that serves more uses it with a route type of its own.
#[derive(Debug)]
pub struct Resource<R: 'static = Route> {
    /// Its path; `{…}` stands for a variable.
    pub path: &'static str,
    /// Its methods, and what each of them asks for.
    pub methods: &'static [(&'static str, Make<R>)],
}

/// Makes a route of the variables of its path, in their order.
pub type Make<R = Route> = fn(Variables) -> R;

/// The decoded variables of a path; the contract has two at most.
#[derive(Debug, Clone, Default)]
pub struct Variables(pub String, pub String);

/// The route table: every resource served, once.
#[rustfmt::skip]
pub const TABLE: &[Resource] = &[
    Resource { path: "/Authentication/v1/Tokens", methods: &[("POST", |_| A::LogIn.into())] },
    Resource { path: "/Authentication/v1/Tokens/{token}", methods: &[("GET", |v| A::TokenDetails { token: Token::new(v.0) }.into())] },

    Resource { path: "/Collaboration/v1/Channels", methods: &[("GET", |_| C::Channels.into())] },
    // Before `{id}`, of which none is called so: an id has a prefix. §search/criteria says why GET
    // is here.
    Resource { path: "/Collaboration/v1/Channels/Search", methods: &[
        ("GET", |_| C::Search.into()),
        ("POST", |_| C::Search.into())] },
    Resource { path: "/Collaboration/v1/Channels/{id}", methods: &[("GET", |v| C::Channel { channel: v.0 }.into())] },
    Resource { path: "/Collaboration/v1/Channels/{id}/File/{fileName}", methods: &[
        ("POST", |v| C::Upload { channel: v.0, name: v.1 }.into())] },
    Resource { path: "/Collaboration/v1/Channels/{id}/Messages", methods: &[
        ("GET", |v| C::Messages { channel: v.0 }.into()),
        ("POST", |v| C::Post { channel: v.0 }.into())] },
    // Ours (§messages/living).
    Resource { path: "/Collaboration/v1/Channels/{id}/Messages/{message}", methods: &[
        ("GET", |v| C::Message { channel: v.0, message: v.1 }.into()),
        ("PUT", |v| C::Edit { channel: v.0, message: v.1 }.into()),
        ("DELETE", |v| C::Retract { channel: v.0, message: v.1 }.into())] },
    Resource { path: "/Collaboration/v1/Channels/{id}/Messages/{message}/Reactions", methods: &[
        ("PUT", |v| C::React { channel: v.0, message: v.1 }.into())] },
    Resource { path: "/Collaboration/v1/Channels/{id}/Reactions", methods: &[
        ("PUT", |v| C::ReactByKey { channel: v.0 }.into())] },
    Resource { path: "/Collaboration/v1/Channels/{id}/State", methods: &[("GET", |v| C::ChannelState { channel: v.0 }.into())] },
    Resource { path: "/Collaboration/v1/Channels/{id}/Me", methods: &[("POST", |v| C::SetComposing { channel: v.0 }.into())] },
    Resource { path: "/Collaboration/v1/Events", methods: &[("GET", |_| C::Events.into())] },
    Resource { path: "/Collaboration/v1/MetaData", methods: &[("GET", |_| C::OwnMetadata.into())] },

    Resource { path: "/Provisioning/v1/Agents", methods: &[("GET", |_| P::Agents.into())] },
    Resource { path: "/Provisioning/v1/Agents/{agentId}", methods: &[
        ("GET", |v| P::Agent { agent: v.0 }.into()),
        ("PUT", |v| P::PutAgent { agent: v.0 }.into()),
        ("DELETE", |v| P::DeleteAgent { agent: v.0 }.into())] },
    Resource { path: "/Provisioning/v1/Agents/{agentId}/Channels", methods: &[
        ("GET", |v| P::AgentChannels { agent: v.0 }.into())] },
    Resource { path: "/Provisioning/v1/Agents/{agentId}/Channels/{channelId}", methods: &[
        ("PUT", |v| P::PutAgentChannel { agent: v.0, channel: v.1 }.into()),
        ("DELETE", |v| P::DeleteAgentChannel { agent: v.0, channel: v.1 }.into())] },
    Resource { path: "/Provisioning/v1/Agents/{agentId}/MetaData", methods: &[
        ("GET", |v| P::Metadata { agent: v.0 }.into()),
        ("PUT", |v| P::PutMetadata { agent: v.0 }.into())] },
    Resource { path: "/Provisioning/v1/Agents/{agentId}/MetaData/{key}", methods: &[
        ("GET", |v| P::MetadataValue { agent: v.0, key: v.1 }.into()),
        ("PUT", |v| P::PutMetadataValue { agent: v.0, key: v.1 }.into()),
        ("DELETE", |v| P::DeleteMetadataValue { agent: v.0, key: v.1 }.into())] },
    Resource { path: "/Provisioning/v1/Channels", methods: &[("GET", |_| P::FindChannels.into())] },
    Resource { path: "/Provisioning/v1/Users", methods: &[("GET", |_| P::Users.into())] },
    Resource { path: "/Provisioning/v1/Users/{userId}", methods: &[
        ("GET", |v| P::User { user: v.0 }.into()),
        ("PUT", |v| P::PutUser { user: v.0 }.into()),
        ("DELETE", |v| P::DeleteUser { user: v.0 }.into())] },
    Resource { path: "/Provisioning/v1/Throttles", methods: &[("GET", |_| P::Throttles.into())] },
    Resource { path: "/Provisioning/v1/Throttles/{throttleId}", methods: &[
        ("GET", |v| P::Throttle { throttle: v.0 }.into()),
        ("PUT", |v| P::PutThrottle { throttle: v.0 }.into()),
        ("DELETE", |v| P::DeleteThrottle { throttle: v.0 }.into())] },

    Resource { path: "/Management/v1/Test", methods: &[("GET", |_| M::Test.into())] },
    Resource { path: "/Management/v1/Categories", methods: &[("GET", |_| M::Categories.into())] },
    Resource { path: "/Management/v1/Channels", methods: &[
        ("GET", |_| M::Channels.into()),
        ("POST", |_| M::CreateChannel.into())] },
    Resource { path: "/Management/v1/Channels/{id}", methods: &[
        ("GET", |v| M::Channel { channel: v.0 }.into()),
        ("DELETE", |v| M::DeleteChannel { channel: v.0 }.into())] },
    Resource { path: "/Management/v1/Channels/{id}/Members", methods: &[
        ("GET", |v| M::Members { channel: v.0 }.into()),
        ("PUT", |v| M::PutMembers { channel: v.0 }.into())] },

];

/// What the query `key` makes of a resource of the contract: ours (§messages/living). Without it the
/// contract's methods hold, and any other is 405.
#[rustfmt::skip]
pub const BY_KEY: &[Resource] = &[
    Resource { path: "/Collaboration/v1/Channels/{id}/Messages", methods: &[
        ("PUT", |v| C::EditByKey { channel: v.0 }.into()),
        ("DELETE", |v| C::RetractByKey { channel: v.0 }.into())] },
];
