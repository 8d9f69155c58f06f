//! Passwords that live elsewhere: a directory checks them instead of the engine.
//!
//! The directory is asked at every login, and for a made-up name where no provisioned user has the
//! name that was given. Without that, the time of the login and the error of a directory that is
//! down told which names exist. Rejected: asking for the name as it was given (a stranger could
//! lock every account of the directory, provisioned here or not).

use crate::error::{Error, Result};
use crate::hub::Timer;
use crate::model::Secret;
use crate::store::users::UserRow;
use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a directory may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Checks passwords instead of the engine, so that a directory can hold them.
///
/// It is asked for names that a provisioned user of the agent has, and for made-up names; never for
/// others. It must not block the thread that calls it. A check that panics, or takes longer than 20
/// seconds, fails the login.
pub trait Authenticator: Send + Sync + 'static {
    /// Whether `password` is the password of `username`.
    ///
    /// # Errors
    /// [`Error::Busy`] or [`Error::Unreachable`] if it cannot tell now; the login then fails with
    /// that error.
    fn check(
        &self,
        username: String,
        password: Secret,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'static>>;

    /// Does the work of a check for a name that no provisioned user has, and fails as a check
    /// would, so that nobody learns from time or errors which names exist. The engine ignores
    /// whether it returns true or false. The provided method calls [`check`](Authenticator::check)
    /// with a made-up name.
    ///
    /// # Errors
    /// As [`check`](Authenticator::check).
    fn check_nobody(
        &self,
        password: Secret,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'static>> {
        let number = getrandom::u64().unwrap_or_default();
        self.check(format!("nobody-{number:016x}"), password)
    }
}

/// The directory of a host, asked with a deadline.
pub(super) struct Directory {
    authenticator: Arc<dyn Authenticator>,
    timer: Arc<Timer>,
}

impl Directory {
    pub(super) fn new(authenticator: Arc<dyn Authenticator>, timer: Arc<Timer>) -> Directory {
        Directory {
            authenticator,
            timer,
        }
    }

    /// Whether the directory says that `password` is the one of these users, who share a name. If
    /// there are no users, it is asked all the same, and the result is false.
    pub(super) async fn check(&self, password: &Secret, listed: &[UserRow]) -> Result<bool> {
        let (authenticator, password, name) = (
            self.authenticator.clone(),
            password.clone(),
            listed.first().map(|user| user.username.clone()),
        );
        let exists = name.is_some();
        let check = AssertUnwindSafe(async move {
            match name {
                Some(name) => authenticator.check(name, password).await,
                None => authenticator.check_nobody(password).await,
            }
        });
        // Before the check begins: a clock moved by hand may move as soon as the directory was
        // asked.
        let overdue = self.timer.sleep(DEADLINE);
        let right = tokio::select! {
            biased;
            checked = check.catch_unwind() => match checked {
                Ok(checked) => checked?,
                Err(panic) => {
                    let text = crate::waiting::panic_text(&*panic);
                    tracing::error!(text, "the directory panicked");
                    return Err(Error::Internal("the directory failed".into()));
                }
            },
            () = overdue => {
                let what = "the directory, which did not answer in time,".into();
                return Err(Error::Busy { what, retry_after: Duration::from_secs(5) });
            }
        };
        Ok(right && exists)
    }
}
