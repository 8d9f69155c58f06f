//! What a link's task is told. The mail cannot overflow, because it holds sets, not histories.
//!
//! The mail is generic over the agents `A` in it: an agent holds its link, and a link's mail holds
//! agents.

use crate::backend::{BackendError, Session};
use crate::model::{Address, ChannelId};
use std::sync::Arc;

/// A session to be ended, or channels that it is to leave.
pub(super) struct Farewell<A> {
    pub(super) agent: Arc<A>,
    pub(super) session: Arc<dyn Session>,
    /// The address that the session was signed in under.
    pub(super) address: Address,
    /// The channels that the agent was in and is to leave.
    pub(super) channels: Vec<ChannelId>,
    /// Whether to sign out; otherwise the session leaves the channels and goes on.
    pub(super) for_good: bool,
}

/// An agent that lost one channel, or all of them.
pub(super) type Flap<A> = (Arc<A>, Option<ChannelId>);

/// What a link's task finds at its next turn.
pub(super) struct Mail<A> {
    /// Agents to look at.
    pub(super) look: Vec<Arc<A>>,
    pub(super) farewells: Vec<Farewell<A>>,
    /// Channels that an agent of this link is no longer in, once for each agent.
    pub(super) left: Vec<ChannelId>,
    /// Losses to be announced if they last.
    pub(super) flaps: Vec<Flap<A>>,
    /// The connection of that generation is lost.
    pub(super) lost: Option<(u64, BackendError)>,
    /// An administrator changed something: dial at once.
    pub(super) hurry: bool,
    /// The engine stops.
    pub(super) stop: bool,
}

impl<A> Default for Mail<A> {
    fn default() -> Mail<A> {
        Mail {
            look: Vec::new(),
            farewells: Vec::new(),
            left: Vec::new(),
            flaps: Vec::new(),
            lost: None,
            hurry: false,
            stop: false,
        }
    }
}

impl<A> Mail<A> {
    /// Whether nothing in it concerns an agent.
    pub(super) fn is_empty(&self) -> bool {
        self.look.is_empty()
            && self.farewells.is_empty()
            && self.left.is_empty()
            && self.flaps.is_empty()
    }
}
