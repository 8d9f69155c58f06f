//! Users (§users/document, §users/put). No call returns a password.

use super::Parts;
use super::change::Changed;
use super::follow::Follow;
use super::right::Need;
use super::{Provisioning, failed};
use crate::database::Whole;
use crate::error::{Error, Result};
use crate::model::{Change, Id, NewUser, Principal, ProvisionedUser, Secret, UserId};
use crate::password::Asker;
use crate::services::AsyncResult;
use crate::store::users::{self, UserRow};
use crate::waiting::park;

fn provisioned(row: UserRow) -> ProvisionedUser {
    ProvisionedUser::new(row.id, row.username, row.password_hash.is_some())
}

impl Provisioning {
    /// All users (§users/document).
    ///
    /// # Errors
    /// `Forbidden` unless the mode is System; `Storage`.
    pub fn users(&self) -> Result<Vec<ProvisionedUser>> {
        park(self.users_async())
    }

    /// As [`Provisioning::users`], on any executor.
    pub fn users_async(&self) -> AsyncResult<Vec<ProvisionedUser>> {
        self.when(Need::System, |parts, _, _| async move {
            let rows = parts
                .reads
                .scan(Whole(|connection: &_| users::all(connection)))
                .await?;
            Ok(rows.into_iter().map(provisioned).collect())
        })
    }

    /// One user (§users/put).
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System; `Storage`.
    pub fn user(&self, id: impl Id<UserId>) -> Result<ProvisionedUser> {
        park(self.user_async(id))
    }

    /// As [`Provisioning::user`], on any executor.
    pub fn user_async(&self, id: impl Id<UserId>) -> AsyncResult<ProvisionedUser> {
        let id = match id.into_id() {
            Ok(id) => id,
            Err(error) => return failed(error),
        };
        self.when(Need::System, |parts, _, _| async move {
            parts
                .user_row(&id)
                .await?
                .map(provisioned)
                .ok_or_else(|| Error::unknown("user", &id))
        })
    }

    /// Creates a user or replaces it (§users/put). Without a password the stored one stays. A
    /// changed password or name ends the user's tokens and the waits made with them.
    ///
    /// # Errors
    /// `Forbidden` unless the mode is System; `Busy` if the hashing pool or the database is;
    /// `Storage`.
    pub fn put_user(&self, user: NewUser) -> Result<Change> {
        park(self.put_user_async(user))
    }

    /// As [`Provisioning::put_user`], on any executor.
    pub fn put_user_async(&self, user: NewUser) -> AsyncResult<Change> {
        self.when(Need::System, |parts, principal, need| async move {
            let hash = parts
                .new_hash(&user.id, user.password.as_ref(), &principal)
                .await?;
            let name = parts.domains.name(&user.username);
            let change = parts.change(principal, need, move |transaction, stamp| {
                let applied = users::put(transaction, &user.id, &name, hash, stamp)?;
                let follow = if applied.value.0 == Change::Unchanged {
                    Follow::Nothing
                } else {
                    Follow::User(user.id)
                };
                Ok(Changed {
                    value: applied.value.0,
                    effects: applied.effects,
                    follow,
                })
            });
            change.await
        })
    }

    /// Changes a user's password, 1 to 1,024 bytes, and ends the user's tokens.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for an empty or longer password;
    /// `Forbidden` unless the mode is System; `Busy`; `Storage`.
    pub fn set_password(&self, id: impl Id<UserId>, password: impl Into<Secret>) -> Result<()> {
        park(self.set_password_async(id, password))
    }

    /// As [`Provisioning::set_password`], on any executor.
    pub fn set_password_async(
        &self,
        id: impl Id<UserId>,
        password: impl Into<Secret>,
    ) -> AsyncResult<()> {
        let password = password.into();
        if !(1..=1024).contains(&password.expose().len()) {
            return failed(Error::invalid("a password has 1 to 1,024 bytes"));
        }
        let id = match id.into_id() {
            Ok(id) => id,
            Err(error) => return failed(error),
        };
        self.when(Need::System, |parts, principal, need| async move {
            parts.proofs.note_stored();
            let hash = parts
                .proofs
                .hash(&password, Asker::change(principal.label()))
                .await?;
            let change = parts.change(principal, need, move |transaction, stamp| {
                let applied = users::set_password(transaction, &id, hash, stamp)?;
                let applied = applied.ok_or_else(|| Error::unknown("user", &id))?;
                Ok(Changed {
                    value: (),
                    effects: applied.effects,
                    follow: Follow::User(id),
                })
            });
            change.await
        })
    }

    /// Deletes a user and ends its tokens. Agents still list the user.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System; `Busy`; `Storage`.
    pub fn delete_user(&self, id: impl Id<UserId>) -> Result<()> {
        park(self.delete_user_async(id))
    }

    /// As [`Provisioning::delete_user`], on any executor.
    pub fn delete_user_async(&self, id: impl Id<UserId>) -> AsyncResult<()> {
        let id = match id.into_id() {
            Ok(id) => id,
            Err(error) => return failed(error),
        };
        self.when(Need::System, |parts, principal, need| {
            parts.change(principal, need, move |transaction, stamp| {
                let applied = users::delete(transaction, &id, stamp)?;
                let applied = applied.ok_or_else(|| Error::unknown("user", &id))?;
                Ok(Changed {
                    value: (),
                    effects: applied.effects,
                    follow: Follow::User(id),
                })
            })
        })
    }
}

impl Parts {
    async fn user_row(&self, id: &UserId) -> Result<Option<UserRow>> {
        let id = id.clone();
        self.reads
            .read(move |connection| users::find(connection, &id))
            .await
    }

    /// The hash to store. There is none if no password is given, or if the stored hash is of the
    /// same password, so that provisioning at every start ends no tokens.
    async fn new_hash(
        &self,
        id: &UserId,
        password: Option<&Secret>,
        principal: &Principal,
    ) -> Result<Option<String>> {
        let Some(password) = password else {
            return Ok(None);
        };
        let asker = Asker::change(principal.label());
        if let Some(stored) = self.user_row(id).await?.and_then(|row| row.password_hash)
            && self.proofs.is_of(password, stored, asker.clone()).await?
        {
            return Ok(None);
        }
        // Before the change: no login may miss it.
        self.proofs.note_stored();
        self.proofs.hash(password, asker).await.map(Some)
    }
}
