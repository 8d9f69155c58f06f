//! Throttles as provisioned (§throttles/document).

use super::{AgentId, ThrottleId};

/// What a throttle counts; the numbers are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThrottleKind {
    /// Posts of an agent in any 60 seconds.
    MessagesPerMinute = 0,
    /// Posts of an agent into one channel in any 60 seconds.
    TargetedMessagesPerMinute = 1,
    /// Uploads of an agent under way at once.
    ConcurrentTransfers = 2,
}

/// A limit on what the agents it names may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    /// Its id.
    pub id: ThrottleId,
    /// What it counts; it cannot change afterwards.
    pub kind: ThrottleKind,
    /// How many it admits; 0 blocks all.
    pub threshold: u32,
    /// The agents it applies to, each counted by itself; they need not exist.
    pub agents: Vec<AgentId>,
}
