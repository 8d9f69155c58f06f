//! The words of the gateway: agents, channels, messages, events. Floor 0: no SQL, JSON, XML or
//! tokio here.

mod account_name;
mod agent;
mod audit;
mod channel;
mod contact;
mod content;
mod dead;
mod encoded;
mod event;
mod id;
mod manage;
mod message;
mod message_change;
mod message_ref;
mod names;
#[cfg(test)]
mod names_test;
mod new_message;
mod part;
mod post_key;
mod principal;
mod query;
mod record;
mod search;
mod split;
mod throttle;

pub use account_name::{AccountName, Domains};
pub use agent::{
    AgentState, AgentStatus, Change, ChannelStatus, JoinState, ManagementMode, NewAgent, NewUser,
    OpenContact, ProvisionedAgent, ProvisionedChannel, ProvisionedUser, ProvisioningMode,
    ReaderStatus,
};
pub use audit::AuditEntry;
pub use channel::{Channel, ChannelInfo, PresenceState};
pub(crate) use contact::ContactTimes;
pub use contact::Contacts;
pub(crate) use content::ContentDigest;
pub use content::{Classification, Content, SecurityContext};
pub use dead::DeadDelivery;
pub use event::{Broadcast, Event, EventBatch, EventBody};
pub use id::{
    Address, AgentId, AgentKey, ChannelId, ChannelKind, EventId, Id, InstanceId, LinkKey,
    MessageId, NetworkId, OriginId, ReaderName, ResumePoint, ThrottleId, UserId,
};
pub use manage::{Category, ManagedRoom, NewRoom, Privacy};
pub use message::Message;
pub use message_change::{
    ChangeKind, Changed, MessageChange, Reaction, Receipt, Retraction, Target,
};
pub(crate) use message_change::{REACTION_BYTES_MAX, REACTIONS_MAX};
pub(crate) use message_ref::Ref;
pub use message_ref::{Key, MessageRef};
pub use new_message::{NewMessage, Posted, Reactions};
pub use part::{Attachment, DisplayMode, Part, visible_text};
pub use post_key::PostKey;
pub use principal::{Credentials, Principal, Secret, Token, TokenDetails, Who};
pub use query::{Cursor, EventKinds, EventQuery};
pub(crate) use record::{ConversationKey, Place, Record, Seq, What};
pub use search::{SearchCriteria, SearchSet};
pub use split::Split;
pub use throttle::{Throttle, ThrottleKind};
