//! Channels as an application sees them, and rooms as a manager does.

use super::document;
use super::unknown::{least, secret};
use crate::model::{
    Category, Channel, ChannelId, ChannelInfo, Classification, ManagedRoom, NewRoom, PresenceState,
    Privacy, SecurityContext,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

document!(ChannelInfo {
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(deserialize_with = "least")]
    presence: PresenceState,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_text: Option<String>,
    can_accept_files: bool,
    max_message_length: u32,
    max_story_length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<Classification>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    security_contexts: Vec<SecurityContext>,
});

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            id: &'a ChannelId,
            #[serde(flatten)]
            info: &'a ChannelInfo,
        }
        let Channel { id, info } = self;
        Written { id, info }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Channel, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            id: ChannelId,
            #[serde(flatten)]
            info: ChannelInfo,
        }
        let Read { id, info } = Read::deserialize(from)?;
        Ok(Channel::new(id, Arc::new(info)))
    }
}

document!(Category {
    id: String,
    name: String,
});

document!(ManagedRoom {
    id: ChannelId,
    name: String,
    #[serde(deserialize_with = "secret")]
    privacy: Privacy,
});

document!(NewRoom {
    category: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    privacy: Privacy,
});
