//! Somebody whose password was right, and whether what it was checked against still stands.

use crate::error::Error;
use crate::model::{AgentKey, Secret, UserId, Who};
use crate::store::super_user;
use crate::store::users::{self, folded};
use rusqlite::Connection;

/// The owner of a right password.
pub(super) struct Known {
    pub(super) who: Who,
    pub(super) agent: Option<AgentKey>,
    pub(super) user: Option<UserId>,
    pub(super) username: String,
    pub(super) password: Secret,
    /// The stored hash that the password was checked against; `None` if a directory was asked.
    pub(super) checked: Option<String>,
    /// A hash made with today's cost, to be stored instead.
    pub(super) rehash: Option<String>,
}

/// Whether what a password was checked against still stands.
pub(super) enum Still {
    Right,
    Changed,
    Gone,
}

impl Known {
    /// Looks again, inside the transaction that stores the token.
    pub(super) fn is_still_right(&self, transaction: &Connection) -> rusqlite::Result<Still> {
        let Who::Agent {
            agent,
            user,
            username,
            ..
        } = &self.who
        else {
            return self.is_still_super_user(transaction);
        };
        let found = users::by_name(transaction, &folded(username), agent)?
            .filter(|found| Some(found.agent) == self.agent);
        let listed = found
            .iter()
            .flat_map(|found| &found.users)
            .find(|listed| listed.id == *user);
        Ok(match listed {
            None => Still::Gone,
            Some(listed) if self.checked.is_none() || listed.password_hash == self.checked => {
                Still::Right
            }
            Some(_) => Still::Changed,
        })
    }

    fn is_still_super_user(&self, transaction: &Connection) -> rusqlite::Result<Still> {
        let seen = super_user::seen(transaction)?
            .filter(|seen| folded(&seen.name) == folded(&self.username));
        Ok(match seen {
            Some(seen) if Some(&seen.hash) == self.checked.as_ref() => Still::Right,
            Some(_) => Still::Changed,
            None => Still::Gone,
        })
    }
}

/// The one error of every login that fails for what the caller sent, so that it tells nothing more.
pub(super) fn wrong() -> Error {
    Error::Unauthorized("the user name, the password or the agent is wrong".into())
}
