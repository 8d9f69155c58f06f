//! Logging in and out (§tokens/log-in, §tokens/lifetime): tokens for users of agents, and for the super user.

use super::Services;
use super::granting::{Granted, Known};
use crate::error::{Error, Result};
use crate::login_delay::{Guess, LoginOutcome};
use crate::model::{AgentId, Credentials, Principal, Token, TokenDetails, Who};
use crate::password::{Asker, Verified, Whose};
use crate::store::tokens;
use crate::store::users::{self, UserRow, folded};
use crate::token;
use std::sync::Arc;

/// Bytes of a user name, and of a password, at most.
const BYTES_MAX: usize = 1024;
/// How often a login begins anew because the stored hash changed while the password was checked.
const TRIES: usize = 3;

pub(super) fn wrong() -> Error {
    Error::Unauthorized("the user name, the password or the agent is wrong".into())
}

impl Services {
    /// Logs in. The answer after the fourth failure in a row of a name is held back (§tokens/delay).
    pub(crate) async fn log_in(self: Arc<Self>, credentials: Credentials) -> Result<Token> {
        let name = folded(&credentials.username);
        let password = credentials.password.expose();
        let (hold, guess) = self
            .delays
            .lock()
            .begin(&name, password, self.ground.timer.now());
        let mut outcome = Unjudged {
            services: self.clone(),
            name,
            guess,
            outcome: LoginOutcome::Unjudged,
        };
        if !hold.is_zero() {
            self.ground.timer.sleep(hold).await;
        }
        if !(1..=BYTES_MAX).contains(&password.len()) || credentials.username.len() > BYTES_MAX {
            outcome.outcome = LoginOutcome::Impossible;
            return Err(wrong());
        }
        let agent = credentials
            .agent
            .as_deref()
            .filter(|agent| !agent.is_empty());
        let asker = Asker::login(credentials.peer, &outcome.name, agent.is_some());
        for _ in 0..TRIES {
            let known = match agent {
                None => self.super_user(&credentials, asker.clone()).await?,
                Some(agent) => self.user(&credentials, agent, asker.clone()).await?,
            };
            let Some(known) = known else {
                outcome.outcome = LoginOutcome::Wrong;
                return Err(wrong());
            };
            outcome.outcome = LoginOutcome::Right;
            match self.grant(known).await? {
                Granted::Token(token) => return Ok(token),
                Granted::Changed => {}
            }
        }
        Err(wrong())
    }

    async fn super_user(&self, credentials: &Credentials, asker: Asker) -> Result<Option<Known>> {
        let named = self
            .super_user
            .read()
            .clone()
            .filter(|known| folded(&known.name) == folded(&credentials.username));
        let candidates = named
            .iter()
            .map(|known| (Whose::SuperUser, Some(known.hash.clone())))
            .collect();
        let right = self.verify(credentials, candidates, asker).await?;
        Ok(named.filter(|_| right.is_some()).map(|known| Known {
            who: Who::SuperUser(known.name.clone()),
            agent: None,
            user: None,
            username: known.name,
            password: credentials.password.clone(),
            checked: Some(known.hash),
            rehash: None,
        }))
    }

