//! A conversation as one application sees it.

use super::super::address::Address;
use super::super::timer::Moment;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};

/// Messages of a conversation that can be read again; older ones are 404.
pub const MESSAGES_MAX: usize = 200;
/// Modalities that the simulator does not support but shows, because a real server shows them.
pub const UNUSED: [&str; 4] = [
    "applicationSharing",
    "audioVideo",
    "dataCollaboration",
    "phoneAudio",
];

/// One application's view of a talk.
#[derive(Debug)]
pub struct Conversation {
    /// A GUID.
    pub id: String,
    /// The talk that this view shows.
    pub talk: u64,
    /// A `ConversationState`.
    pub state: &'static str,
    /// The state of the modality: Connecting, Connected, Disconnected.
    pub messaging: &'static str,
    /// Message formats that both sides can show.
    pub formats: Vec<String>,
    /// The invitation's subject.
    pub subject: String,
    /// The invitation's importance.
    pub importance: String,
    /// The thread: it links conversations to one talk over days.
    pub thread: String,
    /// When the conversation began.
    pub created: Moment,
    /// Number of the next message.
    pub next_message: u32,
    /// The resources of the last messages, by number.
    pub messages: VecDeque<(u32, Value)>,
    /// The meeting's id, if the talk is a conference.
    pub meeting: Option<String>,
    /// True while an addMessaging is under way.
    pub adding: bool,
    /// The other participants whose arrival the application was told.
    pub seen: BTreeSet<Address>,
}
