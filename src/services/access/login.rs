//! One login: the hold after failures, the password, and the token (§tokens/log-in).

use super::Access;
use super::granting::Granted;
use super::known::{Known, wrong};
use crate::error::Result;
use crate::login_delay::{Guess, LoginOutcome};
use crate::model::{AgentId, Credentials, Token, Who};
use crate::password::{Asker, Whose};
use crate::store::users::{self, UserRow, folded};
use std::sync::Arc;

/// Bytes of a user name, and of a password, at most.
const BYTES_MAX: usize = 1024;
/// How often a login begins anew because the stored hash changed while the password was checked.
const TRIES: usize = 3;

impl Access {
    /// Logs in. After the fourth failure in a row of a name, a login of that name is held back
    /// first (§tokens/delay).
    pub(crate) async fn log_in(self: Arc<Self>, credentials: Credentials) -> Result<Token> {
        let name = folded(&credentials.username);
        let password = credentials.password.expose();
        let (hold, guess) = self.delays.lock().begin(&name, password, self.timer.now());
        let mut outcome = Unjudged {
            access: self.clone(),
            name,
            guess,
            outcome: LoginOutcome::Unjudged,
        };
        if !hold.is_zero() {
            self.timer.sleep(hold).await;
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
            match self.granting.grant(known).await? {
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
        let right = self
            .proofs
            .verify(&credentials.password, candidates, asker)
            .await?;
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
            if let Some(found) = self.reads.of_logins().read(read).await? {
                (key, listed) = (Some(found.agent), found.users);
            }
        }
        let right = self.whose(credentials, &listed, asker).await?;
        let (Some(agent), Some(key), Some((number, rehash))) = (agent, key, right) else {
            return Ok(None);
        };
        let UserRow {
            id,
            username,
            password_hash,
        } = listed.into_iter().nth(number).ok_or_else(wrong)?;
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
            checked: password_hash.filter(|_| self.directory.is_none()),
            rehash,
        }))
    }

    /// Which of the users has this password, and the hash to be stored instead of theirs. A
    /// directory knows names only, so it means the first user of the name.
    async fn whose(
        &self,
        credentials: &Credentials,
        listed: &[UserRow],
        asker: Asker,
    ) -> Result<Option<(usize, Option<String>)>> {
        if let Some(directory) = &self.directory {
            let right = directory.check(&credentials.password, listed).await?;
            return Ok(right.then_some((0, None)));
        }
        self.unchecked.note(listed);
        let candidate = |user: &UserRow| (Whose::User(user.id.clone()), user.password_hash.clone());
        let candidates = listed.iter().map(candidate).collect();
        let right = self
            .proofs
            .verify(&credentials.password, candidates, asker)
            .await?;
        Ok(right.map(|right| (right.candidate, right.rehash)))
    }
}

/// Reports how a login ended, whichever way it ended; dropped too early, as one that nobody judged.
struct Unjudged {
    access: Arc<Access>,
    name: String,
    guess: Guess,
    outcome: LoginOutcome,
}

impl Drop for Unjudged {
    fn drop(&mut self) {
        let now = self.access.timer.now();
        let outcome = std::mem::replace(&mut self.outcome, LoginOutcome::Unjudged);
        let mut delays = self.access.delays.lock();
        delays.end(&self.name, self.guess, outcome, now);
    }
}
