//! Hashing and checking passwords, at the same cost whatever the result is.

use super::hashing::{Cost, Hasher, Readable};
use super::job::{Check, Task, Verified};
use crate::error::{Error, Result};
use crate::model::Secret;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Hashes and checks passwords for all threads of the pool.
pub(super) struct Checking {
    pub(super) cost: Cost,
    /// A hash that no password has, at our cost: a login whose name does not exist is checked
    /// against it.
    pub(super) dummy: String,
    /// Hashes computed so far.
    pub(super) work: AtomicU64,
}

impl Checking {
    pub(super) fn new(cost: Cost) -> Checking {
        let Cost { memory_kib, passes } = cost;
        let zeros = |chars| "A".repeat(chars);
        let dummy = format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p=1${}${}",
            zeros(22),
            zeros(43)
        );
        Checking {
            cost,
            dummy,
            work: AtomicU64::new(0),
        }
    }

    /// Does one task and answers it.
    pub(super) fn perform(&self, hasher: &mut Hasher, task: Task) {
        match task {
            Task::Hash(password, promise) => {
                promise.fulfil(caught(|| self.hash(hasher, &password)))
            }
            Task::Verify(
                Check {
                    password,
                    candidates,
                    proved,
                },
                promise,
            ) => {
                promise.fulfil(caught(|| match proved() {
                    Some(candidate) => Ok(Some(Verified {
                        candidate,
                        rehash: None,
                    })),
                    None => self.verify(hasher, &password, &candidates),
                }));
            }
        }
    }

    fn hash(&self, hasher: &mut Hasher, password: &Secret) -> Result<String> {
        self.work.fetch_add(1, Ordering::Relaxed);
        hasher.hash(password)
    }

    fn verify(
        &self,
        hasher: &mut Hasher,
        password: &Secret,
        candidates: &[Option<String>],
    ) -> Result<Option<Verified>> {
        if candidates.is_empty() {
            self.matches(hasher, password, None);
        }
        let Some(found) = candidates
            .iter()
            .position(|hash| self.matches(hasher, password, hash.as_deref()))
        else {
            return Ok(None);
        };
        let outdated = candidates[found]
            .as_deref()
            .is_some_and(|hash| !self.is_current(hash));
        let rehash = if outdated {
            Some(self.hash(hasher, password)?)
        } else {
            None
        };
        Ok(Some(Verified {
            candidate: found,
            rehash,
        }))
    }

    /// Whether this is the password of that hash. Without a hash, or with one that cannot be
    /// parsed, it does the same work on the dummy and returns false.
    fn matches(&self, hasher: &mut Hasher, password: &Secret, hash: Option<&str>) -> bool {
        let readable = hash.and_then(Readable::parse);
        let real = readable.is_some();
        let Some(hash) = readable.or_else(|| Readable::parse(&self.dummy)) else {
            return false;
        };
        self.work.fetch_add(1, Ordering::Relaxed);
        hasher.matches(password, &hash) && real
    }

    fn is_current(&self, hash: &str) -> bool {
        let Cost { memory_kib, passes } = self.cost;
        hash.starts_with(&format!("$argon2id$v=19$m={memory_kib},t={passes},p=1$"))
    }
}

/// Runs `work`; a panic becomes an error.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Internal("a password hash panicked".into())))
}
