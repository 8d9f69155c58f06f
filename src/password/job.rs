//! One password to be hashed or checked, and whoever waits for that.

use crate::error::{Error, Result};
use crate::model::Secret;
use crate::waiting::{Busy, Promise};
use std::time::Duration;

/// After how long a login that found no place may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A password that one of the candidates has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Which candidate.
    pub(crate) place: usize,
    /// The same password at today's cost, if it is stored at another.
    pub(crate) rehash: Option<String>,
}

/// Asked when the turn comes: which candidate's password this was found to be, meanwhile or a short while ago.
pub(crate) type Proved = Box<dyn FnOnce() -> Option<usize> + Send>;

/// Nobody is known to have the password.
pub(crate) fn unproved() -> Proved {
    Box::new(|| None)
}

/// What waits in the line.
pub(super) struct Job {
    pub(super) task: Task,
    /// Declared after the task and so dropped after it: nothing is idle before the answer is out.
    pub(super) _busy: Busy,
}

/// A password, whose it may be, and who of them is known by now to have it.
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

    /// Answers that there was no place, or that it took too long.
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
