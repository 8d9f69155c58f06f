//! Passwords that live elsewhere: a directory checks them instead of the engine.
//!
//! The directory is asked at every login, and for a made-up name where no provisioned user has the
//! name that was given. Without that, the time of the login and the error of a directory that is
//! down told which names exist. Rejected: asking for the name as it was given (a stranger could
//! lock every account of the directory, provisioned here or not).

use crate::directory::{Authenticator, Checked};
use crate::error::{Error, Result};
use crate::hub::Timer;
use crate::model::{Domains, Secret};
use crate::store::users::UserRow;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// How long a directory may take.
const DEADLINE: Duration = Duration::from_secs(20);

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
            listed
                .first()
                .map(|user| Domains::new().name(&user.username)),
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
                Ok(checked) => matches!(checked?, Checked::Right(_)),
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