    async fn user(
        &self,
        credentials: &Credentials,
        agent: &str,
        asker: Asker,
    ) -> Result<Option<Known>> {
        let (mut key, mut listed) = (None, Vec::new());
        let agent = AgentId::parse(agent).ok();
        if let Some(wanted) = agent.clone() {
            let name = folded(&credentials.username);
            let read =
                move |connection: &rusqlite::Connection| users::by_name(connection, &name, &wanted);
            if let Some(found) = self.ground.reads.of_logins().read(read).await? {
                (key, listed) = (Some(found.agent), found.users);
            }
        }
        let right = match &self.authenticator {
            Some(directory) => {
                self.ask_directory(directory, &credentials.password, &listed)
                    .await?
            }
            None => {
                let candidate =
                    |user: &UserRow| (Whose::User(user.id.clone()), user.password_hash.clone());
                let right = self
                    .verify(credentials, listed.iter().map(candidate).collect(), asker)
                    .await?;
                right.map(|right| (right.candidate, right.rehash))
            }
        };
        let (Some(agent), Some(key), Some((candidate, rehash))) = (agent, key, right) else {
            return Ok(None);
        };
        let UserRow {
            id,
            username,
            password_hash,
        } = listed.into_iter().nth(candidate).ok_or_else(wrong)?;
        Ok(Some(Known {
            who: Who::Agent {
                agent,
                key,
                user: id.clone(),
                username: username.clone(),
            },
            agent: Some(key),
            user: Some(id),
            username,
            password: credentials.password.clone(),
            checked: password_hash.filter(|_| self.authenticator.is_none()),
            rehash,
        }))
    }

    /// The first of the candidates who has this password: from memory where it was right a short while ago, or is found
    /// to be so while it waits in line, else by a hash each.
    async fn verify(
        &self,
        credentials: &Credentials,
        candidates: Vec<(Whose, Option<String>)>,
        asker: Asker,
    ) -> Result<Option<Verified>> {
        let hashes = candidates.iter().map(|(_, hash)| hash.clone()).collect();
        // What the pool keeps must not keep the services: they own the pool.
        let (recent, timer, password) = (
            self.recent.clone(),
            self.ground.timer.clone(),
            credentials.password.clone(),
        );
        let proved = move || {
            let (now, recent) = (timer.now(), recent.lock());
            let knows = |whose: &Whose, hash: &String| recent.knows(whose, hash, &password, now);
            candidates
                .iter()
                .position(|(whose, hash)| hash.as_ref().is_some_and(|hash| knows(whose, hash)))
        };
        if let Some(candidate) = proved() {
            return Ok(Some(Verified {
                candidate,
                rehash: None,
            }));
        }
        self.passwords
            .verify(&credentials.password, hashes, Box::new(proved), asker)
            .await
    }

    /// Who bears `token`; no disk, no hop.
    pub(crate) fn authenticate(&self, token: &Token) -> Result<Principal> {
        self.grants
            .authenticate(token, self.ground.timer.now())
            .map(|grant| grant.principal.clone())
            .ok_or_else(|| {
                Error::Unauthorized("the token is unknown or has ended; log in again".into())
            })
    }

    /// What may be known of `token` (§tokens/details): unknown and expired are 400 there, not 401.
    pub(crate) fn token_details(&self, token: &Token) -> Result<TokenDetails> {
        let now = self.ground.timer.now();
        self.grants
            .authenticate(token, now)
            .map(|grant| grant.details(now, self.now_ms()))
            .ok_or_else(|| Error::invalid("the token is unknown or has ended"))
    }

    /// Ends `token` and the waits made with it. Ending one that has ended is fine.
    pub(crate) async fn log_out(self: Arc<Self>, token: Token) -> Result<()> {
        let Some(digest) = token::digest(&token) else {
            return Ok(());
        };
        let services = Arc::downgrade(&self);
        let job = self.ground.entries.job(move |transaction| {
            tokens::delete(transaction.connection(), &digest)?;
            transaction.after(move || {
                if let Some(services) = services.upgrade() {
                    services.ended(services.grants.end(&[digest]));
                }
            });
            Ok(())
        });
        self.ground.committed(job).await
    }
}

/// Reports how a login ended, whichever way it is left.
struct Unjudged {
    services: Arc<Services>,
    name: String,
    guess: Guess,
    outcome: LoginOutcome,
}

impl Drop for Unjudged {
    fn drop(&mut self) {
        let now = self.services.ground.timer.now();
        let outcome = std::mem::replace(&mut self.outcome, LoginOutcome::Unjudged);
        self.services
            .delays
            .lock()
            .end(&self.name, self.guess, outcome, now);
    }
}
