//! Channels as an application sees them (§channels/active, §channels/state).

use super::names::names;
use super::{ChannelId, Classification, SecurityContext};

/// The presence of a contact (§channels/state); the numbers are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PresenceState {
    /// Not known, or not applicable.
    #[default]
    Unknown = 0,
    /// Available.
    Available = 100,
    /// Available, but away from the keys.
    AvailableIdle = 150,
    /// Busy.
    Busy = 200,
    /// Busy, and away from the keys.
    BusyIdle = 250,
    /// Not to be disturbed.
    DoNotDisturb = 300,
    /// Back soon.
    BeRightBack = 400,
    /// Away.
    Away = 500,
    /// Signed out.
    Offline = 600,
}

impl PresenceState {
    /// The number the contract gives this state.
    pub fn code(self) -> i32 {
        self as i32
    }
}

names!(
    PresenceState,
    "presence",
    [
        Unknown = "unknown",
        Available = "available",
        AvailableIdle = "available_idle",
        Busy = "busy",
        BusyIdle = "busy_idle",
        DoNotDisturb = "do_not_disturb",
        BeRightBack = "be_right_back",
        Away = "away",
        Offline = "offline",
    ]
);

/// What a chat system says of a channel when it is joined, and later when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelInfo {
    /// The name that people know it by; the name in its id if the chat system gives none.
    pub display_name: String,
    /// A description.
    pub description: Option<String>,
    /// An e-mail address.
    pub email_address: Option<String>,
    /// The subject or topic.
    pub subject: Option<String>,
    /// A contact's presence.
    pub presence: PresenceState,
    /// A contact's own words beside its presence.
    pub presence_text: Option<String>,
    /// Whether it takes uploads.
    pub can_accept_files: bool,
    /// The longest message or subject, in Unicode scalar values.
    pub max_message_length: u32,
    /// The longest story text, in Unicode scalar values.
    pub max_story_length: u32,
    /// Its highest classification.
    pub classification: Option<Classification>,
    /// Its security contexts.
    pub security_contexts: Vec<SecurityContext>,
}

impl ChannelInfo {
    /// A channel of that name with the limits of the contract's example, 500 and 4,000, and nothing
    /// else known.
    pub fn named(display_name: impl Into<String>) -> ChannelInfo {
        ChannelInfo {
            display_name: display_name.into(),
            description: None,
            email_address: None,
            subject: None,
            presence: PresenceState::Unknown,
            presence_text: None,
            can_accept_files: false,
            max_message_length: 500,
            max_story_length: 4000,
            classification: None,
            security_contexts: Vec::new(),
        }
    }
}

/// A provisioned channel that the agent is in (§channels/active).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// What the chat system says of it.
    pub info: std::sync::Arc<ChannelInfo>,
}

impl Channel {
    pub(crate) fn new(id: ChannelId, info: std::sync::Arc<ChannelInfo>) -> Channel {
        Channel { id, info }
    }
}
