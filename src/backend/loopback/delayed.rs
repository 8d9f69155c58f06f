//! A post that was sent, and a post that waits for its delay.

use super::archive::Said;
use crate::backend::{BackendError, Capabilities, Outgoing};
use crate::model::{ChannelId, ResumePoint};
use parking_lot::Mutex;
use std::sync::Arc;

/// A post that was sent.
pub(super) struct Spoken {
    pub(super) said: Arc<Said>,
    /// The resume point after it, for the result of a post that does not come back.
    pub(super) resume: Option<ResumePoint>,
}

/// A post that waits for its delay.
pub(super) struct Delayed {
    /// A number that rises with each delayed post.
    pub(super) number: u64,
    pub(super) session: u64,
    pub(super) capabilities: Capabilities,
    pub(super) channel: ChannelId,
    pub(super) message: Outgoing,
    /// The outcome, once the delay has passed.
    pub(super) outcome: Arc<Mutex<Option<Result<Spoken, BackendError>>>>,
}
