//! What the agents stand on: the machines of the floors below, handed over once. Nothing is decided here.

use super::infos::Infos;
use super::pace::Pace;
use super::posts::PostBook;
use crate::clock::{Calendar, Clock};
use crate::database::{Budget, Lane, Readers, Writer};
use crate::error::{Error, Result};
use crate::hub::{Hub, Ring, Timer};
use crate::journal::{Entry, EntryKind, Journal};
use crate::origin::Origins;
use crate::waiting::{Activity, Pending, pending};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// The machines below.
pub(crate) struct Ground {
    pub(crate) writer: Arc<Writer<Journal>>,
    pub(crate) readers: Readers,
    pub(crate) hub: Arc<Hub>,
    pub(crate) ring: Arc<Ring>,
    pub(crate) timer: Arc<Timer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) activity: Activity,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) posts: Arc<PostBook>,
    pub(crate) pace: Pace,
    pub(crate) infos: Infos,
    pub(crate) origins: Origins,
    pub(crate) budget: Budget,
    /// When the database was last written before this process opened it; none if this process made it.
    pub(crate) recorded_until: Option<DateTime<Utc>>,
    /// How long a link may be lost before its channels are announced as inactive.
    pub(crate) flap_delay: Duration,
}

/// How long a change is waited for. A full or locked disk refuses it much sooner; a disk that hangs in the middle of a
/// commit does not answer at all, and then nobody can tell.
const COMMIT_MAX: Duration = Duration::from_secs(30);

impl Ground {
    /// What becomes of a change that the writer was given: whoever asked for it is answered, whatever the disk does.
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

    /// Queues an entry that always has room: what the engine itself has to say is little.
    pub(crate) fn write(&self, kind: EntryKind) {
        let entry = Entry {
            kind,
            busy: self.activity.busy(),
            before: None,
            done: None,
        };
        if self.writer.push(entry, 0, Lane::Ordered).is_err() {
            tracing::debug!("the writer has stopped; an entry is dropped");
        }
    }

    /// As [`Ground::write`], and answers when it is committed and published.
    pub(crate) fn write_through(&self, kind: EntryKind) -> Pending<Result<()>> {
        self.write_with(kind, None)
    }

    /// As [`Ground::write_through`]; `before` is done once it is committed, before anybody is told of it.
    pub(crate) fn write_with(
        &self,
        kind: EntryKind,
        before: Option<Box<dyn FnOnce() + Send>>,
    ) -> Pending<Result<()>> {
        let (promise, pending) = pending();
        let entry = Entry {
            kind,
            busy: self.activity.busy(),
            before,
            done: Some(promise),
        };
        match self.writer.push(entry, 0, Lane::Ordered) {
            Ok(()) => pending,
            Err(_) => Pending::ready(Err(Error::Closed)),
        }
    }
}
