//! A post that was said, and one that waits for its delay.

use super::archive::Said;
use crate::backend::{BackendError, Capabilities, Outgoing};
use crate::model::{ChannelId, ResumePoint};
use parking_lot::Mutex;
use std::sync::Arc;

/// A post as it was said.
pub(super) struct Spoken {
    pub(super) said: Arc<Said>,
    /// The point to resume from after it, for the answer of a post that does not come back.
    pub(super) resume: Option<ResumePoint>,
}

/// A post that waits for its delay.
pub(super) struct Delayed {
    /// Rises with each.
    pub(super) number: u64,
    pub(super) session: u64,
    pub(super) capabilities: Capabilities,
    pub(super) channel: ChannelId,
    pub(super) message: Outgoing,
    /// What became of it, once its delay has passed.
    pub(super) outcome: Arc<Mutex<Option<Result<Spoken, BackendError>>>>,
}
