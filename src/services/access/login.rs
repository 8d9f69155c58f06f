//! One login: the hold after failures, the password, and the token (§tokens/log-in).

use super::Access;
use super::directories::DIRECTORY;
use super::granting::Granted;
use super::known::{Known, wrong};
use crate::error::Result;
use crate::login_delay::{Guess, LoginOutcome};
use crate::model::{AccountName, Credentials, Token, Who};
use crate::password::{Asker, Whose};
use std::sync::Arc;

/// Bytes of a user name, and of a password, at most.
const BYTES_MAX: usize = 1024;
/// How often a login begins anew because the stored hash changed while the password was checked.
const TRIES: usize = 3;

impl Access {
    /// Logs in. After the fourth failure in a row of a name, a login of that name is held back
    /// first (§tokens/delay).
    pub(crate) async fn log_in(self: Arc<Self>, credentials: Credentials) -> Result<Token> {
        let name = self.directories.domains.name(&credentials.username);
        let password = credentials.password.expose();
        let held = name.canonical().to_owned();
        let (hold, guess) = self.delays.lock().begin(&held, password, self.timer.now());
        let mut outcome = Unjudged {
            access: self.clone(),
            name: held,
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
                None => self.super_user(&credentials, &name, asker.clone()).await?,
                Some(agent) => self.user(&credentials, &name, agent, asker.clone()).await?,
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

    async fn super_user(
        &self,
        credentials: &Credentials,
        name: &AccountName,
        asker: Asker,
    ) -> Result<Option<Known>> {
        let configured = self.super_user.read().clone();
        let of_directory = configured
            .as_ref()
            .is_some_and(|known| known.hash.is_none());
        let named = configured.filter(|known| self.means(&known.name, name));
        let password = &credentials.password;
        let proved = if of_directory {
            let whose = named.as_ref().map(|_| Whose::SuperUser);
            let asked_for = named.is_some().then_some(name);
            let found = self.in_directory(password, asked_for, whose, DIRECTORY);
            found.await?.map(|found| found.proved(credentials))
        } else {
            let candidates = named
                .iter()
                .map(|known| (Whose::SuperUser, known.hash.clone()))
                .collect();
            let verified = self.proofs.verify(password, candidates, asker).await?;
            verified.map(|_| Some(password.clone()))
        };
        Ok(named.zip(proved).map(|(known, password)| Known {
            who: Who::SuperUser(known.name.clone()),
            agent: None,
            user: None,
            name: self.directories.domains.name(&known.name),
            is_member: false,
            password,
            checked: Some(known.hash.unwrap_or_else(|| DIRECTORY.to_owned())),
            rehash: None,
        }))
    }

    /// Whether the name of somebody means the account `name`.
    pub(super) fn means(&self, whose: &str, name: &AccountName) -> bool {
        self.directories.domains.name(whose).canonical() == name.canonical()
    }

    async fn user(
        &self,
        credentials: &Credentials,
        name: &AccountName,
        agent: &str,
        asker: Asker,
    ) -> Result<Option<Known>> {
        let meant = self.meant(name, agent).await?;
        let owner = self.whose(credentials, name, &meant, asker).await?;
        Ok(owner.and_then(|owner| self.known(owner, name, meant)))
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
