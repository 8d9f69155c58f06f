//! Logging in and out (reference 2, 7): tokens for users of agents, and for the super user.

use super::Services;
use crate::database::storage;
use crate::error::{Error, Result};
use crate::login_delay::LoginOutcome;
use crate::model::{AgentId, AgentKey, Credentials, Principal, Secret, Token, TokenDetails, UserId, Who};
use crate::store::tokens;
use crate::store::users::{self, UserRow, folded};
use crate::token::{self, Grant};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Checks passwords in the engine's stead, so that a directory can hold them.
///
/// It is asked only for names that a provisioned user of the agent has. It must not block the thread it is called on.
pub trait Authenticator: Send + Sync + 'static {
    /// Whether `password` is that of `username`.
    ///
    /// # Errors
    /// [`Error::Busy`] or [`Error::Unreachable`] if it cannot tell now; the login then fails with it.
    fn check(&self, username: String, password: Secret) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'static>>;
}

/// Who a right password belongs to.
struct Known {
    who: Who,
    agent: Option<AgentKey>,
    user: Option<UserId>,
    username: String,
    /// The super user's hash that the password was checked against.
    super_hash: Option<String>,
    /// A hash made with today's cost, to be stored instead.
    rehash: Option<(String, String)>,
}

fn wrong() -> Error {
    Error::Unauthorized("the user name, the password or the agent is wrong".into())
}

impl Services {
    /// Logs in. The answer after the fourth failure in a row of a name is held back (rules, logins).
    pub(crate) async fn log_in(self: Arc<Self>, credentials: Credentials) -> Result<Token> {
        let name = folded(&credentials.username);
        let hold = self.delays.lock().begin(&name, self.ground.timer.now());
        let mut outcome = Unjudged { services: self.clone(), name, outcome: LoginOutcome::Unjudged };
        if !hold.is_zero() {
            self.ground.timer.sleep(hold).await;
        }
        if credentials.password.expose().len() > 1024 || credentials.username.len() > 1024 {
            outcome.outcome = LoginOutcome::Wrong;
            return Err(wrong());
        }
        let agent = credentials.agent.as_deref().filter(|agent| !agent.is_empty());
        let known = match agent {
            None => self.super_user(&credentials).await?,
            Some(agent) => self.user(&credentials, agent).await?,
        };
        let Some(known) = known else {
            outcome.outcome = LoginOutcome::Wrong;
            return Err(wrong());
        };
        outcome.outcome = LoginOutcome::Right;
        self.grant(known).await
    }

    async fn super_user(&self, credentials: &Credentials) -> Result<Option<Known>> {
        let named = self.super_user.read().clone().filter(|known| folded(&known.name) == folded(&credentials.username));
        let hashes = named.iter().map(|known| Some(known.hash.clone())).collect();
        let right = self.passwords.verify(&credentials.password, hashes).await?;
        Ok(named.filter(|_| right.is_some()).map(|known| Known {
            who: Who::SuperUser(known.name.clone()),
            agent: None,
            user: None,
            username: known.name.clone(),
            super_hash: Some(known.hash),
            rehash: None,
        }))
    }

    async fn user(&self, credentials: &Credentials, agent: &str) -> Result<Option<Known>> {
        let Ok(agent) = AgentId::parse(agent) else {
            self.passwords.verify(&credentials.password, Vec::new()).await?;
            return Ok(None);
        };
        let (name, wanted) = (folded(&credentials.username), agent.clone());
        let found =
            self.ground.readers.read(move |connection| users::by_name(connection, &name, &wanted).map_err(storage)).await?;
        let (key, listed) = found.map_or((None, Vec::new()), |found| (Some(found.agent), found.users));
        let right = match &self.authenticator {
            Some(directory) => self.ask_directory(directory, credentials, &listed).await?,
            None => {
                let hashes = listed.iter().map(|user| user.password_hash.clone()).collect();
                self.passwords.verify(&credentials.password, hashes).await?.map(|right| (right.place, right.rehash))
            }
        };
        let (Some(key), Some((place, rehash))) = (key, right) else { return Ok(None) };
        let UserRow { id, username, password_hash } = listed.into_iter().nth(place).ok_or_else(wrong)?;
        Ok(Some(Known {
            who: Who::Agent { agent, key, user: id.clone(), username: username.clone() },
            agent: Some(key),
            user: Some(id),
            username,
            super_hash: None,
            rehash: password_hash.zip(rehash),
        }))
    }

