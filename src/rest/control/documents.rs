//! The documents of the control, in JSON only.

use crate::backend::HeardMessage;
use crate::error::Result;
use crate::wire::Read;
use crate::wire::lenient::Node;
use serde::Serialize;

/// Seconds that a person listens in one call at most.
const WAIT_MAX: i64 = 60;

/// Seconds of the longest delay.
const DELAY_MAX: i64 = 600;

/// The body of every order; each order uses some of its members.
pub(super) struct Order {
    pub(super) channel: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) name: Option<String>,
    pub(super) presence: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) seconds: i64,
    pub(super) subject: Option<String>,
    pub(super) text: Option<String>,
    pub(super) wait: i64,
}

impl Read for Order {
    fn read(node: &Node<'_>) -> Result<Order> {
        Ok(Order {
            channel: node.member("Channel")?.text_unless_empty()?,
            display_name: node.member("DisplayName")?.text_unless_empty()?,
            name: node.member("Name")?.text_unless_empty()?,
            presence: node.member("Presence")?.integer(0..=600)?,
            reason: node.member("Reason")?.text_unless_empty()?,
            seconds: node.member("Seconds")?.integer(0..=DELAY_MAX)?.unwrap_or(0),
            subject: node.member("Subject")?.text_unless_empty()?,
            text: node.member("Text")?.text_unless_empty()?,
            wait: node.member("Wait")?.integer(0..=WAIT_MAX)?.unwrap_or(0),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SaidId {
    pub(super) id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Heard {
    id: String,
    channel: String,
    sender: String,
    sender_alias: Option<String>,
    text: String,
    subject: Option<String>,
    is_alert: bool,
    timestamp: i64,
}

impl From<HeardMessage> for Heard {
    fn from(heard: HeardMessage) -> Heard {
        Heard {
            id: heard.id.to_string(),
            channel: heard.channel.to_string(),
            sender: heard.sender,
            sender_alias: heard.sender_alias,
            text: heard.text,
            subject: heard.content.subject,
            is_alert: heard.content.alert,
            timestamp: heard.time.timestamp_millis(),
        }
    }
}
