//! What the services stand on, handed over once.

use crate::agents::{Calls, PostBook, Posting};
use crate::backend::{BackendErrorKind, Reply};
use crate::clock::{Calendar, Clock};
use crate::database::{Budget, Reads};
use crate::error::{Error, Result};
use crate::hub::{Hub, Timer};
use crate::journal::Entries;
use crate::origin::Origins;
use crate::waiting::{Activity, Pending};
use std::sync::Arc;
use std::time::Duration;

/// What the services stand on.
pub(crate) struct Ground {
    pub(crate) entries: Entries,
    pub(crate) calls: Calls,
    pub(crate) posting: Arc<Posting>,
    pub(crate) posts: Arc<PostBook>,
    pub(crate) reads: Reads,
    pub(crate) hub: Arc<Hub>,
    pub(crate) timer: Arc<Timer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) activity: Activity,
    pub(crate) origins: Arc<Origins>,
    pub(crate) budget: Budget,
}

/// How long a change is waited for. A full or locked disk refuses it much sooner; a disk that hangs in the middle of a
/// commit does not answer at all, and then nobody can tell.
const COMMIT_MAX: Duration = Duration::from_secs(30);

impl Ground {
    /// Ready with what becomes of a change that the writer was given, or with an error after 30 s.
    pub(crate) fn committed<T: Send + 'static>(
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

    /// As [`Calls::ask`].
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        most: Duration,
        what: &'static str,
        make: impl FnOnce() -> Reply<T>,
    ) -> Reply<T> {
        self.calls.ask(most, what, make)
    }

    /// As [`Calls::within`].
    pub(crate) fn within<T: Send + 'static>(
        &self,
        most: Duration,
        late: BackendErrorKind,
        what: &'static str,
        make: impl FnOnce() -> Reply<T>,
    ) -> Reply<T> {
        self.calls.within(most, late, what, make)
    }
}
