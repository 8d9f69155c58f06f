//! The seam between the engine and a chat system: three traits going down, one [`Inbox`] coming up.
//!
//! A [`Backend`] is one chat system as configured; a [`Link`] is one connection to it; a
//! [`Session`] is one agent signed in over a link. A connector knows its configuration, its inbox
//! and its socket, and keeps nothing across links: what it must remember comes back to it as
//! [`ResumePoint`]. It acknowledges to the chat system only what [`Inbox::flush`] has confirmed.
//! The engine paces and retries; a connector tries once and says how it went.
//!
//! Calls are made with the engine's runtime entered (so `tokio::spawn` works) and under
//! `catch_unwind`. They may be made on any thread: a call takes its place in line when it is made,
//! its future only waits for the answer, and a reply that is ready at once costs no task. Rejected:
//! one task per agent (100,000 agents over one component are data), and a connector that retries by
//! itself (two back-offs fight).

mod account_secrets;
mod answers;
mod capabilities;
#[cfg(any(feature = "xmpp", feature = "ucwa"))]
mod dial;
#[cfg(any(feature = "xmpp", feature = "ucwa", feature = "ldap"))]
pub(crate) mod document;
mod error;
pub(crate) mod fairness;
mod inbox;
mod limits;
mod loopback;
mod manage;
#[cfg(feature = "openssl")]
mod openssl;
mod pace;
mod passing;
#[cfg(any(feature = "xmpp", feature = "ucwa"))]
mod prepared;
mod private;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod recorder;
mod regular;
mod secret;
mod settings;
#[cfg(any(feature = "xmpp", feature = "ucwa"))]
mod text;
#[cfg(any(feature = "xmpp", feature = "ucwa", feature = "ldap"))]
mod tls;
mod traits;
#[cfg(feature = "ucwa")]
pub mod ucwa;
#[cfg(any(feature = "xmpp", feature = "ucwa", feature = "ldap"))]
mod verifier;
#[cfg(feature = "xmpp")]
pub mod xmpp;

pub use account_secrets::AccountSecrets;
pub use answers::Answers;
pub use capabilities::Capabilities;
pub use error::{BackendError, BackendErrorKind};
pub use inbox::{Closed, Full, Inbound, Inbox, Intake, SeenBy, StateChange};
pub use limits::Limits;
pub use loopback::{HeardMessage, Loopback, Person, SeenMessage};
pub use manage::{Manage, Managed};
pub use pace::Pace;
pub use passing::{
    Accepted, Changes, Found, HISTORY_BYTES, Joined, Outgoing, OutgoingChange, Posted, Received,
    Upload,
};
pub(crate) use private::Forbidden;
pub use private::{is_one_of, lies_in, looks_private, others_can_read};
pub use regular::{open_regular, read_regular};
pub use secret::{SecretSource, StoredSecret, secret_mark};
pub use settings::{Period, Size};
#[cfg(any(feature = "xmpp", feature = "ucwa", feature = "ldap"))]
pub use tls::Trust;
#[cfg(feature = "ldap")]
pub(crate) use tls::{check as check_trust, client as tls_client};
pub use traits::{Backend, Link, Reply, Session, reply};

pub use crate::model::{
    Address, AgentKey, ChannelId, ChannelInfo, ChannelKind, Content, LinkKey, MessageId, NetworkId,
    OriginId, PresenceState, ResumePoint, Secret, Split,
};
pub(crate) use crate::runtime::start_blocking;
pub use crate::waiting::{Busy, PipeClosed, PipeReader};
