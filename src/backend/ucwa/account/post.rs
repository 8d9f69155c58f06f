//! A post that waits for its turn, and who waits for its answer.

use crate::backend::{Accepted, BackendError, Outgoing};
use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

/// Who waits for an answer. The account only passes it on: the shell sends the answer.
pub(crate) type Done<T> = oneshot::Sender<Result<T, BackendError>>;

/// A post that waits for its turn.
pub(crate) struct Post {
    pub(crate) message: Outgoing,
    pub(crate) done: Done<Accepted>,
    /// When it was put into its line.
    pub(crate) came: DateTime<Utc>,
    /// The conversation that was begun for it without its text, by key.
    pub(crate) into: Option<String>,
}
