//! Whose password it is: the engine's own hashes first, then the directories (§tokens/passwords).
//!
//! While the directories cannot tell, a password counts that they found right within the last 15
//! minutes. Such a login is not remembered anew, or it would count for as long as they are down.

use super::Access;
use super::directories::DIRECTORY;
use super::known::Known;
use super::meant::{Meant, proof_of_member};
use crate::error::Result;
use crate::model::{AccountName, AgentId, Credentials, Secret, UserId};
use crate::password::{Asker, Whose};
use crate::store::users::UserRow;

/// Whose password it is, and how that is known.
pub(super) struct Owner {
    who: Named,
    /// The password to be remembered; none where it was found by memory.
    proved: Option<Secret>,
}

enum Named {
    /// The user at that place of the list.
    Listed {
        nth: usize,
        checked: Option<String>,
        rehash: Option<String>,
    },
    /// Somebody whom a group of a directory admits.
    Member,
}

/// What the directories say of a name and a password.
pub(super) enum Found {
    /// They belong together; the groups of the account may use these agents.
    Account(Vec<AgentId>),
    /// They did a short while ago; the directories cannot tell now.
    Remembered,
}

impl Found {
    /// The password, if it is to be remembered.
    pub(super) fn proved(&self, credentials: &Credentials) -> Option<Secret> {
        matches!(self, Found::Account(_)).then(|| credentials.password.clone())
    }
}

impl Access {
    pub(super) fn known(&self, owner: Owner, name: &AccountName, meant: Meant) -> Option<Known> {
        let (nth, checked, rehash) = match owner.who {
            Named::Member => return meant.member(name, owner.proved),
            Named::Listed {
                nth,
                checked,
                rehash,
            } => (nth, checked, rehash),
        };
        Some(Known {
            password: owner.proved,
            checked,
            rehash,
            ..meant.listed(nth, &self.directories.domains)?
        })
    }

    /// Whose password it is. The directories know names only, so they mean the first user of the
    /// name.
    pub(super) async fn whose(
        &self,
        credentials: &Credentials,
        name: &AccountName,
        meant: &Meant,
        asker: Asker,
    ) -> Result<Option<Owner>> {
        let (listed, password) = (&meant.listed, &credentials.password);
        if self.directories.is_empty() {
            self.unchecked.note(listed);
        }
        // Where nobody has a password here, no login pays for a hash.
        if self.directories.is_empty() || self.proofs.has_stored() {
            let candidate =
                |user: &UserRow| (Whose::User(user.id.clone()), user.password_hash.clone());
            let candidates = listed.iter().map(candidate).collect();
            if let Some(right) = self.proofs.verify(password, candidates, asker).await? {
                let nth = right.candidate;
                return Ok(Some(Owner {
                    who: Named::Listed {
                        nth,
                        checked: listed.get(nth).and_then(|user| user.password_hash.clone()),
                        rehash: right.rehash,
                    },
                    proved: Some(password.clone()),
                }));
            }
        }
        if self.directories.is_empty() {
            return Ok(None);
        }
        let Some(user) = listed.first() else {
            return self.member(credentials, name, meant).await;
        };
        let provisioned = self.directories.domains.name(&user.username);
        let whose = Some(Whose::User(user.id.clone()));
        let found = self.in_directory(password, Some(&provisioned), whose, DIRECTORY);
        Ok(found.await?.map(|found| Owner {
            proved: found.proved(credentials),
            who: Named::Listed {
                nth: 0,
                checked: Some(DIRECTORY.to_owned()),
                rehash: None,
            },
        }))
    }

    /// Somebody whom nobody listed: only where a group admits people to the agent, the directories
    /// are asked for the name itself.
    async fn member(
        &self,
        credentials: &Credentials,
        name: &AccountName,
        meant: &Meant,
    ) -> Result<Option<Owner>> {
        let admitting = meant.agent.as_ref().filter(|agent| {
            // An agent that is not there admits nobody.
            meant.key.is_some() && self.directories.admits(agent)
        });
        let whose = UserId::parse(name.canonical()).ok().map(Whose::User);
        let asked_for = admitting.and(whose.as_ref()).map(|_| name);
        let proof = admitting.map_or_else(String::new, proof_of_member);
        let found = self.in_directory(&credentials.password, asked_for, whose, &proof);
        let Some((found, agent)) = found.await?.zip(admitting) else {
            return Ok(None);
        };
        let is_admitted = match &found {
            Found::Account(agents) => agents.contains(agent),
            Found::Remembered => true,
        };
        Ok(is_admitted.then(|| Owner {
            proved: found.proved(credentials),
            who: Named::Member,
        }))
    }

    /// Asks the directories, and the logins of late where they cannot tell; `proof` is what stands
    /// for a stored hash there.
    pub(super) async fn in_directory(
        &self,
        password: &Secret,
        name: Option<&AccountName>,
        whose: Option<Whose>,
        proof: &str,
    ) -> Result<Option<Found>> {
        let whose = whose.filter(|_| name.is_some());
        let is_remembered = || {
            let whose = whose.as_ref();
            whose.is_some_and(|whose| self.proofs.recalls(whose, proof, password))
        };
        match self.directories.check(name, password).await {
            Ok(Some(account)) => Ok(Some(Found::Account(account.agents))),
            Ok(None) => {
                // What was right a short while ago is wrong now. Another wrong password changes
                // nothing, or a stranger would take the owner's place in an outage.
                if is_remembered() {
                    whose.iter().for_each(|whose| self.proofs.forget(whose));
                }
                Ok(None)
            }
            Err(_) if is_remembered() => Ok(Some(Found::Remembered)),
            Err(error) => Err(error),
        }
    }
}
