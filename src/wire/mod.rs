//! The MindLink REST contract as documents and their text, for any host that serves it.
//!
//! This module is the only description of the documents. It knows neither an HTTP server nor the
//! engine and imports `model` and `error` only. A host splits the path with [`route`], reads the
//! query with [`query`], decodes a body with [`Format::decode`], calls the engine with the model's
//! types and writes the answer with [`Format::encode`].
//!
//! * A document is a plain struct whose members are in the contract's order. Writing is
//!   `serde::Serialize`: [`xml`] is a second serializer beside [`json`], so no second set of
//!   structs is needed.
//! * Reading parses the text into a [`Tree`], which keeps the order of members. [`lenient`] then
//!   reads the tree; it alone knows how wrongly typed the clients' documents are. JSON and XML
//!   become the same tree.
//! * Status numbers are in [`error`] only.
//!
//! Rejected: `serde::Deserialize` on the documents (its errors do not say where, it cannot see that
//! `__type` came first, and quoted numbers would need an attribute at every field);
//! `serde_json::Value` (it sorts or forgets); one struct per document and format (forty shapes to
//! keep alike).

mod arrays;
mod authentication;
mod code;
mod collaboration;
mod dictionary;
pub mod error;
mod event;
mod format;
#[doc(hidden)]
pub mod fuzz;
pub mod json;
pub mod lenient;
mod living;
mod management;
mod message;
pub mod openapi;
mod part;
pub mod percent;
mod provisioning;
pub mod query;
pub mod route;
mod search;
mod search_date;
mod tree;
mod utf16;
pub mod xml;

pub use authentication::{AuthenticationCredentials, TokenDetails};
pub use code::Code;
pub use collaboration::{
    Channel, ChannelAgentState, ChannelState, Classification, SecurityContext,
};
pub use dictionary::{Dictionary, KeyValue};
pub use error::ErrorBody;
pub use event::{Body, ChannelStateEvent, Event, MessageEvent, MetaDataEvent};
pub use format::Format;
pub use lenient::Read;
pub use living::{LivingMessage, MessageChangeEvent, MessageReaction, MessageRetraction};
pub use management::{Category, ManagedChannel, NewManagedChannel};
pub use message::{Message, PostedMessage};
pub use part::MessagePart;
pub use provisioning::{
    ProvisionedAgent, ProvisionedChannel, ProvisionedThrottle, ProvisionedUser,
};
pub use search::{MessageSearchCriteria, PostSearchResultSet, SearchWindow};
pub use tree::Tree;
pub use xml::Document;

/// The namespace of the collaboration documents; also what follows the colon in every `__type`.
pub const COLLABORATION_NAMESPACE: &str = "http://schemas.fcg.im/foundation/v1/collaboration";

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;
