//! What a request can ask for: a variant for each row and method of the table.

use crate::model::Token;

/// What a request asks for, with the ids of its path: decoded, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// Something of the authentication service.
    Authentication(Authentication),
    /// Something of the collaboration service.
    Collaboration(Collaboration),
    /// Something of the provisioning service.
    Provisioning(Provisioning),
    /// Something of the management service.
    Management(Management),
}

impl From<Authentication> for Route {
    fn from(asked: Authentication) -> Route {
        Route::Authentication(asked)
    }
}

impl From<Collaboration> for Route {
    fn from(asked: Collaboration) -> Route {
        Route::Collaboration(asked)
    }
}

impl From<Provisioning> for Route {
    fn from(asked: Provisioning) -> Route {
        Route::Provisioning(asked)
    }
}

impl From<Management> for Route {
    fn from(asked: Management) -> Route {
        Route::Management(asked)
    }
}

/// What the authentication service can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the table below says which method and path each one is"
)]
pub enum Authentication {
    LogIn,
    TokenDetails { token: Token },
}

/// What the collaboration service can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the table below says which method and path each one is"
)]
pub enum Collaboration {
    Channels,
    Channel { channel: String },
    Upload { channel: String, name: String },
    Messages { channel: String },
    Post { channel: String },
    EditByKey { channel: String },
    RetractByKey { channel: String },
    Message { channel: String, message: String },
    Edit { channel: String, message: String },
    Retract { channel: String, message: String },
    React { channel: String, message: String },
    ReactByKey { channel: String },
    ChannelState { channel: String },
    SetComposing { channel: String },
    Search,
    Events,
    OwnMetadata,
}

/// What the provisioning service can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the table below says which method and path each one is"
)]
pub enum Provisioning {
    Agents,
    Agent { agent: String },
    PutAgent { agent: String },
    DeleteAgent { agent: String },
    AgentChannels { agent: String },
    PutAgentChannel { agent: String, channel: String },
    DeleteAgentChannel { agent: String, channel: String },
    Metadata { agent: String },
    PutMetadata { agent: String },
    MetadataValue { agent: String, key: String },
    PutMetadataValue { agent: String, key: String },
    DeleteMetadataValue { agent: String, key: String },
    FindChannels,
    Users,
    User { user: String },
    PutUser { user: String },
    DeleteUser { user: String },
    Throttles,
    Throttle { throttle: String },
    PutThrottle { throttle: String },
    DeleteThrottle { throttle: String },
}

/// What the management service can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the table below says which method and path each one is"
)]
pub enum Management {
    Test,
    Categories,
    Channels,
    CreateChannel,
    Channel { channel: String },
    DeleteChannel { channel: String },
    Members { channel: String },
    PutMembers { channel: String },
}
