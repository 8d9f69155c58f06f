//! Somebody whose password was right, and whether what it was checked against still stands.

use super::directories::DIRECTORY;
use crate::error::Error;
use crate::model::{AccountName, AgentKey, Domains, Secret, UserId, Who};
use crate::store::users;
use crate::store::{agents, super_user};
use rusqlite::Connection;

/// The owner of a right password, or of a ticket.
pub(super) struct Known {
    pub(super) who: Who,
    pub(super) agent: Option<AgentKey>,
    pub(super) user: Option<UserId>,
    /// As provisioned.
    pub(super) name: AccountName,
    /// Whether a group of a directory admits them, and nobody listed them.
    pub(super) is_member: bool,
    /// `None` if a ticket was brought.
    pub(super) password: Option<Secret>,
    /// The stored hash that the password was checked against, or [`DIRECTORY`].
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
    pub(super) fn is_still_right(
        &self,
        transaction: &Connection,
        domains: &Domains,
    ) -> rusqlite::Result<Still> {
        let Who::Agent { agent, user, .. } = &self.who else {
            return self.is_still_super_user(transaction, domains);
        };
        if self.is_member {
            let key = agents::key(transaction, agent)?;
            return Ok(match key.is_some() && key == self.agent {
                true => Still::Right,
                false => Still::Gone,
            });
        }
        let found = users::by_name(transaction, self.name.canonical(), agent)?
            .filter(|found| Some(found.agent) == self.agent);
        let listed = found
            .iter()
            .flat_map(|found| &found.users)
            .find(|listed| listed.id == *user);
        let in_directory = self.checked.as_deref() == Some(DIRECTORY);
        Ok(match listed {
            None => Still::Gone,
            Some(listed) if in_directory || listed.password_hash == self.checked => Still::Right,
            Some(_) => Still::Changed,
        })
    }

    fn is_still_super_user(
        &self,
        transaction: &Connection,
        domains: &Domains,
    ) -> rusqlite::Result<Still> {
        let seen = super_user::seen(transaction)?
            .filter(|seen| domains.name(&seen.name).canonical() == self.name.canonical());
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
