//! Changes of the database that a caller waits for, each with a deadline.

use crate::database::Failure;
use crate::error::{Error, Result};
use crate::hub::Timer;
use crate::journal::{Entries, Transaction};
use crate::waiting::Pending;
use std::sync::Arc;
use std::time::Duration;

/// How long a caller waits for its change. A full or locked disk refuses a change much sooner. A
/// disk that hangs in the middle of a commit never answers, and then nobody knows the outcome.
const COMMIT_MAX: Duration = Duration::from_secs(30);

/// Runs changes in the writer, each in a transaction of its own.
#[derive(Clone)]
pub(super) struct Commits {
    entries: Entries,
    timer: Arc<Timer>,
}

impl Commits {
    pub(super) fn new(entries: Entries, timer: Arc<Timer>) -> Commits {
        Commits { entries, timer }
    }

    /// Runs `work` and waits until it is committed and memory follows it, at most 30 s.
    ///
    /// # Errors
    /// What `work` fails with; `Busy`; `Storage`; `Closed`; `OutcomeUnknown` after 30 s.
    pub(super) fn run<T, W>(&self, work: W) -> impl Future<Output = Result<T>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.within(self.queue(work))
    }

    /// Queues `work`. The future that this returns has no deadline.
    pub(super) fn queue<T, W>(&self, work: W) -> Pending<Result<T>>
    where
        T: Send + 'static,
        W: FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.entries.job(work)
    }

    /// Waits for `change`, which is queued, at most 30 s.
    pub(super) fn within<T: Send + 'static>(
        &self,
        change: Pending<Result<T>>,
    ) -> impl Future<Output = Result<T>> + Send + use<T> {
        let timer = self.timer.clone();
        let late = || {
            Error::OutcomeUnknown(format!(
                "the database did not answer within {} s",
                COMMIT_MAX.as_secs()
            ))
        };
        async move { timer.within(COMMIT_MAX, change, late).await }
    }
}