    async fn ask_directory(
        &self,
        directory: &Arc<dyn Authenticator>,
        credentials: &Credentials,
        listed: &[UserRow],
    ) -> Result<Option<(usize, Option<String>)>> {
        let Some(first) = listed.first() else { return Ok(None) };
        let right = directory.check(first.username.clone(), credentials.password.clone()).await?;
        Ok(right.then_some((0, None)))
    }

    /// Makes the token, re-checking in its transaction that the user is still listed, or the super user's password still
    /// the same.
    async fn grant(self: &Arc<Self>, known: Known) -> Result<Token> {
        let (token, digest) = token::fresh()?;
        let lifetime = i64::try_from(self.token_lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires = self.now_ms().saturating_add(lifetime);
        let services = Arc::downgrade(self);
        let job = self.ground.writer.job(self.ground.activity.busy(), move |journal, transaction| {
            if let Who::Agent { agent, user, username, .. } = &known.who {
                let found = users::by_name(transaction, &folded(username), agent).map_err(storage)?;
                let still = found
                    .is_some_and(|found| Some(found.agent) == known.agent && found.users.iter().any(|listed| listed.id == *user));
                if !still {
                    return Err(wrong());
                }
                if let Some((old, new)) = &known.rehash {
                    users::rehash(transaction, user, old, new).map_err(storage)?;
                }
            }
            if let Some(checked) = &known.super_hash {
                let services = services.upgrade().ok_or(Error::Closed)?;
                if services.super_user.read().as_ref().is_none_or(|now| now.hash != *checked) {
                    return Err(wrong());
                }
            }
            tokens::insert(transaction, &digest, known.agent, known.user.as_ref(), &known.username, expires).map_err(storage)?;
            let grant = Grant::new(known.who, expires);
            let after: crate::database::After = Box::new(move || {
                if let Some(services) = services.upgrade() {
                    let evicted = services.grants.insert(digest, grant);
                    services.ended(evicted.into_iter().map(|(_, grant)| grant).collect());
                }
            });
            Ok((token, journal.begin(), after))
        });
        job.await
    }

    /// Who bears `token`; no disk, no hop.
    pub(crate) fn authenticate(&self, token: &Token) -> Result<Principal> {
        self.grants
            .authenticate(token, self.now_ms())
            .map(|grant| grant.principal.clone())
            .ok_or_else(|| Error::Unauthorized("the token is unknown or has ended; log in again".into()))
    }

    /// What may be known of `token` (reference 2.2): unknown and expired are 400 there, not 401.
    pub(crate) fn token_details(&self, token: &Token) -> Result<TokenDetails> {
        self.grants
            .authenticate(token, self.now_ms())
            .map(|grant| grant.details())
            .ok_or_else(|| Error::invalid("the token is unknown or has ended"))
    }

    /// Ends `token` and the waits made with it. Ending one that has ended is fine.
    pub(crate) async fn log_out(self: Arc<Self>, token: Token) -> Result<()> {
        let Some(digest) = token::digest(&token) else { return Ok(()) };
        let services = Arc::downgrade(&self);
        let job = self.ground.writer.job(self.ground.activity.busy(), move |journal, transaction| {
            tokens::delete(transaction, &digest).map_err(storage)?;
            let after: crate::database::After = Box::new(move || {
                if let Some(services) = services.upgrade() {
                    services.ended(services.grants.end(&[digest]));
                }
            });
            Ok(((), journal.begin(), after))
        });
        job.await
    }
}

/// Reports how a login ended, whichever way it is left.
struct Unjudged {
    services: Arc<Services>,
    name: String,
    outcome: LoginOutcome,
}

impl Drop for Unjudged {
    fn drop(&mut self) {
        let now = self.services.ground.timer.now();
        let outcome = std::mem::replace(&mut self.outcome, LoginOutcome::Unjudged);
        self.services.delays.lock().end(&self.name, outcome, now);
    }
}
