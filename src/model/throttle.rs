//! Throttles as provisioned (§throttles/document).

use super::names::names;
use super::{AgentId, Id, ThrottleId};
use crate::error::Result;

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

names!(
    ThrottleKind,
    "kind of throttle",
    [
        MessagesPerMinute = "messages_per_minute",
        TargetedMessagesPerMinute = "targeted_messages_per_minute",
        ConcurrentTransfers = "concurrent_transfers",
    ]
);

/// A limit on what the agents it names may do.
///
/// ```
/// use switchboard::{Throttle, ThrottleKind};
///
/// let calm = Throttle::new("calm", ThrottleKind::MessagesPerMinute, 30)?.agent("echo")?;
/// assert_eq!(calm.threshold, 30);
/// # Ok::<(), switchboard::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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

impl Throttle {
    /// A throttle that applies to no agent yet.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if `id` is not a throttle id.
    pub fn new(id: impl Id<ThrottleId>, kind: ThrottleKind, threshold: u32) -> Result<Throttle> {
        Ok(Throttle {
            id: id.into_id()?,
            kind,
            threshold,
            agents: Vec::new(),
        })
    }

    /// Adds an agent, which need not exist yet.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if `id` is not an agent id.
    pub fn agent(mut self, id: impl Id<AgentId>) -> Result<Throttle> {
        self.agents.push(id.into_id()?);
        Ok(self)
    }
}
