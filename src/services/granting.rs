//! Tokens for those whose password was right, many in one commit.
//!
//! A commit each would be 200 syncs where 200 bots renew together, and the writer has room for 64 changes only: the
//! others were refused. Whoever comes while a job waits for the writer is taken along by it.
//!
//! What a password was checked against may have changed since. So the transaction looks again: whether the user is still
//! there and listed, and whether the hash is still the one that was checked. If it is another one, the login begins
//! anew ([`Granted::Changed`]): it may be the same password under today's cost. Rejected: comparing with memory, which
//! learns of a change only after its commit.

use super::Services;
use crate::database::Failure;
use crate::error::{Error, Result};
use crate::model::{AgentKey, Secret, Token, UserId, Who};
use crate::password::Whose;
use crate::store::users::{self, folded};
use crate::store::{super_user, tokens};
use crate::token::{self, Digest, Grant};
use crate::waiting::{Promise, pending};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Who a right password belongs to.
pub(super) struct Known {
    pub(super) who: Who,
    pub(super) agent: Option<AgentKey>,
    pub(super) user: Option<UserId>,
    pub(super) username: String,
    pub(super) password: Secret,
    /// The stored hash that the password was checked against; `None`: a directory was asked.
    pub(super) checked: Option<String>,
    /// A hash made with today's cost, to be stored instead.
    pub(super) rehash: Option<String>,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Granted {
    Token(Token),
    /// The stored hash is another one by now.
    Changed,
}

/// Those who wait for the job that makes their tokens.
#[derive(Default)]
pub(crate) struct Asks(Mutex<Vec<Ask>>);

/// One who waits for a token.
struct Ask {
    known: Known,
    promise: Promise<Result<Granted>>,
}

impl Services {
    /// Makes the token.
    pub(super) fn grant(
        self: &Arc<Self>,
        known: Known,
    ) -> impl Future<Output = Result<Granted>> + Send + use<> {
        let (promise, granted) = pending();
        let mut asks = self.asks.0.lock();
        asks.push(Ask { known, promise });
        let first = asks.len() == 1;
        drop(asks);
        if first {
            let mut collected = Collected {
                services: Arc::downgrade(self),
                taken: None,
                surplus: Vec::new(),
            };
            // Its answer is of no use: everybody taken along is answered on their own, whatever becomes of the job.
            drop(self.ground.entries.job(move |transaction| {
                let made = collected
                    .make(transaction.connection())
                    .map_err(Failure::told)
                    .inspect_err(|error| collected.refuse(error))?;
                transaction.after(move || collected.granted(made));
                Ok(())
            }));
        }
        self.ground.committed(granted)
    }
}

/// Those whom one job takes along. Dropped before its commit, it refuses them all.
struct Collected {
    services: Weak<Services>,
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
    /// One answer for each, in order. An error fails all: the transaction is then rolled back.
    fn make(&mut self, transaction: &Connection) -> Result<Vec<Result<Option<Made>>>, Failure> {
        let services = self.services.upgrade().ok_or(Error::Closed)?;
        let asks = std::mem::take(&mut *services.asks.0.lock());
        let asks = self.taken.insert(asks);
        // Those that must make room lose their rows too: a restart would bring them back.
        let owners: Vec<_> = asks
            .iter()
            .map(|ask| (ask.known.user.clone(), ask.known.agent))
            .collect();
        self.surplus = services.grants.surplus(&owners);
        for digest in &self.surplus {
            tokens::delete(transaction, digest)?;
        }
        asks.iter()
            .map(|ask| services.make(transaction, &ask.known))
            .collect()
    }

    /// Brings memory to what is committed, and answers.
    fn granted(&mut self, made: Vec<Result<Option<Made>>>) {
        let Some(services) = self.services.upgrade() else {
            return;
        };
        services.ended(services.grants.end(&self.surplus));
        for (Ask { known, promise }, made) in self.take().into_iter().zip(made) {
            promise.fulfil(made.map(|made| match made {
                Some(made) => services.remember(known, made),
                None => Granted::Changed,
            }));
        }
    }

    fn refuse(&mut self, error: &Error) {
        for ask in self.take() {
            ask.promise.fulfil(Err(error.clone()));
        }
    }

    /// Those taken along, or those who still wait for it if the job never ran. None the second time.
    fn take(&mut self) -> Vec<Ask> {
        match &mut self.taken {
            Some(taken) => std::mem::take(taken),
            None => self
                .services
                .upgrade()
                .map(|services| std::mem::take(&mut *services.asks.0.lock()))
                .unwrap_or_default(),
        }
    }
}

impl Drop for Collected {
    fn drop(&mut self) {
        let stopping = self
            .services
            .upgrade()
            .is_none_or(|services| services.stopping.load(Ordering::Acquire));
        let busy = Error::Busy {
            what: "the database".into(),
            retry_after: Duration::from_secs(1),
        };
        self.refuse(if stopping { &Error::Closed } else { &busy });
    }
}

impl Services {
    /// Stores a token; an inner error is of this login only, and nothing was written for it.
    fn make(
        &self,
        transaction: &Connection,
        known: &Known,
    ) -> Result<Result<Option<Made>>, Failure> {
        match still_right(transaction, known)? {
            Still::Right => {}
            Still::Changed => return Ok(Ok(None)),
            Still::Gone => return Ok(Err(super::authentication::wrong())),
        }
        let (token, digest) = token::fresh()?;
        if let (Some(user), Some(old), Some(new)) = (&known.user, &known.checked, &known.rehash) {
            users::rehash(transaction, user, old, new)?;
        }
        let lifetime = i64::try_from(self.token_lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires = self.ground.calendar.ledger().saturating_add(lifetime);
        tokens::insert(
            transaction,
            &digest,
            known.agent,
            known.user.as_ref(),
            &known.username,
            expires,
        )?;
        let grant = Grant::new(
            known.who.clone(),
            self.ground.timer.now(),
            self.now_ms(),
            self.token_lifetime,
        );
        Ok(Ok(Some(Made {
            token,
            digest,
            grant,
        })))
    }

    fn remember(&self, known: Known, made: Made) -> Granted {
        if let Some(stored) = known.rehash.or(known.checked) {
            let whose = known.user.map_or(Whose::SuperUser, Whose::User);
            self.recent
                .lock()
                .proved(whose, &stored, &known.password, self.ground.timer.now());
        }
        self.grants.insert(made.digest, made.grant);
        Granted::Token(made.token)
    }
}

enum Still {
    Right,
    Changed,
    Gone,
}

/// Whether what the password was checked against is still so.
fn still_right(transaction: &Connection, known: &Known) -> rusqlite::Result<Still> {
    let Who::Agent {
        agent,
        user,
        username,
        ..
    } = &known.who
    else {
        let seen = super_user::seen(transaction)?
            .filter(|seen| folded(&seen.name) == folded(&known.username));
        return Ok(match seen {
            Some(seen) if Some(&seen.hash) == known.checked.as_ref() => Still::Right,
            Some(_) => Still::Changed,
            None => Still::Gone,
        });
    };
    let found = users::by_name(transaction, &folded(username), agent)?
        .filter(|found| Some(found.agent) == known.agent);
    Ok(
        match found
            .iter()
            .flat_map(|found| &found.users)
            .find(|listed| listed.id == *user)
        {
            None => Still::Gone,
            Some(listed) if known.checked.is_none() || listed.password_hash == known.checked => {
                Still::Right
            }
            Some(_) => Still::Changed,
        },
    )
}
