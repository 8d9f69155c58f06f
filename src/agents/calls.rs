//! Calls into a backend: each runs with the runtime entered, its panic is caught, and its answer
//! has a deadline.
//!
//! A call that does nothing when it is repeated is given up at its deadline ([`Calls::ask`]). A
//! post is not: see [`Posting`](super::posting::Posting).

use crate::backend::{BackendError, BackendErrorKind, Reply};
use crate::error::Error;
use crate::hub::Timer;
use crate::runtime::start_task;
use crate::waiting::{Activity, panic_text};
use futures_util::FutureExt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How long a question to a chat system may take: looking something up, history, management,
/// typing.
pub(crate) const ASK_MAX: Duration = Duration::from_secs(35);

/// What a call into a backend needs.
#[derive(Clone)]
pub(crate) struct Calls {
    runtime: tokio::runtime::Handle,
    timer: Arc<Timer>,
    activity: Activity,
}

impl Calls {
    pub(crate) fn new(
        runtime: tokio::runtime::Handle,
        timer: Arc<Timer>,
        activity: Activity,
    ) -> Calls {
        Calls {
            runtime,
            timer,
            activity,
        }
    }

    /// The timer that deadlines are measured with.
    pub(crate) fn timer(&self) -> &Arc<Timer> {
        &self.timer
    }

    /// The count of what is under way, for which a clock moved by hand waits.
    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Spawns a task on the engine's runtime that counts as under way whenever it runs.
    pub(crate) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        start_task(&self.runtime, self.activity.clone(), task)
    }

    /// Enters the runtime, for a future that is polled once outside of it.
    pub(crate) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Calls a backend without a deadline; a panic becomes an `OutcomeUnknown`.
    pub(crate) fn call<T: Send + 'static>(&self, make: impl FnOnce() -> Reply<T>) -> Reply<T> {
        let _entered = self.runtime.enter();
        match catch_unwind(AssertUnwindSafe(make)) {
            Ok(reply) => Box::pin(
                AssertUnwindSafe(reply)
                    .catch_unwind()
                    .map(|outcome| outcome.unwrap_or_else(|panic| Err(panicked(&*panic)))),
            ),
            Err(panic) => Box::pin(std::future::ready(Err(panicked(&*panic)))),
        }
    }

    /// Calls a backend and waits at most `most` for its answer. Only for calls that may be
    /// repeated: one that is late has failed as `Unreachable`.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        most: Duration,
        what: &'static str,
        make: impl FnOnce() -> Reply<T>,
    ) -> Reply<T> {
        self.within(most, BackendErrorKind::Unreachable, what, make)
    }

    /// As [`Calls::ask`]; an answer that does not come in time is a failure of the kind `late`.
    pub(crate) fn within<T: Send + 'static>(
        &self,
        most: Duration,
        late: BackendErrorKind,
        what: &'static str,
        make: impl FnOnce() -> Reply<T>,
    ) -> Reply<T> {
        let (reply, deadline) = (self.call(make), self.timer.sleep(most));
        Box::pin(async move {
            tokio::select! {
                biased;
                outcome = reply => outcome,
                () = deadline => Err(BackendError::new(late, format!("{what} took longer than {} s", most.as_secs()))),
            }
        })
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> BackendError {
    let text = panic_text(panic);
    tracing::error!(text, "a backend panicked");
    BackendError::new(
        BackendErrorKind::OutcomeUnknown,
        format!("the connector panicked: {text}"),
    )
}

/// A backend's failure, as the caller of a post or query sees it (§answer/chat-system).
pub(crate) fn error_of(error: BackendError, channel: &str) -> Error {
    let BackendError { kind, reason } = error;
    match kind {
        BackendErrorKind::Unreachable => Error::Unreachable(reason),
        BackendErrorKind::RetryAfter(pause) => Error::Busy {
            what: "the chat system".into(),
            retry_after: pause,
        },
        BackendErrorKind::ChannelGone => Error::ChannelInactive {
            channel: channel.to_owned(),
            reason,
        },
        BackendErrorKind::TooLarge(limit) => Error::TooLarge {
            what: "the upload",
            length: limit + 1,
            limit,
        },
        BackendErrorKind::Unsupported => Error::Unsupported(reason),
        BackendErrorKind::Protocol | BackendErrorKind::OutcomeUnknown => {
            Error::OutcomeUnknown(reason)
        }
        BackendErrorKind::Refused | BackendErrorKind::Rejected => Error::Rejected(reason),
    }
}

/// A backend's failure to answer a question. A question changes nothing, so the caller may ask
/// again.
pub(crate) fn error_of_question(error: BackendError, channel: &str) -> Error {
    match error.kind {
        BackendErrorKind::Protocol | BackendErrorKind::OutcomeUnknown => {
            Error::Unreachable(error.reason)
        }
        _ => error_of(error, channel),
    }
}
