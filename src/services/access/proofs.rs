//! Proofs of passwords: from memory where a password was right a short while ago, else by a hash.

use crate::error::Result;
use crate::hub::Timer;
use crate::model::Secret;
use crate::password::{Asker, Cost, Passwords, Recent, Verified, Whose, unproved};
use crate::waiting::Activity;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hashes and verifies passwords.
pub(crate) struct Proofs {
    pool: Passwords,
    /// Passwords that were right a short while ago. Shared with the pool's work, which must not
    /// keep the pool itself.
    recent: Arc<Mutex<Recent>>,
    timer: Arc<Timer>,
    /// Whether any user has a password here, or had one since the engine was opened.
    has_stored: AtomicBool,
}

impl Proofs {
    pub(super) fn open(timer: Arc<Timer>, activity: Activity) -> Result<Proofs> {
        Ok(Proofs {
            pool: Passwords::open(Cost::STANDARD, activity)?,
            recent: Arc::new(Mutex::new(Recent::new()?)),
            timer,
            has_stored: AtomicBool::new(false),
        })
    }

    /// The first of the candidates who has this password. The memory is asked first, and again
    /// while the work waits in line; else each candidate costs a hash.
    pub(super) async fn verify(
        &self,
        password: &Secret,
        candidates: Vec<(Whose, Option<String>)>,
        asker: Asker,
    ) -> Result<Option<Verified>> {
        let hashes = candidates.iter().map(|(_, hash)| hash.clone()).collect();
        let (recent, timer, wanted) = (self.recent.clone(), self.timer.clone(), password.clone());
        let proved = move || {
            let (now, recent) = (timer.now(), recent.lock());
            let knows = |whose: &Whose, hash: &String| recent.knows(whose, hash, &wanted, now);
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
        self.pool
            .verify(password, hashes, Box::new(proved), asker)
            .await
    }

    /// Whether `hash` is one of this password, by a hash and never from memory; if so, with the
    /// hash that should be stored instead, where the cost has changed.
    pub(super) async fn verify_one(
        &self,
        password: &Secret,
        hash: String,
        asker: Asker,
    ) -> Result<Option<Verified>> {
        self.pool
            .verify(password, vec![Some(hash)], unproved(), asker)
            .await
    }

    /// Whether `hash` is one of this password.
    pub(crate) async fn is_of(
        &self,
        password: &Secret,
        hash: String,
        asker: Asker,
    ) -> Result<bool> {
        Ok(self.verify_one(password, hash, asker).await?.is_some())
    }

    /// A new hash of this password.
    pub(crate) async fn hash(&self, password: &Secret, asker: Asker) -> Result<String> {
        self.pool.hash(password, asker).await
    }

    /// Remembers that this password was right for the `stored` hash.
    pub(super) fn remember(&self, whose: Whose, stored: &str, password: &Secret) {
        let now = self.timer.now();
        self.recent.lock().proved(whose, stored, password, now);
    }

    /// Whether this password was right for `stored` a short while ago.
    pub(super) fn recalls(&self, whose: &Whose, stored: &str, password: &Secret) -> bool {
        let now = self.timer.now();
        self.recent.lock().knows(whose, stored, password, now)
    }

    /// Notes that some user has a password here.
    pub(crate) fn note_stored(&self) {
        self.has_stored.store(true, Ordering::Release);
    }

    /// Whether some user may have a password here.
    pub(super) fn has_stored(&self) -> bool {
        self.has_stored.load(Ordering::Acquire)
    }

    /// Forgets the password of somebody who was changed or deleted.
    pub(crate) fn forget(&self, whose: &Whose) {
        self.recent.lock().forget(whose);
    }

    /// Passwords hashed or verified since the start.
    pub(super) fn work(&self) -> u64 {
        self.pool.work()
    }

    /// Passwords that wait to be hashed or verified.
    pub(super) fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }
}
