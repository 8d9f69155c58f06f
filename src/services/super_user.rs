//! The one who is configured, not provisioned (§tokens/super-user), and the end of tokens given for a password that is no
//! longer the configured one: while the engine runs, and when it opens again.

use super::Ground;
use super::Services;
use crate::error::{Error, Result};
use crate::model::Secret;
use crate::password::{Asker, Passwords, Whose, unproved};
use crate::store::super_user::{self, Seen};
use crate::store::tokens;
use crate::store::users::folded;
use crate::waiting::park;
use std::sync::Arc;

/// The super user, as configured.
#[derive(Clone)]
pub(crate) struct SuperUser {
    pub(crate) name: String,
    /// argon2id PHC string of the password.
    pub(crate) hash: String,
}

impl SuperUser {
    /// Takes what is configured when the engine opens. If that is another name or password than the database saw last,
    /// or nobody, the tokens it holds for the super user end; tokens must not have been read yet.
    pub(crate) fn configured(
        configured: Option<&(String, Secret)>,
        passwords: &Passwords,
        ground: &Ground,
    ) -> Result<Option<SuperUser>> {
        let opening = || Asker::change("opening");
        let seen = ground.reads.now(super_user::seen)?;
        let Some((name, password)) = configured else {
            if seen.is_some() {
                park(note(ground, None, true))?;
            }
            return Ok(None);
        };
        let known = seen.filter(|seen| folded(&seen.name) == folded(name));
        let same = match &known {
            Some(known) => park(passwords.verify(
                password,
                vec![Some(known.hash.clone())],
                unproved(),
                opening(),
            ))?,
            None => None,
        };
        let hash = match (known, same) {
            (Some(known), Some(same)) if same.rehash.is_none() => known.hash,
            (_, same) => {
                let ends = same.is_none();
                let hash = match same.and_then(|same| same.rehash) {
                    Some(renewed) => renewed,
                    None => park(passwords.hash(password, opening()))?,
                };
                park(note(
                    ground,
                    Some(Seen {
                        name: name.clone(),
                        hash: hash.clone(),
                    }),
                    ends,
                ))?;
                hash
            }
        };
        Ok(Some(SuperUser {
            name: name.clone(),
            hash,
        }))
    }
}

/// Notes the super user in the database; `ends`: with the end of all its tokens there.
async fn note(ground: &Ground, seen: Option<Seen>, ends: bool) -> Result<()> {
    let job = ground.entries.job(move |transaction| {
        super_user::note(transaction.connection(), seen.as_ref())?;
        if ends {
            tokens::delete_of_super_user(transaction.connection())?;
        }
        Ok(())
    });
    ground.committed(job).await
}

impl Services {
    /// Replaces the super user's password and ends the tokens given for the old one; the same again changes nothing.
    ///
    /// Memory follows the commit. It once went ahead: with a full disk the change failed, the next try found the new
    /// password in memory, took it for done, and the old tokens went on.
    pub(crate) async fn set_super_password(self: Arc<Self>, password: Secret) -> Result<()> {
        let known = self
            .super_user
            .read()
            .clone()
            .ok_or_else(|| Error::invalid("there is no super user"))?;
        let asker = Asker::change(format!("super:{}", known.name));
        if !(1..=1024).contains(&password.expose().len()) {
            return Err(Error::invalid("a password has 1 to 1,024 bytes"));
        }
        if self
            .passwords
            .verify(&password, vec![Some(known.hash)], unproved(), asker.clone())
            .await?
            .is_some()
        {
            return Ok(());
        }
        let hash = self.passwords.hash(&password, asker).await?;
        let name = known.name;
        let services = Arc::downgrade(&self);
        let job = self.ground.entries.job(move |transaction| {
            let seen = Seen { name, hash };
            super_user::note(transaction.connection(), Some(&seen))?;
            let digests = tokens::delete_of_super_user(transaction.connection())?;
            transaction.after(move || {
                if let Some(services) = services.upgrade() {
                    let Seen { name, hash } = seen;
                    *services.super_user.write() = Some(SuperUser { name, hash });
                    services.recent.lock().forget(&Whose::SuperUser);
                    services.ended(services.grants.end(&digests));
                }
            });
            Ok(())
        });
        self.ground.committed(job).await
    }
}
