//! Tokens for those whose password was right, many in one commit.
//!
//! A commit for each token would be 200 syncs where 200 bots renew together, and the writer has
//! room for 64 changes only, so it refused the others. While a job waits for the writer, it takes
//! along every login that comes.
//!
//! What a password was checked against may have changed since. So the transaction looks again:
//! whether the user still exists and is listed, and whether the stored hash is still the one that
//! was checked. If the hash is another one, the login begins anew ([`Granted::Changed`]), because
//! it may be the same password under today's cost. Rejected: comparing with memory, which learns of
//! a change only after its commit.

use super::known::{Known, Still, wrong};
use super::proofs::Proofs;
use super::tokens::Tokens;
use crate::database::Failure;
use crate::error::{Error, Result};
use crate::model::{Domains, Token};
use crate::password::Whose;
use crate::services::commits::Commits;
use crate::services::stopping::Stopping;
use crate::store::{tokens, users};
use crate::token::{self, Digest, Grant};
use crate::waiting::{Promise, pending};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The outcome of one request for a token.
#[derive(Debug)]
pub(super) enum Granted {
    Token(Token),
    /// The stored hash is another one by now.
    Changed,
}

/// Stores tokens and makes them good.
pub(super) struct Granting {
    /// Those who wait for the job that makes their tokens.
    asks: Mutex<Vec<Ask>>,
    tokens: Arc<Tokens>,
    proofs: Arc<Proofs>,
    commits: Commits,
    stopping: Stopping,
    domains: Domains,
}

/// One login that waits for a token.
struct Ask {
    known: Known,
    promise: Promise<Result<Granted>>,
}

impl Granting {
    pub(super) fn new(
        tokens: Arc<Tokens>,
        proofs: Arc<Proofs>,
        commits: Commits,
        stopping: Stopping,
        domains: Domains,
    ) -> Arc<Granting> {
        Arc::new(Granting {
            asks: Mutex::default(),
            tokens,
            proofs,
            commits,
            stopping,
            domains,
        })
    }

    /// Makes a token for `known`.
    pub(super) fn grant(
        self: &Arc<Self>,
        known: Known,
    ) -> impl Future<Output = Result<Granted>> + Send + use<> {
        let (promise, granted) = pending();
        let mut asks = self.asks.lock();
        asks.push(Ask { known, promise });
        let first = asks.len() == 1;
        drop(asks);
        if first {
            let mut collected = Collected {
                granting: Arc::downgrade(self),
                taken: None,
                surplus: Vec::new(),
            };
            // The job's own result is not needed: each login has a promise of its own.
            drop(self.commits.queue(move |transaction| {
                let made = collected
                    .make(transaction.connection())
                    .map_err(Failure::told)
                    .inspect_err(|error| collected.refuse(error))?;
                transaction.after(move || collected.granted(made));
                Ok(())
            }));
        }
        self.commits.within(granted)
    }

    /// Stores a token. An inner error concerns this login only, and nothing was written for it.
    fn make(
        &self,
        transaction: &Connection,
        known: &Known,
    ) -> Result<Result<Option<Made>>, Failure> {
        match known.is_still_right(transaction, &self.domains)? {
            Still::Right => {}
            Still::Changed => return Ok(Ok(None)),
            Still::Gone => return Ok(Err(wrong())),
        }
        let (token, digest) = token::fresh()?;
        if let (Some(user), Some(old), Some(new)) = (&known.user, &known.checked, &known.rehash) {
            users::rehash(transaction, user, old, new)?;
        }
        let (grant, expires) = self.tokens.grant(known.who.clone());
        tokens::insert(
            transaction,
            &digest,
            known.agent,
            known.user.as_ref(),
            known.name.spelled(),
            expires,
        )?;
        Ok(Ok(Some(Made {
            token,
            digest,
            grant,
        })))
    }

    fn remember(&self, known: Known, made: Made) -> Granted {
        if let (Some(stored), Some(password)) = (known.rehash.or(known.checked), known.password) {
            let whose = known.user.map_or(Whose::SuperUser, Whose::User);
            self.proofs.remember(whose, &stored, &password);
        }
        self.tokens.insert(made.digest, made.grant);
        Granted::Token(made.token)
    }
}

/// The logins that one job takes along. Dropped before its commit, it refuses them all.
struct Collected {
    granting: Weak<Granting>,
    /// `None` until the job runs.
    taken: Option<Vec<Ask>>,
    /// Tokens that give way.
    surplus: Vec<Digest>,
}

/// A token that is stored, and what memory must know of it.
struct Made {
    token: Token,
    digest: Digest,
    grant: Grant,
}

impl Collected {
    /// One result for each login, in order. An error fails them all: the transaction is then rolled
    /// back.
    fn make(&mut self, transaction: &Connection) -> Result<Vec<Result<Option<Made>>>, Failure> {
        let granting = self.granting.upgrade().ok_or(Error::Closed)?;
        let asks = std::mem::take(&mut *granting.asks.lock());
        let asks = self.taken.insert(asks);
        // The rows of tokens that give way are deleted too: a restart would bring the tokens back.
        let owners: Vec<_> = asks
            .iter()
            .map(|ask| (ask.known.user.clone(), ask.known.agent))
            .collect();
        self.surplus = granting.tokens.surplus(&owners);
        for digest in &self.surplus {
            tokens::delete(transaction, digest)?;
        }
        asks.iter()
            .map(|ask| granting.make(transaction, &ask.known))
            .collect()
    }

    /// Brings memory to what is committed, and answers the logins.
    fn granted(&mut self, made: Vec<Result<Option<Made>>>) {
        let Some(granting) = self.granting.upgrade() else {
            return;
        };
        granting.tokens.end(&self.surplus);
        for (Ask { known, promise }, made) in self.take().into_iter().zip(made) {
            promise.fulfil(made.map(|made| match made {
                Some(made) => granting.remember(known, made),
                None => Granted::Changed,
            }));
        }
    }

    fn refuse(&mut self, error: &Error) {
        for ask in self.take() {
            ask.promise.fulfil(Err(error.clone()));
        }
    }

    /// The logins taken along; if the job never ran, those that still wait for it. None the second
    /// time.
    fn take(&mut self) -> Vec<Ask> {
        match &mut self.taken {
            Some(taken) => std::mem::take(taken),
            None => self
                .granting
                .upgrade()
                .map(|granting| std::mem::take(&mut *granting.asks.lock()))
                .unwrap_or_default(),
        }
    }
}

impl Drop for Collected {
    fn drop(&mut self) {
        let stopping = self
            .granting
            .upgrade()
            .is_none_or(|granting| granting.stopping.has_begun());
        let busy = Error::Busy {
            what: "the database".into(),
            retry_after: Duration::from_secs(1),
        };
        self.refuse(if stopping { &Error::Closed } else { &busy });
    }
}
