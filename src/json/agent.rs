//! Agents, users and throttles: as they are asked for, as they are provisioned, and their states.

use super::document;
use super::unknown::least;
use super::{pairs, time};
use crate::model::{
    Address, AgentId, AgentState, AgentStatus, ChannelId, ChannelStatus, Contacts, DeadDelivery,
    Event, JoinState, ManagementMode, NewAgent, OpenContact, ProvisionedAgent, ProvisionedChannel,
    ProvisionedUser, ProvisioningMode, ReaderName, ReaderStatus, Throttle, ThrottleId,
    ThrottleKind, UserId,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

document!(NewAgent {
    id: AgentId,
    address: Address,
    #[serde(default)]
    channels: Vec<ChannelId>,
    #[serde(default)]
    users: Vec<UserId>,
    #[serde(default, with = "pairs")]
    metadata: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<ProvisioningMode>,
    #[serde(default)]
    can_provision: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    management: Option<ManagementMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contacts: Option<Contacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_revision: Option<u64>,
});

impl Serialize for Contacts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Contacts::Provisioned => WhoMay::Provisioned,
            Contacts::Open { most } => WhoMay::Open { most: *most },
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Contacts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Contacts, D::Error> {
        Ok(match WhoMay::deserialize(from)? {
            WhoMay::Provisioned => Contacts::Provisioned,
            WhoMay::Open { most } => Contacts::Open { most },
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WhoMay {
    Provisioned,
    Open { most: u32 },
}

document!(OpenContact {
    id: ChannelId,
    #[serde(deserialize_with = "least")]
    state: JoinState,
    #[serde(with = "time")]
    heard: DateTime<Utc>,
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    answered: Option<DateTime<Utc>>,
});

document!(DeadDelivery {
    agent: AgentId,
    reader: ReaderName,
    event: Event,
    attempts: u32,
    reason: String,
    #[serde(with = "time")]
    died: DateTime<Utc>,
});

document!(ProvisionedChannel {
    id: ChannelId,
    #[serde(deserialize_with = "least")]
    state: JoinState,
});

document!(ProvisionedAgent {
    id: AgentId,
    address: Address,
    channels: Vec<ProvisionedChannel>,
    #[serde(with = "pairs")]
    metadata: Vec<(String, String)>,
    users: Vec<UserId>,
    #[serde(deserialize_with = "least")]
    mode: ProvisioningMode,
    #[serde(deserialize_with = "least")]
    management: ManagementMode,
    #[serde(default)]
    contacts: Contacts,
    #[serde(deserialize_with = "least")]
    state: AgentState,
    revision: u64,
});

document!(ProvisionedUser {
    id: UserId,
    username: String,
    has_password: bool,
});

document!(ChannelStatus {
    id: ChannelId,
    #[serde(deserialize_with = "least")]
    state: JoinState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    next_try: Option<DateTime<Utc>>,
});

document!(AgentStatus {
    id: AgentId,
    #[serde(deserialize_with = "least")]
    state: AgentState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(with = "time")]
    since: DateTime<Utc>,
    attempt: u32,
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    next_try: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    channels: Vec<ChannelStatus>,
    #[serde(default)]
    open_contacts: usize,
});

document!(ReaderStatus {
    agent: AgentId,
    name: ReaderName,
    lag: u64,
    #[serde(with = "time")]
    moved: DateTime<Utc>,
});

document!(Throttle {
    id: ThrottleId,
    kind: ThrottleKind,
    threshold: u32,
    #[serde(default)]
    agents: Vec<AgentId>,
});
