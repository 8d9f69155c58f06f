//! Tells the operator of users whose password nothing can check (§tokens/passwords).
//!
//! Such a user has no password here, and no directory is configured. The client is told no more
//! than for a wrong password, so without this note nobody would find the cause. Once an hour for
//! each user, because a client tries again and again.

use crate::hub::Timer;
use crate::model::UserId;
use crate::services::commits::Commits;
use crate::store::users::UserRow;
use crate::store::{Stamp, audit};
use parking_lot::Mutex;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How often a user is named.
const PAUSE: Duration = Duration::from_secs(3600);
/// Users named in one hour; more are not.
const USERS: usize = 1000;

/// The users that were named within the last hour.
pub(super) struct Unchecked {
    named: Mutex<HashMap<UserId, Duration>>,
    commits: Commits,
    timer: Arc<Timer>,
}

impl Unchecked {
    pub(super) fn new(commits: Commits, timer: Arc<Timer>) -> Unchecked {
        Unchecked {
            named: Mutex::default(),
            commits,
            timer,
        }
    }

    /// Names the users of a login, if none of them has a password.
    pub(super) fn note(&self, listed: &[UserRow]) {
        if listed.iter().any(|user| user.password_hash.is_some()) {
            return;
        }
        for user in listed.iter().filter(|user| self.is_due(&user.id)) {
            tracing::warn!(user = %user.id, "nothing can check this user: it has no password, and no directory is configured");
            let id = user.id.clone();
            // Nobody waits for the row: the login takes no longer than any other.
            drop(self.commits.queue(move |transaction| {
                let stamp = Stamp {
                    who: "engine".to_owned(),
                    now: transaction.time(),
                    revision: 0,
                };
                let why = json!({ "Reason": "no password, and no directory is configured" });
                let connection = transaction.connection();
                audit::insert(
                    connection,
                    &stamp,
                    "refuse login",
                    id.as_str(),
                    None,
                    Some(why),
                )?;
                Ok(())
            }));
        }
    }

    fn is_due(&self, id: &UserId) -> bool {
        let now = self.timer.now();
        let mut named = self.named.lock();
        if named.get(id).is_some_and(|at| now < *at + PAUSE) {
            return false;
        }
        if named.len() >= USERS {
            named.retain(|_, at| now < *at + PAUSE);
        }
        let has_room = named.len() < USERS;
        if has_room {
            named.insert(id.clone(), now);
        }
        has_room
    }
}
