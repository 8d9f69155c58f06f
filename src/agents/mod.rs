//! Agents kept logged on and joined: one task per link, cells of memory per agent, and the posts under way.
//!
//! The database is the desired state; [`Registry::apply`] is idempotent, comes in the order of revisions, and is the
//! same code at `open`. A link's task compares what is wanted with what is so and starts what is missing, at most 64
//! things at once. Rejected: a task per agent (1.4 KB each, and 100,000 agents over one component are data).

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

pub(crate) use calls::{ASK_MAX, Calls, error_of, error_of_question};
pub(crate) use cell::{Cell, CellState};
pub(crate) use lifecycle::ChannelPhase;
pub(crate) use link::{LinkSettings, Surroundings};
pub(crate) use posting::Posting;
pub(crate) use posts::{Begun, Post, PostBook};
pub(crate) use registry::{Backends, Desired, Registry};
