//! Passwords that live elsewhere: the directory is asked in the engine's stead.
//!
//! It is asked at every login, for a made-up name where no provisioned user has the name that was given. Asking nobody
//! there told by time, and by the error of a directory that is away, which names exist. Rejected: asking for the name
//! as it was given (a stranger could have every account of the directory locked, provisioned here or not).

use super::Services;
use crate::error::{Error, Result};
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

/// Checks passwords in the engine's stead, so that a directory can hold them.
///
/// It is asked only for names that a provisioned user of the agent has, and for made-up ones. It must not block the
/// thread it is called on. A check that panics, or takes longer than 20 seconds, fails the login.
pub trait Authenticator: Send + Sync + 'static {
    /// Whether `password` is that of `username`.
    ///
    /// # Errors
    /// [`Error::Busy`] or [`Error::Unreachable`] if it cannot tell now; the login then fails with it.
    fn check(
        &self,
        username: String,
        password: Secret,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'static>>;

    /// Does the work of a check for a name that no provisioned user has, and fails as a check would: whoever logs in must
    /// not learn from time or errors which names exist. Whether it answers true or false does not matter. As provided it
    /// is a [`check`](Authenticator::check) of a made-up name.
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

impl Services {
    /// Whether the directory says that `password` is that of these users, who share a name; the first is meant.
    pub(super) async fn ask_directory(
        &self,
        directory: &Arc<dyn Authenticator>,
        password: &Secret,
        listed: &[UserRow],
    ) -> Result<Option<(usize, Option<String>)>> {
        let (directory, password, name) = (
            directory.clone(),
            password.clone(),
            listed.first().map(|user| user.username.clone()),
        );
        let exists = name.is_some();
        let check = AssertUnwindSafe(async move {
            match name {
                Some(name) => directory.check(name, password).await,
                None => directory.check_nobody(password).await,
            }
        });
        // Before the check begins: a clock moved by hand may move as soon as the directory was asked.
        let overdue = self.ground.timer.sleep(DEADLINE);
        let right = tokio::select! {
            biased;
            answer = check.catch_unwind() => match answer {
                Ok(answer) => answer?,
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
        Ok((right && exists).then_some((0, None)))
    }
}
