//! Agents kept signed in and joined: one task per link, one cell of memory per agent, and the posts
//! under way.
//!
//! The database is the desired state. [`Registry::apply`] is idempotent, is called in the order of
//! revisions, and is the same code when the engine opens. A link's task reconciles desired and
//! actual state, and starts at most 64 things at once. What an agent does next is decided by the
//! pure machine in `lifecycle`; tasks send it events and carry out its actions. Rejected: a task
//! per agent (1.4 KB each, and 100,000 agents over one component are data).

mod calls;
mod cell;
mod infos;
mod lifecycle;
mod link;
mod link_handle;
mod links;
mod mail;
mod posting;
mod posts;
mod registry;
mod roster;
mod strangers;

pub(crate) use calls::{ASK_MAX, Calls, error_of, error_of_question};
pub(crate) use cell::{Cell, CellState};
pub(crate) use lifecycle::{AgentChannel, ChannelPhase};
pub(crate) use link::{LinkSettings, Surroundings};
pub(crate) use posting::Posting;
pub(crate) use posts::{About, Begun, Post, PostBook};
pub(crate) use registry::{Backends, Desired, Registry};
pub(crate) use strangers::Strangers;
