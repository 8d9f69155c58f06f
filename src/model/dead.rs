//! An event that a shared reader gave up.

use super::{AgentId, Event, ReaderName, Seq};
use chrono::{DateTime, Utc};

/// An event that no attempt of a [shared reader](crate::SharedReader) got done. A copy of it is
/// kept, however long its message is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DeadDelivery {
    /// Whose reader gave it up.
    pub agent: AgentId,
    /// The reader.
    pub reader: ReaderName,
    /// What happened.
    pub event: Event,
    /// How often it was given out.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub reason: String,
    /// When it was given up.
    pub died: DateTime<Utc>,
}

impl DeadDelivery {
    pub(crate) fn new(
        agent: AgentId,
        reader: ReaderName,
        event: Event,
        attempts: u32,
        reason: String,
        died: DateTime<Utc>,
    ) -> DeadDelivery {
        DeadDelivery {
            agent,
            reader,
            event,
            attempts,
            reason,
            died,
        }
    }

    /// The seq of its event, which names it within its reader.
    pub(crate) fn seq(&self) -> Seq {
        self.event.seq
    }
}
