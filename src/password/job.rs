//! A password to be hashed or checked, and the caller that waits for it.

use crate::error::{Error, Result};
use crate::model::Secret;
use crate::waiting::{Busy, Promise};
use std::time::Duration;

/// After this time a login that was refused may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A password that one of the candidates has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Which candidate.
    pub(crate) candidate: usize,
    /// The same password at today's cost, if it is stored at another.
    pub(crate) rehash: Option<String>,
}

/// Asked when the job's turn comes: the candidate whose password this is already known to be, if
/// any.
pub(crate) type Proved = Box<dyn FnOnce() -> Option<usize> + Send>;

/// Nobody is known to have the password.
pub(crate) fn unproved() -> Proved {
    Box::new(|| None)
}

/// What waits in the line.
pub(super) struct Job {
    pub(super) task: Task,
    /// Declared after the task and so dropped after it: the engine is not idle before the answer is
    /// given.
    pub(super) _busy: Busy,
}

/// A password, the candidates whose it may be, and what is known by the time of the check.
pub(super) struct Check {
    pub(super) password: Secret,
    pub(super) candidates: Vec<Option<String>>,
    pub(super) proved: Proved,
}

/// What is to be done, and who is answered.
pub(super) enum Task {
    Hash(Secret, Promise<Result<String>>),
    Verify(Check, Promise<Result<Option<Verified>>>),
}

impl Job {
    /// Whether somebody still waits for the answer.
    pub(super) fn is_awaited(&self) -> bool {
        match &self.task {
            Task::Hash(_, promise) => promise.is_awaited(),
            Task::Verify(_, promise) => promise.is_awaited(),
        }
    }

    /// Answers `Busy`: there was no place in the line, or the wait was too long.
    pub(super) fn refuse(self) {
        let busy = || Error::Busy {
            what: "the password pool".into(),
            retry_after: RETRY_AFTER,
        };
        match self.task {
            Task::Hash(_, promise) => promise.fulfil(Err(busy())),
            Task::Verify(_, promise) => promise.fulfil(Err(busy())),
        }
    }
}
