//! The super user, who is configured and not provisioned (§tokens/super-user).
//!
//! Tokens given for a password that is no longer the configured one end: while the engine runs, and
//! when it opens again.

use super::Access;
use super::directories::DIRECTORY;
use super::proofs::Proofs;
use crate::database::Reads;
use crate::error::{Error, Result};
use crate::model::{Domains, Secret};
use crate::password::{Asker, Whose};
use crate::services::commits::Commits;
use crate::store::super_user::{self, Seen};
use crate::store::tokens;
use crate::waiting::park;
use std::sync::Arc;

/// The super user, as configured.
#[derive(Clone)]
pub(super) struct SuperUser {
    pub(super) name: String,
    /// argon2id PHC string of the password; `None`: a directory checks it.
    pub(super) hash: Option<String>,
}

impl SuperUser {
    /// Takes over what is configured when the engine opens. If the database knows another name or
    /// password, or nobody is configured, the tokens that it holds for the super user end. The
    /// tokens must not have been read yet.
    pub(super) fn configured(
        configured: Option<&(String, Option<Secret>)>,
        domains: &Domains,
        proofs: &Proofs,
        reads: &Reads,
        commits: &Commits,
    ) -> Result<Option<SuperUser>> {
        let opening = || Asker::change("opening");
        let seen = reads.now(super_user::seen)?;
        let Some((name, password)) = configured else {
            if seen.is_some() {
                park(note(commits, None, true))?;
            }
            return Ok(None);
        };
        let canonical = domains.name(name).canonical().to_owned();
        let known = seen.filter(|seen| domains.name(&seen.name).canonical() == canonical);
        let Some(password) = password else {
            let ends = known.as_ref().is_none_or(|known| known.hash != DIRECTORY);
            let seen = Seen {
                name: name.clone(),
                hash: DIRECTORY.to_owned(),
            };
            if known.as_ref() != Some(&seen) {
                park(note(commits, Some(seen), ends))?;
            }
            return Ok(Some(SuperUser {
                name: name.clone(),
                hash: None,
            }));
        };
        // A hash never begins like this.
        let known = known.filter(|known| known.hash != DIRECTORY);
        let same = match &known {
            Some(known) => park(proofs.verify_one(password, known.hash.clone(), opening()))?,
            None => None,
        };
        let hash = match (known, same) {
            (Some(known), Some(same)) if same.rehash.is_none() => known.hash,
            (_, same) => {
                let ends = same.is_none();
                let hash = match same.and_then(|same| same.rehash) {
                    Some(renewed) => renewed,
                    None => park(proofs.hash(password, opening()))?,
                };
                let seen = Seen {
                    name: name.clone(),
                    hash: hash.clone(),
                };
                park(note(commits, Some(seen), ends))?;
                hash
            }
        };
        Ok(Some(SuperUser {
            name: name.clone(),
            hash: Some(hash),
        }))
    }
}

/// Notes the super user in the database; with `ends`, its tokens there are deleted.
async fn note(commits: &Commits, seen: Option<Seen>, ends: bool) -> Result<()> {
    let change = commits.run(move |transaction| {
        super_user::note(transaction.connection(), seen.as_ref())?;
        if ends {
            tokens::delete_of_super_user(transaction.connection())?;
        }
        Ok(())
    });
    change.await
}

impl Access {
    /// Replaces the super user's password and ends the tokens given for the old one. The same
    /// password again changes nothing.
    ///
    /// Memory follows the commit. Once it went ahead: with a full disk the change failed, the next
    /// try found the new password in memory and took the change for done, and the old tokens went
    /// on.
    pub(crate) async fn set_super_password(self: Arc<Self>, password: Secret) -> Result<()> {
        let known = self.super_user.read().clone();
        let known = known.ok_or_else(|| Error::invalid("there is no super user"))?;
        let asker = Asker::change(format!("super:{}", known.name));
        if !(1..=1024).contains(&password.expose().len()) {
            return Err(Error::invalid("a password has 1 to 1,024 bytes"));
        }
        let Some(hash) = known.hash else {
            return Err(Error::invalid("a directory has the super user's password"));
        };
        if self.proofs.is_of(&password, hash, asker.clone()).await? {
            return Ok(());
        }
        let hash = self.proofs.hash(&password, asker).await?;
        let name = known.name;
        let access = Arc::downgrade(&self);
        let change = self.commits.run(move |transaction| {
            let seen = Seen { name, hash };
            super_user::note(transaction.connection(), Some(&seen))?;
            let digests = tokens::delete_of_super_user(transaction.connection())?;
            transaction.after(move || {
                if let Some(access) = access.upgrade() {
                    let Seen { name, hash } = seen;
                    let hash = Some(hash);
                    *access.super_user.write() = Some(SuperUser { name, hash });
                    access.proofs.forget(&Whose::SuperUser);
                    access.tokens.end(&digests);
                }
            });
            Ok(())
        });
        change.await
    }
}
