//! Passwords that were right a short while ago, recognised without Argon2id.
//!
//! Two hundred bots that renewed their tokens together took 27 ms of a core each. So a successful
//! login is remembered for 15 minutes as a MAC, under a random key of this process, over the user,
//! the stored hash and the password; the next login with the same password costs microseconds.
//! Because the MAC covers the stored hash, a proof is worthless once the password was changed,
//! whatever is still under way; each change of a user also drops its proof. Nothing is written to
//! disk, and a wrong password still costs a whole hash, so guessing becomes no cheaper.
//!
//! Rejected: keeping the password or its plain digest (whoever reads the memory has it), and
//! remembering the answer of a directory (which may change, and nobody tells the engine).

use crate::error::{Error, Result};
use crate::model::{Secret, UserId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use std::time::Duration;

/// How long a login counts.
const LASTS: Duration = Duration::from_secs(15 * 60);
/// Users remembered (2 MB). The user whose login is longest ago is dropped first.
const USERS_MAX: usize = 16_384;

/// Whose password it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    SuperUser,
    User(UserId),
}

/// The logins of late.
pub(crate) struct Recent {
    mac: Hmac<Sha256>,
    proofs: HashMap<Whose, Proof>,
}

struct Proof {
    tag: [u8; 32],
    at: Duration,
}

impl Recent {
    /// Remembers nobody yet; uses a new random key.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no randomness.
    pub(crate) fn new() -> Result<Recent> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| Error::Internal(format!("no random bytes: {error}")))?;
        let mac = Hmac::new_from_slice(&key).expect("HMAC takes a key of any length");
        Ok(Recent {
            mac,
            proofs: HashMap::new(),
        })
    }

    /// Whether this password was found right for `stored` (a PHC string) within the last 15
    /// minutes. `now` is monotonic.
    pub(crate) fn knows(
        &self,
        whose: &Whose,
        stored: &str,
        password: &Secret,
        now: Duration,
    ) -> bool {
        self.proofs.get(whose).is_some_and(|proof| {
            // Compared in constant time.
            now.saturating_sub(proof.at) < LASTS
                && self
                    .sealing(whose, stored, password)
                    .verify_slice(&proof.tag)
                    .is_ok()
        })
    }

    /// Remembers that this password is right for `stored`.
    pub(crate) fn proved(&mut self, whose: Whose, stored: &str, password: &Secret, now: Duration) {
        if self.proofs.len() >= USERS_MAX && !self.proofs.contains_key(&whose) {
            self.proofs
                .retain(|_, proof| now.saturating_sub(proof.at) < LASTS);
            if self.proofs.len() >= USERS_MAX
                && let Some(oldest) = self
                    .proofs
                    .iter()
                    .min_by_key(|(_, proof)| proof.at)
                    .map(|(whose, _)| whose.clone())
            {
                self.proofs.remove(&oldest);
            }
        }
        let tag = self
            .sealing(&whose, stored, password)
            .finalize()
            .into_bytes()
            .into();
        self.proofs.insert(whose, Proof { tag, at: now });
    }

    /// Forgets a user, who was changed.
    pub(crate) fn forget(&mut self, whose: &Whose) {
        self.proofs.remove(whose);
    }

    fn sealing(&self, whose: &Whose, stored: &str, password: &Secret) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        let whose = match whose {
            Whose::SuperUser => "",
            Whose::User(id) => id.as_str(),
        };
        for part in [whose, stored, password.expose()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lene() -> Whose {
        Whose::User(UserId::parse("lene").unwrap())
    }

    #[test]
    fn a_proof_holds_for_that_user_hash_and_password_and_for_15_minutes() {
        let mut recent = Recent::new().unwrap();
        let (right, now) = (Secret::new("right"), Duration::from_secs(100));
        assert!(!recent.knows(&lene(), "$hash", &right, now));
        recent.proved(lene(), "$hash", &right, now);
        assert!(recent.knows(
            &lene(),
            "$hash",
            &right,
            now + LASTS - Duration::from_millis(1)
        ));
        assert!(!recent.knows(&lene(), "$hash", &right, now + LASTS));
        assert!(!recent.knows(&lene(), "$hash", &Secret::new("wrong"), now));
        assert!(
            !recent.knows(&lene(), "$other", &right, now),
            "the password was changed meanwhile"
        );
        assert!(!recent.knows(&Whose::SuperUser, "$hash", &right, now));
        assert!(
            !Recent::new().unwrap().knows(&lene(), "$hash", &right, now),
            "another process knows nothing"
        );
        recent.forget(&lene());
        assert!(!recent.knows(&lene(), "$hash", &right, now));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let mut recent = Recent::new().unwrap();
        let right = Secret::new("right");
        let user = |n: usize| Whose::User(UserId::parse(&n.to_string()).unwrap());
        for n in 0..=USERS_MAX {
            recent.proved(user(n), "$hash", &right, Duration::from_nanos(n as u64));
        }
        assert_eq!(recent.proofs.len(), USERS_MAX);
        assert!(
            !recent.knows(&user(0), "$hash", &right, Duration::ZERO)
                && recent.knows(&user(1), "$hash", &right, LASTS / 2)
        );
    }
}
