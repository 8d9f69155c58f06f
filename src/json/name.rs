//! Ids, and the names of states, modes and kinds: strings, as `Display` writes and `FromStr` reads
//! them. Numbers of events and agents are numbers.

use crate::model::{
    Address, AgentId, AgentKey, AgentState, Change, ChannelId, ChannelKind, DisplayMode, EventId,
    InstanceId, JoinState, LinkKey, ManagementMode, MessageId, NetworkId, OriginId, PresenceState,
    Privacy, ProvisioningMode, ReaderName, Receipt, ResumePoint, ThrottleId, ThrottleKind, UserId,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

macro_rules! strings {
    ($($type:ident)+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_ref())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let text = Cow::<str>::deserialize(from)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

strings! {
    Address AgentId ChannelId InstanceId LinkKey MessageId NetworkId OriginId ReaderName ResumePoint
    ThrottleId UserId
    AgentState Change ChannelKind DisplayMode JoinState ManagementMode PresenceState Privacy
    ProvisioningMode Receipt ThrottleKind
}

macro_rules! numbers {
    ($($type:ident)+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_i64(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                i64::deserialize(from).map($type)
            }
        }
    )+};
}

numbers! { AgentKey EventId }
